"""Busker where others can reach it: on which addresses the real program listens and when it refuses to, and
what a client sees of its TLS."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import warnings

import workshop
from workshop import free_port

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
HELLO = {"graph": {"dag_id": "hello"}, "tasks": [{"name": "greet", "code": "echo hello"}], "dependencies": []}
TLS = 'certificate = "good.pem"\nkey = "good.key"\n'
NAMES = 'names = ["https://busker.example.com"]\n'


def own_address():
    """An IPv4 address of this machine beside that of the loopback interface; None: it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing
        address = probe.getsockname()[0]
        return None if address.startswith(("127.", "0.")) else address
    return None


def listening(process_id):
    """The addresses on which a process listens, as "0.0.0.0:8443"."""
    inodes = set()
    for descriptor in pathlib.Path(f"/proc/{process_id}/fd").iterdir():
        with contextlib.suppress(OSError):
            if found := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(descriptor)):
                inodes.add(found[1])
    addresses = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] != "0A" or fields[9] not in inodes:
                continue
            host, port = fields[1].split(":")
            words = [int(host[i:i + 8], 16).to_bytes(4, "little") for i in range(0, len(host), 8)]
            addresses.add(f"{socket.inet_ntop(family, b''.join(words))}:{int(port, 16)}")
    return addresses


