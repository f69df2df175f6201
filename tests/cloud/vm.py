"""A VM and a disk as the API knows them."""

import hashlib
import itertools
import json

from .clock import rfc3339
from .instances import MACHINE_TYPES
from .machine import Machine

IMAGE_GB = 10


class Disk:
    def __init__(self, world, zone, name, number, params):
        self.name, self.zone, self.number = name, zone, number
        self.size_gb = int(params.get("diskSizeGb", IMAGE_GB))
        self.kind = params.get("diskType", f"zones/{zone.name}/diskTypes/pd-standard").rsplit("/", 1)[-1]
        self.labels, self.image = params.get("labels", {}), params.get("sourceImage", "")
        self.users = []
        self.created = world.clock.now()
        self.link = f"{zone.link}/disks/{name}"

    def resource(self, compute):
        done = {"kind": "compute#disk", "id": self.number, "name": self.name, "sizeGb": str(self.size_gb), "status": "READY",
                "zone": compute.link(self.zone.link), "selfLink": compute.link(self.link), "labels": self.labels,
                "labelFingerprint": fingerprint(self.labels), "type": compute.link(f"{self.zone.link}/diskTypes/{self.kind}"),
                "creationTimestamp": rfc3339(self.created), "sourceImage": self.image}
        if self.users:
            done["users"] = [compute.link(vm.link) for vm in self.users]
        return done


class Vm:
    """`turn`: another with each change of its state, so that what was begun before knows that it is void."""

    numbers = itertools.count(10 ** 18 + 1)

    def __init__(self, world, zone, data, kind, scheduling, limit_s, end):
        self.world, self.zone, self.name, self.kind = world, zone, data["name"], kind
        self.number = str(next(self.numbers))
        self.link = f"{zone.link}/instances/{self.name}"
        self.asked = data
        self.labels = dict(data.get("labels", {}))
        self.scheduling, self.limit_s, self.end = scheduling, limit_s, end
        self.disks = []  # (Disk, is_boot, is_auto_delete, device name)
        self.status, self.message = "PROVISIONING", ""
        self.turn = 0
        self.pending = []  # operations that end when it has stopped
        self.arrival = None  # the operation that makes it run
        self.created = world.clock.now()
        self.started = self.stopped = self.termination = None
        self.is_preempted = False
        self.machine = Machine(world, self)

    @property
    def cpus(self):
        return MACHINE_TYPES[self.kind][0]

    @property
    def account(self):
        return (self.asked.get("serviceAccounts") or [None])[0]

    @property
    def metadata(self):
        return {item["key"]: item.get("value", "") for item in self.asked.get("metadata", {}).get("items", [])}

    def is_spot(self):
        return self.scheduling["preemptible"]

    def resource(self, compute):
        data = self.asked
        done = {"kind": "compute#instance", "id": self.number, "name": self.name, "zone": compute.link(self.zone.link),
                "selfLink": compute.link(self.link), "status": self.status, "labels": self.labels,
                "labelFingerprint": fingerprint(self.labels), "creationTimestamp": rfc3339(self.created),
                "machineType": compute.link(f"{self.zone.link}/machineTypes/{self.kind}"), "scheduling": self.scheduling,
                "metadata": {"kind": "compute#metadata", "fingerprint": fingerprint(self.metadata),
                             "items": data.get("metadata", {}).get("items", [])},
                "tags": {**data.get("tags", {}), "fingerprint": fingerprint(data.get("tags", {}))},
                "serviceAccounts": data.get("serviceAccounts", []), "deletionProtection": data.get("deletionProtection", False),
                "networkInterfaces": [self.interface(one) for one in data["networkInterfaces"]],
                "disks": [{"kind": "compute#attachedDisk", "type": "PERSISTENT", "mode": "READ_WRITE", "index": index, "boot": is_boot,
                           "autoDelete": is_auto_delete, "deviceName": device, "diskSizeGb": str(disk.size_gb),
                           "source": compute.link(disk.link)}
                          for index, (disk, is_boot, is_auto_delete, device) in enumerate(self.disks)]}
        for name in ("description", "canIpForward", "guestAccelerators", "shieldedInstanceConfig", "minCpuPlatform"):
            if name in data:
                done[name] = data[name]
        for name, value in (("lastStartTimestamp", self.started), ("lastStopTimestamp", self.stopped)):
            if value is not None:
                done[name] = rfc3339(value)
        if self.message:
            done["statusMessage"] = self.message
        if self.termination is not None:  # compute/docs/instances/limit-vm-runtime#view
            done["resourceStatus"] = {"scheduling": {"terminationTimestamp": rfc3339(self.termination)}}
        return done

    def interface(self, asked):
        done = {"kind": "compute#networkInterface", "name": "nic0", "network": asked.get("network", "global/networks/default"),
                "networkIP": f"10.132.0.{int(self.number) % 250 + 2}"}
        if asked.get("accessConfigs"):
            done["accessConfigs"] = [{"kind": "compute#accessConfig", "type": "ONE_TO_ONE_NAT", "name": "external-nat",
                                      "natIP": f"203.0.113.{int(self.number) % 250 + 2}", **asked["accessConfigs"][0]}]
        return done


def fingerprint(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
