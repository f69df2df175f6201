"""A name that busker status shows is found by every verb, with --home alone, whether or not a busker is up."""

import json
import subprocess
import tempfile
import unittest

import workshop
from workshop import Service, kill, wait_until

SERVICE_FILE = workshop.SERVICE_FILE.replace("[actions.application]\n", '[actions.application]\nschedule = "0 7 * * *"\n')


class NamesTest(unittest.TestCase):
    def setUp(self):
        self.service = Service(service_file=SERVICE_FILE)
        self.addCleanup(self.service.close)
        elsewhere = tempfile.TemporaryDirectory()
        self.addCleanup(elsewhere.cleanup)
        self.elsewhere = elsewhere.name
        self.service.write("scheduler/configs/nightly.json", json.dumps({
            "graph": {"dag_id": "nightly", "schedule_interval": "0 3 * * *", "start_date": "2026-01-01"},
            "tasks": [{"name": "one", "code": f"echo night; test -e {self.service.folder}/gate"}], "dependencies": []}))

    def busker(self, *words):
        """Runs busker in a folder that has nothing to do with the home."""
        return subprocess.run([str(workshop.BUSKER), *words, "--home", str(self.service.home)], cwd=self.elsewhere,
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)

    def must(self, *words):
        done = self.busker(*words)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}{done.stdout}")
        return done.stdout

    def up(self):
        self.service.write(".busker/daemon.toml", '[http]\nlisten = "off"\n')
        daemon = self.service.start("up")
        self.addCleanup(daemon.wait, 30)
        self.addCleanup(kill, daemon.pid)
        self.addCleanup(daemon.stdout.close)
        wait_until(lambda: (self.service.home / "socket").exists(), "busker is up")

    def names(self):
        facts = json.loads(self.must("status", "--json"))
        return sorted(a["graph"] if "graph" in a else f"{a['service']}/{a['action']}" for a in facts["actions"])

    def every_verb_finds_every_name(self):
        self.assertEqual(self.names(), ["nightly", "shop/application", "shop/training"])
        for name in self.names():
            for words in (["explain", name], ["pause", name], ["resume", name], ["runs", name], ["logs", name]):
                self.must(*words)
        for name in ("nightly", "shop/application"):
            self.assertEqual(len(json.loads(self.must("next", name, "--json", "-n", "3"))), 3)
            self.must("backfill", name, "--from", "2026-01-02", "--to", "2026-01-04", "--dry-run")
        self.assertIn("no schedule", self.busker("next", "shop/training").stderr)
        self.assertIn("night\n", self.must("logs", "nightly"))
        (self.service.folder / "gate").touch()
        self.must("retry", "nightly")
        self.must("wait", "nightly")
        self.must("check", "nightly")
        self.must("start", "shop/training")
        self.must("wait", "shop/training")

    def test_with_home_alone_when_no_busker_is_up(self):
        # next, explain, pause, retry, backfill and logs knew only the actions of the folder that they were called in.
        self.service.must("run", "training")
        self.service.must("run", "application")
        self.assertEqual(self.busker("graph", "run", str(self.service.folder / "scheduler/configs/nightly.json")).returncode, 1)
        self.every_verb_finds_every_name()

    def test_with_home_alone_when_one_is_up(self):
        self.service.must("run", "training")
        self.service.must("run", "application")
        self.up()
        self.must("start", "nightly")
        self.must("wait", "nightly")
        self.every_verb_finds_every_name()

    def test_what_never_ran_is_found_too(self):
        self.service.must("run", "training")
        self.assertIn("nightly has not run yet", self.must("explain", "nightly"))
        self.assertIn("nightly has no run on record yet", self.busker("logs", "nightly").stderr)
        self.must("pause", "nightly")
        self.assertIn("paused by", self.must("explain", "nightly"))

    def test_a_name_that_nothing_has_comes_with_the_nearest(self):
        self.service.must("run", "training")
        verbs = [["next"], ["explain"], ["pause"], ["resume"], ["retry"], ["cancel"], ["logs"], ["runs"], ["start"], ["run"],
                 ["backfill", "--from", "2026-01-01", "--to", "2026-01-02"], ["wait"], ["check"]]
        for is_up in (False, True):
            if is_up:
                self.up()
            for verb in verbs:
                for slip, meant in (("shop/trainign", "shop/training"), ("nigthly", "nightly")):
                    done = self.busker(*verb, slip)
                    self.assertEqual(done.returncode, 3, f"{verb}: {done.stdout}{done.stderr}")
                    self.assertIn(f'no action or graph "{slip}"; did you mean "{meant}"?', done.stderr, verb)
        self.assertIn('did you mean "nightly"?', self.busker("skip", "nigthly", "one").stderr)
        own = self.service.busker("start", "trainign")
        self.assertEqual((own.returncode, own.stderr), (3, 'busker: no action or graph "trainign"; did you mean "training"?\n'))

    def test_a_graph_file_at_fault_is_said_to_be(self):
        self.service.must("run", "training")
        self.service.write("scheduler/configs/weekly.json", '{"graph": {"dag_id": "weekly"}, "tasks": [')
        done = self.busker("next", "weekly")
        self.assertEqual(done.returncode, 3)
        self.assertIn("weekly.json is at fault", done.stderr)

    def test_next_keeps_to_the_bounds_of_the_schedule(self):
        # What comes after the end of a schedule was shown as if it came.
        self.service.write("busker.toml", SERVICE_FILE.replace('"0 7 * * *"\n', '"0 7 * * *"\nstart = "2026-02-01"\nend = "2026-02-02"\n'))
        done = self.service.busker("next", "application", "--from", "2026-01-01", "--json")
        self.assertEqual([run["utc"] for run in json.loads(done.stdout)], ["2026-02-01T07:00:00Z"])


if __name__ == "__main__":
    unittest.main()
