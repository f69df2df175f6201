"""Attempts in containers of real engines, Docker's and Podman's: the exam of executors, and the loop as a person runs it."""

import json
import os
import subprocess
import sys
import time
import unittest

import engine
import workshop
from workshop import BUILD, Service, kill, wait_until

TARGET = """
[targets.docker]
executor = "docker://{socket}?network=none"
image = "{image}"
"""


def setUpModule():
    global ENGINE
    if not engine.is_there():
        sys.exit("docker_test needs root, Debian's docker.io, podman and busybox-static; script/setup docker installs them")
    ENGINE = engine.Docker()
    ENGINE.make_image("busker-test:1")


def tearDownModule():
    ENGINE.close()


class ExamTest(unittest.TestCase):
    def examine(self, tested):
        environment = {**os.environ, "BUSKER_DOCKER_SOCKET": str(tested.socket)}
        done = subprocess.run([str(BUILD / "execute_test"), "--gtest_filter=Docker*", "--gtest_brief=1"], env=environment,
                              capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout[-5000:])
        self.assertIn("[  PASSED  ] 45 tests.", done.stdout)
        self.assertEqual(tested.containers(), [], "no container is left")

    def test_containers_of_docker_pass_the_exam_of_executors(self):
        self.examine(ENGINE)

    def test_containers_of_podman_pass_the_exam_of_executors(self):
        podman = engine.Podman()
        self.addCleanup(podman.close)
        podman.make_image("busker-test:1")
        self.examine(podman)


