"""The HTTP server while something else is busy: who only looks is answered, whatever the others wait for."""

import concurrent.futures
import fcntl
import json
import os
import re
import sqlite3
import subprocess
import time
import unittest
import urllib.error
import urllib.request

import workshop
from workshop import Service

GRAPH = {"graph": {"dag_id": "hello"}, "tasks": [{"name": "greet", "code": "echo hello"}], "dependencies": []}


class Busy(unittest.TestCase):
    def setUp(self):
        self.shop = Service()
        self.addCleanup(self.shop.close)
        self.shop.write("graphs/configs/hello.json", json.dumps(GRAPH))

    def up(self):
        self.log = self.shop.folder / "up.out"
        with open(self.log, "w") as output:
            up = subprocess.Popen([str(workshop.BUSKER), "up", str(self.shop.folder), str(self.shop.folder / "graphs"),
                                   "--home", str(self.shop.home)], stdout=output, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL)
        self.addCleanup(up.wait)
        self.addCleanup(up.kill)
        workshop.wait_until(lambda: "dashboard: " in self.log.read_text(), "busker is up")
        self.address = re.search(r"dashboard: (http://[^/\s]+)", self.log.read_text())[1]
        self.token = subprocess.run([str(workshop.BUSKER), "token", "create", "t", "--scope", "operator", "--home",
                                     str(self.shop.home)], capture_output=True, text=True, check=True).stdout.strip()
        pool = concurrent.futures.ThreadPoolExecutor(40)
        self.addCleanup(pool.shutdown)
        self.pool = pool

    def ask(self, path, body=None):
        """(status, text, headers, seconds)"""
        request = urllib.request.Request(self.address + path, data=None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", "application/json")
        begun = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode(), answer.headers, time.monotonic() - begun
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode(), refused.headers, time.monotonic() - begun

    def all_are_answered(self, paths, limit):
        for path, asked in [(path, self.pool.submit(self.ask, path)) for path in paths]:
            status, text, _, seconds = asked.result()
            self.assertEqual(status, 200, f"{path}: {text}")
            self.assertLess(seconds, limit, path)

    # Four who looked at a graph while nothing could be recorded stopped the whole server, for a minute each.
    def test_who_looks_does_not_wait_for_the_record(self):
        self.up()
        record = sqlite3.connect(self.shop.home / "busker.db", isolation_level=None)
        self.addCleanup(record.close)
        record.execute("BEGIN IMMEDIATE")  # stands for a disk that is full: nothing can be appended
        paused = [self.pool.submit(self.ask, "/api/v1/graphs/hello/pause", {}) for _ in range(8)]
        looks = ["/api/v1/graphs/hello"] * 8
        self.all_are_answered(looks + ["/healthz", "/api/v1/runs", "/api/v1/graphs", "/api/v1/status", "/metrics"], 6)
        explained = json.loads(self.ask("/api/v1/graphs/hello")[1])["explained"]
        self.assertTrue(explained.startswith("where it stands cannot be told at the moment: "), explained)
        record.execute("ROLLBACK")
        statuses = [one.result()[0] for one in paused]
        self.assertIn(200, statuses)
        self.assertLessEqual(set(statuses), {200, 400, 503}, "paused, paused already, or sent away in time")
        workshop.wait_until(lambda: "hello is paused by t" in self.ask("/api/v1/graphs/hello")[1], "it is explained again")

    # The engine printed its lines itself: a terminal on which control-S was typed, or a pipe that nobody read, stopped all graphs.
    def test_nobody_has_to_read_what_it_says(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        up = subprocess.Popen([str(workshop.BUSKER), "up", str(self.shop.folder / "graphs"), "--home", str(self.shop.home)],
                              stdout=writer, stderr=writer, stdin=subprocess.DEVNULL)
        os.close(writer)
        self.addCleanup(up.wait)
        self.addCleanup(up.kill)
        said = b""
        while b" is up: " not in said:
            said += os.read(reader, 4096)
        for _ in range(60):  # two lines each: more than the pipe takes
            self.shop.must("run", "hello", "--quiet")
        up.terminate()
        self.assertEqual(up.wait(timeout=60), 0)

    # Four clicks on Undo while a delivery went on stopped the whole server, for up to ten minutes.
    def test_undo_does_not_keep_others_waiting(self):
        self.shop.must("run", "training", "--quiet")
        self.shop.must("run", "application", "--quiet")
        delivery = self.shop.facts("deliveries")[0]["id"]
        self.up()
        undo = f"/api/v1/services/shop/deliveries/{delivery}/undo"
        with open(self.shop.home / "warehouse/shop/predictions/.lock") as lock:  # stands for the delivery
            fcntl.flock(lock, fcntl.LOCK_EX)
            clicks = [self.pool.submit(self.ask, undo, {}) for _ in range(12)]
            self.all_are_answered(["/healthz", "/api/v1/runs", "/metrics"] * 3, 6)
            for click in clicks:
                status, text, headers, seconds = click.result()
                self.assertEqual(status, 503, text)
                self.assertGreater(int(headers["Retry-After"]), 0)
                self.assertLess(seconds, 20)
        self.assertEqual(self.ask(undo, {})[0], 200)


if __name__ == "__main__":
    unittest.main()
