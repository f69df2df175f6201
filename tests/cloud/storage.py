"""Cloud Storage, JSON API v1 (cloud.google.com/storage/docs/json_api/v1): buckets and objects."""

import base64
import hashlib
import itertools
import json
import re
from urllib.parse import quote

from . import shape
from .answers import Answer, NotPlayed, Refused
from .clock import rfc3339
from .crc32c import crc32c
from .routes import Service, route
from .uploads import Uploads

OBJECT = {"name": shape.text, "bucket": shape.text, "contentType": shape.text, "contentEncoding": shape.text,
          "contentDisposition": shape.text, "contentLanguage": shape.text, "cacheControl": shape.text, "crc32c": shape.text,
          "md5Hash": shape.text, "metadata": shape.map_of(shape.text), "storageClass": shape.text}
PATCH = {name: shape.or_null(one) for name, one in OBJECT.items()} | {"metadata": shape.anything}
PRECONDITIONS = ("ifGenerationMatch", "ifGenerationNotMatch", "ifMetagenerationMatch", "ifMetagenerationNotMatch")
OF_ONE = ("generation", "userProject", "projection", *PRECONDITIONS)
INSERT = ("uploadType", "name", "contentEncoding", "userProject", "projection", *PRECONDITIONS)
BUCKET = {"name": shape.text, "location": shape.text, "storageClass": shape.text,
          "softDeletePolicy": {"retentionDurationSeconds": shape.integer},
          "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": shape.boolean},
                               "publicAccessPrevention": shape.one_of("inherited", "enforced")},
          "labels": shape.map_of(shape.text)}
COMPOSE = {"kind": shape.one_of("storage#composeRequest"), "destination": OBJECT,
           "sourceObjects": [{"name": shape.text, "generation": shape.integer,
                              "objectPreconditions": {"ifGenerationMatch": shape.integer}}]}
PAGE_MAX = 1000
COMPOSED_MAX = 32
REWRITE_BYTES = 1 << 20  # of one call; the real service takes no less than that
WEEK_S = 7 * 24 * 3600  # soft delete's own retention (cloud.google.com/storage/docs/soft-delete)
NAMES = {"kind", "id", "selfLink", "mediaLink", "name", "bucket", "generation", "metageneration", "contentType", "contentEncoding",
         "contentDisposition", "contentLanguage", "cacheControl", "storageClass", "size", "md5Hash", "crc32c", "etag",
         "componentCount", "metadata", "timeCreated", "updated", "items", "prefixes", "nextPageToken", "location", "locationType",
         "projectNumber", "softDeletePolicy", "retentionDurationSeconds", "effectiveTime", "iamConfiguration", "labels",
         "permissions", "done", "rewriteToken", "totalBytesRewritten", "objectSize", "resource"}


class Bucket:
    def __init__(self, name, location, soft_delete_s, resource, created):
        self.name, self.location, self.soft_delete_s = name, location, soft_delete_s
        self.resource, self.created = resource, created
        self.objects = {}  # name: Object
        self.softly_deleted = []  # [{"name", "generation", "size"}]: kept, and billed


class Object:
    def __init__(self, name, generation, data, resource, now, components=None):
        self.name, self.generation, self.metageneration, self.data = name, generation, 1, data
        self.described = {key: resource[key] for key in resource if key not in ("name", "bucket", "crc32c", "md5Hash")}
        self.described.setdefault("contentType", "application/octet-stream")
        self.created = self.updated = now
        self.components = components  # of a composite object, which has no MD5 (storage/docs/composite-objects)
        self.crc32c = base64.b64encode(crc32c(data).to_bytes(4, "big")).decode()
        self.md5 = None if components else base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


