"""Notices that do not arrive are told: in the log of busker up, and by busker status."""

import re
import subprocess
import unittest

from workshop import BUSKER, Service, wait_until

SERVICE = """
name = "shop"
version = "1"
[model]
command = "false"
[actions.training]
[notify]
webhook = "http://ann:password@127.0.0.1:1/hooks/token"
"""


class UndeliveredTest(unittest.TestCase):
    def test_a_webhook_that_does_not_work_is_told_of(self):
        # A webhook that never worked left no trace: not in the log, nor in busker status.
        service = Service(service_file=SERVICE)
        self.addCleanup(service.close)
        log = service.folder / "up.log"
        with log.open("w") as out:
            up = subprocess.Popen([str(BUSKER), "up", "-C", str(service.folder)], stdout=out, stderr=out,
                                  stdin=subprocess.DEVNULL)
        self.addCleanup(up.wait)
        self.addCleanup(up.terminate)
        wait_until(lambda: "is up" in log.read_text(), "busker is up")
        service.must("start", "training")
        wait_until(lambda: service.facts("status")["undelivered"], "the notice is told of", 30)
        one = service.facts("status")["undelivered"][0]
        self.assertEqual((one["to"], one["notices"], one["tries"]), ("http://127.0.0.1:1", 1, 2))
        self.assertRegex(service.must("status"),
                         r"notices: 1 could not be delivered to http://127\.0\.0\.1:1 \(2 tries\): .+; next try at \d{4}-")
        said = re.findall(r'the notice "failed" of shop/training could not be delivered to (.*)', log.read_text())
        self.assertEqual(len(said), 1, log.read_text())
        self.assertTrue(said[0].startswith("http://127.0.0.1:1, at the second try, too: "), said)
        for text in (log.read_text(), service.must("status"), str(service.facts("status"))):
            self.assertNotIn("password", text)
            self.assertNotIn("token", text.replace("busker token", ""))


if __name__ == "__main__":
    unittest.main()
