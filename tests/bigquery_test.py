"""The loop with its artifacts in Cloud Storage and its table in BigQuery, for which the stand-in of tests/cloud stands in."""

import json
import os
import signal
import subprocess
import tempfile
import unittest

import workshop
from cloud.client import StandIn
from workshop import BUSKER, Service, wait_until

TARGET = """
[targets.cloud]
artifacts = "gs://bucket/models"
warehouse = "bigquery://example-project"
"""
JOBS = "/bigquery/v2/projects/example-project/"
# A delivery is killed at each call; of those a share in the plain tests, all with BUSKER_CALLS=1.
EVERY = int(os.environ.get("BUSKER_CALLS", "4"))


class BigQueryTest(unittest.TestCase):
    def setUp(self):
        self.cloud = StandIn()
        self.addCleanup(self.cloud.close)
        self.cloud.control("buckets", {"name": "bucket", "location": "EU"})
        self.cloud.control("datasets", {"name": "shop", "location": "EU"})
        self.service = Service()
        self.addCleanup(self.service.close)
        self.service.write("busker.toml", workshop.SERVICE_FILE + TARGET)
        for name, value in (("STORAGE_EMULATOR_HOST", self.cloud.place), ("BIGQUERY_EMULATOR_HOST", self.cloud.place)):
            os.environ[name] = value
            self.addCleanup(os.environ.pop, name, None)

    def tearDown(self):
        self.assertEqual(self.cloud.control("violations")["violations"], [])

    def run_at(self, *words):
        return self.service.must(*words, "--target", "cloud")

    def facts_at(self, *words):
        return self.service.facts(*words, "--target", "cloud")

    def rows(self):
        return self.facts_at("query", "SELECT player_id, label FROM shop.predictions ORDER BY player_id")

    def test_the_whole_loop_happens_there(self):
        self.run_at("run", "training")
        self.run_at("run", "application", "--date", "2019-08-01")
        self.assertEqual(self.rows(), [{"player_id": "001", "label": True}, {"player_id": "002", "label": False}])
        self.assertEqual([name for name in self.cloud.requests("alt=media") if "predictions.csv" in name and "/storage/v1/" in name][1:], [],
                         "no more of the file than its header came here")
        self.service.write("configs/application.sh", "printf 'player_id,label\\n007,true\\n' > output/predictions.csv")
        self.run_at("run", "application", "--date", "2019-08-02")
        self.assertEqual(self.rows(), [{"player_id": "007", "label": True}])
        deliveries = self.facts_at("deliveries")
        self.assertEqual([(one["rows"], one["current"]) for one in deliveries], [(2, False), (1, True)])
        done = self.service.busker("run", "application", "--date", "2019-07-01", "--target", "cloud")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("--force", done.stdout + done.stderr)
        self.assertIn("has 2 rows now", self.run_at("undo", deliveries[1]["id"]))
        self.assertEqual([row["player_id"] for row in self.rows()], ["001", "002"])
        self.assertEqual(self.facts_at("fsck")["faults"], [])
        done = self.service.busker("query", "DELETE FROM shop.predictions WHERE true", "--target", "cloud")
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)

    def test_what_a_person_changed_is_undone_by_force_alone(self):
        self.run_at("run", "training")
        self.run_at("run", "application", "--date", "2019-08-01")
        self.run_at("run", "application", "--date", "2019-08-02")
        last = self.facts_at("deliveries")[-1]["id"]
        self.cloud.advance(60)
        answer = self.cloud.call("PATCH", JOBS + "datasets/shop/tables/predictions", {"description": "mine"})
        self.assertEqual(answer.status, 200, answer.body)
        done = self.service.busker("undo", last, "--target", "cloud")
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("busker undo --force", done.stderr)
        self.run_at("undo", last, "--force")
        self.assertIsNotNone(self.facts_at("deliveries")[-1]["undone_at"])

    def test_artifacts_that_are_here_are_refused_before_anything_runs(self):
        self.service.write("busker.toml", workshop.SERVICE_FILE + '\n[targets.cloud]\nwarehouse = "bigquery://example-project"\n')
        for words in (("validate",), ("run", "training")):
            done = self.service.busker(*words, "--target", "cloud")
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertIn('artifacts = "gs://BUCKET"', done.stdout + done.stderr)
        self.assertEqual(self.cloud.requests("POST"), [])

    def test_a_dataset_that_is_not_there_is_told_with_the_command_that_makes_it(self):
        self.service.write("busker.toml", (workshop.SERVICE_FILE + TARGET).replace("shop.predictions", "game.predictions"))
        self.run_at("run", "training")
        done = self.service.busker("run", "application", "--target", "cloud")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("mk --dataset example-project:game", done.stdout + done.stderr)

    # ---- killed

    def step(self, version, delivery, write="append"):
        """Words that deliver the predictions of a version once more, as a delivery of its own."""
        order = {"store_url": "gs://bucket/models", "version": version, "file": "predictions.csv",
                 "warehouse_url": "bigquery://example-project",
                 "request": {"id": delivery, "table": "shop.many", "schema": [["player_id", "STRING"], ["label", "BOOL"]], "write": write,
                             "data_date": "2019-08-01", "scheduled_at": "2019-08-01T00:00:00Z", "force": False, "rows_min": None,
                             "run": "by-hand", "service": "shop", "model_version": ""}}
        return [str(BUSKER), "step", "deliver", json.dumps(order)]

    def test_a_delivery_that_is_killed_at_any_call_is_made_once_when_it_is_carried_out_again(self):
        """Each call arrives, and its process dies before the answer. What was on its way is carried out before the next
        process comes, or behind it, when nobody waits for it any more."""
        self.run_at("run", "training")
        self.run_at("run", "application")
        version = next(name.removesuffix("/manifest.json").removeprefix("models/") for name in self.cloud.objects("bucket")
                       if "/application/" in name and name.endswith("/manifest.json"))
        with tempfile.TemporaryDirectory() as folder:
            options = {"cwd": folder, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            killed = 0
            for call in range(0, 1000, EVERY):
                is_behind = call // EVERY % 2 == 1
                words = self.step(version, f"d{call}")
                self.cloud.misbehave("hold", JOBS, skip=call)
                process = subprocess.Popen(words, **options)
                wait_until(lambda: self.cloud.held() or process.poll() is not None, "the call arrives, or it ends", 60)
                is_over = process.poll() is not None
                if not is_over:
                    process.send_signal(signal.SIGKILL)
                process.communicate()
                if not is_behind:
                    self.cloud.release()
                again = subprocess.run(words, **options, timeout=120, check=False)
                self.assertEqual(again.returncode, 0, f"call {call}: {again.stdout}")
                self.cloud.behave()
                killed += not is_over
                count = self.facts_at("query", "SELECT count(*) AS n FROM shop.many")[0]["n"]
                made = [one["id"] for one in self.facts_at("deliveries", "shop.many")]
                self.assertEqual(count, 2 * len(made), f"call {call}: {made}")
                self.assertEqual(len(made), len(set(made)))
                self.assertIn(f"d{call}", made)
                if is_over:
                    break
            self.assertGreater(killed * EVERY, 12)
        self.assertEqual(self.service.facts("fsck", "--target", "cloud")["faults"], [])


if __name__ == "__main__":
    unittest.main()
