"""Attempts on VMs of the stand-in for Google Cloud, which boot and run containers on a real Docker engine: the exam of executors, the
loop as a person runs it, and faults at any moment (cloud_faults.py). Needs root.

    vm_test.py [--trials N] [--seed S] [--stride K] [--part exam|loop|faults]

Without --part or --trials, the exam and the loop: a fault may cost one of Busker's own limits, which is minutes.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import cloud_faults
import workshop
from cloud.client import StandIn
from cloud.stage import wait_until
from engine import Docker, is_there
from workshop import BUILD, Service

TARGET = """
[targets.cloud]
executor = "compute-engine://example-project/europe-west1-b,europe-west1-c?machine_type=e2-small"
image = "shop"
artifacts = "gs://bucket/models"
service_account = "vm@example-project.iam.gserviceaccount.com"
"""


def setUpModule():
    if not is_there():
        sys.exit("vm_test needs root, Debian's docker.io, podman and busybox-static; script/setup docker installs them")
    global ENGINE, CLOUD, FOLDER
    ENGINE = Docker()
    ENGINE.make_image("busker-test:1")
    CLOUD = StandIn("--docker", str(ENGINE.socket))
    FOLDER = tempfile.TemporaryDirectory()
    CLOUD.control("buckets", {"name": "bucket"})
    CLOUD.control("pace", {"operation_s": 0.02, "soft_off_s": [20, 20]})
    CLOUD.control("guest_variables", {"STORAGE_EMULATOR_HOST": CLOUD.place})
    CLOUD.control("people", {"email": "ann@example.com", "refresh_token": "1//r", "client_id": "id", "client_secret": "s"})
    login = pathlib.Path(FOLDER.name) / "login.json"
    login.write_text(json.dumps({"type": "authorized_user", "client_id": "id", "client_secret": "s", "refresh_token": "1//r",
                                 "quota_project_id": CLOUD.project, "token_uri": CLOUD.places["token_uri"]}))
    os.environ.update({"GOOGLE_APPLICATION_CREDENTIALS": str(login), "STORAGE_EMULATOR_HOST": CLOUD.place,
                       "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": CLOUD.places["url"]})


def tearDownModule():
    CLOUD.close()
    ENGINE.close()
    FOLDER.cleanup()


class ExamTest(unittest.TestCase):
    def test_vms_pass_the_exam_of_executors(self):
        environment = {**os.environ, "BUSKER_DOCKER_SOCKET": str(ENGINE.socket)}
        done = subprocess.run([str(BUILD / "execute_test"), "--gtest_filter=Vm/*", "--gtest_brief=1"], env=environment,
                              capture_output=True, text=True, timeout=2400)
        self.assertEqual(done.returncode, 0, done.stdout[-5000:] + done.stderr[-2000:])
        passed = re.search(r"\[  PASSED  \] (\d+) tests\.", done.stdout)
        self.assertTrue(passed and int(passed[1]) >= 40 and "SKIPPED" not in done.stdout, done.stdout[-5000:])
        ENGINE.await_no_container()


class LoopTest(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)
        ENGINE.make_image("shop:1", self.service.folder)
        self.service.write("busker.toml", workshop.SERVICE_FILE + TARGET)

    def test_the_loop_on_vms(self):
        for action in ("training", "application"):
            self.service.must("run", action, "--target", "cloud")
        live = [model["live"] for model in self.service.facts("models", "--target", "cloud")]
        self.assertEqual(live, [False] * (len(live) - 1) + [True], "the newest of all that tests have put into the bucket")
        self.assertEqual(len(self.service.facts("query", "SELECT * FROM shop.predictions")), 2)
        wait_until(lambda: not CLOUD.vms()["vms"], "no VM is left")
        self.assertEqual(CLOUD.vms()["disks"], [])
        self.assertEqual(CLOUD.control("violations")["violations"], [])

    def handed_over(self, times):
        """The VM, once its boot's script has handed over to busker-runner for that many times."""
        handed_over = lambda: [vm for vm in CLOUD.vms()["vms"] if CLOUD.control(  # noqa: E731
            f"vms/{vm['zone']}/{vm['name']}/journal")["console"].count("busker: the attempt ") >= times]
        vm, = wait_until(handed_over, f"the script has handed over {times} times", 60)
        return vm

    def kill_script(self, times):
        vm = self.handed_over(times)
        CLOUD.happens("kill_units", vm["zone"], vm["name"])

    # Nobody noticed before the VM's time limit, which is a day where an action has no timeout.
    def test_a_boot_script_that_is_killed_begins_anew_and_goes_on(self):
        self.service.write("configs/training.sh", "echo begun\nsleep 6\n" + workshop.TRAINING)
        run = self.service.start("run", "training", "--target", "cloud")
        self.kill_script(1)
        self.kill_script(2)
        said = run.communicate(timeout=300)[0]
        self.assertEqual(run.returncode, 0, said)
        self.assertEqual(said.count("begun"), 1, said)
        self.assertEqual(len(self.service.facts("models", "--target", "cloud")), 1)
        wait_until(lambda: not CLOUD.vms()["vms"], "no VM is left", 60)

    def test_a_boot_script_that_is_killed_again_and_again_is_given_up_and_told(self):
        self.service.write("configs/training.sh", "echo begun\nsleep 600\n")
        run = self.service.start("run", "training", "--target", "cloud")
        for times in range(1, 6):
            self.kill_script(times)
        said = run.communicate(timeout=300)[0]
        self.assertEqual(run.returncode, 1, said)
        self.assertIn("the script of the VM was killed 5 times, and the command may have run", said)
        wait_until(lambda: not CLOUD.vms()["vms"], "no VM is left", 60)
        ENGINE.await_no_container()

    # It was said that the VM had deleted itself, and no more.
    def test_a_carrier_that_is_killed_again_and_again_is_given_up_and_told(self):
        self.service.write("configs/training.sh", "echo begun\nsleep 600\n")
        run = self.service.start("run", "training", "--target", "cloud")
        for times in range(1, 6):
            os.kill(carrier_of(self.handed_over(times)), signal.SIGKILL)
        said = run.communicate(timeout=300)[0]
        self.assertEqual(run.returncode, 1, said)
        self.assertIn("busker-runner carry was killed 5 times", said)
        wait_until(lambda: not CLOUD.vms()["vms"], "no VM is left", 60)
        ENGINE.await_no_container()

    def test_a_vm_without_room_on_its_disk_is_told(self):
        CLOUD.misbehave("full_disk")
        done = self.service.busker("run", "training", "--target", "cloud")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("busker-runner cannot be written to the disk of the VM", done.stdout + done.stderr)
        wait_until(lambda: not CLOUD.vms()["vms"], "no VM is left", 60)

    def test_an_image_that_is_not_there_is_told_with_the_engines_words(self):
        self.service.write("busker.toml", workshop.SERVICE_FILE + TARGET.replace('"shop"', '"127.0.0.1:1/none"'))
        done = self.service.busker("run", "training", "--target", "cloud")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("127.0.0.1:1", done.stdout + done.stderr)
        wait_until(lambda: not CLOUD.vms()["vms"], "no VM is left")


