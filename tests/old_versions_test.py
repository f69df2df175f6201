"""busker gc --older-than: versions that nothing needs are retired, and a day later their files go; whatever is referred to stays. In a
folder, in a bucket and before a table in BigQuery, for which the stand-in of tests/cloud stands in."""

import json
import os
import time
import unittest
import urllib.parse

import workshop
from service_in_bucket import ServiceInBucket
from workshop import Service

NOW = ("gc", "--older-than", "0s", "--keep", "1")


def long_ago(text):
    """What stands in place of a retired version's manifest, as if it were there for two days."""
    word = json.loads(text)
    word["retired"]["at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 2 * 86400))
    return json.dumps(word, indent=2) + "\n"


class FolderTest(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)
        self.store = self.service.home / "artifacts"

    def train(self, times):
        """The keys of the versions, oldest first; the last is live."""
        for _ in range(times):
            self.service.must("run", "training")
        return [model["key"] for model in self.service.facts("models")]

    def promote(self, *versions):
        for version in versions:
            self.service.must("promote", version.rsplit("/", 1)[1])

    def let_a_day_pass(self):
        for word in self.store.rglob("manifest.json"):
            if "retired" in json.loads(word.read_text()):
                word.write_text(long_ago(word.read_text()))

    def keys(self, said, what):
        return [one["version"] for one in said[what]]

    def test_what_is_live_what_a_rollback_needs_and_the_newest_stay(self):
        first, second, third, fourth, newest = self.train(5)
        self.promote(first)
        self.service.must("run", "application")  # made of the first
        self.promote(third, fourth)
        said = self.service.facts(*NOW, "--dry-run")
        self.assertEqual(self.keys(said, "retired"), [second])
        self.assertEqual(len(self.service.facts("models")), 5, "it only looked")
        self.assertEqual(self.keys(self.service.facts(*NOW), "retired"), [second])
        self.assertEqual([model["key"] for model in self.service.facts("models")], [first, third, fourth, newest])
        self.assertTrue((self.store / second / "model.txt").exists())
        refused = self.service.busker("promote", second)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(f"version {second} was retired (saved before ", refused.stderr)
        self.assertEqual(self.service.facts("fsck")["faults"], [])
        said = self.service.facts("gc")
        self.assertEqual(self.keys(said, "waiting"), [second])
        self.assertEqual(self.keys(said, "removed"), [], "only now was it retired")
        self.let_a_day_pass()
        self.assertIn("1 version, ", self.service.must("gc"))
        self.assertIn(f"version {second} was removed", self.service.busker("show", second.rsplit("/", 1)[1]).stderr)
        self.assertEqual([path.name for path in (self.store / second).iterdir()], ["manifest.json"])
        self.assertEqual(self.service.facts("fsck")["faults"], [], "its run succeeded, and what it made was removed on purpose")
        said = self.service.facts("gc")
        self.assertEqual([said[what] for what in ("retired", "removed", "returned", "waiting")], [[], [], [], []])
        self.service.must("rollback")
        self.assertEqual([event["what"] for event in self.service.facts("audit") if "version" in event["what"]],
                         ["versions removed", "remove versions requested", "versions retired", "retire versions requested"])

    def test_one_that_was_retired_can_be_taken_back(self):
        first, _, newest = self.train(3)
        self.assertEqual(self.keys(self.service.facts(*NOW), "retired"), [first])
        self.assertIn(f"{first} is a version again", self.service.must("gc", "--take-back", first))
        self.assertEqual(len(self.service.facts("models")), 3)
        self.promote(first, newest)
        self.assertEqual(self.service.facts("fsck")["faults"], [])
        again = self.service.busker("gc", "--take-back", "training/20190801T000000Z")
        self.assertEqual(again.returncode, 3, again.stderr)
        self.assertIn("no version training/20190801T000000Z is retired", again.stderr)

    def test_one_that_became_live_meanwhile_is_a_version_again(self):
        """It was about to become live when it was retired."""
        first, second, third, fourth = self.train(4)
        live = self.store / "shop/1/live.json"
        self.promote(first)
        moved = live.read_text()
        self.promote(third, fourth)
        self.assertEqual(self.keys(self.service.facts(*NOW), "retired"), [first, second])
        live.write_text(moved)
        self.assertIn("was retired", self.service.busker("fsck").stdout)
        said = self.service.facts("gc", "--dry-run")
        self.assertEqual((self.keys(said, "returned"), self.keys(said, "waiting")), ([first], [second]))
        self.assertIn("was retired", self.service.busker("fsck").stdout, "it only looked")
        self.assertEqual(self.keys(self.service.facts("gc"), "returned"), [first])
        self.let_a_day_pass()
        self.assertEqual(self.keys(self.service.facts("gc"), "removed"), [second])
        self.assertEqual(self.service.facts("fsck")["faults"], [])
        self.service.must("run", "application")

    def test_an_age_that_is_none_is_refused_before_anything_is_done(self):
        for words in (("--older-than", ""), ("--older-than", "90"), ("--keep", "0"), ("--take-back", "")):
            done = self.service.busker("gc", *words)
            self.assertNotEqual(done.returncode, 0, words)
        self.assertFalse(self.service.home.exists())

    def test_where_a_version_cannot_be_read_none_goes(self):
        first, second, *_ = self.train(4)
        (self.store / first / "manifest.json").write_text("damaged")
        done = self.service.busker(*NOW)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no version is retired or removed", done.stderr)
        self.assertTrue((self.store / second / "model.txt").exists())


class BucketTest(ServiceInBucket):
    """Its predictions are delivered to BigQuery, where undo loads them from the bucket again."""

    def setUp(self):
        super().setUp()
        self.cloud.control("datasets", {"name": "shop", "location": "US"})
        self.service.write("busker.toml", workshop.SERVICE_FILE + '\n[targets.cloud]\nartifacts = "gs://bucket/models"\n'
                           'warehouse = "bigquery://example-project"\n')
        os.environ["BIGQUERY_EMULATOR_HOST"] = self.cloud.place
        self.addCleanup(os.environ.pop, "BIGQUERY_EMULATOR_HOST", None)

    def let_a_day_pass(self):
        for name in self.cloud.objects("bucket"):
            if not name.endswith("/manifest.json"):
                continue
            place = f"buckets/bucket/objects/{urllib.parse.quote(name, safe='')}"
            text = self.cloud.call("GET", f"/storage/v1/b/bucket/o/{urllib.parse.quote(name, safe='')}?alt=media").body
            if b"\"retired\"" in text:
                self.cloud.control(place, long_ago(text).encode(), "PUT")

    def test_what_an_undo_loads_again_stays(self):
        self.run_at("run", "training")
        for date in ("2019-08-01", "2019-08-02", "2019-08-03"):
            self.run_at("run", "application", "--date", date)
        deliveries = self.facts_at("deliveries")
        before = self.cloud.objects("bucket")
        retired = [one["version"] for one in self.facts_at(*NOW)["retired"]]
        self.assertEqual(len(retired), 1, "the first of three replacements")
        self.assertEqual(self.cloud.objects("bucket"), before)
        self.let_a_day_pass()
        for fault, part in (("lost", "POST /upload"), ("lost", "DELETE /storage"), ("answer", "DELETE /storage")):
            self.cloud.misbehave(fault, part, 1)
        self.assertEqual([one["version"] for one in self.facts_at("gc")["removed"]], retired)
        gone = set(before) - set(self.cloud.objects("bucket"))
        self.assertEqual(gone, {f"models/{retired[0]}/predictions.csv"})
        self.run_at("undo", deliveries[2]["id"])
        self.assertEqual(self.facts_at("query", "SELECT count(*) AS n FROM shop.predictions"), [{"n": 2}])
        self.assertEqual(self.facts_at("fsck")["faults"], [])


if __name__ == "__main__":
    unittest.main()
