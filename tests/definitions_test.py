#!/usr/bin/env python3
"""What becomes of runs and schedules while files that define them are at fault, gone, or no files at all."""

import datetime
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from workshop import BUSKER, wait_until

SERVICE = """
name = "svc"
[model]
command = "sh -c 'until test -e {go}; do sleep 0.02; done; echo 1 > output/x'"
[actions.a]
schedule = "0 0 * * *"
start = "{start}"
catch_up = "all"
"""


def graph(name, code="true", **more):
    return json.dumps({"graph": {"dag_id": name, **more}, "tasks": [{"name": "t", "code": code}]})


def days_ago(days):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)).date().isoformat()


class Folders(unittest.TestCase):
    """A folder of graph files and one of a service, served by busker up with a home beside them."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-test-"))
        self.home = self.folder / "home"
        self.go = self.folder / "go"
        (self.folder / "g/configs").mkdir(parents=True)
        (self.folder / "s").mkdir()
        self.daemon = None

    def tearDown(self):
        self.go.touch()
        if self.daemon is not None:
            self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def service(self):
        return self.write("s/busker.toml", SERVICE.format(go=self.go, start=days_ago(3)))

    def queue_of_graphs(self):
        code = f"until test -e {self.go}; do sleep 0.02; done"
        return self.write("g/configs/nightly.json", graph(
            "nightly", code, schedule_interval="0 0 * * *", start_date=days_ago(4), catchup=True, max_active_runs=1))

    def up(self, *folders):
        self.log = open(self.folder / "up.log", "w+")
        self.daemon = subprocess.Popen(
            [str(BUSKER), "up", *(folders or ("s", "g")), "--home", str(self.home)], cwd=self.folder,
            stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        wait_until(lambda: "is up" in self.said() or self.daemon.poll() is not None, "busker is up")
        self.assertIsNone(self.daemon.poll(), self.said())

    def said(self):
        return (self.folder / "up.log").read_text()

    def down(self, limit=20):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(limit)
        self.log.close()
        self.daemon = None

    def busker(self, *words, timeout=30):
        return subprocess.run([str(BUSKER), *words, "--home", str(self.home)], cwd=self.folder, capture_output=True,
                              text=True, timeout=timeout, stdin=subprocess.DEVNULL)

    def facts(self, *words):
        done = self.busker(*words, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def states(self):
        return sorted(run["state"] for run in self.facts("runs"))

    def queued(self):
        return [run for run in self.facts("runs") if run["state"] == "queued"]

    def wait_for_states(self, states):
        wait_until(lambda: self.states() == sorted(states), f"the runs are {states}, not {self.states()}")



class Definitions(Folders):
    # A typo in a file and a restart failed every run that was queued, for good.
    def waits_and_goes_on(self, break_it, mend_it, why):
        self.up()
        self.wait_for_states(["running"] + ["queued"] * 3)
        self.down()
        break_it()
        self.up()
        self.go.touch()  # what runs needs no definition
        self.wait_for_states(["succeeded"] + ["queued"] * 3)
        wait_until(lambda: all(why in run["message"] for run in self.queued()), f"the reason is {why}")
        run = self.queued()[0]
        explained = self.busker("explain", run["id"]).stdout
        self.assertIn(why, explained)
        self.assertIn(f"busker cancel {run['id']} ends it", explained)
        self.assertIn(why, self.busker("status").stdout)
        self.assertEqual(self.busker("cancel", run["id"]).returncode, 0)
        mend_it()
        self.wait_for_states(["succeeded"] * 3 + ["cancelled"])
        self.assertFalse([run for run in self.facts("runs") if why in run["message"]])

    def test_queued_runs_outlive_a_typo_in_a_service_file_and_a_restart(self):
        file = self.service()
        good = file.read_text()
        self.waits_and_goes_on(lambda: file.write_text(good.replace('"all"', '"al"')), lambda: file.write_text(good),
                               "its definition is at fault")

    def test_queued_runs_outlive_a_typo_in_a_graph_file_and_a_restart(self):
        file = self.queue_of_graphs()
        good = file.read_text()
        self.waits_and_goes_on(lambda: file.write_text(good[:-1]), lambda: file.write_text(good),
                               "its definition is at fault")

    def test_queued_runs_outlive_a_file_that_is_away(self):
        file = self.queue_of_graphs()
        away = self.folder / "away"
        self.waits_and_goes_on(lambda: file.rename(away), lambda: away.rename(file), "no file defines it any more")

    def test_queued_runs_outlive_a_folder_that_is_empty_at_the_start(self):
        self.service()
        self.queue_of_graphs().unlink()
        away = self.folder / "away"

        def empty():
            (self.folder / "s/busker.toml").rename(away)

        self.waits_and_goes_on(empty, lambda: away.rename(self.folder / "s/busker.toml"),
                               "no file defines it any more")

    # A pipe in a definition's place was opened on the engine's own thread, and nothing started any more.
    def test_a_pipe_in_a_definitions_place_stops_nothing(self):
        hello = self.write("g/configs/hello.json", graph("hello", "echo hello"))
        self.write("g/configs/other.json", graph("other"))
        self.up("g")
        hello.unlink()
        os.mkfifo(hello)
        wait_until(lambda: "not a file" in self.busker("status").stdout, "the fault is seen")
        for name in ("hello", "other"):
            run = self.busker("start", name).stdout.strip()
            self.assertEqual(self.busker("wait", run, "--limit", "20s").returncode, 0, name)
        self.down()

    def test_a_pipe_in_a_logs_place_is_no_log(self):
        self.write("g/configs/hello.json", graph(
            "hello", 'cd "$(dirname "$PWD")"; rm -f log; mkfifo log; ls > /dev/null'))
        self.up("g")
        run = self.busker("start", "hello").stdout.strip()
        self.busker("wait", run, "--limit", "20s")
        for pipe in list(self.home.glob(f"runs/{run}/*/log")):
            if not pipe.is_fifo():
                pipe.unlink()
                os.mkfifo(pipe)
        self.assertNotEqual(self.busker("logs", run, timeout=20).returncode, 0)

    # A graph file that is being written made its folder a service, with an action of that name.
    def test_a_half_written_graph_file_is_no_service(self):
        self.write("g/configs/first.json", graph("first"))
        text = graph("second", "touch it")
        self.up("g")
        for half in ("", "{", text[:12], text[:30], text[:-3]):
            self.write("g/configs/second.json", half)
            wait_until(lambda: "second.json" in self.busker("status").stdout, f"the fault of {half!r} is seen")
            self.assertNotEqual(self.busker("start", "second").returncode, 0)
            (self.folder / "g/configs/second.json").unlink()
            wait_until(lambda: "second.json" not in self.busker("status").stdout, "and that it is gone")
        self.write("g/configs/second.json", text)
        wait_until(lambda: self.busker("start", "second").returncode == 0, "the whole file is a graph")


if __name__ == "__main__":
    unittest.main()
