"""The stand-in for Google Cloud (tests/cloud): of each service first whether it refuses what the real one refuses, then that it does
what is asked of it, and that it misbehaves on request."""

import base64
import http.client
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import unittest

from cloud.client import quoted
from cloud.crc32c import crc32c
from cloud.stage import COS, SCOPE, Stage, wait_until

WITH_FLAVOR = {"Metadata-Flavor": "Google"}
OBJECTS, UPLOAD = "/storage/v1/b/bucket/o", "/upload/storage/v1/b/bucket/o"
QUARTER = 256 << 10


class Storage(Stage):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud.control("buckets", {"name": "bucket", "location": "europe-west1"})

    def put(self, name, data=b"bytes", query=""):
        return self.good("POST", f"{UPLOAD}?uploadType=media&name={quoted(name)}{query}", data)

    def parts(self, resource, data, end=b"--"):
        return (b"--limit\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n" + json.dumps(resource).encode() +
                b"\r\n--limit\r\nContent-Type: text/plain\r\n\r\n" + data + b"\r\n--limit" + end + b"\r\n")

    def send_parts(self, resource, data=b"bytes", query=""):
        return self.call("POST", f"{UPLOAD}?uploadType=multipart{query}", self.parts(resource, data),
                         headers={"Content-Type": "multipart/related; boundary=limit"})

    def begin(self, name, size=None, query=""):
        headers = {"X-Upload-Content-Length": str(size)} if size is not None else {}
        answer = self.call("POST", f"{UPLOAD}?uploadType=resumable{query}", {"name": name}, headers=headers)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.headers["Location"].removeprefix(self.cloud.places["url"])

    def chunk(self, session, data, begin, total):
        span = f"bytes {begin}-{begin + len(data) - 1}/{total}" if data else f"bytes */{total}"
        return self.call("PUT", session, data, headers={"Content-Range": span})

    def test_what_it_does_not_know_is_refused(self):
        self.put("known")
        self.refused(400, "ifGenerationmatch", "GET", f"{OBJECTS}/known?ifGenerationmatch=1")
        self.refused(400, "Unknown name", "POST", f"{UPLOAD}?uploadType=resumable", {"name": "a", "metdata": {}})
        self.refused(400, "TYPE_STRING", "PATCH", f"{OBJECTS}/known", {"contentType": 7})
        self.refused(400, "Invalid field selection", "GET", f"{OBJECTS}/known?fields=name,sise")
        self.refused(400, "Invalid upload type", "POST", f"{UPLOAD}?name=a", b"x")
        self.refused(400, "Required", "POST", f"{UPLOAD}?uploadType=media", b"x")
        self.refused(400, "Invalid object name", "POST", f"{UPLOAD}?uploadType=media&name={'a' * 1025}", b"x")
        self.refused(404, "bucket does not exist", "GET", "/storage/v1/b/another/o")
        self.refused(404, "No such object", "GET", f"{OBJECTS}/unknown")
        self.refused(405, "only", "PUT", f"{OBJECTS}/known")
        self.refused(404, "nothing is at", "GET", "/storage/v2/b")

    def test_a_condition_that_does_not_hold_is_refused_by_every_method(self):
        # Emulators look at conditions of uploads at most.
        now = self.put("one")["generation"]
        other = str(int(now) + 1000)
        for method, target, data in (("GET", "one", None), ("GET", "one?alt=media", None), ("DELETE", "one", None),
                                     ("PATCH", "one", {"contentType": "a/b"}),
                                     ("POST", "one/compose", {"sourceObjects": [{"name": "one"}]}),
                                     ("POST", "one/rewriteTo/b/bucket/o/one", {})):
            for condition in (f"ifGenerationMatch={other}", "ifGenerationMatch=0", "ifMetagenerationMatch=9"):
                sign = "&" if "?" in target else "?"
                self.refused(412, "pre-conditions", method, f"{OBJECTS}/{target}{sign}{condition}", data)
        self.put("two")
        self.refused(412, "", "POST", f"{OBJECTS}/two/rewriteTo/b/bucket/o/one?ifSourceGenerationMatch={other}", {})
        self.refused(412, "", "POST", f"{UPLOAD}?uploadType=media&name=one&ifGenerationMatch=0", b"x")
        self.refused(412, "", "POST", f"{UPLOAD}?uploadType=resumable&ifGenerationMatch={other}", {"name": "one"})
        self.assertEqual(self.send_parts({"name": "one"}, query="&ifGenerationMatch=0").status, 412)
        self.assertEqual(self.call("GET", f"{OBJECTS}/one?ifGenerationNotMatch={now}").status, 304)
        self.refused(412, "", "POST", f"{OBJECTS}/one/compose", {"sourceObjects": [
            {"name": "one", "objectPreconditions": {"ifGenerationMatch": other}}]})
        self.assertEqual(self.good("GET", f"{OBJECTS}/one?alt=media&ifGenerationMatch={now}"), b"bytes")
        self.good("DELETE", f"{OBJECTS}/one?ifGenerationMatch={now}")

    def test_bytes_that_are_other_than_was_said_are_refused(self):
        right = base64.b64encode(crc32c(b"bytes").to_bytes(4, "big")).decode()
        self.assertEqual(self.send_parts({"name": "summed", "crc32c": right}).status, 200)
        answer = self.send_parts({"name": "summed", "crc32c": "AAAAAA=="}, b"others")
        self.assertEqual(answer.status, 400)
        self.assertIn("CRC32C", answer.error)
        self.assertIn("MD5", self.send_parts({"name": "summed", "md5Hash": "AAAA"}).error)
        self.assertEqual(self.good("GET", f"{OBJECTS}/summed?alt=media"), b"bytes")
        broken = self.parts({"name": "x"}, b"bytes", end=b"")
        self.refused(400, "Malformed", "POST", f"{UPLOAD}?uploadType=multipart", broken,
                     headers={"Content-Type": "multipart/related; boundary=limit"})

    def test_a_session_takes_what_comes_next_and_nothing_else(self):
        data = os.urandom(2 * QUARTER + 7)
        session = self.begin("large", len(data))
        self.refused(400, "upload", "PUT", session, data[:100], headers={"Content-Range": f"bytes 0-99/{len(data)}"})
        first = self.chunk(session, data[:QUARTER], 0, len(data))
        self.assertEqual((first.status, first.headers["Range"]), (308, f"bytes=0-{QUARTER - 1}"))
        self.refused(400, "was next", "PUT", session, data[:QUARTER], headers={"Content-Range": f"bytes 0-{QUARTER - 1}/{len(data)}"})
        self.refused(400, "Cannot bind", "PUT", session + "&ifGenerationMatch=0", b"")
        asked = self.chunk(session, b"", 0, len(data))
        self.assertEqual((asked.status, asked.headers["Range"]), (308, f"bytes=0-{QUARTER - 1}"))
        self.assertEqual(self.chunk(session, data[QUARTER:], QUARTER, len(data)).status, 200)
        self.assertEqual(self.chunk(session, b"", 0, len(data)).data["size"], str(len(data)))
        self.assertEqual(self.good("GET", f"{OBJECTS}/large?alt=media"), data)
        self.assertTrue(self.cloud.control("violations")["violations"])

    def test_a_session_keeps_its_condition_and_can_end(self):
        session = self.begin("raced", 5, "&ifGenerationMatch=0")
        self.put("raced")
        self.assertEqual(self.chunk(session, b"bytes", 0, 5).status, 412)
        session = self.begin("given-up", 5)
        self.assertEqual(self.call("DELETE", session).status, 499)
        self.assertEqual(self.chunk(session, b"bytes", 0, 5).status, 404)
        session = self.begin("slow", 5)
        self.cloud.advance(8 * 24 * 3600)
        self.assertEqual(self.chunk(session, b"bytes", 0, 5).status, 410)

    def test_a_chunk_that_broke_off_is_asked_about(self):
        data = os.urandom(QUARTER * 2)
        session = self.begin("broken", len(data))
        self.cloud.misbehave("cut_request", "PUT /upload")
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.chunk(session, data, 0, len(data))
        self.refused(400, "should have asked", "PUT", session, data, headers={"Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}"})
        self.assertEqual(self.chunk(session, b"", 0, len(data)).headers["Range"], f"bytes=0-{QUARTER - 1}")
        self.assertEqual(self.chunk(session, data[QUARTER:], QUARTER, len(data)).status, 200)

    def test_an_object_is_described_listed_and_read_in_parts(self):
        for name in ("l/a", "l/b/1", "l/b/2", "l/c"):
            self.put(name)
        page = self.good("GET", f"{OBJECTS}?prefix=l/&delimiter=/&maxResults=2&fields=items(name),prefixes,nextPageToken")
        self.assertEqual((page["items"], page["prefixes"]), ([{"name": "l/a"}], ["l/b/"]))
        rest = self.good("GET", f"{OBJECTS}?prefix=l/&delimiter=/&maxResults=2&pageToken={quoted(page['nextPageToken'])}")
        self.assertEqual([one["name"] for one in rest["items"]], ["l/c"])
        self.assertNotIn("nextPageToken", rest)
        part = self.call("GET", f"{OBJECTS}/l%2Fa?alt=media", headers={"Range": "bytes=1-2"})
        self.assertEqual((part.status, part.body, part.headers["Content-Range"]), (206, b"yt", "bytes 1-2/5"))
        self.refused(416, "", "GET", f"{OBJECTS}/l%2Fa?alt=media", headers={"Range": "bytes=5-"})
        patched = self.good("PATCH", f"{OBJECTS}/l%2Fa", {"metadata": {"k": "v"}})
        self.assertEqual((patched["metageneration"], patched["metadata"]), ("2", {"k": "v"}))
        self.good("PATCH", f"{OBJECTS}/l%2Fa?ifMetagenerationMatch=2", {"metadata": {"k": None}})

    def test_objects_are_composed_and_rewritten(self):
        self.put("p1", b"one ")
        self.put("p2", b"two")
        whole = self.good("POST", f"{OBJECTS}/p/compose?ifGenerationMatch=0", {"sourceObjects": [{"name": "p1"}, {"name": "p2"}]})
        self.assertEqual(whole["componentCount"], 2)
        self.assertNotIn("md5Hash", whole)
        self.refused(400, "from 1 to 32", "POST", f"{OBJECTS}/q/compose", {"sourceObjects": [{"name": "p1"}] * 33})
        self.put("wide", bytes((2 << 20) + 1))
        target = f"{OBJECTS}/wide/rewriteTo/b/bucket/o/copy?maxBytesRewrittenPerCall={1 << 20}"
        answer = self.good("POST", target, {})
        self.assertFalse(answer["done"])
        self.refused(400, "rewriteToken", "POST", f"{target}&rewriteToken=none", {})
        while not answer["done"]:
            answer = self.good("POST", f"{target}&rewriteToken={answer['rewriteToken']}", {})
        self.assertEqual(answer["resource"]["size"], str((2 << 20) + 1))

    def test_what_is_deleted_or_replaced_is_kept_and_billed_for_a_week(self):
        bucket = self.good("GET", "/storage/v1/b/bucket?fields=location,softDeletePolicy")
        self.assertEqual((bucket["location"], bucket["softDeletePolicy"]["retentionDurationSeconds"]), ("EUROPE-WEST1", "604800"))
        before = len(self.cloud.control("buckets/bucket")["softly_deleted"])
        self.put("temporary")
        self.put("temporary")
        self.good("DELETE", f"{OBJECTS}/temporary")
        self.assertEqual(len(self.cloud.control("buckets/bucket")["softly_deleted"]), before + 2)

    def test_permissions_can_be_asked_for(self):
        place = "/storage/v1/b/bucket/iam/testPermissions?permissions=storage.objects.create&permissions=storage.objects.delete"
        self.assertEqual(len(self.good("GET", place)["permissions"]), 2)
        self.put("mine")
        self.cloud.control("denied", {"email": "anonymous@emulator", "permission": "storage.objects.delete"})
        self.addCleanup(self.cloud.control, "denied", method="DELETE")
        self.assertEqual(self.good("GET", place)["permissions"], ["storage.objects.create"])
        self.refused(403, "storage.objects.delete", "DELETE", f"{OBJECTS}/mine")
        self.refused(403, "storage.objects.delete", "POST", f"{UPLOAD}?uploadType=media&name=mine", b"replaced")
        self.put("another")
        asked = {"permissions": ["storage.objects.delete", "compute.instances.create"]}
        project = f"/v1/projects/{self.project}:testIamPermissions"
        self.assertEqual(self.good("POST", project, asked)["permissions"], ["compute.instances.create"])
        self.refused(400, "not valid", "POST", project, {"permissions": ["compute.*"]})
        self.refused(400, "Invalid argument", "GET", "/storage/v1/b/bucket/iam/testPermissions?permissions=compute.x")


