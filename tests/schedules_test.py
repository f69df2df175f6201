#!/usr/bin/env python3
"""What starts by itself under busker up, and what people are told of it: catching up, files that come, retries."""

import json
import unittest

import definitions_test
from definitions_test import days_ago, graph
from workshop import wait_until

LOAD = """
name = "w"
[model]
command = "sh -c 'wc -c < \\"$BUSKER_FILE\\"; echo 1 > output/x'"
[actions.load]
when_file = "inbox/*.csv"
"""


class Schedules(definitions_test.Folders):
    # The last past interval of each graph started at once, and nothing said so.
    def test_up_says_what_it_catches_up(self):
        self.write("g/configs/old.json", graph("old", schedule_interval="@daily", start_date=days_ago(5)))
        self.write("g/configs/each.json", graph("each", schedule_interval="@daily", start_date=days_ago(3),
                                                catchup=True, max_active_runs=1))
        self.write("g/configs/none.json", graph("none"))
        self.up("g")
        wait_until(lambda: "catching up 1 run: old" in self.said(), "it is said")
        self.assertIn(f"catching up 1 run: old for {days_ago(1)}\n", self.said())
        self.assertIn(f"catching up 3 runs: each for {days_ago(3)} to {days_ago(1)}\n", self.said())
        self.assertNotIn("none", self.said().split("is up")[0])

    def test_up_paused_begins_with_what_is_new_paused(self):
        self.write("g/configs/known.json", graph("known", schedule_interval="@daily"))
        self.up("g")
        self.down()
        self.write("g/configs/old.json", graph("old", schedule_interval="@daily", start_date=days_ago(5)))
        self.up("g", "--paused")
        graphs = {one["graph"]: one for one in self.facts("status")["actions"]}
        self.assertTrue(graphs["old"]["paused"])
        self.assertFalse(graphs["known"]["paused"])
        self.assertEqual(self.facts("runs"), [])
        self.assertEqual(self.busker("resume", "old").returncode, 0)
        self.wait_for_states(["succeeded"])

    # A run was started on a file that was still being written, and once more at its end.
    def test_a_file_is_read_when_its_writer_has_closed_it(self):
        self.write("s/busker.toml", LOAD)
        (self.folder / "s/inbox").mkdir()
        self.up("s")
        with open(self.folder / "s/inbox/a.csv", "w") as file:
            file.write("id,v\n")
            file.flush()
            (self.folder / "s/inbox/b.csv").write_text("whole")  # the other is looked at with it
            wait_until(lambda: len(self.facts("runs")) == 1, "the whole file is read")
            self.assertIn("b.csv", self.facts("runs")[0]["trigger"])
            file.write("1,2\n")
        self.wait_for_states(["succeeded"] * 2)
        run = next(run for run in self.facts("runs") if "a.csv" in run["trigger"])
        self.assertIn("9\n", self.busker("logs", run["id"]).stdout)

    # A retry ran what was decided before the file was mended, and did not say so.
    def test_a_retry_says_that_the_file_has_changed(self):
        file = self.write("g/configs/r.json", graph("r", "echo old; exit 1"))
        self.up("g")
        run = self.busker("start", "r").stdout.strip()
        self.assertEqual(self.busker("wait", run, "--limit", "20s").returncode, 0)
        self.assertNotIn("since", self.busker("retry", run).stderr)
        self.busker("wait", run, "--limit", "20s")
        file.write_text(graph("r", "echo new"))
        file.touch()
        wait_until(lambda: json.loads(file.read_text()), "it is there")

        def note():
            said = self.busker("retry", run).stderr
            self.busker("wait", run, "--limit", "20s")
            return said

        wait_until(lambda: "since: busker start r runs what is there now" in note(), "it is said")
        self.assertIn(f"it runs what was decided at 2", note())
        self.assertIn(f"{file} has changed since", note())
        self.assertNotIn("new\n", self.busker("logs", run).stdout)


if __name__ == "__main__":
    unittest.main()
