"""What the exams of the stand-in share."""

import time
import unittest

from .client import StandIn

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
COS = "projects/cos-cloud/global/images/family/cos-stable"


def wait_until(condition, what, limit=60):
    deadline = time.monotonic() + limit
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {limit} s in vain: {what}")
        time.sleep(0.01)
    return found


class Stage(unittest.TestCase):
    """One stand-in for each class; what went wrong is forgotten after each test."""

    @classmethod
    def setUpClass(cls):
        cls.cloud = StandIn()
        cls.addClassCleanup(cls.cloud.close)
        cls.project = cls.cloud.project

    def tearDown(self):
        self.cloud.behave()

    def call(self, *words, **options):
        return self.cloud.call(*words, **options)

    def refused(self, status, part, *words, **options):
        answer = self.call(*words, **options)
        self.assertEqual(answer.status, status, answer.body)
        self.assertIn(part.encode(), answer.body)
        return answer

    def good(self, *words, **options):
        answer = self.call(*words, **options)
        self.assertEqual(answer.status // 100, 2, answer.body)
        return answer.data if answer.body and "json" in answer.headers["Content-Type"] else answer.body
