"""A repository laid out as a whole (examples/article), unchanged: from its root to a delivered table, with its graph files for schedules."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import workshop
from workshop import BUSKER, wait_until

EXAMPLE = workshop.SOURCE / "examples" / "article"


class WholeRepository(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="busker-test-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name) / "Bakery"
        shutil.copytree(EXAMPLE, self.root, ignore=shutil.ignore_patterns(".busker", "__pycache__"))

    def busker(self, *words, at="."):
        return subprocess.run([str(BUSKER), *words], cwd=self.root / at, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})

    def must(self, *words, at="."):
        done = self.busker(*words, at=at)
        self.assertEqual(done.returncode, 0, f"busker {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def facts(self, *words):
        return json.loads(self.must(*words, "--json"))

    def up(self):
        daemon = subprocess.Popen([str(BUSKER), "up", "-q", "--paused"], cwd=self.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(daemon.wait, 30)
        self.addCleanup(daemon.send_signal, signal.SIGTERM)
        wait_until((self.root / ".busker/socket").exists, "busker is up")

    def graphs(self):
        return sorted(each.get("graph") or f"{each['service']}/{each['action']}" for each in self.facts("status")["actions"])

    def test_goes_from_training_to_a_delivered_table(self):
        done = self.busker("validate")
        self.assertEqual((done.returncode, done.stderr), (0, ""), "requirements without a package need no .venv")
        told = done.stdout
        self.assertIn("bakery 1: all is well with 2 actions", told)
        self.assertIn('training has the schedule "0 0 1 * *" of scheduler/configs/training.json', told)
        self.must("run", "training", "--date", "2026-02-01")
        self.must("run", "application", "--date", "2026-02-02", at="service")  # which is the same service
        self.assertFalse((self.root / "service/.busker").exists())
        rows = self.facts("query", "SELECT day, loaves FROM bakery.predictions ORDER BY day")
        self.assertEqual(len(rows), 7)
        self.assertEqual(rows[0]["day"], "2026-02-02")
        version, = self.facts("models")
        self.assertEqual(version["metrics"]["days"], 140)
        # Python's own packages are known; where the machine's python is a script, none are claimed.
        self.assertNotEqual((version["environment"] or {"python": "?"})["python"], "")

    # The graph files were graphs of their own, and service/ a service that nothing scheduled.
    def test_a_graph_file_and_its_action_are_one_thing_and_run_once(self):
        self.up()
        self.assertEqual(self.graphs(), ["bakery/application", "bakery/training"], "and no bakery-training beside it")
        self.assertEqual(self.facts("next", "training", "--from", "2026-01-01", "--count", "1")[0]["utc"], "2026-02-01T00:00:00Z")
        file = self.root / "scheduler/configs/training.json"
        seen = lambda: self.facts("next", "training", "--from", "2026-05-01T12:00:00Z", "--count", "1")[0]["utc"]
        self.assertEqual(seen(), "2026-06-01T00:00:00Z")
        # What is edited is seen, also that it is a graph of its own from now on.
        file.write_text(file.read_text().replace("0 0 1 * *", "0 0 2 * *"))
        wait_until(lambda: seen() == "2026-05-02T00:00:00Z", "the schedule is read again")
        file.write_text(file.read_text().replace("training-check'", "training-check").replace("training-check", "training-report"))
        wait_until(lambda: "bakery-training" in self.graphs(), "it is a graph of its own")

    def test_init_writes_it_all_down_and_changes_nothing(self):
        before = self.facts("next", "training", "--from", "2026-01-01", "--count", "3")
        self.must("init")
        text = (self.root / "busker.toml").read_text()
        self.assertIn('folder = "service"', text)
        told = self.must("validate")
        self.assertIn("scheduler/configs/training.json is not used: busker.toml says when training runs", told)
        self.assertEqual(self.facts("next", "training", "--from", "2026-01-01", "--count", "3"), before)
        self.must("run", "training")
        self.assertEqual(len(self.facts("models")), 1)

    # It wrote service/busker.toml, of a service "service" that no other verb ever read.
    def test_init_in_the_programs_folder_writes_to_the_root(self):
        self.must("init", at="service")
        self.assertFalse((self.root / "service/busker.toml").exists())
        self.assertIn('name = "bakery"', (self.root / "busker.toml").read_text())
        self.must("validate")
        (self.root / "service/busker.toml").write_text('name = "service"\n')
        told = self.busker("validate")
        self.assertEqual(told.returncode, 2)
        self.assertIn("service/busker.toml: is not read", told.stderr)

    def make(self, *words):
        environment = {**os.environ, "PATH": f"{BUSKER.parent}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(["make", "-C", str(self.root), *words], capture_output=True, text=True, timeout=120, env=environment)

    def test_make_starts_waits_and_checks(self):
        done = self.make("training")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual([run["state"] for run in self.facts("runs")], ["succeeded"])
        self.assertIn("Well done.", done.stdout)
        self.assertIn("Learned from 140 days", self.make("log").stdout)

    def test_make_goes_to_the_target_that_it_is_told(self):
        (self.root / "busker.toml").write_text(f'[targets.other]\nartifacts = "file://{self.root}/other"\n')
        for verb in ("training-start", "training-wait", "training-check"):
            done = self.make(verb, "target=other")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual([run["target"] for run in self.facts("runs")], ["other"])
        self.assertTrue(list(self.root.glob("other/bakery/*/training/*/manifest.json")))
        done = self.make("build", "target=other")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("is in no target", done.stderr)

    # What the article's Makefile, whose wait and check look at the log, took for a success.
    def test_make_check_fails_after_a_run_that_failed_though_an_earlier_one_was_well_done(self):
        self.assertEqual(self.make("training").returncode, 0)
        (self.root / "service/configs/training.json").write_text('{"sales": "source/data/nowhere.csv", "holdout_days": 28}\n')
        self.assertEqual(self.make("training-start").returncode, 0)
        self.assertEqual(self.make("training-wait").returncode, 0)
        done = self.make("training-check")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nowhere.csv", done.stderr)

    # "no action or graph "bakery-training"": the file was the action's schedule, and nothing that could be run or started.
    def test_a_graph_file_that_is_run_or_started_is_its_action(self):
        self.must("graph", "run", "scheduler/configs/training.json")
        self.must("start", "bakery-application", "--key", "night")
        self.must("wait", "bakery-application")
        self.assertIn("Well done.", self.must("check", "bakery-application"))
        self.assertEqual([(run["action"], run["state"]) for run in self.facts("runs")], [("application", "succeeded"), ("training", "succeeded")])
        self.assertEqual(self.facts("query", "SELECT count(*) AS n FROM bakery.predictions"), [{"n": 7}])
        self.assertEqual(self.facts("next", "bakery-training", "--from", "2026-01-01", "--count", "1")[0]["utc"], "2026-02-01T00:00:00Z")
        done = self.busker("start", "bakery-trainin")
        self.assertEqual(done.returncode, 3)

    def test_a_submodule_that_is_not_checked_out_is_told_with_the_command(self):
        shutil.rmtree(self.root / "service/source")
        (self.root / "service/source").mkdir()
        (self.root / ".gitmodules").write_text('[submodule "source"]\n\tpath = service/source\n\turl = ../source.git\n')
        done = self.busker("run", "training")
        self.assertEqual(done.returncode, 2)
        self.assertIn("git submodule update --init service/source", done.stderr)

    def test_a_file_that_only_this_machine_has_is_told_before_the_run(self):
        data = self.root.parent / "Data"
        data.mkdir()
        # Not below /tmp, which a container has of its own.
        outside = tempfile.TemporaryDirectory(prefix="busker-test-", dir="/var/tmp")
        self.addCleanup(outside.cleanup)
        sales = pathlib.Path(outside.name) / "sales.csv"
        shutil.copy(self.root / "service/source/data/sales.csv", sales)
        config = self.root / "service/configs/training.json"
        config.write_text(config.read_text().replace("source/data/sales.csv", str(sales)))
        (self.root / "busker.toml").write_text('[targets.docker]\nexecutor = "docker://?network=none"\nimage = "bakery"\n')
        self.must("validate")
        done = self.busker("validate", "--target", "docker")
        self.assertEqual(done.returncode, 2)
        self.assertIn(f'service/configs/training.json:2:12: "{sales}" is on this machine and not in the container', done.stderr)
        self.assertIn(f"docker://?mount={outside.name}", done.stderr)
        mounted = f'[targets.docker]\nexecutor = "docker://?network=none&mount={outside.name}"\nimage = "bakery"\n'
        (self.root / "busker.toml").write_text(mounted)
        self.must("validate", "--target", "docker")
        (self.root / "busker.toml").write_text(mounted.replace(outside.name, "/nowhere/data"))
        done = self.busker("run", "training", "--target", "docker")
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("busker.toml:2:12: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
