"""What may be asked of a new VM (compute/docs/reference/rest/v1/instances/insert), and what of it is refused."""

import re

from . import shape
from .answers import Refused
from .clock import instant_of

NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
LABEL_KEY, LABEL_VALUE = re.compile(r"[a-z][-_a-z0-9]{0,62}"), re.compile(r"[-_a-z0-9]{0,63}")
METADATA_KEY = re.compile(r"[a-zA-Z0-9_-]{1,128}")
VALUE_BYTES_MAX, METADATA_BYTES_MAX = 256 << 10, 512 << 10  # compute/docs/metadata/setting-custom-metadata#limitations
LIMIT_S_MIN, LIMIT_S_MAX = 30, 120 * 24 * 3600  # compute/docs/instances/limit-vm-runtime#restrictions
MACHINE_TYPES = {"e2-micro": (2, 1024), "e2-small": (2, 2048), "e2-medium": (2, 4096), "e2-standard-2": (2, 8192),
                 "e2-standard-4": (4, 16384), "e2-highmem-4": (4, 32768), "n1-standard-1": (1, 3840), "n1-standard-4": (4, 15360),
                 "n2-standard-8": (8, 32768), "c3-standard-4": (4, 16384), "g2-standard-4": (4, 16384)}
DISK_TYPES = ("pd-standard", "pd-balanced", "pd-ssd", "hyperdisk-balanced")
LABELS = shape.map_of(shape.text)
INSTANCE = {
    "name": shape.text, "description": shape.text, "machineType": shape.text, "minCpuPlatform": shape.text, "labels": LABELS,
    "tags": {"items": [shape.text]}, "canIpForward": shape.boolean, "deletionProtection": shape.boolean,
    "metadata": {"items": [{"key": shape.text, "value": shape.text}]},
    "serviceAccounts": [{"email": shape.text, "scopes": [shape.text]}],
    "guestAccelerators": [{"acceleratorType": shape.text, "acceleratorCount": shape.integer}],
    "shieldedInstanceConfig": {"enableSecureBoot": shape.boolean, "enableVtpm": shape.boolean,
                               "enableIntegrityMonitoring": shape.boolean},
    "networkInterfaces": [{"network": shape.text, "subnetwork": shape.text, "nicType": shape.text, "stackType": shape.text,
                           "accessConfigs": [{"type": shape.one_of("ONE_TO_ONE_NAT"), "name": shape.text,
                                              "networkTier": shape.one_of("PREMIUM", "STANDARD")}]}],
    "disks": [{"boot": shape.boolean, "autoDelete": shape.boolean, "deviceName": shape.text, "source": shape.text,
               "type": shape.one_of("PERSISTENT"), "mode": shape.one_of("READ_WRITE", "READ_ONLY"),
               "initializeParams": {"diskName": shape.text, "diskSizeGb": shape.integer, "diskType": shape.text,
                                    "sourceImage": shape.text, "labels": LABELS, "description": shape.text}}],
    "scheduling": {"automaticRestart": shape.boolean, "onHostMaintenance": shape.one_of("MIGRATE", "TERMINATE"),
                   "preemptible": shape.boolean, "provisioningModel": shape.one_of("STANDARD", "SPOT"),
                   "instanceTerminationAction": shape.one_of("STOP", "DELETE"),
                   "maxRunDuration": {"seconds": shape.integer, "nanos": shape.integer}, "terminationTime": shape.text},
}


def invalid(field, value, why):
    return Refused(400, f"Invalid value for field 'resource.{field}': '{value}'. {why}", "invalid")


def check_name(name, field="name"):
    if not NAME.fullmatch(name):
        raise invalid(field, name, "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'")


def check_labels(labels, field="labels"):
    if len(labels) > 64:
        raise invalid(field, "", "Labels cannot contain more than 64 entries.")
    for key, value in labels.items():
        if not LABEL_KEY.fullmatch(key) or not LABEL_VALUE.fullmatch(value):
            raise invalid(field, f"{key}={value}", "Label keys and values hold lower-case letters, digits, _ and -, at most 63.")


def check_metadata(items):
    keys = [item.get("key", "") for item in items]
    if len(set(keys)) != len(keys):
        raise invalid("metadata", "", "Duplicate keys.")
    for item in items:
        key, size = item.get("key", ""), len(item.get("value", "").encode())
        if not METADATA_KEY.fullmatch(key):
            raise invalid("metadata.items.key", key, "Must be a match of regex '[a-zA-Z0-9-_]+', at most 128 bytes.")
        if size > VALUE_BYTES_MAX:
            raise invalid(f"metadata.items.{key}", "", f"The value has {size} bytes, at most {VALUE_BYTES_MAX} are possible.")
    total = sum(len(item.get("key", "").encode()) + len(item.get("value", "").encode()) for item in items)
    if total > METADATA_BYTES_MAX:
        raise invalid("metadata", "", f"The metadata have {total} bytes, at most {METADATA_BYTES_MAX} are possible.")


