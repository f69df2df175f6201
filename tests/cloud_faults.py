"""kill -9 of busker at any moment of an attempt on a VM, and at each of its calls that changes something, while the stand-in for Google
Cloud misbehaves: answers are lost, cut, late, or say another thing than what was done; VMs are preempted, rebooted, stopped and deleted by
others, exist twice, may not be deleted or not even be seen, have no metadata yet, no room on their disk, and what they began with is
killed; zones have no room and regions no quota; operations never end; the image is missing; the disk of the home is full. Part of
vm_test.py.

After each fault the next run must just work, no program may have been started twice (the programs themselves say so, in a file outside
of Busker's reach), a busker that has nothing to run must take away all that is left, VM, disk or object, busker fsck must find nothing,
and nobody else's VM may have been touched: 50 decoys have names and labels much like ours."""

import collections
import contextlib
import json
import random
import shutil
import signal
import subprocess
import threading
import time

import kill_at_call
import workshop
from cloud.stage import COS, wait_until
from workshop import Service

SAY = "echo $BUSKER_ATTEMPT >> \"$WITNESS\"\nsleep 0.$DELAY\n"
TRAINING = SAY + """
echo "a model of $BUSKER_RUN" > output/model.txt
echo '{"auc": 0.8, "rows": 1200}' > output/metrics.json
"""
SERVICE_FILE = """
name = "shop"
version = "1"
target = "cloud"
[model]
command = "./model.sh ${{ACTION}}"
environment = {{ WITNESS = "{outside}/witness", DELAY = "5" }}
[actions.training]
"""
TARGET = """
[targets.{name}]
executor = "compute-engine://example-project/europe-west1-b,europe-west1-c?machine_type=e2-small"
image = "{image}"
artifacts = "gs://bucket/models"
service_account = "vm@example-project.iam.gserviceaccount.com"
{more}
"""
TARGETS = (("cloud", "faults", ""), ("spot", "faults", "spot_attempts = 1"), ("missing", "127.0.0.1:1/none", ""))
BUSKER_ITSELF, ITS_VM = "ann@example.com", "vm@example-project.iam.gserviceaccount.com"
ZONES = ("europe-west1-b", "europe-west1-c")
DECOYS = 50
NEXT_RUN_LIMIT = 900  # it waits for the one before it, which may have to wait until a VM's ten minutes to begin are over
ANSWERS = ("lost", "cut_answer", "cut_request", "page", "answer", "slow", "hang")
WHERE = ("POST /compute", "GET /compute", "DELETE /compute", "POST /upload", "GET /storage", "POST /token")
EVENTS = ("preempt", "reboot", "host_error", "stop", "delete", "power_off", "kill_units")
RIGHTS = ("compute.instances.delete", "compute.instances.get", "compute.instances.list", "compute.zoneOperations.get",
          "compute.zoneOperations.list", "compute.instances.getSerialPortOutput", "compute.disks.list")
CALLS_MAX = 20000
RUNNER_KB = (workshop.BUSKER.with_name("busker-runner").stat().st_size + 1023) // 1024  # each VM has it on its disk
LEFT_LIMIT = 300  # a delete that never ends is asked for again after two minutes
# What the end of a run may be said to be; anything else is a wrong state.
KNOWN_ENDS = ("preempted", "asked Compute Engine to", "switched off from within", "the machine under the VM", "was restarted while",
              "was stopped while", "deleted itself", "who ended it is not known", "before its program", "as far as the program",
              "did not get as far", "no VM could be had", "stopped", "no VM in", "made no VM in", "began nothing within",
              "never started", "was killed 5 times", "No space left", "the disk is full", "full")


