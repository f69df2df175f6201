"""Uploads by session (cloud.google.com/storage/docs/performing-resumable-uploads)."""

import itertools
import json
import re

from . import fields
from .answers import Answer, Refused
from .routes import json_of

QUANTUM = 256 << 10  # of what a chunk has, and of what is kept of one that broke off
WEEK_S = 7 * 24 * 3600


class Session:
    def __init__(self, bucket, name, resource, request, size, ends):
        self.bucket, self.name, self.resource, self.size, self.ends = bucket, name, resource, size, ends
        self.request = request  # the one that began it: its conditions hold to the end
        self.data = b""
        self.end = None  # the answer to the last byte
        self.must_be_asked = False  # nobody knows how far it came before it is asked


class Uploads:
    def __init__(self, storage):
        self.storage = storage
        self.sessions = {}
        self.numbers = itertools.count(1)

    def begin(self, request, bucket):
        resource = json_of(request) if request.body else {}
        kind = request.headers.get("X-Upload-Content-Type")
        if kind and resource.setdefault("contentType", kind) != kind:
            raise Refused(400, "X-Upload-Content-Type is another than the resource's contentType.")
        name = self.storage.name_in(request, resource)
        self.storage.check_conditions(bucket.objects.get(name), request)
        size = request.headers.get("X-Upload-Content-Length")
        if size is not None and not size.isdigit():
            raise Refused(400, "Invalid X-Upload-Content-Length")
        upload_id = f"upload-{next(self.numbers)}"
        self.sessions[upload_id] = Session(bucket, name, resource, request, None if size is None else int(size),
                                           self.storage.world.clock.now() + WEEK_S)
        place = f"http://{request.headers.get('Host')}{request.path}?uploadType=resumable&upload_id={upload_id}"
        return Answer(200, None, [("Location", place), ("X-GUploader-UploadID", upload_id)])

    def session(self, request, bucket):
        session = self.sessions.get(request.one("upload_id"))
        if session is None or session.bucket is not bucket:
            raise Refused(404, "No such upload session.")
        if session.ends < self.storage.world.clock.now():
            raise Refused(410, "The upload session has ended.", "gone")
        return session

    def go_on(self, request, bucket):
        session = self.session(request, bucket)
        asked = request.headers.get("Content-Range")
        if asked is None:  # all of it in one
            asked = f"bytes 0-{len(request.body) - 1}/{len(request.body)}" if request.body else "bytes */0"
        question = re.fullmatch(r"bytes \*/(\d+|\*)", asked)
        if question and (question[1] == "*" or int(question[1]) != 0 or session.end or session.data):
            if request.body:
                raise self.wrong(f"{len(request.body)} bytes with the question how far it came")
            session.must_be_asked = False
            if session.end:
                return session.end
            if question[1] != "*" and int(question[1]) == len(session.data):
                session.size = int(question[1])
                return self.finish(session)
            return progress(session)
        if question:  # an empty object
            return self.finish(session)
        return self.take(session, request, asked)

    def take(self, session, request, asked):
        """Takes what comes next and nothing else."""
        chunk = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", asked)
        if not chunk:
            raise self.wrong(f"Content-Range: {asked}")
        begin, end = int(chunk[1]), int(chunk[2]) + 1
        total = None if chunk[3] == "*" else int(chunk[3])
        if session.must_be_asked:
            raise self.wrong(f"sent {asked} where it should have asked")
        if session.end or begin != len(session.data):
            raise self.wrong(f"sent {asked} where {len(session.data)} was next")
        if session.size is not None and total is not None and total != session.size:
            raise self.wrong(f"sent {asked} of an upload of {session.size} bytes")
        if request.is_whole and len(request.body) != end - begin:
            raise self.wrong(f"{len(request.body)} bytes as {asked}")
        if not request.is_whole:
            session.must_be_asked = True
            session.data += request.body[:len(request.body) // QUANTUM * QUANTUM]
            return progress(session)
        is_last = total is not None and end == total
        if not is_last and (end - begin) % QUANTUM:
            raise self.wrong(f"a chunk of {end - begin} bytes, which is no multiple of 256 KiB")
        session.data += request.body
        session.size = total if total is not None else session.size
        return self.finish(session) if is_last else progress(session)

    def finish(self, session):
        """The conditions are those of the request that began it, and looked at once more."""
        storage = self.storage
        try:
            storage.check_conditions(session.bucket.objects.get(session.name), session.request)
            item = storage.put(session.bucket, session.name, session.data, session.resource, email=session.request.principal.email)
            session.end = Answer(200, storage.resource_of(session.bucket, item))
            mask = session.request.one("fields")
            if mask is not None:
                session.end = Answer(200, fields.only(json.loads(session.end.body), fields.parse(mask)))
        except Refused as refusal:
            session.end = refusal.answer()
        session.data = b""
        return session.end

    def give_up(self, request, bucket):
        self.session(request, bucket)
        del self.sessions[request.one("upload_id")]
        return Answer(499)

    def unheard(self, request):
        session = self.sessions.get(request.one("upload_id"))
        if session and not request.headers.get("Content-Range", "").startswith("bytes *"):
            session.must_be_asked = True

    def wrong(self, what):
        self.storage.world.note(f"upload: {what}")
        return Refused(400, f"Failed to parse or apply the upload: {what}", "badContent")


def progress(session):
    return Answer(308, None, [("Range", f"bytes=0-{len(session.data) - 1}")] if session.data else [])
