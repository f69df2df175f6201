"""busker-runner carry on VMs of the stand-in for Google Cloud (tests/cloud), with a real Docker engine: an attempt from the order in
the bucket to the exit record there, and the end of the VM. The executor's part is played here by hand. Needs root."""

import contextlib
import datetime
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import urllib.parse

import registry
import sealing
from cloud.client import StandIn
from cloud.stage import COS, SCOPE, wait_until
from engine import Docker, is_there

RUNNER = pathlib.Path(os.environ["BUSKER_BUILD"]) / "busker-runner"
BUCKET, HOME, RUN, TASK = "bucket", "0123456789abcdef", "20190801-070000-abc123", "training"
ACCOUNT = "vm@example"
ZONE, OTHER_ZONE = "europe-west1-b", "europe-west1-c"
UNIT = """[Unit]
Description=Busker's attempt
After=docker.service
[Service]
Type=simple
ExecStart=/bin/sh /etc/busker/boot.sh
StandardOutput=journal+console
KillMode=mixed
TimeoutStopSec=100
"""
BOOT = """set -eu
mkdir -p /var/lib/google/busker
cd /var/lib/google/busker
curl -fsS --retry 60 --retry-delay 1 --retry-all-errors -o busker-runner \
  "http://$STORAGE_EMULATOR_HOST/storage/v1/b/bucket/o/_busker%2Frunners%2F{sha256}?alt=media"
echo "{sha256}  busker-runner" | sha256sum --check --quiet
chmod 755 busker-runner
{before}
exec ./busker-runner carry
"""


def setUpModule():
    if not is_there() or not registry.is_there():
        sys.exit("carry_test needs root, Debian's docker.io and docker-registry; script/setup docker and image install them")


