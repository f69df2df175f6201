#!/usr/bin/env python3
"""What a prediction over HTTP costs: wrk over connections that are kept, beside the same requests to a route of the same
server that answers a constant, and while the live version is swapped again and again. The model has 500 trees of depth 6
over 30 numbers."""

import contextlib
import itertools
import json
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__)
sys.path.insert(0, str(HERE.resolve().parent.parent / "tests"))
import os  # noqa: E402

os.environ.setdefault("BUSKER_BUILD", str(HERE.absolute().parent.parent))
import online_models  # noqa: E402

TREES, DEPTH, COLUMNS, SECONDS, ROUNDS = 500, 6, 30, 3, 3
NAMES = [f"feature_{i}" for i in range(COLUMNS)]
RANDOM = random.Random(5)


def to_float(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def tree(number):
    inner = 2 ** DEPTH - 1
    count = 2 * inner + 1
    lefts = [2 * i + 1 if i < inner else -1 for i in range(count)]
    rights = [2 * i + 2 if i < inner else -1 for i in range(count)]
    columns = [RANDOM.randrange(COLUMNS) if i < inner else 0 for i in range(count)]
    conditions = [to_float(RANDOM.uniform(-1, 1) if i < inner else RANDOM.uniform(-0.1, 0.1)) for i in range(count)]
    return {"id": number, "left_children": lefts, "right_children": rights, "split_indices": columns,
            "split_conditions": conditions, "default_left": [0] * count, "tree_param": {"size_leaf_vector": "1"}}


def predict(trees, row):
    """As XGBoost adds: in float, from the base score on, tree by tree."""
    total = 0.0
    for one in trees:
        node = 0
        while one["left_children"][node] >= 0:
            goes_left = to_float(row[one["split_indices"][node]]) < one["split_conditions"][node]
            node = one["left_children"][node] if goes_left else one["right_children"][node]
        total = to_float(total + one["split_conditions"][node])
    return total


def files():
    trees = [tree(i) for i in range(TREES)]
    rows = [[round(RANDOM.uniform(-1, 1), 4) for _ in range(COLUMNS)] for _ in range(20)]
    model = {"version": [3, 2, 0], "learner": {
        "attributes": {}, "learner_model_param": {"base_score": "[0E0]", "num_class": "0", "num_feature": str(COLUMNS),
                                                  "num_target": "1"},
        "objective": {"name": "reg:squarederror"}, "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(TREES)}, "tree_info": [0] * TREES,
            "trees": trees}}}}
    signature = {"inputs": [{"name": name, "type": "number"} for name in NAMES], "outputs": ["score"]}
    sample = {"inputs": rows, "outputs": [predict(trees, row) for row in rows]}
    return rows, {"model.json": json.dumps(model), "signature.json": json.dumps(signature),
                  "serving_sample.json": json.dumps(sample)}


def wrk(url, method, body, connections, threads, folder):
    script = pathlib.Path(folder) / "wrk.lua"
    script.write_text(f"wrk.method = {json.dumps(method)}\nwrk.body = {json.dumps(body)}\n"
                      'wrk.headers["Content-Type"] = "application/json"\n')
    shown = subprocess.run(["wrk", f"-t{threads}", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", str(script), url],
                           capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in shown or "Socket errors" in shown:
        raise AssertionError(shown)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", shown)[1])
    tail, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", shown).groups()
    return rate, float(tail) * {"us": 1, "ms": 1000, "s": 1e6}[unit]


def processor_seconds(process):
    """What it took so far, of its own and of the system's time."""
    words = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def swapping(store, versions):
    """The live pointer goes from one to the next, four times a second, which is as often as a server looks."""
    ended = threading.Event()

    def swap():
        for version in itertools.cycle(versions):
            store.point(version)
            if ended.wait(0.25):
                return

    swapper = threading.Thread(target=swap)
    if versions:
        swapper.start()
    try:
        yield
    finally:
        ended.set()
        if versions:
            swapper.join()


def main():
    rows, made = files()
    online_models.files_of = lambda number, trees=1: made
    with tempfile.TemporaryDirectory() as folder:
        store = online_models.Store(folder)
        versions = [store.add(0), store.add(1)]
        store.point(versions[0])
        server = online_models.Server("shop/1", "--store", store.url, "--without-tokens", "--threads", "1")
        try:
            server.wait_ready()
            instance = dict(zip(NAMES, rows[0]))
            for count in (1, 20):
                body = json.dumps({"instances": [instance] * count})
                best = {}
                for _ in range(ROUNDS):  # in turn, so that what else goes on is shared
                    for name, method, path in (("constant", "GET", "/v2/health/live"),
                                               ("prediction", "POST", "/v1/models/shop:predict"),
                                               ("swapped", "POST", "/v1/models/shop:predict")):
                        before = processor_seconds(server.process)
                        with swapping(store, versions if name == "swapped" else []):
                            rate, tail = wrk(server.url + path, method, body, 16, 1, folder)
                        cost = (processor_seconds(server.process) - before) / (rate * SECONDS) * 1e6
                        best.setdefault(name, []).append((rate, tail, cost))
                tails = {name: min(f[1] for f in found) for name, found in best.items()}
                for name, found in best.items():
                    rate, tail, cost = (max(f[0] for f in found), min(f[1] for f in found), min(f[2] for f in found))
                    best[name] = cost
                    print(f"{count:2} rows, {len(body):6} bytes: {name:10} {rate:9.0f} requests/s, p99 {tail:8.0f} us, "
                          f"{cost:6.1f} us of the processor")
                print(f"{count:2} rows: p99 while versions are swapped is {tails['swapped'] / tails['prediction']:.2f} of the steady one")
                print(f"{count:2} rows: a prediction takes {best['prediction'] - best['constant']:.1f} us more than a constant")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
