"""More is asked of busker serve than it takes: whoever is one too many is told so with a 503 and when to try again, what was within
the limits is answered as ever, nothing crashes, and memory has a bound; and then all is as before."""

import contextlib
import http.client
import json
import pathlib
import resource
import socket
import tempfile
import unittest

from online_models import Server, Store
from workshop import wait_until

FILES = 128             # that the server may have open: 64 connections
CONNECTIONS = FILES // 2
BODY_BYTES = 16 << 20   # the limit of one body
HELD_BYTES = 256 << 20  # that of all together
ROWS = json.dumps({"instances": [{"age": 20, "plan": "free"}, {"age": 50, "plan": "paid"}]})


class OverloadTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        store = Store(folder.name)
        store.point(store.add(1.5))
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, before[1]))  # it inherits it
        try:
            self.server = Server("shop/1", "--store", store.url, "--without-tokens", "--threads", "2")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        self.addCleanup(self.server.stop)
        self.server.wait_ready(60)
        self.open = contextlib.ExitStack()
        self.addCleanup(self.open.close)

    def connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        self.open.callback(connection.close)
        return connection

    def ask(self, connection):
        connection.request("POST", "/v1/models/shop:predict", ROWS)
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read())

    def answers(self, connection):
        status, _, body = self.ask(connection)
        self.assertEqual((status, body["predictions"]), (200, [1.5, -1.5]))

    def is_answered(self):
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(self.connect()) as connection:
            return self.ask(connection)[0] == 200

    def memory(self):
        """The most that it had, in bytes."""
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))

    def test_too_many_connections(self):
        taken = [self.connect() for _ in range(CONNECTIONS)]
        for connection in taken:
            self.answers(connection)
        for _ in range(100):
            with contextlib.closing(self.connect()) as connection:
                status, headers, body = self.ask(connection)
            self.assertEqual((status, body), (503, {"error": "there are as many connections as Busker takes; try again"}))
            self.assertIsNotNone(headers["Retry-After"])
        for connection in taken:
            self.answers(connection)
        self.open.close()
        wait_until(self.is_answered, "there is room again")

    def test_too_much_at_once(self):
        # Each body was within its limit, and all of them together had none.
        self.answers(self.connect())
        before, refused = self.memory(), 0
        for _ in range(CONNECTIONS - 2):
            one = self.open.enter_context(socket.create_connection(("127.0.0.1", self.server.port), timeout=60))
            try:
                one.sendall(f"POST /v1/models/shop:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY_BYTES}\r\n\r\n".encode())
                one.sendall(b" " * (BODY_BYTES - 1))
            except ConnectionError:  # it was told so before it had said all
                refused += 1
        wait_until(self.is_answered, "what is small has room")
        self.assertGreaterEqual(refused, 1)
        self.assertLess(self.memory() - before, 2 * HELD_BYTES)
        self.open.close()
        wait_until(self.is_answered, "there is room again")
        self.assertIsNone(self.server.process.poll())


if __name__ == "__main__":
    unittest.main()