class Misbehaving(Stage):
    """What goes wrong with any request."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud.control("buckets", {"name": "bucket"})

    def create(self, name):
        return self.call("POST", f"{UPLOAD}?uploadType=media&name={name}&ifGenerationMatch=0", b"bytes")

    def test_an_answer_instead_is_not_carried_out_and_one_after_is(self):
        self.cloud.misbehave("answer", "POST /upload", status=503, retry_after=7)
        answer = self.create("instead")
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "7"))
        self.assertEqual(self.create("instead").status, 200)
        self.cloud.misbehave("answer", "POST /upload", status=504, after=True)
        self.assertEqual(self.create("after").status, 504)
        self.assertEqual(self.create("after").status, 412)

    def test_an_answer_is_lost_or_cut_after_success(self):
        for kind, error in (("lost", (http.client.RemoteDisconnected, ConnectionError)), ("cut_answer", http.client.IncompleteRead)):
            self.cloud.misbehave(kind, "POST /upload")
            with self.assertRaises(error):
                self.create(kind)
            self.assertEqual(self.create(kind).status, 412)

    def test_one_object_is_written_once_a_second(self):
        self.cloud.misbehave("one_write_a_second", "pointer", -1)
        target = f"{UPLOAD}?uploadType=media&name=pointer"
        self.assertEqual([self.call("POST", target, b"x").status for _ in range(2)], [200, 429])
        self.cloud.advance(1)
        self.assertEqual(self.call("POST", target, b"x").status, 200)

    def test_a_request_waits_until_a_test_has_acted(self):
        # Between the arrival of a conditional write and its execution somebody else writes.
        self.cloud.misbehave("hold", "POST /upload")
        answers = []
        writer = threading.Thread(target=lambda: answers.append(self.create("raced")))
        writer.start()
        wait_until(self.cloud.held, "it has arrived")
        self.cloud.call("PUT", "/_control/buckets/bucket/objects/raced", b"theirs")
        self.cloud.release()
        writer.join(30)
        self.assertEqual((answers[0].status, self.cloud.held()), (412, 0))

    def test_it_is_slow_hangs_or_is_a_proxys_page(self):
        self.cloud.misbehave("slow", "GET /storage", seconds=0.3)
        begin = time.monotonic()
        self.good("GET", OBJECTS)
        self.assertGreater(time.monotonic() - begin, 0.29)
        self.cloud.misbehave("hang", "GET /storage")
        with self.assertRaises(TimeoutError):
            self.call("GET", OBJECTS, timeout=0.3)
        self.cloud.misbehave("page", "GET /storage")
        self.refused(502, "<html>", "GET", OBJECTS)

    def test_it_misbehaves_as_often_as_it_is_told_and_where(self):
        self.cloud.misbehave("answer", "GET /storage", 2, status=429, reason="rateLimitExceeded")
        self.assertEqual([self.call("GET", OBJECTS).status for _ in range(3)], [429, 429, 200])
        self.assertEqual(self.call("POST", "/_control/misbehave", {"kind": "sulk"}).status, 400)
        self.assertTrue(self.cloud.requests("GET /storage"))


class Metadata(Stage):
    def setUp(self):
        body = {"name": "vm", "machineType": "zones/europe-west1-b/machineTypes/e2-small", "networkInterfaces": [{}],
                "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": COS}}],
                "serviceAccounts": [{"email": "vm@example", "scopes": [SCOPE]}], "scheduling": {"provisioningModel": "SPOT"},
                "metadata": {"items": [{"key": "order", "value": "gs://bucket/order"}]}}
        instances = f"/compute/v1/projects/{self.project}/zones/europe-west1-b/instances"
        if not self.cloud.vms()["vms"]:
            self.good("POST", instances, body)
        wait_until(lambda: self.cloud.vms()["vms"][0]["metadata_server"], "it runs")
        self.place = self.cloud.vms()["vms"][0]["metadata_server"]

    def ask(self, path, headers=(), **options):
        return self.call("GET", f"/computeMetadata/v1/{path}", place=self.place, headers={**WITH_FLAVOR, **dict(headers)}, **options)

    def test_who_does_not_mean_it_is_refused(self):
        answer = self.call("GET", "/computeMetadata/v1/instance/id", place=self.place)
        self.assertEqual(answer.status, 403)
        self.assertEqual(self.ask("instance/id", {"X-Forwarded-For": "10.0.0.1"}).status, 403)
        self.assertEqual(self.ask("instance/attributes/unknown").status, 404)
        self.assertEqual(self.ask("instance/service-accounts/other@example/token").status, 404)
        self.assertEqual(self.ask("instance/id?recursiv=true").status, 400)
        self.assertEqual(self.ask("instance").status, 301)
        self.assertEqual(self.ask("instance/service-accounts/default/identity").status, 400)

    def test_it_tells_what_the_vm_is(self):
        answer = self.ask("instance/attributes/order")
        self.assertEqual((answer.body, answer.headers["Metadata-Flavor"]), (b"gs://bucket/order", "Google"))
        self.assertEqual(self.ask("instance/zone").body, b"projects/123456789012/zones/europe-west1-b")
        self.assertEqual(self.ask("universe/universe-domain").body, b"googleapis.com")
        self.assertEqual(self.ask("instance/?recursive=true").data["name"], "vm")
        self.assertIn(b"attributes/\n", self.ask("instance/").body)
        self.assertEqual(self.call("GET", "/", place=self.place).headers["Metadata-Flavor"], "Google")

    def test_its_token_is_good_until_four_minutes_before_its_end(self):
        first = self.ask("instance/service-accounts/default/token").data
        self.assertEqual(self.call("GET", f"/compute/v1/projects/{self.project}/zones/europe-west1-b/instances",
                                   headers={"Authorization": f"Bearer {first['access_token']}"}).status, 200)
        self.cloud.advance(3300)
        self.assertEqual(self.ask("instance/service-accounts/default/token").data["access_token"], first["access_token"])
        self.cloud.advance(120)
        self.assertNotEqual(self.ask("instance/service-accounts/default/token").data["access_token"], first["access_token"])
        narrow = self.ask("instance/service-accounts/default/token?scopes=https://www.googleapis.com/auth/devstorage.read_only").data
        self.assertEqual(self.call("GET", "/storage/v1/b/x/o", headers={"Authorization": f"Bearer {narrow['access_token']}"}).status, 403)

    def test_it_is_not_ready_or_has_no_account(self):
        self.cloud.misbehave("no_metadata", "europe-west1-b/vm", 2)
        self.assertEqual([self.ask("instance/id").status for _ in range(3)], [503, 503, 200])
        self.cloud.misbehave("no_metadata", "europe-west1-b/vm", -1, seconds=1e6)
        self.assertEqual(self.ask("instance/id").status, 503)
        self.cloud.advance(1e6)
        self.assertEqual(self.ask("instance/id").status, 200)
        self.cloud.misbehave("no_account", "europe-west1-b/vm")
        self.assertEqual(self.ask("instance/service-accounts/default/token").status, 404)

    def test_who_waits_for_a_preemption_hears_of_it(self):
        first = self.ask("instance/preempted")
        self.assertEqual(first.body, b"FALSE")
        waiting = f"instance/preempted?wait_for_change=true&last_etag={first.headers['ETag']}"
        self.assertEqual(self.ask(waiting + "&timeout_sec=0").body, b"FALSE")
        self.cloud.misbehave("slow", "preempt", seconds=0.2)
        self.cloud.happens("preempt", "europe-west1-b", "vm")
        self.assertEqual(self.ask(waiting).body, b"TRUE")


class Tokens(Stage):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.key = pathlib.Path(cls.folder.name) / "key.pem"
        subprocess.run(["openssl", "genrsa", "-out", cls.key, "2048"], check=True, capture_output=True)
        public = subprocess.run(["openssl", "rsa", "-in", cls.key, "-pubout"], check=True, capture_output=True, text=True).stdout
        cls.cloud.control("accounts", {"email": "a@example", "key_id": "k1", "public_key": public, "may_become": ["b@example"]})
        cls.cloud.control("people", {"email": "p@example", "refresh_token": "r", "client_id": "c", "client_secret": "s"})
        cls.cloud.control("pools", {"audience": "//iam/pool"})
        cls.cloud.control("buckets", {"name": "bucket"})

    def jwt(self, shift=0, algorithm="RS256", key_id="k1", **more):
        now = int(self.cloud.control("clock", {"advance_s": 0})["now"]) + shift
        head = {"alg": algorithm, "typ": "JWT", "kid": key_id}
        claims = {"iss": "a@example", "iat": now, "exp": now + 3600, **more}
        text = b".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (head, claims))
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=text, check=True, capture_output=True).stdout
        return (text + b"." + base64.urlsafe_b64encode(signed).rstrip(b"=")).decode()

    def form(self, path, **values):
        return self.call("POST", path, "&".join(f"{name}={quoted(value)}" for name, value in values.items()).encode(),
                         headers={"Content-Type": "application/x-www-form-urlencoded"})

    def grant(self, **more):
        claims = {"scope": SCOPE, "aud": self.cloud.places["token_uri"], **more}
        return self.form("/token", grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=self.jwt(**claims))

    def status_with(self, token, **headers):
        return self.call("GET", OBJECTS, headers={"Authorization": f"Bearer {token}", **headers}).status

    def test_what_is_not_signed_by_a_known_key_in_time_is_refused(self):
        for more in ({"key_id": "k2"}, {"algorithm": "HS256"}, {"shift": -7200}, {"shift": 7200}, {"aud": "https://elsewhere"},
                     {"iss": "stranger@example"}):
            answer = self.grant(**more)
            self.assertEqual((answer.status, answer.data["error"]), (400, "invalid_grant"), more)
        good = self.jwt(scope=SCOPE, aud=self.cloud.places["token_uri"])
        forged = good[:-8] + ("AAAAAAAA" if not good.endswith("AAAAAAAA") else "BBBBBBBB")
        self.assertEqual(self.form("/token", grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=forged).status, 400)
        self.assertEqual(self.form("/token", grant_type="password").data["error"], "unsupported_grant_type")
        self.assertEqual(self.form("/token", grant_type="refresh_token", refresh_token="x", client_id="c", client_secret="s").status, 400)
        self.assertEqual(self.form("/token", grant_type="refresh_token", refresh_token="r", client_id="c", client_secret="x").status, 401)
        self.assertEqual(self.form("/token", grant_type="refresh_token", refresh_token="r").data["error"], "invalid_request")

    def test_a_token_is_asked_for_where_that_is_demanded(self):
        self.cloud.control("authorization", {"demanded": True})
        try:
            self.assertEqual(self.call("GET", OBJECTS).status, 401)
            self.assertEqual(self.status_with("nonsense"), 401)
            token = self.grant().data["access_token"]
            self.assertEqual(self.status_with(token), 200)
            self.cloud.advance(3700)
            self.assertEqual(self.status_with(token), 401)
        finally:
            self.cloud.control("authorization", {"demanded": False})

    def test_a_token_that_the_account_signs_itself_is_taken(self):
        self.assertEqual(self.status_with(self.jwt(sub="a@example", scope=SCOPE)), 200)
        self.assertEqual(self.status_with(self.jwt(sub="a@example", aud="https://storage.googleapis.com/")), 200)
        self.assertEqual(self.status_with(self.jwt(sub="other@example", scope=SCOPE)), 401)
        self.assertEqual(self.status_with(self.jwt(sub="a@example")), 401)

    def test_a_persons_token_needs_a_project_for_its_quota(self):
        answer = self.form("/token", grant_type="refresh_token", refresh_token="r", client_id="c", client_secret="s").data
        self.assertEqual(self.status_with(answer["access_token"]), 403)
        self.assertEqual(self.status_with(answer["access_token"], **{"x-goog-user-project": self.project}), 200)

    def test_tokens_are_exchanged_and_made_of_others(self):
        kinds = "urn:ietf:params:oauth:"
        wanted = {"grant_type": kinds + "grant-type:token-exchange", "audience": "//iam/pool", "scope": SCOPE,
                  "requested_token_type": kinds + "token-type:access_token", "subject_token": "theirs",
                  "subject_token_type": kinds + "token-type:jwt"}
        self.assertEqual(self.form("/v1/token", **{**wanted, "audience": "//iam/other"}).data["error"], "invalid_target")
        self.assertEqual(self.form("/v1/token", **{**wanted, "subject_token_type": "x"}).status, 400)
        self.assertEqual(self.status_with(self.form("/v1/token", **wanted).data["access_token"]), 200)
        mine = self.grant().data["access_token"]
        place = "/v1/projects/-/serviceAccounts/{}:generateAccessToken"
        headers = {"Authorization": f"Bearer {mine}"}
        self.refused(403, "denied", "POST", place.format("c@example"), {"scope": [SCOPE]}, headers=headers)
        self.refused(400, "lifetime", "POST", place.format("b@example"), {"scope": [SCOPE], "lifetime": "7200s"}, headers=headers)
        self.refused(401, "credential", "POST", place.format("b@example"), {"scope": [SCOPE]},
                     headers={"Authorization": "Bearer none"})
        theirs = self.good("POST", place.format("b@example"), {"scope": [SCOPE], "lifetime": "600s"}, headers=headers)["accessToken"]
        self.assertEqual(self.status_with(theirs), 200)


class Logging(Stage):
    def entry(self, text="x", **more):
        return {"logName": f"projects/{self.project}/logs/busker", "resource": {"type": "global"}, "textPayload": text, **more}

    def write(self, *entries, **more):
        return self.call("POST", "/v2/entries:write", {"entries": list(entries), **more})

    def listed(self, text):
        found = self.good("POST", "/v2/entries:list", {"resourceNames": [f"projects/{self.project}"], "filter": f'labels.run="{text}"'})
        return found.get("entries", [])

    def refuses(self, part, *entries, status=400, **more):
        answer = self.write(*entries, **more)
        self.assertEqual(answer.status, status, answer.body)
        self.assertIn(part, answer.error)

    def test_an_entry_that_cannot_be_is_refused(self):
        self.refuses("Unknown name", self.entry(severty="INFO"))
        self.refuses("severity", self.entry(severity="LOUD"))
        self.refuses("resource", self.entry(resource={"type": "moon"}))
        self.refuses("log name", self.entry(logName=f"projects/{self.project}/logs/a/b"))
        self.refuses("Permission", self.entry(logName="projects/other/logs/busker"), status=403)
        self.refuses("Only one payload", self.entry(jsonPayload={}))
        self.refuses("262144", self.entry("x" * 262145))
        self.refuses("too far", self.entry(timestamp="2040-01-01T00:00:00Z"))
        self.refuses("labels", self.entry(labels={f"k{i}": "" for i in range(65)}))
        self.refuses("no entries")

    def test_one_bad_entry_takes_the_batch_with_it_unless_that_was_asked_for(self):
        batch = [self.entry("good", labels={"run": "r1"}), self.entry("x" * 300_000), self.entry("good", labels={"run": "r1"})]
        self.refuses("index 1", *batch)
        self.assertEqual(self.listed("r1"), [])
        answer = self.write(*batch, partialSuccess=True)
        self.assertEqual(answer.status, 400)
        self.assertEqual(list(answer.data["error"]["details"][0]["logEntryErrors"]), ["1"])
        self.assertEqual(len(self.listed("r1")), 2)

    def test_what_is_sent_twice_is_shown_once_only_with_the_same_id_and_time(self):
        when = "{}Z".format(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()))
        for _ in range(2):
            self.assertEqual(self.write(self.entry(insertId="2", timestamp=when, labels={"run": "r2"}),
                                        self.entry(insertId="1", timestamp=when, labels={"run": "r2"})).status, 200)
            self.assertEqual(self.write(self.entry(insertId="3", labels={"run": "r2"})).status, 200)
            time.sleep(0.002)
        self.assertEqual([one["insertId"] for one in self.listed("r2")], ["1", "2", "3", "3"])
        self.assertEqual(len([one for one in self.cloud.control("entries")["entries"] if one["labels"].get("run") == "r2"]), 6)

    def test_a_dry_run_writes_nothing_and_refusals_can_be_asked_for(self):
        self.assertEqual(self.write(self.entry(labels={"run": "r3"}), dryRun=True).status, 200)
        self.assertEqual(self.listed("r3"), [])
        self.cloud.misbehave("refuse_entries", "secret", -1)
        self.refuses("can be taken", self.entry("a secret"))

    def test_entries_are_found_by_filter_and_in_pages(self):
        self.write(*[self.entry(str(i), severity=("INFO", "ERROR")[i % 2], insertId=f"{i:03d}", labels={"run": "r4"}) for i in range(6)])
        body = {"resourceNames": [f"projects/{self.project}"], "filter": 'labels.run="r4" AND severity>=ERROR', "pageSize": 2}
        first = self.good("POST", "/v2/entries:list", body)
        self.assertEqual([one["textPayload"] for one in first["entries"]], ["1", "3"])
        self.assertEqual(len(self.good("POST", "/v2/entries:list", {**body, "pageToken": first["nextPageToken"]})["entries"]), 1)
        self.refused(501, "does not play", "POST", "/v2/entries:list", {**body, "filter": "textPayload:x"})


if __name__ == "__main__":
    unittest.main()
