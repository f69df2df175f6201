"""kill -9 at any moment: of busker, of the runner, of a delivery, of the daemon; at random and at every
system call that changes something.

    faults_test.py [--trials N] [--seed S] [--stride K] [--kills N] [--part run|daemon|troubles]

With busker run: after each kill the next run must just work, busker fsck must find nothing, every table must
be wholly of one delivery, no version may be visible that is not whole, and no attempt's program may have been
started twice: the programs themselves say so in a file outside of Busker's reach. Random kills hit the
long waits; so the second part kills at the 1st, 2nd, 3rd, ... mutating system call (every K-th) until
a run gets through. Then the same with busker up (daemon_faults.py), 5 N random kills of it; then a full
disk, a clock that is set, syncs that fail and floods of output (daemon_troubles.py). Closes with a line that
counts the trials passed and failed.
"""

import argparse
import collections
import os
import random
import subprocess
import sys
import time

import daemon_faults
import daemon_troubles
import kill_at_call
import workshop
from workshop import Service

MUTATING = ("write,pwrite64,writev,fsync,fdatasync,openat,rename,renameat2,unlink,unlinkat,link,linkat,"
            "symlink,symlinkat,mkdir,mkdirat,ftruncate,fallocate,clone,clone3,vfork,execve,kill")
SAY = "echo $BUSKER_ATTEMPT >> \"$WITNESS\"\n"
TRAINING = SAY + """
sleep 0.0$((RANDOM_DELAY))
echo "a model of $BUSKER_RUN" > output/model.txt
head -c 30000 /dev/zero > output/weights
echo '{"auc": 0.8, "rows": 1200}' > output/metrics.json
"""
# 500 rows that all name their run: a table of two runs shows at once.
APPLICATION = SAY + """
test -s output/model.txt
{ echo run,row; i=0; while [ $i -lt 500 ]; do echo "$BUSKER_RUN,$i"; i=$((i + 1)); done; } > output/predictions.csv
"""
SERVICE_FILE = """
name = "shop"
version = "1"
[model]
command = "./model.sh ${ACTION}"
environment = { WITNESS = "${ROOT}/witness", RANDOM_DELAY = "3" }
[actions.training]
[actions.application]
input = "live"
[actions.application.deliver."predictions.csv"]
table = "shop.predictions"
schema = { run = "STRING", row = "INT64" }
"""


class Victim(Service):
    def __init__(self):
        super().__init__(service_file=SERVICE_FILE, training=TRAINING, application=APPLICATION)
        self.must("run", "training")
        self.must("run", "application")

    def traced_runner(self, task, call):
        """A runner that is killed once: on this task, with what it started, at this call of each. It
        carries its orders in its text, for a runner is started with an empty environment. Of another
        task it takes the one order, so that this one gets a runner of its own."""
        (self.home / "trace").unlink(missing_ok=True)
        return self.write("traced-runner", f"""#!{sys.executable}
import os, socket, sys
RUNNER, MUTATING, ONCE = "{workshop.RUNNER}", "{MUTATING}", "{self.home}/once-{task}-{call}"
if sys.argv[1] != "--orders":
    os.execv(RUNNER, [RUNNER, *sys.argv[1:]])
orders = socket.socket(fileno=os.dup(0))
folder = orders.recv(1 << 17, socket.MSG_PEEK).split(b"\\0")[0].decode()
if not folder.endswith("/{task}.1") or os.path.exists(ONCE):
    orders.recv(1 << 17)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.execv(RUNNER, [RUNNER, folder])
os.mkdir(ONCE)
os.execv("/usr/bin/strace", ["strace", "-f", "-q", "-o", "{self.home}/trace", "-e", "trace=" + MUTATING,
                             "-e", f"inject={{MUTATING}}:signal=KILL:when={call}", RUNNER, "--orders"])
""", mode=0o755)

    def got_through(self):
        """Whether what was traced last ended without having been killed."""
        trace = (self.home / "trace").read_text()
        return "+++ exited" in trace and "killed by SIGKILL" not in trace

    def check(self):
        """Runs on after a fault; returns what is wrong, or nothing."""
        done = self.busker("run", "training", "--quiet")
        if done.returncode != 0:
            return f"the next training failed: {done.stdout}{done.stderr}"
        done = self.busker("run", "application", "--quiet")
        if done.returncode != 0:
            return f"the next application failed: {done.stdout}{done.stderr}"
        done = self.busker("fsck")
        if done.returncode != 0 or "note:" in done.stdout:
            return f"fsck: {done.stdout}{done.stderr}"
        wrong = self.torn()
        if wrong:
            return wrong
        starts = collections.Counter((self.folder / "witness").read_text().split())
        twice = [attempt for attempt, count in starts.items() if count > 1]
        return f"started twice: {twice}" if twice else ""

    def torn(self):
        rows = self.facts("query", "SELECT run, count(*) AS n FROM shop.predictions GROUP BY run")
        return "" if [row["n"] for row in rows] == [500] else f"a torn table: {rows}"


