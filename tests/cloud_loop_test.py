"""The whole loop on the stand-in for Google Cloud, with nothing of this machine in it but Busker: the image of examples/article is built and
pushed, its program runs on VMs, versions are in a bucket, predictions in BigQuery, the log in Cloud Logging, and no VM is left. As the manual
has it, under busker up, and by the article's graph files. Needs root; script/test docker runs it."""

import datetime
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import unittest

import engine
import registry
import workshop
from cloud.client import StandIn
from workshop import BUSKER, wait_until

PAGE = (workshop.SOURCE / "docs/from-the-article.md").read_text()
PROJECT = "example-project"
ACCOUNT = "bakery@example-project.iam.gserviceaccount.com"
RUN_LIMIT = 400
SOON = 90  # seconds: more than half a minute before a full one


def setUpModule():
    if not engine.is_there() or not registry.is_there():
        sys.exit("cloud_loop_test needs root, Debian's docker.io, podman, busybox-static, docker-registry and skopeo; script/setup image installs them")


def cloud_commands():
    """Those of the manual that are for the cloud, as one script."""
    blocks = re.findall(r"```console cloud\n(.*?)```", PAGE, re.DOTALL)
    return "\n".join(line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ "))


class CloudLoop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = engine.Docker()
        cls.addClassCleanup(cls.engine.close)
        cls.registry = registry.Registry()
        cls.addClassCleanup(cls.registry.close)
        cls.registry.put_base("python:1", registry.python_base(), {"Env": ["PATH=/usr/bin:/bin"]})

    def setUp(self):
        self.cloud = StandIn("--docker", str(self.engine.socket), "--project", PROJECT)
        self.addCleanup(self.cloud.close)
        self.cloud.control("pace", {"operation_s": 0.02, "soft_off_s": [5, 5]})
        self.cloud.control("buckets", {"name": "example-bakery"})
        self.cloud.control("datasets", {"name": "bakery"})
        self.cloud.control("authorization", {"demanded": True})
        folder = tempfile.TemporaryDirectory(prefix="busker-test-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name) / "bakery"
        shutil.copytree(workshop.SOURCE / "examples/article", self.root, ignore=shutil.ignore_patterns(".busker", "__pycache__", "container"))
        self.environment = self.as_a_person(pathlib.Path(folder.name))
        self.write_service_file()

    def as_a_person(self, folder):
        """Busker's environment: where the APIs are, and a person's login."""
        self.cloud.control("people", {"email": "ann@example.com", "refresh_token": "1//refresh-me", "client_id": "an id", "client_secret": "a secret"})
        (folder / "login.json").write_text(json.dumps({
            "type": "authorized_user", "client_id": "an id", "client_secret": "a secret", "refresh_token": "1//refresh-me",
            "quota_project_id": PROJECT, "token_uri": self.cloud.places["token_uri"]}))
        places = self.cloud.places
        return {**{name: value for name, value in os.environ.items() if not name.startswith(("GOOGLE_", "CLOUDSDK_", "STORAGE_"))},
                "GOOGLE_APPLICATION_CREDENTIALS": str(folder / "login.json"), "PYTHONDONTWRITEBYTECODE": "1",
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": places["storage"] + "/storage/v1/",
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY": places["bigquery"] + "/bigquery/v2/",
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": places["compute"] + "/",
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING": places["logging"],
                "PATH": f"{BUSKER.parent}:{os.environ['PATH']}"}

    def write_service_file(self, head="", tail=""):
        """That of the manual, with the registry of this test."""
        text, = (block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "[targets.cloud]" in block)
        text, times = re.subn(r'image = ".*"', f'image = "{self.registry.name}/bakery"', text)
        self.assertEqual(times, 1)
        (self.root / "busker.toml").write_text(f'{head}\n{text}\n{tail}\n[image]\nbase = "{self.registry.name}/python:1"\npython = "3.11"\n')

    def run_it(self, *words, limit=RUN_LIMIT):
        return subprocess.run([str(word) for word in words], cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=limit,
                              stdin=subprocess.DEVNULL)

    def must(self, *words, **options):
        done = self.run_it(*words, **options)
        if done.returncode != 0:
            self.fail(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}\n{self.consoles()}")
        return done.stdout

    def facts(self, *words):
        return json.loads(self.must(BUSKER, *words, "--json"))

    def consoles(self):
        """What the serial ports of the VMs said, for whoever reads a failure."""
        journals = {vm["name"]: self.cloud.call("GET", f"/_control/vms/{vm['zone']}/{vm['name']}/journal") for vm in self.cloud.vms()["vms"]}
        return "\n".join(f"{name}:\n{journal.body}" for name, journal in journals.items())

    def log(self, action):
        """The run's lines in Cloud Logging, in their order."""
        name = f"projects/{PROJECT}/logs/bakery-2019-07-01-{action}"
        answer = self.cloud.call("POST", "/v2/entries:list", {"resourceNames": [f"projects/{PROJECT}"], "filter": f'logName="{name}"',
                                                              "orderBy": "timestamp asc", "pageSize": 1000}, self.token())
        self.assertEqual(answer.status, 200, answer.body)
        return [entry["textPayload"] for entry in answer.data.get("entries", [])]

    def token(self):
        return {"Authorization": "Bearer " + self.cloud.control("tokens", {"email": "judge@example.com"})["token"]}

    def rows(self):
        """Of the predictions, as BigQuery has them and not as Busker says."""
        answer = self.cloud.call("POST", f"/bigquery/v2/projects/{PROJECT}/queries",
                                 {"query": "SELECT day, loaves FROM bakery.predictions ORDER BY day", "useLegacySql": False, "location": "US"}, self.token())
        self.assertEqual(answer.status, 200, answer.body)
        return [[cell["v"] for cell in row["f"]] for row in answer.data.get("rows", [])]

    def start_daemon(self):
        daemon = subprocess.Popen([str(BUSKER), "up", "-q"], cwd=self.root, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(daemon.wait, 60)
        self.addCleanup(daemon.send_signal, signal.SIGTERM)

    def left(self):
        there = self.cloud.vms()
        attempts = [name for name in self.cloud.objects("example-bakery") if name.startswith("_busker/") and not name.startswith("_busker/runners/")]
        return [one["name"] for one in there["vms"] + there["disks"]] + attempts

    def expect_nothing_left(self):
        """What a busker that has ended did not wait for, the next one takes away. It has nothing to run."""
        shutil.rmtree(self.root / "scheduler", ignore_errors=True)
        self.start_daemon()
        wait_until(lambda: not self.left(), "no VM, no disk and no object of an attempt is left", 180)
        self.engine.await_no_container()

    def expect_all_went_well(self):
        self.assertEqual([model["live"] for model in self.facts("models")][-1:], [True])
        rows = self.rows()
        self.assertEqual(len(rows), 7)
        for action in ("training", "application"):
            wait_until(lambda: self.log(action)[-1:] == ["Well done."], f"the log of {action} ends well: {self.log(action)[-5:]}", 60)
            self.assertEqual(self.log(action)[0], "Running the action...")
        self.assertTrue([line for line in self.log("training") if line.startswith("Learned from 140 days")])
        self.assertEqual(self.facts("fsck")["faults"], [])
        self.expect_nothing_left()

    def test_from_an_empty_project_to_a_delivered_table_as_the_manual_has_it(self):
        script = cloud_commands()
        self.assertGreaterEqual(script.count("\n"), 3)
        said = self.must("bash", "-euo", "pipefail", "-c", script, limit=2 * RUN_LIMIT)
        self.assertRegex(said, r"\b7\b")
        self.write_service_file('target = "cloud"')
        self.expect_all_went_well()
        self.assertEqual([run["target"] for run in self.facts("runs")], ["cloud", "cloud"])
        manifests = [name for name in self.cloud.objects("example-bakery") if name.endswith("/manifest.json")]
        self.assertEqual(sorted(name.rsplit("/", 2)[0] for name in manifests), ["bakery/2019-07-01/application", "bakery/2019-07-01/training"])
        version = json.loads(self.cloud.control("buckets/example-bakery/objects/" + manifests[0].replace("/", "%2F")))
        self.assertIn(f"{self.registry.name}/bakery@sha256:", version["image"])
        self.assertNotIn("1//refresh-me", json.dumps(self.cloud.vms()), "no VM is told of the person's login")

    def test_under_busker_up_on_a_schedule(self):
        """The instants are those of the file, which a minute of the test's own time brings about."""
        self.must(BUSKER, "build")
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=SOON)
        tail = (f'[actions.training]\nschedule = "{soon.minute} {soon.hour} * * *"\n[actions.application]\nafter = "training"\n')
        self.write_service_file('target = "cloud"', tail)
        (self.root / "scheduler/configs/application.json").unlink()  # whose last instant may be caught up with first
        self.start_daemon()
        done = lambda: {run["action"]: run["state"] for run in self.facts("runs")}  # noqa: E731
        wait_until(lambda: done().get("application") in ("succeeded", "failed"), "both ran", SOON + RUN_LIMIT)
        self.assertEqual(done(), {"training": "succeeded", "application": "succeeded"}, self.facts("runs"))
        self.expect_all_went_well()

    def test_the_articles_graph_files_with_the_makefile(self):
        self.write_service_file('target = "cloud"')
        self.must("make", "build")
        for action in ("training", "application"):
            self.must(BUSKER, "graph", "run", f"scheduler/configs/{action}.json")
        self.assertIn("Predicted 7 days", self.must("make", "log") + self.must(BUSKER, "logs", "application"))
        self.expect_all_went_well()

    def test_in_an_image_that_has_nothing_but_the_program(self):
        """No shell, no certificates, no /tmp, no /etc: the runner brings all that it needs to speak to the bucket."""
        service = workshop.Service(workshop.SERVICE_FILE.replace("./model.sh", "./busybox sh ./model.sh") + f"""
            [targets.cloud]
            executor = "compute-engine://{PROJECT}/europe-west1-b?machine_type=e2-standard-2"
            service_account = "{ACCOUNT}"
            image = "{self.registry.name}/shop"
            artifacts = "gs://example-bakery"
            """, training=workshop.TRAINING + "echo trained\n")
        self.addCleanup(service.close)
        image = io.BytesIO()
        with tarfile.open(fileobj=image, mode="w") as tar:
            tar.add(service.folder, "service", filter=engine.in_image)
            tar.add(engine.BUSYBOX, "service/busybox")
        self.registry.put_base("shop:1", image.getvalue())
        self.root = service.folder
        for action in ("training", "application"):
            self.must(BUSKER, "run", action, "--target", "cloud")
        self.assertIn("trained", self.must(BUSKER, "logs", "training"))
        version, = self.facts("models", "--target", "cloud")
        self.assertTrue(version["live"])
        self.assertIn(f"shop/1/training/{version['version']}/model.txt", self.cloud.objects("example-bakery"))
        self.assertEqual(service.rows(), 2)
        self.expect_nothing_left()


if __name__ == "__main__":
    unittest.main()
