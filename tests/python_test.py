"""The example in Python, as a folder laid out by convention, with no service file: from training to the
delivered table. Needs `script/setup python`; `script/test python` runs it."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import docs_test

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
BUSKER = pathlib.Path(os.environ.get("BUSKER_BUILD", REPOSITORY / "build" / "release")) / "busker"


class PythonExample(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.service = pathlib.Path(folder.name) / "python"
        example = REPOSITORY / "examples" / "python"
        shutil.copytree(example, self.service, ignore=shutil.ignore_patterns(".venv", ".busker", "output"))
        (self.service / ".venv").symlink_to(example / ".venv")

    def busker(self, *arguments):
        return subprocess.run([BUSKER, *arguments, "-C", self.service], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=300)

    def succeed(self, *arguments):
        ran = self.busker(*arguments)
        self.assertEqual(ran.returncode, 0, f"busker {' '.join(arguments)}\n{ran.stdout}{ran.stderr}")
        return ran.stdout

    def facts(self, *arguments):
        return json.loads(self.succeed(*arguments, "--json"))

    def test_goes_from_training_to_a_delivered_table_with_no_service_file(self):
        self.assertFalse((self.service / "busker.toml").exists())

        self.succeed("run", "training")
        versions = self.facts("models")
        self.assertEqual([version["live"] for version in versions], [True])
        self.assertGreater(versions[0]["metrics"]["auc"], 0.9)

        self.succeed("run", "application")
        counted = self.facts("query", "SELECT count(*) AS all_rows, count(DISTINCT tumour_id) AS tumours"
                                      " FROM python.predictions")
        self.assertEqual(counted, [{"all_rows": 569, "tumours": 569}])
        self.assertEqual([delivery["rows"] for delivery in self.facts("deliveries")], [569])
        self.assertEqual([run["state"] for run in self.facts("runs")], ["succeeded", "succeeded"])
        self.succeed("fsck")

    def test_a_training_that_fails_publishes_nothing_and_says_why_in_its_log(self):
        (self.service / "configs" / "training.json").write_text("{}\n")
        self.assertEqual(self.busker("run", "training").returncode, 1)
        self.assertEqual(self.facts("models"), [])
        self.assertIn("holdout_fraction", self.succeed("logs", "training"))


class NewProject(unittest.TestCase):

    def test_what_busker_new_makes_in_python_runs_as_it_stands(self):
        with tempfile.TemporaryDirectory() as folder:
            there = pathlib.Path(folder) / "churn"
            for words in (["new", "churn"], ["validate"], ["run", "training"], ["run", "application"],
                          ["query", "SELECT count(*) FROM churn.predictions", "--csv"]):
                done = subprocess.run([BUSKER, *words], cwd=there if there.exists() else folder, stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, check=False, timeout=300)
                self.assertEqual(done.returncode, 0, f"{words}: {done.stdout}{done.stderr}")
                if words[0] == "new":  # as `busker build --target local` makes it, which has a test of its own
                    (there / ".venv").symlink_to(REPOSITORY / "examples" / "python" / ".venv")
            self.assertEqual(done.stdout.splitlines()[1], "569")


class Tutorial(unittest.TestCase):

    def test_the_commands_of_the_first_page_work_and_deliver(self):
        with tempfile.TemporaryDirectory() as folder:
            done = docs_test.run_commands_of(REPOSITORY / "docs" / "tutorial.md", folder)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("569 rows of predictions.csv into churn.predictions", done.stdout)
            self.assertIn("promote refused", done.stdout)


if __name__ == "__main__":
    unittest.main()
