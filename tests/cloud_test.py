"""Second opinions on what Google's APIs are. The artifact store and the loop against fake-gcs-server, which others wrote and which
knows nothing of our client; it honours no condition of a delete and cannot tell how far a session came, so those are
judged by strict servers alone (bucket_test.py and the store's own tests). And Google's own clients, where they are installed, against our
stand-in (tests/cloud), of which they know nothing."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest
import urllib.request

import workshop
from cloud.client import StandIn
from workshop import Service, free_port, wait_until

SERVER = pathlib.Path(__file__).resolve().parent.parent / "build" / "deps" / "fake-gcs-server"


def answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


class CloudTest(unittest.TestCase):
    def setUp(self):
        port, self.tls_port = free_port(), free_port()
        self.place = f"127.0.0.1:{port}"
        server = subprocess.Popen(
            [str(SERVER), "-scheme", "both", "-host", "127.0.0.1", "-port", str(self.tls_port), "-port-http", str(port), "-backend", "memory", "-public-host",
             self.place, "-external-url", f"http://{self.place}", "-log-level", "error"])
        self.addCleanup(server.wait, 30)
        self.addCleanup(server.terminate)
        wait_until(lambda: answers(port), "fake-gcs-server is up")
        body = json.dumps({"name": "bucket"}).encode()
        urllib.request.urlopen(urllib.request.Request(f"http://{self.place}/storage/v1/b?project=test", body,
                                                      {"Content-Type": "application/json"}), timeout=30).close()

    def test_the_store_passes_its_exam(self):
        done = subprocess.run([str(workshop.BUSKER.parent / "artifact_test"), 
                               "--gtest_filter=ForeignGcs/*-*OnlyWhatIsAsItWasListedIsRemoved*"],  # a condition of a delete
                              env={**os.environ, "BUSKER_FOREIGN_GCS": self.place}, capture_output=True, text=True,
                              timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout[-5000:])
        self.assertIn("ForeignGcs/StoreConformance", done.stdout)

    def test_the_loop_happens_there(self):
        os.environ["STORAGE_EMULATOR_HOST"] = self.place
        self.addCleanup(os.environ.pop, "STORAGE_EMULATOR_HOST", None)
        service = Service()
        self.addCleanup(service.close)
        service.write("busker.toml", workshop.SERVICE_FILE + '\n[targets.cloud]\nartifacts = "gs://bucket/models"\n')
        for action in ("training", "application"):
            service.must("run", action, "--target", "cloud")
        self.assertEqual([m["live"] for m in service.facts("models", "--target", "cloud")], [True])
        self.assertEqual(service.facts("query", "SELECT count(*) AS n FROM shop.predictions", "--target", "cloud"), [{"n": 2}])
        self.assertEqual(service.facts("fsck", "--target", "cloud")["faults"], [])
        if shutil.which("gsutil"):
            self.expect_gsutil_lists_the_newest(service)

    def expect_gsutil_lists_the_newest(self, service):
        """By the article's own line, which applications that were not moved yet go on using; gsutil speaks nothing but TLS."""
        service.must("run", "training", "--target", "cloud")
        newest = service.facts("models", "--target", "cloud")[-1]["version"]
        settings = {"Credentials:gs_json_host": "127.0.0.1", "Credentials:gs_json_port": self.tls_port, "Boto:https_validate_certificates": "False",
                    "GSUtil:default_project_id": "test"}
        gsutil = " ".join(["gsutil", *(f"-o {name}={value}" for name, value in settings.items())])
        done = subprocess.run(f"{gsutil} ls gs://bucket/models/shop/1/training 2> /dev/null | sort | tail -1", shell=True, capture_output=True, text=True,
                              timeout=120, env={**os.environ, "BOTO_CONFIG": os.devnull, "HOME": str(service.folder)})
        self.assertEqual(done.stdout.strip(), f"gs://bucket/models/shop/1/training/{newest}/")