class Storage(Service):
    names = NAMES

    def __init__(self, world):
        self.world = world
        self.buckets = {}
        self.generations = itertools.count(int(world.clock.now() * 1e6))
        self.uploads = Uploads(self)
        self.rewrites = {}

    # Buckets.

    def make_bucket(self, name, location="US", soft_delete_s=WEEK_S, resource=None):
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", name):  # storage/docs/buckets#naming
            raise Refused(400, f"Invalid bucket name: '{name}'")
        if name in self.buckets:
            raise Refused(409, "Your previous request to create the named bucket succeeded and you already own it.", "conflict")
        self.buckets[name] = Bucket(name, location.upper(), soft_delete_s, resource or {}, self.world.clock.now())
        return self.buckets[name]

    def bucket(self, name):
        if name not in self.buckets:
            raise Refused(404, "The specified bucket does not exist.")
        return self.buckets[name]

    def resource_of_bucket(self, bucket):
        policy = {"retentionDurationSeconds": str(bucket.soft_delete_s)}
        if bucket.soft_delete_s:
            policy["effectiveTime"] = rfc3339(bucket.created)
        is_wide = bucket.location in ("US", "EU", "ASIA")
        return {**bucket.resource, "kind": "storage#bucket", "id": bucket.name, "name": bucket.name,
                "projectNumber": self.world.project_number, "location": bucket.location,
                "locationType": "multi-region" if is_wide else "region", "metageneration": "1", "etag": "CAE=",
                "storageClass": bucket.resource.get("storageClass", "STANDARD"), "softDeletePolicy": policy,
                "timeCreated": rfc3339(bucket.created), "updated": rfc3339(bucket.created)}

    @route("POST", "/storage/v1/b", query=("project",), body=BUCKET, needs="storage.buckets.create")
    def insert_bucket(self, request):
        if request.one("project") != self.world.project:
            raise Refused(400, "Unknown project id", "invalidParameter")
        data = request.data
        seconds = int(data.get("softDeletePolicy", {}).get("retentionDurationSeconds", WEEK_S))
        if seconds and not WEEK_S <= seconds <= 90 * 24 * 3600:
            raise Refused(400, "The soft delete retention must be 0, or from 7 to 90 days.")
        more = {key: data[key] for key in ("storageClass", "iamConfiguration", "labels") if key in data}
        return self.resource_of_bucket(self.make_bucket(data.get("name", ""), data.get("location", "US"), seconds, more))

    @route("GET", "/storage/v1/b/{bucket}", query=("userProject", "projection", "ifMetagenerationMatch"), needs="storage.buckets.get")
    def get_bucket(self, _request, bucket):
        return self.resource_of_bucket(self.bucket(bucket))

    @route("DELETE", "/storage/v1/b/{bucket}", query=("userProject",), needs="storage.buckets.delete")
    def delete_bucket(self, _request, bucket):
        if self.bucket(bucket).objects:
            raise Refused(409, "The bucket you tried to delete is not empty.", "conflict")
        del self.buckets[bucket]
        return Answer(204)

    @route("GET", "/storage/v1/b/{bucket}/iam/testPermissions", query=("permissions", "userProject"), repeated=True)
    def test_permissions(self, request, bucket):
        self.bucket(bucket)
        asked = request.query.get("permissions", [])
        for one in asked:
            if not one.startswith("storage."):
                raise Refused(400, f"Invalid argument: permission {one}")
        held = self.world.permissions.held(request.principal.email, asked)
        return {"kind": "storage#testIamPermissionsResponse", **({"permissions": held} if held else {})}

    # Objects.

    def resource_of(self, bucket, item):
        place = f"{quote(bucket.name, safe='')}/o/{quote(item.name, safe='')}"
        url = self.world.places()["url"]
        resource = {"kind": "storage#object", "selfLink": f"{url}/storage/v1/b/{place}",
                    "mediaLink": f"{url}/download/storage/v1/b/{place}?generation={item.generation}&alt=media",
                     "id": f"{bucket.name}/{item.name}/{item.generation}", "name": item.name,
                    "bucket": bucket.name, "generation": str(item.generation), "metageneration": str(item.metageneration),
                    "storageClass": "STANDARD", **item.described, "size": str(len(item.data)), "crc32c": item.crc32c,
                    "etag": f"{item.generation}/{item.metageneration}", "timeCreated": rfc3339(item.created),
                    "updated": rfc3339(item.updated)}
        if item.md5:
            resource["md5Hash"] = item.md5
        if item.components:
            resource["componentCount"] = item.components
        return resource

    def object(self, bucket, name, request):
        item = bucket.objects.get(name)
        wanted = request.one("generation")
        if item is None or (wanted is not None and wanted != str(item.generation)):
            raise Refused(404, f"No such object: {bucket.name}/{name}")
        self.check_conditions(item, request)
        return item

    def check_conditions(self, item, request, prefix=""):
        """storage/docs/request-preconditions: 412; what must not match and does is 304 where something is read."""
        if item is None and any(request.one(prefix_of(name, prefix)) is not None for name in PRECONDITIONS[2:]):
            raise precondition_failed()
        generation, metageneration = (item.generation, item.metageneration) if item else (0, 0)
        for name, actual in zip(PRECONDITIONS, (generation, generation, metageneration, metageneration)):
            wanted = request.number(prefix_of(name, prefix))
            if wanted is None:
                continue
            if "NotMatch" not in name and wanted != actual:
                raise precondition_failed()
            if "NotMatch" in name and wanted == actual:
                raise Refused(304, "Not Modified") if request.method == "GET" else precondition_failed()

    def put(self, bucket, name, data, resource, components=None, email=None):
        """Whatever was there is replaced, and kept by soft delete; who may not delete it may not replace it (storage/docs/access-control/
        iam-json)."""
        check_name(name)
        before = bucket.objects.get(name)
        if before and email:
            self.world.permissions.check(email, "storage.objects.delete")
        if before and self.world.clock.now() - before.created < 1 and self.world.misbehaviour.take({"one_write_a_second"}, name):
            raise Refused(429, "The object exceeded the rate limit for object mutation operations.", "rateLimitExceeded")
        item = Object(name, next(self.generations), data, resource, self.world.clock.now(), components)
        for field, word, actual in (("crc32c", "CRC32C", item.crc32c), ("md5Hash", "MD5 hash", item.md5)):
            if resource.get(field, actual) != actual:
                raise Refused(400, f"Provided {word} \"{resource[field]}\" doesn't match calculated {word} \"{actual}\".")
        self.drop(bucket, name)
        bucket.objects[name] = item
        return item

    def drop(self, bucket, name):
        item = bucket.objects.pop(name, None)
        if item is not None and bucket.soft_delete_s:
            bucket.softly_deleted.append({"name": name, "generation": str(item.generation), "size": len(item.data)})

    @route("GET", "/storage/v1/b/{bucket}/o/{name}", query=OF_ONE, needs="storage.objects.get")
    @route("GET", "/download/storage/v1/b/{bucket}/o/{name}", query=OF_ONE, needs="storage.objects.get")
    def get(self, request, bucket, name):
        bucket = self.bucket(bucket)
        item = self.object(bucket, name, request)
        if request.one("alt", "json") not in ("json", "media"):
            raise Refused(400, "Invalid value for alt", "invalidParameter")
        if request.one("alt") == "media":
            return media(item, request.headers.get("Range"))
        return self.resource_of(bucket, item)

    @route("DELETE", "/storage/v1/b/{bucket}/o/{name}", query=("generation", "userProject", *PRECONDITIONS), needs="storage.objects.delete")
    def delete(self, request, bucket, name):
        bucket = self.bucket(bucket)
        self.object(bucket, name, request)
        self.drop(bucket, name)
        return Answer(204)

    @route("PATCH", "/storage/v1/b/{bucket}/o/{name}", query=OF_ONE, body=PATCH, needs="storage.objects.update")
    def patch(self, request, bucket, name):
        bucket = self.bucket(bucket)
        item = self.object(bucket, name, request)
        for key, value in request.data.items():
            if key in ("name", "bucket", "crc32c", "md5Hash"):
                raise Refused(400, f"{key} cannot be changed")
            if key == "metadata" and value is not None:
                merged = {**item.described.get("metadata", {}), **value}
                shape.check({one: text for one, text in merged.items() if text is not None}, shape.map_of(shape.text), "metadata")
                item.described["metadata"] = {one: text for one, text in merged.items() if text is not None}
            elif value is None:
                item.described.pop(key, None)
            else:
                item.described[key] = value
        item.metageneration += 1
        item.updated = self.world.clock.now()
        return self.resource_of(bucket, item)

    @route("GET", "/storage/v1/b/{bucket}/o", query=("prefix", "delimiter", "maxResults", "pageToken", "startOffset", "endOffset",
                                                     "includeTrailingDelimiter", "includeFoldersAsPrefixes", "projection", "userProject",
                                                     "versions"), needs="storage.objects.list")
    def list(self, request, bucket):
        bucket = self.bucket(bucket)
        if request.truth("versions"):
            raise NotPlayed("noncurrent versions")
        prefix, delimiter = request.one("prefix", ""), request.one("delimiter", "")
        most = request.number("maxResults", PAGE_MAX, PAGE_MAX) or PAGE_MAX
        begin = from_token(request.one("pageToken"))
        entries = {}  # in the order of their names: an object, or a group with all that is in it
        for name in sorted(bucket.objects):
            if not name.startswith(prefix) or name < request.one("startOffset", ""):
                continue
            if request.one("endOffset") and name >= request.one("endOffset"):
                continue
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            if cut < 0:
                entries[name] = True
                continue
            entries.setdefault(name[:cut + len(delimiter)], False)
            if request.truth("includeTrailingDelimiter") and name == name[:cut + len(delimiter)]:
                entries[name] = True
        names = sorted(one for one in entries if one > begin)
        page = {"kind": "storage#objects"}
        items = [self.resource_of(bucket, bucket.objects[one]) for one in names[:most] if entries[one]]
        groups = [one for one in names[:most] if not entries[one] or (delimiter and one.endswith(delimiter) and one != prefix)]
        if items:
            page["items"] = items
        if groups:
            page["prefixes"] = groups
        if len(names) > most:
            page["nextPageToken"] = base64.urlsafe_b64encode(names[most - 1].encode()).decode()
        return page

    # storage/docs/json_api/v1/objects/insert: the metadata's place depends on the kind of upload.
    @route("POST", "/upload/storage/v1/b/{bucket}/o", query=INSERT, body=bytes, needs="storage.objects.create")
    @route("POST", "/resumable/upload/storage/v1/b/{bucket}/o", query=INSERT, body=bytes, needs="storage.objects.create")
    def insert(self, request, bucket):
        bucket = self.bucket(bucket)
        kind = request.one("uploadType")
        if kind == "resumable":
            return self.uploads.begin(request, bucket)
        if not request.is_whole:
            raise Refused(400, "the body was cut")
        if kind == "media":
            resource, data = {"contentType": request.headers.get("Content-Type", "")}, request.body
            if not resource["contentType"]:
                del resource["contentType"]
        elif kind == "multipart":
            resource, data = parts_of(request)
        else:
            raise Refused(400, f"Invalid upload type: {kind}", "invalidParameter")
        name = self.name_in(request, resource)
        self.check_conditions(bucket.objects.get(name), request)
        return self.resource_of(bucket, self.put(bucket, name, data, resource, email=request.principal.email))

    @staticmethod
    def name_in(request, resource):
        shape.check(resource, OBJECT)
        name = request.one("name", resource.get("name"))
        if not name:
            raise Refused(400, "Required", "required")
        check_name(name)
        return name

    @route("PUT", "/upload/storage/v1/b/{bucket}/o", query=("uploadType", "upload_id"), body=bytes)
    @route("PUT", "/resumable/upload/storage/v1/b/{bucket}/o", query=("uploadType", "upload_id"), body=bytes)
    def go_on(self, request, bucket):
        return self.uploads.go_on(request, self.bucket(bucket))

    @route("DELETE", "/upload/storage/v1/b/{bucket}/o", query=("uploadType", "upload_id"), may_lack_body=True, body=bytes)
    def give_up(self, request, bucket):
        return self.uploads.give_up(request, self.bucket(bucket))

    @route("POST", "/storage/v1/b/{bucket}/o/{name}/compose",
           query=("ifGenerationMatch", "ifMetagenerationMatch", "userProject", "destinationPredefinedAcl"), body=COMPOSE,
           needs="storage.objects.create")
    def compose(self, request, bucket, name):
        bucket = self.bucket(bucket)
        sources = request.data.get("sourceObjects", [])
        if not 1 <= len(sources) <= COMPOSED_MAX:
            raise Refused(400, f"The number of source components must be from 1 to {COMPOSED_MAX}.")
        self.check_conditions(bucket.objects.get(name), request)
        data, components = b"", 0
        for one in sources:
            item = bucket.objects.get(one.get("name"))
            if item is None or str(one.get("generation", item.generation)) != str(item.generation):
                raise Refused(404, f"Object {one.get('name')} not found in bucket {bucket.name}")
            wanted = one.get("objectPreconditions", {}).get("ifGenerationMatch")
            if wanted is not None and str(wanted) != str(item.generation):
                raise precondition_failed()
            data += item.data
            components += item.components or 1
        resource = request.data.get("destination", {})
        return self.resource_of(bucket, self.put(bucket, name, data, resource, components, request.principal.email))

    # storage/docs/json_api/v1/objects/rewrite: large objects take many calls, each with the token of the one before.
    @route("POST", "/storage/v1/b/{bucket}/o/{name}/rewriteTo/b/{to_bucket}/o/{to_name}",
           query=("rewriteToken", "maxBytesRewrittenPerCall", "sourceGeneration", "userProject", "projection", *PRECONDITIONS,
                  "ifSourceGenerationMatch", "ifSourceGenerationNotMatch", "ifSourceMetagenerationMatch",
                  "ifSourceMetagenerationNotMatch"), body=OBJECT, may_lack_body=True, needs="storage.objects.create")
    def rewrite(self, request, bucket, name, to_bucket, to_name):
        source, destination = self.bucket(bucket), self.bucket(to_bucket)
        item = source.objects.get(name)
        if item is None or request.one("sourceGeneration", str(item.generation)) != str(item.generation):
            raise Refused(404, f"No such object: {bucket}/{name}")
        self.check_conditions(item, request, "Source")
        self.check_conditions(destination.objects.get(to_name), request)
        token = request.one("rewriteToken")
        place = (bucket, name, item.generation, to_bucket, to_name)
        done = 0
        if token is not None:
            if self.rewrites.get(token, (None,))[0] != place:
                raise Refused(400, "Invalid rewriteToken", "invalidParameter")
            done = self.rewrites.pop(token)[1]
        a_call = request.number("maxBytesRewrittenPerCall", len(item.data) or REWRITE_BYTES)
        if a_call % REWRITE_BYTES and a_call != len(item.data):
            raise Refused(400, "maxBytesRewrittenPerCall must be an integral multiple of 1 MiB", "invalidParameter")
        done = min(len(item.data), done + a_call)
        answer = {"kind": "storage#rewriteResponse", "totalBytesRewritten": str(done), "objectSize": str(len(item.data)),
                  "done": done == len(item.data)}
        if answer["done"]:
            resource = {**item.described, **request.data}
            answer["resource"] = self.resource_of(
                destination, self.put(destination, to_name, item.data, resource, item.components, request.principal.email))
        else:
            answer["rewriteToken"] = f"rewrite-{next(self.generations)}"
            self.rewrites[answer["rewriteToken"]] = (place, done)
        return answer

    def unheard(self, request):
        self.uploads.unheard(request)