class Victim(Service):
    def __init__(self, cloud, engine):
        super().__init__(training=TRAINING)
        self.cloud = cloud
        for metric in ("CPUS", "INSTANCES"):  # the decoys take some
            cloud.control("limits", {"region": "europe-west1", "metric": metric, "limit": 10 * DECOYS})
        self.outside = self.folder.with_name(self.folder.name + "-outside")
        self.outside.mkdir()
        self.outside.chmod(0o777)
        cloud.control("guest_mounts", {"folders": [str(self.outside)]})
        self.write("busker.toml", SERVICE_FILE.format(outside=self.outside) +
                   "".join(TARGET.format(name=name, image=image, more=more) for name, image, more in TARGETS))
        self.home.mkdir(mode=0o700)  # on a disk of its own, which may be filled
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", str(self.home)], check=True)
        engine.make_image("faults:1", self.folder)
        self.must("run", "training")
        self.instance = json.loads((self.home / "instance").read_text())["id"]
        self.decoys = self.make_decoys()

    def remove_decoys(self):
        for zone, name in self.decoys:
            self.cloud.call("DELETE", f"{self.instances(zone)}/{name}")

    def close(self):
        self.remove_decoys()
        if (owner := self.owner()) is not None:
            workshop.kill(owner)
        subprocess.run(["umount", "-l", str(self.home)], check=False)
        super().close()
        shutil.rmtree(self.outside, ignore_errors=True)

    def instances(self, zone):
        return f"/compute/v1/projects/{self.cloud.project}/zones/{zone}/instances"

    def make_decoys(self):
        """Much like ours, in name, labels and metadata, and none of ours."""
        run = self.facts("runs")[0]["id"]
        mark = f"{self.instance}/{run}/training.1"
        labels = [{}, {"busker-home": self.instance}, {"busker-home": self.instance, "busker-attempt": "another"},
                  {"busker-home": self.instance + "0"}, {"busker-attempt": "busker"}, {"busker-run": run.lower()}]
        made = {}
        for number in range(DECOYS):
            zone, name = ZONES[number % 2], f"busker-{run.lower()}-training-1-{number:012x}"
            own = {**labels[number % len(labels)]}
            if number % 7 == 0:  # named as its label says, of another home
                own.update({"busker-home": "0" + self.instance[1:], "busker-attempt": name})
            body = {"name": name, "machineType": f"zones/{zone}/machineTypes/e2-micro", "labels": own, "networkInterfaces": [{}],
                    "metadata": {"items": [{"key": "busker-attempt", "value": mark}]},
                    "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": COS, "labels": own}}]}
            answer = self.cloud.call("POST", self.instances(zone), body)
            assert answer.status == 200, answer.body
            made[zone, name] = own
        # What goes wrong from now on is not for them.
        wait_until(lambda: sum(vm["status"] == "RUNNING" for vm in self.cloud.vms()["vms"]) >= DECOYS, "the decoys run", 120)
        return made

    def ours(self):
        return [vm for vm in self.cloud.vms()["vms"] if (vm["zone"], vm["name"]) not in self.decoys]

    def left(self):
        """What there is of ours: VMs, disks, objects."""
        everything = self.cloud.vms()
        disks = [(disk["zone"], disk["name"]) for disk in everything["disks"]]
        objects = [name for name in self.cloud.objects("bucket") if f"_busker/{self.instance}/" in name]
        vms = [(vm["zone"], vm["name"], vm["status"]) for vm in self.ours()]
        return vms + [disk for disk in disks if disk not in self.decoys] + objects

    def places(self):
        """What is noted of where something may be left."""
        return list((self.home / "places").glob("*"))

    def settle(self):
        """A busker that has nothing to run takes away what was left, and knows then that nothing is."""
        up = subprocess.Popen([str(workshop.BUSKER), "up", "-q", "-C", str(self.folder)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + LEFT_LIMIT
        while ((left := self.left()) or self.places()) and time.monotonic() < deadline:
            time.sleep(0.1)
        up.send_signal(signal.SIGTERM)
        up.wait(120)
        return left

    def check(self):
        """Runs on after a fault; returns what is wrong, or nothing."""
        self.cloud.behave()
        self.cloud.call("DELETE", "/_control/denied")
        done = self.busker("run", "training", "--quiet", timeout=NEXT_RUN_LIMIT)
        if done.returncode != 0:
            return f"the next run failed: {done.stdout}{done.stderr}"
        for run in self.facts("runs"):
            message = run.get("message") or run.get("reason") or ""
            if run["state"] == "failed" and not any(known in message for known in KNOWN_ENDS) and not run["target"] == "missing":
                return f"an end that nobody can use: {run}"
            if run["state"] not in ("failed", "succeeded", "cancelled"):
                return f"a run without an end: {run}"
            if run["state"] == "succeeded" and run["target"] == "missing":
                return f"succeeded without an image: {run}"
        starts = collections.Counter((self.outside / "witness").read_text().split())
        twice = [attempt for attempt, count in starts.items() if count > 1]
        if twice:
            return f"started twice: {twice}"
        if left := self.settle():
            return f"left: {left}, status: {self.busker('status').stdout}"
        done = self.busker("fsck")
        if done.returncode != 0 or "note:" in done.stdout:
            return f"fsck: {done.stdout}{done.stderr}"
        if places := self.places():
            return f"a place is noted still: {places}"
        there = {(vm["zone"], vm["name"]): vm["labels"] for vm in self.cloud.vms()["vms"]}
        touched = [decoy for decoy, labels in self.decoys.items() if there.get(decoy) != labels]
        return f"decoys touched: {touched}" if touched else ""


def misbehave(cloud, dice):
    """Something goes wrong with the cloud. What."""
    kind = dice.choice((*ANSWERS, "answer", "lost", "stock_out", "stock_out", "quota", "forget_request_ids", "stale_list", "partial_list",
                        "no_metadata", "full_disk", "denied", "denied", "stuck_delete", "stuck"))
    if kind == "stuck" and dice.random() < 0.8:  # ten minutes each
        kind = "lost"
    if kind == "denied":
        who, right = dice.choice(((BUSKER_ITSELF, dice.choice(RIGHTS)), (ITS_VM, RIGHTS[0])))
        cloud.control("denied", {"email": who, "permission": right})
        return f"denied {right} of {who.split('@')[0]}"
    if kind not in ANSWERS:
        zones = {"stock_out": dice.choice((ZONES[0], "")), "partial_list": dice.choice(ZONES), "stuck": ZONES[0]}
        count = {"stock_out": dice.choice((1, 2)), "partial_list": -1, "stale_list": dice.choice((1, 5)), "no_metadata": -1}
        more = {"no_metadata": {"seconds": dice.choice((3, 20))}, "stale_list": {"age_s": dice.choice((2, 10, 60))},
                "full_disk": {"kb": dice.choice((64, RUNNER_KB + 4, RUNNER_KB + 40, RUNNER_KB + 400))}}
        cloud.misbehave(kind, zones.get(kind, ""), count.get(kind, 1), **more.get(kind, {}))
        return kind
    where, more = dice.choice(WHERE), {}
    if kind == "answer":
        # 412 and 409 are what a second try finds after its own success, whose answer was lost.
        status = dice.choice((429, 500, 503, 503)) if dice.random() < 0.7 else 412 if "upload" in where else 409
        more = {"status": status, "after": status in (409, 412) or dice.random() < 0.5}
        if status in (409, 412):
            where = "POST /upload" if status == 412 else "POST /compute"
    cloud.misbehave(kind, where, 1 if kind == "hang" else dice.choice((1, 2)), skip=dice.choice((0, 0, 1, 3)), **more,
                    **({"seconds": 0.5} if kind == "slow" else {}))
    return f"{kind} of {where}"


def fill(home, seconds):
    """The disk of the home is full for a while."""
    ballast = home / "ballast"
    with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
    time.sleep(seconds)
    ballast.unlink(missing_ok=True)


def twin_of(victim, vm):
    """A VM of the same name and metadata in the other zone."""
    asked = victim.cloud.call("GET", f"{victim.instances(vm['zone'])}/{vm['name']}")
    if asked.status != 200:
        return "no twin"
    zone, asked = ZONES[vm["zone"] == ZONES[0]], asked.data
    body = {"name": vm["name"], "machineType": f"zones/{zone}/machineTypes/e2-small", "labels": asked["labels"],
            "networkInterfaces": [{}], "metadata": {"items": asked["metadata"]["items"]}, "serviceAccounts": asked["serviceAccounts"],
            "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": COS, "labels": asked["labels"]}}]}
    return f"a twin ({victim.cloud.call('POST', victim.instances(zone), body).status})"


