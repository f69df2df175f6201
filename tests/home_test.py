"""A home is one home: which one a verb means, and what is true of it while others are at work."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import unittest

from workshop import BUSKER, Service, wait_until


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
        wait_until(lambda: '"owner": null' in self.busker("status", "--json", "-C", "s", "--home", copy).stdout, "idle")
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


class WrongFolder(Folder):
    """Where there is no service and no home, nothing is made, and that is said."""

    def left(self):
        return [str(path.relative_to(self.folder)) for path in self.folder.rglob("*")]

    def test_leaves_nothing_behind_and_says_so(self):
        # busker run in a wrong folder left .busker there, after which status called it a home.
        for words in (["run", "training"], ["start", "training"], ["backfill", "training", "--from", "2020-01-01", "--to", "2020-01-02"],
                      ["status"], ["runs"], ["models"], ["deliveries"], ["query", "SELECT 1"], ["fsck"], ["audit"], ["logs"],
                      ["pause", "training"], ["token", "create", "x"], ["token", "list"], ["secret", "list"], ["cancel", "training"],
                      ["undo", "x"], ["rollback"], ["wait", "training"], ["check", "training"], ["explain", "training"]):
            done = self.busker(*words)
            self.assertEqual(done.returncode, 3, f"{words}: {done.stderr}{done.stdout}")
            self.assertIn(f"no service here: {self.folder} has no busker.toml or configs/*.json", done.stderr, words)
            self.assertEqual(self.left(), [], words)

    def test_a_home_that_is_not_there_is_told_and_not_made(self):
        # A check of a backup with a wrong path passed; query made the folder.
        self.service("s", "one")
        (self.folder / "empty").mkdir()
        before = self.left()
        for words in (["fsck"], ["audit", "--verify"], ["audit"], ["query", "SELECT 1"], ["runs"], ["models"], ["deliveries"],
                      ["logs"], ["status"], ["next", "0 0 * * *"], ["check", "training"], ["promote", "x"], ["pause", "training"],
                      ["retry", "training"], ["token", "list"], ["secret", "list"], ["explain", "training"]):
            for home, said in (("./typo", "no home at ./typo"), ("empty", "no home at empty"),
                               ("s/busker.toml", "s/busker.toml is not a folder")):
                done = self.busker(*words, "-C", "s", "--home", home)
                self.assertEqual(done.returncode, 3, f"{words}: {done.stderr}{done.stdout}")
                self.assertIn(said, done.stderr, words)
            done = self.busker(*words, "-C", "s", env={"BUSKER_HOME": "./typo"})
            self.assertEqual(done.returncode, 3, words)
        for words in (["fsck"], ["audit", "--verify"], ["query", "SELECT 1"]):  # and in a service that never ran
            done = self.busker(*words, "-C", "s")
            self.assertEqual(done.returncode, 3, f"{words}: {done.stderr}{done.stdout}")
            self.assertIn("nothing was run yet", done.stderr)
        self.assertEqual(self.left(), before)

    def test_the_service_is_found_from_a_folder_below_it(self):
        self.service("s", "one")
        below = self.folder / "s" / "source" / "deep"
        below.mkdir(parents=True)
        self.must("run", "training", folder=below)
        self.assertEqual(len(json.loads(self.must("models", "--json", folder=below))), 1)
        self.assertEqual(list(below.iterdir()), [])
        self.assertTrue((self.folder / "s" / ".busker" / "busker.db").exists())
        # Not as far as the home directory, nor by -C.
        done = self.busker("runs", folder=below, env={"HOME": str(self.folder / "s")})
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertEqual(self.busker("runs", "-C", below).returncode, 3)

    @unittest.skipIf(os.geteuid() != 0, "only root can give files away")
    def test_what_another_user_has_put_above_is_not_taken(self):
        self.service("s", "planted")
        below = self.folder / "s" / "below"
        below.mkdir()
        os.chown(self.folder / "s", 65534, 65534)
        done = self.busker("run", "training", folder=below)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertEqual(list(below.iterdir()), [])


class Damaged(Folder):
    """A record that is damaged or gone is found, and never begun anew in silence."""

    def setUp(self):
        super().setUp()
        self.service("s", "one")
        self.home = self.folder / "s" / ".busker"
        self.must("run", "training", "-C", "s")
        self.must("run", "application", "-C", "s")
        self.record = self.home / "busker.db"

    def sql(self, text):
        with contextlib.closing(sqlite3.connect(self.record)) as database:
            database.executescript(text)

    def fsck(self, code):
        done = self.busker("fsck", "-C", "s")
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_a_record_that_is_gone_or_no_file_ends_every_verb(self):
        # A missing or empty busker.db was begun anew: pauses, keys and the audit were gone, and fsck found no fault.
        kept = self.folder / "kept"
        self.record.rename(kept)
        def make_nothing(): pass
        for damage, said in ((make_nothing, "is missing, although"), (self.record.touch, "is empty, although"),
                             (lambda: self.record.write_bytes(b"S"), "is empty, although"),
                             (self.record.mkdir, "is a folder"), (lambda: os.mkfifo(self.record), "is not a regular file"),
                             (lambda: self.record.symlink_to("/dev/null"), "is not a regular file"),
                             (lambda: self.record.symlink_to(self.folder / "gone"), "is a link to what is not there")):
            damage()
            for words in (["fsck"], ["status"], ["runs"], ["run", "training"], ["up"], ["audit", "--verify"]):
                done = self.busker(*words, "-C", "s")
                self.assertEqual(done.returncode, 78, f"{words}: {done.stderr}{done.stdout}")
                self.assertIn(said, done.stderr, words)
            if self.record.is_dir():
                self.record.rmdir()
            elif self.record.is_symlink() or self.record.exists():
                self.record.unlink()
        self.assertFalse((self.folder / "gone").exists())
        kept.rename(self.record)
        self.fsck(0)

    def test_a_record_without_one_of_its_tables_cannot_be_used(self):
        # up ended with 1, status with 0.
        self.sql("PRAGMA foreign_keys = OFF; DROP TABLE notices;")
        for words in (["fsck"], ["status"], ["up"], ["run", "training"]):
            done = self.busker(*words, "-C", "s")
            self.assertEqual(done.returncode, 78, f"{words}: {done.stderr}{done.stdout}")
            self.assertIn("has lost its table notices", done.stderr)

    def test_fsck_finds_what_a_run_made_that_is_not_on_record(self):
        # It never looked, so an older record beside newer versions and deliveries was called sound.
        run = json.loads(self.must("runs", "--json", "-C", "s"))[0]["id"]
        self.sql(f"PRAGMA foreign_keys = OFF; DELETE FROM runs WHERE id = '{run}'; DELETE FROM tasks WHERE run = '{run}';"
                 f"DELETE FROM attempts WHERE run = '{run}'; DELETE FROM orders WHERE run = '{run}';")
        said = self.fsck(1)
        self.assertIn(f"warehouse: delivery {run}.1 is of run {run}, which is not on record", said)
        self.assertIn("artifacts: version m/1/application/", said)

    def test_fsck_goes_on_behind_what_it_cannot_read(self):
        # A damaged order ended fsck by SIGABRT, others with exit code 2, and nothing behind was checked.
        self.sql("UPDATE orders SET order_json = replace(order_json, 'request', 'reqvest') WHERE task = 'deliver';"
                 "UPDATE orders SET order_json = '{' WHERE task = 'training';")
        said = self.fsck(1)
        self.assertIn("the order of task deliver", said)
        self.assertIn("the order of task training", said)
        self.sql("UPDATE orders SET order_json = replace(order_json, '\\\"id', '\\\"\\\"') WHERE task = 'deliver';")
        self.assertIn("the order of task deliver", self.fsck(1))

    def test_fsck_looks_at_tokens_and_secrets(self):
        environment = {"BUSKER_SECRET_KEY_FILE": str(self.folder / "key")}
        (self.folder / "key").write_text("ab" * 32 + "\n")
        (self.folder / "key").chmod(0o600)
        self.must("token", "create", "x", "-C", "s")
        subprocess.run([BUSKER, "secret", "set", "password", "-C", "s"], input="hush-hush", text=True, check=True,
                       cwd=self.folder, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
        self.must("fsck", "-C", "s", env=environment)
        for name, said in (("tokens.json", "tokens: "), ("secrets.json", "secrets: ")):
            whole = (self.home / name).read_text()
            for damaged in (whole[:-5], whole.replace('"', "'", 1)):
                (self.home / name).write_text(damaged)
                done = self.busker("fsck", "-C", "s", env=environment)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(said, done.stdout)
            (self.home / name).write_text(whole)
        (self.folder / "key").write_text("cd" * 32 + "\n")
        done = self.busker("fsck", "-C", "s", env=environment)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("secrets: ", done.stdout)


def may_mount():
    return subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


@unittest.skipUnless(may_mount(), "needs mounts of its own")
class Disks(Folder):
    def script(self, text):
        return subprocess.run(["unshare", "-m", "bash", "-c", text], capture_output=True, text=True, timeout=60,
                              cwd=self.folder, env={**os.environ, "PATH": f"{BUSKER.parent}:{os.environ['PATH']}"})

    def test_a_home_on_a_read_only_file_system_can_be_looked_at_and_checked(self):
        # SQLite could not make the files that it shares with other processes: "unable to open database file".
        self.service("s", "one")
        self.must("run", "training", "-C", "s")
        self.must("run", "application", "-C", "s")
        look = f"""mount --bind s s && mount -o remount,ro,bind s s && cd s || exit 99
            busker runs && busker status && busker models && busker audit --verify && busker query 'SELECT * FROM m.p' && busker fsck"""
        done = self.script(look)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("0 faults in 2 runs, 2 versions, 1 delivery", done.stdout)
        # One that delivered nothing yet has no warehouse, and none can be made.
        self.service("young", "one")
        self.must("run", "training", "-C", "young")
        done = self.script("""mount --bind young young && mount -o remount,ro,bind young young && cd young || exit 99
            busker runs && busker status && busker deliveries && busker query 'SELECT 1' && busker fsck""")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        # And with what is only in the log of the record, after a busker was killed.
        daemon = self.up("s")
        self.must("run", "training", "-C", "s")
        daemon.kill()
        daemon.wait()
        self.assertGreater((self.folder / "s/.busker/busker.db-wal").stat().st_size, 0)
        done = self.script(look)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("0 faults in 3 runs, 3 versions, 1 delivery", done.stdout)
        done = self.script("mount --bind s s && mount -o remount,ro,bind s s && busker run training -C s")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Read-only file system", done.stderr)

    def test_a_full_disk_is_called_that(self):
        # It was said to be a "disk I/O error", by busker status, too.
        self.service("s", "one")
        done = self.script("""mkdir full && mount -t tmpfs -o size=3m tmpfs full && cp -a s full/ && cd full/s || exit 99
            busker run training > ran 2>&1 || exit 98
            dd if=/dev/zero of=fill bs=1k 2> /dev/null
            for verb in "run training" status runs fsck; do busker $verb; echo "exit code $?"; done""")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("I/O error", done.stdout + done.stderr)
        self.assertIn("exit code 75", done.stdout)
        self.assertIn("the disk is full", done.stderr)


class Others(Folder):
    def test_git_leaves_a_home_out(self):
        # git add took the record, the versions and the logs with it; or the path of a home elsewhere.
        self.service("s", "one")
        self.service("t", "two")
        self.must("run", "training", "-C", "s")
        self.up("t", "--home", self.folder / "home")
        subprocess.run("git init -q . && git add -A", shell=True, check=True, cwd=self.folder, stderr=subprocess.DEVNULL)
        added = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=self.folder).stdout
        self.assertEqual([line for line in added.split() if "busker" in line and not line.endswith("busker.toml") or "home/" in line], [])
        # Not in a folder that was there before, where other things may be.
        (self.folder / "mine").mkdir()
        self.service("u", "three")
        self.must("run", "training", "-C", "u", "--home", self.folder / "mine")
        self.assertFalse((self.folder / "mine" / ".gitignore").exists())

    @unittest.skipIf(os.geteuid() != 0, "only root can give files away")
    def test_a_home_that_another_user_has_put_there_is_refused(self):
        # root's busker followed a planted .busker, made its target 0700 and filled it.
        folder = self.service("s", "one")
        target = self.folder / "target"
        target.mkdir(mode=0o755)
        (folder / ".busker").symlink_to(target)
        os.chown(folder / ".busker", 65534, 65534, follow_symlinks=False)
        for words in (["run", "training"], ["start", "training"], ["up"]):
            done = self.busker(*words, "-C", "s")
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("is a link that another user has made", done.stderr)
        self.assertEqual((list(target.iterdir()), target.stat().st_mode & 0o777), ([], 0o755))
        (folder / ".busker").unlink()
        (folder / ".busker").mkdir()
        os.chown(folder / ".busker", 65534, 65534)
        done = self.busker("run", "training", "-C", "s")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("belongs to another user", done.stderr)
        # One's own link is followed, and where it leads stays as it is.
        (folder / ".busker").rmdir()
        (folder / ".busker").symlink_to(target)
        self.must("run", "training", "-C", "s")
        self.assertEqual(target.stat().st_mode & 0o777, 0o755)

    def test_up_warns_of_files_that_others_may_write(self):
        # What others can write was run without a word.
        self.service("s", "one")
        (self.folder / "s" / "busker.toml").chmod(0o666)
        graph = self.graph("open", "true", "g")
        graph.parent.chmod(0o777)
        said = self.up("s", "g", "--home", self.folder / "home").log.read_text()
        self.assertIn(f"every user of this machine may write to {self.folder}/s/busker.toml", said)
        self.assertIn(f"every user of this machine may write to {graph.parent},", said)
        self.assertEqual(said.count("every user"), 2, said)


class InATask(Folder):
    def test_of_another_homes_run_start_is_refused_and_run_works(self):
        # What busker start left in the background was a child of the task, and ended with it, and its training, too.
        self.service("s", "one")
        said = self.folder / "said"
        self.graph("make", f"{BUSKER} start training -C {self.folder}/s 2> {said}")
        self.graph("run", f"{BUSKER} run training -C {self.folder}/s")
        self.up("g", "--home", self.folder / "home")
        for name, state in (("make", "failed"), ("run", "succeeded")):
            self.must("start", name, "--home", "home")
            self.must("wait", name, "--home", "home")
            self.assertEqual(json.loads(self.must("runs", name, "--json", "--home", "home"))[0]["state"], state)
        self.assertIn("would end with it; serve that folder with busker up, or call busker run", said.read_text())
        self.assertEqual([run["state"] for run in json.loads(self.must("runs", "--json", "-C", "s"))], ["succeeded"])

    def test_start_wait_and_check_work_in_tasks_where_a_busker_serves_the_folder(self):
        self.service("s", "one")
        steps = [{"name": verb, "code": f"{BUSKER} {verb} training -C {self.folder}/s"} for verb in ("start", "wait", "check")]
        path = self.graph("make", "true")
        path.write_text(json.dumps({"graph": {"dag_id": "make"}, "tasks": steps,
                                    "dependencies": [["wait", "start"], ["check", "wait"]]}))
        self.up("g", "s", "--home", self.folder / "home")
        self.must("start", "make", "--home", "home")
        self.must("wait", "make", "--home", "home")
        self.must("check", "make", "--home", "home")
        self.assertEqual(len(json.loads(self.must("models", "--json", "-C", "s"))), 1)


class Stopped(Folder):
    def test_a_busker_that_is_stopped_is_told_and_does_later_nothing_that_was_given_up(self):
        # status and start hung on it, and the start was carried out when it went on although its caller had gone.
        self.graph("hello", "true")
        daemon = self.up("g", "--home", self.folder / "home")
        daemon.send_signal(signal.SIGSTOP)
        try:
            start = subprocess.Popen([str(BUSKER), "start", "hello", "--home", "home"], cwd=self.folder,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
            status = self.busker("status", "--home", "home")
            start.kill()
            start.communicate()
        finally:
            daemon.send_signal(signal.SIGCONT)
        self.assertEqual(status.returncode, 4, status.stdout + status.stderr)
        self.assertIn("has not answered within 5", status.stderr)
        self.assertIn(f"process {daemon.pid} is up", status.stderr)
        self.must("status", "--home", "home")
        self.assertEqual(json.loads(self.must("runs", "--json", "--home", "home")), [])


if __name__ == "__main__":
    unittest.main()
