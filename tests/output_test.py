"""What a program writes, and what people are told of it: the reason of a failure, and what is to see meanwhile."""

import json
import os
import pathlib
import pty
import select
import subprocess
import sys
import tempfile
import time
import unittest

import workshop

BUSKER = workshop.BUSKER


class Folder(unittest.TestCase):
    """A folder with services of one program, and graph files of one task."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="busker-test-", ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def busker(self, *words, **options):
        return subprocess.run([BUSKER, *words], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, **options)

    def run_graph(self, code, **options):
        self.write("configs/g.json", json.dumps({"graph": {"dag_id": "g"}, "tasks": [{"name": "t", "code": code}]}))
        return self.busker("graph", "run", "configs/g.json", **options)

    def reason(self, code, **options):
        done = self.run_graph(code, **options)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        return done.stderr.rstrip("\n").partition("last output: ")[2]


class TheReason(Folder):

    # An old line of a Python program's output was told as the reason, and not its exception.
    def test_of_a_python_program_is_its_exception(self):
        self.assertEqual(self.reason("python3 -c 'print(\"loading\"); raise ValueError(\"bad\\nthing\")'"),
                         "ValueError: bad\nthing")

    # What a program in another language has buffered comes behind its error.
    def test_is_the_last_line_of_the_errors(self):
        self.assertEqual(self.reason("echo loading; echo 'no such column' >&2; echo bye; exit 1"), "no such column")

    # Of a progress bar the first states were told.
    def test_is_what_a_terminal_shows_of_a_progress_bar(self):
        self.assertEqual(self.reason("for i in $(seq 1 500); do printf '\\rstep %3d/500' $i >&2; done; "
                                     "printf '\\rCUDA out of memory' >&2; exit 1"), "CUDA out of memory")


class Output(Folder):

    # Nothing was to see of a Python program until it had ended.
    def test_of_python_is_there_while_it_runs(self):
        go = self.folder / "go"
        code = ("python3 -c 'import os, time\nprint(\"loading\")\nend = time.time() + 30\n"
                f"while not os.path.exists(\"{go}\") and time.time() < end: time.sleep(0.01)'")
        self.write("configs/g.json", json.dumps({"graph": {"dag_id": "g"}, "tasks": [{"name": "t", "code": code}]}))
        run = subprocess.Popen([BUSKER, "graph", "run", "configs/g.json"], cwd=self.folder, text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(run.stdout.close)
        shown = []
        for line in run.stdout:
            shown.append(line)
            if "loading" in line:
                self.assertIsNone(run.poll())
                go.touch()
        self.assertEqual(run.wait(timeout=30), 0, shown)
        self.assertIn("loading", "".join(shown))

    def test_of_python_is_buffered_when_the_environment_says_so(self):
        done = self.run_graph("echo \"<$PYTHONUNBUFFERED>\"", env=dict(os.environ, PYTHONUNBUFFERED=""))
        self.assertIn("<>", done.stdout)


class Shown(Folder):
    """What a terminal would show of a log, and what does not reach one."""

    BAR = "printf '\\r1/3\\r2/3\\r3/3\\n\\033[32mgreen\\033[0m\\033]0;title\\007 end\\n'"

    def on_a_terminal(self, *words, until=None, then=None):
        """What busker writes to a terminal; `then` is called once `until` has come."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.execv(BUSKER, [str(BUSKER), *words])
        shown = b""
        try:
            while select.select([terminal], [], [], 30)[0]:
                shown += os.read(terminal, 65536)
                if until is not None and until in shown:
                    then()
                    until = None
        except OSError:
            pass  # its end
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown

    # All states of a progress bar stood in a line, with \x0d between, and colours as \x1b[32m.
    def test_a_log_is_what_a_terminal_would_show(self):
        done = self.run_graph(self.BAR)
        self.assertIn("| 3/3\n", done.stdout)
        self.assertIn("| green end\n", done.stdout)
        self.assertIn("3/3\ngreen end\n", self.busker("logs").stdout)

    def test_a_terminal_gets_the_colours_and_no_other_escapes(self):
        self.run_graph(self.BAR)
        code, shown = self.on_a_terminal("logs")
        self.assertEqual(code, 0)
        self.assertIn(b"\x1b[32mgreen\x1b[0m end", shown)
        self.assertNotIn(b"title", shown)
        self.assertNotIn(b"1/3", shown)

    def test_the_bytes_as_they_are_stored_are_to_be_had(self):
        self.run_graph(self.BAR)
        raw = subprocess.run([BUSKER, "logs", "--raw"], cwd=self.folder, capture_output=True, timeout=60).stdout
        self.assertIn(b"\r1/3\r2/3\r3/3\n\x1b[32mgreen\x1b[0m\x1b]0;title\x07 end\n", raw)
        code, shown = self.on_a_terminal("logs", "--raw")
        self.assertEqual(code, 2)
        self.assertNotIn(b"title", shown)

    # A bar that goes was shown when its line had ended.
    def test_a_line_that_has_not_ended_is_shown_soon(self):
        go = self.folder / "go"
        self.write("configs/g.json", json.dumps({"graph": {"dag_id": "g"}, "tasks": [{"name": "t", "code":
                   f"printf '\\r1/2'; for i in $(seq 3000); do [ -e {go} ] && break; sleep 0.01; done; printf '\\r2/2\\n'"}]}))
        self.assertEqual(self.busker("start", "g").returncode, 0)
        code, shown = self.on_a_terminal("logs", "-f", until=b"1/2", then=go.touch)
        self.assertEqual(code, 0)
        self.assertTrue(go.exists())
        self.assertIn(b"2/2", shown)


