#!/usr/bin/env python3
"""A thousand small files and one of a gigabyte to a server that stands in for Cloud Storage and back (fake-gcs-server, which keeps them in
memory), by the artifact store and, in turn with it, by what else does that: rclone, and gcloud storage and gsutil where they are installed.
Each is a process of its own, timed from its start to its end, and by the processor time that it took, on which the load of the machine has less
influence; gsutil, which speaks nothing else, by TLS. What the server itself can take shows curl, with sixteen requests at once and nothing checked.
Needs script/setup bench and cloud."""

import filecmp
import os
import pathlib
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

BUILD = pathlib.Path(__file__).parent.parent
SERVER = BUILD.resolve().parent / "deps" / "fake-gcs-server"
ROUNDS = 3
ROUNDS_OF_THE_SLOW = 1  # what takes its time takes it each time
SMALL_FILES = 1000
LARGE_BYTES = 1 << 30
LIMIT_S = 900


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server with the empty bucket "bucket"; a new one for each file of a gigabyte, which it keeps in memory."""

    def __init__(self):
        self.port, self.tls_port = free_port(), free_port()
        self.place = f"127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [SERVER, "-scheme", "both", "-host", "127.0.0.1", "-port", str(self.tls_port), "-port-http", str(self.port), "-backend", "memory",
             "-public-host", self.place, "-external-url", f"http://{self.place}", "-log-level", "error"], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                request = urllib.request.Request(f"http://{self.place}/storage/v1/b?project=bench", b'{"name": "bucket"}',
                                                 {"Content-Type": "application/json"})
                urllib.request.urlopen(request, timeout=30).close()
                return
            except OSError:
                assert time.monotonic() < deadline and self.process.poll() is None, "fake-gcs-server does not answer"
                time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


class Way:
    """How files get there and back: command lines; `rounds` how often each is timed."""

    def __init__(self, name, rounds=ROUNDS):
        self.name, self.rounds = name, rounds
        self.prefix = name.replace(" ", "")

    def environment(self, _server):
        return {}


class Busker(Way):
    def environment(self, server):
        return {"STORAGE_EMULATOR_HOST": server.place}

    def words(self, verb, _server, folder, number):
        version = f"20190801T{number:06d}Z"
        url = "gs://bucket/busker"
        if verb == "unchanged":
            return [BUILD / "bench/store_cost", verb, url, folder, "20190801T000000Z", version]
        return [BUILD / "bench/store_cost", verb, url, folder, "20190801T000000Z" if verb in ("load", "again") else version]


class Rclone(Way):
    def __init__(self, name, *options):
        super().__init__(name)
        self.options = options

    def words(self, verb, server, folder, number):
        there = f":gcs:bucket/{self.prefix}/{number if verb == 'save' else 0}"
        ends = (there, folder) if verb == "load" else (folder, there)
        return ["rclone", "--config", os.devnull, "copy", *ends, "--gcs-endpoint", f"http://{server.place}/storage/v1/", "--gcs-anonymous",
                "--gcs-bucket-policy-only", "--quiet", *self.options]


class Gcloud(Way):
    def environment(self, server):
        return {"CLOUDSDK_CONFIG": str(HOME / "gcloud"), "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true", "CLOUDSDK_CORE_PROJECT": "bench",
                "CLOUDSDK_CORE_DISABLE_PROMPTS": "1", "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"http://{server.place}/storage/v1/"}

    def words(self, verb, server, folder, number):
        there = f"gs://bucket/{self.name.split()[0]}/{number if verb == 'save' else 0}"
        if verb == "load":
            pathlib.Path(folder).mkdir()
        return [*self.program(server), "rsync", "-r", *((there, folder) if verb == "load" else (folder, there))]

    def program(self, _server):
        return ["gcloud", "storage"]


class Gsutil(Gcloud):
    def environment(self, _server):
        return {"CLOUDSDK_CONFIG": str(HOME / "gsutil"), "BOTO_CONFIG": os.devnull, "HOME": str(HOME), "PYTHONWARNINGS": "ignore"}

    def program(self, server):
        settings = {"Credentials:gs_json_host": "127.0.0.1", "Credentials:gs_json_port": server.tls_port,
                    "Boto:https_validate_certificates": "False", "GSUtil:default_project_id": "bench"}
        return ["gsutil", "-m", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]


def ways():
    yield Busker("busker")
    if shutil.which("rclone"):
        yield Rclone("rclone")
        yield Rclone("rclone 16", "--transfers", "16", "--checkers", "16")
    if shutil.which("gcloud"):
        yield Gcloud("gcloud storage rsync", ROUNDS_OF_THE_SLOW)
    if shutil.which("gsutil"):
        yield Gsutil("gsutil -m rsync", ROUNDS_OF_THE_SLOW)


def timed(words, **options):
    """Runs it; seconds from its start to its end, and of the processor, with what it started."""
    words = [str(word) for word in words]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, check=False, stdin=subprocess.DEVNULL, **options)
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-500:]}{done.stderr[-2000:]}"
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def took(way, verb, server, folder, number):
    return timed(way.words(verb, server, folder, number), env={**os.environ, **way.environment(server)})


def expect_same(source, loaded):
    names = sorted(path.name for path in source.iterdir())
    assert sorted(path.name for path in loaded.iterdir()) == names, f"{loaded} has other files than {source}"
    _, different, errors = filecmp.cmpfiles(source, loaded, names, shallow=False)
    assert not different and not errors, f"{loaded} is not what {source} is"


def show(title, times):
    """`times`: by the way's name, of each round."""
    print(title, flush=True)
    medians = {name: [statistics.median(kind) for kind in zip(*rounds)] for name, rounds in times.items()}
    wall, processor = medians["busker"]
    for name, (seconds, of_processor) in medians.items():
        ratios = "" if name == "busker" else f"   {seconds / wall:6.1f} x   {of_processor / processor:6.1f} x"
        print(f"  {name:<22} {seconds:9.3f} s  processor {of_processor:8.3f} s{ratios}", flush=True)


