"""A store with versions that are served online: what tests of predictions over HTTP share. A version answers its own
number for one customer and another for the other, so an answer says which version made it."""

import base64
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from workshop import BUSKER, free_port, wait_until

NAMES = ["age", "plan"]


CRC_TABLE = []
for entry in range(256):
    for _ in range(8):
        entry = entry >> 1 ^ (0x82F63B78 if entry & 1 else 0)
    CRC_TABLE.append(entry)

# A training whose versions may be live, and predictions that are asked for by key.
SERVICE_FILE = """
name = "shop"
version = "1"

[model]
command = "./model.sh ${ACTION}"

[actions.training]
promote = true

[actions.application]
input = "none"

[actions.application.deliver."predictions.csv"]
table = "shop.predictions"
key = ["customer_id"]
"""


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return f"{crc ^ 0xFFFFFFFF:08x}"


def model(number, trees=1):
    """Young: `number`; others: -`number`. XGBoost 3.2's JSON, as its save_model writes it. All trees but the first add
    nothing, and take memory."""
    tree = {"id": 0, "left_children": [1, -1, -1], "right_children": [2, -1, -1], "parents": [2147483647, 0, 0],
            "split_indices": [0, 0, 0], "split_conditions": [30.0, float(number), float(-number)],
            "split_type": [0, 0, 0], "default_left": [1, 0, 0], "base_weights": [0.0, 0.0, 0.0], "loss_changes": [1.0, 0.0, 0.0],
            "sum_hessian": [2.0, 1.0, 1.0], "categories": [], "categories_nodes": [], "categories_segments": [],
            "categories_sizes": [],
            "tree_param": {"num_deleted": "0", "num_feature": "2", "num_nodes": "3", "size_leaf_vector": "1"}}
    nothing = [{**tree, "id": i, "split_conditions": [30.0, 0.0, 0.0]} for i in range(1, trees)]
    return {"version": [3, 2, 0], "learner": {
        "attributes": {}, "feature_names": NAMES, "feature_types": ["float", "float"],
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(trees)}, "tree_info": [0] * trees,
            "iteration_indptr": list(range(trees + 1)), "trees": [tree, *nothing]}},
        "learner_model_param": {"base_score": "[0E0]", "boost_from_average": "1", "num_class": "0", "num_feature": "2",
                                "num_target": "1"},
        "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}}}}


def signature():
    return {"inputs": [{"name": "age", "type": "number", "missing": True},
                       {"name": "plan", "type": "category", "categories": ["free", "paid"]}],
            "outputs": ["score"]}


def files_of(number, trees=1):
    return {"model.json": json.dumps(model(number, trees)), "signature.json": json.dumps(signature()),
            "serving_sample.json": json.dumps({"inputs": [{"age": 20, "plan": "free"}, {"age": 50, "plan": "paid"}],
                                               "outputs": [number, -number]})}


def training(number):
    """A shell program that saves such a version."""
    return "".join(f"cat > output/{name} <<'END'\n{text}\nEND\n" for name, text in files_of(number).items()) + \
        "echo '{\"auc\": 0.8}' > output/metrics.json\n"


