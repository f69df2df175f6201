"""The loop with its artifacts in a bucket of Cloud Storage, for which a strict server on this machine stands in."""

import json
import os
import subprocess
import time
import unittest

import workshop
from workshop import Service, wait_until

SERVER = workshop.BUSKER.parent / "tests" / "gcs_server"


class Bucket:
    """The server (gcs_server.cc), until it is closed."""

    def __init__(self):
        self.process = subprocess.Popen([str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.place = self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def fail(self, fault, count, part):
        self.tell(f"fail {fault} {count} {part}")

    def ask(self, what):
        self.tell(what)
        return json.loads(self.process.stdout.readline())

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


class BucketTest(unittest.TestCase):
    def setUp(self):
        self.bucket = Bucket()
        self.addCleanup(self.bucket.close)
        self.service = Service()
        self.addCleanup(self.service.close)
        self.service.write("busker.toml", workshop.SERVICE_FILE + '\n[targets.cloud]\nartifacts = "gs://bucket/models"\n')
        os.environ["STORAGE_EMULATOR_HOST"] = self.bucket.place
        self.addCleanup(os.environ.pop, "STORAGE_EMULATOR_HOST", None)

    def tearDown(self):
        self.assertEqual(self.bucket.ask("violations"), [])

    def run_at(self, *words):
        return self.service.must(*words, "--target", "cloud")

    def facts_at(self, *words):
        return self.service.facts(*words, "--target", "cloud")

    def in_home(self):
        return [path for path in (self.service.home / "artifacts").rglob("*") if path.is_file()]

    def test_the_whole_loop_happens_there(self):
        self.run_at("run", "training")
        self.run_at("run", "training")
        self.run_at("run", "application")
        self.assertEqual(self.in_home(), [])
        manifests = [name for name in self.bucket.ask("objects") if name.endswith("/manifest.json")]
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
        for fault, part in (("lost", "POST /upload/"), ("busy", "POST /upload/"), ("cut", "POST /upload/"),
                            ("lost", "GET /storage/"), ("busy", "GET /storage/")):
            self.bucket.fail(fault, 2, part)
        self.run_at("run", "training")
        self.bucket.fail("lost", 3, "live.json")
        self.run_at("run", "application")
        self.assertEqual([m["live"] for m in self.facts_at("models")], [True])
        self.assertEqual(self.facts_at("fsck")["faults"], [])

    def test_a_run_that_is_cancelled_while_it_saves_ends_at_once(self):
        # What waited for a store waited until the store answered.
        self.bucket.fail("hang", 100, "POST /upload/")
        run = self.facts_at("start", "training")["id"]
        wait_until(lambda: any(line.startswith("POST /upload/") for line in self.bucket.ask("requests")), "it saves")
        begin = time.monotonic()
        self.service.must("cancel", run)
        done = self.service.busker("wait", run)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertIn("cancelled", done.stdout + done.stderr)
        self.assertEqual(self.service.facts("runs")[0]["state"], "cancelled")
        self.assertEqual([name for name in self.bucket.ask("objects") if "manifest" in name], [])

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