class LoopTest(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)
        self.in_image()

    def in_image(self, image="shop:1"):
        """What the folder holds now is what the image holds."""
        ENGINE.make_image(image, self.service.folder)
        text = workshop.SERVICE_FILE + TARGET.format(socket=ENGINE.socket, image=image.split(":")[0])
        self.service.write("busker.toml", text)

    def run_there(self, action, *words, code=0):
        done = self.service.busker("run", action, "--target", "docker", *words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def begin_what_waits(self):
        """A training that waits for the file "go" in its attempt's folder, once it has begun; with the busker that follows it."""
        self.service.write("configs/training.sh", "echo run >> ../witness; touch ../begun; "
                           "while ! test -e ../go; do sleep 0.05; done; echo m > output/model.txt; "
                           "echo '{\"auc\": 1}' > output/metrics.json")
        self.in_image()
        busker = self.service.start("run", "training", "--target", "docker")
        self.addCleanup(busker.stdout.close)
        wait_until(lambda: self.service.attempts() and (self.service.attempts()[0] / "begun").exists(), "the program runs")
        attempt, = self.service.attempts()
        return busker, attempt

    def newest(self):
        return self.service.facts("runs")[0]

    def test_the_loop_is_the_same_in_a_container(self):
        for target in ("docker", "local"):
            self.service.must("run", "training", "--target", target, "--date", "2026-05-01")
        for target in ("docker", "local"):
            self.service.must("run", "application", "--target", target, "--date", "2026-05-01", "--force")
        runs = self.service.facts("runs")
        self.assertEqual([run["target"] for run in runs], ["local", "docker", "local", "docker"])
        places = {task["name"]: task["place"] for task in runs[1]["tasks"]}
        self.assertTrue(places["application"].startswith("docker://"), places)
        self.assertIsNone(places["deliver"], "Busker's own steps stay where busker is")
        made = {}
        for folder in self.service.home.glob("artifacts/shop/1/training/*"):
            made[json.loads((folder / "manifest.json").read_text())["run"]] = (folder / "model.txt").read_bytes()
        self.assertEqual(made[runs[2]["id"]], made[runs[3]["id"]])
        deliveries = self.service.facts("deliveries")
        self.assertEqual([d["rows"] for d in deliveries], [2, 2])
        self.assertEqual(len({d["file_sha256"] for d in deliveries}), 1)
        self.assertEqual(ENGINE.containers(), [])

    def test_the_loop_is_the_same_in_a_container_of_podman(self):
        podman = engine.Podman()
        self.addCleanup(podman.close)
        podman.make_image("shop:1", self.service.folder)
        self.service.write("busker.toml", workshop.SERVICE_FILE + TARGET.format(socket=podman.socket, image="localhost/shop"))
        self.run_there("training")
        self.run_there("application")
        self.assertEqual(self.service.rows(), 2)
        self.assertEqual(podman.containers(), [])

    def test_the_program_comes_from_the_image_with_its_variables_and_nothing_of_this_machine(self):
        self.service.write("configs/training.sh", 'echo "$MADE_BY $(pwd)" > output/model.txt; env > output/environment; '
                           "echo '{\"auc\": 1}' > output/metrics.json")
        self.in_image()
        self.service.write("configs/training.sh", "exit 9")  # here, and not in the image
        done = subprocess.run([str(workshop.BUSKER), "run", "-C", str(self.service.folder), "training", "--target", "docker"],
                              env={**os.environ, "FROM_THIS_MACHINE": "1"}, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        saved, = self.service.home.glob("artifacts/shop/1/training/*")
        self.assertTrue((saved / "model.txt").read_text().startswith("the-image "))
        environment = (saved / "environment").read_text()
        self.assertNotIn("FROM_THIS_MACHINE", environment)
        self.assertIn("BUSKER_RUN=", environment)

    def test_a_program_that_fails_or_is_cancelled_ends_so(self):
        self.service.write("configs/training.sh", "echo no luck >&2; exit 7")
        self.in_image()
        done = self.run_there("training", code=1)
        self.assertIn("exit code 7", done.stderr)
        self.assertIn("no luck", self.service.must("logs"))
        self.service.write("configs/training.sh", "echo begun; sleep 100")
        self.in_image()
        run = self.service.must("start", "training", "--target", "docker").strip()
        wait_until(lambda: "begun" in self.service.busker("logs", run).stdout, "the program runs")
        self.service.must("cancel", run)
        self.assertEqual(self.newest()["state"], "cancelled")
        self.assertEqual(ENGINE.containers(), [])

    def test_an_image_that_is_not_there_is_told_in_the_engines_words(self):
        self.service.write("busker.toml", workshop.SERVICE_FILE + TARGET.format(socket=ENGINE.socket, image="127.0.0.1:1/none"))
        done = subprocess.Popen([str(workshop.BUSKER), "run", "-C", str(self.service.folder), "training", "--target", "docker"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(done.stdout.close)
        self.addCleanup(done.wait, 30)
        self.addCleanup(done.terminate)
        # The registry is away, which passes: it is tried again, and the reason is told meanwhile.
        wait_until(lambda: "cannot be fetched" in self.service.busker("explain", "training").stdout, "the reason is told")
        self.assertEqual(ENGINE.containers(), [])

    def test_an_engine_that_is_not_there_is_told_and_waited_for(self):
        self.service.write("busker.toml", workshop.SERVICE_FILE + TARGET.format(socket="/nowhere.sock", image="shop"))
        run = self.service.must("start", "training", "--target", "docker").strip()
        wait_until(lambda: "nowhere.sock" in self.service.busker("explain", run, "training").stdout, "the reason is told")
        (attempt,) = self.newest()["tasks"][0]["attempts"] or [None]
        self.assertTrue(attempt is None or not attempt["running"])
        self.service.must("cancel", run)

    def test_it_goes_on_when_busker_is_killed(self):
        busker, attempt = self.begin_what_waits()
        kill(busker.pid)
        busker.wait(30)
        (attempt / "go").touch()
        run = self.newest()["id"]
        self.service.must("wait", run)
        self.assertEqual(self.newest()["state"], "succeeded")
        self.assertEqual((attempt / "witness").read_text(), "run\n")
        self.assertEqual(ENGINE.containers(), [])

    def test_it_goes_on_when_the_engine_is_killed(self):
        busker, attempt = self.begin_what_waits()
        ENGINE.kill()
        (attempt / "go").touch()
        time.sleep(0.5)
        ENGINE.start()
        self.assertEqual(busker.wait(60), 0)
        self.assertEqual((attempt / "witness").read_text(), "run\n")
        wait_until(lambda: ENGINE.containers() == [], "the container is removed")

    def test_a_container_that_a_person_removed_is_lost_and_not_started_again(self):
        self.service.write("configs/training.sh", "echo run >> ../witness; touch ../begun; sleep 100")
        self.in_image()
        busker = self.service.start("run", "training", "--target", "docker")
        self.addCleanup(busker.stdout.close)
        wait_until(lambda: self.service.attempts() and (self.service.attempts()[0] / "begun").exists(), "the program runs")
        attempt, = self.service.attempts()
        for container in ENGINE.containers():
            ENGINE.call("DELETE", f"/containers/{container['Id']}?force=true")
        self.assertEqual(busker.wait(60), 1)
        self.assertEqual((attempt / "witness").read_text(), "run\n")
        self.assertIn("not started a second time", self.newest()["message"])

    def test_what_others_run_is_left_alone_and_what_was_left_is_swept(self):
        # A container that carries our home's label and has no attempt under way was left by a busker that died.
        create = {"Image": "busker-test:1", "Cmd": ["/bin/sleep", "1000"], "HostConfig": {"NetworkMode": "none"}}
        names = {}
        for name, labels in (("decoy", {}), ("other", {"busker.home": "0123", "busker.attempt": "r/t.1"})):
            status, body = ENGINE.call("POST", f"/containers/create?name={name}", {**create, "Labels": labels})
            self.assertEqual(status, 201, body)
            names[name] = json.loads(body)["Id"]
            ENGINE.call("POST", f"/containers/{name}/start")
            self.addCleanup(ENGINE.call, "DELETE", f"/containers/{name}?force=true")
        self.run_there("training")
        home = json.loads((self.service.home / "instance").read_text())["id"]
        status, body = ENGINE.call("POST", "/containers/create?name=left",
                                   {**create, "Labels": {"busker.home": home, "busker.attempt": "r0/training.1"}})
        self.assertEqual(status, 201, body)
        self.run_there("training")
        wait_until(lambda: {c["Id"] for c in ENGINE.containers()} == set(names.values()), "what was left is removed")


if __name__ == "__main__":
    unittest.main()