def takes(one, port):
    """Listens there, as busker does: connections that have ended are no hindrance. False: somebody else does."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind(("127.0.0.1", port))
        one.listen()
    except OSError:
        return False
    return True


class House:
    """A home with one graph and certificates, and the busker up that serves it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-test-"))
        configs = self.folder / "graphs" / "configs"
        configs.mkdir(parents=True)
        (configs / "hello.json").write_text(json.dumps(HELLO))
        self.home = self.folder / "home"
        self.home.mkdir(mode=0o700)
        self.up = None

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def certificate(self, name, host, days=7, at=None):
        """NAME.pem and NAME.key in the home, signed by nobody else."""
        environment = dict(os.environ)
        if at:
            environment |= {"LD_PRELOAD": FAKETIME, "FAKETIME": at}
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", str(days), "-subj", f"/CN={name}", "-addext", f"subjectAltName={host}",
             "-keyout", self.home / f"{name}.key", "-out", self.home / f"{name}.pem"],
            check=True, capture_output=True, env=environment, timeout=60)
        (self.home / f"{name}.key").chmod(0o600)

    def configure(self, http):
        (self.home / "daemon.toml").write_text("[http]\n" + http if http is not None else "")

    def words(self):
        return [str(workshop.BUSKER), "up", str(self.folder / "graphs"), "--home", str(self.home)]

    def start(self, http):
        self.configure(http)
        self.log = self.folder / "up.log"
        with self.log.open("w") as log:
            self.up = subprocess.Popen(self.words(), stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        workshop.wait_until(lambda: "ready in" in self.said() or self.up.poll() is not None, "busker up is up")
        assert self.up.poll() is None, self.said()
        if 'listen = "off"' not in (http or ""):
            workshop.wait_until(lambda: "dashboard:" in self.said(), "the dashboard is there")

    def said(self):
        return self.log.read_text()

    def stop(self):
        if self.up is not None and self.up.poll() is None:
            self.up.terminate()
            self.up.wait(30)
        self.up = None

    def busker(self, *words):
        environment = dict(os.environ, BUSKER_HOME=str(self.home))
        done = subprocess.run([str(workshop.BUSKER), *words], capture_output=True, text=True, env=environment,
                              cwd=self.folder, timeout=60, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout.strip()


class ExposureTest(unittest.TestCase):
    def setUp(self):
        self.house = House()
        self.addCleanup(self.house.close)


class Start(ExposureTest):
    """Each case: [http] of daemon.toml, and where it listens, or with what it ends."""

    def listens(self, http, *addresses):
        with self.subTest(http=http):
            self.house.start(http)
            try:
                self.assertEqual(listening(self.house.up.pid), set(addresses), self.house.said())
            finally:
                self.house.stop()

    def refuses(self, code, http, says):
        with self.subTest(http=http):
            self.house.configure(http)
            done = subprocess.run(self.house.words(), capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, code, done.stderr + done.stdout)
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
            self.assertIn(says, done.stderr)

    def test_it_listens_where_it_is_told_and_where_others_cannot_read_along(self):
        self.house.certificate("good", "DNS:busker.example.com")
        port = free_port()
        with socket.socket() as usual:  # taken: another is found
            with contextlib.suppress(OSError):
                usual.bind(("127.0.0.1", 8321))
            self.house.start(None)
            (only,) = listening(self.house.up.pid)
            self.assertRegex(only, r"^127\.0\.0\.1:\d+$")
            self.house.stop()
        self.listens('listen = "off"\n')
        self.listens(f'listen = "127.0.0.1:{port}"\n', f"127.0.0.1:{port}")
        self.listens(f'listen = "127.0.0.1:{port}"\n' + TLS, f"127.0.0.1:{port}")
        if socket.has_ipv6 and pathlib.Path("/proc/net/if_inet6").exists():
            self.listens(f'listen = "[::1]:{port}"\n', f"::1:{port}")
        self.listens(f'listen = "0.0.0.0:{port}"\n' + TLS + NAMES, f"0.0.0.0:{port}")
        self.listens(f'listen = "0.0.0.0:{port}"\ninsecure_i_know = true\n' + NAMES, f"0.0.0.0:{port}")
        if address := own_address():
            self.listens(f'listen = "{address}:{port}"\n' + TLS, f"{address}:{port}")

    def test_a_home_keeps_its_port(self):
        # Where 8321 was taken each start had another port, chosen by the kernel: bookmarks and open pages led nowhere.
        with contextlib.ExitStack() as stack:
            usual = stack.enter_context(socket.socket())
            with contextlib.suppress(AssertionError):  # then another program has it, and keeps it
                workshop.wait_until(lambda: takes(usual, 8321), "the usual port is to be had")
            self.house.start(None)
            (first,) = listening(self.house.up.pid)
            self.assertNotEqual(first, "127.0.0.1:8321")
            self.house.stop()
        self.house.start(None)
        self.assertEqual(listening(self.house.up.pid), {first}, "though the usual one is free again")
        self.house.stop()
        with socket.socket() as taken:
            self.assertTrue(takes(taken, int(first.rpartition(":")[2])))
            self.house.start(None)
            (other,) = listening(self.house.up.pid)
            self.assertNotEqual(other, first)
            self.house.stop()
        (self.house.home / "port").write_text("no number\n")
        self.house.start(None)
        self.assertEqual(len(listening(self.house.up.pid)), 1)

    def test_it_refuses_to_be_where_others_can_read_along_or_without_its_certificate(self):
        self.house.certificate("good", "DNS:busker.example.com")
        self.house.certificate("other", "DNS:busker.example.com")
        open_to_others = "can be reached by others"
        self.refuses(78, 'listen = "0.0.0.0:8443"\n', open_to_others)
        self.refuses(78, 'listen = "[::]:8443"\n' + NAMES, open_to_others)
        self.refuses(78, 'listen = "192.0.2.1:8443"\n', open_to_others)
        self.refuses(78, 'listen = "0.0.0.0:8443"\ninsecure_i_know = false\n', open_to_others)
        self.refuses(78, 'listen = "0.0.0.0:8443"\n' + TLS, '"names" in [http]')
        here = f'listen = "127.0.0.1:{free_port()}"\n'
        self.refuses(78, here + 'certificate = "none.pem"\nkey = "good.key"\n', "none.pem: No such file")
        self.refuses(78, here + 'certificate = "good.pem"\nkey = "other.key"\n', "other.key: key values mismatch")
        (self.house.home / "other.key").chmod(0o644)
        self.refuses(78, here + 'certificate = "other.pem"\nkey = "other.key"\n', "chmod 600")
        self.refuses(2, here + 'certificate = "good.pem"\n', 'means nothing without "key"')
        self.refuses(2, 'listen = "localhost:8443"\n', '"listen" in [http]')
        self.refuses(2, 'listen = "0.0.0.0:8443"\nallow_insecure = true\n', 'unknown key "allow_insecure"')
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.refuses(75, f'listen = "127.0.0.1:{taken.getsockname()[1]}"\n', "is taken by process")


class Tls(ExposureTest):
    def setUp(self):
        super().setUp()
        self.house.certificate("good", "DNS:localhost,IP:127.0.0.1")

    def start(self, tls=TLS, names=""):
        self.port = free_port()
        self.house.start(f'listen = "127.0.0.1:{self.port}"\n' + tls + names)

    def trusting(self, name="good"):
        return ssl.create_default_context(cafile=str(self.house.home / f"{name}.pem"))

    def shake_hands(self, context, name="localhost"):
        """A TLS connection to the server; the caller closes it."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        try:
            return context.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise

    def ask(self, path="/healthz", headers=None, context=None):
        """The answer to a GET: status, headers, body."""
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=20,
                                                 context=context or self.trusting())
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Host": f"127.0.0.1:{self.port}", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def test_a_client_that_knows_the_certificate_is_answered_by_it_alone(self):
        self.start()
        status, headers, body = self.ask()
        self.assertEqual((status, body), (200, b"ok\n"))
        self.assertEqual(headers["Strict-Transport-Security"], "max-age=31536000")
        self.assertIsNone(self.ask(headers={"Host": f"localhost:{self.port}"})[1]["Strict-Transport-Security"])
        with self.shake_hands(self.trusting()) as connection:
            self.assertEqual(connection.version(), "TLSv1.3")
            self.assertIsNone(connection.compression())
        with self.assertRaisesRegex(ssl.SSLCertVerificationError, "doesn't match|not valid for"):
            self.shake_hands(self.trusting(), "busker.example.com")
        with self.assertRaisesRegex(ssl.SSLCertVerificationError, "self.signed"):
            self.shake_hands(ssl.create_default_context())

    def test_a_certificate_that_is_over_is_shown_told_of_and_refused(self):
        if not os.path.exists(FAKETIME):
            self.skipTest("libfaketime makes it")
        self.house.certificate("old", "DNS:localhost", days=1, at="2020-01-01 00:00:00")
        self.start('certificate = "old.pem"\nkey = "old.key"\n')
        workshop.wait_until(lambda: "has not been valid since 2020-01-02" in self.house.said(), "it is told")
        with self.assertRaisesRegex(ssl.SSLCertVerificationError, "expired"):
            self.shake_hands(self.trusting("old"))

    def test_old_versions_weak_ciphers_and_other_protocols_are_refused(self):
        self.start()
        warnings.simplefilter("ignore", DeprecationWarning)  # that is why they are refused
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            context = self.trusting()
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            with self.subTest(version=version), self.assertRaises(ssl.SSLError):
                self.shake_hands(context)
        for ciphers in ("AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA", "aNULL"):
            context = self.trusting()
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(ciphers + ":@SECLEVEL=0")
            with self.subTest(ciphers=ciphers), self.assertRaises(ssl.SSLError):
                self.shake_hands(context)
        context = self.trusting()
        context.set_alpn_protocols(["h2"])
        with self.assertRaises(ssl.SSLError):
            self.shake_hands(context)
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.shake_hands(context) as connection:
            self.assertEqual((connection.version(), connection.selected_alpn_protocol()), ("TLSv1.2", "http/1.1"))

    def test_what_is_no_tls_gets_no_answer_and_does_no_harm(self):
        self.start()
        for sent in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"A" * 70000, b"\x00" * 1000, b""):
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain:
                with contextlib.suppress(OSError):
                    plain.sendall(sent)
                    plain.shutdown(socket.SHUT_WR)
                received = b""
                with contextlib.suppress(ConnectionResetError):
                    while some := plain.recv(4096):
                        received += some
                self.assertNotIn(b"HTTP/1.1 200", received)
        self.assertEqual(self.ask()[0], 200)

    def test_who_does_not_finish_a_handshake_is_cut_off_and_holds_up_nobody(self):
        self.start()
        begun = time.monotonic()
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(socket.create_connection(("127.0.0.1", self.port), timeout=30))
                      for _ in range(20)]
            silent[0].sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # it begins, and stops
            self.assertEqual(self.ask()[0], 200)
            for connection in silent:
                self.assertEqual(connection.recv(1), b"")
        self.assertTrue(8 < time.monotonic() - begun < 20, time.monotonic() - begun)

    def test_a_renewed_certificate_is_shown_without_a_restart(self):
        self.start()
        with self.shake_hands(self.trusting()) as before:  # a connection that is there stays
            (self.house.home / "good.pem").rename(self.house.home / "first.pem")
            (self.house.home / "good.pem").write_text("half a certif")
            workshop.wait_until(lambda: self.ask(context=self.trusting("first"))[0] == 200 and
                                "the new certificate is not used" in self.house.said(), "that it is told", limit=60)
            self.house.certificate("next", "DNS:localhost")
            for suffix in ("key", "pem"):
                (self.house.home / f"next.{suffix}").rename(self.house.home / f"good.{suffix}")

            def is_shown():
                with contextlib.suppress(ssl.SSLError):
                    return self.ask()[0] == 200
                return False
            workshop.wait_until(is_shown, "the new certificate is shown", limit=60)
            before.sendall(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n".encode())
            self.assertTrue(before.recv(100).startswith(b"HTTP/1.1 200"))
        workshop.wait_until(lambda: "a new certificate is used" in self.house.said(), "it is told")

    def test_a_session_begins_with_a_cookie_that_only_tls_carries(self):
        self.start()
        link = self.house.busker("token", "link")
        self.assertTrue(link.startswith(f"https://127.0.0.1:{self.port}/login?token="), link)
        status, headers, _ = self.ask(link.partition(str(self.port))[2])
        self.assertEqual((status, headers["Location"]), (303, "/"))
        cookie = headers["Set-Cookie"]
        self.assertTrue(cookie.startswith(f"__Host-busker_{self.port}="), cookie)
        for word in ("Path=/", "HttpOnly", "SameSite=Strict", "Secure"):
            self.assertIn(word, cookie.split("; "))
        self.assertNotIn("Domain", cookie)
        shown = {"Cookie": cookie.partition(";")[0]}
        self.assertEqual(self.ask("/api/v1/me", shown)[0], 200)
        self.assertEqual(self.ask("/api/v1/me", {"Cookie": cookie[len("__Host-"):].partition(";")[0]})[0], 401)

    def test_a_large_answer_arrives_whole_and_is_not_sent_twice(self):
        self.start()
        token = self.house.busker("token", "create", "reader", "--scope", "viewer")
        shown = {"Authorization": f"Bearer {token}"}
        status, headers, page = self.ask("/app.js", shown)
        self.assertEqual((status, len(page)), (200, int(headers["Content-Length"])))
        self.assertGreater(len(page), 16 << 10)
        status, _, body = self.ask("/app.js", shown | {"If-None-Match": headers["ETag"]})
        self.assertEqual((status, body), (304, b""))

    def test_the_news_end_when_the_token_is_revoked(self):
        self.start()
        token = self.house.busker("token", "create", "watcher", "--scope", "viewer")
        with self.shake_hands(self.trusting()) as connection:
            connection.sendall((f"GET /api/v1/live HTTP/1.1\r\nHost: localhost:{self.port}\r\n"
                                f"Authorization: Bearer {token}\r\n\r\n").encode())
            received = b""
            while b"\r\n\r\n" not in received:
                received += connection.recv(4096)
            self.house.busker("start", "hello")
            while b"\"succeeded\"" not in received:
                received += connection.recv(4096)
            self.house.busker("token", "revoke", "watcher")
            connection.settimeout(30)
            while some := connection.recv(4096):
                received += some
        self.assertEqual(self.ask("/api/v1/me", {"Authorization": f"Bearer {token}"})[0], 401)


class Viewers(ExposureTest):
    def test_a_thousand_watch_and_others_are_answered(self):
        port = free_port()
        self.house.start(f'listen = "127.0.0.1:{port}"\n')
        token = self.house.busker("token", "create", "watcher", "--scope", "viewer")
        head = f" HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {token}\r\n".encode()
        before = self.resident()
        with contextlib.ExitStack() as stack:
            viewers = []
            for _ in range(1000 if self.files() > 2500 else 100):
                viewer = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
                viewer.sendall(b"GET /api/v1/live" + head + b"\r\n")
                viewers.append(viewer)
            for viewer in viewers:
                received = b""
                while b"\r\n\r\n" not in received:
                    received += viewer.recv(4096)
                self.assertTrue(received.startswith(b"HTTP/1.1 200"), received)
            grown = self.resident() - before
            self.assertLess(grown, 32 << 20, f"{len(viewers)} viewers took {grown >> 10} KiB")
            with socket.create_connection(("127.0.0.1", port), timeout=30) as other:
                other.sendall(b"GET /api/v1/status" + head + b"Connection: close\r\n\r\n")
                self.assertTrue(other.recv(4096).startswith(b"HTTP/1.1 200"))
            self.house.busker("start", "hello")
            heard = []

            def listen(viewer):
                text = b""
                while b"\"succeeded\"" not in text and (some := viewer.recv(65536)):
                    text += some
                heard.append(b"\"succeeded\"" in text)
            threads = [threading.Thread(target=listen, args=(viewer,)) for viewer in viewers[::50]]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            self.assertEqual(heard, [True] * len(threads))

    def resident(self):
        status = pathlib.Path(f"/proc/{self.house.up.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) << 10

    @staticmethod
    def files():
        """How many files this process may open, with the limit raised as far as it goes."""
        import resource  # pylint: disable=import-outside-toplevel
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return hard


if __name__ == "__main__":
    unittest.main()
