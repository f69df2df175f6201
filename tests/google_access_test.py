"""The loop as each kind of whom Google knows: the stand-in of tests/cloud lets nobody in without a token."""

import json
import os
import pathlib
import unittest

import workshop
from cloud.client import StandIn
from cloud.stage import COS, SCOPE, wait_until
from robot import ACCOUNT, forget_others, key_at
from workshop import Service

POOL = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/ci"


class GoogleAccessTest(unittest.TestCase):
    def setUp(self):
        self.cloud = StandIn()
        self.addCleanup(self.cloud.close)
        self.cloud.control("buckets", {"name": "bucket"})
        self.cloud.control("authorization", {"demanded": True})
        self.service = Service()
        self.addCleanup(self.service.close)
        self.service.write("busker.toml", workshop.SERVICE_FILE + '\n[targets.cloud]\nartifacts = "gs://bucket/models"\n')
        forget_others(self, "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", "HOME")
        os.environ["HOME"] = str(self.service.folder)
        os.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE"] = self.cloud.places["storage"] + "/storage/v1/"

    def file(self, name, content):
        path = self.service.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    def login(self):
        self.cloud.control("people", {"email": "ann@example.com", "refresh_token": "1//refresh-me", "client_id": "an id",
                                      "client_secret": "a secret"})
        return {"type": "authorized_user", "client_id": "an id", "client_secret": "a secret", "refresh_token": "1//refresh-me",
                "quota_project_id": self.cloud.project, "token_uri": self.cloud.places["token_uri"]}

    def impersonation(self):
        return f"{self.cloud.places['iamcredentials']}/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"

    def loop(self, secrets=()):
        """Training, application and a look at both, by busker and the runners that it starts. No secret is left anywhere."""
        for action in ("training", "application"):
            self.service.must("run", action, "--target", "cloud")
        self.assertEqual([m["live"] for m in self.service.facts("models", "--target", "cloud")], [True])
        self.assertEqual(len([name for name in self.cloud.objects("bucket") if name.endswith("/manifest.json")]), 2)
        self.assertEqual(self.cloud.control("violations")["violations"], [])
        kept = b"".join(path.read_bytes() for path in self.service.home.rglob("*") if path.is_file())
        self.assertGreater(len(kept), 1000)
        for secret in ("ya29.", "Bearer ", *secrets):
            self.assertNotIn(secret.encode(), kept)

    def test_the_key_of_a_service_account_signs(self):
        key = key_at(self.cloud, self.service.folder)
        os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = self.file("key.json", key)
        self.loop([key["private_key"].splitlines()[3]])
        self.assertEqual(self.cloud.requests("token"), [])

    def test_a_machine_of_googles_has_an_account_of_its_own(self):
        self.cloud.control("authorization", {"demanded": False})
        self.cloud.control("pace", {"operation_s": 0.02, "soft_off_s": [0.2, 0.1]})
        instances = f"/compute/v1/projects/{self.cloud.project}/zones/europe-west1-b/instances"
        made = self.cloud.call("POST", instances, {
            "name": "vm", "machineType": "zones/europe-west1-b/machineTypes/e2-small", "networkInterfaces": [{}],
            "serviceAccounts": [{"email": ACCOUNT, "scopes": [SCOPE]}],
            "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": COS}}]})
        self.assertEqual(made.status, 200, made.body)
        self.addCleanup(lambda: wait_until(lambda: not self.cloud.vms()["vms"], "the VM is deleted"))
        self.addCleanup(self.cloud.happens, "delete", "europe-west1-b", "vm")
        os.environ["GCE_METADATA_HOST"] = wait_until(
            lambda: self.cloud.vms()["vms"] and self.cloud.vms()["vms"][0]["metadata_server"], "it runs")
        self.cloud.control("authorization", {"demanded": True})
        self.loop()

    def test_a_person_who_logged_in_by_gcloud(self):
        self.file(".config/gcloud/application_default_credentials.json", self.login())
        self.loop(["refresh-me", "a secret"])
        self.assertTrue(self.cloud.requests("POST /token"))

    def test_a_person_without_a_project_is_told_how_to_name_one(self):
        login = self.login()
        del login["quota_project_id"]
        os.environ["CLOUDSDK_CONFIG"] = str(pathlib.Path(self.file("gcloud/application_default_credentials.json", login)).parent)
        done = self.service.busker("run", "training", "--target", "cloud")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("gcloud auth application-default set-quota-project", done.stdout + done.stderr)
        os.environ["GOOGLE_CLOUD_QUOTA_PROJECT"] = self.cloud.project
        self.loop(["refresh-me"])

    def test_a_login_that_was_revoked_is_told(self):
        login = self.login()
        login["refresh_token"] = "1//another"
        self.file(".config/gcloud/application_default_credentials.json", login)
        done = self.service.busker("run", "training", "--target", "cloud")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("revoked; log in again by `gcloud auth application-default login`", done.stdout + done.stderr)
        self.assertNotIn("1//another", done.stdout + done.stderr)

    def test_a_person_acts_as_a_service_account(self):
        self.cloud.control("accounts", {"email": "ann@example.com", "may_become": [ACCOUNT]})
        os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = self.file("as.json", {
            "type": "impersonated_service_account", "service_account_impersonation_url": self.impersonation(),
            "source_credentials": self.login()})
        os.environ["GOOGLE_CLOUD_QUOTA_PROJECT"] = self.cloud.project
        self.loop(["refresh-me"])
        self.assertTrue(self.cloud.requests(":generateAccessToken"))

    def test_who_may_not_act_as_an_account_is_told(self):
        os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = self.file("as.json", {
            "type": "impersonated_service_account", "service_account_impersonation_url": self.impersonation(),
            "source_credentials": self.login()})
        done = self.service.busker("run", "training", "--target", "cloud")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("Service Account Token Creator", done.stdout + done.stderr)

    def test_another_providers_token_is_exchanged(self):
        self.cloud.control("pools", {"audience": POOL})
        self.cloud.control("buckets", {"name": "theirs"})
        self.cloud.call("PUT", "/_control/buckets/theirs/objects/token", b"their-own-token")
        federated = {"type": "external_account", "audience": POOL, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                     "token_url": self.cloud.places["sts"]}
        with self.subTest("from a file"):
            source = {"file": self.file("subject", "their-own-token\n")}
            os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = self.file("ci.json", {**federated, "credential_source": source})
            self.loop(["their-own-token"])
        with self.subTest("from a server, as an account"):
            self.cloud.control("accounts", {"email": f"principal:{POOL}", "may_become": [ACCOUNT]})
            source = {"url": f"http://{self.cloud.place}/_control/buckets/theirs/objects/token", "format": {"type": "text"}}
            os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = self.file("ci.json", {
                **federated, "credential_source": source, "service_account_impersonation_url": self.impersonation()})
            self.service.must("run", "training", "--target", "cloud")
            self.assertTrue(self.cloud.requests(":generateAccessToken"))

    def test_tokens_that_end_are_replaced(self):
        self.file(".config/gcloud/application_default_credentials.json", self.login())
        self.service.must("run", "training", "--target", "cloud")
        self.cloud.control("authorization", {"end_tokens": True})
        self.service.must("run", "application", "--target", "cloud")


if __name__ == "__main__":
    unittest.main()
