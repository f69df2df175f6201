"""Images of this machine's own programs for the tests of containers: what a program is linked against is copied with it, so
that nothing is fetched and no base is needed."""

import contextlib
import io
import json
import os
import pathlib
import re
import subprocess
import tarfile
import tempfile
import urllib.parse

from engine import Connection

LEFT_OUT = {"__pycache__", ".busker", ".git", "test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "node_modules"}


class Root:
    """The files of an image, as a tar archive in a temporary file. A path is there once."""

    def __init__(self):
        self.file = tempfile.TemporaryFile()
        self.tar = tarfile.open(fileobj=self.file, mode="w")
        self.names = set()

    def folder(self, name, mode=0o755):
        self._add(tarfile.TarInfo(name.strip("/")), tarfile.DIRTYPE, mode)

    def link(self, name, target):
        self._add(tarfile.TarInfo(name.strip("/")), tarfile.SYMTYPE, 0o777, target)

    def _add(self, info, kind, mode, target=""):
        info.type, info.mode, info.linkname = kind, mode, target
        if info.name not in self.names:
            self.names.add(info.name)
            self.tar.addfile(info)

    def copy(self, path, name=None, skip=frozenset()):
        """A file, or a folder but for what is in LEFT_OUT and `skip`; links stay links. By the same path unless named."""
        path = pathlib.Path(path)

        def wanted(info):
            parts = pathlib.PurePath(info.name).parts
            if info.name in self.names or parts[-1] in LEFT_OUT or parts[-1] in skip:
                return None
            self.names.add(info.name)
            info.uid = info.gid = 0
            return info

        self.tar.add(path, str(name or path).strip("/"), filter=wanted)

    def programs(self, *files, within=None):
        """What the files, which are copied already, are linked against; what is in the folder `within` comes with it."""
        for start in range(0, len(files), 200):
            some = [str(file) for file in files[start:start + 200]]
            told = subprocess.run(["ldd", *some], capture_output=True, text=True, check=False).stdout
            for library in sorted({os.path.normpath(found) for found in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", told, re.MULTILINE)}):
                if within is None or not pathlib.Path(library).is_relative_to(within):
                    self.copy(pathlib.Path(library).resolve(), library)

    def write(self, name, text):
        info = tarfile.TarInfo(name.strip("/"))
        info.size, info.mode = len(text), 0o644
        if info.name not in self.names:
            self.names.add(info.name)
            self.tar.addfile(info, io.BytesIO(text.encode()))

    def make(self, engine, name, *changes):
        """The image, with what a Dockerfile would say of it (WORKDIR, ENV)."""
        self.tar.close()
        self.file.seek(0)
        repository, tag = name.split(":")
        query = urllib.parse.urlencode([("fromSrc", "-"), ("repo", repository), ("tag", tag), *(("changes", c) for c in changes)])
        connection = Connection(str(engine.socket))
        try:
            with contextlib.suppress(BrokenPipeError):  # what it has against it, it says
                connection.request("POST", f"/v1.41/images/create?{query}", self.file, {"Content-Type": "application/x-tar"})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
            self.file.close()
        assert answer.status == 200 and b"errorDetail" not in body, body


def add_python(root, python, venv=None):
    """An interpreter with its library, by the paths that it has here, as /usr/local/bin/python; and a virtual environment
    of it, whose libraries need more of this machine's."""
    told = subprocess.run([str(python), "-c", "import sys, sysconfig, json; print(json.dumps([sys.base_prefix, "
                           "sysconfig.get_path('stdlib'), f'{sys.version_info.major}.{sys.version_info.minor}']))"],
                          capture_output=True, text=True, check=True).stdout
    prefix, library, version = json.loads(told)
    interpreter = pathlib.Path(prefix) / "bin" / f"python{version}"
    root.copy(interpreter.resolve(), interpreter)
    for name in ("python", "python3"):
        if interpreter.with_name(name).exists():
            root.link(str(interpreter.with_name(name)), f"python{version}")
    root.link("/usr/local/bin/python", str(interpreter))
    root.copy(library, skip={"site-packages", "dist-packages", f"config-{version}-x86_64-linux-gnu"})
    linked = [interpreter, *pathlib.Path(library, "lib-dynload").glob("*.so")]
    if venv is not None:
        linked += [path for path in pathlib.Path(venv).rglob("*.so*") if path.is_file()]
    root.programs(*linked, within=venv)


def base():
    """What every program may count on."""
    root = Root()
    root.folder("/tmp", 0o1777)
    root.write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    return root
