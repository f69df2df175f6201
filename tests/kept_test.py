"""What a run leaves behind is whole and is what it was: programs, links, folders, names, commits; and nothing else stays."""

import datetime
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

import workshop
from workshop import Service

NOBODY = 65534


class Kept(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(lambda: self.service.close())

    def trained(self, script):
        """Runs a training of the script; what busker said, and the manifest."""
        self.service.write("configs/training.sh", script)
        self.service.must("run", "training")
        return self.manifests()[-1]

    def manifests(self):
        paths = sorted(self.service.home.glob("artifacts/shop/1/training/*/manifest.json"))
        return [json.loads(path.read_text()) for path in paths]

    def git(self, folder, *words):
        done = subprocess.run(["git", "-C", str(self.service.folder / folder), "-c", "user.name=a", "-c", "user.email=a@b.example", *words],
                              capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()

    def commit(self, folder):
        self.git(folder, "init", "-q")
        self.git(folder, "add", "-A")
        self.git(folder, "commit", "-q", "-m", "x")
        return self.git(folder, "rev-parse", "HEAD")

    # A program in output/ had lost its bit when the version was applied; links to folders failed the training, and empty
    # folders were lost.
    def test_programs_links_and_empty_folders_come_back(self):
        manifest = self.trained("""
            mkdir -p output/run-1 output/cache/tmp
            printf '#!/bin/sh\\necho 0.5\\n' > output/run-1/predict; chmod 4755 output/run-1/predict
            ln -s run-1 output/latest; ln -s latest/predict output/predict
            echo '{"auc": 0.8}' > output/metrics.json""")
        self.assertEqual({name for name, file in manifest["files"].items() if file.get("executable")},
                         {"predict", "run-1/predict", "latest/predict"})
        self.assertEqual(manifest["empty_folders"], ["cache/tmp"])
        self.service.write("configs/application.sh", """
            test "$(output/predict)" = 0.5; test "$(output/latest/predict)" = 0.5
            test ! -u output/predict; test ! -x output/metrics.json; rmdir output/cache/tmp
            printf 'player_id,label\\n001,true\\n' > output/predictions.csv""")
        self.service.must("run", "application")
        self.assertEqual(self.service.must("fsck").splitlines()[-1], "0 faults in 2 runs, 2 versions, 1 delivery")

    # A link in the place of output/ was followed, wherever it led.
    def test_a_link_in_the_place_of_output_is_refused(self):
        elsewhere = tempfile.mkdtemp(prefix="busker-test-")
        self.addCleanup(shutil.rmtree, elsewhere)
        (pathlib.Path(elsewhere) / "theirs").write_text("x")
        self.service.write("configs/training.sh", f"rm -rf output; ln -s {elsewhere} output")
        done = self.service.busker("run", "training")
        self.assertEqual(done.returncode, 1)
        self.assertIn("output is no longer a folder but a link", done.stderr)
        self.assertEqual(self.manifests(), [])

    # Folders without write permission stayed for ever, unless root ran Busker.
    def test_a_working_folder_with_folders_that_nobody_may_write_to_is_removed(self):
        self.service.write("configs/training.sh", """
            mkdir -p mod/x@v1 closed; echo 1 > mod/x@v1/f; chmod -R a-w mod; chmod 0 closed
            echo '{"auc": 0.8}' > output/metrics.json; chmod a-w output""")
        options = {}
        if os.geteuid() == 0:  # root may remove anything
            subprocess.run(["chown", "-R", str(NOBODY), str(self.service.folder)], check=True)
            options = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "env": {**os.environ, "HOME": str(self.service.folder)}}
        done = self.service.busker("run", "training", **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(list(self.service.home.glob("runs/*/*/work")), [])

    # It was empty when source/ was a repository of its own, as a clone or a submodule beside the service's files is.
    def test_the_commits_of_source_and_folder_are_recorded(self):
        self.service.write("source/main.py", "1")
        self.service.write(".gitignore", ".busker\nsource\n")
        source = self.commit("source")
        training = workshop.TRAINING
        manifest = self.trained(training)
        self.assertEqual((manifest["source_commit"], manifest["folder_commit"]), (source, ""))
        self.service.write("configs/training.sh", training)
        folder = self.commit(".")
        self.service.write("source/main.py", "2")
        manifest = self.trained(training)
        self.assertEqual((manifest["source_commit"], manifest["folder_commit"]), (source + "-dirty", folder))
        shown = {version["version"]: version for version in self.service.facts("models")}[manifest["timestamp"]]
        self.assertEqual((shown["source_commit"], shown["folder_commit"]), (source + "-dirty", folder))

    # A model that got worse with a new library could not be told from one that got worse with new data.
    def test_what_differs_between_two_versions_is_shown(self):
        # An interpreter that is none: what counts is where it is found.
        self.service.write(".venv/bin/python", '#!/bin/sh\nexec sh ./model.sh "$2"\n', mode=0o755)
        self.service.write(".venv/pyvenv.cfg", "version = 3.11.7\n")
        packages = self.service.folder / ".venv/lib/python3.11/site-packages"
        (packages / "numpy-2.4.5.dist-info").mkdir(parents=True)
        self.service.write("busker.toml", workshop.SERVICE_FILE.replace('"./model.sh ${ACTION}"', '"python model.sh ${ACTION}"'))
        first = self.trained(workshop.TRAINING)
        self.assertEqual(first["environment"]["packages"], {"numpy": "2.4.5"})
        self.assertEqual(first["environment"]["python"], "3.11.7")
        (packages / "numpy-2.4.5.dist-info").rename(packages / "numpy-2.4.6.dist-info")
        second = self.trained(workshop.TRAINING.replace("0.8", "0.9"))
        names = (first["timestamp"], second["timestamp"])
        different = {(d["what"], d["name"]): (d["a"], d["b"]) for d in self.service.facts("models", "--diff", *names)["differences"]}
        self.assertEqual(different, {("package", "numpy"): ("2.4.5", "2.4.6"), ("metric", "auc"): (0.8, 0.9)})
        self.assertRegex(self.service.must("models", "--diff", *names), r"(?m)^package numpy +2\.4\.5 +2\.4\.6")
        same = self.service.must("models", "--diff", names[0], names[0])
        self.assertEqual(same, "nothing of what is known differs: packages, metrics\n", "there is no repository and no config")
        self.assertEqual(self.service.busker("models", "--diff", names[0], "20200101T000000Z").returncode, 3)
        # "live" was no version, and the list it pointed to showed one.
        live = self.service.must("models", "--diff", names[0], "live")
        self.assertEqual(live, self.service.must("models", "--diff", *names))

    # The engine's own thread asked git: one that hung held up every run of the home.
    def test_a_git_that_hangs_holds_up_its_own_service_alone(self):
        self.service.write(".git/HEAD", "ref: refs/heads/main\n")
        slow = self.service.write("slow/git", "#!/bin/sh\necho asked >> \"$HOME/asked\"\nexec sleep 100\n", mode=0o755)
        environment = {**os.environ, "PATH": f"{slow.parent}:{os.environ['PATH']}", "HOME": str(self.service.folder)}
        graph = self.service.write("g/configs/quick.json", json.dumps({
            "graph": {"dag_id": "quick"}, "tasks": [{"name": "t", "code": "true"}], "dependencies": []}))
        daemon = subprocess.Popen([str(workshop.BUSKER), "up", str(self.service.folder), str(graph.parent.parent), "--home", str(self.service.home)],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        self.addCleanup(daemon.stdout.close)
        self.addCleanup(lambda: (daemon.send_signal(signal.SIGTERM), daemon.wait(30)))
        for line in daemon.stdout:
            if "dashboard:" in line:
                break
        threading.Thread(target=daemon.stdout.read, daemon=True).start()
        training = self.service.must("start", "training").split()[-1]
        workshop.wait_until((self.service.folder / "asked").exists, "git is asked")
        done = subprocess.run([str(workshop.BUSKER), "run", "quick", "--home", str(self.service.home)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        states = {run["id"]: run["state"] for run in self.service.facts("runs")}
        self.assertEqual(states[training], "running", "the other went on meanwhile")
        self.service.must("wait", training, "--limit", "60s")
        self.assertEqual(self.manifests()[0]["source_commit"], "")
        self.assertIn("The commit of the source is not recorded: git did not end within its limit", self.service.must("logs", training))

    # Three trainings within a second were named after seconds that had not come yet.
    def test_versions_of_one_second_are_named_after_no_second_that_has_not_come(self):
        file = workshop.SERVICE_FILE.replace("[actions.training]", '[actions.training]\nconcurrency = "allow"')
        self.service.write("busker.toml", file)
        names = []
        for _ in range(4):
            starts = [self.service.start("run", "training") for _ in range(3)]
            for start in starts:
                out, _ = start.communicate(timeout=60)
                self.assertEqual(start.returncode, 0, out)
            now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
            names = sorted(manifest["timestamp"] for manifest in self.manifests())
            self.assertLessEqual(names[-1][:16], now)
            if any(len(name) > 16 for name in names):
                break
        self.assertEqual(len(set(names)), len(names))
        self.assertTrue(any(name.endswith("Z-0001") for name in names), names)
        by_time = sorted(self.manifests(), key=lambda manifest: manifest["run"][:15])
        self.assertEqual([m["timestamp"][:15] for m in by_time], sorted(m["timestamp"][:15] for m in by_time))

    # sudo, ping and fusermount did not work in tasks.
    def test_whether_a_task_may_gain_privileges_is_as_it_is_outside(self):
        self.service.write("configs/training.sh", "grep NoNewPrivs /proc/self/status\n" + workshop.TRAINING)
        outside = [line for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith("NoNewPrivs")]
        self.assertIn(outside[0], self.service.must("run", "training"))
        done = subprocess.run(["setpriv", "--no-new-privs", str(workshop.BUSKER), "run", "training", "-C", str(self.service.folder)],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("NoNewPrivs:\t1", done.stdout)


if __name__ == "__main__":
    unittest.main()
