"""Container engines of the test's own, Docker's and Podman's, with storage and sockets of their own, which touch no
network of this machine. And images made of BusyBox, so that nothing is fetched."""

import contextlib
import http.client
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
import urllib.parse

BUSYBOX = pathlib.Path("/bin/busybox")
WORDS = ("sh", "sleep", "echo", "cat", "test", "true", "false", "mkdir", "kill", "date", "ls", "rm", "dd", "head", "seq", "env",
         "id", "grep", "wc", "[", "touch", "cp", "mv", "sed", "tail", "yes")


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("docker", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def needs_of(program):
    """The program's path and those of its libraries."""
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
    return {str(program)} | {word for word in listed.split() if word.startswith("/")}


class Engine:
    """What answers the Engine API at `socket`, and has its files in `folder`."""

    def close(self):
        with contextlib.suppress(OSError, AssertionError):
            for container in self.containers():
                self.call("DELETE", f"/containers/{container['Id']}?force=true")
        for process in self.processes():
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(60)
        for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
            if (point := line.split()[1]).startswith(str(self.folder)):
                subprocess.run(["umount", "-l", point], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method, path, body=None, version="/v1.41", kind="application/json"):
        """The status and the body, which is JSON as a rule."""
        connection = Connection(str(self.socket))
        try:
            data = body if isinstance(body, (bytes, type(None))) else json.dumps(body)
            connection.request(method, version + path, data, {"Content-Type": kind} if data else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def answers(self):
        try:
            return self.call("GET", "/_ping", version="")[0] == 200
        except OSError:
            return False

    def containers(self, label=None):
        query = "?all=true" + ("&filters=" + urllib.parse.quote(json.dumps({"label": [label]})) if label else "")
        status, body = self.call("GET", "/containers/json" + query)
        assert status == 200, body
        return json.loads(body)

    def await_no_container(self):
        """Busker waits ten seconds for a removal, and an engine that is busy takes longer."""
        self._wait(lambda: self.containers() == [], "no container is left")

    def inspect(self, container):
        status, body = self.call("GET", f"/containers/{container}/json")
        assert status == 200, body
        return json.loads(body)

    def _spawn(self, *words, **options):
        with open(self.folder / f"{words[0]}.log", "a") as log:
            # conmon leaves a file where it is, of a container that had too little memory
            return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                    start_new_session=True, **options)

    def _wait(self, condition, what, limit=120):
        deadline = time.monotonic() + limit
        while not condition():
            if time.monotonic() > deadline:
                what += f": {self.containers()}" if self.answers() else ", and the engine does not answer"
                logs = "".join((path.read_text()[-2000:] for path in self.folder.glob("*.log")))
                raise AssertionError(f"waited {limit} s in vain: {what}\n{logs}")
            time.sleep(0.02)

    @staticmethod
    def archive_of(folder, programs=()):
        """A root with a shell, and the folder's content as /service; with programs of this machine and what they load."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(BUSYBOX, "bin/busybox")
            for word in WORDS:
                link = tarfile.TarInfo(f"bin/{word}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
            for path in ["tmp"] + (["service"] if folder is None else []):
                info = tarfile.TarInfo(path)
                info.type, info.mode = tarfile.DIRTYPE, 0o777
                tar.addfile(info)
            for path in {path for program in programs for path in needs_of(program)}:
                tar.add(os.path.realpath(path), path.lstrip("/"))
            if folder is not None:
                tar.add(folder, "service", filter=in_image)
        return archive.getvalue()


def in_image(info):
    """Of a service's folder: without the home, and readable by whichever user the program runs as."""
    info.mode |= 0o055 if info.isdir() or info.mode & 0o100 else 0o044
    return None if "/.busker" in info.name else info


class Docker(Engine):
    """With `live_restore`, containers outlive the engine."""

    def __init__(self, live_restore=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-engine-"))
        self.socket = self.folder / "docker.sock"
        self.live_restore = live_restore
        (self.folder / "containerd.toml").write_text(f"""version = 2
root = "{self.folder}/containerd"
state = "{self.folder}/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{self.folder}/containerd.sock"
""")
        self.containerd = self._spawn("containerd", "--config", self.folder / "containerd.toml")
        self._wait(lambda: (self.folder / "containerd.sock").exists(), "containerd answers")
        self.dockerd = None
        self.start()

    def start(self):
        words = ["--live-restore"] if self.live_restore else []
        with contextlib.suppress(FileNotFoundError):
            (self.folder / "pid").unlink()  # of one that was killed
        self.dockerd = self._spawn(
            "dockerd", "--containerd", self.folder / "containerd.sock", "--iptables=false", "--ip6tables=false", "--bridge=none",
            *words, "--data-root", self.folder / "data", "--exec-root", self.folder / "exec", "--pidfile", self.folder / "pid",
            "-H", f"unix://{self.socket}")
        self._wait(self.answers, "dockerd answers")

    def kill(self, how=signal.SIGKILL):
        self.dockerd.send_signal(how)
        self.dockerd.wait(60)

    def processes(self):
        return self.dockerd, self.containerd

    def make_image(self, name, folder=None, programs=()):
        self.load(name, self.archive_of(folder, programs))

    def load(self, name, archive):
        """An image of one layer."""
        repository, tag = name.rsplit(":", 1)
        changes = urllib.parse.quote("ENV MADE_BY=the-image")
        status, body = self.call("POST", f"/images/create?fromSrc=-&repo={repository}&tag={tag}&changes={changes}",
                                 archive, kind="application/x-tar")
        assert status == 200 and b"errorDetail" not in body, body


class Podman(Engine):
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-engine-"))
        self.socket = self.folder / "podman.sock"
        (self.folder / "containers.conf").write_text("""[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
""")
        (self.folder / "storage.conf").write_text(f"""[storage]
driver = "overlay"
graphroot = "{self.folder}/graph"
runroot = "{self.folder}/run"
""")
        self.environment = {**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf"),
                            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf")}
        self.service = self._spawn("podman", "system", "service", "--time=0", f"unix://{self.socket}", env=self.environment)
        self._wait(self.answers, "Podman answers")

    def processes(self):
        return [self.service]

    def make_image(self, name, folder=None):
        (self.folder / "image.tar").write_bytes(self.archive_of(folder))
        subprocess.run(["podman", "import", "--change", "ENV MADE_BY=the-image", str(self.folder / "image.tar"), name],
                       env=self.environment, check=True, capture_output=True, timeout=120)


class NewerApi:
    """A socket in front of an engine, at which it speaks as Docker 29 does: versions before 1.44 of the API are refused, and so
    is a call that names none. It is Debian's engine that answers, in its own version."""

    MIN, MAX = 44, 52

    def __init__(self, behind):
        self.behind = behind
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-engine-"))
        self.socket = self.folder / "docker.sock"
        self.versions = set()  # that were asked for
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.socket))
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def await_no_container(self):
        self.behind.await_no_container()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                part = client.recv(1 << 16)
                if not part:
                    return
                head += part
            head, body = head.split(b"\r\n\r\n", 1)
            first, *fields = head.decode().split("\r\n")
            method, target, _ = first.split(" ")
            ping = target == "/_ping"
            if not ping:
                version, _, rest = target.removeprefix("/v1.").partition("/")
                self.versions.add(version)
                if not target.startswith("/v1.") or not self.MIN <= int(version) <= self.MAX:
                    return client.sendall(self._refusal(version))
                target = f"/v1.41/{rest}"
            fields = [field for field in fields if not field.lower().startswith("connection:")] + ["Connection: close"]
            with socket.socket(socket.AF_UNIX) as engine:
                engine.connect(str(self.behind.socket))
                engine.sendall("\r\n".join([f"{method} {target} HTTP/1.1", *fields, "", ""]).encode() + body)
                back = threading.Thread(target=self._pass_on, args=(client, engine), daemon=True)
                back.start()
                self._answer(engine, client, ping)

    def _refusal(self, version):
        words = json.dumps({"message": f"client version 1.{version} is too old. Minimum supported API version is 1.{self.MIN}, "
                            "please upgrade your client to a newer version"}).encode()
        return b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(words) + words

    def _answer(self, engine, client, ping):
        head = b""
        while b"\r\n\r\n" not in head and (part := engine.recv(1 << 16)):
            head += part
        if ping:
            head = head.replace(b"Api-Version: 1.41", b"Api-Version: 1.%d" % self.MAX)
        client.sendall(head)
        while part := engine.recv(1 << 16):
            client.sendall(part)
        client.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, client, engine):
        """The rest of the request; and that the client is gone."""
        with contextlib.suppress(OSError):
            while part := client.recv(1 << 16):
                engine.sendall(part)
            engine.shutdown(socket.SHUT_RDWR)


def is_there():
    return os.geteuid() == 0 and BUSYBOX.exists() and all(map(shutil.which, ("dockerd", "containerd", "podman", "runc")))
