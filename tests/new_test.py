"""busker new: what it makes runs as it stands, from the training to the delivered table."""

import json
import pathlib
import subprocess
import tempfile
import unittest

from workshop import BUSKER, run_on_terminal


class NewProject(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def busker(self, *words, there=".", text=None):
        return subprocess.run([str(BUSKER), *words], cwd=self.folder / there, capture_output=True, text=True, timeout=120,
                              input=text or "")

    def must(self, *words, **options):
        done = self.busker(*words, **options)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout

    def runs_from_training_to_table(self, name, table, rows):
        self.must("validate", there=name)
        self.must("run", "training", there=name)
        self.must("run", "application", "--date", "today", there=name)
        versions = json.loads(self.must("models", "--json", there=name))
        self.assertEqual([one["live"] for one in versions], [True])
        counted = json.loads(self.must("query", f"SELECT count(*) AS n FROM {table}", "--json", there=name))
        self.assertEqual(counted, [{"n": rows}])

    def test_a_project_in_shell_runs_as_it_was_made(self):
        said = self.must("new", "late-orders", "--shell")
        self.assertIn("cd late-orders\n", said)
        self.runs_from_training_to_table("late-orders", "late_orders.predictions", 5)

    def test_a_project_in_cpp_runs_once_it_is_compiled(self):
        self.assertIn("&& make\n", self.must("new", "prices", "--cpp"))
        subprocess.run(["make", "-s"], cwd=self.folder / "prices", check=True, timeout=120)
        self.runs_from_training_to_table("prices", "prices.predictions", 6)

    def test_a_project_in_python_is_what_new_makes_by_itself(self):
        self.assertIn("busker build --target local", self.must("new", "churn"))
        self.must("validate", there="churn")
        self.assertIn(".venv/\n", (self.folder / "churn/.gitignore").read_text())
        self.assertIn('table = "churn.predictions"', (self.folder / "churn/busker.toml").read_text())

    def test_nothing_that_is_there_is_touched(self):
        self.must("new", "churn", "--shell")
        (self.folder / "churn/model.sh").write_text("mine")
        again = self.busker("new", "churn", "--shell")
        self.assertEqual(again.returncode, 2)
        self.assertIn("churn is there already; choose another name", again.stderr)
        self.assertEqual((self.folder / "churn/model.sh").read_text(), "mine")

    def test_a_name_that_no_service_may_have_is_told_with_one_that_it_may(self):
        refused = self.busker("new", "My Model")
        self.assertEqual(refused.returncode, 2)
        self.assertIn('"My Model" cannot be the name of a service; "my-model" can', refused.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertEqual(self.busker("new", "../x").returncode, 2)


class Habits(unittest.TestCase):
    """What people's fingers know from other programs."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.there = pathlib.Path(cls.folder.name) / "shop"
        for words in (["new", "shop", "--shell"],):
            subprocess.run([str(BUSKER), *words], cwd=cls.folder.name, check=True, capture_output=True, timeout=60)
        for words in (["run", "training"], ["run", "application"]):
            subprocess.run([str(BUSKER), *words], cwd=cls.there, check=True, capture_output=True, timeout=60)

    def busker(self, *words, text=None):
        return subprocess.run([str(BUSKER), *words], cwd=self.there, capture_output=True, text=True, timeout=60, input=text or "")

    def test_a_query_comes_from_standard_input_and_goes_out_as_csv_or_markdown(self):
        sql = "SELECT customer_id, NULL AS nothing, 'a,\"b|' AS text FROM shop.predictions ORDER BY ALL LIMIT 1;\n"
        self.assertEqual(self.busker("query", "--csv", text=sql).stdout, 'customer_id,nothing,text\n0001,,"a,""b|"\n')
        self.assertEqual(self.busker("query", "--markdown", text=sql).stdout,
                         "| customer_id | nothing | text |\n|---|---|---|\n| 0001 |  | a,\"b\\| |\n")
        none = self.busker("query")
        self.assertEqual(none.returncode, 2)
        self.assertIn("no SQL; busker query 'SELECT ...'", none.stderr)

    def test_the_beginning_of_a_runs_id_or_of_its_last_word_is_enough(self):
        ids = [run["id"] for run in json.loads(self.busker("runs", "--json").stdout)]
        shown = self.busker("logs", ids[-1].rsplit("-", 1)[1]).stdout
        self.assertIn("learned a mean", shown)
        several = self.busker("logs", ids[0][:8])
        self.assertEqual(several.returncode, 2)
        self.assertIn("is the beginning of 2 runs' ids", several.stderr)

    def test_the_last_lines_of_a_log(self):
        whole = self.busker("logs", "training", "--task", "training").stdout.splitlines()
        self.assertGreater(len(whole), 1)
        self.assertEqual(self.busker("logs", "training", "--task", "training", "--tail", "1").stdout.splitlines(), whole[-1:])

    def test_a_table_fits_the_terminal_and_tells_states_by_colour_and_sign(self):
        wide = run_on_terminal([str(BUSKER), "runs"], self.there, columns=200)
        self.assertIn("REQUESTED", wide)
        self.assertIn("\x1b[32m✓ succeeded", wide)
        self.assertRegex(wide, r"  (now|\d+s ago)  ")
        narrow = run_on_terminal([str(BUSKER), "runs"], self.there, columns=60)
        self.assertNotIn("REQUESTED", narrow)
        self.assertIn("succeeded", narrow)
        plain = [line for line in narrow.replace("\x1b[32m", "").replace("\x1b[2m", "").replace("\x1b[0m", "").splitlines()]
        self.assertLessEqual(max(map(len, plain)), 60)
        self.assertNotIn("✓", self.busker("runs").stdout, "programs read the words alone")


if __name__ == "__main__":
    unittest.main()
