"""What a test tells the stand-in, and what it looks at: /_control/... No part of Google's."""


from . import misbehaviour, shape
from .answers import Answer, Refused
from .routes import Service, route
from .tokens import CLOUD_SCOPE, Principal

PATH = "/_control"


class Control(Service):
    def __init__(self, world):
        self.world = world

    # What goes wrong.

    @route("POST", PATH + "/misbehave", body=shape.anything)
    def misbehave(self, request):
        for rule in request.data if isinstance(request.data, list) else [request.data]:
            self.world.misbehaviour.add(rule)
        return {}

    @route("DELETE", PATH + "/misbehave")
    def behave(self, _request):
        self.world.misbehaviour.forget()
        self.world.changed.notify_all()
        return {}

    @route("GET", PATH + "/held")
    def held(self, _request):
        return {"held": len(self.world.misbehaviour.held)}

    @route("POST", PATH + "/release")
    def release(self, _request):
        self.world.misbehaviour.release()
        self.world.changed.notify_all()
        return {}

    @route("GET", PATH + "/misbehave")
    def rules(self, _request):
        return {"rules": self.world.misbehaviour.rules, "kinds": misbehaviour.KINDS}

    # Time.

    @route("POST", PATH + "/clock", body={"advance_s": shape.anything})
    def clock(self, request):
        self.world.clock.advance(float(request.data["advance_s"]))
        return {"now": self.world.clock.now()}

    @route("POST", PATH + "/pace", body={"operation_s": shape.anything, "boot_s": shape.anything, "soft_off_s": [shape.anything],
                                         "job_s": shape.anything})
    def pace(self, request):
        lives, data = self.world.compute.lives, request.data
        lives.pace_s = data.get("operation_s", lives.pace_s)
        lives.boot_s = data.get("boot_s", lives.boot_s)
        lives.soft_off_s = tuple(data.get("soft_off_s", lives.soft_off_s))
        self.world.bigquery.pace_s = data.get("job_s", self.world.bigquery.pace_s)
        return {}

    # What was asked.

    @route("GET", PATH + "/requests")
    def requests(self, _request):
        return {"requests": self.world.requests}

    @route("DELETE", PATH + "/requests")
    def forget_requests(self, _request):
        self.world.requests.clear()
        return {}

    @route("GET", PATH + "/violations")
    def violations(self, _request):
        return {"violations": self.world.violations}

    # Who may what.

    @route("POST", PATH + "/authorization", body={"demanded": shape.boolean, "end_tokens": shape.boolean})
    def authorization(self, request):
        tokens = self.world.tokens
        tokens.is_demanded = request.data.get("demanded", tokens.is_demanded)
        if request.data.get("end_tokens"):
            tokens.end()
        return {}

    @route("POST", PATH + "/accounts", body={"email": shape.text, "key_id": shape.text, "public_key": shape.text,
                                             "may_become": [shape.text]})
    def accounts(self, request):
        data = request.data
        if "public_key" in data:
            self.world.tokens.add_account(data["email"], data["key_id"], data["public_key"])
        self.world.tokens.may_become.update((data["email"], one) for one in data.get("may_become", []))
        return {}

    @route("POST", PATH + "/tokens", body={"email": shape.text, "scopes": [shape.text]})
    def token(self, request):
        """Of somebody, without further ado."""
        return {"token": self.world.tokens.make(Principal(request.data["email"], request.data.get("scopes", [CLOUD_SCOPE])))}

    @route("POST", PATH + "/people", body={"email": shape.text, "refresh_token": shape.text, "client_id": shape.text,
                                           "client_secret": shape.text})
    def people(self, request):
        self.world.tokens.add_person(**request.data)
        return {}

    @route("POST", PATH + "/pools", body={"audience": shape.text})
    def pools(self, request):
        self.world.tokens.pools.add(request.data["audience"])
        return {}

    @route("POST", PATH + "/denied", body={"email": shape.text, "permission": shape.text})
    def denied(self, request):
        self.world.permissions.deny(request.data["email"], request.data["permission"])
        return {}

    @route("POST", PATH + "/absent", body={"email": shape.text})
    def absent(self, request):
        """A service account that does not exist."""
        self.world.permissions.absent.add(request.data["email"])
        return {}

    @route("DELETE", PATH + "/denied")
    def allowed(self, _request):
        self.world.permissions.forget()
        return {}

    # Cloud Storage.

    @route("POST", PATH + "/buckets", body={"name": shape.text, "location": shape.text, "soft_delete_s": shape.integer})
    def buckets(self, request):
        data = request.data
        self.world.storage.make_bucket(data["name"], data.get("location", "US"), int(data.get("soft_delete_s", 604800)))
        return {}

    @route("GET", PATH + "/buckets/{name}")
    def bucket(self, _request, name):
        bucket = self.world.storage.bucket(name)
        return {"objects": [{"name": one.name, "generation": str(one.generation), "size": len(one.data)}
                            for _, one in sorted(bucket.objects.items())], "softly_deleted": bucket.softly_deleted}

    @route("GET", PATH + "/buckets/{name}/objects/{key}")
    def content(self, _request, name, key):
        return Answer(200, self.found(name, key).data, kind="application/octet-stream")

    def found(self, name, key):
        objects = self.world.storage.bucket(name).objects
        if key not in objects:
            raise Refused(404, f"there is no {key}")
        return objects[key]

    @route("PUT", PATH + "/buckets/{name}/objects/{key}", body=bytes)
    def put(self, request, name, key):
        """As somebody without conditions would."""
        self.world.storage.put(self.world.storage.bucket(name), key, request.body, {})
        return {}

    @route("POST", PATH + "/buckets/{name}/older", body={"seconds": shape.anything})
    def older(self, request, name):
        """All that is there now was written so much earlier."""
        for item in self.world.storage.bucket(name).objects.values():
            item.created -= request.data["seconds"]
            item.updated -= request.data["seconds"]
        return {}

    @route("POST", PATH + "/buckets/{name}/objects/{key}/damage")
    def damage(self, _request, name, key):
        """A bit is another; the checksums are those of before."""
        item = self.found(name, key)
        item.data = bytes([item.data[0] ^ 1]) + item.data[1:]
        return {}

    # BigQuery.

    @route("POST", PATH + "/datasets", body={"name": shape.text, "location": shape.text})
    def datasets(self, request):
        self.world.bigquery.make_dataset(request.data["name"], request.data.get("location", "US"))
        return {}

    @route("POST", PATH + "/datasets/{dataset}/tables/{table}/row_policies", body={"name": shape.text, "filter": shape.text})
    def row_policy(self, request, dataset, table):
        project = self.world.project
        self.world.bigquery.table(project, dataset, table).row_policies.append(
            {"rowAccessPolicyReference": {"projectId": project, "datasetId": dataset, "tableId": table,
                                          "policyId": request.data["name"]}, "filterPredicate": request.data["filter"]})
        return {}

    # Compute Engine.

    @route("GET", PATH + "/vms")
    def vms(self, _request):
        compute = self.world.compute
        return {"vms": [{"name": vm.name, "zone": vm.zone.name, "status": vm.status, "boots": vm.machine.boots, "is_on": vm.machine.is_on,
                         "labels": vm.labels, "metadata_server": vm.machine.server.place if vm.machine.server else None,
                         "root": str(vm.machine.root)}
                        for vm in compute.vms.values()],
                "disks": [{"name": disk.name, "zone": disk.zone.name, "used": bool(disk.users)} for disk in compute.disks.values()],
                "operations": [{"kind": one.kind, "target": one.target.link, "user": one.user, "status": one.status,
                                "error": one.error[0] if one.error else None} for one in compute.operations.all]}

    @route("GET", PATH + "/vms/{zone}/{name}/journal")
    def journal(self, _request, zone, name):
        machine = self.vm(zone, name).machine
        return {"journal": machine.journal.decode(errors="replace"), "console": machine.console.decode(errors="replace"),
                "units": {unit.name: unit.state for unit in machine.units.values()}}

    def vm(self, zone, name):
        return self.world.compute.vm(self.world.project, zone, name)

    @route("POST", PATH + "/vms/{zone}/{name}/{event}")
    def event(self, _request, zone, name, event):
        """What nobody asked for, and what a person does by hand."""
        compute, vm = self.world.compute, self.vm(zone, name)
        lives, person = compute.lives, "person@example.com"
        deeds = {"preempt": lives.preempt, "host_error": lives.host_error, "reboot": lives.reboot, "power_off": lives.guest_ended,
                 "kill_units": lambda vm: vm.machine.kill_units(),  # kill -9 of the units' main processes
                 "stop": lambda vm: lives.stop(vm, compute.operations.begin("stop", vm, vm.zone, person)),
                 "start": lambda vm: lives.start(vm, compute.operations.begin("start", vm, vm.zone, person)),
                 "delete": lambda vm: lives.delete(vm, compute.operations.begin("delete", vm, vm.zone, person))}
        if event not in deeds:
            raise Refused(404, f"no event is called {event}; there are {', '.join(deeds)}")
        deeds[event](vm)
        return {}

    @route("POST", PATH + "/limits", body={"region": shape.text, "metric": shape.text, "limit": shape.anything})
    def limits(self, request):
        self.world.compute.limits[request.data["region"], request.data["metric"]] = request.data["limit"]
        return {}

    @route("POST", PATH + "/operations/expire")
    def expire(self, _request):
        self.world.compute.operations.expire()
        return {}

    @route("POST", PATH + "/guest_variables", body=shape.map_of(shape.text))
    def guest_variables(self, request):
        """The environment of what runs in VMs from now on, and in their containers: where on this machine what is."""
        self.world.guest_variables.update(request.data)
        return {}

    @route("POST", PATH + "/guest_mounts", body={"folders": [shape.text]})
    def guest_mounts(self, request):
        """Folders of this machine that each container of a VM has from now on, by the same path: where a test looks at what ran."""
        self.world.guest_mounts = request.data["folders"]
        return {}

    # Cloud Logging.

    @route("GET", PATH + "/entries")
    def entries(self, _request):
        return {"entries": self.world.logging.entries}
