"""What stands between a gate and the live pointer: somebody's approval, a pin, a test on unseen data."""

import json
import re
import subprocess
import unittest
import urllib.error
import urllib.request

import workshop
from workshop import SERVICE_FILE, TRAINING, Service

TESTING = """
[actions.testing]
input = "candidate"
"""
TEST = """
grep -q "a model of" output/model.txt
test -z "${TESTED_AUC:-}" || exit 3
echo '{"auc": 0.75}' > output/metrics.json
"""


class ApprovalTest(unittest.TestCase):
    def start(self, service_file):
        self.service = Service(service_file=service_file)
        self.addCleanup(self.service.close)

    def fails(self, code, *words, says):
        done = self.service.busker(*words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(says, done.stdout + done.stderr)

    def train(self, day, *words):
        shown = self.service.must("run", "training", "--date", f"2019-08-0{day}", *words)
        return shown, self.service.facts("models")[-1]["version"]

    def test_a_version_waits_until_somebody_approves_it(self):
        self.start(SERVICE_FILE.replace("[actions.training]", "[actions.training]\nrequire_approval = true"))
        shown, first = self.train(1, "--strict")
        self.assertIn(f"{first} passed: nothing is live yet; it waits for approval: busker promote {first}", shown)
        self.assertIsNone(self.service.facts("status")["live"])
        _, second = self.train(2)
        status = self.service.facts("status")
        self.assertEqual((status["live"], status["waits"]), (None, second))
        for verb in ("status", "models"):
            shown = self.service.must(verb)
            self.assertIn(f"{second} waits for approval since", shown)
            self.assertNotIn(f"{first} waits for approval since", shown)
        self.assertEqual([model["waits"] for model in self.service.facts("models")], [False, True])
        self.assertIn("waits for approval", self.service.must("show", second))
        self.service.must("promote", second, "--why", "looked at the curves", "--by", "mari")
        status = self.service.facts("status")
        self.assertEqual((status["live"], status["waits"]), (second, None))
        gate = self.service.facts("models")[1]["gate"]
        self.assertEqual((gate["passed"], gate["waits"], gate["approved_by"]), (True, False, "mari"))
        self.assertIn("approved: looked at the curves", self.service.must("models"))
        self.assertIn("approved: looked at the curves", self.service.must("audit"))
        # What the gate refuses does not wait.
        self.service.write("configs/training.sh", TRAINING.replace("0.8", "0.5"))
        shown, third = self.train(3)
        self.assertIn(f"{third} refused", shown)
        self.assertIsNone(self.service.facts("status")["waits"])

    def up(self):
        log = self.service.folder / "up.out"
        with open(log, "w") as output:
            up = subprocess.Popen([str(workshop.BUSKER), "up", str(self.service.folder)], stdout=output,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.addCleanup(up.wait)
        self.addCleanup(up.kill)
        workshop.wait_until(lambda: "dashboard: " in log.read_text(), "busker is up")
        address = re.search(r"dashboard: (http://[^/\s]+)", log.read_text())[1]
        token = subprocess.run([str(workshop.BUSKER), "token", "create", "ci", "--scope", "operator", "--home",
                                str(self.service.home)], capture_output=True, text=True, check=True).stdout.strip()

        def ask(path, body=None):
            request = urllib.request.Request(
                f"{address}/api/v1/services/shop/{path}", data=None if body is None else json.dumps(body).encode(),
                headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as refused:
                with refused:
                    return refused.code, json.load(refused)
        return ask

    def test_the_api_approves_pins_and_unpins(self):
        self.start(SERVICE_FILE.replace("[actions.training]", "[actions.training]\nrequire_approval = true"))
        _, first = self.train(1)
        _, second = self.train(2)
        ask = self.up()
        self.assertEqual(ask("versions")[1]["waits"]["version"], second)
        status, live = ask("promote", {"version": second, "why": "fine"})
        self.assertEqual((status, live["version"], live["by"], live["pin"]), (200, second, "ci", None))
        self.assertIsNone(ask("versions")[1]["waits"])
        self.assertEqual(ask("pin", {"version": second})[0], 400, "why is it pinned?")
        status, live = ask("pin", {"version": second, "why": "week"})
        self.assertEqual((status, live["pin"]["by"], live["pin"]["why"]), (200, "ci", "week"))
        status, refused = ask("promote", {"version": first})
        self.assertEqual(status, 400)
        self.assertIn("stays live: it is pinned by ci since", refused["detail"])
        self.assertEqual(ask("promote", {"version": first, "unpin": True, "unchecked": True})[1]["check"], "unchecked")
        self.assertEqual(ask("pin", {"version": first, "why": "x"})[0], 200)
        self.assertEqual(ask("unpin", {})[1]["pin"], None)
        self.assertEqual(ask("rollback", {})[1]["version"], second)
        self.assertEqual(ask("unpin", {})[0], 404)

    def test_what_is_pinned_stays(self):
        self.start(SERVICE_FILE)
        _, first = self.train(1)
        self.fails(3, "unpin", says="nothing of shop 1 is pinned")
        self.fails(2, "pin", first, says="--why")
        self.service.must("pin", first, "--why", "sale until Sunday", "--by", "mari")
        shown, second = self.train(2)
        self.assertIn("pinned by mari since", shown)
        self.assertIn(f"{second} refused: pinned by mari since", shown)
        self.fails(2, "promote", second, says="sale until Sunday; busker unpin ends that, or --unpin here")
        for verb in ("status", "models", "show"):
            shown = self.service.must(verb, *(["live"] if verb == "show" else []))
            self.assertIn("pinned by mari since", shown)
            self.assertIn("sale until Sunday", shown)
        status = self.service.facts("status")
        self.assertEqual((status["live"], status["pin"]["by"], status["pin"]["why"]),
                         (first, "mari", "sale until Sunday"))
        self.fails(2, "pin", second, "--why", "x", says=f"{second} is not live, {first} is")
        self.service.must("promote", second, "--unpin")
        status = self.service.facts("status")
        self.assertEqual((status["live"], status["pin"]), (second, None))
        self.service.must("pin", second, "--why", "again")
        self.fails(2, "rollback", says="pinned by")
        self.service.must("unpin")
        self.service.must("rollback")
        audit = self.service.must("audit")
        self.assertIn("live pointer pinned", audit)
        self.assertIn("live pointer unpinned", audit)

    def test_a_version_is_tested_before_its_gate(self):
        self.start(SERVICE_FILE.replace("auc >= live.auc - 0.01", "testing.auc >= live.testing.auc") + TESTING)
        self.service.write("configs/testing.sh", TEST)
        shown, first = self.train(1)
        self.assertIn("testing succeeded", shown)
        self.assertIn("promote succeeded", shown)
        run = self.service.facts("runs")[0]
        self.assertEqual([task["task"] if "task" in task else task["name"] for task in run["tasks"]],
                         ["training", "testing", "promote"])
        self.service.write("configs/testing.sh", TEST.replace("0.75", "0.7"))
        shown, second = self.train(2)
        self.assertIn(f"{second} refused: testing.auc 0.7 is not >= 0.75 (live.testing.auc)", shown)
        self.assertEqual(self.service.facts("show", second)["tests"]["testing"]["metrics"], {"auc": 0.7})
        # By hand, on the version that is live: what the gate compares with from then on.
        self.service.write("configs/testing.sh", TEST.replace("0.75", "0.6"))
        self.service.must("run", "testing", "--version", first)
        self.assertEqual(self.service.facts("show", "live")["tests"]["testing"]["metrics"], {"auc": 0.6})
        shown, third = self.train(3)
        self.assertIn(f"{third} is live now: testing.auc 0.6 is >= 0.6 (live.testing.auc)", shown)
        self.fails(2, "run", "training", "--version", first, says="begins with no version")

    def test_what_fails_its_test_is_not_promoted(self):
        self.start(SERVICE_FILE.replace("auc >= live.auc - 0.01", "testing.auc > 0") + TESTING)
        for script, why in (("exit 3", "testing"),
                            ("true", "output/metrics.json is still the one that was loaded with the input")):
            self.service.write("configs/testing.sh", script)
            self.fails(1, "run", "training", says=why)
            self.assertIsNone(self.service.facts("status")["live"])

    def test_a_gate_names_tests_that_there_are(self):
        self.start(SERVICE_FILE.replace("auc >= live.auc - 0.01", "auc > 0 and testing.auc > 0"))
        self.fails(2, "validate", says='busker.toml:9:16: "promote_when": condition, character 13: '
                                               'no action "testing" with input = "candidate"')


if __name__ == "__main__":
    unittest.main()
