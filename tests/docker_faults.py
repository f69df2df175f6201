"""kill -9 at any moment of an attempt in a container: of busker, of the runner inside, of dockerd, of several of them; and of
busker, and of the runner, at every system call that changes something. Part of docker_test.py.

After each kill the next run must just work, busker fsck must find nothing, the table must be wholly of one delivery, no
program may have been started twice (the programs themselves say so, in a file outside of Busker's reach), no container
may be left, and nobody else's container may have been touched: 50 decoys have names and labels much like ours.
"""

import collections
import json
import os
import random
import shutil
import time

import kill_at_call
import workshop
from workshop import Service

MUTATING = ("write,pwrite64,writev,fsync,fdatasync,openat,rename,renameat2,unlink,unlinkat,link,linkat,"
            "symlink,symlinkat,mkdir,mkdirat,ftruncate,fallocate,clone,clone3,vfork,execve,kill")
SAY = "echo $BUSKER_ATTEMPT >> \"$WITNESS\"\n"
TRAINING = SAY + """
sleep 0.$DELAY
echo "a model of $BUSKER_RUN" > output/model.txt
head -c 30000 /dev/zero > output/weights
echo '{"auc": 0.8, "rows": 1200}' > output/metrics.json
"""
# 500 rows that all name their run: a table of two runs shows at once.
APPLICATION = SAY + """
test -s output/model.txt
sleep 0.$DELAY
{ echo run,row; i=0; while [ $i -lt 500 ]; do echo "$BUSKER_RUN,$i"; i=$((i + 1)); done; } > output/predictions.csv
"""
SERVICE_FILE = """
name = "shop"
version = "1"
target = "docker"
[model]
command = "./model.sh ${{ACTION}}"
environment = {{ WITNESS = "{outside}/witness", DELAY = "2" }}
[actions.training]
[actions.application]
input = "live"
[actions.application.deliver."predictions.csv"]
table = "shop.predictions"
schema = {{ run = "STRING", row = "INT64" }}
[targets.docker]
executor = "docker://{socket}?network=none&mount={outside}:rw"
image = "faults"
"""
TRACED = """#!/bin/sh
# The first that comes is killed at a call; the next ones, which settle what it left, are not.
mkdir {outside}/once 2> /dev/null || exec {runner} "$@"
exec /usr/bin/strace -f -q -o {outside}/trace -e trace={mutating} -e inject={mutating}:signal=KILL:when={call} {runner} "$@"
"""
DECOYS = 50
RUNNING_DECOYS = 8
LEFT_LIMIT = 20  # seconds: twice as long as Busker waits for the engine


class Victim(Service):
    def __init__(self, engine):
        super().__init__(training=TRAINING, application=APPLICATION)
        self.engine = engine
        self.outside = self.folder.with_name(self.folder.name + "-outside")
        self.outside.mkdir()
        self.write("busker.toml", SERVICE_FILE.format(outside=self.outside, socket=engine.socket))
        engine.make_image("faults:1", self.folder, [workshop.RUNNER, "/usr/bin/strace"])
        self.must("run", "training")
        self.must("run", "application")
        self.instance = json.loads((self.home / "instance").read_text())["id"]
        self.decoys = self.make_decoys()

    def close(self):
        for decoy in self.decoys:
            self.engine.call("DELETE", f"/containers/{decoy}?force=true")
        super().close()
        shutil.rmtree(self.outside, ignore_errors=True)

    def make_decoys(self):
        """Much like ours, in name and labels, and none of ours."""
        run = self.facts("runs")[0]["id"]
        labels = [{}, {"busker.home": self.instance + "0", "busker.attempt": f"{run}/training.1"},
                  {"busker.home": self.instance[:-1], "busker.attempt": f"{run}/training.1"},
                  {"busker.attempt": f"{run}/training.1"}, {"Busker.Home": self.instance, "Busker.Attempt": f"{run}/t.1"},
                  {"busker.home": "", "busker.attempt": f"{run}/training.1"}, {"busker": self.instance},
                  {"com.example/busker.home": self.instance}, {"busker.home": f"x={self.instance}"}]
        made = {}
        for number in range(DECOYS):
            name = f"busker-{run}-training.{number + 1}-{number:012x}"
            status, body = self.engine.call("POST", f"/containers/create?name={name}", {
                "Image": "faults:1", "Cmd": ["/bin/sleep", "100000"], "Labels": labels[number % len(labels)],
                "HostConfig": {"NetworkMode": "none"}})
            assert status == 201, body
            if number < RUNNING_DECOYS:
                self.engine.call("POST", f"/containers/{name}/start")
            made[json.loads(body)["Id"]] = None
        for decoy in made:
            made[decoy] = self.look_of(decoy)
        return made

    def look_of(self, decoy):
        facts = self.engine.inspect(decoy)
        state = facts["State"]
        return facts["Name"], state["Status"], state["StartedAt"], state["FinishedAt"], facts["Config"]["Labels"]

    def ours(self):
        return self.engine.containers(f"busker.home={self.instance}")

    def settle(self):
        """What is left of ours. What an engine takes longer to remove than Busker waits for it, the next run there sweeps."""
        for is_last in (False, False, True):
            deadline = time.monotonic() + LEFT_LIMIT
            while (left := self.ours()) and time.monotonic() < deadline:
                time.sleep(0.05)
            if not left or is_last:
                return left
            self.must("run", "training")

    def check(self, action):
        """Runs on after a fault; returns what is wrong, or nothing."""
        done = self.busker("run", action, "--quiet")
        if done.returncode != 0:
            return f"the next run failed: {done.stdout}{done.stderr}"
        done = self.busker("fsck")
        if done.returncode != 0 or "note:" in done.stdout:
            return f"fsck: {done.stdout}{done.stderr}"
        rows = self.facts("query", "SELECT run, count(*) AS n FROM shop.predictions GROUP BY run")
        if [row["n"] for row in rows] != [500]:
            return f"a torn table: {rows}"
        starts = collections.Counter((self.outside / "witness").read_text().split())
        twice = [attempt for attempt, count in starts.items() if count > 1]
        if twice:
            return f"started twice: {twice}"
        if left := self.settle():
            return f"containers left: {[(each['Names'], each['State']) for each in left]}"
        touched = [decoy for decoy, look in self.decoys.items() if self.look_of(decoy) != look]
        return f"decoys touched: {touched}" if touched else ""


