"""A home that busker up serves, with graphs of all kinds, and what must hold of it whatever was done to it."""

import collections
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import time

import workshop
from workshop import Service

END_LIMIT = 60  # seconds: `up` ends after 30, whatever hangs
LEFT_LIMIT = 20  # seconds; a runner that has nothing to do ends with its daemon

# Each program notes its start in a file that Busker does not know, in one write, and says the same.
SAY = 'echo "$BUSKER_ATTEMPT" >> {witness}; echo "said $BUSKER_ATTEMPT"; '
SERVICE_FILE = """
name = "shop"
version = "1"
[model]
command = "./model.sh ${ACTION}"
environment = { WITNESS = "${ROOT}/witness" }
[actions.training]
[actions.application]
input = "live"
after = "training"
[actions.application.deliver."predictions.csv"]
table = "shop.predictions"
schema = { run = "STRING", row = "INT64" }
"""
MODEL_SAY = 'echo $BUSKER_ATTEMPT >> "$WITNESS"; echo "said $BUSKER_ATTEMPT"\n'
TRAINING = MODEL_SAY + 'sleep 0.03; echo m > output/model.txt; head -c 9000 /dev/zero > output/weights\n'
APPLICATION = MODEL_SAY + """
test -s output/model.txt
{ echo run,row; i=0; while [ $i -lt 50 ]; do echo "$BUSKER_RUN,$i"; i=$((i + 1)); done; } > output/predictions.csv
"""
# How each task of the graph "rules" ends when nothing but what it does itself goes wrong.
RULES = {"first": "succeeded", "left": "succeeded", "right": "succeeded", "join": "succeeded",
         "flaky": "succeeded", "after-flaky": "succeeded", "broken": "failed", "never": "failed",
         "cleanup": "succeeded", "rescue": "succeeded", "unless": "failed", "last": "succeeded"}


def rules(say):
    third = 'case "$BUSKER_ATTEMPT" in *.1) exit 7;; esac'
    return {
        "graph": {"dag_id": "rules", "max_active_runs": 3, "default_args": {"retry_delay": 0.05}},
        "tasks": [
            {"name": "first", "code": say + "true"},
            {"name": "left", "code": say + "sleep 0.05"},
            {"name": "right", "code": say + "i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); done"},
            {"name": "join", "code": say + "true"},
            {"name": "flaky", "code": say + third, "retries": 2},
            {"name": "after-flaky", "code": say + "sleep 0.02"},
            {"name": "broken", "code": say + "exit 3", "retries": 1},
            {"name": "never", "code": say + "true"},
            {"name": "cleanup", "code": say + "true", "trigger_rule": "all_done"},
            {"name": "rescue", "code": say + "true", "trigger_rule": "one_failed"},
            {"name": "unless", "code": say + "true", "trigger_rule": "none_failed"},
            {"name": "last", "code": say + "sleep 0.1", "trigger_rule": "all_done", "pool": "narrow"},
        ],
        "dependencies": [["left", "first"], ["right", "first"], ["join", "left"], ["join", "right"],
                         ["flaky", "first"], ["after-flaky", "flaky"], ["broken", "first"],
                         ["never", "broken"], ["cleanup", "broken"], ["rescue", "broken"],
                         ["unless", "broken"], ["last", "cleanup"], ["last", "join"]]}


def tiny(say):
    return {"graph": {"dag_id": "tiny", "schedule_interval": "@daily", "start_date": "2019-01-01",
                      "max_active_runs": 2},
            "tasks": [{"name": f"t{number}", "code": say + "true"} for number in range(25)],
            "dependencies": [[f"t{number}", f"t{number - 5}"] for number in range(5, 25)]}


def every_minute(say):
    return {"graph": {"dag_id": "minutes", "schedule_interval": "* * * * *"},
            "tasks": [{"name": "tick", "code": say + "true"}]}