def in_turn(verb, ways_of, server, folder, first):
    """The rounds of all ways, one after the other; what is loaded is compared with `folder`."""
    times = {way.name: [] for way in ways_of}
    for number in range(ROUNDS):
        for way in ways_of:
            if number >= way.rounds:
                continue
            target = folder
            if verb == "load":
                target = HOME / f"loaded-{number}-{way.prefix}"
            times[way.name].append(took(way, verb, server, target, first + number))
            if verb == "load":
                expect_same(folder, target)  # and it stays: ext4 goes slowly around what was removed in the last five seconds
    return times


def small_files(ways_of):
    folder = HOME / "small"
    folder.mkdir()
    for number in range(SMALL_FILES):
        (folder / f"part-{number:04d}.csv").write_bytes(os.urandom(2000))
    with Server() as server:
        saved = in_turn("save", ways_of, server, folder, 0)
        saved["curl, 16 at once"] = [bare_many(server, folder, number) for number in range(ROUNDS)]
        show(f"{SMALL_FILES} files of 2,000 bytes, to the store", saved)
        show("the same back", in_turn("load", ways_of, server, folder, 0))
        again = in_turn("again", ways_of, server, folder, 0)
        show("all of them are there already (busker compares what they hold, the others size and time)", again)
        again["busker"] = in_turn("unchanged", ways_of[:1], server, folder, 100)["busker"]
        show("nothing is new since they were loaded (of a run, the manifest alone is written)", again)


def bare(server, *words):
    """One request by curl: what the server can take."""
    return timed(["curl", "--silent", "--show-error", "--fail", *words[:-1], f"http://{server.place}{words[-1]}"])


def bare_many(server, folder, number):
    """All files of a folder by one curl, sixteen at once: what the server can take of them."""
    pairs = [f'url = "http://{server.place}/upload/storage/v1/b/bucket/o?uploadType=media&name=bare/{number}/{file.name}"\n'
             f'upload-file = "{file}"\noutput = "/dev/null"\n' for file in sorted(folder.iterdir())]
    (HOME / "curl").write_text("".join(pairs))
    return timed(["curl", "--silent", "--show-error", "--fail", "--parallel", "--parallel-max", "16", "-X", "POST", "-H", "Content-Type: text/csv",
                  "-K", HOME / "curl"])


def large_file(ways_of):
    folder = HOME / "large"
    folder.mkdir()
    with open(folder / "model", "wb") as file:
        for _ in range(LARGE_BYTES >> 20):
            file.write(os.urandom(1 << 20))
    there, back = {}, {}
    for way in ways_of:
        with Server() as server:  # of its own: each holds a gigabyte
            try:
                there[way.name] = [took(way, "save", server, folder, 0)]
                back[way.name] = [took(way, "load", server, HOME / "loaded", 0)]
                expect_same(folder, HOME / "loaded")
            except (AssertionError, subprocess.TimeoutExpired) as fault:  # of another program, which ended the whole
                assert way.name != "busker", fault
                print(f"{way.name} does not get a file of this size there and back: {str(fault)[-300:]}", flush=True)
            shutil.rmtree(HOME / "loaded", ignore_errors=True)
    with Server() as server:
        there["curl, one request"] = [bare(server, "-X", "POST", "-H", "Content-Type: application/octet-stream", "-T", folder / "model", "-o", os.devnull,
                                           "/upload/storage/v1/b/bucket/o?uploadType=media&name=bare")]
        back["curl, one request"] = [bare(server, "-o", HOME / "bare", "/storage/v1/b/bucket/o/bare?alt=media")]
    show(f"one file of {LARGE_BYTES >> 20:,} MiB, to the store (one round)", there)
    show("the same back", back)


def main():
    global HOME
    if not SERVER.exists():
        sys.exit(f"{SERVER} is missing; script/setup cloud gets it")
    HOME = pathlib.Path(tempfile.mkdtemp(prefix="busker-bench-"))
    try:
        load = os.getloadavg()[0]
        print(f"medians of {ROUNDS} rounds, of gcloud and gsutil {ROUNDS_OF_THE_SLOW}; load of the machine before: {load:.1f}; then how many times what busker took", flush=True)
        ways_of = list(ways())
        small_files(ways_of)
        large_file(ways_of)
    finally:
        shutil.rmtree(HOME, ignore_errors=True)


if __name__ == "__main__":
    main()
