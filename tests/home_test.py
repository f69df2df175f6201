"""A home is one home: which one a verb means, and what is true of it while others are at work."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from workshop import BUSKER, Service, is_alive, kill, runner_of, wait_until

GRAPH = {"graph": {"dag_id": "hello"}, "tasks": [{"name": "t", "code": "true"}]}


class Folder(unittest.TestCase):
    """A temporary folder, in which busker is run; what it starts is ended with it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-home-"))
        self.addCleanup(shutil.rmtree, self.folder, True)

    def busker(self, *words, env=None, folder=None):
        environment = {**os.environ, **(env or {})}
        return subprocess.run([str(BUSKER), *map(str, words)], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, cwd=folder or self.folder, env=environment)

    def must(self, *words, **options):
        done = self.busker(*words, **options)
        self.assertEqual(done.returncode, 0, f"busker {words}: {done.stderr}{done.stdout}")
        return done.stdout

    def up(self, *words, folder=None):
        """Starts busker up, and waits until it is; ended with the test."""
        log = self.folder / f"up-{len(list(self.folder.glob('up-*')))}.log"
        with open(log, "w") as to:
            process = subprocess.Popen([str(BUSKER), "up", *map(str, words)], stdout=to, stderr=to,
                                       stdin=subprocess.DEVNULL, cwd=folder or self.folder, start_new_session=True)
        process.log = log
        self.addCleanup(self.end, process)
        wait_until(lambda: " is up: " in log.read_text() or process.poll() is not None, "busker up is up")
        self.assertIsNone(process.poll(), log.read_text())
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=30)

    def graph(self, name, code, folder="g", **more):
        """A graph file of one task."""
        path = self.folder / folder / "configs" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"graph": {"dag_id": name, **more}, "tasks": [{"name": "t", "code": code}]}))
        return path


class WhichHome(Folder):
    def test_an_option_wins_over_the_variable_for_every_verb(self):
        # BUSKER_HOME won over --home, as each verb's option was bound to the same place.
        self.graph("a", "true", "a")
        self.graph("b", "true", "b")
        for name in ("a", "b"):
            self.must("start", name, "-C", name, "--home", self.folder / f"home-{name}")
            self.must("wait", name, "-C", name, "--home", self.folder / f"home-{name}")
        env = {"BUSKER_HOME": str(self.folder / "home-a")}
        for home, option in (("a", ()), ("b", ("--home", self.folder / "home-b"))):
            runs = json.loads(self.must("runs", "--json", *option, env=env))
            self.assertEqual([run["graph"] for run in runs], [home])
            self.assertIn(home, self.must("audit", *option, env=env))
            self.assertIn(home, self.must("explain", home, *option, env=env))
        self.must("token", "create", "x", "--home", self.folder / "home-b", env=env)
        self.assertFalse((self.folder / "home-a" / "tokens.json").exists())

    def test_an_empty_option_is_told(self):
        # --home "$UNSET" was taken for no option at all, so another home was used in silence.
        done = self.busker("runs", "--home", "")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--home: it is empty", done.stderr)