class Python(Folder):

    # A missing module was told four times, with no word of what to do.
    def test_a_missing_environment_is_told_with_the_command_that_makes_it(self):
        command = "busker build --target local"
        self.write("configs/training.json", "{}")
        self.write("source/prediction/__init__.py", "")
        self.write("source/prediction/main.py", "import module_that_is_not_there\n")
        self.write("requirements.txt", "module-that-is-not-there\n")
        checked = self.busker("validate")
        self.assertEqual(checked.returncode, 0)
        self.assertIn(command, checked.stderr)
        done = self.busker("run", "training")
        self.assertEqual(done.returncode, 1)
        self.assertIn("last output: ModuleNotFoundError: No module named 'module_that_is_not_there'; ", done.stderr)
        self.assertIn(command, done.stderr)
        (self.folder / ".venv/bin").mkdir(parents=True)
        (self.folder / ".venv/bin/python").symlink_to(sys.executable)
        self.assertNotIn(command, self.busker("validate").stderr)
        self.assertIn("; in the service's folder, busker build --target local makes what it needs",
                      self.busker("run", "training").stderr)


class Metrics(Folder):

    # Of NaN, as Python writes it, the parser's words were told, and not where hours of work are.
    def test_that_are_no_numbers_are_named_and_the_output_is_to_be_found(self):
        self.write("busker.toml", "[model]\ncommand = \"bash -c 'cat $0/metrics.json > output/metrics.json; "
                   f"echo 1 > output/model' {self.folder}\"\n[actions.training]\n")
        self.write("metrics.json", '{"auc": NaN}')
        said = self.busker("run", "training").stderr
        self.assertIn('metrics.json:1:9: "auc" is NaN, which is not a number; what the program left is in ', said)
        place = said.rstrip("\n").rpartition(" is in ")[2]
        self.assertTrue(place.startswith(".busker/runs/"), place)
        self.assertEqual((self.folder / place / "model").read_text(), "1\n")


class Refused(Folder):

    # What a delivery had refused was tried again, and told three times for each try.
    def test_a_delivery_is_tried_once_and_told_once(self):
        self.write("in.csv", "id,score\n1,0.5\n")
        self.write("busker.toml", f"""
[model]
command = "cp {self.folder}/in.csv output/predictions.csv"
[actions.application]
input = "none"
retries = 3
retry_delay = "30s"
[actions.application.deliver."predictions.csv"]
table = "s.t"
schema = {{ id = "INT64", label = "BOOL" }}
""")
        done = self.busker("run", "application")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count('has no column "label"'), 1, done.stdout)
        self.assertEqual(done.stderr.count('has no column "label"'), 1, done.stderr)
        self.assertNotIn("exit code", done.stdout + done.stderr)
        self.assertIn("not tried again", done.stderr)
        self.assertIn("not tried again", self.busker("explain", "application").stdout)


if __name__ == "__main__":
    unittest.main()
