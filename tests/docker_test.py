"""Attempts in containers of real engines, Docker's and Podman's: the exam of executors, the loop as a person runs it, and
kills at any moment (docker_faults.py).

    docker_test.py [--trials N] [--seed S] [--stride K] [--part exam|loop|faults]
"""

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time
import unittest

import docker_faults
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
                              capture_output=True, text=True, timeout=1200)
        self.assertEqual(done.returncode, 0, done.stdout[-5000:])
        passed = re.search(r"\[  PASSED  \] (\d+) tests\.", done.stdout)
        self.assertTrue(passed and int(passed[1]) >= 65 and "SKIPPED" not in done.stdout, done.stdout[-5000:])
        tested.await_no_container()

    def test_containers_of_docker_pass_the_exam_of_executors(self):
        self.examine(ENGINE)

    def test_containers_of_an_engine_that_refuses_older_versions_pass_the_exam_of_executors(self):
        newer = engine.NewerApi(ENGINE)
        self.addCleanup(newer.close)
        self.examine(newer)
        self.assertEqual(newer.versions, {"44"})

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
        ENGINE.await_no_container()

    def test_the_loop_is_the_same_in_a_container_of_podman(self):
        podman = engine.Podman()
        self.addCleanup(podman.close)
        podman.make_image("shop:1", self.service.folder)
        self.service.write("busker.toml", workshop.SERVICE_FILE + TARGET.format(socket=podman.socket, image="localhost/shop"))
        self.run_there("training")
        self.run_there("application")
        self.assertEqual(self.service.rows(), 2)
        podman.await_no_container()

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
        ENGINE.await_no_container()

    def test_an_image_that_is_not_there_is_told_in_the_engines_words(self):
        self.service.write("busker.toml", workshop.SERVICE_FILE + TARGET.format(socket=ENGINE.socket, image="127.0.0.1:1/none"))
        done = subprocess.Popen([str(workshop.BUSKER), "run", "-C", str(self.service.folder), "training", "--target", "docker"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(done.stdout.close)
        self.addCleanup(done.wait, 120)
        self.addCleanup(done.terminate)
        # The registry is away, which passes: it is tried again, and the reason is told meanwhile.
        wait_until(lambda: "cannot be fetched" in self.service.busker("explain", "training").stdout, "the reason is told")
        ENGINE.await_no_container()

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
        busker.wait(60)
        (attempt / "go").touch()
        run = self.newest()["id"]
        self.service.must("wait", run)
        self.assertEqual(self.newest()["state"], "succeeded")
        self.assertEqual((attempt / "witness").read_text(), "run\n")
        ENGINE.await_no_container()

    def test_it_goes_on_when_the_engine_is_killed(self):
        busker, attempt = self.begin_what_waits()
        ENGINE.kill()
        (attempt / "go").touch()
        time.sleep(0.5)
        ENGINE.start()
        self.assertEqual(busker.wait(120), 0)
        self.assertEqual((attempt / "witness").read_text(), "run\n")
        ENGINE.await_no_container()

    def test_a_container_that_a_person_removed_is_lost_and_not_started_again(self):
        self.service.write("configs/training.sh", "echo run >> ../witness; touch ../begun; sleep 100")
        self.in_image()
        busker = self.service.start("run", "training", "--target", "docker")
        self.addCleanup(busker.stdout.close)
        wait_until(lambda: self.service.attempts() and (self.service.attempts()[0] / "begun").exists(), "the program runs")
        attempt, = self.service.attempts()
        for container in ENGINE.containers():
            ENGINE.call("DELETE", f"/containers/{container['Id']}?force=true")
        self.assertEqual(busker.wait(120), 1)
        self.assertEqual((attempt / "witness").read_text(), "run\n")
        self.assertIn("not started a second time", self.newest()["message"])

    def run_with(self, *words, **variables):
        return self.service.busker(*words, env={**os.environ, **{name: str(value) for name, value in variables.items()}})

    def test_the_engine_is_that_of_dockers_context_and_a_run_keeps_it(self):
        # A run that was taken up by a busker with another DOCKER_HOST looked for its container at another engine.
        client = self.service.folder / "client"
        meta = client / "contexts" / "meta" / hashlib.sha256(b"lab").hexdigest() / "meta.json"
        meta.parent.mkdir(parents=True)
        meta.write_text(json.dumps({"Name": "lab", "Endpoints": {"docker": {"Host": f"unix://{ENGINE.socket}"}}}))
        (client / "config.json").write_text('{"currentContext": "lab"}')
        self.service.write("configs/training.sh", "echo run >> ../witness; touch ../begun; "
                           "while ! test -e ../go; do sleep 0.05; done; echo m > output/model.txt; "
                           "echo '{\"auc\": 1}' > output/metrics.json")
        self.in_image()
        self.service.write("busker.toml", workshop.SERVICE_FILE + TARGET.replace("{socket}", "").format(image="shop"))
        busker = self.service.start("run", "training", "--target", "docker", env={**os.environ, "DOCKER_CONFIG": str(client)})
        self.addCleanup(busker.stdout.close)
        wait_until(lambda: self.service.attempts() and (self.service.attempts()[0] / "begun").exists(), "the program runs")
        kill(busker.pid)
        busker.wait(60)
        attempt, = self.service.attempts()
        (attempt / "go").touch()
        done = self.run_with("wait", self.newest()["id"], DOCKER_HOST="unix:///nowhere.sock")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(str(ENGINE.socket), self.newest()["tasks"][0]["place"])
        self.assertEqual((attempt / "witness").read_text(), "run\n")

    def test_an_engine_of_another_machine_is_refused(self):
        self.service.write("busker.toml", workshop.SERVICE_FILE + TARGET.replace("{socket}", "").format(image="shop"))
        done = self.run_with("run", "training", "--target", "docker", DOCKER_HOST="tcp://10.0.0.1:2375")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("another machine", done.stdout + done.stderr)

    def test_a_version_names_the_image_that_it_was_made_in(self):
        self.run_there("training")
        saved, = self.service.home.glob("artifacts/shop/1/training/*")
        status, body = ENGINE.call("GET", "/images/shop:1/json")
        self.assertEqual(json.loads((saved / "manifest.json").read_text())["image"], json.loads(body)["Id"],
                         "no registry knows it: the engine's id")

    def test_an_engine_that_ends_with_its_containers_is_told_and_nothing_is_started_twice(self):
        # Without live-restore: dockerd ends its containers when it is stopped, and those of one that was killed when it is back.
        mortal = engine.Docker(live_restore=False)
        self.addCleanup(mortal.close)
        stopped = "somebody else than Busker stopped its container"
        for how, told in ((signal.SIGTERM, stopped), (signal.SIGKILL, f"{stopped}|not started a second time")):
            service = Service(training="echo run >> ../witness; touch ../begun; sleep 1000")
            self.addCleanup(service.close)
            mortal.make_image("shop:1", service.folder)
            service.write("busker.toml", workshop.SERVICE_FILE + TARGET.format(socket=mortal.socket, image="shop"))
            busker = service.start("run", "training", "--target", "docker")
            self.addCleanup(busker.stdout.close)
            wait_until(lambda: service.attempts() and (service.attempts()[0] / "begun").exists(), "the program runs")
            # An engine that ends before it has noted that the container runs leaves it alone, and the program comes to its end.
            wait_until(lambda: [one["State"] for one in mortal.containers()] == ["running"], "the engine knows that it runs")
            mortal.kill(how)
            mortal.start()
            self.assertEqual(busker.wait(120), 1)
            attempt, = service.attempts()
            self.assertEqual((attempt / "witness").read_text(), "run\n")
            self.assertRegex(service.facts("runs")[0]["message"], told)
            mortal.await_no_container()

    def test_a_secret_is_in_nothing_that_the_engine_tells(self):
        secret = "correct-horse-battery-staple"
        self.service.write("configs/training.sh", 'test "$(cat $KEY)" = ' + secret + " && touch ../begun; "
                           "while ! test -e ../go; do sleep 0.05; done; echo m > output/model.txt; "
                           "echo '{\"auc\": 1}' > output/metrics.json")
        self.in_image()
        text = (self.service.folder / "busker.toml").read_text()
        self.service.write("busker.toml", text.replace("[actions.training]", '[actions.training]\nsecrets = { KEY = "key" }'))
        done = subprocess.run([str(workshop.BUSKER), "secret", "set", "-C", str(self.service.folder), "key"], input=secret,
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        busker = self.service.start("run", "training", "--target", "docker")
        self.addCleanup(busker.stdout.close)
        wait_until(lambda: self.service.attempts() and (self.service.attempts()[0] / "begun").exists(), "the program has it")
        container, = ENGINE.containers()
        for told in (ENGINE.inspect(container["Id"]), container, ENGINE.call("GET", f"/containers/{container['Id']}/top")[1],
                     ENGINE.call("GET", "/events?since=0&until=" + str(time.time()))[1]):
            self.assertNotIn(secret, str(told))
        attempt, = self.service.attempts()
        (attempt / "go").touch()
        self.assertEqual(busker.wait(120), 0)
        for path in pathlib.Path("/dev/shm").glob("busker-*/*"):
            with contextlib.suppress(FileNotFoundError):  # of others, who are at work
                self.assertNotIn(secret.encode(), path.read_bytes(), path)

    def test_what_it_uses_is_told_while_it_runs(self):
        # All was told that the machine used: the number that its runner has in the container is that of init outside.
        self.service.write("configs/training.sh", "x=$(dd if=/dev/zero bs=1000000 count=40 2>/dev/null | sed 's/./x/g'); touch ../begun; "
                           "while ! test -e ../go; do sleep 0.05; done; echo m > output/model.txt; echo '{\"auc\": 1}' > output/metrics.json")
        self.in_image()
        up = self.service.start("up", "--port", "0")
        self.addCleanup(up.stdout.close)
        self.addCleanup(up.wait, 60)
        self.addCleanup(up.terminate)
        address = next(found[1] for line in up.stdout if (found := re.search(r"dashboard: http://([^/\s]+)", line)))
        token = subprocess.run([str(workshop.BUSKER), "token", "create", "looks", "--scope", "viewer", "--home", str(self.service.home)],
                               capture_output=True, text=True, check=True, timeout=60).stdout.strip()
        run = self.service.must("start", "training", "--target", "docker").strip()
        connection = http.client.HTTPConnection(address, timeout=60)
        self.addCleanup(connection.close)

        def usage():
            connection.request("GET", f"/api/v1/runs/{run}/tasks/training/attempts/1/usage", headers={"Authorization": f"Bearer {token}"})
            return json.loads(connection.getresponse().read())

        wait_until(lambda: (usage().get("memory_bytes") or 0) > 0, "what it uses is told")
        wait_until(lambda: (self.service.attempts()[0] / "begun").exists(), "the program runs")
        told = usage()
        self.assertLessEqual(told["processes"], 3, told)  # the shell, what it sleeps with, and its end
        self.assertLess(told["memory_bytes"], 500_000_000, told)
        (self.service.attempts()[0] / "go").touch()
        self.service.must("wait", run)
        self.assertIsNone(usage()["memory_bytes"], "it has ended")
        ENGINE.await_no_container()

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


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--trials", type=int, default=20)
    words.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    words.add_argument("--stride", type=int, default=40)
    words.add_argument("--part", choices=["exam", "loop", "faults"], help="only this one")
    words = words.parse_args()
    tests = {"exam": [ExamTest], "loop": [LoopTest], "faults": [], None: [ExamTest, LoopTest]}[words.part]
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(test) for test in tests)
    good = unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()
    if words.part in (None, "faults"):
        setUpModule()
        try:
            good &= docker_faults.run(ENGINE, words.trials, words.seed, words.stride) == 0
        finally:
            tearDownModule()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
