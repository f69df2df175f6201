"""Compute Engine, API v1 (compute/docs/reference/rest/v1): instances, disks, operations, and what one looks up before."""

import base64
import copy
import re

from . import filters, instances, shape
from .answers import Refused
from .lives import Lives
from .operations import Operations
from .routes import Service, route
from .vm import Disk, Vm, fingerprint
from .zones import LIMITS, zones_of

PATH = "/compute/v1/projects/{project}"
IN_ZONE = PATH + "/zones/{zone}"
PAGE_MAX = 500
LISTING = ("filter", "maxResults", "pageToken", "returnPartialSuccess", "orderBy")
HISTORY_MAX = 2000
WAIT_S = 120  # zoneOperations/wait: at most two minutes, then it answers as it is
SERIAL_BYTES_MAX = 1 << 20
IMAGES = {"cos-stable": "cos-stable-125-19216-104-25", "cos-125-lts": "cos-125-19216-104-25"}  # of cos-cloud


class Compute(Service):
    def __init__(self, world):
        self.world = world
        self.zones = zones_of(world.project)
        self.vms = {}  # (zone, name)
        self.disks = {}
        self.operations = Operations(world)
        self.lives = Lives(self)
        self.limits = {}  # (region, metric)
        self.history = []  # (instant, {zone: resources}), for lists that are stale
        self.note()

    def link(self, place):
        return f"{self.world.places()['compute']}/{place}"

    def note(self):
        """Something has changed."""
        self.history.append((self.world.clock.now(), copy.deepcopy(self.vms_by_zone())))
        del self.history[:-HISTORY_MAX]
        self.world.changed.notify_all()

    # Places.

    def project(self, name):
        if name != self.world.project:
            raise Refused(403, f"Required 'compute' permission for 'projects/{name}'")

    def zone(self, project, name, is_asked=True):
        """`is_asked`: a zone that cannot be reached does not answer."""
        self.project(project)
        if name not in self.zones:
            raise Refused(404, f"The resource 'projects/{project}/zones/{name}' was not found")
        if is_asked and name in self.unreachable():
            raise Refused(503, f"The zone '{name}' cannot be reached.", "backendError")
        return self.zones[name]

    def unreachable(self):
        """Rules of `partial_list` hold until they are taken back."""
        rules = [rule for rule in self.world.misbehaviour.rules if rule["kind"] == "partial_list"]
        return {zone for zone in self.zones for rule in rules if rule["where"] in zone}

    def vm(self, project, zone, name):
        place = self.zone(project, zone)
        if (zone, name) not in self.vms:
            raise Refused(404, f"The resource '{place.link}/instances/{name}' was not found")
        return self.vms[zone, name]

    def put(self, vm):
        self.vms[vm.zone.name, vm.name] = vm

    def remove(self, vm, with_disks=False):
        """Its disks go with it when they are to; else they stay, and are billed."""
        if self.vms.get((vm.zone.name, vm.name)) is vm:
            del self.vms[vm.zone.name, vm.name]
        for disk, _, is_auto_delete, _ in vm.disks:
            disk.users = [one for one in disk.users if one is not vm]
            if is_auto_delete or (with_disks and not disk.users):
                self.disks.pop((disk.zone.name, disk.name), None)
        vm.status = "TERMINATED"
        vm.machine.delete()

    # Quotas: of what is there, the new one among it.

    def limit(self, region, metric):
        return self.limits.get((region, metric), LIMITS[metric])

    def usage(self, region):
        vms = [vm for vm in self.vms.values() if vm.zone.region == region]
        disks = [disk for disk in self.disks.values() if disk.zone.region == region]
        return {"CPUS": sum(vm.cpus for vm in vms if not vm.is_spot() and vm.status != "TERMINATED"),
                "PREEMPTIBLE_CPUS": sum(vm.cpus for vm in vms if vm.is_spot() and vm.status != "TERMINATED"),
                "INSTANCES": len(vms), "DISKS_TOTAL_GB": sum(disk.size_gb for disk in disks if disk.kind == "pd-standard"),
                "SSD_TOTAL_GB": sum(disk.size_gb for disk in disks if disk.kind != "pd-standard")}

    def exceeded(self, region):
        return next((metric for metric, used in self.usage(region).items() if used > self.limit(region, metric)), None)

    # Instances.

    @route("POST", IN_ZONE + "/instances", query=("requestId",), body=instances.INSTANCE, needs="compute.instances.create")
    def insert(self, request, project, zone):
        place = self.zone(project, zone)
        data = request.data
        link = f"{place.link}/instances/{data.get('name')}"
        known = self.operations.known(request, "insert", link)
        if known:
            return known.resource(self)
        if data.get("serviceAccounts"):  # compute/docs/access/create-enable-service-accounts-for-instances
            self.world.permissions.check(request.principal.email, "iam.serviceAccounts.actAs")
        kind = instances.settled(data, project, zone)
        scheduling, limit_s, end = instances.settled_scheduling(
            data.get("scheduling", {}), bool(data.get("guestAccelerators")), self.world.clock.now())
        if (zone, data["name"]) in self.vms:
            raise Refused(409, f"The resource '{link}' already exists", "alreadyExists")
        vm = Vm(self.world, place, data, kind, scheduling, limit_s, end)
        self.attach_disks(vm, data["disks"])
        operation = self.operations.begin("insert", vm, place, request.principal.email, request.one("requestId"))
        self.lives.create(vm, operation)
        return operation.resource(self)

    def attach_disks(self, vm, asked):
        """A disk of that name that is there already is attached: `initializeParams.diskName` says so."""
        found = []
        for index, one in enumerate(asked):
            params = one.get("initializeParams")
            if params is None:
                name = instances.short(one["source"], "disks", f"disks[{index}].source", self.world.project, vm.zone.name)
                if (vm.zone.name, name) not in self.disks:
                    raise Refused(404, f"The resource '{vm.zone.link}/disks/{name}' was not found")
            else:
                image = params.get("sourceImage", "")
                if image and not self.image(image):
                    raise instances.invalid(f"disks[{index}].initializeParams.sourceImage", image, "It cannot be found.")
                name = params.get("diskName") or (vm.name if one.get("boot") else f"{vm.name}-{index}")
            disk = self.disks.get((vm.zone.name, name))
            if disk and disk.users:
                raise Refused(400, f"The disk resource '{disk.link}' is already being used by '{disk.users[0].link}'",
                              "resourceInUseByAnotherResource")
            found.append((disk or Disk(self.world, vm.zone, name, str(next(Vm.numbers)), params), one))
        for disk, one in found:
            disk.users.append(vm)
            self.disks[vm.zone.name, disk.name] = disk
            vm.disks.append((disk, one.get("boot", False), one.get("autoDelete", False), one.get("deviceName", disk.name)))

    @staticmethod
    def image(text):
        """The image's own name, when it is one of COS."""
        found = re.fullmatch(r"(?:https?://[^/]+/compute/v1/)?projects/cos-cloud/"
                             r"(?:global/images/(family/)?|zones/[^/]+/(imageFamilyViews)/)([^/]+)", text)
        if not found:
            return None
        return IMAGES.get(found[3]) if found[1] or found[2] else (found[3] if found[3] in IMAGES.values() else None)

    @route("GET", IN_ZONE + "/instances/{name}", needs="compute.instances.get")
    def get(self, _request, project, zone, name):
        return self.vm(project, zone, name).resource(self)

    @route("GET", IN_ZONE + "/instances", query=LISTING, needs="compute.instances.list")
    def list(self, request, project, zone):
        self.zone(project, zone)
        return {"kind": "compute#instanceList", **self.page(request, self.listed()[zone])}

    @route("GET", PATH + "/aggregated/instances", query=(*LISTING, "includeAllScopes"), needs="compute.instances.list")
    def aggregated(self, request, project):
        self.project(project)
        away = self.unreachable()
        if away and not request.truth("returnPartialSuccess"):
            raise Refused(503, f"Some zones cannot be reached: {', '.join(sorted(away))}", "backendError")
        listed = self.listed()
        page = self.page(request, [one for zone in self.zones if zone not in away for one in listed[zone]])
        by_zone = {f"zones/{zone}": [one for one in page.get("items", []) if one["zone"].endswith(f"/{zone}")]
                   for zone in self.zones if zone not in away}
        empty = {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": "There are no results for this scope on this page."}}
        page["items"] = {scope: {"instances": found} if found else empty for scope, found in by_zone.items()}
        if away:
            page["unreachables"] = [self.link(self.zones[zone].link) for zone in sorted(away)]
        return {"kind": "compute#instanceAggregatedList", **page}

    def listed(self):
        """By zone; as it was a while ago when it is to be."""
        rule = self.world.misbehaviour.take({"stale_list"}, "")
        if rule:
            then = self.world.clock.now() - rule.get("age_s", 10)
            earlier = [listing for instant, listing in self.history if instant <= then]
            listing = earlier[-1] if earlier else {}
            return {zone: listing.get(zone, []) for zone in self.zones}
        return self.vms_by_zone()

    def vms_by_zone(self):
        return {zone: [vm.resource(self) for (where, _), vm in sorted(self.vms.items()) if where == zone] for zone in self.zones}

    def page(self, request, resources):
        if request.one("orderBy") not in (None, "name", "creationTimestamp desc"):
            raise Refused(400, "Invalid value for field 'orderBy'", "invalid")
        most = request.number("maxResults", PAGE_MAX, PAGE_MAX) or PAGE_MAX
        meant = [one for one in resources if filters.parse(request.one("filter"))(one)]
        begin = 0
        if request.one("pageToken"):
            try:
                begin = int(base64.urlsafe_b64decode(request.one("pageToken")))
            except ValueError as error:
                raise Refused(400, "Invalid value for field 'pageToken'", "invalid") from error
        page = {"items": meant[begin:begin + most]} if meant[begin:begin + most] else {}
        if begin + most < len(meant):
            page["nextPageToken"] = base64.urlsafe_b64encode(str(begin + most).encode()).decode()
        return page

    def deed(self, request, kind, vm, deed):
        """An operation on a VM, or the one that the request has begun before."""
        known = self.operations.known(request, kind, vm.link)
        if known:
            return known.resource(self)
        operation = self.operations.begin(kind, vm, vm.zone, request.principal.email, request.one("requestId"))
        try:
            deed(vm, operation)
        except Refused:
            self.operations.forget(operation)
            raise
        return operation.resource(self)

    @route("DELETE", IN_ZONE + "/instances/{name}", query=("requestId",), needs="compute.instances.delete")
    def delete(self, request, project, zone, name):
        known = self.operations.known(request, "delete", f"{self.zone(project, zone).link}/instances/{name}")
        if known:
            return known.resource(self)
        vm = self.vm(project, zone, name)
        if vm.asked.get("deletionProtection"):
            raise Refused(400, f"Invalid resource usage: 'Resource cannot be deleted if it's protected against deletion: {vm.link}'.",
                          "invalidResourceUsage")
        return self.deed(request, "delete", vm, self.lives.delete)

    @route("POST", IN_ZONE + "/instances/{name}/stop", query=("requestId",), needs="compute.instances.stop")
    def stop(self, request, project, zone, name):
        return self.deed(request, "stop", self.vm(project, zone, name), self.lives.stop)

    @route("POST", IN_ZONE + "/instances/{name}/start", query=("requestId",), needs="compute.instances.start")
    def start(self, request, project, zone, name):
        return self.deed(request, "start", self.vm(project, zone, name), self.lives.start)

    @route("POST", IN_ZONE + "/instances/{name}/reset", query=("requestId",), needs="compute.instances.reset")
    def reset(self, request, project, zone, name):
        return self.deed(request, "reset", self.vm(project, zone, name), self.lives.reset)

    @route("POST", IN_ZONE + "/instances/{name}/simulateMaintenanceEvent", query=("requestId",),
           needs="compute.instances.simulateMaintenanceEvent")
    def maintain(self, request, project, zone, name):
        def deed(vm, operation):
            self.lives.maintain(vm)
            operation.finish(self.world.clock.now())
        return self.deed(request, "compute.instances.simulateMaintenanceEvent", self.vm(project, zone, name), deed)

    @route("POST", IN_ZONE + "/instances/{name}/setLabels", query=("requestId",),
           body={"labels": shape.map_of(shape.text), "labelFingerprint": shape.text}, needs="compute.instances.setLabels")
    def set_labels(self, request, project, zone, name):
        vm = self.vm(project, zone, name)
        instances.check_labels(request.data.get("labels", {}))
        if request.data.get("labelFingerprint") != fingerprint(vm.labels):
            raise Refused(412, "Labels fingerprint either invalid or resource labels have changed", "conditionNotMet")

        def deed(vm, operation):
            vm.labels = request.data.get("labels", {})
            operation.finish(self.world.clock.now())
            self.note()
        return self.deed(request, "setLabels", vm, deed)

    @route("GET", IN_ZONE + "/instances/{name}/serialPort", query=("port", "start"), needs="compute.instances.getSerialPortOutput")
    def serial_port(self, request, project, zone, name):
        vm = self.vm(project, zone, name)
        if request.one("port", "1") != "1":
            raise Refused(400, "Invalid value for field 'port'", "invalid")
        console = vm.machine.console
        begin = max(request.number("start", 0), len(console) - SERIAL_BYTES_MAX, 0)
        return {"kind": "compute#serialPortOutput", "selfLink": self.link(f"{vm.link}/serialPort"), "start": str(begin),
                "next": str(max(begin, len(console))), "contents": bytes(console[begin:]).decode(errors="replace")}

    # Operations and disks.

    @route("GET", IN_ZONE + "/operations/{name}", needs="compute.zoneOperations.get")
    def get_operation(self, _request, project, zone, name):
        return self.operations.find(self.zone(project, zone), name).resource(self)

    @route("POST", IN_ZONE + "/operations/{name}/wait", needs="compute.zoneOperations.get")
    def wait_for_operation(self, _request, project, zone, name):
        operation = self.operations.find(self.zone(project, zone), name)
        self.world.wait(lambda: operation.status == "DONE" or self.world.is_ended, WAIT_S)
        return operation.resource(self)

    @route("GET", IN_ZONE + "/operations", query=LISTING, needs="compute.zoneOperations.list")
    def list_operations(self, request, project, zone):
        place = self.zone(project, zone)
        found = [one.resource(self) for one in self.operations.all if one.zone is place]
        return {"kind": "compute#operationList", **self.page(request, found)}

    @route("GET", PATH + "/aggregated/operations", query=(*LISTING, "includeAllScopes"), needs="compute.globalOperations.list")
    def aggregated_operations(self, request, project):
        self.project(project)
        page = self.page(request, [one.resource(self) for one in self.operations.all])
        return {"kind": "compute#operationAggregatedList", **self.by_zone(page, "operations")}

    @staticmethod
    def by_zone(page, name):
        items = {}
        for one in page.get("items", []):
            items.setdefault("zones/" + one["zone"].rsplit("/", 1)[1], {name: []})[name].append(one)
        return {**page, "items": items}

    @route("GET", IN_ZONE + "/disks/{name}", needs="compute.disks.get")
    def get_disk(self, _request, project, zone, name):
        return self.disk(project, zone, name).resource(self)

    def disk(self, project, zone, name):
        place = self.zone(project, zone)
        if (zone, name) not in self.disks:
            raise Refused(404, f"The resource '{place.link}/disks/{name}' was not found")
        return self.disks[zone, name]

    @route("GET", IN_ZONE + "/disks", query=LISTING, needs="compute.disks.list")
    def list_disks(self, request, project, zone):
        self.zone(project, zone)
        found = [disk.resource(self) for (where, _), disk in sorted(self.disks.items()) if where == zone]
        return {"kind": "compute#diskList", **self.page(request, found)}

    @route("GET", PATH + "/aggregated/disks", query=(*LISTING, "includeAllScopes"), needs="compute.disks.list")
    def aggregated_disks(self, request, project):
        self.project(project)
        away = self.unreachable()
        if away and not request.truth("returnPartialSuccess"):
            raise Refused(503, f"Some zones cannot be reached: {', '.join(sorted(away))}", "backendError")
        page = self.page(request, [disk.resource(self) for (zone, _), disk in sorted(self.disks.items()) if zone not in away])
        more = {"unreachables": [self.link(self.zones[zone].link) for zone in sorted(away)]} if away else {}
        return {"kind": "compute#diskAggregatedList", **self.by_zone(page, "disks"), **more}

    @route("DELETE", IN_ZONE + "/disks/{name}", query=("requestId",), needs="compute.disks.delete")
    def delete_disk(self, request, project, zone, name):
        known = self.operations.known(request, "delete", f"{self.zone(project, zone).link}/disks/{name}")
        if known:
            return known.resource(self)
        disk = self.disk(project, zone, name)
        if disk.users:
            raise Refused(400, f"The disk resource '{disk.link}' is already being used by '{disk.users[0].link}'",
                          "resourceInUseByAnotherResource")
        operation = self.operations.begin("delete", disk, disk.zone, request.principal.email, request.one("requestId"))

        def gone():
            self.disks.pop((zone, name), None)
            operation.finish(self.world.clock.now())
        self.world.clock.after(self.lives.pace_s, gone)
        return operation.resource(self)

    # What one looks up before.

    @route("GET", PATH, needs="compute.projects.get")
    def get_project(self, _request, project):
        self.project(project)
        return {"kind": "compute#project", "name": project, "id": self.world.project_number, "selfLink": self.link(f"projects/{project}"),
                "commonInstanceMetadata": {"kind": "compute#metadata", "items": []}}

    @route("GET", IN_ZONE, needs="compute.zones.get")
    def get_zone(self, _request, project, zone):
        place = self.zone(project, zone, is_asked=False)
        status = "DOWN" if zone in self.unreachable() else "UP"
        return {"kind": "compute#zone", "name": zone, "status": status, "selfLink": self.link(place.link),
                "region": self.link(f"projects/{project}/regions/{place.region}")}

    @route("GET", PATH + "/regions/{region}", needs="compute.regions.get")
    def get_region(self, _request, project, region):
        self.project(project)
        zones = [zone for zone in self.zones.values() if zone.region == region]
        if not zones:
            raise Refused(404, f"The resource 'projects/{project}/regions/{region}' was not found")
        used = self.usage(region)
        return {"kind": "compute#region", "name": region, "status": "UP", "zones": [self.link(zone.link) for zone in zones],
                "quotas": [{"metric": metric, "limit": float(self.limit(region, metric)), "usage": float(used[metric])}
                           for metric in LIMITS]}

    @route("GET", IN_ZONE + "/machineTypes/{name}", needs="compute.machineTypes.get")
    def get_machine_type(self, _request, project, zone, name):
        place = self.zone(project, zone)
        if name not in instances.MACHINE_TYPES:
            raise Refused(404, f"The resource '{place.link}/machineTypes/{name}' was not found")
        cpus, memory_mb = instances.MACHINE_TYPES[name]
        return {"kind": "compute#machineType", "name": name, "guestCpus": cpus, "memoryMb": memory_mb, "zone": zone,
                "architecture": "X86_64", "isSharedCpu": name.startswith("e2-") and memory_mb <= 4096,
                "selfLink": self.link(f"{place.link}/machineTypes/{name}")}

    @route("GET", "/compute/v1/projects/{project}/global/images/family/{family}", needs="compute.images.getFromFamily")
    def get_image(self, _request, project, family):
        name = IMAGES.get(family) if project == "cos-cloud" else None
        if name is None:
            raise Refused(404, f"The resource 'projects/{project}/global/images/family/{family}' was not found")
        return {"kind": "compute#image", "name": name, "family": family, "status": "READY", "diskSizeGb": "10",
                "architecture": "X86_64", "selfLink": self.link(f"projects/cos-cloud/global/images/{name}")}

    def close(self):
        for vm in list(self.vms.values()):
            vm.machine.off()
            vm.machine.delete()