def prefix_of(name, prefix):
    return f"if{prefix}{name[2:]}"


def precondition_failed():
    return Refused(412, "At least one of the pre-conditions you specified did not hold.")


def check_name(name):
    """storage/docs/objects#naming"""
    if not 1 <= len(name.encode()) <= 1024 or name in (".", "..") or "\r" in name or "\n" in name:
        raise Refused(400, f"Invalid object name: {name!r}")
    if name.startswith(".well-known/acme-challenge/"):
        raise Refused(400, f"Invalid object name: {name!r}")


def from_token(token):
    if token is None:
        return ""
    try:
        return base64.urlsafe_b64decode(token).decode()
    except ValueError as error:
        raise Refused(400, "Invalid page token", "invalidParameter") from error


def media(item, asked):
    headers = [("X-Goog-Generation", str(item.generation)), ("X-Goog-Metageneration", str(item.metageneration)),
               ("X-Goog-Hash", f"crc32c={item.crc32c}"), ("X-Goog-Stored-Content-Length", str(len(item.data)))]
    headers += [("X-Goog-Hash", f"md5={item.md5}")] if item.md5 else []
    kind = item.described["contentType"]
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked or "")
    if not found or found[0] == "bytes=-":  # storage/docs/json_api/v1/parameters#range: what is malformed is not looked at
        return Answer(200, item.data, headers, kind)
    size = len(item.data)
    if found[1]:
        begin, end = int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)
    else:
        begin, end = max(0, size - int(found[2])), size
    if begin >= size or begin >= end:
        raise Refused(416, "The requested range cannot be satisfied.", "requestedRangeNotSatisfiable")
    return Answer(206, item.data[begin:end], [*headers, ("Content-Range", f"bytes {begin}-{end - 1}/{size}")], kind)


