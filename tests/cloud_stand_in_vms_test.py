"""Compute Engine of the stand-in (tests/cloud): what it refuses, what VMs go through, and that one of them really boots."""

import json
import os
import pathlib
import subprocess
import unittest

from cloud.stage import COS, SCOPE, Stage, wait_until

ID = "6f1f4a1e-0b5c-4f5e-9f43-0d7a3f0c2b11"


class Vms(Stage):
    """Nothing is left of one test's VMs for the next."""

    def setUp(self):
        self.at = f"/compute/v1/projects/{self.project}"
        self.b, self.c = f"{self.at}/zones/europe-west1-b", f"{self.at}/zones/europe-west1-c"
        self.cloud.control("pace", {"operation_s": 0.02, "soft_off_s": [0.2, 0.1]})

    def tearDown(self):
        super().tearDown()
        for vm in self.cloud.vms()["vms"]:
            self.call("DELETE", f"{self.at}/zones/{vm['zone']}/instances/{vm['name']}")
        wait_until(lambda: not self.cloud.vms()["vms"], "the VMs are deleted")
        for disk in self.cloud.vms()["disks"]:
            self.call("DELETE", f"{self.at}/zones/{disk['zone']}/disks/{disk['name']}")
        wait_until(lambda: not self.cloud.vms()["disks"], "the disks are deleted")

    def body(self, name="vm", zone="europe-west1-b", limit=3600, **more):
        scheduling = {"automaticRestart": False, "instanceTerminationAction": "DELETE", "maxRunDuration": {"seconds": str(limit)}}
        return {"name": name, "machineType": f"zones/{zone}/machineTypes/e2-small", "networkInterfaces": [{}],
                "labels": {"busker-home": "h1"}, "scheduling": scheduling,
                "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": COS}}], **more}

    def insert(self, name="vm", query="", **more):
        return self.good("POST", f"{self.b}/instances{query}", self.body(name, **more))

    def done(self, operation, zone=None):
        return self.good("POST", f"{zone or self.b}/operations/{operation['name']}/wait", b"")

    def run_vm(self, name="vm", **more):
        self.assertNotIn("error", self.done(self.insert(name, **more)))
        return f"{self.b}/instances/{name}"

    def kinds(self, name):
        return [one["kind"] for one in self.cloud.vms()["operations"] if one["target"].endswith(f"/{name}")]

    def gone(self, name):
        wait_until(lambda: self.call("GET", f"{self.b}/instances/{name}").status == 404, f"{name} is gone")

    def is_now(self, vm, status):
        wait_until(lambda: self.good("GET", vm)["status"] == status, f"it is {status}")


