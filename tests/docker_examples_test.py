"""The examples in containers of a real engine: the same artifacts and rows as from this machine. script/test docker."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import engine
import images
import workshop


def setUpModule():
    global ENGINE
    if not engine.is_there():
        sys.exit("docker_examples_test needs root, Debian's docker.io, podman and busybox-static; script/setup docker installs them")
    ENGINE = engine.Docker()


def tearDownModule():
    ENGINE.close()


class ExamplesTest(unittest.TestCase):
    """The examples, unchanged but for the target: the same artifacts and rows from a container as from this machine."""

    def copy_of(self, example, name, target):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-test-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.folder = folder / name
        shutil.copytree(workshop.SOURCE / "examples" / example, self.folder, symlinks=True,
                        ignore=shutil.ignore_patterns(".busker", "__pycache__", ".venv", "output"))
        with open(self.folder / "busker.toml", "a") as file:
            file.write(f'\n[targets.docker]\nexecutor = "docker://{ENGINE.socket}?network=none"\nimage = "{target}"\n')
        return self.folder

    def busker(self, *words):
        done = subprocess.run([str(workshop.BUSKER), words[0], "-C", str(self.folder), *words[1:]], capture_output=True, text=True,
                              timeout=300, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        self.assertEqual(done.returncode, 0, f"busker {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def facts(self, *words):
        return json.loads(self.busker(*words, "--json"))

    def run_at_both(self, dates):
        """Each action at both targets; what they made is the same. The last manifest of each, by action."""
        made = {}
        for action, date in dates.items():
            both = []
            for target in ("local", "docker"):
                self.busker("run", action, "--target", target, "--date", date, "--force")
                newest = max(self.folder.glob(f".busker/artifacts/*/*/{action}/*/manifest.json"), key=lambda path: path.parent.name)
                both.append(json.loads(newest.read_text()))
            there = {name: digest["sha256"] for name, digest in both[1]["files"].items()}
            self.assertTrue(there)
            self.assertEqual(there, {name: digest["sha256"] for name, digest in both[0]["files"].items()}, action)
            self.assertEqual(both[0]["config_sha256"], both[1]["config_sha256"], "the program saw the same config")
            made[action] = both[1]
        targets = [run["target"] for run in self.facts("runs")]
        self.assertEqual(sorted(targets), ["docker"] * len(dates) + ["local"] * len(dates))
        deliveries = {}
        for delivery in self.facts("deliveries"):
            deliveries.setdefault(delivery["table"], []).append((delivery["rows"], delivery["file_sha256"]))
        self.assertTrue(deliveries)
        for table, loads in deliveries.items():
            self.assertEqual(len(loads), 2, table)
            self.assertEqual(loads[0], loads[1], table)
            self.assertGreater(loads[0][0], 0)
        ENGINE.await_no_container()
        return made

    def test_the_example_in_cpp_in_an_image_of_nothing_but_the_program(self):
        folder = self.copy_of("lifetime-value", "lifetime-value", "lifetime-value")
        root = images.Root()
        root.copy(folder, "/service")
        root.programs(folder / "build" / "prediction")
        root.make(ENGINE, "lifetime-value:2026-11-01")
        made = self.run_at_both({"training": "1997-12-30", "application": "1997-12-30"})
        self.assertNotIn("environment", made["training"], "it is no Python")

    def test_the_example_in_python_in_an_image_that_has_it_in_its_working_directory(self):
        venv = workshop.SOURCE / "examples" / "python" / ".venv"
        if not venv.exists():
            self.skipTest("script/setup python makes its environment")
        folder = self.copy_of("python", "python", "pyexample")
        root = images.base()
        images.add_python(root, venv / "bin" / "python", venv)
        root.copy(folder, "/app")
        root.copy(venv, "/app/.venv")
        root.make(ENGINE, "pyexample:1", "WORKDIR /app")
        (folder / ".venv").symlink_to(venv)
        made = self.run_at_both({"training": "2026-02-01", "application": "2026-02-02"})
        here = {version["version"]: version["environment"] for version in self.facts("models")}
        self.assertEqual(len({environment["sha256"] for environment in here.values()}), 1, "and the same packages")
        self.assertIn("scikit-learn", made["training"]["environment"]["packages"])
        self.assertTrue(made["training"]["command"])

    def test_a_whole_repository_in_the_image_of_its_dockerfile(self):
        folder = self.copy_of("article", "bakery", "bakery")
        self.assertEqual(self.facts("validate", "--target", "docker")["faults"], [])
        root = images.base()
        images.add_python(root, sys.executable)
        root.copy(folder / "service", "/service")
        root.make(ENGINE, "bakery:1", "WORKDIR /service")  # as container/Dockerfile has it
        made = self.run_at_both({"training": "2026-02-01", "application": "2026-02-02"})
        self.assertEqual(sorted(made["application"]["files"]), ["predictions.csv"])

    def test_an_image_without_the_service_starts_nothing_and_says_so(self):
        folder = self.copy_of("article", "bakery", "bakery-empty")
        root = images.base()
        root.folder("/elsewhere")
        root.make(ENGINE, "bakery-empty:1", "WORKDIR /elsewhere")
        done = subprocess.run([str(workshop.BUSKER), "run", "-C", str(folder), "training", "--target", "docker"],
                              capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the image has no folder /service, and its working directory, /elsewhere, has no configs/training.json", done.stderr)
        ENGINE.await_no_container()


if __name__ == "__main__":
    unittest.main()