def kill_at_random(victim, dice, count):
    action = dice.choice(["training", "application"])
    run = victim.start("run", action, "--quiet")
    deadline = time.monotonic() + dice.choice([dice.uniform(0.0, 0.3), dice.uniform(0.0, 1.2)])
    whom = dice.choice(["busker", "runner", "engine", "busker and runner", "busker and engine", "container"])
    while time.monotonic() < deadline and run.poll() is None:
        time.sleep(0.001)
    if "busker" in whom:
        run.kill()
    if "runner" in whom or whom == "container":
        for container in victim.ours():
            if whom == "container":
                victim.engine.call("DELETE", f"/containers/{container['Id']}?force=true")
                continue
            status, body = victim.engine.call("GET", f"/containers/{container['Id']}/json")
            process = json.loads(body)["State"]["Pid"] if status == 200 else 0
            if process:
                workshop.kill(process)
    if "engine" in whom:
        victim.engine.kill()
        time.sleep(dice.choice([0, dice.uniform(0, 0.5)]))
        victim.engine.start()
    run.communicate(timeout=300)
    count[whom] += 1
    return action, f"{action}, {whom} killed"


def kill_busker_at(victim, action, call):
    words = [str(workshop.BUSKER), "run", "-C", str(victim.folder), action, "--quiet"]
    return kill_at_call.run(words, call, victim.home / "traced.out") is None


def kill_runner_at(victim, action, call):
    """The runner and what it starts, at the call-th such call of each; true when it got through without."""
    shutil.rmtree(victim.outside / "once", ignore_errors=True)
    trace = victim.outside / "trace"
    trace.unlink(missing_ok=True)
    traced = victim.write("traced-runner", TRACED.format(outside=victim.outside, runner=workshop.RUNNER, mutating=MUTATING,
                                                         call=call), mode=0o755)
    done = victim.busker("run", action, "--quiet", env={**os.environ, "BUSKER_RUNNER": str(traced)})
    assert trace.exists(), f"no runner was traced: {done.stdout}{done.stderr}"
    return "+++ exited" in trace.read_text() and "killed by SIGKILL" not in trace.read_text()


def run(engine, trials, seed, stride):
    """Returns how many failed."""
    print(f"docker: {trials} random kills, seed {seed}; every {stride}. mutating system call", flush=True)
    dice, begun = random.Random(seed), time.monotonic()
    passed = failed = 0
    count = collections.Counter()
    victim = Victim(engine)

    def judge(action, what):
        nonlocal victim, passed, failed
        try:
            wrong = victim.check(action)
        except Exception as error:  # what ran out of time, too, is one trial that failed, and told as that
            wrong = f"the trial itself: {error!r}"
        if not wrong:
            passed += 1
            return
        failed += 1
        print(f"FAILED {what}: {wrong}\n  left in {victim.folder}", flush=True)
        for container in victim.ours():
            engine.call("DELETE", f"/containers/{container['Id']}?force=true")
        for decoy in victim.decoys:
            engine.call("DELETE", f"/containers/{decoy}?force=true")
        victim = Victim(engine)

    for number in range(trials):
        action, what = kill_at_random(victim, dice, count)
        judge(action, f"random trial {number} ({what})")
        if number % 50 == 49:
            print(f"  {number + 1} random kills, {time.monotonic() - begun:.0f} s: {dict(count)}", flush=True)
    for place, attempt in (("busker", kill_busker_at), ("the runner inside", kill_runner_at)):
        call, through = 1 + dice.randrange(stride), 0
        while through < 2 and call < 3000:  # twice: the last call was passed
            through += 1 if attempt(victim, "training", call) else 0
            judge("training", f"{place} killed at call {call}")
            call += stride
        print(f"  {place}: up to call {call}, {time.monotonic() - begun:.0f} s", flush=True)
    victim.close()
    print(f"docker: {passed} passed, {failed} failed, {time.monotonic() - begun:.0f} s", flush=True)
    return failed
