"""busker doctor: each thing that is missing is told before the first run, with the command that mends it."""

import http.server
import json
import os
import threading
import unittest

import workshop
from cloud.client import StandIn
from robot import ACCOUNT, forget_others, key_file_at
from workshop import Service

RUNNER = "runner@example-project.iam.gserviceaccount.com"
APIS = {"STORAGE": "storage", "BIGQUERY": "bigquery", "COMPUTE": "compute", "LOGGING": "logging", "CLOUDRESOURCEMANAGER": "url", "IAM": "url"}
TARGET = f"""
[targets.cloud]
executor = "compute-engine://example-project/europe-west1-b,us-central1-a?machine_type=e2-standard-2"
service_account = "{RUNNER}"
image = "127.0.0.1:1/shop"
artifacts = "gs://bucket/models"
warehouse = "bigquery://example-project"
log = "cloud-logging://example-project"
"""


class DoctorTest(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)

    def found(self, *words, code=None, **options):
        done = self.service.busker("doctor", *words, "--json", **options)
        self.assertIn(done.returncode, (0, 1) if code is None else (code,), done.stderr)
        findings = json.loads(done.stdout)
        self.assertEqual(done.returncode, int(any(one["state"] == "fault" for one in findings)))
        return findings

    def one(self, what, findings):
        """The finding of that name which is worst."""
        named = [one for one in findings if one["check"] == what]
        self.assertTrue(named, f"{what} in {findings}")
        return max(named, key=lambda one: ("ok", "doubt", "fault").index(one["state"]))


class MachineTest(DoctorTest):
    def test_this_machine_has_what_runs_need(self):
        findings = self.found()
        for what in ("DuckDB", "time zones", "disk", "open files", "processes", "file watches", "memory groups", "git", "container engine"):
            self.assertNotEqual(self.one(what, findings)["state"], "fault", what)
        self.assertRegex(self.one("DuckDB", findings)["message"], r"^v1\.")
        done = self.service.busker("doctor")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("ok    DuckDB: v1.", done.stdout)

    def test_what_is_missing_is_told_with_what_mends_it(self):
        found = self.one("DuckDB", self.found(code=1, env={**os.environ, "BUSKER_DUCKDB": "/dev/null"}))
        self.assertEqual(found["state"], "fault")
        self.assertIn("BUSKER_DUCKDB", found["remedy"])
        few = self.service.busker("doctor", preexec_fn=lambda: __import__("resource").setrlimit(__import__("resource").RLIMIT_NOFILE, (200, 200)))
        self.assertIn("doubt open files: at most 200; to mend it: ulimit -n", few.stdout)
        git = self.one("git", self.found(env={**os.environ, "PATH": "/nowhere"}))
        self.assertEqual((git["state"], git["remedy"]), ("doubt", "sudo apt-get install git"))

    def test_an_engine_that_is_not_there_matters_to_targets_that_need_it(self):
        nowhere = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
        self.assertEqual(self.one("container engine", self.found(env=nowhere))["state"], "ok")
        self.service.write("busker.toml", workshop.SERVICE_FILE + '\n[targets.box]\nexecutor = "docker://"\nimage = "shop"\n')
        findings = self.found("--target", "box", code=1, env=nowhere)
        self.assertEqual(self.one("container engine", findings)["state"], "fault")
        self.assertIn("busker build --target box", self.one("image", findings)["remedy"])

    def test_without_a_service_the_machine_is_looked_at_all_the_same(self):
        for file in ("busker.toml", "model.sh", "configs/training.sh", "configs/application.sh"):
            (self.service.folder / file).unlink()
        (self.service.folder / "configs").rmdir()
        self.one("DuckDB", self.found())
        self.assertEqual(self.service.busker("doctor", "--target", "cloud").returncode, 3)

    def test_a_file_at_fault_is_a_fault(self):
        self.service.write("busker.toml", "nam = 1\n")
        self.assertIn("busker.toml:1:1", self.one("service file", self.found(code=1))["message"])


