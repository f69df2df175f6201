"""script/try-cloud without a cloud: what it would do, and that what it has made is removed when it fails. Programs that only write down how
they were called stand for gcloud, bq and busker."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "script" / "try-cloud"

# Writes down its call; fails when that holds what $FAILS names.
PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$*" in *"$FAILS"*) echo "$0: refused" >&2; exit 1 ;; esac
"""


class TryCloud(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="busker-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name in ("gcloud", "bq", "busker"):
            (self.folder / name).write_text(PROGRAM)
            (self.folder / name).chmod(0o755)
        self.calls = self.folder / "calls"

    def run_it(self, *words, fails="nothing fails", answer=""):
        environment = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "CALLS": str(self.calls), "FAILS": fails,
                       "BUSKER_BUILD": str(self.folder)}
        return subprocess.run([SCRIPT, *words], input=answer, capture_output=True, text=True, timeout=120, env=environment)

    def called(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def test_a_dry_run_calls_nothing_and_shows_that_what_is_made_is_removed(self):
        done = self.run_it("my-project", "--dry-run", "--region", "europe-north1")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.called(), [])
        self.assertFalse(list((SCRIPT.parent.parent / "build").glob("try-cloud/busker-try-NAME")))
        commands = re.findall(r"^\+ (.*)$", done.stdout, re.MULTILINE)
        for made, removed in (("buckets create gs://my-project-busker-try-NAME", "storage rm --recursive gs://my-project-busker-try-NAME"),
                              ("mk --dataset my-project:busker_try_NAME", "rm -r -f --dataset my-project:busker_try_NAME"),
                              ("repositories create busker-try-NAME", "repositories delete busker-try-NAME"),
                              ("service-accounts create busker-try-NAME", "service-accounts delete busker-try-NAME@")):
            begin = [index for index, command in enumerate(commands) if made in command]
            end = [index for index, command in enumerate(commands) if removed in command]
            self.assertEqual((len(begin), len(end)), (1, 1), f"{made}\n{done.stdout}")
            self.assertLess(begin[0], end[0])
        self.assertIn("compute-engine://my-project/europe-north1-b,", done.stdout)
        self.assertIn("What that costs", done.stdout)
        loop = [command.split()[1] for command in commands if command.startswith(f"{self.folder}/busker ")]
        self.assertEqual(loop, ["doctor", "build", "run", "run", "models", "query", "fsck"])

    def test_it_asks_first_and_makes_nothing_unless_the_answer_is_yes(self):
        for answer in ("n\n", "\n", ""):
            done = self.run_it("my-project", answer=answer)
            self.assertEqual(done.returncode, 2)
            self.assertIn("What that costs", done.stdout)
            self.assertIn("nothing was made", done.stderr)
            self.assertEqual(self.called(), [])

    # A failure in the middle left a bucket, a data set and a VM that nobody looked for.
    def test_wherever_it_fails_what_was_made_until_then_is_removed(self):
        removals = {"account": "gcloud iam service-accounts delete", "bucket": "gcloud storage rm --recursive", "dataset": "bq --project_id=my-project rm",
                    "repository": "gcloud artifacts repositories delete"}
        for fails, made in (("service-accounts create", ["account"]), ("buckets create", ["account", "bucket"]),
                            ("mk --dataset", ["account", "bucket", "dataset"]), ("repositories create", list(removals)),
                            ("add-iam-policy-binding", list(removals))):
            with self.subTest(fails=fails):
                self.calls.unlink(missing_ok=True)
                done = self.run_it("my-project", "--yes", fails=fails)
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertIn("it failed", done.stderr)
                self.assertIn("What is left of it", done.stdout)
                for kind, removal in removals.items():
                    count = sum(call.startswith(removal) for call in self.called())
                    self.assertEqual(count, 1 if kind in made else 0, f"{kind}: {self.called()}")

    def test_what_cannot_be_removed_is_told_and_the_rest_is_removed(self):
        self.folder.joinpath("gcloud").write_text(PROGRAM.replace('*"$FAILS"*)', '*"buckets create"*|*"storage rm"*)'))
        done = self.run_it("my-project", "--yes")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"gs://my-project-busker-try-\d+ could not be removed")
        self.assertTrue(any("service-accounts delete" in call for call in self.called()))

    def test_words_that_are_wrong_are_told(self):
        for words, sentence in (((), "which project?"), (("--yes",), "which project?"), (("my-project", "--fast"), "no option --fast"),
                                (("a", "--dry-run"), "is no id of a project"), (("my-project", "--region", "moon"), "is no region")):
            done = self.run_it(*words)
            self.assertEqual(done.returncode, 2)
            self.assertIn(sentence, done.stderr)
        self.assertEqual(self.called(), [])


if __name__ == "__main__":
    unittest.main()
