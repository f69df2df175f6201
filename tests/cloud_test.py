"""The artifact store and the loop against fake-gcs-server, which others wrote and which knows nothing of our client: a second
opinion on what the API is. It honours no condition of a delete and cannot tell how far a session came, so those are
judged by the strict server alone (bucket_test.py and the store's own tests)."""

import json
import os
import pathlib
import socket
import subprocess
import unittest
import urllib.request

import workshop
from workshop import Service, wait_until

SERVER = pathlib.Path(__file__).resolve().parent.parent / "build" / "deps" / "fake-gcs-server"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


class CloudTest(unittest.TestCase):
    def setUp(self):
        port = free_port()
        self.place = f"127.0.0.1:{port}"
        server = subprocess.Popen(
            [str(SERVER), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory", "-public-host",
             self.place, "-external-url", f"http://{self.place}", "-log-level", "error"])
        self.addCleanup(server.wait, 30)
        self.addCleanup(server.terminate)
        wait_until(lambda: answers(port), "fake-gcs-server is up")
        body = json.dumps({"name": "bucket"}).encode()
        urllib.request.urlopen(urllib.request.Request(f"http://{self.place}/storage/v1/b?project=test", body,
                                                      {"Content-Type": "application/json"}), timeout=30).close()

    def test_the_store_passes_its_exam(self):
        done = subprocess.run([str(workshop.BUSKER.parent / "artifact_test"), "--gtest_filter=ForeignGcs/*"],
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


if __name__ == "__main__":
    unittest.main()
