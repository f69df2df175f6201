"""Logs of runs in Cloud Logging, for which the stand-in of tests/cloud stands in."""

import os
import random
import signal
import subprocess
import time
import unittest

import workshop
from cloud.client import StandIn
from robot import ACCOUNT, forget_others, key_file_at
from workshop import Service, wait_until

TARGET = '\n[targets.cloud]\nlog = "cloud-logging://example-project"\n'
WRITE = "POST /v2/entries:write"


class LoggingTest(unittest.TestCase):
    def setUp(self):
        self.cloud = StandIn()
        self.addCleanup(self.cloud.close)
        self.cloud.control("authorization", {"demanded": True})
        self.service = Service()
        self.addCleanup(self.service.close)
        self.service.write("busker.toml", workshop.SERVICE_FILE + TARGET)
        forget_others(self, "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING")
        os.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING"] = self.cloud.places["logging"]
        os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = key_file_at(self.cloud, self.service)
        self.daemon = None

    def tearDown(self):
        self.end_daemon()

    def up(self):
        self.said = open(self.service.folder / "up.out", "ab")  # pylint: disable=consider-using-with
        self.addCleanup(self.said.close)
        self.daemon = subprocess.Popen([str(workshop.BUSKER), "up", "-C", str(self.service.folder)], stdout=self.said,
                                       stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        wait_until(lambda: self.service.owner() == self.daemon.pid and (self.service.home / "socket").exists(), "it is up")

    def end_daemon(self, how=signal.SIGKILL):
        if self.daemon is not None:
            workshop.kill(self.daemon.pid, how)
            self.daemon.wait(30)
            self.daemon = None

    def entries(self, log):
        """What a query shows of the log, in its order."""
        token = self.cloud.control("tokens", {"email": "reader@example.com"})["token"]
        shown, page = [], ""
        while page is not None:
            answer = self.cloud.call("POST", "/v2/entries:list", {
                "resourceNames": ["projects/example-project"], "filter": f'logName="projects/example-project/logs/{log}"',
                "orderBy": "timestamp asc", "pageSize": 1000, "pageToken": page},
                headers={"Authorization": f"Bearer {token}"}, place=self.cloud.places["logging"].removeprefix("http://"))
            self.assertEqual(answer.status, 200, answer.body)
            shown += answer.data.get("entries", [])
            page = answer.data.get("nextPageToken")
        return shown

    def texts(self, log):
        return [entry["textPayload"] for entry in self.entries(log)]

    def local_lines(self):
        """Of all attempts in the home, those that say something."""
        found = []
        for log in self.service.home.glob("runs/*/*/log"):
            found += [line for line in log.read_text(errors="replace").split("\n") if line.strip()]
        return found

    def is_whole(self):
        return not list((self.service.home / "log-copies").glob("*.json"))

    def run_at(self, *words):
        return self.service.must("run", *words, "--target", "cloud")

    def test_each_run_is_in_the_log_of_its_service_version_and_action(self):
        self.service.write("configs/training.sh", workshop.TRAINING + "echo learning; echo 'ERROR: few rows' >&2\n")
        self.run_at("training")
        self.run_at("application")
        training = self.entries("shop-1-training")
        self.assertEqual(training[0]["textPayload"], "Running the action...")
        self.assertEqual(training[-1]["textPayload"], "Well done.")
        run = [one for one in self.service.facts("runs") if one["action"] == "training"][0]
        self.assertLessEqual({"service": "shop", "run": run["id"], "task": "training", "attempt": "1"}.items(),
                             training[1]["labels"].items())
        severities = {entry["textPayload"]: entry["severity"] for entry in training}
        self.assertEqual(severities["ERROR: few rows"], "ERROR")
        self.assertEqual(severities["learning"], "DEFAULT")
        application = self.entries("shop-1-application")
        self.assertEqual(application[0]["textPayload"], "Running the action...")
        self.assertEqual(application[-1]["textPayload"], "Well done.")
        tasks = {entry["labels"].get("task") for entry in application}
        self.assertIn("application", tasks)
        self.assertTrue(any(task and task.startswith("deliver") for task in tasks), tasks)
        self.assertTrue(self.is_whole())
        # Nothing but the run's last line is not in a log here.
        copied = self.texts("shop-1-training") + self.texts("shop-1-application")
        for line in self.local_lines():
            copied.remove(line)
        self.assertLessEqual(set(copied), {"Well done."})

    def test_a_run_at_another_target_is_in_none(self):
        self.service.must("run", "training")
        self.assertEqual(self.cloud.requests(WRITE), [])
        self.assertFalse((self.service.home / "log-copies").exists())

    def test_a_run_that_fails_says_so_last(self):
        self.service.write("configs/training.sh", "echo no such column; exit 3\n")
        done = self.service.busker("run", "training", "--target", "cloud")
        self.assertEqual(done.returncode, 1)
        last = self.entries("shop-1-training")[-1]
        self.assertRegex(last["textPayload"], r"^run \S+ failed: .*exit code 3")
        self.assertEqual(last["severity"], "ERROR")
        self.service.write("configs/training.sh", workshop.TRAINING)
        self.service.must("retry", last["labels"]["run"])
        self.service.must("wait", last["labels"]["run"])
        wait_until(self.is_whole, "the log of the second attempt is copied")
        self.assertEqual(self.texts("shop-1-training")[-1], "Well done.")
        self.assertEqual({entry["labels"].get("attempt") for entry in self.entries("shop-1-training")
                          if entry["labels"].get("task") == "training"}, {"1", "2"})

    def test_a_long_line_comes_in_pieces(self):
        # An entry has 256 KiB at most; one that is larger was refused, and all others of its request with it.
        self.service.write("configs/training.sh", workshop.TRAINING + """
i=0; while [ $i -lt 20000 ]; do printf '"äöü %s\\t 0123456789 0123456789 ' $i; i=$((i + 1)); done; echo; echo behind
""")
        self.run_at("training")
        entries = self.entries("shop-1-training")
        log, = self.service.home.glob("runs/*/training.1/log")
        long, = (line for line in log.read_text().split("\n") if len(line) > 100_000)
        self.assertEqual("".join(entry["textPayload"] for entry in entries if "0123456789" in entry["textPayload"]), long)
        self.assertIn("behind", [entry["textPayload"] for entry in entries])
        self.assertNotIn("log not wholly copied", [one["what"] for one in self.service.facts("audit", "--all")])

    def test_killed_at_any_moment_nothing_is_missing_and_nothing_is_shown_twice(self):
        # What had been sent when the copier was killed was sent again as other lines, or never.
        seed = random.randrange(1 << 30)
        dice = random.Random(seed)
        self.service.write("configs/training.sh", workshop.TRAINING + """
i=0; while [ $i -lt 1200 ]; do echo "line $i"; i=$((i + 1)); [ $((i % 10)) -ne 0 ] || sleep 0.1; done
""")
        self.up()
        run = self.service.facts("start", "training", "--target", "cloud")["id"]
        # The first time, what was sent is there, and the daemon does not know.
        self.cloud.misbehave("lost", WRITE, -1)
        wait_until(lambda: self.cloud.control("entries")["entries"], "lines are sent")
        kills = 0
        while not list(self.service.home.glob("runs/*/training.1/exit.json")):
            self.end_daemon()
            kills += 1
            self.cloud.release()
            self.cloud.behave()
            # Half of the time an answer is lost, or never comes.
            if dice.random() < 0.5:
                self.cloud.misbehave(dice.choice(["lost", "hang", "cut_answer", "hold"]), WRITE)
            self.up()
            time.sleep(dice.uniform(0, 1.5))
        self.cloud.release()
        self.cloud.behave()
        self.service.must("wait", run)
        wait_until(self.is_whole, f"the rest is copied, seed {seed}", 60)
        self.assertGreater(kills, 1)
        lines = [text for text in self.texts("shop-1-training") if text.startswith("line ")]
        self.assertEqual(lines, [f"line {number}" for number in range(1200)], f"seed {seed}")
        self.assertEqual(self.texts("shop-1-training")[-1], "Well done.", f"seed {seed}")
        self.assertGreater(len(self.cloud.control("entries")["entries"]), 1200, "some lines were sent twice")

    def test_when_the_service_is_away_the_run_goes_on_and_the_copy_follows(self):
        self.up()
        self.cloud.misbehave("answer", WRITE, -1)
        run = self.service.facts("start", "training", "--target", "cloud")["id"]
        begin = time.monotonic()
        self.service.must("wait", run)
        self.assertLess(time.monotonic() - begin, 20)
        self.assertEqual([one["state"] for one in self.service.facts("runs")], ["succeeded"])
        wait_until(lambda: self.service.facts("status")["uncopied"], "it is told of", 30)
        one = self.service.facts("status")["uncopied"][0]
        self.assertEqual((one["to"], one["runs"]), ("cloud-logging://example-project", 1))
        self.assertIn("503", one["why"])
        self.assertIn("not copied to cloud-logging://example-project", self.service.must("status"))
        self.cloud.behave()
        wait_until(self.is_whole, "it is copied when the service is back", 60)
        self.assertEqual(self.texts("shop-1-training")[-1], "Well done.")
        self.assertEqual(self.service.facts("status")["uncopied"], [])
        said = (self.service.folder / "up.out").read_text()
        self.assertEqual(said.count("could not be copied"), 1, said)

    def test_without_the_permission_the_run_succeeds_and_it_is_told_once(self):
        self.cloud.control("denied", {"email": ACCOUNT, "permission": "logging.logEntries.create"})
        done = self.service.busker("run", "training", "--target", "cloud")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count("could not be copied to cloud-logging://example-project"), 1, done.stderr)
        self.assertIn("logging.logEntries.create", done.stderr)
        self.cloud.control("denied", method="DELETE")
        self.run_at("application")  # whoever owns the home next goes on
        self.assertTrue(self.is_whole())
        self.assertEqual(self.texts("shop-1-training")[-1], "Well done.")

    def test_without_credentials_it_is_said_what_is_needed(self):
        del os.environ["GOOGLE_APPLICATION_CREDENTIALS"]
        os.environ["CLOUDSDK_CONFIG"] = str(self.service.folder / "nothing")
        done = self.service.busker("run", "training", "--target", "cloud")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("gcloud auth application-default login", done.stderr)

    def test_lines_that_are_refused_are_counted_on_record(self):
        self.cloud.misbehave("refuse_entries", "learning", -1)
        self.service.write("configs/training.sh", workshop.TRAINING + "echo learning\n")
        done = self.service.busker("run", "training", "--target", "cloud")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 of ", done.stderr)
        self.assertEqual(self.texts("shop-1-training")[0], "Running the action...")
        self.assertEqual(self.texts("shop-1-training")[-1], "Well done.")
        told = [one for one in self.service.facts("audit", "--all") if one["what"] == "log not wholly copied"]
        self.assertEqual(len(told), 1)

    def test_who_starts_a_run_in_the_background_need_not_wait_for_the_copy(self):
        run = self.service.facts("start", "training", "--target", "cloud")["id"]
        self.service.must("wait", run)
        wait_until(self.is_whole, "the log is copied")
        self.assertEqual(self.texts("shop-1-training")[-1], "Well done.")
        wait_until(lambda: self.service.owner() is None, "who stayed in the background ends")


if __name__ == "__main__":
    unittest.main()
