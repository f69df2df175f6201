"""Power cuts: what busker has acknowledged is there after the power has gone.

    power_test.py [--trials N] [--seed S]

A service runs on an ext4 of its own, in a file mounted by loop device, whose journal is not written out by
itself. At a random moment everything on it is stopped, the disk is copied as it is (which is what a power
cut leaves), and the copy is mounted. Each run whose success busker told before must be on record as
succeeded, and busker fsck must find nothing.

Every second cut is one of busker up, with several that start, wait and check runs of a graph: each start that was
acknowledged must be on record. Then a daemon takes the home up on the copy, under another boot of the kernel
(another file is shown in place of its boot id), and brings every run to its end; the tasks note each of their starts
on a disk that keeps its power, and none may be there twice. Needs root. Closes with a line that counts the trials.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import workshop

SERVICE_FILE = """
name = "shop"
version = "1"
[model]
command = "./model.sh ${ACTION}"
[actions.training]
[actions.application]
input = "live"
[actions.application.deliver."predictions.csv"]
table = "shop.predictions"
"""
TRAINING = "echo m > output/model.txt; head -c 20000 /dev/urandom > output/weights\n"
APPLICATION = "printf 'run,row\\n%s,1\\n%s,2\\n' $BUSKER_RUN $BUSKER_RUN > output/predictions.csv\n"
# Runs until it is stopped; a run's id is printed once busker has told its success.
WRITER = """
cd "$1"
while :; do
  for action in training application; do
    "$2" run $action --json > "$3/told" && sed -n 's/^  "id": "\\(.*\\)",$/\\1/p' "$3/told"
  done
done
"""


GRAPH = {"graph": {"dag_id": "steps", "max_active_runs": 50, "default_args": {"retry_delay": 0.1}},
         "tasks": [{"name": f"step{n}", "code": "echo $BUSKER_ATTEMPT >> WITNESS; true"} for n in range(6)],
         "dependencies": [[f"step{n}", f"step{n - 2}"] for n in range(2, 6)]}
# The same for the daemon: "started ID" and "succeeded ID" once busker has told so.
WRITER_OF_DAEMON = """
"$2" up "$1" > "$3/up.out" 2>&1 &
until [ -S "$1/.busker/socket" ]; do sleep 0.01; done
work() {
  while :; do
    id=$("$2" start steps -C "$1") && echo "started $id" && "$2" wait steps -C "$1" --run "$id" > "$3/waited.$4" &&
      "$2" check steps -C "$1" --run "$id" > "$3/checked.$4" && echo "succeeded $id"
  done
}
work "$1" "$2" "$3" 1 & work "$1" "$2" "$3" 2 & work "$1" "$2" "$3" 3
"""
ANOTHER_BOOT = 'mount --bind "$1" /proc/sys/kernel/random/boot_id && exec "$2" up "$3"'


def call(*words, **options):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **options)


class Disk:
    """An ext4 in a file, mounted."""

    def __init__(self, image, place):
        self.image, self.place = image, place
        place.mkdir(exist_ok=True)

    def make(self):
        self.image.unlink(missing_ok=True)
        call("truncate", "-s", "300M", self.image)
        call("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image)

    def mount(self):
        call("mount", "-o", "loop,commit=600", self.image, self.place)

    def unmount(self):
        """What still works there is killed: what began while the rest was stopped, too."""
        def is_out():
            for process in users_of(self.place):
                workshop.kill(process)
            return subprocess.run(["umount", self.place], capture_output=True).returncode == 0
        workshop.wait_until(is_out, f"{self.place} to be free")


def users_of(place):
    """The processes that work below `place`: busker, runners and model programs."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            here = os.readlink(process / "cwd")
            words = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if here.startswith(str(place)) or str(place) in words:
            found.append(int(process.name))
    return [each for each in found if each != os.getpid()]


def copy_of_one_moment(image, copy):
    """The kernel still writes what was asked for before everything stopped, or at anybody's sync(): a copy from before and after that is of a disk that
    never was."""
    # A file of its own each time: a container that began meanwhile may still have the last copy mounted, and whoever mounts
    # the same file gets that one's file system, as it was.
    copy.unlink(missing_ok=True)

    def is_at_rest():
        call("cp", "--sparse=always", image, copy)
        return subprocess.run(["cmp", "--silent", image, copy], check=False).returncode == 0
    workshop.wait_until(is_at_rest, "the disk to come to rest")


def stop_all(writer, place):
    """The writer first, so that nothing new is begun; then whatever it has begun, until nothing is found any more."""
    workshop.kill(writer, signal.SIGSTOP)
    stopped = set()
    while found := set(users_of(place)) - stopped:
        for process in found:
            workshop.kill(process, signal.SIGSTOP)
        stopped |= found