class Compute(Vms):
    def refused_vm(self, part, status=400, **more):
        self.refused(status, part, "POST", f"{self.b}/instances", {**self.body(), **more})

    def test_a_vm_that_cannot_be_is_refused(self):
        scheduling = self.body()["scheduling"]
        self.refused_vm("Unknown name", machinType="x")
        self.refused_vm("Unknown name", scheduling={**scheduling, "maxRunDurations": {}})
        self.refused_vm("Must be a match", name="Vm")
        self.refused_vm("Must be a match", name="a" * 64)
        self.refused_vm("Label", labels={"Home": "x"})
        self.refused_vm("machineType", machineType="zones/europe-west1-c/machineTypes/e2-small")
        self.refused_vm("machineType", machineType="zones/europe-west1-b/machineTypes/e2-huge")
        self.refused_vm("network", networkInterfaces=[])
        self.refused_vm("sourceImage", disks=[{"boot": True, "initializeParams": {"sourceImage": "projects/x/global/images/y"}}])
        self.refused_vm("boot", disks=[{"initializeParams": {"sourceImage": COS}}])
        self.refused_vm("service account", serviceAccounts=[{"email": "a@b", "scopes": [SCOPE]}] * 2)
        self.refused_vm("Duplicate", metadata={"items": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]})
        self.refused_vm("262144", metadata={"items": [{"key": "a", "value": "x" * 262145}]})
        self.refused_vm("524288", metadata={"items": [{"key": f"k{i}", "value": "x" * 200_000} for i in range(3)]})
        self.refused(404, "was not found", "POST", f"{self.at}/zones/moon-a/instances", self.body())
        self.refused(403, "permission", "GET", "/compute/v1/projects/another/zones/europe-west1-b/instances")
        self.refused(400, "Cannot bind", "GET", f"{self.b}/instances?filters=x")
        self.assertEqual(self.cloud.vms()["vms"], [])

    def test_a_time_limit_has_its_rules(self):
        limit = {"maxRunDuration": {"seconds": "3600"}}
        self.refused_vm("standard provisioning model", scheduling={"instanceTerminationAction": "DELETE"})
        self.refused_vm("needs a termination action", scheduling=limit)
        for seconds in ("29", str(121 * 24 * 3600)):
            self.refused_vm("30 seconds to 120 days",
                            scheduling={"instanceTerminationAction": "DELETE", "maxRunDuration": {"seconds": seconds}})
        self.refused_vm("Only one", scheduling={**limit, "instanceTerminationAction": "DELETE", "terminationTime": "2040-01-01T00:00:00Z"})
        self.refused_vm("Preemptible", scheduling={**limit, "instanceTerminationAction": "STOP", "preemptible": True})
        self.refused_vm("Automatic restart", scheduling={"provisioningModel": "SPOT", "automaticRestart": True})
        self.refused_vm("onHostMaintenance", scheduling={"provisioningModel": "SPOT", "onHostMaintenance": "MIGRATE"})

    def test_a_name_that_is_there_is_refused_in_its_zone_alone(self):
        vm = self.run_vm()
        self.refused(409, "already exists", "POST", f"{self.b}/instances", self.body())
        operation = self.good("POST", f"{self.c}/instances", self.body(zone="europe-west1-c"))
        self.done(operation, self.c)
        listed = self.good("GET", f"{self.at}/aggregated/instances?filter=labels.busker-home%3Dh1")["items"]
        self.assertEqual([scope for scope, found in listed.items() if found.get("instances")],
                         ["zones/europe-west1-b", "zones/europe-west1-c"])
        self.assertEqual(listed["zones/us-central1-a"]["warning"]["code"], "NO_RESULTS_ON_PAGE")
        self.assertEqual(self.good("GET", vm)["status"], "RUNNING")

    def test_a_request_id_makes_one_vm_of_two_requests(self):
        first = self.insert(query=f"?requestId={ID}")
        self.assertEqual(self.insert(query=f"?requestId={ID}")["name"], first["name"])
        self.assertEqual(first["clientOperationId"], ID)
        self.refused(400, "non-zero", "POST", f"{self.b}/instances?requestId=00000000-0000-0000-0000-000000000000", self.body())
        self.refused(400, "UUID", "POST", f"{self.b}/instances?requestId=mine", self.body())
        self.refused(400, "another request", "POST", f"{self.b}/instances?requestId={ID}", self.body("other"))
        self.done(first)
        self.cloud.misbehave("forget_request_ids", "europe-west1-b/vm")
        self.refused(409, "already exists", "POST", f"{self.b}/instances?requestId={ID}", self.body())
        self.done(self.good("DELETE", f"{self.b}/instances/vm"))
        self.assertEqual(self.insert(query=f"?requestId={ID}")["name"], first["name"])  # of a VM that is no more
        self.refused(404, "was not found", "GET", f"{self.b}/instances/vm")

    def test_what_is_lacking_is_told_in_the_operation_alone(self):
        for kind, more, code in (("stock_out", {}, "ZONE_RESOURCE_POOL_EXHAUSTED"),
                                 ("stock_out", {"code": "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS"},
                                  "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS"),
                                 ("quota", {"metric": "PREEMPTIBLE_CPUS"}, "QUOTA_EXCEEDED")):
            self.cloud.misbehave(kind, "europe-west1-b/", **more)
            operation = self.insert()
            self.assertNotIn("error", operation)
            ended = self.done(operation)
            self.assertEqual((ended["status"], ended["error"]["errors"][0]["code"]), ("DONE", code))
            self.assertEqual(self.call("GET", f"{self.b}/instances/vm").status, 404)
            self.assertEqual(self.cloud.vms()["disks"], [])
        self.cloud.control("limits", {"region": "europe-west1", "metric": "CPUS", "limit": 3})
        self.run_vm("first")
        self.assertIn("QUOTA_EXCEEDED", json.dumps(self.done(self.insert("second"))))
        quotas = {one["metric"]: one for one in self.good("GET", f"{self.at}/regions/europe-west1")["quotas"]}
        self.assertEqual((quotas["CPUS"]["limit"], quotas["CPUS"]["usage"]), (3, 2))
        self.cloud.control("limits", {"region": "europe-west1", "metric": "CPUS", "limit": 72})

    def test_an_operation_may_never_end_until_the_vm_is_deleted(self):
        self.cloud.misbehave("stuck", "europe-west1-b/vm")
        operation = self.insert()
        self.cloud.advance(3600)
        self.assertEqual(self.good("GET", f"{self.b}/instances/vm")["status"], "PROVISIONING")
        self.done(self.good("DELETE", f"{self.b}/instances/vm"))
        ended = self.good("GET", f"{self.b}/operations/{operation['name']}")
        self.assertEqual((ended["status"], ended["httpErrorStatusCode"]), ("DONE", 409))
        vm = self.run_vm()
        self.cloud.happens("stop", "europe-west1-b", "vm")
        self.is_now(vm, "TERMINATED")
        self.cloud.control("pace", {"boot_s": 1000})
        overtaken = self.good("POST", f"{vm}/start", b"")
        self.done(self.good("POST", f"{vm}/stop", b""))
        self.assertEqual(self.done(overtaken)["httpErrorStatusCode"], 409)
        self.cloud.control("pace", {"boot_s": 0})
        self.done(self.good("POST", f"{vm}/start", b""))
        self.cloud.misbehave("stuck_delete", "europe-west1-b/vm")
        self.good("DELETE", vm)
        self.cloud.advance(3600)
        self.assertEqual(self.good("GET", vm)["status"], "STOPPING")

    def test_the_time_limit_deletes_a_running_vm_and_forgets_a_stopped_one(self):
        vm = self.run_vm()
        self.assertIn("terminationTimestamp", self.good("GET", vm)["resourceStatus"]["scheduling"])
        self.cloud.advance(3590)
        self.assertEqual(self.good("GET", vm)["status"], "RUNNING")
        self.cloud.advance(20)
        self.gone("vm")
        self.assertEqual(self.kinds("vm")[-1], "compute.instances.deferredDelete")
        vm = self.run_vm("halted")
        self.cloud.happens("stop", "europe-west1-b", "halted")
        self.is_now(vm, "TERMINATED")
        self.assertNotIn("resourceStatus", self.good("GET", vm))
        self.cloud.advance(3 * 24 * 3600)
        self.assertEqual(self.good("GET", vm)["status"], "TERMINATED")
        self.done(self.good("POST", f"{vm}/start", b""))
        self.cloud.advance(3590)  # it has a whole new term
        self.assertEqual(self.good("GET", vm)["status"], "RUNNING")
        who = {one["user"] for one in self.cloud.vms()["operations"] if one["kind"] == "stop" and one["target"].endswith("/halted")}
        self.assertEqual(who, {"person@example.com"})

    def test_a_vm_that_powers_itself_off_stays_and_so_does_its_disk(self):
        vm = self.run_vm()
        self.cloud.happens("power_off", "europe-west1-b", "vm")
        self.is_now(vm, "TERMINATED")
        self.assertEqual(self.kinds("vm")[-1], "compute.instances.guestTerminate")
        self.cloud.advance(100_000)
        self.assertTrue(self.cloud.vms()["disks"][0]["used"])

    def test_disks_stay_where_nobody_said_that_they_go(self):
        disks = [{"boot": True, "initializeParams": {"sourceImage": COS}}]
        self.run_vm(disks=disks)
        self.refused(400, "already being used", "DELETE", f"{self.b}/disks/vm")
        self.done(self.good("DELETE", f"{self.b}/instances/vm"))
        self.assertEqual([one["name"] for one in self.good("GET", f"{self.b}/disks")["items"]], ["vm"])
        self.run_vm()  # a disk of that name that is there is attached
        self.assertEqual(len(self.cloud.vms()["disks"]), 1)

    def test_spot_vms_are_preempted_and_standard_ones_begin_anew(self):
        spot = {"provisioningModel": "SPOT", "instanceTerminationAction": "DELETE"}
        vm = self.run_vm("spot", scheduling=spot)
        self.done(self.good("POST", f"{vm}/simulateMaintenanceEvent", b""))
        self.gone("spot")
        self.assertIn("compute.instances.preempted", self.kinds("spot"))
        vm = self.run_vm("again", scheduling={})  # automaticRestart is true where nobody says otherwise
        self.cloud.happens("host_error", "europe-west1-b", "again")
        wait_until(lambda: self.cloud.vms()["vms"][0]["boots"] == 2, "it boots a second time")
        self.assertEqual(self.kinds("again")[1:], ["compute.instances.hostError", "compute.instances.automaticRestart"])
        vm = self.run_vm("once")
        self.cloud.happens("host_error", "europe-west1-b", "once")
        self.is_now(vm, "TERMINATED")

    def test_lists_are_stale_or_lack_a_zone(self):
        self.cloud.advance(3600)
        self.run_vm()
        self.cloud.misbehave("stale_list", age_s=1800)
        self.assertNotIn("items", self.good("GET", f"{self.b}/instances"))
        self.assertEqual(len(self.good("GET", f"{self.b}/instances")["items"]), 1)
        self.cloud.misbehave("partial_list", "europe-west1-b", -1)
        self.refused(503, "cannot be reached", "GET", f"{self.at}/aggregated/instances")
        partly = self.good("GET", f"{self.at}/aggregated/instances?returnPartialSuccess=true")
        self.assertNotIn("zones/europe-west1-b", partly["items"])
        self.assertTrue(partly["unreachables"][0].endswith("zones/europe-west1-b"))
        self.refused(503, "cannot be reached", "GET", f"{self.b}/instances/vm")
        self.cloud.behave()

    def test_lists_come_in_pages_filtered_and_in_part(self):
        for name in ("one", "two", "three"):
            self.run_vm(name)
        page = self.good("GET", f"{self.b}/instances?maxResults=2&fields=items(name,status),nextPageToken")
        self.assertEqual(page["items"][0], {"name": "one", "status": "RUNNING"})
        rest = self.good("GET", f"{self.b}/instances?maxResults=2&pageToken={page['nextPageToken']}")
        self.assertEqual(len(rest["items"]), 1)
        self.assertEqual(len(self.good("GET", f"{self.b}/instances?filter=name%3Dtwo")["items"]), 1)
        self.assertNotIn("items", self.good("GET", f"{self.b}/instances?filter=labels.busker-home%3Dh2"))
        self.refused(501, "does not play the filter", "GET", f"{self.b}/instances?filter=name%20eq%20t.*")
        found = self.good("GET", f"{self.b}/operations?filter=operationType%3Dinsert%20AND%20status%3DDONE")
        self.assertGreaterEqual(len(found["items"]), 3)

    def test_a_vm_may_delete_itself_only_with_the_right_to(self):
        account = {"email": "vm@example", "scopes": [SCOPE]}
        vm = self.run_vm(serviceAccounts=[account])
        place = wait_until(lambda: self.cloud.vms()["vms"][0]["metadata_server"], "it runs")
        token = self.call("GET", "/computeMetadata/v1/instance/service-accounts/default/token", place=place,
                          headers={"Metadata-Flavor": "Google"}).data["access_token"]
        mine = {"Authorization": f"Bearer {token}"}
        self.addCleanup(self.cloud.control, "denied", method="DELETE")
        self.cloud.control("denied", {"email": "vm@example", "permission": "compute.instances.delete"})
        self.refused(403, "compute.instances.delete", "DELETE", vm, headers=mine)
        self.cloud.control("denied", method="DELETE")
        self.good("DELETE", vm, headers=mine)
        self.gone("vm")
        self.assertEqual([one["user"] for one in self.cloud.vms()["operations"] if one["kind"] == "delete"][-1], "vm@example")
        self.cloud.control("denied", {"email": "anonymous@emulator", "permission": "iam.serviceAccounts.actAs"})
        self.refused(403, "actAs", "POST", f"{self.b}/instances", self.body(serviceAccounts=[account]))

    def test_labels_change_by_their_fingerprint(self):
        vm = self.run_vm()
        self.refused(412, "fingerprint", "POST", f"{vm}/setLabels", {"labels": {}, "labelFingerprint": "x"})
        mark = self.good("GET", vm)["labelFingerprint"]
        self.done(self.good("POST", f"{vm}/setLabels", {"labels": {"a": "b"}, "labelFingerprint": mark}))
        self.assertEqual(self.good("GET", vm)["labels"], {"a": "b"})

    def test_what_one_looks_up_before(self):
        self.assertEqual(self.good("GET", f"{self.b}/machineTypes/e2-standard-4")["guestCpus"], 4)
        self.refused(404, "was not found", "GET", f"{self.b}/machineTypes/e2-huge")
        self.assertEqual(self.good("GET", "/compute/v1/projects/cos-cloud/global/images/family/cos-stable")["status"], "READY")
        self.assertEqual(self.good("GET", self.b)["status"], "UP")
        operation = self.insert()
        self.done(operation)
        self.cloud.control("operations/expire", method="POST")
        self.refused(404, "was not found", "GET", f"{self.b}/operations/{operation['name']}")