class Attempt:
    """As the executor makes it: an order in the bucket, and VMs that are told of it."""

    numbers = iter(range(1, 1000))

    def __init__(self, test, script, image="carry:1", secrets=(), **order):
        self.test, self.cloud, self.image = test, test.cloud, image
        self.number = next(self.numbers)
        self.name = f"{HOME}/{RUN}/{TASK}.{self.number}"
        self.prefix = f"_busker/{self.name}"
        self.vm = f"busker-{self.number}"
        self.seen = {}  # by zone: what the consoles said, which die with the VMs
        self.output = f"churn/1/training/20190801T{self.number:06}Z"
        content = {"format": 2, "run": RUN, "task": TASK, "command": ["/bin/sh", "-c", script], "environment": ["PATH=/bin"],
                   "repeatable": False, "root": "", "config": "", "placeholders": {}, "store_url": f"gs://{BUCKET}",
                   "input": None, "output": self.output, "required_outputs": [], "timeout_ms": None, "grace_ms": 3000,
                   "log_head_bytes_max": 8 << 20, "log_tail_bytes_max": 8 << 20, "scheduled_at": "2019-08-01T07:00:00.000Z",
                   "data_date": "2019-08-01", **order}
        if secrets:
            content["secrets"] = [{"variable": one.upper(), "name": one, "as": "environment"} for one in secrets]
        # The executor's boot is another than the VM's.
        self.order = json.dumps({"attempt": self.number, "instance": HOME, "boot": "of-the-executor", "home": "/home", "home_before": [],
                                 "order": content})
        self.put("order.json", self.order)

    def put(self, name, text):
        self.cloud.control(f"buckets/{BUCKET}/objects/{urllib.parse.quote(f'{self.prefix}/{name}', safe='')}", text.encode(), "PUT")

    def get(self, name, prefix=None):
        """None: it is not there."""
        key = urllib.parse.quote(f"{prefix or self.prefix}/{name}", safe="")
        answer = self.cloud.call("GET", f"/_control/buckets/{BUCKET}/objects/{key}")
        return answer.body if answer.status == 200 else None

    def is_there(self, name):
        return self.get(name) is not None

    def boot(self, zone=ZONE, keep_s=0, before="", **scheduling):
        """`before`: what the VM does first."""
        config = {"write_files": [{"path": "/etc/systemd/system/busker.service", "content": UNIT, "permissions": "0644"},
                                  {"path": "/etc/busker/boot.sh", "permissions": "0644",
                                   "content": BOOT.format(sha256=self.test.sha256, before=before)}],
                  "runcmd": ["systemctl daemon-reload", "systemctl start --no-block busker.service"]}
        told = {"user-data": "#cloud-config\n" + json.dumps(config), "busker-store": f"gs://{BUCKET}", "busker-attempt": self.name,
                "busker-order-sha256": hashlib.sha256(self.order.encode()).hexdigest(), "busker-image": self.image,
                "busker-keep-on-failure-s": str(keep_s), "busker-timeout-s": "3600"}
        body = {"name": self.vm, "machineType": f"zones/{zone}/machineTypes/e2-small", "networkInterfaces": [{}],
                "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": COS}}],
                "serviceAccounts": [{"email": ACCOUNT, "scopes": [SCOPE]}],
                "scheduling": {"automaticRestart": False, **scheduling},
                "metadata": {"items": [{"key": key, "value": value} for key, value in told.items()]}}
        answer = self.cloud.call("POST", f"{self.place(zone)}", body)
        self.test.assertEqual(answer.status, 200, answer.body)
        self.test.addCleanup(self.delete, zone)
        return self

    def place(self, zone):
        return f"/compute/v1/projects/{self.cloud.project}/zones/{zone}/instances"

    def status(self, zone=ZONE):
        answer = self.cloud.call("GET", f"{self.place(zone)}/{self.vm}")
        return answer.data["status"] if answer.status == 200 else answer.status

    def delete(self, zone=ZONE):
        self.cloud.call("DELETE", f"{self.place(zone)}/{self.vm}")
        wait_until(lambda: self.status(zone) == 404, f"{self.vm} is deleted", 120)  # its guest may take its time

    @property
    def root(self):
        """Where the VM has its files on this machine."""
        root, = (vm["root"] for vm in self.cloud.vms()["vms"] if vm["name"] == self.vm)
        return pathlib.Path(root)

    def console(self, zone=ZONE):
        answer = self.cloud.call("GET", f"/_control/vms/{zone}/{self.vm}/journal")
        return answer.data["console"] if answer.status == 200 else "(the VM is gone)"

    def watched(self, condition, what, limit=60):
        """Waits; what the consoles say meanwhile is kept, and told when it is in vain."""
        def look():
            for zone in (ZONE, OTHER_ZONE):
                said = self.console(zone)
                if said != "(the VM is gone)":
                    self.seen[zone] = said
            return condition()
        try:
            wait_until(look, what, limit)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.cloud.objects(BUCKET))}\n{self.said}") from error

    @property
    def said(self):
        return "\n".join(self.seen.values())

    def ended(self, limit=60):
        self.watched(lambda: self.is_there("exit.json"), "it ends", limit)
        return json.loads(self.get("exit.json"))

    def last_words(self, text, zone=ZONE):
        """What the VM says right before it deletes itself; `hold_deletion` came first."""
        self.watched(self.cloud.held, "it asks for its end")
        self.watched(lambda: text in self.console(zone), f"the VM says {text}")
        self.cloud.release()
        self.gone(zone)

    def hold_deletion(self, zone=ZONE):
        self.cloud.misbehave("hold", f"DELETE {self.place(zone)}/{self.vm}")
        return self

    def gone(self, zone=ZONE):
        self.watched(lambda: self.status(zone) == 404, "the VM is deleted")

    def begun(self, text="begun"):
        self.watched(lambda: text in self.log(), f"the program says {text}")

    def log(self):
        return b"".join(map(self.object, self.parts())).decode(errors="replace")

    def parts(self):
        return sorted(one for one in self.cloud.objects(BUCKET) if one.startswith(f"{self.prefix}/log/"))

    def object(self, name):
        return self.cloud.control(f"buckets/{BUCKET}/objects/{urllib.parse.quote(name, safe='')}")