def trial(folder, dice, daemon):
    live, copy = Disk(folder / "disk", folder / "live"), Disk(folder / "snapshot", folder / "copy")
    live.make()
    live.mount()
    try:
        service = live.place / "service"
        for name, text in [("busker.toml", SERVICE_FILE), ("model.sh", workshop.MODEL),
                           ("configs/training.sh", TRAINING), ("configs/application.sh", APPLICATION)]:
            (service / name).parent.mkdir(parents=True, exist_ok=True)
            (service / name).write_text(text)
        (service / "model.sh").chmod(0o755)
        (service / "scheduler/configs").mkdir(parents=True)
        (service / "scheduler/configs/steps.json").write_text(
            json.dumps(GRAPH).replace("WITNESS", str(folder / "witness")))
        (folder / "witness").write_text("")
        os.sync()
        with open(folder / "acknowledged", "w") as acknowledged:
            script = WRITER_OF_DAEMON if daemon else WRITER
            writer = subprocess.Popen(["bash", "-c", script, "writer", service, workshop.BUSKER, folder],
                                      stdout=acknowledged, start_new_session=True)
        if dice.random() < 0.5:  # else it may be before anything was acknowledged, on a slow machine always
            workshop.wait_until((folder / "acknowledged").read_text, "something is acknowledged")
        time.sleep(dice.uniform(0.1, 2.0))
        stop_all(writer.pid, live.place)
        copy_of_one_moment(live.image, copy.image)
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()
    finally:
        live.unmount()
    copy.mount()
    try:
        told = (folder / "acknowledged").read_text()
        if daemon:
            return judge_daemon(folder, copy.place / "service", [line.split() for line in told.splitlines()])
        return judge(copy.place / "service", told.split())
    finally:
        copy.unmount()


def judge(service, acknowledged):
    """What is lost or torn; nothing when all survived."""
    if not acknowledged:
        return []
    busker = [workshop.BUSKER, "-C", service]
    checked = subprocess.run([busker[0], "fsck", *busker[1:]], capture_output=True, text=True)
    wrong = [] if checked.returncode == 0 else [checked.stdout + checked.stderr]
    listed = subprocess.run([busker[0], "runs", *busker[1:], "--json", "-n", "10000"],
                            capture_output=True, text=True)
    if listed.returncode != 0:
        return wrong + [listed.stderr]
    states = {run["id"]: run["state"] for run in json.loads(listed.stdout)}
    return wrong + [f"run {run} is {states.get(run, 'not there')}"
                    for run in acknowledged if states.get(run) != "succeeded"]


def states_of(service):
    listed = subprocess.run([workshop.BUSKER, "runs", "-C", service, "--json", "-n", "100000"],
                            capture_output=True, text=True)
    return {run["id"]: run["state"] for run in json.loads(listed.stdout)} if listed.returncode == 0 else {}


def judge_daemon(folder, service, told):
    """What a daemon finds, and makes of it, after the cut."""
    if not told:
        return []
    before = states_of(service)
    checked = subprocess.run([workshop.BUSKER, "fsck", "-C", service], capture_output=True, text=True)
    wrong = [] if checked.returncode == 0 else [checked.stdout + checked.stderr]
    wrong += [f"run {run} was {what} and is {before.get(run, 'not there')}" for what, run in told
              if run not in before or (what == "succeeded" and before[run] != "succeeded")]
    boot = folder / "boot"
    boot.write_text(f"{uuid.uuid4()}\n")
    with open(folder / "up.out", "a") as output:
        daemon = subprocess.Popen(["unshare", "-m", "sh", "-c", ANOTHER_BOOT, "up", boot, workshop.BUSKER, service],
                                  stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        workshop.wait_until(lambda: all(state not in ("queued", "running") for state in states_of(service).values()),
                            "every run has ended", 300)
    except AssertionError as late:
        wrong.append(str(late))
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(timeout=60)
    after = states_of(service)
    wrong += [f"run {run} is not on record any more" for _, run in told if run not in after]
    starts = collections.Counter((folder / "witness").read_text().split())
    wrong += [f"{attempt} was started {count} times" for attempt, count in starts.items() if count > 1]
    checked = subprocess.run([workshop.BUSKER, "fsck", "-C", service], capture_output=True, text=True)
    return wrong + ([] if checked.returncode == 0 else ["in the end: " + checked.stdout + checked.stderr])


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--trials", type=int, default=100)
    words.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    words = words.parse_args()
    print(f"power: {words.trials} cuts, seed {words.seed}", flush=True)
    dice = random.Random(words.seed)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-power-"))
    passed = failed = acknowledged = 0
    try:
        for number in range(words.trials):
            wrong = trial(folder, dice, daemon=number % 2 == 1)
            acknowledged += len((folder / "acknowledged").read_text().splitlines())
            passed, failed = (passed, failed + 1) if wrong else (passed + 1, failed)
            for what in wrong:
                print(f"FAILED cut {number}: {what}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{acknowledged} starts and ends were acknowledged before the cuts")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not acknowledged else 0


if __name__ == "__main__":
    sys.exit(main())
