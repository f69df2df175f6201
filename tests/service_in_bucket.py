"""A service whose artifacts are in a bucket of Cloud Storage, for which the stand-in of tests/cloud stands in: the
beginning of tests, with none of its own."""

import os
import unittest

import workshop
from cloud.client import StandIn
from workshop import Service


class ServiceInBucket(unittest.TestCase):
    def setUp(self):
        self.cloud = StandIn()
        self.addCleanup(self.cloud.close)
        self.cloud.control("buckets", {"name": "bucket"})
        self.service = Service()
        self.addCleanup(self.service.close)
        self.service.write("busker.toml", workshop.SERVICE_FILE + '\n[targets.cloud]\nartifacts = "gs://bucket/models"\n')
        os.environ["STORAGE_EMULATOR_HOST"] = self.cloud.place
        self.addCleanup(os.environ.pop, "STORAGE_EMULATOR_HOST", None)

    def tearDown(self):
        self.assertEqual(self.cloud.control("violations")["violations"], [])

    def run_at(self, *words):
        return self.service.must(*words, "--target", "cloud")

    def facts_at(self, *words):
        return self.service.facts(*words, "--target", "cloud")
