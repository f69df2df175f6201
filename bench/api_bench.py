#!/usr/bin/env python3
"""What the dashboard and the API cost: answers with a million runs on record and ten thousand graphs, a
log of a gigabyte, a thousand viewers.

  api_bench [PART...]     answers, log, viewers: by default all of them

The floor is /healthz, which looks at nothing. Percentiles are of single requests, one after the other,
over one connection.
"""

import http.client
import json
import os
import pathlib
import resource
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
BUSKER = HERE.parent / "busker"
RUNS = int(os.environ.get("API_BENCH_RUNS", "1000000"))
GRAPHS = int(os.environ.get("API_BENCH_GRAPHS", "10000"))
REQUESTS = 300
VIEWERS = 1000
LOG_BYTES = 1_000_000_000
homes = []


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Home:
    """A folder of graph files, and a busker that is up there."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-bench-"))
        homes.append(self)
        self.graphs, self.home = self.folder / "graphs" / "configs", self.folder / "home"
        self.graphs.mkdir(parents=True)
        self.home.mkdir()
        self.up = None

    def graph(self, name, code="true", schedule=None):
        about = {"dag_id": name} | ({"schedule_interval": schedule, "catchup": False} if schedule else {})
        (self.graphs / f"{name}.json").write_text(json.dumps(
            {"graph": about, "tasks": [{"name": "only", "code": code}], "dependencies": []}))

    def start(self):
        self.up = subprocess.Popen([BUSKER, "up", self.folder / "graphs", "--home", self.home],
                                   stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        for line in self.up.stdout:
            if line.startswith("dashboard: http://"):
                self.address = line.split()[1].split("//")[1].rstrip("/")
                break
        threading.Thread(target=self.up.stdout.read, daemon=True).start()
        self.token = self.verb("token", "create", f"bench-{time.time_ns()}", "--scope", "operator")
        self.headers = {"Authorization": f"Bearer {self.token}"}
        self.connection = http.client.HTTPConnection(self.address)

    def verb(self, *words):
        done = subprocess.run([BUSKER, *words, "--home", self.home], capture_output=True, text=True)
        assert done.returncode == 0, f"busker {words[0]}: {done.stderr}"
        return done.stdout.strip()

    def get(self, path):
        """The seconds that it took, the status and the body."""
        begun = time.perf_counter()
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        return time.perf_counter() - begun, answer.status, body

    def stop(self):
        if self.up and self.up.poll() is None:
            self.up.terminate()
            self.up.wait()

    def resident(self):
        text = pathlib.Path(f"/proc/{self.up.pid}/status").read_text()
        return int(text.split("VmRSS:")[1].split()[0]) / 1024

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.up.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def answers():
    home = Home()
    for i in range(GRAPHS):
        home.graph(f"graph-{i}", schedule="0 0 1 1 *")
    begun = time.perf_counter()
    subprocess.run([HERE / "past_runs", home.home / "busker.db", "graph", str(RUNS), str(GRAPHS)], check=True)
    print(f"\nanswers with {RUNS:,} runs of {GRAPHS:,} graphs on record (filled in "
          f"{time.perf_counter() - begun:.0f} s, {(home.home / 'busker.db').stat().st_size / 1e9:.1f} GB)")
    home.start()
    middle = f"20200101-000000-{RUNS // 2:06}"
    paths = ["/healthz", "/", "/app.js", "/api/v1/status", "/api/v1/graphs?limit=100",
             "/api/v1/graphs?limit=100&cursor=graph-5", "/api/v1/graphs?limit=50&trouble=any",
             "/api/v1/graphs?limit=100&q=77", "/api/v1/graphs/graph-77", "/api/v1/services",
             "/api/v1/runs?limit=50", f"/api/v1/runs?limit=50&cursor={RUNS // 2}",
             "/api/v1/runs?limit=40&tasks=true&graph=graph-77",
             "/api/v1/runs?limit=50&state=failed", "/api/v1/runs?limit=50&state=running",
             "/api/v1/runs?limit=50&state=succeeded", "/api/v1/runs?limit=50&state=cancelled",
             "/api/v1/runs?limit=50&graph=graph-77&state=failed",
             "/api/v1/runs?limit=50&graph=graph-77&state=cancelled",
             "/api/v1/runs?limit=50&trigger=after", "/api/v1/tables",
             f"/api/v1/runs/{middle}", f"/api/v1/runs/{middle}/events", f"/api/v1/runs/{middle}/explain",
             f"/api/v1/runs/{middle}/lineage", "/api/v1/instants?limit=50", "/api/v1/instants?graph=graph-77",
             "/api/v1/events?limit=100", "/api/v1/events?limit=100&all=true",
             f"/api/v1/events?limit=100&all=true&cursor={RUNS * 3}", "/metrics", "/api/v1/openapi.json"]
    print(f"  {'p50':>8} {'p99':>8}  ms, of {REQUESTS} requests          goal: p99 at most 20")
    for path in paths:
        took, size = [], 0
        for _ in range(REQUESTS):
            seconds, status, body = home.get(path)
            assert status == 200, f"{path}: {status} {body[:200]}"
            took.append(seconds * 1000)
            size = len(body)
        print(f"  {statistics.median(took):8.2f} {percentile(took, 0.99):8.2f}  {size:>9,} B  {path}")
    print(f"  resident: {home.resident():.0f} MB")
    home.stop()


def log():
    home = Home()
    home.graph("flood", code=f"head -c {LOG_BYTES} /dev/zero | tr '\\0' 'x' | fold -w 120; echo; echo the end")
    home.start()
    print(f"\na log of {LOG_BYTES / 1e9:.0f} GB")
    run = home.verb("start", "flood")
    home.verb("wait", "flood", "--limit", "10m")
    path = f"/api/v1/runs/{run}/tasks/only/attempts/1/log"
    took = []
    for _ in range(30):
        seconds, status, body = home.get(path)
        assert status == 200 and b"the end" in body, body[-200:]
        took.append(seconds * 1000)
    kept = sum(file.stat().st_size for file in (home.home / "runs" / run / "only.1").rglob("*") if file.is_file())
    print(f"  opens at its end in {took[0]:.1f} ms; again: p50 {statistics.median(took):.1f}, most {max(took):.1f} ms "
          f"(goal: at most 300); {kept / 1e6:.0f} MB of it are kept")
    home.stop()


def lags(home, since):
    """How late the scheduled runs since then were on record, in ms."""
    database = sqlite3.connect(f"file:{home.home / 'busker.db'}?mode=ro", uri=True)
    rows = database.execute("SELECT requested_at - due FROM runs WHERE due > ?", (since * 1000,)).fetchall()
    database.close()
    return [lag for lag, in rows]


def viewers():
    """Schedules that come due each minute, looked at by nobody and by many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    home = Home()
    for i in range(100):
        home.graph(f"minutely-{i}", schedule="* * * * *")
    home.start()
    print("\n100 schedules that come due each minute, three minutes each way")
    connections = []
    for count in (0, VIEWERS):
        host, port = home.address.rsplit(":", 1)
        for _ in range(count):
            channel = socket.create_connection((host, int(port)))
            channel.sendall((f"GET /api/v1/live HTTP/1.1\r\nHost: {home.address}\r\n"
                             f"Authorization: Bearer {home.token}\r\n\r\n").encode())
            connections.append(channel)
        for channel in connections:
            assert channel.recv(12) == b"HTTP/1.1 200"
        heard = [0]
        over = threading.Event()

        def listen():
            import selectors
            chosen = selectors.DefaultSelector()
            for channel in connections:
                channel.setblocking(False)
                chosen.register(channel, selectors.EVENT_READ)
            while not over.is_set() and connections:
                for key, _ in chosen.select(timeout=0.2):
                    heard[0] += len(key.fileobj.recv(1 << 16))

        listener = threading.Thread(target=listen)
        listener.start()
        since, cpu = time.time(), home.cpu()
        time.sleep(185)
        found = lags(home, since)
        over.set()
        listener.join()
        print(f"  {count:5} viewers: {len(found)} runs, schedule lag p50 {statistics.median(found):.0f}, p99 "
              f"{percentile(found, 0.99):.0f} ms; {home.cpu() - cpu:.1f} s of CPU, {home.resident():.0f} MB resident, "
              f"{heard[0] / 1e6:.0f} MB were told")
    for channel in connections:
        channel.close()
    home.stop()


def main():
    parts = {"answers": answers, "log": log, "viewers": viewers}
    for name in sys.argv[1:] or parts:
        if name not in parts:
            sys.exit(f"api_bench: there is no part {name}; there are {', '.join(parts)}")
        parts[name]()
    for home in homes:
        home.stop()
        shutil.rmtree(home.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