def can_have_guests():
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


@unittest.skipUnless(can_have_guests(), "a guest needs root, and mount namespaces")
class Guest(Vms):
    """A VM really boots: cloud-init's files, commands and units are carried out. With Docker: cloud_machine_test.py."""

    CONFIG = """#cloud-config
write_files:
- path: /etc/systemd/system/work.service
  permissions: "0644"
  content: |
    [Unit]
    Description=Work
    [Service]
    Type=oneshot
    Environment=WHO=me
    StandardOutput=journal+console
    ExecStart=/bin/sh -c "echo run by $$WHO on $(hostname) >> /var/lib/google/log; cat /var/lib/google/log"
    ExecStopPost=/bin/sh -c "echo ended $$SERVICE_RESULT $$EXIT_STATUS"
- path: /var/lib/google/tool
  permissions: "0755"
  content: |
    #!/bin/sh
    echo the tool runs
- path: /var/lib/tool
  permissions: "0755"
  content: |
    #!/bin/sh
    echo what must not run
runcmd:
- systemctl daemon-reload
- systemctl start work.service
- [/var/lib/google/tool]
- [/var/lib/tool]
"""

    @staticmethod
    def with_unit(service):
        file = {"path": "/etc/systemd/system/a.service", "content": f"[Service]\nStandardOutput=journal+console\n{service}"}
        return "#cloud-config\n" + json.dumps({"write_files": [file], "runcmd": ["systemctl start a.service"]})

    def boot(self, config, name="vm", **more):
        vm = self.run_vm(name, metadata={"items": [{"key": "user-data", "value": config}]}, **more)
        self.says(name, "cloud-init: ", 1)
        return vm

    def console(self, name="vm"):
        return self.good("GET", f"{self.b}/instances/{name}/serialPort?port=1")["contents"]

    def says(self, name, text, times=1):
        return wait_until(lambda: (said := self.console(name)).count(text) >= times and said, f"{name} says {text}")

    def test_units_run_at_every_boot_and_noexec_holds(self):
        self.boot(self.CONFIG)
        said = self.says("vm", "finished, boot 1")
        self.assertIn("run by me on vm", said)
        self.assertIn("ended success 0", said)
        self.assertIn("the tool runs", said)
        self.assertNotIn("what must not run", said)
        self.assertIn("runcmd 4 failed", said)
        self.cloud.happens("reboot", "europe-west1-b", "vm")
        said = self.says("vm", "finished, boot 2")
        self.assertEqual(said.count("run by me on vm"), 1 + 2)  # /var is kept

    def test_what_cannot_be_played_is_said_on_the_console(self):
        self.boot("#cloud-config\npackages: [docker]\n")
        self.says("vm", "failed: of cloud-config there are only")
        self.boot(self.with_unit("ExecStart=/bin/true\nDynamicUser=yes\n"), "vm2")
        self.says("vm2", "DynamicUser= in [Service] is not played")
        self.boot('#cloud-config\n{"write_files": [{"path": "/usr/bin/x", "content": ""}]}', "vm3")
        self.says("vm3", "Read-only file system")

    def test_a_unit_that_fails_begins_again_five_times(self):
        self.boot(self.with_unit("Restart=on-failure\nRestartSec=10ms\nExecStart=/bin/sh -c 'echo begun; exit 1'\n"))
        self.assertEqual(self.says("vm", "Start request repeated too quickly").count("sh: begun"), 5)
        self.says("vm", "Failed with result 'start-limit-hit'")

    # A service whose main process is killed is not over: systemd ends the rest of it, says why to ExecStopPost=, and begins it anew.
    def test_a_unit_that_is_killed_begins_anew_without_what_it_had_started(self):
        mark = f"{3600 + os.getpid()}.25"
        self.boot(self.with_unit(f"""Restart=on-abnormal
RestartSec=10ms
KillMode=mixed
ExecStart=/bin/sh -c "setsid sleep {mark} & echo begun; trap 'exit 3' USR1; while :; do sleep 0.1; done"
ExecStopPost=/bin/sh -c "echo ended $$SERVICE_RESULT $$EXIT_STATUS"
"""))
        sleepers = lambda: [one for one in cmdlines() if one == b"sleep\0" + mark.encode() + b"\0"]  # noqa: E731
        self.says("vm", "begun")
        wait_until(lambda: len(sleepers()) == 1, "it sleeps")
        for times in (1, 2):
            self.cloud.happens("kill_units", "europe-west1-b", "vm")
            said = self.says("vm", "begun", times + 1)
            self.assertEqual(said.count("ended signal KILL"), times)
            wait_until(lambda: len(sleepers()) == 1, "the one before is gone")

    def test_a_unit_that_ends_in_an_ordinary_way_is_over(self):
        self.boot(self.with_unit("Restart=on-abnormal\nRestartSec=10ms\nExecStart=/bin/sh -c 'echo begun; exit 1'\n"))
        self.assertEqual(self.says("vm", "Failed with result 'exit-code'").count("sh: begun"), 1)

    def test_the_guest_has_a_metadata_server_and_can_power_off(self):
        script = ("import json, os, urllib.request as u; r = u.Request('http://' + os.environ['GCE_METADATA_HOST'] + "
                  "'/computeMetadata/v1/instance/name', headers={'Metadata-Flavor': 'Google'}); print('name is', u.urlopen(r).read())")
        config = json.dumps({"runcmd": [["python3", "-c", script], "poweroff"]})
        vm = self.boot("#cloud-config\n" + config)
        self.says("vm", "name is b'vm'")
        self.is_now(vm, "TERMINATED")

    def test_a_unit_that_is_told_to_stop_has_time_and_then_none(self):
        self.cloud.control("pace", {"soft_off_s": [20, 20]})
        config = self.with_unit("""ExecStart=/bin/sh -c "trap 'echo told; exit 0' TERM; echo begun; while :; do sleep 0.1; done"
ExecStopPost=/bin/echo after
""")
        vm = self.boot(config)
        self.says("vm", "begun")
        self.good("POST", f"{vm}/stop", b"")
        self.is_now(vm, "TERMINATED")
        said = self.console()
        self.assertIn("told", said)
        self.assertIn("after", said)
        self.done(self.good("POST", f"{vm}/start", b""))
        self.says("vm", "begun", 2)
        self.cloud.happens("host_error", "europe-west1-b", "vm")  # and here nobody is told
        self.is_now(vm, "TERMINATED")
        self.assertEqual(self.console().count("told"), 1)

    def test_processes_of_a_deleted_vm_are_gone(self):
        mark = f"{3600 + os.getpid()}.5"
        vm = self.boot("#cloud-config\n" + json.dumps({"runcmd": [f"setsid sleep {mark} > /dev/null 2>&1 &", "echo off"]}))
        self.says("vm", "finished")
        is_there = lambda: mark.encode() in b"".join(cmdlines())  # noqa: E731
        self.assertTrue(wait_until(is_there, "it sleeps"))
        self.done(self.good("DELETE", vm))
        wait_until(lambda: not is_there(), "it is killed")


def cmdlines():
    for process in pathlib.Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                yield (process / "cmdline").read_bytes()
            except OSError:
                pass


if __name__ == "__main__":
    unittest.main()