def carrier_of(vm):
    """The process id of busker-runner on a VM that runs on this machine."""
    def found():
        for process in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                is_carrier = process.name.isdigit() and (process / "cmdline").read_bytes().endswith(b"busker-runner\0carry\0")
                if is_carrier and f"STAND_IN_ROOT={vm['root']}".encode() in (process / "environ").read_bytes().split(b"\0"):
                    return int(process.name)
        return None
    return wait_until(found, "busker-runner carries", 60)


class FaultsTest(unittest.TestCase):
    trials, seed, stride = 25, None, 0

    def test_faults_at_any_moment(self):
        seed = self.seed if self.seed is not None else random.randrange(1 << 32)
        self.assertEqual(cloud_faults.run(CLOUD, ENGINE, self.trials, seed, self.stride), 0)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--trials", type=int)
    options.add_argument("--seed", type=int)
    options.add_argument("--stride", type=int, default=0, help="kill busker at every K-th call that changes something, too")
    options.add_argument("--part", choices=("exam", "loop", "faults"))
    chosen = options.parse_args()
    FaultsTest.trials = FaultsTest.trials if chosen.trials is None else chosen.trials
    FaultsTest.seed, FaultsTest.stride = chosen.seed, chosen.stride
    parts = {"exam": ExamTest, "loop": LoopTest, "faults": FaultsTest}
    wanted = [chosen.part] if chosen.part else [*parts] if chosen.trials else ["exam", "loop"]
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(parts[name]) for name in wanted)
    begun = time.monotonic()
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    print(f"{time.monotonic() - begun:.0f} s")
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
