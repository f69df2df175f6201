"""A run that is looked at while it goes: all lines, in order, as they come, and at no cost to the run."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import workshop
from workshop import BUSKER, Service, wait_until


class Graph:
    """A graph file in a folder of its own."""

    def __init__(self, tasks, after=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-test-"))
        self.file = self.folder / "configs" / "graph.json"
        self.file.parent.mkdir()
        self.file.write_text(json.dumps({"graph": {"dag_id": "graph"}, "dependencies": list(after),
                                         "tasks": [{"name": name, "code": code} for name, code in tasks.items()]}))
        self.home = self.folder / "home"
        self.words = [str(BUSKER), "graph", "run", str(self.file), "--home", str(self.home)]

    def run(self, *words):
        return subprocess.run([*self.words, *words], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)

    def start(self, *words):
        return subprocess.Popen([*self.words, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                stdin=subprocess.DEVNULL)

    def close(self):
        with contextlib.suppress(FileNotFoundError, IndexError, ValueError):
            if workshop.is_alive(owner := int((self.home / "owner").read_text().split()[1])):
                workshop.kill(owner)
        shutil.rmtree(self.folder, ignore_errors=True)


def lines_of(shown, task):
    """What a run showed of a task's log, without the two lines of the runner's own."""
    found = re.findall(rf"^ *{re.escape(task)} \| (.*)$", shown, re.MULTILINE)
    return [line for line in found if line not in ("Running the action...", "Well done.")]


class FollowTest(unittest.TestCase):
    def graph(self, *arguments):
        graph = Graph(*arguments)
        self.addCleanup(graph.close)
        return graph

    def test_shows_every_line_of_many_short_tasks(self):
        # The folder of each attempt was made, with its syncs, by who looked: 1,000 tasks took 7 s instead of 1.2 s.
        done = self.graph({f"t{i}": f"echo first of {i}; echo last of {i}" for i in range(200)}).run()
        self.assertEqual(done.returncode, 0, done.stderr)
        for i in range(200):
            self.assertEqual(lines_of(done.stdout, f"t{i}"), [f"first of {i}", f"last of {i}"])
            self.assertLess(done.stdout.index(f"last of {i}\n"), done.stdout.index(f"  t{i} succeeded\n"))

    def test_shows_every_line_of_a_task_that_writes_many(self):
        # Each line was a write to the terminal of its own.
        done = self.graph({"chatty": "seq -f 'line %.0f' 300000"}).run()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(lines_of(done.stdout, "chatty"), [f"line {i}" for i in range(1, 300001)])

    def test_shows_lines_while_the_tasks_run(self):
        gate = pathlib.Path(tempfile.mkdtemp(prefix="busker-test-")) / "gate"
        self.addCleanup(shutil.rmtree, gate.parent, True)
        code = f"echo early; while ! test -e {gate}; do sleep 0.02; done; echo late"
        run = self.graph({"a": code, "b": code, "c": "true"}).start()
        early = set()
        for line in run.stdout:  # ends by the program's end at the latest
            if line.endswith("| early\n"):
                early.add(line.split()[0])
            if early == {"a", "b"}:
                break
        gate.touch()
        rest, _ = run.communicate(timeout=30)
        self.assertEqual(run.returncode, 0, rest)
        self.assertEqual((lines_of(rest, "a"), lines_of(rest, "b")), (["late"], ["late"]))

    def test_logs_of_an_attempt_that_was_lost_have_an_end(self):
        # It waited for ever for an exit record, which nobody would write any more.
        graph = self.graph({"a": "echo all there is"})
        done = graph.run("-q")
        self.assertEqual(done.returncode, 0, done.stderr)
        for record in graph.home.glob("runs/*/a.1/exit.json"):
            record.unlink()
        shown = subprocess.run([str(BUSKER), "logs", "graph", "-f", "--home", str(graph.home)], capture_output=True,
                               text=True, timeout=30, stdin=subprocess.DEVNULL)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("\nall there is\n", shown.stdout)

    def test_shows_what_ended_while_nobody_told_of_it(self):
        # Whoever followed was not told of tasks that ended between two owners of the home.
        service = Service(training="""
while ! test -e GATE/go; do sleep 0.01; done
echo the last line
""" + workshop.TRAINING)
        self.addCleanup(service.close)
        training = service.folder / "configs/training.sh"
        training.write_text(training.read_text().replace("GATE", str(service.folder)))
        up = service.start("up", "-q")
        self.addCleanup(up.stdout.close)
        wait_until(lambda: service.owner() == up.pid and (service.home / "socket").exists(), "busker is up")
        run = service.start("run", "training")
        wait_until(lambda: any((a / "log").exists() for a in service.attempts()), "the program runs")
        os.kill(run.pid, signal.SIGSTOP)  # it hears of nothing
        up.kill()
        up.wait()
        (service.folder / "go").touch()
        wait_until(lambda: any((a / "exit.json").exists() for a in service.attempts()), "the training has ended")
        service.busker("status")
        os.kill(run.pid, signal.SIGCONT)
        shown, _ = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 0, shown)
        self.assertEqual(lines_of(shown, "training"), ["the last line"])
        self.assertEqual(shown.count("  training succeeded\n"), 1)
        self.assertEqual(shown.count("  promote succeeded\n"), 1)


if __name__ == "__main__":
    unittest.main()
