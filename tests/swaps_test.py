"""Versions are swapped under load: no request fails, each answer is of exactly one version, which it names and whose digest the
log has, a version that cannot be asked never answers while the one before goes on, and memory does not grow.

    BUSKER_BUILD=build/release python3 tests/swaps_test.py [--swaps N] [--seed S]

One swap in ten is to a version that cannot be asked. `script/test swaps` does 300."""

import argparse
import hashlib
import http.client
import json
import pathlib
import random
import struct
import sys
import threading
import time
import unittest

from online_models import SERVICE_FILE, Server, Store
from workshop import Service, wait_until

APPLICATION = "printf 'customer_id,score\\nc-1,0.25\\nc-2,0.75\\n' > output/predictions.csv\n"

TREES = 1000  # so that a version that is kept shows in memory
ROWS = 5      # of a request, of each of two customers
PER_SECOND = 50
BAD = ("torn", "changed", "signature", "sample", "large")


class Client(threading.Thread):
    """Asks at a steady rate over one connection, until it is told to end."""

    def __init__(self, port, ended):
        super().__init__()
        self.port, self.ended = port, ended
        self.count, self.faults = 0, []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        due = time.monotonic()
        while not self.ended.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1 / PER_SECOND, time.monotonic())  # what a busy machine kept waiting is not made up for
            try:
                fault = self.ask(connection)
            except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
                fault = repr(error)
                connection.close()
            if fault:
                self.faults.append(fault)
            self.count += 1
        connection.close()


class Version1(Client):
    """JSON, as TensorFlow Serving and KServe take it."""

    def __init__(self, port, ended, numbers):
        super().__init__(port, ended)
        self.numbers, self.seen = numbers, set()
        self.body = json.dumps({"instances": [[20, "free"], [50, "paid"]] * ROWS})

    def ask(self, connection):
        connection.request("POST", "/v1/models/shop:predict", self.body)
        answer = connection.getresponse()
        text = answer.read()
        version = answer.headers["Busker-Version"]
        if answer.status != 200:
            return (answer.status, text)
        told = json.loads(text)
        self.seen.add(version)
        wanted = [self.numbers[version], -self.numbers[version]] * ROWS
        return None if (told["predictions"], told["model_version"]) == (wanted, version) else (version, text)


class Version2(Version1):
    """Tensors in binary, as Triton's client sends and takes them."""

    def __init__(self, port, ended, numbers):
        super().__init__(port, ended, numbers)
        ages = struct.pack(f"<{2 * ROWS}f", *[20, 50] * ROWS)
        plans = b"".join(struct.pack("<I", len(plan)) + plan for plan in [b"free", b"paid"] * ROWS)
        head = json.dumps({"inputs": [
            {"name": "age", "datatype": "FP32", "shape": [2 * ROWS], "parameters": {"binary_data_size": len(ages)}},
            {"name": "plan", "datatype": "BYTES", "shape": [2 * ROWS], "parameters": {"binary_data_size": len(plans)}}],
            "parameters": {"binary_data_output": True}}).encode()
        self.headers = {"Inference-Header-Content-Length": str(len(head))}
        self.body = head + ages + plans

    def ask(self, connection):
        connection.request("POST", "/v2/models/shop/infer", self.body, self.headers)
        answer = connection.getresponse()
        data = answer.read()
        version = answer.headers["Busker-Version"]
        if answer.status != 200:
            return (answer.status, data)
        size = int(answer.headers["Inference-Header-Content-Length"])
        told = json.loads(data[:size])
        self.seen.add(version)
        wanted = struct.pack(f"<{2 * ROWS}f", *[self.numbers[version], -self.numbers[version]] * ROWS)
        return None if (told["model_version"], data[size:]) == (version, wanted) else (version, data)


class Rows(Client):
    """Rows by key, which no swap of a model touches."""

    def ask(self, connection):
        connection.request("POST", "/v1/tables/shop.predictions/rows",
                           json.dumps({"keys": [{"customer_id": "c-1"}, {"customer_id": "c-2"}]}))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            return (answer.status, text)
        rows = [result["rows"][0]["score"] for result in json.loads(text)["results"]]
        return None if rows == [0.25, 0.75] else text


def memory_of(server):
    """KiB that its process has in memory."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))


class SwapsTest(unittest.TestCase):
    swaps, seed = 30, 1

    def setUp(self):
        self.service = Service(SERVICE_FILE, application=APPLICATION)
        self.addCleanup(self.service.close)
        self.service.must("run", "application")
        self.store = Store(self.service.home / "artifacts")
        self.server = None

    def swap_to_good(self, version):
        self.store.point(version)
        wait_until(lambda: self.server.predict({"instances": [[20, "free"]]})[1]["Busker-Version"] == version,
                   f"{version} answers; {self.server.lines[-5:]}", 60)

    def swap_to_bad(self, version):
        self.store.point(version)
        wait_until(lambda: any(version in line for line in self.server.lines), f"{version} is refused", 60)

    def test_no_request_fails_no_answer_is_mixed_and_memory_stays(self):
        numbers = {self.store.add(number, trees=TREES): number for number in range(1, 9)}
        good = list(numbers)
        self.store.point(good[0])
        self.server = Server("-C", str(self.service.folder), "--without-tokens", "--threads", "2")
        self.addCleanup(self.server.stop)
        self.server.wait_ready()
        ended = threading.Event()
        clients = [Version1(self.server.port, ended, numbers), Version2(self.server.port, ended, numbers),
                   Rows(self.server.port, ended)]
        for client in clients:
            client.start()
        self.addCleanup(ended.set)
        chance, bad, first = random.Random(self.seed), 0, None
        now = good[0]
        for swap in range(self.swaps):
            if swap % 10 == 9:
                self.swap_to_bad(self.store.add(99, spoil=BAD[bad % len(BAD)], trees=TREES))
                bad += 1
            else:
                now = chance.choice([version for version in good if version != now])
                self.swap_to_good(now)
            if swap == 12:  # one of each kind of swap, and what a server takes once and keeps
                first = memory_of(self.server)
        last = memory_of(self.server)
        for version in good:  # each is asked by each client at least once, however slow the machine is
            self.swap_to_good(version)
            before = [client.count for client in clients]
            wait_until(lambda: all(client.count > count + 1 for client, count in zip(clients, before)), "they asked", 60)
            digest = hashlib.sha256((self.store.folder / "shop/1/training" / version / "model.json").read_bytes()).hexdigest()
            told = f"serving shop/1/training/{version} (model.json, SHA-256 {digest})"
            wait_until(lambda: told in self.server.lines, "the log has the digest of what answers", 60)
        ended.set()
        for client in clients:
            client.join(timeout=60)
        for client in clients:
            self.assertEqual(client.faults[:3], [], f"{type(client).__name__}: {len(client.faults)} of {client.count}")
        self.assertEqual([client.seen for client in clients[:2]], [set(good)] * 2)
        print(f"{self.swaps} swaps, {bad} of them to bad versions; {[client.count for client in clients]} requests; "
              f"memory {first} KiB after 13, {last} KiB after all", file=sys.stderr)
        self.assertLess(last, first * 1.05)


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("--swaps", type=int, default=SwapsTest.swaps)
    words.add_argument("--seed", type=int, default=SwapsTest.seed)
    told = words.parse_args()
    SwapsTest.swaps, SwapsTest.seed = told.swaps, told.seed
    unittest.main(argv=sys.argv[:1])