def parts_of(request):
    """RFC 2387: the resource, then the bytes."""
    found = re.fullmatch(r"multipart/related; *boundary=(?:\"([^\"]+)\"|'([^']+)'|([^;\s]+))", request.headers.get("Content-Type", ""))
    if not found:
        raise Refused(400, "Content-Type is not multipart/related with a boundary", "badContent")
    mark = b"--" + next(part for part in found.groups() if part).encode()
    # RFC 2046 wants CRLF; Google's own clients send LF alone.
    end = b"\r\n" if request.body.startswith(mark + b"\r\n") else b"\n"
    pieces = (end + request.body).split(end + mark)
    # Nothing before, the resource, the bytes, the end.
    if len(pieces) != 4 or pieces[0] or not pieces[3].startswith(b"--"):
        raise Refused(400, "Malformed multipart body.", "badContent")
    parts = []
    for piece in pieces[1:3]:
        head, blank, data = piece.partition(end + end)
        if not blank:
            raise Refused(400, "Malformed multipart body.", "badContent")
        kinds = re.findall(rb"(?im)^content-type: *(.+?)\r?$", head)
        parts.append((kinds[0].decode() if kinds else "", data))
    if not parts[0][0].startswith("application/json"):
        raise Refused(400, "The first part must be the object's metadata, in JSON.", "badContent")
    try:
        resource = json.loads(parts[0][1])
    except ValueError as error:
        raise Refused(400, f"Parse Error: {error}", "parseError") from error
    if not isinstance(resource, dict):
        raise Refused(400, "Parse Error", "parseError")
    given = resource.setdefault("contentType", parts[1][0] or "application/octet-stream")
    if parts[1][0] and given != parts[1][0]:
        raise Refused(400, f"Content-Type specified in the upload ({parts[1][0]}) does not match Content-Type specified in metadata "
                      f"({given}).")
    return resource, parts[1][1]
