"""busker-runner fetch, in a root of its own that has nothing but the program: it speaks HTTPS there, trusts whom it
is to trust, and nothing that a stranger's container holds takes part."""

import hashlib
import http.server
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import unittest

import workshop

BODY = b"a model of many bytes\n" * 50_000
SHA256 = hashlib.sha256(BODY).hexdigest()

# A module that ends the program into which it is loaded, and needs nothing for it.
TRAP = r"""
__attribute__((constructor)) void Spring() {
#ifdef __x86_64__
  __asm__ volatile("syscall" : : "a"(231), "D"(99));
#else
  register long code asm("x0") = 99;
  register long call asm("x8") = 94;
  __asm__ volatile("svc 0" : : "r"(code), "r"(call));
#endif
}
"""

LOOK_UP = r"""
#include <netdb.h>
int main() {
  addrinfo* list = nullptr;
  return getaddrinfo("no-such-host", "80", nullptr, &list) == 0 ? 0 : 1;
}
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # pylint: disable=invalid-name
        if self.path.startswith("/hang"):
            if self.path == "/hang-and-say-so":
                self.server.hung.set()
            self.server.released.wait(60)
            return
        body = BODY if self.path == "/model" else b"there is none\n"
        self.send_response(200 if self.path == "/model" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """On loopback, with a certificate of its own making for 127.0.0.1 and models.test."""

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.hung, self.released = threading.Event(), threading.Event()
        self.certificate = folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1,DNS:models.test",
                        "-keyout", folder / "key.pem", "-out", self.certificate], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, folder / "key.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # who does not trust the certificate hangs up


def is_static():
    return b"INTERP" not in subprocess.run(["readelf", "--wide", "--program-headers", workshop.RUNNER],
                                           capture_output=True, check=True).stdout


def entering(root):
    """The words that begin a command in a root of its own; None when this machine lets nobody have one."""
    words = ["chroot", root] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--root", root]
    shutil.copy2(workshop.RUNNER, root / "busker-runner")
    tried = subprocess.run([*words, "/busker-runner", "--version"], capture_output=True, check=False)
    return words if tried.returncode == 0 else None


class Fetch(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.outside = pathlib.Path(tempfile.mkdtemp(prefix="busker-test-"))
        cls.server = Server(cls.outside)

    @classmethod
    def tearDownClass(cls):
        cls.server.released.set()
        cls.server.shutdown()
        cls.server.server_close()
        shutil.rmtree(cls.outside, ignore_errors=True)

    def setUp(self):
        if not is_static():
            self.skipTest("this runner is not static")
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="busker-root-"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.enter = entering(self.root)
        if self.enter is None:
            self.skipTest("this machine lets nobody have a root of their own")

    def write(self, name, data):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())

    def trust(self):
        self.write("trusted.pem", self.server.certificate.read_bytes())
        return {"SSL_CERT_FILE": "/trusted.pem"}

    def url(self, path="/model", host="127.0.0.1"):
        return f"https://{host}:{self.server.port}{path}"

    def start(self, *words, environment=None):
        return subprocess.Popen([*self.enter, "/busker-runner", "fetch", *words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={"PATH": os.environ["PATH"], **(environment or {})})

    def fetch(self, *words, environment=None):
        with self.start(*words, environment=environment) as process:
            out, errors = process.communicate(timeout=60)
            return process.returncode, out, errors

    def files(self):
        return sorted(path.name for path in self.root.iterdir())

    def test_speaks_https_where_there_is_nothing_else(self):
        code, out, errors = self.fetch(self.url(), "/model", "--sha256", SHA256, environment=self.trust())
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(out, f"{SHA256}  /model\n")
        self.assertEqual((self.root / "model").read_bytes(), BODY)
        self.assertEqual(self.files(), ["busker-runner", "model", "trusted.pem"])

    def test_trusts_nobody_in_particular_without_being_told(self):
        code, _, errors = self.fetch(self.url(), "/model")
        self.assertEqual(code, 1, errors)
        self.assertIn("its certificate is not trusted", errors)
        self.assertEqual(self.files(), ["busker-runner"])

    def test_trusts_what_the_container_trusts(self):
        self.write("etc/ssl/certs/ca-certificates.crt", self.server.certificate.read_bytes())
        code, _, errors = self.fetch(self.url(), "/model")
        self.assertEqual(code, 0, errors)

    def test_certificates_that_are_named_and_not_there_are_told(self):
        code, _, errors = self.fetch(self.url(), "/model", environment={"SSL_CERT_FILE": "/none.pem"})
        self.assertEqual(code, 78, errors)
        self.assertIn("/none.pem", errors)

    def test_leaves_nothing_when_the_file_is_not_the_one_that_was_wanted(self):
        code, _, errors = self.fetch(self.url(), "/model", "--sha256", "0" * 64, environment=self.trust())
        self.assertEqual(code, 1, errors)
        self.assertIn(SHA256, errors)
        code, _, errors = self.fetch(self.url("/none"), "/model", environment=self.trust())
        self.assertEqual(code, 3, errors)
        self.assertEqual(self.files(), ["busker-runner", "trusted.pem"])

    def test_leaves_nothing_when_it_is_ended(self):
        with self.start(self.url("/hang-and-say-so"), "/model", environment=self.trust()) as process:
            self.assertTrue(self.server.hung.wait(60))
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 75, errors)
        self.assertEqual(self.files(), ["busker-runner", "trusted.pem"])

    def test_has_a_limit(self):
        code, _, errors = self.fetch(self.url("/hang"), "/model", "--limit", "300ms", environment=self.trust())
        self.assertEqual(code, 4, errors)

    def test_finds_names_by_the_hosts_file(self):
        self.write("etc/hosts", "127.0.0.1 models.test\n")
        code, _, errors = self.fetch(self.url(host="models.test"), "/model", environment=self.trust())
        self.assertEqual(code, 0, errors)

    # A static program that looks up a name loads the modules of the container's nsswitch.conf, which were made for
    # another C library: it died of SIGFPE in an image with libnss-myhostname.
    def test_loads_no_module_that_nsswitch_conf_names(self):
        (self.outside / "trap.cc").write_text(TRAP)
        (self.outside / "look_up.cc").write_text(LOOK_UP)
        trap, look_up = self.outside / "libnss_trap.so.2", self.root / "look-up"
        subprocess.run(["c++", "-shared", "-fPIC", "-nostdlib", "-o", trap, self.outside / "trap.cc"], check=True)
        subprocess.run(["c++", "-static", "-Wl,--no-warnings", "-o", look_up, self.outside / "look_up.cc"], check=True)
        for folder in ("lib", "usr/lib", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"):
            self.write(f"{folder}/libnss_trap.so.2", trap.read_bytes())
        self.write("etc/nsswitch.conf", "hosts: trap files dns\n")
        control = subprocess.run([*self.enter, "/look-up"], check=False, timeout=60)
        self.assertEqual(control.returncode, 99, "the trap does not spring, so it proves nothing")
        code, _, errors = self.fetch("http://no-such-host/", "/model")
        self.assertEqual(code, 75, errors)
        self.assertIn("look up the host", errors)

    # It may name modules, too, and here forbids every version of TLS that is spoken.
    def test_reads_no_openssl_cnf_of_the_container(self):
        self.write("usr/lib/ssl/openssl.cnf",
                   "openssl_conf = a\nconfig_diagnostics = 1\n[a]\nproviders = b\nssl_conf = c\n[b]\nghost = d\n"
                   "[d]\nmodule = /ghost.so\nactivate = 1\n[c]\nsystem_default = e\n[e]\nMaxProtocol = TLSv1\n")
        for environment in ({}, {"OPENSSL_CONF": "/usr/lib/ssl/openssl.cnf"}):
            code, _, errors = self.fetch(self.url(), "/model", environment={**self.trust(), **environment})
            self.assertEqual(code, 0, errors)

    def test_says_how_it_is_used(self):
        for words in ([], ["http://a/"], ["http://a/", "b", "c"], ["http://a/", "b", "--sha256", "x"],
                      ["http://a/", "b", "--limit", "soon"], ["http://a/", "b", "--what"]):
            code, _, errors = self.fetch(*words)
            self.assertEqual(code, 2, (words, errors))
            self.assertTrue(errors.startswith("busker-runner: "), errors)


if __name__ == "__main__":
    unittest.main()
