"""A small service in a temporary folder, and the real busker run on it: what the tests share."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("BUSKER_BUILD", SOURCE / "build" / "release")).resolve()
BUSKER = BUILD / "busker"
RUNNER = BUILD / "busker-runner"

# A model program in shell: what it does is in its config, so a test says it in a line.
MODEL = """#!/bin/sh
# model.sh ACTION CONFIG: runs configs/ACTION.sh in the working folder.
set -eu
. "./configs/$1.sh"
"""

SERVICE_FILE = """
name = "shop"
version = "1"

[model]
command = "./model.sh ${ACTION}"

[actions.training]
promote_when = "auc >= live.auc - 0.01"

[actions.application]
input = "live"

[actions.application.deliver."predictions.csv"]
table = "shop.predictions"
schema = { player_id = "STRING", label = "BOOL" }
"""

TRAINING = """
echo "a model of $BUSKER_DATE" > output/model.txt
echo '{"auc": 0.8, "rows": 1200}' > output/metrics.json
"""

APPLICATION = """
test -s output/model.txt
printf 'player_id,label\\n001,true\\n002,false\\n' > output/predictions.csv
"""


class Service:
    """A service folder; what it says can be changed by writing to its files."""

    def __init__(self, service_file=SERVICE_FILE, training=TRAINING, application=APPLICATION):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-test-"))
        (self.folder / "configs").mkdir()
        self.write("model.sh", MODEL, mode=0o755)
        if service_file is not None:
            self.write("busker.toml", service_file)
        self.write("configs/training.sh", training)
        self.write("configs/application.sh", application)

    def close(self):
        """Ends the busker that still answers for the home, by its id, and then the attempts that it left."""
        owner = self.owner()
        if owner is not None:
            kill(owner)
        for attempt in self.attempts():
            runner = runner_of(attempt)
            if runner is not None and not (attempt / "exit.json").exists():
                kill(runner, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, text, mode=0o644):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    @property
    def home(self):
        return self.folder / ".busker"

    def owner(self):
        """The id of the process that answers for the home; None: there is none."""
        with contextlib.suppress(FileNotFoundError), open(self.home / "owner") as owner:
            try:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                while len(words := owner.read().split()) < 2:  # it is just written
                    owner.seek(0)
                return int(words[1])
        return None

    def busker(self, *words, timeout=300, **options):
        """Runs busker to its end; returns the finished process with text output."""
        return subprocess.run(
            [str(BUSKER), words[0], "-C", str(self.folder), *words[1:]],
            capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, **options)

    def start(self, *words, **options):
        """Starts busker in a session of its own; the caller waits for it."""
        return subprocess.Popen(
            [str(BUSKER), words[0], "-C", str(self.folder), *words[1:]],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            stdin=subprocess.DEVNULL, start_new_session=True, **options)

    def facts(self, *words):
        """What busker prints with --json; it must succeed."""
        done = self.busker(*words, "--json")
        assert done.returncode == 0, f"busker {' '.join(words)}: {done.stderr}{done.stdout}"
        return json.loads(done.stdout)

    def must(self, *words):
        done = self.busker(*words)
        assert done.returncode == 0, f"busker {' '.join(words)}: {done.stderr}{done.stdout}"
        return done.stdout

    def rows(self, table="shop.predictions"):
        return self.facts("query", f"SELECT count(*) AS n FROM {table}")[0]["n"]

    def attempts(self):
        """The folders of all attempts, oldest first."""
        return sorted(attempts_in(self.home), key=lambda path: path.stat().st_mtime_ns)


def attempts_in(home):
    """The folders of all attempts. What begins with a dot is a runner's own (runs/.work-PID), and may go at any moment:
    a glob that was just looking into it failed."""
    runs = home / "runs"
    names = [name for name in os.listdir(runs) if not name.startswith(".")] if runs.exists() else []
    there = [runs / name / task for name in names if (runs / name).is_dir() for task in os.listdir(runs / name)]
    return [path for path in there if path.suffix != ".json"]  # how far a run's log is copied


def run_on_terminal(words, folder, columns=80, timeout=60):
    """What a program writes to a terminal of so many columns, until it ends."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    program = subprocess.Popen(words, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written = b""
    with contextlib.suppress(OSError):  # of a terminal that nobody has open any more
        while block := os.read(ours, 65536):
            written += block
    os.close(ours)
    program.wait(timeout)
    return written.decode().replace("\r\n", "\n")


def free_port():
    """A port that nobody has. The kernel gives those from 32768 on to whoever asks for any: none of these is taken in between."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = random.randrange(10_000, 30_000)
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(condition, what, limit=60):
    """Waits for something that another process does; fails by name after the limit."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {limit} s in vain: {what}")
        time.sleep(0.005)


def runner_of(attempt):
    """The process id of the runner of an attempt; None when it has none yet."""
    try:
        return int((attempt / "lock").read_text().split()[0]) or None
    except (FileNotFoundError, ValueError, IndexError):
        return None


def kill(process_id, how=signal.SIGKILL):
    try:
        os.kill(process_id, how)
    except ProcessLookupError:
        pass


def is_alive(process_id):
    try:
        return pathlib.Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


if not BUSKER.exists():
    sys.exit(f"{BUSKER} is missing; script/build makes it")
