"""busker gc: what runs that did not end well have left in the artifact store goes, and copies of busker-runner that no VM fetches any more,
and no version does, in a folder and in a bucket of the stand-in for Cloud Storage (tests/cloud)."""

import os
import time
import unittest
import urllib.parse

from service_in_bucket import ServiceInBucket
from workshop import Service, wait_until

DAY_S = 86400


class FolderTest(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)
        self.store = self.service.home / "artifacts"

    def leave(self, name, days=2):
        path = self.store / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
        os.utime(path, (time.time() - days * DAY_S,) * 2)
        return path

    def test_rests_and_unfinished_files_go_and_versions_stay(self):
        self.service.must("run", "training")
        version, = (model["version"] for model in self.service.facts("models"))
        for path in self.store.rglob("*"):  # a version is none the less one for its age
            os.utime(path, (time.time() - 100 * DAY_S,) * 2)
        old = self.leave("shop/1/training/20190801T000000Z/deep/model.txt")
        unfinished = self.leave("shop/1/training/.tmp-put-1")
        young = self.leave("shop/1/training/20190802T000000Z/model.txt", days=0)
        other = self.leave("another/1/training/20190801T000000Z/model.txt")
        said = self.service.facts("gc", "--dry-run")
        self.assertEqual([(one["version"], one["files"]) for one in said["versions"]], [("shop/1/training/20190801T000000Z", 1)])
        self.assertEqual(said["unfinished"], [str(unfinished)])
        self.assertTrue(old.exists() and unfinished.exists(), "it only looked")
        said = self.service.must("gc")
        self.assertIn("shop/1/training/20190801T000000Z", said)
        self.assertIn("1 version that was never published, 4B, and 1 unfinished file removed", said)
        self.assertFalse(old.exists() or unfinished.exists())
        self.assertFalse(old.parent.exists(), "no empty folder is left")
        self.assertTrue(young.exists() and other.exists())
        self.assertEqual(set(map(str, self.service.facts("gc").values())), {"[]"}, "nothing is left to do")
        self.assertEqual(self.service.facts("fsck")["faults"], [])
        self.assertEqual([model["version"] for model in self.service.facts("models")], [version])
        # What stood in for it for some days goes, too.
        word = self.leave("shop/1/training/20190801T000000Z/manifest.json", days=0).parent / "manifest.json"
        word.write_text('{"removal": "0123456789abcdef", "done": true}\n')
        os.utime(word, (time.time() - 3 * DAY_S,) * 2)
        self.service.must("gc")
        self.assertFalse(word.parent.exists())

    def test_where_nothing_was_ever_run_nothing_is_made(self):
        self.assertIn("0 versions", self.service.must("gc"))
        self.assertFalse(self.service.home.exists())


class BucketTest(ServiceInBucket):
    def older(self, days):
        self.cloud.control("buckets/bucket/older", {"seconds": days * DAY_S})

    # A run that was cancelled while it saved: its rest is removed, and then it is retried and becomes the version that it was to be.
    def test_the_rest_of_a_cancelled_run_goes_and_the_run_can_still_be_retried(self):
        self.run_at("run", "training")
        whole = self.cloud.objects("bucket")
        self.cloud.misbehave("hang", "POST /upload/", -1, skip=2)  # its two files are there, and the manifest is not
        run = self.facts_at("start", "training")["id"]
        wait_until(lambda: len(self.cloud.objects("bucket")) == len(whole) + 2, "two files are saved", 60)
        self.service.must("cancel", run)
        self.cloud.behave()
        rest = sorted(set(self.cloud.objects("bucket")) - set(whole))
        self.assertEqual([name.rsplit("/", 1)[1] for name in rest], ["metrics.json", "model.txt"])
        self.assertEqual(self.facts_at("gc")["versions"], [], "it is not old enough")
        self.older(days=2)
        said = self.facts_at("gc", "--dry-run")["versions"]
        self.assertEqual([(f"models/{one['version']}", one["files"]) for one in said], [(rest[0].rsplit("/", 1)[0], 2)])
        self.assertEqual(sorted(set(self.cloud.objects("bucket")) - set(whole)), rest)
        self.run_at("gc")
        word, = set(self.cloud.objects("bucket")) - set(whole)
        self.assertEqual(word.rsplit("/", 1), [rest[0].rsplit("/", 1)[0], "manifest.json"])
        self.assertEqual(len(self.facts_at("models")), 1)
        self.assertEqual(self.facts_at("fsck")["faults"], [])
        self.service.must("retry", run)
        done = self.service.busker("wait", run)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(self.facts_at("models")), 2)
        self.older(days=5)
        self.assertEqual(self.facts_at("gc")["versions"], [])
        self.assertEqual(set(self.cloud.objects("bucket")), {*whole, *rest, word})
        self.assertEqual(self.facts_at("fsck")["faults"], [])

    # A machine on which nothing was ever run said that a bucket full of rests had none.
    def test_a_bucket_is_cleared_from_where_nothing_was_ever_run(self):
        self.cloud.control("buckets/bucket/objects/models%2Fshop%2F1%2Ftraining%2F20190801T000000Z%2Fhalf", b"half", "PUT")
        self.older(days=2)
        self.assertEqual([one["files"] for one in self.facts_at("gc")["versions"]], [1])
        self.assertFalse(self.service.home.exists())

    # Each build of busker left eight megabytes for ever.
    def test_a_copy_of_the_runner_that_no_vm_fetches_any_more_goes_after_a_week(self):
        self.run_at("run", "training")
        whole = self.cloud.objects("bucket")
        copies = [f"models/_busker/runners/{digit * 64}" for digit in "ab"]
        for number, copy in enumerate(copies):
            if number:
                self.older(days=4)
            self.cloud.control(f"buckets/bucket/objects/{urllib.parse.quote(copy, safe='')}", b"a program", "PUT")
        self.assertEqual(self.facts_at("gc")["runners"], [], "a VM may be about to fetch it")
        self.older(days=4)
        said = self.facts_at("gc", "--dry-run")["runners"]
        self.assertEqual([(f"models/{one['key']}", one["size_bytes"]) for one in said], [(copies[0], 9)])
        self.assertEqual(set(self.cloud.objects("bucket")), {*whole, *copies}, "it only looked")
        self.assertIn("1 copy of busker-runner, 9B", self.run_at("gc"))
        self.assertEqual(set(self.cloud.objects("bucket")), {*whole, copies[1]})

    def test_an_answer_that_is_lost_takes_no_more_away(self):
        self.run_at("run", "training")
        whole = self.cloud.objects("bucket")
        for number in range(20):
            self.cloud.control(f"buckets/bucket/objects/models%2Fshop%2F1%2Ftraining%2F20190801T000000Z%2F{number}", b"half", "PUT")
        self.older(days=2)
        for fault, part in (("lost", "POST /upload"), ("lost", "DELETE /storage"), ("answer", "DELETE /storage"), ("lost", "POST /upload")):
            self.cloud.misbehave(fault, part, 2)
        said = self.facts_at("gc")["versions"]
        self.assertEqual([one["files"] for one in said], [20])
        self.older(days=3)
        self.run_at("gc")
        self.assertEqual(self.cloud.objects("bucket"), whole)
        self.assertEqual(self.facts_at("fsck")["faults"], [])


if __name__ == "__main__":
    unittest.main()