def disturb(victim, dice, count):
    """One run with one or two faults, and busker killed in half of them. What was done."""
    cloud = victim.cloud
    target = dice.choice(("cloud", "cloud", "cloud", "spot", "spot", "missing"))
    done = [f"on {target}"] + [misbehave(cloud, dice) for _ in range(dice.choice((0, 1, 1, 2)))]
    run = victim.start("run", "training", "--target", target, "--quiet")
    event, kill = dice.choice((None, None, *EVENTS)), dice.random() < 0.5
    pause, full = dice.uniform(0, 3), dice.uniform(0, 3) if dice.random() < 0.1 else None
    if event == "preempt" and target != "spot":
        event = "stop"
    filling = None
    deadline = time.monotonic() + pause
    begun = time.monotonic()
    while time.monotonic() < deadline and run.poll() is None:
        if full is not None and filling is None and time.monotonic() > begun + full:
            filling = threading.Thread(target=fill, args=(victim.home, dice.uniform(0.2, 4)))
            filling.start()
            done.append("a full disk")
        time.sleep(0.01)
    if kill:
        run.kill()
        done.append(f"busker killed after {pause:.1f} s")
    # What is killed begins anew, but not for ever.
    times = dice.choice((1, 2, 8)) if event == "kill_units" else 1
    for vm in victim.ours() if event else []:
        for number in range(times):
            if number:
                time.sleep(1.5)
            answer = cloud.call("POST", f"/_control/vms/{vm['zone']}/{vm['name']}/{event}")
        done.append(f"{event} ({answer.status}){' many times' if times > 2 else ''}")
    if dice.random() < 0.1:
        done += [twin_of(victim, vm) for vm in victim.ours()]
    wait_for(run)
    if filling:
        filling.join()
    for what in done:
        count[what.split(" after")[0].split(" (2")[0]] += 1
    return ", ".join(done)