class Copies(Folder):
    """A copy of a folder or of a home is another one."""

    SERVICE = """name = "m"
[model]
command = "sh ./model.sh"
[actions.training]
[actions.application]
[actions.application.deliver."p.csv"]
table = "m.p"
write = "append"
"""

    def service(self, name, writes):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "busker.toml").write_text(self.SERVICE)
        (folder / "model.sh").write_text(f"echo {writes} > output/model; printf 'a\\n1\\n' > output/p.csv\n")
        return folder

    def live_model(self, *where):
        version = json.loads(self.must("status", "--json", *where))["live"]
        models = json.loads(self.must("models", "--json", *where))
        self.assertIn(version, [model["version"] for model in models])
        return version

    def test_of_a_served_folder_has_a_home_of_its_own(self):
        # The pointer in a copy of a served folder led to the original's home: the copy's model was live there.
        prod = self.service("prod", "original")
        daemon = self.up("prod", "--home", self.folder / "home")
        self.must("run", "training", "-C", "prod")
        self.end(daemon)
        live = self.live_model("-C", "prod")
        shutil.copytree(prod, self.folder / "experiment")
        (self.folder / "clone").mkdir()
        shutil.copytree(prod / ".busker", self.folder / "clone" / ".busker")
        for name in ("experiment", "clone"):
            self.service(name, name)
            done = self.busker("run", "training", "-C", name)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"was written for the folder {prod}; this one is a copy", done.stderr)
            self.assertNotIn("is a copy", self.busker("models", "-C", name).stderr)  # said once
            model = next((self.folder / name / ".busker" / "artifacts").glob("m/*/training/*/model"))
            self.assertEqual(model.read_text(), f"{name}\n")
        self.assertEqual(self.live_model("-C", "prod"), live)
        self.assertEqual(len(json.loads(self.must("models", "--json", "-C", "prod"))), 1)

    def test_of_a_served_folder_may_look_for_the_home_by_a_link_or_from_a_new_name(self):
        prod = self.service("prod", "original")
        daemon = self.up("prod", "--home", self.folder / "home")
        self.must("run", "training", "-C", "prod")
        self.end(daemon)
        (self.folder / "link").symlink_to("prod")
        live = self.live_model("-C", "prod")
        self.assertEqual(self.live_model("-C", "link"), live)
        prod.rename(self.folder / "moved")
        self.assertEqual(self.live_model("-C", "moved"), live)

    def test_of_a_home_leaves_alone_what_the_original_runs(self):
        # busker up on a copy of a home killed what the original ran, by its session and its mark.
        gate, witness = self.folder / "gate", self.folder / "witness"
        self.graph("slow", f"echo began >> {witness}; while ! test -e {gate}; do sleep 0.02; done; echo ended >> {witness}")
        home, copy = self.folder / "home", self.folder / "copy"
        self.up("g", "--home", home)
        run = self.must("start", "slow", "--home", home).strip()
        wait_until(witness.exists, "the task began")
        subprocess.run(["cp", "-a", home, copy], check=True)
        (copy / "daemon.toml").write_text("[http]\nlisten = \"off\"\n")
        second = self.up("g", "--home", copy)
        self.assertIn("is a copy of another, or was restored", second.log.read_text())
        wait_until(lambda: json.loads(self.must("runs", "--json", "--home", copy))[0]["state"] == "failed", "settled")
        self.end(second)
        self.assertNotIn("is a copy of another", self.up("g", "--home", copy).log.read_text())  # said once
        gate.touch()
        self.must("wait", "slow", "--run", run, "--home", home)
        self.must("check", "slow", "--run", run, "--home", home)
        self.assertEqual(witness.read_text(), "began\nended\n")
        self.must("fsck", "--home", home)
        self.must("fsck", "--home", copy)

    def test_of_a_home_writes_into_itself_and_so_does_one_that_was_moved(self):
        # Orders held absolute paths: a retry in a copy replaced the original's table, and after mv made old folders anew.
        self.service("s", "one")
        service, home, copy = self.folder / "s", self.folder / "home", self.folder / "copy"
        def rows(of):
            return json.loads(self.must("query", "SELECT count(*) AS n FROM m.p", "--json", "-C", "s", "--home", of))[0]["n"]
        self.must("run", "training", "-C", "s", "--home", home)
        self.must("run", "application", "-C", "s", "--home", home)
        (home / "warehouse" / "m" / "p").chmod(0o500)  # so that the next delivery fails
        table = home / "warehouse" / "m" / "p"
        table.rename(home / "kept")
        table.write_text("in the way")
        failed = self.busker("run", "application", "-q", "-C", "s", "--home", home)
        self.assertEqual(failed.returncode, 1, failed.stdout)
        run = json.loads(self.must("runs", "--json", "-C", "s", "--home", home))[0]["id"]
        table.unlink()
        (home / "kept").rename(table)
        table.chmod(0o700)
        subprocess.run(["cp", "-a", home, copy], check=True)
        for where, expected in ((copy, 2), (home, 1)):
            if where == copy:
                self.must("retry", run, "-C", "s", "--home", copy)
                self.must("wait", "application", "--run", run, "-C", "s", "--home", copy)
                self.must("check", "application", "--run", run, "-C", "s", "--home", copy)
            self.assertEqual(rows(where), expected)
            self.must("fsck", "-C", "s", "--home", where)
        wait_until(lambda: json.loads(self.must("status", "--json", "-C", "s", "--home", copy))["owner"] is None, "idle")
        moved = self.folder / "moved"
        home.rename(moved)
        self.must("retry", run, "-C", "s", "--home", moved)
        self.must("wait", "application", "--run", run, "-C", "s", "--home", moved)
        self.must("check", "application", "--run", run, "-C", "s", "--home", moved)
        self.assertEqual(rows(moved), 2)
        self.assertFalse(home.exists())
        # And fsck compares each run with its delivery there.
        for part in (moved / "warehouse" / "m" / "p" / "log").iterdir():
            part.unlink()
        done = self.busker("fsck", "-C", "s", "--home", moved)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"succeeded, but there is no delivery {run}.1", done.stdout)


class BusyHome(unittest.TestCase):
    def test_is_found_whole_while_it_is_at_work(self):
        # fsck and audit --verify called a busy home tampered with: each of their statements read another state.
        service = Service()
        self.addCleanup(service.close)
        service.must("run", "training", "--date", "2020-01-01")
        writer = subprocess.Popen(
            ["sh", "-c", 'for d in 1 2 3 4 5 6; do "$0" run application -q -C "$1" --date 2020-01-0$d || exit 1; done',
             str(BUSKER), str(service.folder)], stdout=subprocess.DEVNULL)
        self.addCleanup(writer.wait)
        checks = 0
        while writer.poll() is None:
            for words in (("fsck",), ("audit", "--verify")):
                done = service.busker(*words)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            checks += 1
        self.assertEqual(writer.returncode, 0)
        self.assertGreater(checks, 2)


if __name__ == "__main__":
    unittest.main()