def begin(test, *options):
    """The cloud, with a bucket that has the runner."""
    test.cloud = cloud = StandIn("--docker", str(test.engine.socket), *options)
    cloud.control("buckets", {"name": BUCKET})
    cloud.control("pace", {"operation_s": 0.02, "soft_off_s": [60, 30]})
    cloud.control("guest_variables", {"STORAGE_EMULATOR_HOST": cloud.place,
                                      "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"http://{cloud.place}/"})
    runner = RUNNER.read_bytes()
    test.sha256 = hashlib.sha256(runner).hexdigest()
    cloud.control(f"buckets/{BUCKET}/objects/{urllib.parse.quote(f'_busker/runners/{test.sha256}', safe='')}", runner, "PUT")


def with_file(name):
    """An image's root in which there is a file of that name."""
    archive = io.BytesIO(Docker.archive_of(None))
    with tarfile.open(fileobj=archive, mode="a") as tar:
        tar.addfile(tarfile.TarInfo(name))
    return archive.getvalue()


class Carry(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = Docker()
        cls.addClassCleanup(cls.engine.close)
        cls.engine.make_image("carry:1")
        begin(cls)
        cls.addClassCleanup(cls.cloud.close)

    def tearDown(self):
        self.cloud.behave()
        self.cloud.control("denied", method="DELETE")

    def test_a_program_runs_to_its_end_and_the_vm_deletes_itself(self):
        attempt = Attempt(self, "echo hello; echo model > output/model.txt").boot()
        record = attempt.ended()
        self.assertEqual((record["ending"], record["message"]), ("succeeded", ""))
        self.assertEqual(record["output"], attempt.output)
        self.assertEqual(record["pull_ms"], 0, "the image was there")
        self.assertIsNone(record["boot_ms"])
        self.assertTrue(record["image"].startswith("sha256:"), record["image"])
        self.assertEqual(attempt.log(), "Running the action...\nhello\nWell done.\n")
        self.assertEqual(self.cloud.control(f"buckets/{BUCKET}/objects/{urllib.parse.quote(attempt.output + '/model.txt', safe='')}"),
                         b"model\n")
        self.assertIsNotNone(attempt.get("manifest.json", prefix=attempt.output))
        start = json.loads(attempt.get("started.json"))
        self.assertEqual((start["by"], start["zone"], start["vm"], start["public_key"]), ("vm", ZONE, attempt.vm, ""))
        attempt.gone()
        self.engine.await_no_container()

    def test_a_program_that_fails_says_so_and_the_vm_deletes_itself(self):
        attempt = Attempt(self, "echo wrong >&2; exit 3").boot()
        record = attempt.ended()
        self.assertEqual((record["ending"], record["exit_code"]), ("exited", 3))
        self.assertIn("last output: wrong", record["message"])
        attempt.gone()

    def test_a_program_has_nothing_of_the_vm_but_its_folder(self):
        attempt = Attempt(self, "id; ls /var/lib/google 2>&1; test -e /var/run/docker.sock || echo no socket; "
                          "grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status", output=None).boot()
        self.assertEqual(attempt.ended()["ending"], "succeeded")
        self.assertIn("uid=65532", attempt.log())
        self.assertIn("no socket", attempt.log())
        self.assertRegex(attempt.log(), r"CapEff:\s+0000000000000000")
        self.assertRegex(attempt.log(), r"NoNewPrivs:\s+1")
        attempt.gone()

    # An order that saves nothing need not be synced; in another boot than the one that it was sealed in it counts as lost, and each
    # attempt on a VM was.
    def test_an_order_that_need_not_be_synced_is_carried_out_in_the_vms_own_boot(self):
        attempt = Attempt(self, "echo hello", output=None, synced=False).boot()
        self.assertEqual(attempt.ended()["ending"], "succeeded")
        attempt.gone()

    def test_an_image_that_is_missing_is_told_in_dockers_words(self):
        attempt = Attempt(self, "true", image="127.0.0.1:9/nothing/here:1").boot()
        record = attempt.ended()
        self.assertEqual(record["ending"], "not-started")
        self.assertIn("the image 127.0.0.1:9/nothing/here:1 cannot be had: ", record["message"])
        self.assertIn("connection refused", record["message"])
        self.assertIn("Fetching the image", attempt.log())
        self.assertIn(record["message"], attempt.log())
        attempt.gone()

    def test_a_container_that_docker_cannot_run_is_told_in_dockers_words(self):
        self.engine.load("carry-odd:1", with_file("busker"))  # where the folder with the runner is to be
        attempt = Attempt(self, "true", image="carry-odd:1").boot()
        record = attempt.ended()
        self.assertEqual(record["ending"], "not-started")
        self.assertIn("docker did not run the container: ", record["message"])
        self.assertIn("not a directory", record["message"])
        attempt.gone()

    def test_an_order_that_is_not_the_vms_is_not_carried_out(self):
        attempt = Attempt(self, "echo begun")
        attempt.order += " "  # of which the VM is told the digest
        attempt.boot()
        record = attempt.ended()
        self.assertEqual(record["ending"], "not-started")
        self.assertIn("is not the one that this VM was made for", record["message"])
        self.assertEqual(attempt.log(), "")
        attempt.gone()

    def test_a_vm_whose_order_was_taken_back_does_nothing(self):
        attempt = Attempt(self, "echo begun")
        self.cloud.call("DELETE", f"/storage/v1/b/{BUCKET}/o/{urllib.parse.quote(attempt.prefix + '/order.json', safe='')}")
        attempt.hold_deletion().boot()
        attempt.last_words("busker: never started: there is no order any more")
        self.assertFalse(attempt.is_there("started.json"))
        self.assertFalse(attempt.is_there("exit.json"))

    def test_a_vm_that_busker_has_given_up_does_nothing(self):
        attempt = Attempt(self, "echo begun")
        attempt.put("started.json", json.dumps({"by": "busker", "vm_id": "", "boot": "", "zone": "", "vm": "", "order_sha256": "",
                                                "public_key": "", "started_at": "2019-08-01T07:00:00.000Z"}))
        attempt.hold_deletion().boot()
        attempt.last_words("busker: never started: Busker has given this attempt up")
        self.assertFalse(attempt.is_there("exit.json"))

    # One name can live in two zones: the name alone fences nothing.
    def test_of_two_vms_of_one_name_one_starts_the_program(self):
        attempt = Attempt(self, "echo begun $BUSKER_ATTEMPT; sleep 3", output=None)
        attempt.boot(ZONE)
        attempt.boot(OTHER_ZONE)
        record = attempt.ended()
        attempt.gone(ZONE)
        attempt.gone(OTHER_ZONE)
        self.assertEqual(record["ending"], "succeeded")
        self.assertEqual(attempt.log().count("begun"), 1)

    # cloud-init is carried out at every boot.
    def test_a_reboot_does_not_start_the_program_a_second_time(self):
        attempt = Attempt(self, "echo begun; sleep 60").boot()
        attempt.begun()
        self.cloud.happens("reboot", ZONE, attempt.vm)
        record = attempt.ended()
        self.assertEqual(record["ending"], "lost")
        self.assertEqual(record["message"], "the VM was restarted while the command ran; it is not started a second time")
        self.assertEqual(attempt.log().count("begun"), 1)
        attempt.gone()

    def test_a_preempted_vm_says_so_before_its_power_goes(self):
        attempt = Attempt(self, "echo begun; sleep 60").boot(provisioningModel="SPOT", instanceTerminationAction="DELETE")
        attempt.begun()
        self.cloud.happens("preempt", ZONE, attempt.vm)
        record = attempt.ended()  # or never: the power goes after 30 s
        self.assertEqual((record["ending"], record["message"]), ("preempted", "the cloud took the Spot VM back while the command ran"))
        self.assertIn("begun", attempt.log())
        attempt.gone()

    def test_a_program_that_ignores_the_end_of_its_vm_is_killed_in_time(self):
        attempt = Attempt(self, "trap '' TERM; echo begun; while :; do sleep 0.2; done", grace_ms=300_000)
        attempt.boot(provisioningModel="SPOT", instanceTerminationAction="DELETE")
        attempt.begun()
        self.cloud.happens("preempt", ZONE, attempt.vm)
        self.assertEqual(attempt.ended()["ending"], "preempted")
        attempt.gone()

    def test_a_vm_that_a_person_stops_ends_its_attempt(self):
        attempt = Attempt(self, "echo begun; sleep 60").boot()
        attempt.begun()
        self.cloud.happens("stop", ZONE, attempt.vm)
        record = attempt.ended()
        self.assertEqual((record["ending"], record["message"]), ("cancelled", "the attempt was cancelled"))

    def test_a_metadata_server_that_is_not_ready_is_waited_for(self):
        self.cloud.misbehave("no_metadata", count=-1, seconds=20)
        begin = time.monotonic()
        attempt = Attempt(self, "echo hello").boot()
        self.assertEqual(attempt.ended(120)["ending"], "succeeded")
        self.assertGreater(time.monotonic() - begin, 19)
        attempt.gone()

    def test_a_vm_that_may_not_delete_itself_says_so(self):
        self.cloud.control("denied", {"email": ACCOUNT, "permission": "compute.instances.delete"})
        attempt = Attempt(self, "echo hello").boot()
        self.assertEqual(attempt.ended()["ending"], "succeeded")
        attempt.watched(lambda: "cannot delete itself" in attempt.console(), "it says so")
        self.assertIn("busker: the attempt ended: succeeded", attempt.console())
        self.assertIn("403", attempt.console())
        self.assertIn("compute.instances.delete", attempt.console())
        self.assertEqual(attempt.status(), "RUNNING")

    # The answer to the fence is lost, the same is sent again, and 412 is our own success.
    def test_a_lost_answer_to_the_fence_is_no_defeat(self):
        self.cloud.misbehave("lost", "started.json")
        attempt = Attempt(self, "echo hello").boot()
        self.assertEqual(attempt.ended()["ending"], "succeeded")
        attempt.gone()

    def test_a_store_that_is_away_for_a_while_gets_the_whole_log_in_the_end(self):
        attempt = Attempt(self, "i=0; while [ $i -lt 16 ]; do echo line $i; i=$((i + 1)); sleep 0.5; done", output=None).boot()
        attempt.begun("line 0")
        self.cloud.misbehave("answer", f"{attempt.prefix.rsplit('/', 1)[1]}%2Flog", count=6, status=503)
        self.cloud.misbehave("lost", "exit.json")
        self.assertEqual(attempt.ended()["ending"], "succeeded")
        self.assertEqual(attempt.log(), "Running the action...\n" + "".join(f"line {i}\n" for i in range(16)) + "Well done.\n")
        attempt.gone()

    def test_a_large_log_comes_in_parts_and_its_middle_is_cut(self):
        attempt = Attempt(self, "yes 0123456789012345678901234567890123456789 | head -c 30000000; echo the end", output=None,
                          log_head_bytes_max=10 << 20).boot()
        record = attempt.ended()
        self.assertEqual(record["ending"], "succeeded")
        self.assertEqual(record["log_bytes"], 30_000_008)
        log = attempt.log()
        self.assertIn("bytes cut ...]", log)
        self.assertTrue(log.endswith("the end\nWell done.\n"), log[-100:])
        sizes = [len(attempt.object(one)) for one in attempt.parts()]
        self.assertLessEqual(max(sizes), 4 << 20)
        self.assertGreater(len(sizes), 3)
        attempt.gone()

    def test_secrets_reach_the_program_and_nobody_else(self):
        value = "correct-horse-battery"
        folder = "var/lib/google/busker/attempt"
        attempt = Attempt(self, f'echo "${{#TOKEN}} $TOKEN"; while ! test -e /{folder}/go; do sleep 0.1; done', secrets=["token"]).boot()
        attempt.watched(lambda: attempt.is_there("started.json"), "it starts")
        start = json.loads(attempt.get("started.json"))
        attempt.put("secrets", sealing.sealed([value], start["public_key"], attempt.name))
        attempt.begun(f"{len(value)} ")
        for path in attempt.root.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # the VM is at work
                if path.is_file() and not path.is_symlink():
                    self.assertNotIn(value.encode(), path.read_bytes(), path)
        for container in self.engine.containers():
            self.assertNotIn(value, json.dumps(self.engine.inspect(container["Id"])))
        (attempt.root / folder / "go").touch()
        self.assertEqual(attempt.ended()["ending"], "succeeded")
        attempt.gone()
        self.assertIn(f"\n{len(value)} ***\n", attempt.log())
        for name in self.cloud.objects(BUCKET):
            self.assertNotIn(value.encode(), attempt.object(name), name)
        self.assertNotIn(value, attempt.said)
        self.assertFalse(os.path.exists(f"/dev/shm/busker-{start['vm_id']}"))

    def test_secrets_of_another_attempt_are_not_taken(self):
        attempt = Attempt(self, "echo begun", secrets=["token"]).boot()
        attempt.watched(lambda: attempt.is_there("started.json"), "it starts")
        start = json.loads(attempt.get("started.json"))
        attempt.put("secrets", sealing.sealed(["another-value"], start["public_key"], attempt.name + "0"))
        record = attempt.ended()
        self.assertEqual(record["ending"], "not-started")
        self.assertIn("cannot be opened", record["message"])
        attempt.gone()

    def test_a_vm_that_is_to_be_kept_after_a_failure_stays(self):
        attempt = Attempt(self, "exit 3").hold_deletion().boot(keep_s=4)
        ended_at = datetime.datetime.fromisoformat(attempt.ended()["ended_at"])
        attempt.watched(lambda: "this VM stays for 4.0s" in attempt.console(), "it says so")
        self.assertIn(f"gcloud compute ssh {attempt.vm} --project {self.cloud.project} --zone {ZONE}", attempt.console())
        self.assertEqual(attempt.status(), "RUNNING")
        attempt.watched(self.cloud.held, "it asks for its end")
        self.assertGreaterEqual((datetime.datetime.now(datetime.timezone.utc) - ended_at).total_seconds(), 4)
        self.cloud.release()
        attempt.gone()

    # The carrier was killed: systemd starts it again, in the same boot.
    def test_a_carrier_that_was_killed_goes_on_with_the_container_that_runs(self):
        attempt = Attempt(self, "echo begun; sleep 12; echo hello").boot()
        attempt.begun()
        self.kill_process(attempt, "./busker-runner\0carry\0")
        attempt.watched(lambda: "signal" in attempt.console(), "systemd tells")
        root = [vm["metadata_server"] for vm in self.cloud.vms()["vms"] if vm["name"] == attempt.vm][0]
        self.assertEqual(self.cloud.call("POST", "/_guest/systemctl", ["start", "--no-block", "busker.service"], place=root).data["status"], 0)
        record = attempt.ended()
        self.assertEqual(record["ending"], "succeeded")
        self.assertEqual(attempt.log(), "Running the action...\nbegun\nhello\nWell done.\n")
        attempt.gone()

    def test_a_runner_that_was_killed_in_its_container_is_not_run_a_second_time(self):
        attempt = Attempt(self, "echo begun; sleep 60").boot()
        attempt.begun()
        (container,) = self.engine.containers()
        os.kill(self.engine.inspect(container["Id"])["State"]["Pid"], 9)
        record = attempt.ended()
        self.assertEqual(record["ending"], "lost")
        self.assertIn("vanished while the command ran; it is not started a second time", record["message"])
        self.assertEqual(attempt.log().count("begun"), 1)
        attempt.gone()

    # As where the engine is restarted and containers outlive it: the client ends, and the program goes on.
    def test_a_container_that_goes_on_without_its_client_is_waited_for(self):
        attempt = Attempt(self, "echo begun; sleep 12; echo hello").boot()
        attempt.begun()
        self.kill_process(attempt, "docker\0--host\0unix:///run/docker.sock\0run\0")
        self.assertEqual(attempt.ended()["ending"], "succeeded")
        self.assertIn("hello", attempt.log())
        attempt.gone()

    def kill_process(self, attempt, beginning):
        """That of the attempt's own VM: others may have their VMs on this machine, too."""
        mark = f"STAND_IN_ROOT={attempt.root}".encode()
        for process in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                is_it = process.name.isdigit() and (process / "cmdline").read_bytes().startswith(beginning.encode())
                if is_it and mark in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), 9)
                    return
        self.fail(f"no {beginning} runs")


class Registries(unittest.TestCase):
    """Images that have to be fetched."""

    @classmethod
    def setUpClass(cls):
        cls.engine = Docker()
        cls.addClassCleanup(cls.engine.close)
        begin(cls)
        cls.addClassCleanup(cls.cloud.close)

    def registry(self, **options):
        made = registry.Registry(**options)
        self.addCleanup(made.close)
        return made

    def test_an_image_is_fetched_and_known_by_its_digest(self):
        where = self.registry()
        where.put_base("churn:1", registry.shell_base(), {"WorkingDir": "/tmp"})
        attempt = Attempt(self, "echo hello", image=f"{where.name}/churn:1").boot()
        record = attempt.ended()
        self.assertEqual((record["ending"], record["message"]), ("succeeded", ""))
        self.assertGreater(record["pull_ms"], 0)
        self.assertRegex(record["image"], rf"^{where.name}/churn@sha256:[0-9a-f]{{64}}$")
        self.assertTrue(attempt.log().startswith(f"Fetching the image {where.name}/churn:1...\nThe image {where.name}/churn:1 is here.\n"),
                        attempt.log())
        attempt.gone()

    def test_an_image_that_was_never_pushed_is_told_with_a_remedy(self):
        where = self.registry()
        attempt = Attempt(self, "true", image=f"{where.name}/churn:1").boot()
        record = attempt.ended()
        self.assertEqual(record["ending"], "not-started")
        self.assertIn("is it pushed? busker build makes and pushes it", record["message"])
        self.assertEqual(len(where.requests("HEAD")), 1, "what will not pass is asked once")
        attempt.gone()

    def test_an_image_that_the_vm_may_not_read_is_told_with_a_remedy(self):
        where = self.registry(password="secret-of-the-registry")
        attempt = Attempt(self, "true", image=f"{where.name}/churn:1").boot()
        record = attempt.ended()
        self.assertEqual(record["ending"], "not-started")
        self.assertIn("roles/artifactregistry.reader", record["message"])
        attempt.gone()


class FullDisk(unittest.TestCase):
    """The VM's disk is full before the attempt begins."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="busker-disk-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", self.folder], check=True)
        self.addCleanup(os.rmdir, self.folder)
        self.addCleanup(subprocess.run, ["umount", "-l", self.folder], check=True)
        self.engine = Docker()
        self.addCleanup(self.engine.close)
        self.engine.make_image("carry:1")
        begin(self, "--folder", self.folder)
        self.addCleanup(self.cloud.close)

    def test_is_told_and_nothing_is_started(self):
        attempt = Attempt(self, "echo begun").boot(before="dd if=/dev/zero of=/var/lib/google/full bs=64k 2>&1 | tail -1")
        record = attempt.ended()
        self.assertEqual(record["ending"], "not-started")
        self.assertIn("No space left on device", record["message"])
        self.assertIn("larger disk", record["message"])
        attempt.gone()


if __name__ == "__main__":
    unittest.main()
