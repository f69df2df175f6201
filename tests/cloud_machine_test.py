"""VMs of the stand-in for Google Cloud (tests/cloud) with a real Docker engine: what boots there runs containers, which see the VM's
folders, its metadata server and the stand-in's Cloud Storage, and end with it. Needs root."""

import json
import os
import sys
import unittest

from cloud.client import StandIn
from cloud.stage import COS, SCOPE, wait_until
from engine import Docker, is_there

UNIT = """[Unit]
Description=The attempt
[Service]
Type=simple
StandardOutput=journal+console
Environment=NAME=attempt-1
ExecStartPre=-/usr/bin/docker rm --force ${NAME}
ExecStart=/usr/bin/docker run --name ${NAME} -v /var/lib/google/attempt:/attempt busker-vm:1 /bin/sh -c "%s"
ExecStop=/usr/bin/docker stop --time 5 ${NAME}
ExecStopPost=/bin/sh -c "echo unit ended: $$SERVICE_RESULT $$EXIT_STATUS"
"""


def setUpModule():
    if not is_there():
        sys.exit("cloud_machine_test needs root, Debian's docker.io, podman and busybox-static; script/setup docker installs them")


class Machines(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = Docker()
        cls.addClassCleanup(cls.engine.close)
        cls.engine.make_image("busker-vm:1")
        cls.cloud = StandIn("--docker", str(cls.engine.socket))
        cls.addClassCleanup(cls.cloud.close)
        cls.cloud.control("buckets", {"name": "bucket"})
        cls.cloud.control("pace", {"operation_s": 0.02, "soft_off_s": [60, 60]})
        cls.cloud.control("guest_variables", {"STORAGE_EMULATOR_HOST": cls.cloud.place})
        cls.instances = f"/compute/v1/projects/{cls.cloud.project}/zones/europe-west1-b/instances"

    def boot(self, name, script, **scheduling):
        config = {"write_files": [{"path": "/etc/systemd/system/attempt.service", "content": UNIT % script, "permissions": "0644"}],
                  "runcmd": ["mkdir -p /var/lib/google/attempt", "systemctl daemon-reload", "systemctl start attempt.service"]}
        body = {"name": name, "machineType": "zones/europe-west1-b/machineTypes/e2-small", "networkInterfaces": [{}],
                "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": COS}}],
                "serviceAccounts": [{"email": "vm@example", "scopes": [SCOPE]}], "scheduling": scheduling,
                "metadata": {"items": [{"key": "user-data", "value": "#cloud-config\n" + json.dumps(config)},
                                       {"key": "order", "value": "the-order"}]}}
        answer = self.cloud.call("POST", self.instances, body)
        self.assertEqual(answer.status, 200, answer.body)
        self.addCleanup(self.delete, name)
        return name

    def delete(self, name):
        self.cloud.call("DELETE", f"{self.instances}/{name}")
        wait_until(lambda: self.cloud.call("GET", f"{self.instances}/{name}").status == 404, f"{name} is deleted")

    def says(self, name, text, times=1):
        console = lambda: self.cloud.control(f"vms/europe-west1-b/{name}/journal")["console"]  # noqa: E731
        try:
            wait_until(lambda: console().count(text) >= times, "", 60)
        except AssertionError as error:
            raise AssertionError(f"{name} does not say {text}:\n{console()}") from error
        return console()

    def status(self, name):
        answer = self.cloud.call("GET", f"{self.instances}/{name}")
        return answer.data["status"] if answer.status == 200 else answer.status

    def test_a_container_sees_folders_metadata_and_storage_and_runs_at_every_boot(self):
        # Whoever thinks that a VM runs its program once is told here: a reboot carries cloud-init out again.
        wget = "/bin/busybox wget -q -O -"
        self.boot("works", "echo run >> /attempt/log; cat /attempt/log; "
                  f"{wget} --header Metadata-Flavor:Google http://$$GCE_METADATA_HOST/computeMetadata/v1/instance/attributes/order; echo; "
                  f"{wget} --header Content-Type:text/plain --post-data bytes "
                  "'http://'$$STORAGE_EMULATOR_HOST'/upload/storage/v1/b/bucket/o?uploadType=media&name=done' > /dev/null; exit 3")
        said = self.says("works", "unit ended")
        self.assertIn("the-order", said)
        self.assertIn("unit ended: exit-code 3", said)
        self.assertEqual(self.cloud.control("buckets/bucket/objects/done"), b"bytes")
        self.cloud.happens("reboot", "europe-west1-b", "works")
        self.assertEqual(self.says("works", "unit ended", 2).count("docker: run"), 1 + 2)

    def test_a_container_is_told_when_its_vm_is_stopped(self):
        self.boot("told", "trap 'echo told; exit 0' TERM; echo begun; while :; do sleep 0.1; done")
        self.says("told", "begun")
        self.cloud.happens("stop", "europe-west1-b", "told")
        wait_until(lambda: self.status("told") == "TERMINATED", "it has stopped")
        self.assertIn("docker: told", self.says("told", "unit ended"))

    def test_a_container_is_killed_when_the_power_goes(self):
        self.boot("cut", "trap 'echo told; exit 0' TERM; echo begun; while :; do sleep 0.1; done", automaticRestart=False)
        self.says("cut", "begun")
        self.cloud.happens("host_error", "europe-west1-b", "cut")
        wait_until(lambda: self.status("cut") == "TERMINATED", "it has ended")
        wait_until(lambda: [one["State"] for one in self.engine.containers()] == ["exited"], "its container has ended")
        self.assertNotIn("told", self.says("cut", "begun"))
        self.delete("cut")
        self.engine.await_no_container()

    def test_a_preempted_vm_hears_of_it_and_is_deleted(self):
        wget = "/bin/busybox wget -q -O - --header Metadata-Flavor:Google http://$$GCE_METADATA_HOST/computeMetadata/v1/instance"
        self.boot("spot", f"echo begun; {wget}/preempted?wait_for_change=true > /attempt/notice; cat /attempt/notice; echo; sleep 100",
                  provisioningModel="SPOT", instanceTerminationAction="DELETE")
        self.says("spot", "begun")
        root = [vm["root"] for vm in self.cloud.vms()["vms"] if vm["name"] == "spot"][0]
        notice = f"{root}/var/lib/google/attempt/notice"  # which goes with the VM
        wait_until(lambda: os.path.exists(notice), "it waits for the notice")
        os.link(notice, f"{self.engine.folder}/notice")
        self.cloud.happens("preempt", "europe-west1-b", "spot")
        wait_until(lambda: self.status("spot") == 404, "it is deleted")
        with open(f"{self.engine.folder}/notice", encoding="ascii") as notice:
            self.assertEqual(notice.read(), "TRUE")
        self.engine.await_no_container()


if __name__ == "__main__":
    unittest.main()
