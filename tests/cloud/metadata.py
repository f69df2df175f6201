"""A VM's metadata server (compute/docs/metadata/overview, querying-metadata). Each VM has one at an address of its own, as here all
of them ask from the same one."""

import base64
import json

from . import shape
from .answers import Answer, Refused
from .routes import Service, route
from .tokens import Principal

ROOT = "/computeMetadata/v1"
KEPT_S = 240  # so long before its end the same token is handed out no more
WAIT_S_MAX = 3600


class Metadata(Service):
    def __init__(self, world, vm):
        self.world, self.vm = world, vm
        self.token = None

    def admit(self, request):
        """Whoever can reach it is the VM; but a browser or a proxy that was talked into it is told from a program."""
        if request.path.startswith("/_"):
            return
        rule = self.world.misbehaviour.take({"no_metadata"}, f"{self.vm.zone.name}/{self.vm.name}")
        if rule and self.world.clock.now() - self.vm.started < rule.get("seconds", float("inf")):
            raise Refused(503, "The metadata server is not ready.")
        if request.path == "/":
            return
        if request.headers.get("Metadata-Flavor") != "Google" or request.headers.get("X-Forwarded-For"):
            raise Refused(403, "Missing Metadata-Flavor:Google header.")

    def account(self):
        if self.world.misbehaviour.take({"no_account"}, f"{self.vm.zone.name}/{self.vm.name}"):
            return None
        return self.vm.account

    def tree(self):
        vm, world = self.vm, self.world
        account = self.account()
        about = {"aliases": ["default"], "email": account["email"], "scopes": account["scopes"], "token": {},
                 "identity": ""} if account else None
        return {
            "project": {"project-id": world.project, "numeric-project-id": int(world.project_number), "attributes": {}},
            "universe": {"universe-domain": "googleapis.com"},
            "instance": {
                "id": int(vm.number), "name": vm.name, "zone": f"projects/{world.project_number}/zones/{vm.zone.name}",
                "hostname": f"{vm.name}.{vm.zone.name}.c.{world.project}.internal",
                "machine-type": f"projects/{world.project_number}/machineTypes/{vm.kind}", "attributes": vm.metadata,
                "preempted": "TRUE" if vm.is_preempted else "FALSE", "maintenance-event": "NONE",
                "scheduling": {"automatic-restart": str(vm.scheduling["automaticRestart"]).upper(),
                               "on-host-maintenance": vm.scheduling["onHostMaintenance"],
                               "preemptible": str(vm.is_spot()).upper()},
                "service-accounts": {"default": about, account["email"]: about} if account else {},
            },
        }

    @route("GET", "/")
    def root(self, _request):
        return said("computeMetadata/\n")

    @route("GET", ROOT + "/instance/service-accounts/{name}/token", query=("scopes",))
    def token_of(self, request, name):
        account = self.account()
        if account is None or name not in ("default", account["email"]):
            return not_found()
        scopes = request.one("scopes")
        if scopes is not None:
            wanted = scopes.split(",")
            if not set(wanted) <= set(account["scopes"]) and "https://www.googleapis.com/auth/cloud-platform" not in account["scopes"]:
                return not_found()
            return self.said_token(self.world.tokens.make(Principal(account["email"], wanted)))
        tokens = self.world.tokens
        if self.token not in tokens.tokens or tokens.left_s(self.token) < KEPT_S:
            self.token = tokens.make(Principal(account["email"], account["scopes"]))
        return self.said_token(self.token)

    def said_token(self, text):
        left = self.world.tokens.left_s(text)
        return said(json.dumps({"access_token": text, "expires_in": left, "token_type": "Bearer"}), "application/json")

    @route("GET", ROOT + "/instance/service-accounts/{name}/identity", query=("audience", "format", "licenses"))
    def identity(self, request, name):
        """Of the form of an identity token; its signature is none."""
        account = self.account()
        if account is None or name not in ("default", account["email"]):
            return not_found()
        if not request.one("audience"):
            return said("non-empty audience parameter required\n", status=400)
        now = int(self.world.clock.now())
        claims = {"aud": request.one("audience"), "email": account["email"], "iss": "https://accounts.google.com", "iat": now,
                  "exp": now + 3600}
        parts = [json.dumps(one).encode() for one in ({"alg": "RS256", "typ": "JWT"}, claims)] + [b"no signature"]
        return said(".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "text/html")

    def find(self, method, path):
        found = super().find(method, path)
        if found is None and method == "GET" and (path + "/").startswith(ROOT + "/"):
            query = ("recursive", "alt", "wait_for_change", "last_etag", "timeout_sec")
            return self.look, {}, frozenset(query), None, {}
        return found

    def look(self, request):
        place = request.path.removeprefix(ROOT)
        if request.one("wait_for_change") == "true":
            known = request.one("last_etag", self.etag(place))
            limit = request.number("timeout_sec", WAIT_S_MAX, WAIT_S_MAX)
            self.world.wait(lambda: self.etag(place) != known or self.world.is_ended or not self.vm.machine.is_on, limit)
        value = self.at(place)
        if value is None:
            return not_found()
        headers = [("ETag", self.etag(place))]
        if isinstance(value, dict) and not place.endswith("/"):
            return Answer(301, b"", [("Location", request.path + "/"), ("Metadata-Flavor", "Google")])
        if request.one("recursive") == "true":
            return said(json.dumps(value), "application/json", headers)
        if isinstance(value, dict):
            return said("".join(f"{name}/\n" if isinstance(one, dict) and name != "token" else f"{name}\n"
                                for name, one in value.items()), headers=headers)
        return said("".join(f"{one}\n" for one in value) if isinstance(value, list) else str(value), headers=headers)

    def at(self, place):
        value = self.tree()
        for name in place.strip("/").split("/") if place.strip("/") else []:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def etag(self, place):
        return f"{hash(json.dumps(self.at(place))) & 0xFFFFFFFFFFFFFFFF:016x}"

    # What the guest asks of its machine; no part of the real server.
    @route("POST", "/_guest/{name}", body=[shape.text])
    def guest(self, request, name):
        machine = self.vm.machine
        # Not under the lock: a unit that is waited for asks this server, too.
        with released(self.world.lock):
            status, says = machine.told(name, request.data)
        return Answer(200, {"status": status, "says": says})


class released:
    """A lock that is held once is free within."""

    def __init__(self, lock):
        self.lock = lock

    def __enter__(self):
        self.lock.release()

    def __exit__(self, *_):
        self.lock.acquire()


def said(text, kind="application/text", headers=(), status=200):
    return Answer(status, text.encode(), [("Metadata-Flavor", "Google"), ("Server", "Metadata Server for VM"), *headers], kind)


def not_found():
    return said("<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>\n", "text/html; charset=UTF-8", status=404)