class EmptyRegistry(http.server.BaseHTTPRequestHandler):
    """Has no image."""

    def do_GET(self):
        self.send_response(200 if self.path == "/v2/" else 404)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


class CloudTest(DoctorTest):
    def setUp(self):
        super().setUp()
        registry = http.server.ThreadingHTTPServer(("127.0.0.1", 0), EmptyRegistry)
        threading.Thread(target=registry.serve_forever, daemon=True).start()
        self.addCleanup(registry.server_close)
        self.addCleanup(registry.shutdown)
        self.target = TARGET.replace("127.0.0.1:1", f"127.0.0.1:{registry.server_port}")
        self.cloud = StandIn()
        self.addCleanup(self.cloud.close)
        self.cloud.control("authorization", {"demanded": True})
        self.cloud.control("buckets", {"name": "bucket", "location": "EUROPE-WEST1"})
        self.cloud.control("datasets", {"name": "shop", "location": "europe-west1"})
        self.service.write("busker.toml", workshop.SERVICE_FILE + self.target)
        forget_others(self, "DOCKER_HOST", "DOCKER_CONFIG", *(f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}" for name in APIS))
        for name, place in APIS.items():
            os.environ[f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}"] = self.cloud.places[place]
        os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = key_file_at(self.cloud, self.service)

    def at_cloud(self):
        return self.found("--target", "cloud")

    def told(self, what, message, remedy, state="fault"):
        found = self.one(what, self.at_cloud())
        self.assertEqual(found["state"], state, found)
        self.assertIn(message, found["message"])
        self.assertIn(remedy, found["remedy"] or "")

    def test_where_all_is_there_all_is_well(self):
        findings = self.at_cloud()
        for what in ("credentials", "bucket", "bucket's rights", "BigQuery", "data set", "tables' rights", "Cloud Logging", "zone", "quota",
                     "VMs' rights", "service account", "clock"):
            self.assertEqual(self.one(what, findings)["state"], "ok", self.one(what, findings))
        self.assertIn("service_account in ", self.one("credentials", findings)["message"])
        self.assertEqual(len([one for one in findings if one["check"] == "zone"]), 2)
        self.assertEqual(self.one("image", findings)["state"], "fault", "it is in no registry")
        self.assertEqual(self.cloud.control("entries")["entries"], [], "it only looks")
        self.assertEqual(self.cloud.vms()["vms"], [])

    def test_each_permission_that_is_not_held_is_told_with_its_role(self):
        cases = [("storage.objects.create", "bucket's rights", "--role=roles/storage.objectUser", "fault"),
                 ("storage.objects.delete", "bucket's rights", "gcloud storage buckets add-iam-policy-binding gs://bucket", "fault"),
                 ("bigquery.jobs.create", "BigQuery", "roles/bigquery.jobUser", "fault"),
                 ("bigquery.tables.updateData", "tables' rights", "roles/bigquery.dataEditor", "doubt"),
                 ("logging.logEntries.create", "Cloud Logging", "roles/logging.logWriter", "fault"),
                 ("compute.instances.create", "VMs' rights", "roles/compute.instanceAdmin.v1", "fault"),
                 ("compute.instances.delete", "VMs' rights", f"--member=serviceAccount:{ACCOUNT}", "fault"),
                 ("iam.serviceAccounts.actAs", "service account", f"gcloud iam service-accounts add-iam-policy-binding {RUNNER}", "fault")]
        for permission, what, remedy, state in cases:
            with self.subTest(permission):
                self.cloud.control("denied", {"email": ACCOUNT, "permission": permission})
                self.told(what, permission, remedy, state)
                self.cloud.control("denied", method="DELETE")

    def test_who_may_use_a_bucket_need_not_be_permitted_to_look_at_it(self):
        self.cloud.control("denied", {"email": ACCOUNT, "permission": "storage.buckets.get"})
        self.assertEqual(self.one("bucket's rights", self.at_cloud())["state"], "ok")

    def test_what_is_not_there_is_told_with_the_command_that_makes_it(self):
        cases = [(self.target.replace("gs://bucket", "gs://other"), "bucket", "there is no bucket gs://other",
                  "gcloud storage buckets create gs://other --project=example-project --location=europe-west1"),
                 (self.target.replace("bigquery://example-project", "bigquery://example-project/games"), "data set", "no data set games",
                  "bq --location=EUROPE-WEST1 mk --dataset example-project:games"),
                 (self.target.replace("europe-west1-b,", "mars-north1-a,"), "zone", "there is no zone mars-north1-a", "gcloud compute zones list"),
                 (self.target.replace("e2-standard-2", "e2-standard-3"), "machine type", "has no machines of type e2-standard-3",
                  "gcloud compute machine-types list --zones=europe-west1-b")]
        for target, what, message, remedy in cases:
            with self.subTest(what):
                self.service.write("busker.toml", workshop.SERVICE_FILE + target)
                self.told(what, message, remedy)
        self.service.write("busker.toml", workshop.SERVICE_FILE + self.target)
        self.cloud.control("absent", {"email": RUNNER})
        self.told("service account", "does not exist", "gcloud iam service-accounts create")

    def test_places_that_do_not_fit_are_told(self):
        self.cloud.control("datasets", {"name": "far", "location": "asia-east1"})
        self.service.write("busker.toml", workshop.SERVICE_FILE + self.target.replace("bigquery://example-project", "bigquery://example-project/far"))
        self.told("data set", "far is in ASIA-EAST1 and the bucket in EUROPE-WEST1", "bq --location=EUROPE-WEST1 mk")

    def test_a_bucket_in_a_region_fits_a_data_set_in_the_eu(self):
        self.cloud.control("datasets", {"name": "wide", "location": "EU"})
        self.service.write("busker.toml", workshop.SERVICE_FILE + self.target.replace("bigquery://example-project", "bigquery://example-project/wide"))
        self.told("data set", "wide is in EU", "", "ok")

    def test_a_quota_that_is_used_up_is_told(self):
        self.cloud.control("limits", {"region": "europe-west1", "metric": "CPUS", "limit": 1})
        self.told("quota", "CPUS in europe-west1 has 1 left, and a VM needs 2", "iam-admin/quotas?project=example-project")

    def test_an_api_that_is_not_enabled_is_told_once(self):
        cases = {"GET /storage": "storage", "POST /bigquery": "bigquery", "POST /v2/entries": "logging", "GET /compute": "compute",
                 "POST /v1/projects/example-project:test": "cloudresourcemanager", "POST /v1/projects/-/serviceAccounts": "iam"}
        for part, api in cases.items():
            with self.subTest(api):
                self.cloud.misbehave("answer", part, -1, status=403, reason="accessNotConfigured",
                                     message="The API has not been used in project 1 before or it is disabled.")
                remedies = [one["remedy"] for one in self.at_cloud() if one["state"] == "fault"]
                self.cloud.behave()
                self.assertEqual(remedies.count(f"gcloud services enable {api}.googleapis.com --project=example-project"), 1, remedies)

    def test_an_api_that_does_not_answer_is_told_once(self):
        os.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"] = "http://127.0.0.1:1"
        findings = self.at_cloud()
        self.assertEqual(len([one for one in findings if "127.0.0.1:1" in one["message"] and one["check"] != "image"]), 1, findings)
        self.assertEqual(self.one("bucket", findings)["state"], "ok")

    def test_credentials_that_are_not_there_are_the_one_thing_that_is_told(self):
        del os.environ["GOOGLE_APPLICATION_CREDENTIALS"]
        os.environ["CLOUDSDK_CONFIG"] = str(self.service.folder / "nothing")
        findings = self.at_cloud()
        self.assertEqual(self.one("credentials", findings)["remedy"], "gcloud auth application-default login")
        self.assertNotIn("bucket", [one["check"] for one in findings])

    def test_a_clock_that_is_wrong_is_told(self):
        self.cloud.advance(120)
        self.told("clock", "behind Google's", "timedatectl set-ntp true", "doubt")


if __name__ == "__main__":
    unittest.main()
