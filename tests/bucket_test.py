"""The loop with its artifacts in a bucket of Cloud Storage, for which the stand-in of tests/cloud stands in."""

import os
import subprocess
import time
import unittest

import workshop
from cloud.client import quoted
from service_in_bucket import ServiceInBucket
from workshop import wait_until


class BucketTest(ServiceInBucket):
    def in_home(self):
        return [path for path in (self.service.home / "artifacts").rglob("*") if path.is_file()]

    def test_the_whole_loop_happens_there(self):
        self.run_at("run", "training")
        self.run_at("run", "training")
        self.run_at("run", "application")
        self.assertEqual(self.in_home(), [])
        manifests = [name for name in self.cloud.objects("bucket") if name.endswith("/manifest.json")]
        self.assertEqual(len(manifests), 3)
        self.assertTrue(all(name.startswith("models/shop/1/") for name in manifests))
        self.assertEqual(self.facts_at("query", "SELECT count(*) AS n FROM shop.predictions"), [{"n": 2}])
        self.assertEqual([m["live"] for m in self.facts_at("models")], [False, True])
        self.run_at("rollback")
        self.assertEqual([m["live"] for m in self.facts_at("models")], [True, False])
        self.run_at("promote", self.facts_at("models")[1]["version"])
        self.assertEqual([m["live"] for m in self.facts_at("models")], [False, True])
        self.assertEqual(self.facts_at("fsck")["faults"], [])

    def test_answers_that_are_lost_and_a_busy_service_change_nothing(self):
        for fault, part in (("lost", "POST /upload/"), ("answer", "POST /upload/"), ("cut_request", "POST /upload/"),
                            ("lost", "GET /storage/"), ("answer", "GET /storage/")):
            self.cloud.misbehave(fault, part, 2)
        self.run_at("run", "training")
        self.cloud.misbehave("lost", "live.json", 3)
        self.run_at("run", "application")
        self.assertEqual([m["live"] for m in self.facts_at("models")], [True])
        self.assertEqual(self.facts_at("fsck")["faults"], [])

    def test_a_large_file_goes_on_where_its_upload_broke_off(self):
        self.service.write("configs/training.sh", workshop.TRAINING + "head -c 9000000 /dev/urandom > output/large")
        for fault in ("cut_request", "lost", "answer"):
            self.cloud.misbehave(fault, "PUT /upload/")
        self.run_at("run", "training")
        large, = (name for name in self.cloud.objects("bucket") if name.endswith("/large"))
        self.assertEqual(len(self.cloud.control(f"buckets/bucket/objects/{quoted(large)}")), 9_000_000)
        asked = self.cloud.requests("PUT /upload/")
        self.assertGreater(len(asked), 4)
        self.assertEqual(self.facts_at("fsck")["faults"], [])

    def test_the_store_passes_its_exam_there(self):
        done = subprocess.run([str(workshop.BUILD / "artifact_test"), "--gtest_filter=ForeignGcs/*", "--gtest_brief=1"],
                              env={**os.environ, "BUSKER_FOREIGN_GCS": self.cloud.place}, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout[-5000:])
        self.assertRegex(done.stdout, r"PASSED  \] \d\d tests")

    def test_a_run_that_is_cancelled_while_it_saves_ends_at_once(self):
        # What waited for a store waited until the store answered.
        self.cloud.misbehave("hang", "POST /upload/", -1)
        run = self.facts_at("start", "training")["id"]
        wait_until(lambda: self.cloud.requests("POST /upload/"), "it saves")
        begin = time.monotonic()
        self.service.must("cancel", run)
        done = self.service.busker("wait", run)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertIn("cancelled", done.stdout + done.stderr)
        self.assertEqual(self.service.facts("runs")[0]["state"], "cancelled")
        self.assertEqual([name for name in self.cloud.objects("bucket") if "manifest" in name], [])

    def test_a_bucket_that_is_not_there_is_told(self):
        self.service.write("busker.toml", workshop.SERVICE_FILE + '\n[targets.cloud]\nartifacts = "gs://another"\n')
        done = self.service.busker("run", "training", "--target", "cloud")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("there is no bucket gs://another", done.stdout + done.stderr)

    def test_without_credentials_it_is_said_what_is_needed(self):
        del os.environ["STORAGE_EMULATOR_HOST"]
        done = self.service.busker("run", "training", "--target", "cloud")
        self.assertEqual(done.returncode, 78, done.stdout + done.stderr)
        self.assertIn("GOOGLE_APPLICATION_CREDENTIALS", done.stderr)
        done = self.service.busker("models", "--target", "cloud")
        self.assertEqual(done.returncode, 78, done.stdout + done.stderr)
        self.assertIn("GOOGLE_APPLICATION_CREDENTIALS", done.stderr)


if __name__ == "__main__":
    unittest.main()
