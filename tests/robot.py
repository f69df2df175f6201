"""Who a test is at the stand-in for Google Cloud: a robot with a key, and nobody else of whom this machine knows."""

import json
import os
import subprocess

ACCOUNT = "robot@example-project.iam.gserviceaccount.com"
VARIABLES = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_QUOTA_PROJECT", "CLOUDSDK_CONFIG", "GCE_METADATA_HOST",
             "STORAGE_EMULATOR_HOST")


def forget_others(test, *more):
    """Of this machine's environment, what says who one is or where Google is, until the test's end; with `more` variables."""
    before = {name: os.environ.pop(name, None) for name in (*VARIABLES, *more)}
    test.addCleanup(lambda: [os.environ.pop(name, None) if value is None else os.environ.update({name: value})
                             for name, value in before.items()])


def key_at(cloud, folder):
    """The robot's key, as a dictionary of Google's kind; the cloud knows it."""
    private = folder / "key.pem"
    subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, capture_output=True)
    public = subprocess.run(["openssl", "rsa", "-in", private, "-pubout"], check=True, capture_output=True, text=True).stdout
    cloud.control("accounts", {"email": ACCOUNT, "key_id": "k1", "public_key": public})
    return {"type": "service_account", "client_email": ACCOUNT, "private_key_id": "k1", "private_key": private.read_text()}


def key_file_at(cloud, service):
    return str(service.write("key.json", json.dumps(key_at(cloud, service.folder))))
