#!/usr/bin/env python3
"""What a prediction over HTTP costs, of a model of 500 trees of depth 6 over 30 numbers: wrk over connections that are kept, one
thread of the server.

  online_bench [PART...]     peers, load, rows: by default all of them

  peers  one row, at most: beside a constant answer of the same server, a bare epoll loop with the same trees
         (online_floor), FastAPI and MLflow's server with the same model and the newest XGBoost (online_peers.py)
  load   at half of what was the most: the times, steady and while the live version is swapped four times a second
  rows   a hundred rows in a request, JSON and binary

What is compared is asked in turn, round by round; a ratio is the median of those of the rounds. The server's processor time
beside it does not know what else the machine does. Needs `script/setup bench`. On a machine that does other things, too,
`nice -n -20` keeps them from the rates, and `chrt -r 1` from the times."""

import contextlib
import itertools
import json
import os
import pathlib
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import urllib.error

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = pathlib.Path(__file__).absolute().parent.parent
sys.path.insert(0, str(HERE.parent / "tests"))
os.environ.setdefault("BUSKER_BUILD", str(PROGRAMS))
import online_models  # noqa: E402
from workshop import Service, wait_until  # noqa: E402

ROUNDS, SECONDS = (int(os.environ.get(f"ONLINE_BENCH_{name}", usual)) for name, usual in (("ROUNDS", 5), ("SECONDS", 2)))
CONNECTIONS, CUSTOMERS = 16, 100_000
PEERS = HERE.parent / "build" / "bench" / "bin" / "python"
NEWEST = HERE.parent / "build" / "parity" / "3.4.1"
APPLICATION = (f"seq {CUSTOMERS} | awk 'BEGIN {{ print \"customer_id,score\" }} {{ print \"c-\" $1 \",\" $1 / 1000 }}' "
               "> output/predictions.csv\n")
# How wrk is told what to ask: the same bytes each time, or one path after the other; at half load each connection
# waits about as long as `pause`, in milliseconds, and 0 to 2 times that, before it asks again.
SCRIPT = """
wrk.method = "%(method)s"
local file = io.open("%(body)s", "rb")
wrk.body = file:read("*a")
file:close()
for name, value in pairs({%(headers)s}) do wrk.headers[name] = value end
if %(keys)d > 0 then
  local asked, at = {}, 0
  function init()
    for i = 1, %(keys)d do asked[i] = wrk.format("GET", "%(path)s" .. (i * 97 %% %(customers)d + 1), wrk.headers, "") end
  end
  function request()
    at = at %% #asked + 1
    return asked[at]
  end
end
if %(pause)d > 0 then
  function delay() return math.random(0, 2 * %(pause)d) end
end
"""


class Request:
    def __init__(self, path, body=b"", headers=None, method="POST", keys=0):
        self.path, self.body, self.headers, self.method, self.keys = path, body, headers or {}, method, keys


class Figures:
    def __init__(self, shown, seconds, cpu):
        if "Non-2xx" in shown or "Socket errors" in shown:
            raise AssertionError(shown)
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", shown)[1])
        self.median, self.tail = (self.microseconds(shown, percent) for percent in (50, 99))
        self.cpu = cpu / (self.rate * seconds) * 1e6

    @staticmethod
    def microseconds(shown, percent):
        value, unit = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", shown).groups()
        return float(value) * {"us": 1, "ms": 1000, "s": 1e6}[unit]


class Asked:
    """A server, by its process and its address."""

    def __init__(self, process, url):
        self.process, self.url = process, url

    def processor_seconds(self):
        words = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def wrk(self, request, folder, connections=CONNECTIONS, pause=0):
        (folder / "body").write_bytes(request.body)
        headers = {"Content-Type": "application/json", **request.headers}
        (folder / "wrk.lua").write_text(SCRIPT % {
            "method": request.method, "body": folder / "body", "keys": request.keys, "path": request.path,
            "customers": CUSTOMERS, "pause": pause, "headers": ", ".join(f'["{k}"] = "{v}"' for k, v in headers.items())})
        path = request.path + ("1" if request.keys else "")
        before = self.processor_seconds()
        shown = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", str(folder / "wrk.lua"),
                                self.url + path], capture_output=True, text=True, check=True).stdout
        return Figures(shown, SECONDS, self.processor_seconds() - before)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(url, body):
    with contextlib.suppress(urllib.error.URLError, ConnectionError):
        return online_models.ask(url, body, {"Content-Type": "application/json"})[0] == 200
    return False


