"""Two runs at once, and an owner of the home that is just ending: what the second one says and does."""

import re
import unittest

import workshop
from workshop import Service, wait_until


class QueueTest(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)
        self.gate = self.service.folder / "gate"
        self.service.write("configs/training.sh", f"while ! test -e {self.gate}; do sleep 0.02; done\n{workshop.TRAINING}")

    def start(self, *words):
        process = self.service.start(*words)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.kill)
        return process

    def test_the_second_run_says_what_it_waits_for_and_is_nobody_elses(self):
        # The second waited in silence, then took its own run for one that "an earlier busker left", and
        # counted the wait as its time.
        first = self.start("run", "training")
        first_run = re.match(r"run (\S+): training of shop", first.stdout.readline())[1]
        wait_until(lambda: len(self.service.attempts()) == 1, "the first begins")
        second = self.start("run", "training")
        second_run = re.match(r"run (\S+): training of shop", second.stdout.readline())[1]
        self.assertRegex(second.stdout.readline(), rf"^waiting for run {first_run} \(training, since [\d.]+ ?(ms|s)\)$")
        wait_until(lambda: first.poll() is None and self.service.facts("runs")[0]["state"] == "queued", "it is queued")
        self.gate.touch()
        self.assertEqual(first.wait(60), 0)
        rest = second.stdout.read()
        self.assertEqual(second.wait(60), 0, rest)
        self.assertNotIn("earlier busker", rest)
        self.assertEqual(rest.count("training | Running the action..."), 1, rest)
        run = next(r for r in self.service.facts("runs") if r["id"] == second_run)
        took = re.search(rf"run {second_run} succeeded in (\S+)", rest)[1]
        listed = next(line for line in self.service.must("runs").splitlines() if second_run in line)
        self.assertIn(f" {took}", listed, "its time is the one that busker runs shows")
        self.assertGreater(run["started_at"], run["requested_at"])

    def test_a_run_that_begins_at_once_waits_for_nothing(self):
        self.gate.touch()
        self.service.write("configs/training.sh", workshop.TRAINING + "sleep 0.5\n")
        self.assertNotIn("waiting", self.service.must("run", "training"))

    def test_what_is_asked_of_an_owner_that_is_ending_is_asked_of_the_next(self):
        # Just after a cancel, start failed with "the busker that owns the home is ending; try again".
        for verb in ("start", "run", "start"):
            first = self.start("run", "training")
            first.stdout.readline()  # its run is on record
            wait_until(lambda: any(r["state"] == "running" for r in self.service.facts("runs")), "it runs")
            self.service.must("cancel", "training")
            self.gate.touch()
            self.service.must(verb, "training")
            self.service.must("wait", "training")
            self.service.must("check", "training")
            self.gate.unlink()
            self.assertEqual(first.wait(60), 1)


if __name__ == "__main__":
    unittest.main()