@unittest.skipUnless(shutil.which("gcloud"), "gcloud is not installed")
class GoogleClientsTest(unittest.TestCase):
    """What gcloud and bq send is taken, and what they are answered they understand."""

    @classmethod
    def setUpClass(cls):
        cls.cloud = StandIn()
        cls.addClassCleanup(cls.cloud.close)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        url = cls.cloud.places["url"]
        cls.environment = {**os.environ, "CLOUDSDK_CONFIG": str(cls.folder), "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
                           "CLOUDSDK_CORE_PROJECT": cls.cloud.project, "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
                           "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"{url}/storage/v1/",
                           "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"{url}/compute/v1/",
                           "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING": f"{url}/"}
        cls.cloud.control("buckets", {"name": "bucket"})
        cls.cloud.control("datasets", {"name": "shop"})

    def run_it(self, *words):
        return subprocess.run([str(word) for word in words], env=self.environment, capture_output=True, text=True, timeout=120)

    def must(self, *words):
        done = self.run_it(*words)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def fails(self, part, *words):
        done = self.run_it(*words)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(part, done.stdout + done.stderr)

    def test_storage(self):
        file, large = self.folder / "a.txt", self.folder / "large"
        file.write_text("hello\n")
        large.write_bytes(os.urandom(9_000_000))
        self.must("gcloud", "storage", "cp", file, "gs://bucket/a.txt", "--if-generation-match=0")
        self.fails("pre-conditions", "gcloud", "storage", "cp", file, "gs://bucket/a.txt", "--if-generation-match=0")
        self.assertEqual(self.must("gcloud", "storage", "cat", "gs://bucket/a.txt"), "hello\n")
        self.must("gcloud", "storage", "cp", large, "gs://bucket/large")
        self.assertTrue(self.cloud.requests("PUT /resumable/upload/"))
        self.must("gcloud", "storage", "rm", "gs://bucket/a.txt")
        self.assertEqual(self.must("gcloud", "storage", "ls", "gs://bucket/l*"), "gs://bucket/large\n")

    def test_compute_engine_and_logging(self):
        create = ("gcloud", "compute", "instances", "create", "vm", "--zone=europe-west1-b", "--machine-type=e2-small",
                  "--image-project=cos-cloud", "--image-family=cos-stable", "--max-run-duration=1h",
                  "--instance-termination-action=DELETE", "--labels=busker-home=h1")
        self.cloud.misbehave("stock_out", "europe-west1-b/vm")
        self.fails("code: ZONE_RESOURCE_POOL_EXHAUSTED", *create)
        self.must(*create)
        self.fails("already exists", *create)
        listed = self.must("gcloud", "compute", "instances", "list", "--filter=labels.busker-home=h1", "--format=value(name,status)")
        self.assertEqual(listed.split(), ["vm", "RUNNING"])
        self.assertIn("boot 1", self.must("gcloud", "compute", "instances", "get-serial-port-output", "vm", "--zone=europe-west1-b"))
        self.must("gcloud", "compute", "instances", "delete", "vm", "--zone=europe-west1-b", "--quiet")
        kinds = self.must("gcloud", "compute", "operations", "list", "--format=value(operationType)").split()
        self.assertEqual(sorted(kinds), ["delete", "insert", "insert"])
        self.must("gcloud", "logging", "write", "busker", "a line", "--severity=ERROR")
        self.assertIn("a line", self.must("gcloud", "logging", "read", f'logName="projects/{self.cloud.project}/logs/busker"'))

    def test_bigquery(self):
        found = pathlib.Path(shutil.which("gcloud")).resolve().parents[1] / "platform/bq/discovery_next/bigquery.json"
        if not shutil.which("bq") or not found.exists():
            self.skipTest("bq is not installed, or another than was known here")
        self.cloud.call("PUT", "/_control/buckets/bucket/objects/p.csv", b"a,1\nb,2\n")
        token = self.cloud.control("tokens", {"email": "a@example"})["token"]
        bq = ("bq", f"--bigqueryrc={os.devnull}", "--api", self.cloud.places["url"], f"--oauth_access_token={token}",
              f"--discovery_file={found}", f"--project_id={self.cloud.project}")
        load = (*bq, "--location=US", "load", "--source_format=CSV", "--replace", "shop.t", "gs://bucket/p.csv", "who:STRING,n:INTEGER")
        self.must(*load)
        self.must(*load)
        answer = self.must(*bq, "--format=json", "--location=US", "query", "--use_legacy_sql=false", "SELECT SUM(n) AS s FROM shop.t")
        self.assertIn('[{"s":"3"}]', answer)


if __name__ == "__main__":
    unittest.main()
