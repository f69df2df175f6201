"""Operations of a zone: what was asked of Compute Engine, and how it went. Errors are in the operation, not in the answer."""

import itertools
import uuid

from .answers import Refused
from .clock import rfc3339

# compute/docs/reference/rest/v1/zoneOperations; messages as compute/docs/troubleshooting/troubleshooting-vm-creation has them
ERRORS = {
    "ZONE_RESOURCE_POOL_EXHAUSTED": (503, "SERVICE UNAVAILABLE", "The zone '{zone}' does not have enough resources available to "
                                     "fulfill the request. Try a different zone, or try again later."),
    "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS": (503, "SERVICE UNAVAILABLE", "The zone '{zone}' does not have enough resources "
                                                  "available to fulfill the request: a (resource type:compute) is missing."),
    "QUOTA_EXCEEDED": (403, "FORBIDDEN", "Quota '{metric}' exceeded. Limit: {limit} in region {region}."),
    "RESOURCE_OPERATION_RATE_EXCEEDED": (403, "FORBIDDEN", "Operation rate exceeded for resource '{zone}'."),
    "CONFLICT": (409, "CONFLICT", "The resource was deleted while it was being created."),
}


class Operation:
    def __init__(self, number, kind, target, zone, user, now, request_id):
        self.name = f"operation-{int(now * 1000)}-{number:04d}"
        self.number, self.kind, self.target, self.zone, self.user = number, kind, target, zone, user
        self.request_id, self.inserted, self.ended, self.status, self.error = request_id, now, None, "PENDING", None

    def finish(self, now, code=None, **words):
        self.status, self.ended = "DONE", now
        if code:
            known = ERRORS.get(code, (400, "BAD REQUEST", code))
            self.error = (code, *known[:2], known[2].format(zone=self.zone.link, region=self.zone.region, **words))

    def resource(self, compute):
        done = {"id": str(10 ** 18 + self.number), "kind": "compute#operation", "name": self.name, "operationType": self.kind,
                "zone": compute.link(self.zone.link), "selfLink": compute.link(f"{self.zone.link}/operations/{self.name}"),
                "targetLink": compute.link(self.target.link), "targetId": self.target.number, "status": self.status,
                "user": self.user, "progress": 100 if self.status == "DONE" else 0, "insertTime": rfc3339(self.inserted),
                "startTime": rfc3339(self.inserted)}
        if self.request_id:
            done["clientOperationId"] = self.request_id
        if self.ended:
            done["endTime"] = rfc3339(self.ended)
        if self.error:
            code, status, words, message = self.error
            done.update({"error": {"errors": [{"code": code, "message": message}]}, "httpErrorStatusCode": status,
                         "httpErrorMessage": words})
        return done


class Operations:
    """Of all zones, in their order."""

    def __init__(self, world):
        self.world = world
        self.all = []
        self.numbers = itertools.count(1)
        self.by_request = {}  # (user, method, request id): operation

    def begin(self, kind, target, zone, user, request_id=None):
        operation = Operation(next(self.numbers), kind, target, zone, user, self.world.clock.now(), request_id)
        self.all.append(operation)
        if request_id:
            self.by_request[user, request_id] = operation
        self.world.changed.notify_all()
        return operation

    def at_once(self, kind, target, zone, user="system"):
        """What the cloud itself did, and what is over when it is told."""
        operation = self.begin(kind, target, zone, user)
        operation.finish(self.world.clock.now())
        return operation

    def known(self, request, kind, link):
        """The operation that this request began when it came before. AIP-155: a UUID, and not that of zeros. What the same id
        with another request comes to is not told; here it is refused."""
        text = request.one("requestId")
        if text is None:
            return None
        try:
            if uuid.UUID(text).int == 0 or len(text) != 36:
                raise ValueError
        except ValueError as error:
            raise Refused(400, f"Invalid value for field 'requestId': '{text}'. Must be a non-zero UUID.") from error
        operation = self.by_request.get((request.principal.email, text))
        if operation is None:
            return None
        if self.world.misbehaviour.take({"forget_request_ids"}, f"{operation.zone.name}/{operation.target.name}"):
            return None
        if operation.kind != kind or operation.target.link != link:
            raise Refused(400, "Invalid value for field 'requestId': it was used for another request.")
        return operation

    def forget(self, operation):
        """It was refused after all."""
        self.all.remove(operation)
        self.by_request = {key: one for key, one in self.by_request.items() if one is not operation}

    def find(self, zone, name):
        for operation in self.all:
            if operation.zone is zone and operation.name == name:
                return operation
        raise Refused(404, f"The resource '{zone.link}/operations/{name}' was not found")

    def expire(self):
        """Those that are done are known for a while only; how long is not told."""
        self.all = [one for one in self.all if one.status != "DONE"]
        self.by_request = {key: one for key, one in self.by_request.items() if one.status != "DONE"}
