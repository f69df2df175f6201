"""A registry of the test's own (Debian's docker-registry) on a free loopback port, open, with a password, or by TLS."""

import base64
import contextlib
import io
import json
import hashlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import urllib.request

import engine
from workshop import free_port

NEEDED = ("docker-registry", "skopeo", "htpasswd", "openssl")


def is_there():
    return all(map(shutil.which, NEEDED))


class Registry:
    """`name` is what references begin with. With `password`, the user "busker" has it; with `tls`, `ca` trusts it."""

    def __init__(self, password=None, tls=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-registry-"))
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        self.password = password
        self.ca = self.folder / "ca.crt"
        settings = {"version": 0.1, "log": {"accesslog": {"disabled": False}, "level": "info"},
                    "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}},
                    "http": {"addr": self.name, "secret": "of-the-test"}}
        if tls:
            self._make_certificate()
            settings["http"]["tls"] = {"certificate": str(self.folder / "server.crt"), "key": str(self.folder / "server.key")}
        if password is not None:
            users = subprocess.run(["htpasswd", "-Bbn", "busker", password], capture_output=True, text=True, check=True).stdout
            (self.folder / "htpasswd").write_text(users)
            settings["auth"] = {"htpasswd": {"realm": "test", "path": str(self.folder / "htpasswd")}}
        (self.folder / "config.yml").write_text(json.dumps(settings))  # JSON is YAML
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(["docker-registry", "serve", str(self.folder / "config.yml")], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, start_new_session=True)
        deadline = time.monotonic() + 60
        while not self._listens():
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)

    def _listens(self):
        with contextlib.closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _make_certificate(self):
        def run(*words):
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test CA", "-days", "2")
        run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
        (self.folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        run("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.crt",
            "-days", "2", "-extfile", "names")

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def requests(self, method):
        """The lines of the access log about requests of that method."""
        return [line for line in (self.folder / "log").read_text(errors="replace").splitlines() if f'"{method} /v2/' in line]

    def skopeo(self, *words):
        """Another's client: what it says."""
        options = ["--tls-verify=false"]
        if self.password is not None:
            options.append(f"--creds=busker:{self.password}")
        done = subprocess.run(["skopeo", words[0], *options, *words[1:]], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def inspect(self, image):
        return json.loads(self.skopeo("inspect", f"docker://{self.name}/{image}"))

    def put_base(self, image, archive, config=None):
        """An image of one layer, put there by skopeo from an OCI layout that this writes."""
        layout = self.folder / "layout"
        shutil.rmtree(layout, ignore_errors=True)
        blobs = layout / "blobs/sha256"
        blobs.mkdir(parents=True)

        def add(data, kind):
            digest = hashlib.sha256(data).hexdigest()
            (blobs / digest).write_bytes(data)
            return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

        layer = add(archive, "application/vnd.oci.image.layer.v1.tar")
        settings = {"architecture": "amd64", "os": "linux", "config": config or {},
                    "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
                    "history": [{"created_by": "the test"}]}
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "config": add(json.dumps(settings).encode(), "application/vnd.oci.image.config.v1+json"), "layers": [layer]}
        index = {"schemaVersion": 2, "manifests": [add(json.dumps(manifest).encode(), manifest["mediaType"])]}
        (layout / "index.json").write_text(json.dumps(index))
        (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        options = ["--dest-tls-verify=false"]
        if self.password is not None:
            options.append(f"--dest-creds=busker:{self.password}")
        subprocess.run(["skopeo", "copy", "--quiet", *options, f"oci:{layout}", f"docker://{self.name}/{image}"], check=True,
                       capture_output=True, timeout=300)


def shell_base():
    """A root with a shell, and /service for nobody."""
    return engine.Engine.archive_of(None)


def python_base(python="/usr/bin/python3.11"):
    """A root with a shell and this machine's Python, of which nothing is fetched."""
    archive = io.BytesIO(shell_base())
    with tarfile.open(fileobj=archive, mode="a") as tar:
        seen = set()

        def add(path):
            path = pathlib.Path(path)
            name = str(path).lstrip("/")
            if name in seen or not path.exists():
                return
            seen.add(name)
            if path.is_symlink() and not path.is_dir():
                add(path.resolve())
                if str(path.resolve()).lstrip("/") == name:
                    return
            info = tar.gettarinfo(os.path.realpath(path), name)
            with open(os.path.realpath(path), "rb") as data:
                tar.addfile(info, data)

        def add_with_libraries(path):
            add(path)
            listed = subprocess.run(["ldd", str(path)], capture_output=True, text=True).stdout
            for line in listed.splitlines():
                for word in line.split():
                    if word.startswith("/"):
                        add(word)

        add_with_libraries(python)
        library = pathlib.Path("/usr/lib/python3.11")
        for path in sorted(library.rglob("*")):
            inside = path.relative_to(library)
            if path.is_file() and "__pycache__" not in inside.parts and inside.parts[0] not in ("test", "idlelib", "lib2to3", "config-3.11-x86_64-linux-gnu"):
                (add_with_libraries if path.suffix == ".so" else add)(path)
        for name in ("libstdc++.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1"):  # for wheels
            add(f"/usr/lib/x86_64-linux-gnu/{name}")
        for name in ("python", "python3"):
            link = tarfile.TarInfo(f"usr/bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "python3.11"
            tar.addfile(link)
    return archive.getvalue()


def login(registry, folder):
    """A config.json as docker login writes it; returns the environment that names it."""
    auth = base64.b64encode(f"busker:{registry.password}".encode()).decode()
    pathlib.Path(folder).mkdir(exist_ok=True)
    (pathlib.Path(folder) / "config.json").write_text(json.dumps({"auths": {registry.name: {"auth": auth}}}))
    return {**os.environ, "DOCKER_CONFIG": str(folder)}
