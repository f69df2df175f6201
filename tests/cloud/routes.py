"""Which method of a service answers a request. Parameters that it does not name are refused."""

import json
import re
import urllib.parse

from . import fields, shape
from .answers import Answer, Refused

# cloud.google.com/apis/docs/system-parameters, as far as a client here has a use for them.
SYSTEM_PARAMETERS = {"alt", "fields", "prettyPrint", "quotaUser", "key"}


def route(method, path, query=(), body=None, **options):
    """Marks a method of a service. `body`: the shape of the JSON; bytes: it is handed on as it came; None: there must be none.
    Options: `needs`, a permission; `may_lack_body`; `repeated`, of parameters."""
    def mark(function):
        pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))
        marks = getattr(function, "routes", [])
        function.routes = [*marks, (method, pattern, frozenset(query), body, options)]
        return function
    return mark


class Request:
    """`params`: the parts of the path and the query, decoded. `data`: the JSON, or bytes."""

    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path, _, query = target.partition("?")
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
        self.query = {}
        for name, value in pairs:
            self.query.setdefault(name, []).append(value)
        self.principal = None
        self.is_whole = True  # the body came to its end
        self.data = None

    def one(self, name, default=None):
        return self.query.get(name, [default])[0]

    def number(self, name, default=None, most=None):
        text = self.one(name)
        if text is None:
            return default
        if not re.fullmatch(r"\d{1,19}", text):
            raise Refused(400, f"Invalid value '{text}' for {name}", "invalidParameter")
        return min(int(text), most) if most is not None else int(text)

    def truth(self, name, default=False):
        text = (self.one(name) or "").lower() or None  # Google's own clients say True
        if text not in (None, "true", "false"):
            raise Refused(400, f"Invalid value '{text}' for {name}", "invalidParameter")
        return default if text is None else text == "true"


def json_of(request):
    kind = request.headers.get("Content-Type", "")
    if not kind.startswith("application/json"):
        raise Refused(400, f"the body is of the type '{kind}', not application/json", "badContent")
    try:
        return json.loads(request.body)
    except ValueError as error:
        raise Refused(400, f"Parse Error: {error}", "parseError") from error


class Service:
    """What answers a part of the paths. `names`: all fields that its answers may have, for what `fields` may ask for."""

    names = frozenset()
    routed = ()

    def __init_subclass__(cls):
        cls.routed = [(name, *one) for name, function in vars(cls).items() for one in getattr(function, "routes", ())]

    def admit(self, request):
        """Refuses who may not ask."""
        self.world.tokens.know(request)

    def find(self, method, path):
        """The method of this that answers, with the parts of the path; None: the path is another's."""
        allowed = []
        for name, found_method, pattern, query, body, options in self.routed:
            match = pattern.fullmatch(path)
            if match and found_method == method:
                return getattr(self, name), match.groupdict(), query, body, options
            if match:
                allowed.append(found_method)
        if allowed:
            raise Refused(405, f"{method} is not possible here, only {', '.join(allowed)}", "httpMethodNotAllowed")
        return None

    def call(self, request, found):
        """Checks what is asked, and answers."""
        function, parts, query, body, options = found
        if "needs" in options:
            self.world.permissions.check(request.principal.email, options["needs"])
        for name, values in request.query.items():
            if name not in query and name not in SYSTEM_PARAMETERS:
                raise Refused(400, f"Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter.",
                              "invalidParameter")
            if len(values) > 1 and not options.get("repeated"):
                raise Refused(400, f"{name} is given twice", "invalidParameter")
        mask = request.one("fields")
        tree = fields.parse(mask) if mask is not None else {}
        unknown = fields.names_in(tree) - self.names - {"*"} if self.names else set()
        if unknown:
            raise Refused(400, f"Invalid field selection {sorted(unknown)[0]}", "invalidParameter")
        if body is None and request.body:
            raise Refused(400, "a body where there must be none", "badContent")
        if body is not None and body is not bytes:
            request.data = json_of(request) if request.body or not options.get("may_lack_body") else {}
            if request.method != "PATCH":
                request.data = shape.without_nulls(request.data)
            shape.check(request.data, body)
        answer = function(request, **{name: urllib.parse.unquote(part) for name, part in parts.items()})
        if isinstance(answer, Answer):
            return answer
        return Answer(200, fields.only(answer, tree))