def wait_for(run):
    """What does not end by itself while something goes wrong is killed; the next has to do with that, too."""
    try:
        run.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        run.kill()
        run.communicate()


def kill_run_at(victim, call):
    """busker run, right before the call-th of its calls that changes something; None: it got through without."""
    words = [str(workshop.BUSKER), "run", "-C", str(victim.folder), "training", "--quiet"]
    return kill_at_call.run(words, call, victim.outside / "traced.out")


def kill_daemon_at(victim, call):
    """The same of busker up, which is asked for a run."""
    asked = []

    def is_over():
        if not asked and (victim.home / "socket").exists() and victim.owner() is not None:
            asked.append(victim.start("run", "training", "--quiet"))
        return asked and asked[0].poll() is not None and not victim.left()

    words = [str(workshop.BUSKER), "up", "-q", "-C", str(victim.folder)]
    killed = kill_at_call.run(words, call, victim.outside / "traced.out", done=is_over)
    for run in asked:
        wait_for(run)
    return killed


def run(cloud, engine, trials, seed, stride=0):
    """Returns how many failed."""
    print(f"VMs: {trials} trials, seed {seed}; every {stride}. call that changes something", flush=True)
    dice, begun = random.Random(seed), time.monotonic()
    passed, failed, count = 0, 0, collections.Counter()
    victim = Victim(cloud, engine)

    def judge(what):
        nonlocal victim, passed, failed
        since = time.monotonic()
        wrong = victim.check()
        print(f"{passed + failed}: {what}; {time.monotonic() - since:.0f} s to be well again", flush=True)
        if not wrong:
            passed += 1
            return
        failed += 1
        print(f"FAILED {what}: {wrong}\n  left in {victim.folder}", flush=True)
        for vm in victim.ours():
            cloud.call("DELETE", f"{victim.instances(vm['zone'])}/{vm['name']}")
        victim.remove_decoys()
        victim = Victim(cloud, engine)

    for _ in range(trials):
        judge(disturb(victim, dice, count))
    for what, kill_at in (("busker run", kill_run_at), ("busker up", kill_daemon_at)):
        call, through = 1 + dice.randrange(stride or 1), 0
        while stride and through < 2 and call < CALLS_MAX:  # twice: the last call was passed
            killed = kill_at(victim, call)
            through += killed is None
            count[f"{what} killed at {killed}"] += killed is not None
            judge(f"{what} killed at call {call}, {killed}")
            call += stride
    victim.close()
    print(f"VMs: {passed} passed, {failed} failed, {time.monotonic() - begun:.0f} s: {dict(count)}", flush=True)
    return failed
