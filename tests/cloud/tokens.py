"""Who somebody is: the OAuth token endpoint, the security token service, IAM credentials, and the check of a request's token."""

import base64
import itertools
import json
import re
import subprocess
import tempfile
import urllib.parse

from . import shape
from .answers import Answer, Refused
from .clock import rfc3339
from .routes import Service, json_of, route

CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
HOUR_S = 3600
SLACK_S = 300  # of clocks (developers.google.com/identity/protocols/oauth2/service-account)
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
SUBJECT_KINDS = {"urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token",
                 "urn:ietf:params:aws:token-type:aws4_request", "urn:ietf:params:oauth:token-type:saml2"}


class NoToken(Exception):
    """RFC 6749, section 5.2: another form than that of the other APIs."""

    def __init__(self, word, description, status=400):
        super().__init__(description)
        self.status, self.body = status, {"error": word, "error_description": description}


class Principal:
    """`is_person`: its calls need a quota project (cloud.google.com/docs/quotas/quota-project)."""

    def __init__(self, email, scopes, is_person=False):
        self.email, self.scopes, self.is_person = email, set(scopes), is_person


class Tokens(Service):
    def __init__(self, world):
        self.world = world
        self.is_demanded = False  # as an emulator's: who shows no token is let in
        self.tokens = {}  # text: (principal, good until)
        self.keys = {}  # email: {key id: public key in PEM}
        self.people = {}  # refresh token: {"email", "client_id", "client_secret"}
        self.pools = set()  # audiences of workload identity pools
        self.may_become = set()  # (email, email): the first may make tokens of the second
        self.verified = {}
        self.numbers = itertools.count(1)

    # What a test tells.

    def add_account(self, email, key_id, public_key):
        self.keys.setdefault(email, {})[key_id] = public_key

    def add_person(self, refresh_token, email, client_id, client_secret):
        self.people[refresh_token] = {"email": email, "client_id": client_id, "client_secret": client_secret}

    # Tokens.

    def make(self, principal, lifetime_s=HOUR_S):
        text = f"ya29.{next(self.numbers):06d}.{principal.email}"
        self.tokens[text] = (principal, self.world.clock.now() + lifetime_s)
        return text

    def left_s(self, text):
        return int(self.tokens[text][1] - self.world.clock.now())

    def end(self, text=None):
        """That one, or all of them, is taken no more."""
        for one in [text] if text else list(self.tokens):
            self.tokens.pop(one, None)

    def admit(self, request):
        """Whoever comes here has no token yet."""

    def know(self, request):
        """Sets the principal of a request; refuses it when its token is none."""
        authorization = request.headers.get("Authorization", "")
        if not authorization:
            if self.is_demanded:
                raise Refused(401, "Request is missing required authentication credential.", "required",
                              headers=[("WWW-Authenticate", "Bearer realm=\"https://accounts.google.com/\"")])
            request.principal = Principal("anonymous@emulator", [CLOUD_SCOPE])
            return
        kind, _, text = authorization.partition(" ")
        principal = self.principal_of(text) if kind == "Bearer" else None
        if principal is None:
            raise Refused(401, "Request had invalid authentication credentials.", "authError",
                          headers=[("WWW-Authenticate", "Bearer error=\"invalid_token\"")])
        if CLOUD_SCOPE not in principal.scopes:
            raise Refused(403, "Request had insufficient authentication scopes.", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        if principal.is_person and not request.headers.get("x-goog-user-project"):
            raise Refused(403, "Your application is authenticating by using local Application Default Credentials. "
                          "The API requires a quota project, which is not set by default.", "forbidden")
        request.principal = principal

    def principal_of(self, text):
        found = self.tokens.get(text)
        if found:
            return found[0] if found[1] > self.world.clock.now() else None
        if text.count(".") == 2 and text.startswith("eyJ"):  # signed by the account itself (google.aip.dev/auth/4111)
            try:
                claims = self.claims_of(text)
            except NoToken:
                return None
            if claims.get("iss") != claims.get("sub") or ("scope" in claims) == ("aud" in claims):
                return None
            return Principal(claims["iss"], claims.get("scope", CLOUD_SCOPE).split())
        return None

    def claims_of(self, text):
        """The claims of a JWT whose RS256 signature and times are right."""
        try:
            head, body, signature = text.split(".")
            header, claims = (json.loads(decoded(part)) for part in (head, body))
            account, bytes_of_signature = str(claims["iss"]), decoded(signature)
            begin, end = int(claims["iat"]), int(claims["exp"])
        except (ValueError, KeyError, TypeError) as error:
            raise NoToken("invalid_grant", "Invalid JWT: it has no such form.") from error
        key = self.keys.get(account, {}).get(header.get("kid"))
        if header.get("alg") != "RS256" or header.get("typ", "JWT") != "JWT" or key is None:
            raise NoToken("invalid_grant", "Invalid JWT Signature.")
        if text not in self.verified:
            self.verified[text] = is_signed(f"{head}.{body}".encode(), bytes_of_signature, key)
        if not self.verified[text]:
            raise NoToken("invalid_grant", "Invalid JWT Signature.")
        now = self.world.clock.now()
        if begin > now + SLACK_S or end < now or end - begin > HOUR_S:
            raise NoToken("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                          "timeframe. Check your iat and exp values in the JWT claim.")
        return claims

    # developers.google.com/identity/protocols/oauth2/service-account; RFC 7523; RFC 6749, section 6
    @route("POST", "/token", body=bytes)
    def token(self, request):
        try:
            form = form_of(request)
            grant = form.get("grant_type")
            if grant == JWT_GRANT:
                return self.answer(self.by_jwt(only_these(form, "grant_type", "assertion")))
            if grant == "refresh_token":
                return self.answer(self.by_refresh(only_these(form, "grant_type", "refresh_token", "client_id", "client_secret",
                                                              may_have=("scope",))))
            raise NoToken("unsupported_grant_type", f"Invalid grant_type: {grant}")
        except NoToken as refusal:
            return Answer(refusal.status, refusal.body)

    def by_jwt(self, form):
        claims = self.claims_of(form["assertion"])
        if claims.get("aud") not in (self.world.places()["token_uri"], "https://oauth2.googleapis.com/token"):
            raise NoToken("invalid_grant", "Invalid JWT: Failed audience check.")
        if not claims.get("scope"):
            raise NoToken("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return self.make(Principal(claims["iss"], claims["scope"].split()))

    def by_refresh(self, form):
        person = self.people.get(form["refresh_token"])
        if person is None:
            raise NoToken("invalid_grant", "Token has been expired or revoked.")
        if person["client_id"] != form["client_id"] or person["client_secret"] != form["client_secret"]:
            raise NoToken("invalid_client", "The OAuth client was not found.", 401)
        return self.make(Principal(person["email"], form.get("scope", CLOUD_SCOPE).split(), is_person=True))

    # cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token; RFC 8693
    @route("POST", "/v1/token", body=bytes)
    def exchange(self, request):
        try:
            wanted = ("grantType", "audience", "scope", "requestedTokenType", "subjectToken", "subjectTokenType")
            if request.headers.get("Content-Type", "").startswith("application/json"):
                form = only_these(json_of(request), *wanted, may_have=("options",))
            else:
                snake = [re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name) for name in wanted]
                form = only_these(form_of(request), *snake, may_have=("options",))
                form = dict(zip(wanted, map(form.get, snake)))
            if form["grantType"] != EXCHANGE_GRANT or form["requestedTokenType"] != ACCESS_TOKEN:
                raise NoToken("invalid_request", "Invalid grant or token type.")
            if form["subjectTokenType"] not in SUBJECT_KINDS:
                raise NoToken("invalid_request", "Invalid subject_token_type.")
            if form["audience"] not in self.pools:
                raise NoToken("invalid_target", "The target service indicated by the \"audience\" parameters is invalid.")
            principal = Principal(f"principal:{form['audience']}", form["scope"].split())
            return self.answer(self.make(principal), issued_token_type=ACCESS_TOKEN)
        except NoToken as refusal:
            return Answer(refusal.status, refusal.body)

    # cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
    @route("POST", "/v1/projects/-/serviceAccounts/{email}:generateAccessToken",
           body={"scope": [shape.text], "lifetime": shape.text, "delegates": [shape.text]})
    def become(self, request, email):
        self.know(request)
        if (request.principal.email, email) not in self.may_become:
            raise Refused(403, "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).")
        lifetime = request.data.get("lifetime", "3600s")
        if not request.data.get("scope"):
            raise Refused(400, "Request must have a scope.")
        if not re.fullmatch(r"\d{1,5}s", lifetime) or not 0 < int(lifetime[:-1]) <= HOUR_S:
            raise Refused(400, f"Invalid lifetime {lifetime}: at most 3600s.")
        text = self.make(Principal(email, request.data["scope"]), int(lifetime[:-1]))
        return {"accessToken": text, "expireTime": rfc3339(self.tokens[text][1])}

    def answer(self, text, **more):
        scopes = " ".join(sorted(self.tokens[text][0].scopes))
        return Answer(200, {"access_token": text, "expires_in": self.left_s(text), "token_type": "Bearer", "scope": scopes, **more})


def decoded(part):
    if "=" in part:
        raise ValueError("what fills it up must not be there")
    return base64.b64decode(part.replace("-", "+").replace("_", "/") + "=" * (-len(part) % 4), validate=True)


def is_signed(data, signature, public_key):
    with tempfile.NamedTemporaryFile("w") as key, tempfile.NamedTemporaryFile() as signed:
        key.write(public_key)
        key.flush()
        signed.write(signature)
        signed.flush()
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", key.name, "-signature", signed.name], input=data,
                              capture_output=True, check=False, timeout=30)
    return done.returncode == 0


def form_of(request):
    if not request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        raise NoToken("invalid_request", "The body is no form.")
    return dict(urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True))


def only_these(form, *must_have, may_have=()):
    for name in must_have:
        if not form.get(name):
            raise NoToken("invalid_request", f"Missing required parameter: {name}")
    for name in form:
        if name not in (*must_have, *may_have):
            raise NoToken("invalid_request", f"Parameter not allowed for this message type: {name}")
    return form