def settled_scheduling(asked, has_gpu, now):
    """With what the service puts in. Returns the resource; the limit in seconds, None; and the absolute end, None."""
    done = dict(asked)
    is_legacy = done.setdefault("preemptible", False)
    is_spot = done.setdefault("provisioningModel", "SPOT" if is_legacy else "STANDARD") == "SPOT"
    if is_legacy and not is_spot:
        raise invalid("scheduling.provisioningModel", "STANDARD", "A preemptible VM is not standard.")
    is_short = is_spot or is_legacy
    done["preemptible"] = is_short
    if done.setdefault("automaticRestart", not is_short) and is_short:
        raise invalid("scheduling.automaticRestart", "true", "Automatic restart is not possible with preemptible VMs.")
    if done.setdefault("onHostMaintenance", "TERMINATE" if is_short or has_gpu else "MIGRATE") == "MIGRATE":
        if is_short or has_gpu:
            raise invalid("scheduling.onHostMaintenance", "MIGRATE", "Spot VMs and those with accelerators must be TERMINATE.")
    limit, end = done.get("maxRunDuration"), done.get("terminationTime")
    if limit is not None and end is not None:
        raise invalid("scheduling", "", "Only one of maxRunDuration and terminationTime is possible.")
    if (limit or end) and is_legacy:
        raise invalid("scheduling.maxRunDuration", "", "Preemptible VMs of the old kind cannot have it; use Spot VMs.")
    action = done.get("instanceTerminationAction")
    if action and not is_spot and limit is None and end is None:
        raise Refused(400, "You cannot specify a termination action for a VM instance that has the standard provisioning model "
                      "(default) and no time limit.", "invalid")
    if (limit is not None or end is not None) and not action:
        raise invalid("scheduling.instanceTerminationAction", "", "A time limit needs a termination action.")
    if is_spot and not is_legacy:
        done.setdefault("instanceTerminationAction", "STOP")
    seconds = None
    if limit is not None:
        seconds = int(limit.get("seconds", 0)) + int(limit.get("nanos", 0)) / 1e9
        if not LIMIT_S_MIN <= seconds <= LIMIT_S_MAX:
            raise invalid("scheduling.maxRunDuration", seconds, "It must be from 30 seconds to 120 days.")
        done["maxRunDuration"] = {"seconds": str(int(seconds))}
    instant = None
    if end is not None:
        try:
            instant = instant_of(end)
        except ValueError as error:
            raise invalid("scheduling.terminationTime", end, "It is no RFC 3339 instant.") from error
        if not now + LIMIT_S_MIN <= instant <= now + LIMIT_S_MAX:
            raise invalid("scheduling.terminationTime", end, "It must be from 30 seconds to 120 days from now.")
    return done, seconds, instant


def short(value, kind, field, project, zone):
    """The name of what "zones/Z/KIND/NAME" and its longer forms lead to; it must be in the zone."""
    found = re.fullmatch(rf"(?:https?://[^/]+/compute/v1/)?(?:projects/([^/]+)/)?zones/([^/]+)/{kind}/([^/]+)", value)
    if not found or found[1] not in (None, project) or found[2] != zone:
        raise invalid(field, value, "The referenced resource cannot be found in this zone.")
    return found[3]


def settled(data, project, zone):
    """Refuses what cannot be; returns the name of the machine type."""
    if not data.get("name"):
        raise invalid("name", "", "Required field not specified.")
    check_name(data["name"])
    check_labels(data.get("labels", {}))
    check_metadata(data.get("metadata", {}).get("items", []))
    kind = short(data.get("machineType", ""), "machineTypes", "machineType", project, zone)
    if kind not in MACHINE_TYPES:
        raise invalid("machineType", data["machineType"], "The referenced resource cannot be found.")
    if not data.get("networkInterfaces"):
        raise invalid("networkInterfaces", "", "At least one network interface is required.")
    if len(data.get("serviceAccounts", [])) > 1:
        raise invalid("serviceAccounts", "", "At most one service account is possible.")
    for account in data.get("serviceAccounts", []):
        if not account.get("email") or not account.get("scopes"):
            raise invalid("serviceAccounts", account.get("email", ""), "It needs an email and scopes.")
    disks = data.get("disks", [])
    if not disks or not disks[0].get("boot"):
        raise invalid("disks", "", "The first disk must be a boot disk.")
    for index, disk in enumerate(disks):
        if ("source" in disk) == ("initializeParams" in disk):
            raise invalid(f"disks[{index}]", "", "Exactly one of source and initializeParams is needed.")
        params = disk.get("initializeParams", {})
        if "diskName" in params:
            check_name(params["diskName"], f"disks[{index}].initializeParams.diskName")
        check_labels(params.get("labels", {}), f"disks[{index}].initializeParams.labels")
        if "diskType" in params:
            found = short(params["diskType"], "diskTypes", f"disks[{index}].initializeParams.diskType", project, zone)
            if found not in DISK_TYPES:
                raise invalid(f"disks[{index}].initializeParams.diskType", params["diskType"], "It cannot be found.")
        if disk.get("boot") and "source" not in disk and not params.get("sourceImage"):
            raise invalid(f"disks[{index}].initializeParams.sourceImage", "", "A boot disk needs an image.")
    return kind
