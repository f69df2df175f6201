"""A version that the gate refuses looks refused, wherever somebody looks."""

import contextlib
import sqlite3
import unittest

import workshop
from workshop import Service

WORSE = "auc 0.7 is not >= 0.79 (0.8 - 0.01)"


class RefusedTest(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)

    def worse(self):
        self.service.write("configs/training.sh", workshop.TRAINING.replace("0.8", "0.7"))

    def test_a_refused_version_looks_refused(self):
        # "promote succeeded", "Well done." and exit code 0 were all that was said of it.
        self.service.must("run", "training")
        self.worse()
        shown = self.service.must("run", "training")
        good, bad = (model["version"] for model in self.service.facts("models"))
        refused = f"{bad} refused: {WORSE}"
        self.assertIn(f"not promoted: {WORSE}; busker promote {bad} makes it live all the same\n", shown)
        self.assertEqual(shown.splitlines()[-1], refused)
        self.assertIn("  promote refused\n", shown)
        self.assertNotIn("promote succeeded", shown)
        for verb in ("status", "runs", "models"):
            line = next(line for line in self.service.must(verb).splitlines() if WORSE in line)
            self.assertIn("refused", line)
        self.assertIn("passed: nothing is live yet", self.service.must("models"))
        self.assertIn(refused, self.service.must("explain", "training"))
        self.assertIn(refused, self.service.must("wait", "training"))
        self.assertIn(refused, self.service.must("check", "training"))
        gate = {"passed": False, "why": WORSE}
        self.assertEqual([m["gate"] for m in self.service.facts("models")],
                         [{"passed": True, "why": "nothing is live yet"}, gate])
        runs = self.service.facts("runs")
        self.assertEqual([(run["state"], run["gate"]) for run in runs],
                         [("succeeded", gate), ("succeeded", {"passed": True, "why": "nothing is live yet"})])
        self.assertEqual(self.service.facts("check", "training")["gate"], gate)
        last = {one["action"]: one["last_run"] for one in self.service.facts("status")["actions"]}
        self.assertEqual((last["training"]["gate"], last["application"]), (gate, None))
        self.service.must("run", "application")
        self.assertIsNone(self.service.facts("runs", "application")[0]["gate"])
        self.assertEqual(self.service.facts("fsck")["faults"], [])

    def test_quiet_says_it_too_and_strict_has_an_exit_code(self):
        self.service.must("run", "training", "--strict")
        self.service.must("check", "training", "--strict")
        self.worse()
        self.assertIn(f"refused: {WORSE}", self.service.must("run", "training", "-q"))
        for words in (["run", "training", "-q", "--strict"], ["check", "training", "--strict"]):
            done = self.service.busker(*words)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn(f"refused: {WORSE}", done.stdout + done.stderr)
        done = self.service.busker("run", "training", "--strict", "--json")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.service.must("check", "training")

    def test_an_older_data_date_is_a_refusal(self):
        self.service.must("run", "training", "--date", "2019-08-01")
        done = self.service.busker("run", "training", "--date", "2019-07-01", "--strict")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout.splitlines()[-1],
                         r"^\S+ refused: the live version \S+ is for a later data date \(2019-08-01\) than this one "
                         r"\(2019-07-01\)$")
        self.assertEqual([m["gate"]["passed"] for m in self.service.facts("models")], [True, False])

    def test_a_version_promoted_by_hand_was_refused_all_the_same(self):
        self.service.must("run", "training")
        self.worse()
        self.service.must("run", "training")
        bad = self.service.facts("models")[1]["version"]
        self.service.must("promote", bad)
        self.assertEqual([(m["live"], m["gate"]["passed"]) for m in self.service.facts("models")],
                         [(False, True), (True, False)])

    def test_what_the_gate_said_is_on_record_and_needs_no_store(self):
        self.service.must("run", "training", "-q")
        artifacts = self.service.home / "artifacts"
        artifacts.rename(self.service.folder / "elsewhere")
        self.assertEqual(self.service.facts("runs")[0]["gate"], {"passed": True, "why": "nothing is live yet"})
        self.assertFalse(artifacts.exists())

    def test_looking_makes_no_store_where_one_was_moved_away(self):
        # An earlier version of Busker left the gate's word in the store alone.
        self.service.must("run", "training", "-q")
        with contextlib.closing(sqlite3.connect(self.service.home / "busker.db")) as record, record:
            record.execute("UPDATE attempts SET result = ''")
        artifacts = self.service.home / "artifacts"
        elsewhere = self.service.folder / "elsewhere"
        self.assertTrue(self.service.facts("runs")[0]["gate"]["passed"])
        artifacts.rename(elsewhere)
        self.assertIsNone(self.service.facts("runs")[0]["gate"])
        self.assertFalse(artifacts.exists())

    def test_says_what_the_gate_lacks(self):
        self.service.write("configs/training.sh", "echo m > output/model.txt")
        done = self.service.busker("run", "training")
        self.assertEqual(done.returncode, 1)
        self.assertIn('promote_when needs the metric "auc", but the training wrote no output/metrics.json', done.stderr)

    def test_a_metric_of_any_name_can_be_named(self):
        # A metric eval/loss was kept, and promote_when took its name for a quotient.
        for condition, code in (("'eval/loss' < 0.5 and 'eval/loss' <= live.'eval/loss'", 0), ("eval/loss < 0.5", 1)):
            self.service.write("busker.toml", workshop.SERVICE_FILE.replace("auc >= live.auc - 0.01", condition))
            self.service.write("configs/training.sh", """echo '{"eval/loss": 0.2, "f1-score": 0.8}' > output/metrics.json""")
            self.assertEqual(self.service.busker("validate").returncode, 0)
            done = self.service.busker("run", "training")
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn("\"eval/loss\" is written in quotes: 'eval/loss'", done.stderr)


if __name__ == "__main__":
    unittest.main()
