"""Power cuts: what busker has acknowledged is there after the power has gone.

    power_test.py [--trials N] [--seed S]

A service runs on an ext4 of its own, in a file mounted by loop device, whose journal is not written out by
itself. At a random moment everything on it is stopped, the disk is copied as it is (which is what a power
cut leaves), and the copy is mounted. Each run whose success busker told before must be on record as
succeeded, and busker fsck must find nothing. Needs root. Closes with a line that counts the trials.
"""

import argparse
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
        for _ in range(200):
            if subprocess.run(["umount", self.place], capture_output=True).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.place} stays busy")


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


def trial(folder, dice):
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
        os.sync()
        with open(folder / "acknowledged", "w") as acknowledged:
            writer = subprocess.Popen(["bash", "-c", WRITER, "writer", service, workshop.BUSKER, folder],
                                      stdout=acknowledged, start_new_session=True)
        time.sleep(dice.uniform(0.1, 2.0))
        for process in [writer.pid, *users_of(live.place)]:
            workshop.kill(process, signal.SIGSTOP)
        call("cp", "--sparse=always", live.image, copy.image)
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()
        for process in users_of(live.place):
            workshop.kill(process)
    finally:
        live.unmount()
    copy.mount()
    try:
        return judge(copy.place / "service", (folder / "acknowledged").read_text().split())
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
            wrong = trial(folder, dice)
            acknowledged += len((folder / "acknowledged").read_text().split())
            passed, failed = (passed, failed + 1) if wrong else (passed + 1, failed)
            for what in wrong:
                print(f"FAILED cut {number}: {what}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{acknowledged} runs were acknowledged before the cuts")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not acknowledged else 0


if __name__ == "__main__":
    sys.exit(main())