class Home(Service):
    """`graphs`: what scheduler/configs/ holds, name -> function of the witness line; a service beside them."""

    def __init__(self, graphs=None, service=True, home=None, prefix=()):
        super().__init__(service_file=SERVICE_FILE if service else None, training=TRAINING,
                         application=APPLICATION)
        if not service:
            for name in ("model.sh", "configs/training.sh", "configs/application.sh"):
                (self.folder / name).unlink()
        self.prefix = list(prefix)
        self.runner_killed = set()  # attempts
        self.state = pathlib.Path(home) if home else self.folder / ".busker"
        self.witness = self.folder / "witness"
        self.witness.touch()
        say = SAY.format(witness=self.witness)
        for name, graph in (graphs or {"rules": rules, "tiny": tiny, "minutes": every_minute}).items():
            self.write(f"scheduler/configs/{name}.json", json.dumps(graph(say)))
        self.state.mkdir(parents=True, exist_ok=True)
        (self.state / "daemon.toml").write_text("slots = 6\n")

    @property
    def home(self):
        return self.state

    def up_words(self):
        return [str(workshop.BUSKER), "up", "-C", str(self.folder), "--home", str(self.state)]

    def up(self, **options):
        with open(self.folder / "up.out", "ab") as output:
            return subprocess.Popen([*self.prefix, *self.up_words()], stdout=output,
                                    stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                    start_new_session=True, **options)

    def said(self):
        return (self.folder / "up.out").read_text(errors="replace")

    def busker(self, *words, timeout=300, **options):
        return super().busker(words[0], "--home", str(self.state), *words[1:], timeout=timeout, **options)

    def ask(self, limit=100, **message):
        """The answer of the daemon; None when it is not there, or has gone before it answered."""
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel.settimeout(limit)
        try:
            channel.connect(str(self.state / "socket"))
            channel.sendall((json.dumps({"by": "trial", **message}) + "\n").encode())
            text = b""
            while not text.endswith(b"\n"):
                part = channel.recv(1 << 16)
                if not part:
                    return None
                text += part
            return json.loads(text)
        except (OSError, ValueError):
            return None
        finally:
            channel.close()

    def must_ask(self, limit=60, **message):
        found = []

        def answered():
            found[:] = [self.ask(**message)]
            return found[0] is not None

        workshop.wait_until(answered, f"an answer to {message}", limit)
        assert "error" not in found[0], f"{message}: {found[0]}"
        return found[0]

    def rows_of(self, sql):
        database = sqlite3.connect(f"file:{self.state / 'busker.db'}?mode=ro", uri=True, timeout=30)
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    def unfinished(self):
        try:
            return self.rows_of("SELECT count(*) FROM runs WHERE state IN ('queued', 'running')")[0][0]
        except sqlite3.Error:
            return 0  # nothing is on record yet

    def ending(self, run):
        found = self.rows_of(f"SELECT state FROM runs WHERE id = '{run}'")
        return found[0][0] if found else None

    def drain(self, limit=600):
        """Brings everything to its end with an undisturbed daemon, and ends that; what went wrong."""
        daemon = self.up()
        try:
            self.must_ask(verb="status")
            workshop.wait_until(lambda: self.unfinished() == 0, "every run has ended", limit)
        except AssertionError as late:
            unfinished = self.rows_of("SELECT id, graph, state FROM runs WHERE state IN ('queued', 'running')")
            workshop.kill(daemon.pid)
            daemon.wait()
            return [f"{late}: {unfinished[:5]}; {self.said()[-600:]}"]
        daemon.send_signal(signal.SIGTERM)
        try:
            code = daemon.wait(timeout=END_LIMIT)
        except subprocess.TimeoutExpired:
            workshop.kill(daemon.pid)
            daemon.wait()
            return [f"SIGTERM does not end the daemon within {END_LIMIT} s"]
        return [] if code == 0 else [f"the daemon ended with {code}: {self.said()[-600:]}"]

    def leftovers(self):
        """Processes that carry an attempt of this home, or work in it, and do not end by themselves in a moment."""
        deadline = time.monotonic() + LEFT_LIMIT
        while (found := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return [f"left behind: {each}" for each in found]

    def processes(self):
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                here = os.readlink(process / "cwd")
                environment = (process / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            names = str(self.folder), str(self.state)
            if int(process.name) != os.getpid() and any(name in text for name in names
                                                        for text in (words, here, environment)):
                if workshop.is_alive(int(process.name)):
                    found.append(f"process {process.name} ({words[:150].strip()})")
        return found

    def check(self):
        """What is wrong when everything has ended and no daemon is up; an empty list: nothing."""
        wrong = []
        checked = self.busker("fsck")
        if checked.returncode != 0 or "note:" in checked.stdout:
            wrong.append(f"fsck: {checked.stdout}{checked.stderr}")
        starts = collections.Counter(self.witness.read_text().split("\n")[:-1])
        wrong += [f"{name} was started {count} times" for name, count in starts.items() if count > 1]
        attempts = {}
        for run, task, number, *rest in self.rows_of(
                "SELECT run, task, number, ending, exit_code, cpu_ms, memory_peak_bytes FROM attempts"):
            if task.split("-")[0] not in ("promote", "deliver"):  # Busker's own steps
                attempts[f"{run}/{task}.{number}"] = rest
        wrong += [f"{name} was started and is not on record" for name in starts if name not in attempts]
        for name, (ending, code, cpu, memory) in attempts.items():
            if ending in ("succeeded", "exited") and name not in starts:
                wrong.append(f"{name} is on record as {ending} but never ran")
            if ending == "succeeded" and code != 0:
                wrong.append(f"{name} succeeded with exit code {code}")
            if ending == "exited" and code not in (3, 7):
                wrong.append(f"{name} exited with {code}, which it does not")
            if name in self.runner_killed:  # a saved version tells that it succeeded, and no more
                continue
            if ending in ("succeeded", "exited") and memory < 100_000:
                wrong.append(f"the memory of {name} is on record as {memory} bytes")
            if ending in ("succeeded", "exited") and "/right." in name and cpu <= 0:
                wrong.append(f"the CPU time of {name} is on record as {cpu} ms")
            if ending == "succeeded":
                log = self.state / "runs" / name / "log"
                if not log.exists() or log.read_text().count(f"said {name}\n") != 1:
                    wrong.append(f"the output of {name} is not what it wrote")
        twice = self.rows_of("SELECT graph, due FROM runs WHERE due IS NOT NULL GROUP BY graph, due "
                             "HAVING count(*) > 1")
        wrong += [f"{graph} has two runs for {due}" for graph, due in twice]
        return wrong + self.check_rules()

    def check_rules(self):
        """Where nothing came between, each task of "rules" ended as it must."""
        wrong = []
        disturbed = {run for run, in self.rows_of(
            "SELECT run FROM attempts WHERE ending NOT IN ('succeeded', 'exited') UNION "
            "SELECT id FROM runs WHERE cancel_requested UNION "
            "SELECT run FROM events WHERE what LIKE '%again%' OR what LIKE '%by hand%'")}
        for run, task, state in self.rows_of(
                "SELECT run, name, tasks.state FROM tasks JOIN runs ON run = id WHERE graph = 'rules'"):
            expected = RULES[task]
            # What follows from a failure may be called failed or skipped.
            meant = {expected, "skipped"} if task in ("never", "unless") else {expected}
            if run not in disturbed and state not in meant:
                wrong.append(f"task {task} of run {run} {state}, not {expected}")
        for run, graph, state, message in self.rows_of("SELECT id, graph, state, message FROM runs"):
            expected = "failed" if graph == "rules" else "succeeded"
            # The run of an older training, retried, comes after that of a newer one: it may not deliver.
            if graph == "shop/application" and "and the table has one for" in message:
                expected = "failed"
            if run not in disturbed and state != expected:
                wrong.append(f"run {run} of {graph} {state}, not {expected}")
        return wrong
