"""What a request is answered, and how each of Google's families of APIs says no."""

import json


class Answer:
    def __init__(self, status=200, body=None, headers=(), kind="application/json; charset=UTF-8"):
        self.status = status
        self.body = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self.headers = list(headers) + ([("Content-Type", kind)] if self.body else [])


class Refused(Exception):
    """The service says no. `reason` is the legacy APIs' word ("notFound"), from which the newer ones' follows."""

    WORDS = {400: "invalid", 401: "authError", 403: "forbidden", 404: "notFound", 409: "alreadyExists", 412: "conditionNotMet",
             429: "rateLimitExceeded", 500: "internalError", 501: "notImplemented", 502: "badGateway", 503: "backendError",
             504: "deadlineExceeded"}
    # google.rpc.Code by HTTP status (google/rpc/code.proto).
    CODES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ALREADY_EXISTS",
             412: "FAILED_PRECONDITION", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 501: "UNIMPLEMENTED", 503: "UNAVAILABLE",
             504: "DEADLINE_EXCEEDED"}

    def __init__(self, status, message, reason=None, details=None, headers=()):
        super().__init__(message)
        self.status, self.message, self.details, self.headers = status, message, details, headers
        self.reason = reason or self.WORDS.get(status, "unknown")

    def answer(self):
        if self.status == 304:
            return Answer(304)
        error = {"code": self.status, "message": self.message, "status": self.CODES.get(self.status, "UNKNOWN"),
                 "errors": [{"message": self.message, "domain": "global", "reason": self.reason}]}
        if self.details:
            error["details"] = self.details
        return Answer(self.status, {"error": error}, self.headers)


class NotPlayed(Refused):
    """The real service has it, and this one does not: said aloud, so that no test passes by it."""

    def __init__(self, what):
        super().__init__(501, f"the stand-in does not play {what}")