def leave_behind_what_loads(server):
    """In real time (chrt) all threads of a server are equal; the one that follows the live pointer is nice, and goes back."""
    for thread in os.listdir(f"/proc/{server}/task"):
        nice = int(pathlib.Path(f"/proc/{server}/task/{thread}/stat").read_text().rsplit(")", 1)[1].split()[16])
        if os.sched_getscheduler(0) != os.SCHED_OTHER and nice > 0:
            os.sched_setscheduler(int(thread), os.SCHED_OTHER, os.sched_param(0))


class Bench:
    def __init__(self, folder):
        self.folder, self.closing = folder, contextlib.ExitStack()
        self.environment = {**os.environ, "PYTHONPATH": str(NEWEST), "OMP_NUM_THREADS": "1"}
        subprocess.run(["chrt", "--other", "0", PEERS, HERE / "online_peers.py", "train", folder], check=True,
                       env={**self.environment, "OMP_NUM_THREADS": "2"})
        made = {name: (folder / name).read_text() for name in ("model.json", "signature.json", "serving_sample.json")}
        online_models.files_of = lambda number, trees=1: made
        self.names = [one["name"] for one in json.loads(made["signature.json"])["inputs"]]
        self.rows = json.loads((folder / "rows.json").read_text())
        service = Service(online_models.SERVICE_FILE, application=APPLICATION)
        self.closing.callback(service.close)
        service.must("run", "application")
        self.store = online_models.Store(service.home / "artifacts")
        self.versions = [self.store.add(0), self.store.add(1)]
        self.store.point(self.versions[0])
        server = online_models.Server("-C", str(service.folder), "--without-tokens", "--threads", "1")
        self.closing.callback(server.stop)
        server.wait_ready(60)
        leave_behind_what_loads(server.process.pid)
        self.busker = Asked(server.process, server.url)
        self.v1 = Request("/v1/models/shop:predict", self.objects(1))
        self.v2 = self.tensors(1)
        self.constant = Request("/v2/health/live", self.v1.body, method="GET")
        self.key = Request("/v1/tables/shop.predictions/rows?customer_id=c-", method="GET", keys=1000)
        self.constant_get = Request("/v2/health/live", method="GET")

    def objects(self, count):
        return json.dumps({"instances": [dict(zip(self.names, row)) for row in self.rows[:count]]}).encode()

    def lists(self, count):
        return Request("/v1/models/shop:predict", json.dumps({"instances": self.rows[:count]}).encode())

    def tensors(self, count):
        data = b"".join(struct.pack(f"<{len(row)}f", *row) for row in self.rows[:count])
        head = json.dumps({"inputs": [{"name": "rows", "datatype": "FP32", "shape": [count, len(self.names)],
                                       "parameters": {"binary_data_size": len(data)}}],
                           "parameters": {"binary_data_output": True}}).encode()
        return Request("/v2/models/shop/infer", head + data,
                       {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"})

    @contextlib.contextmanager
    def floor(self):
        with subprocess.Popen([PROGRAMS / "bench" / "online_floor", self.folder / "model.json"], stdout=subprocess.PIPE,
                              text=True) as process:
            try:
                yield Asked(process, f"http://127.0.0.1:{int(process.stdout.readline())}")
            finally:
                process.kill()

    @contextlib.contextmanager
    def peer(self, name, path, body):
        port = free_port()
        with subprocess.Popen([PEERS, HERE / "online_peers.py", name, self.folder, str(port)], env=self.environment) as process:
            asked = Asked(process, f"http://127.0.0.1:{port}")
            try:
                wait_until(lambda: process.poll() is not None or answers(asked.url + path, body), f"{name} answers", 120)
                yield asked
            finally:
                process.kill()

    @contextlib.contextmanager
    def swapping(self):
        """The live pointer goes from one to the next, four times a second, which is as often as a server looks."""
        ended = threading.Event()

        def swap():
            for version in itertools.cycle(reversed(self.versions)):
                self.store.point(version)
                if ended.wait(0.25):
                    return

        swapper = threading.Thread(target=swap)
        swapper.start()
        try:
            yield
        finally:
            ended.set()
            swapper.join()

    def in_turn(self, ways):
        """A list of figures for each name, of as many rounds."""
        found = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                found[name].append(way())
        for name, all_of_it in found.items():
            rate, median, tail, cpu = (statistics.median(getattr(f, what) for f in all_of_it)
                                       for what in ("rate", "median", "tail", "cpu"))
            print(f"  {name:34} {rate:9,.0f} requests/s  p50 {median:7,.0f} us  p99 {tail:8,.0f} us  {cpu:7.1f} us of the processor")
        return found

    def at_most(self, asked, request):
        return lambda: asked.wrk(request, self.folder)

    def peers(self):
        records = json.dumps({"dataframe_split": {"columns": self.names, "data": self.rows[:1]}}).encode()
        print(f"one row, {len(self.v1.body)} bytes of JSON, {CONNECTIONS} connections, as many requests as are answered")
        with self.floor() as floor, self.peer("fastapi", "/predict", self.v1.body) as fastapi, \
                self.peer("mlflow", "/invocations", records) as mlflow:
            found = self.in_turn({
                "prediction": self.at_most(self.busker, self.v1),
                "constant, same server": self.at_most(self.busker, self.constant),
                "bare epoll, same trees": self.at_most(floor, self.v1),
                "prediction, v2 binary": self.at_most(self.busker, self.v2),
                "FastAPI": self.at_most(fastapi, Request("/predict", self.v1.body)),
                "MLflow's server": self.at_most(mlflow, Request("/invocations", records)),
                "row by key": self.at_most(self.busker, self.key),
                "constant without a body": self.at_most(self.busker, self.constant_get)})
        for one, other, goal in (("prediction", "constant, same server", 0.85), ("prediction", "bare epoll, same trees", 0.6),
                                 ("prediction", "FastAPI", 10), ("prediction", "MLflow's server", 20),
                                 ("row by key", "constant without a body", 0.9)):
            told_ratio(f"{one} to {other}", found[one], found[other], goal)

    def load(self):
        print("\nhalf of the most, of each; four swaps a second where it says so")
        for name, request in (("v1", self.v1), ("v2 binary", self.v2), ("row by key", self.key)):
            most = statistics.median(self.busker.wrk(request, self.folder).rate for _ in range(3))
            pause = 10
            connections = max(4, round(most / 2 * pause / 1000))

            def half(request=request, connections=connections, pause=pause):
                return self.busker.wrk(request, self.folder, connections, pause)

            def swapped(half=half):
                with self.swapping():
                    return half()

            found = self.in_turn({f"{name}, {connections} connections": half, f"{name}, swapped": swapped})
            steady, while_swapped = found.values()
            share = statistics.median(f.rate for f in steady) / most
            times = statistics.median(s.tail / f.tail for f, s in zip(steady, while_swapped))
            print(f"  {name}: at {share:.2f} of the most ({most:,.0f}/s); p99 while versions are swapped is {times:.2f} of the steady one "
                  "(goal at most 2; p99 below 2 ms)")

    def rows_at_once(self):
        count = 100
        print(f"\n{count} rows in a request")
        found = self.in_turn({"v1 JSON, lists": self.at_most(self.busker, self.lists(count)),
                              "v1 JSON, objects": self.at_most(self.busker, Request(self.v1.path, self.objects(count))),
                              "v2 binary": self.at_most(self.busker, self.tensors(count))})
        rate = statistics.median(f.rate for f in found["v2 binary"])
        print(f"  v2 binary: {rate * count:,.0f} rows/s")
        told_ratio("v2 binary to v1 JSON, lists", found["v2 binary"], found["v1 JSON, lists"], 1.5)


def told_ratio(name, one, other, goal):
    rate = statistics.median(a.rate / b.rate for a, b in zip(one, other))
    cpu = statistics.median(b.cpu / a.cpu for a, b in zip(one, other))
    print(f"  {name}: {rate:.2f} of its requests/s, {cpu:.2f} by the processor's time (goal at least {goal})")


def main():
    parts = {"peers": Bench.peers, "load": Bench.load, "rows": Bench.rows_at_once}
    asked = sys.argv[1:] or list(parts)
    real_time = "" if os.sched_getscheduler(0) == os.SCHED_OTHER else ", in real time"
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}; nice {os.nice(0)}{real_time}")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(pathlib.Path(folder))
        with bench.closing:
            for part in asked:
                parts[part](bench)
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
