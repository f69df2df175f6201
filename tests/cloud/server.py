"""HTTP: requests in, answers out, and what goes wrong between. It knows no service."""

import email.utils
import http.server
import socket
import threading
import time
import traceback

from .answers import Answer, Refused
from .routes import Request

PAGE = b"<html><title>502 Server Error</title><body>The server is resting.</body></html>"
BODY_BYTES_MAX = 256 << 20
REQUESTS_KEPT_MAX = 20_000
HOLD_S_MAX = 600


class Server(http.server.ThreadingHTTPServer):
    """On a free port of the loopback interface. `services` are asked in their order; the first that has the path answers."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, world, services, is_quiet=False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.world, self.services = world, services
        self.is_quiet = is_quiet  # nothing goes wrong, and nothing is noted
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def place(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def close(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass  # who went away does not hear it

    def do(self, request, is_quiet):
        """Under the world's lock."""
        for service in self.services:
            found = service.find(request.method, request.path)
            if found:
                if not is_quiet:
                    service.admit(request)
                return service.call(request, found)
        raise Refused(404, f"nothing is at {request.path}")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    def serve(self):
        world = self.server.world
        is_quiet = self.server.is_quiet or self.path.startswith("/_")
        line = f"{self.command} {self.path}"
        with world.lock:
            rule = {} if is_quiet else world.misbehaviour.of_request(line) or {}
            if not is_quiet:
                world.requests.append(line)
                del world.requests[:-REQUESTS_KEPT_MAX]
        kind = rule.get("kind")
        is_cut = kind in ("cut_request", "hang")
        try:
            body = self.read_body(is_cut)
            if kind == "hang":
                self.wait_until_they_go()
            answer = self.answer_to(body, rule, is_cut, is_quiet)
        except Refused as refusal:
            answer = refusal.answer()
        if is_cut or kind == "lost":
            self.close_connection = True
            return
        if rule.get("retry_after"):
            answer.headers.append(("Retry-After", str(rule["retry_after"])))
        self.write(answer, kind == "cut_answer")

    def read_body(self, is_cut):
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise Refused(411, "Length Required", "required")
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES_MAX:
            self.close_connection = True
            raise Refused(413, "Request Entity Too Large", "uploadTooLarge")
        return self.rfile.read(length // 2 if is_cut else length)

    def wait_until_they_go(self):
        self.connection.settimeout(600)
        try:
            while self.connection.recv(65536):
                pass
        except OSError:
            pass

    def answer_to(self, body, rule, is_cut, is_quiet):
        kind = rule.get("kind")
        world = self.server.world
        if kind == "slow":
            time.sleep(rule.get("seconds", 1))
        if kind == "hold":
            with world.lock:
                held = dict(rule)
                world.misbehaviour.held.append(held)
                world.wait(lambda: all(one is not held for one in world.misbehaviour.held) or world.is_ended, HOLD_S_MAX)
        instead = None
        if kind == "page":
            return Answer(502, PAGE, kind="text/html; charset=UTF-8")
        if kind == "answer":
            status = rule.get("status", 503)
            instead = Refused(status, rule.get("message", "The service is busy."), rule.get("reason")).answer()
            if not rule.get("after"):
                return instead
        request = Request(self.command, self.path, self.headers, body)
        request.is_whole = not is_cut
        with world.lock:
            try:
                answer = self.server.do(request, is_quiet)
            except Refused as refusal:
                answer = refusal.answer()
            except Exception as fault:  # a fault of the stand-in's own: said to who asked, and to who reads the test
                traceback.print_exc()
                answer = Refused(500, f"the stand-in is at fault: {fault!r}").answer()
            if kind in ("lost", "cut_answer") or instead:
                world.unheard(request)
        return instead or answer

    def write(self, answer, is_cut):
        now = email.utils.formatdate(self.server.world.clock.now(), usegmt=True)
        head = [f"HTTP/1.1 {answer.status} It", f"Date: {now}"]
        head += [f"{name}: {value}" for name, value in answer.headers]
        body = answer.body
        if not (answer.status in (204, 304) and not body):
            head.append(f"Content-Length: {len(body)}")
        if self.command == "HEAD":
            body = b""
        if is_cut:
            body = body[:len(body) // 2]
            self.close_connection = True
        # In one piece: a second one would wait for the first to be acknowledged.
        self.wfile.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)
