"""One busker works in a home: whoever was stopped, or lost the home's lock, writes nothing beside the next."""

import fcntl
import json
import os
import signal
import sqlite3
import unittest

from home_test import Folder
from workshop import wait_until


class Lead(Folder):
    def setUp(self):
        super().setUp()
        self.home = self.folder / "home"
        self.graph("holds", f"touch {self.folder}/began; while [ ! -e {self.folder}/go ]; do sleep 0.05; done; "
                            f"echo x >> {self.folder}/ran")

    def rows(self, sql):
        with sqlite3.connect(f"file:{self.home}/busker.db?mode=ro", uri=True) as record:
            return record.execute(sql).fetchall()

    def start(self):
        run = json.loads(self.must("start", "holds", "--home", self.home, "--json"))["id"]
        # Not what the record says: an attempt is on record as running before its program begins.
        wait_until(lambda: (self.folder / "began").exists(), "the task runs")
        return run

    def ends_well(self, run):
        wait_until(lambda: self.rows("SELECT 1 FROM runs WHERE state = 'succeeded'"), "the run ends")
        self.must("wait", run, "--home", self.home)
        self.assertEqual((self.folder / "ran").read_text(), "x\n")
        ends = self.rows("SELECT count(*) FROM events WHERE what IN ('attempt 1 succeeded', 'run succeeded')")
        self.assertEqual(ends, [(2,)])
        self.assertIn("0 faults", self.must("fsck", "--home", self.home))

    def test_a_busker_that_is_stopped_keeps_the_home_and_goes_on(self):
        first = self.up("g", "--home", self.home)
        run = self.start()
        os.kill(first.pid, signal.SIGSTOP)
        self.addCleanup(first.send_signal, signal.SIGCONT)
        (self.folder / "go").touch()
        wait_until(lambda: (self.folder / "ran").exists(), "the task ends meanwhile")
        with open(self.home / "owner") as lock, self.assertRaises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as the next busker would
        os.kill(first.pid, signal.SIGCONT)
        self.ends_well(run)
        self.assertIsNone(first.poll(), first.log.read_text())

    def test_of_two_whose_lock_was_removed_the_newer_works(self):
        # Both wrote to the record, turn about: neither knew of the other.
        first = self.up("g", "--home", self.home)
        run = self.start()
        (self.home / "owner").unlink()
        second = self.up("g", "--home", self.home)
        (self.folder / "go").touch()
        self.assertEqual(first.wait(timeout=30), 78)
        self.assertIn("does not lead the record any more, so nothing was changed", first.log.read_text())
        self.ends_well(run)
        self.assertIsNone(second.poll(), second.log.read_text())


if __name__ == "__main__":
    unittest.main()