class Store:
    """An artifact store in a folder, with versions that no run made."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.url = f"file://{self.folder}"
        self.count = 0
        self.lock = threading.Lock()

    def put(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".tmp-{path.name}-test")
        aside.write_text(text)
        aside.rename(path)

    def add(self, number, service="shop", spoil=None, trees=1):
        """Its timestamp. `spoil` may change the files once the manifest is made."""
        with self.lock:
            self.count += 1
            timestamp = f"2026{self.count // 1000 + 1:02}01T{self.count // 60 % 24:02}{self.count % 60:02}00Z"
        files = files_of(number, trees)
        if spoil in ("sample", "signature", "large"):
            files = spoiled(files, spoil)
        digests = {name: {"size_bytes": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest(),
                          # What is too large is refused before its sum is made, which takes Python long.
                          "crc32c": "00000000" if len(text) > 1 << 24 else crc32c(text.encode())} for name, text in files.items()}
        if spoil in ("torn", "changed"):
            files = spoiled(files, spoil)
        folder = self.folder / service / "1" / "training" / timestamp
        for name, text in files.items():
            self.put(folder / name, text)
        self.put(folder / "manifest.json", json.dumps({
            "name": service, "version": "1", "action": "training", "timestamp": timestamp, "files": digests, "metrics": {},
            "run": "by hand", "task": "training", "attempt": 1, "scheduled_at": "2026-01-01T00:00:00Z",
            "data_date": "2026-01-01", "command": [], "source_commit": "", "folder_commit": "", "config_sha256": "",
            "input": None, "runner_version": "0.1.0", "saved_at": "2026-01-01T00:00:00Z"}))
        return timestamp

    def point(self, timestamp, service="shop"):
        self.put(self.folder / service / "1" / "live.json", json.dumps({
            "version": f"{service}/1/training/{timestamp}", "by": "a test", "why": "by hand",
            "at": "2026-01-01T00:00:00Z", "format": 1, "before": []}))


def spoiled(files, how):
    files = dict(files)
    if how == "torn":
        files["model.json"] = files["model.json"][:100]
    elif how == "changed":
        files["model.json"] = files["model.json"].replace("30.0", "31.0")
    elif how == "sample":
        files["serving_sample.json"] = files["serving_sample.json"].replace("-", "")
    elif how == "large":
        files["signature.json"] += " " * (17 << 20)
    elif how == "signature":
        files["signature.json"] = files["signature.json"].replace('"age"', '"aeg"')
    return files


def ask(url, body=None, headers=None):
    """The status, the headers and the body; JSON is read."""
    request = urllib.request.Request(url, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, told, data = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, told, data = error.code, error.headers, error.read()
    return status, told, json.loads(data) if told.get_content_type() == "application/json" else data


class Server:
    """busker serve, on a port that is free."""

    def __init__(self, *words, environment=None, cwd=None):
        self.process = subprocess.Popen([str(BUSKER), "serve", "--port", "0", *words], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, cwd=cwd, stdin=subprocess.DEVNULL,
                                        env={**os.environ, **(environment or {})})
        first = self.process.stdout.readline()
        if "POST http" not in first:
            raise AssertionError(f"busker serve said {first!r} and {self.process.stderr.read()!r}")
        self.url = first.split("POST ")[1].split("/v1/")[0]
        self.lines = []
        self.followers = [threading.Thread(target=self.follow, args=(stream,), daemon=True)
                          for stream in (self.process.stdout, self.process.stderr)]
        for follower in self.followers:
            follower.start()

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def follow(self, stream):
        for line in stream:
            self.lines.append(line.rstrip("\n"))

    def ask(self, path, body=None, headers=None):
        return ask(self.url + path, body, headers)

    def predict(self, value, headers=None):
        return self.ask("/v1/models/shop:predict", json.dumps(value).encode(), headers)

    def wait_ready(self, limit=60):
        wait_until(lambda: self.ask("/ping")[0] == 200, f"ready; it said {self.lines}", limit)

    def stop(self, how=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(timeout=40)
        for follower in self.followers:
            follower.join(timeout=10)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()
        return self.process.returncode


def make_token(service, name, scope):
    """As busker token create prints it."""
    done = subprocess.run([str(BUSKER), "token", "create", name, "--scope", scope, "-C", str(service.folder)],
                          capture_output=True, text=True, check=True, timeout=60)
    return next(word for word in done.stdout.split() if len(word) == 64)


def basic(token):
    return {"Authorization": "Basic " + base64.b64encode(f"x:{token}".encode()).decode()}


class Up:
    """busker up with [serving], whose port nobody else had a moment before; it is started again with another when
    somebody took it meanwhile."""

    def __init__(self, service, settings=""):
        self.service = service
        self.log = service.folder / "up.log"
        for _ in range(5):
            port = free_port()
            service.write(".busker/daemon.toml", f'{settings}\n[serving]\nlisten = "127.0.0.1:{port}"\n')
            with self.log.open("w") as out:
                self.process = subprocess.Popen([str(BUSKER), "up", "-C", str(service.folder)], stdout=out, stderr=out,
                                                stdin=subprocess.DEVNULL)
            wait_until(lambda: "predictions: " in self.said() or self.process.poll() is not None, "busker is up", 60)
            if self.process.poll() is None:
                break
        else:
            raise AssertionError(self.said())
        self.url = f"http://127.0.0.1:{port}"
        self.dashboard = next(line.split()[1] for line in self.said().splitlines() if line.startswith("dashboard:"))

    def said(self):
        return self.log.read_text()

    def api(self, path, body=None, token=None):
        """The API of the dashboard: the status, and the body, read."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        status, _, answer = ask(f"{self.dashboard}/api/v1/{path}", None if body is None else json.dumps(body).encode(), headers)
        return status, answer if isinstance(answer, dict) else json.loads(answer)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=40)
