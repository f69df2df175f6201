"""The stand-in as a process of a test's own, and how a test speaks with it."""

import http.client
import json
import pathlib
import subprocess
import sys
import urllib.parse

SOURCE = pathlib.Path(__file__).resolve().parents[2]


class Answered:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def data(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.data["error"]["message"]


class StandIn:
    """Until it is closed; it ends with this process, too."""

    def __init__(self, *options):
        self.process = subprocess.Popen([sys.executable, "-m", "tests.cloud", "--while-stdin", *options], cwd=SOURCE,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.places = json.loads(self.process.stdout.readline())
        self.place = self.places["url"].removeprefix("http://")
        self.project = self.places["project"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(120)
        self.process.stdout.close()

    def call(self, method, target, data=None, headers=(), place=None, timeout=60):
        """`data`: sent as JSON, but for bytes. Errors of the connection are the caller's."""
        connection = http.client.HTTPConnection(place or self.place, timeout=timeout)
        try:
            body = data if isinstance(data, bytes) or data is None else json.dumps(data).encode()
            kinds = {"Content-Type": "application/json"} if body is not None and not isinstance(data, bytes) else {}
            connection.request(method, target, body, {**kinds, **dict(headers)})
            answer = connection.getresponse()
            return Answered(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def control(self, path, data=None, method=None):
        """What the stand-in is told (with data, or POST) or asked; it must be content."""
        answer = self.call(method or ("GET" if data is None else "POST"), f"/_control/{path}", data)
        assert answer.status == 200, answer.body
        return answer.data if answer.headers.get("Content-Type", "").startswith("application/json") else answer.body

    def happens(self, event, zone, name):
        """To a VM: preempt, host_error, reboot, power_off; stop, start, delete by a person."""
        self.control(f"vms/{zone}/{name}/{event}", method="POST")

    def misbehave(self, kind, where="", count=1, **more):
        self.control("misbehave", {"kind": kind, "where": where, "count": count, **more})

    def held(self):
        """How many requests wait to be released."""
        return self.control("held")["held"]

    def release(self):
        self.control("release", method="POST")

    def behave(self):
        self.control("misbehave", method="DELETE")

    def advance(self, seconds):
        self.control("clock", {"advance_s": seconds})

    def requests(self, part=""):
        return [one for one in self.control("requests")["requests"] if part in one]

    def objects(self, bucket):
        return [one["name"] for one in self.control(f"buckets/{bucket}")["objects"]]

    def vms(self):
        return self.control("vms")


def quoted(name):
    return urllib.parse.quote(name, safe="")