def kill_at_random(victim, dice):
    action = dice.choice(["training", "application"])
    run = victim.start("run", action, "--quiet")
    deadline = time.monotonic() + dice.uniform(0.0, 0.25)
    whom = dice.choice(["busker", "runner", "both"])
    while time.monotonic() < deadline and run.poll() is None:
        time.sleep(0.001)
    if whom != "runner":
        run.kill()
    if whom != "busker":
        for attempt in victim.attempts()[-2:]:
            runner = workshop.runner_of(attempt)
            if runner and (attempt / "exit.json").exists() is False:
                workshop.kill(runner)
    run.communicate(timeout=300)
    return f"{action}, {whom} killed"


def trace_busker(victim, action, call):
    """Kills busker at its call-th mutating system call; true when it got through without."""
    words = [str(workshop.BUSKER), "run", "-C", str(victim.folder), action, "--quiet"]
    return kill_at_call.run(words, call, victim.home / "traced.out") is None


def trace_runner(victim, action, task, call):
    """Kills the runner of a task, and what it started, at the call-th mutating system call of each."""
    environment = dict(os.environ, BUSKER_RUNNER=str(victim.traced_runner(task, call)))
    victim.busker("run", action, "--quiet", env=environment)
    return victim.got_through()


class Trials:
    def __init__(self):
        self.passed = self.failed = 0

    def judge(self, victim, what):
        try:
            wrong = victim.check()
        except Exception as error:  # what ran out of time, too, is one trial that failed, and told as that
            wrong = f"the trial itself: {error!r}"
        if wrong:
            self.failed += 1
            print(f"FAILED {what}: {wrong}\n  left in {victim.folder}", flush=True)
        else:
            self.passed += 1
        return not wrong

    def judge_home(self, home, what, wrong, weight):
        """Of a daemon's home: `weight` trials stand or fall together."""
        if wrong:
            self.failed += 1
            print(f"FAILED {what}:", *wrong[:20], f"left in {home.folder}", sep="\n  ", flush=True)
        else:
            self.passed += weight
            home.close()


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--trials", type=int, default=200)
    words.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    words.add_argument("--stride", type=int, default=1)
    words.add_argument("--kills", type=int, help="random kills of the daemon; default: 5 N")
    words.add_argument("--part", choices=["run", "daemon", "troubles"], help="only this one")
    words = words.parse_args()
    kills = 5 * words.trials if words.kills is None else words.kills
    print(f"faults: {words.trials} random kills, {kills} of the daemon, seed {words.seed}; "
          f"every {words.stride}. mutating system call", flush=True)
    dice = random.Random(words.seed)
    trials = Trials()
    if words.part in (None, "run"):
        faults_of_run(words, dice, trials)
    if words.part in (None, "daemon"):
        report = lambda line: print(f"  {line}", flush=True)
        daemon_faults.random_kills(kills, dice, report, trials.judge_home)
        daemon_faults.every_call(words.stride, dice, report, trials.judge_home)
    if words.part in (None, "troubles"):
        for trouble in daemon_troubles.ALL:
            wrong = trouble()
            name = trouble.__name__.replace("_", " ")
            print(f"  {name}: {'FAILED: ' + '; '.join(wrong) if wrong else 'passed'}", flush=True)
            trials.passed, trials.failed = trials.passed + (not wrong), trials.failed + bool(wrong)
    print(f"{trials.passed} passed, {trials.failed} failed")
    return 1 if trials.failed else 0


def faults_of_run(words, dice, trials):
    begun = time.monotonic()
    victim = Victim()
    for number in range(words.trials):
        what = kill_at_random(victim, dice)
        if not trials.judge(victim, f"random trial {number} ({what})"):
            victim = Victim()
        elif number % 50 == 49:
            print(f"  {number + 1} random kills, {time.monotonic() - begun:.0f} s", flush=True)
            victim.close()
            victim = Victim()
    victim.close()

    places = [("busker in a training and its promotion", lambda v, n: trace_busker(v, "training", n)),
              ("busker in an application", lambda v, n: trace_busker(v, "application", n)),
              ("the runner of a training", lambda v, n: trace_runner(v, "training", "training", n)),
              ("a delivery", lambda v, n: trace_runner(v, "application", "deliver", n))]
    for place, attempt in places:
        victim = Victim()
        call, through = 1 + dice.randrange(words.stride), 0
        while through < 2 and call < 5000:  # twice: the last call was passed
            through += 1 if attempt(victim, call) else 0
            if not trials.judge(victim, f"{place} killed at call {call}"):
                victim = Victim()
            call += words.stride
        print(f"  {place}: up to call {call}, {time.monotonic() - begun:.0f} s", flush=True)
        victim.close()


if __name__ == "__main__":
    sys.exit(main())
