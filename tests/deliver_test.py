"""A predictions file becomes a table: what it holds is what was written, whoever started Busker and however."""

import itertools
import os
import shutil
import subprocess
import unittest

import workshop
from workshop import Service

TOML = """
name = "s"

[model]
command = "cp {folder}/in.csv output/predictions.csv"

[actions.application]
input = "none"

[actions.application.deliver."predictions.csv"]
table = "s.t"
{more}
"""


class DeliverTest(unittest.TestCase):
    def setUp(self):
        self.service = Service(service_file="")
        self.addCleanup(self.service.close)

    def deliver(self, csv, schema="", more="", words=(), **options):
        """One application whose predictions.csv is `csv`; the finished process."""
        if schema:
            more += f"\nschema = {{ {schema} }}"
        self.service.write("busker.toml", TOML.format(folder=self.service.folder, more=more))
        self.service.write("in.csv", csv)
        return self.service.busker("run", "application", *words, **options)

    def delivers(self, csv, **settings):
        done = self.deliver(csv, **settings)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def ask(self, sql, *words, **options):
        done = self.service.busker("query", sql, *words, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def last_delivery(self):
        return self.service.facts("deliveries")[-1]["id"]


class WhatAQueryShows(DeliverTest):
    def test_null_is_not_shown_as_the_text_null_nor_as_an_empty_text(self):
        self.delivers('id,v\n1,\n2,NULL\n3,""\n', schema='id = "INT64", v = "STRING"')
        self.assertEqual(self.ask("SELECT * FROM s.t").splitlines(), ["id  v", " 1", " 2  NULL", ' 3  ""'])
        self.assertEqual([row["v"] for row in self.service.facts("query", "SELECT v FROM s.t")], [None, "NULL", ""])

    def test_a_second_column_of_the_same_name_is_not_left_out(self):
        self.delivers("id\n1\n")
        self.assertEqual(self.service.facts("query", 'SELECT 1 AS a, 2 AS a, 3 AS "a:1", 4 AS a'),
                         [{"a": 1, "a:2": 2, "a:1": 3, "a:3": 4}])
        self.assertEqual(self.ask("SELECT 1 AS a, 2 AS a").split(), ["a", "a:1", "1", "2"])


class Undo(DeliverTest):
    def test_undo_of_the_first_delivery_does_not_say_that_the_rows_are_still_there(self):
        self.delivers("id\n1\n2\n3\n")
        shown = self.service.must("undo", self.last_delivery())
        self.assertIn("of 3 rows is undone; s.t had nothing else, so the table no longer exists", shown)
        self.delivers("id\n1\n")
        self.delivers("id\n1\n2\n")
        self.assertIn("of 2 rows is undone; s.t has 1 row now", self.service.must("undo", self.last_delivery()))


class WhereBuskerIsStarted(DeliverTest):
    CSV = ("made_at,day,moment,score,word\n"
           "2026-03-29 02:30:00,2026-03-29,2026-03-29 02:30:00,0.5,a\n"
           "2026-10-25 02:30,2026-10-25,2026-10-25 02:30:00,1e-05,\n"
           "2026-02-03,2026-02-03,2026-02-03 00:00:00,-0.25,b\n"
           "2026-02-03T10:00Z,2026-02-03,2026-02-03 10:00:00,3.0,c\n")
    SCHEMA = 'made_at = "TIMESTAMP", day = "DATE", moment = "DATETIME", score = "FLOAT64", word = "STRING"'

    def seen(self, environment, schema, processors):
        words = {**os.environ, **environment}
        before = ["taskset", "-c", processors] if processors else []
        self.service.write("busker.toml", TOML.format(folder=self.service.folder, more=schema and f"schema = {{ {schema} }}"))
        self.service.write("in.csv", self.CSV)
        for verb in (["run", "application"], ["query", "SELECT *, made_at::DATE AS its_day FROM s.t", "--json"]):
            done = subprocess.run([*before, str(workshop.BUSKER), verb[0], "-C", str(self.service.folder), *verb[1:]],
                                  env=words, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_time_stamp_does_not_depend_on_tz_lang_or_the_number_of_processors(self):
        zones = ["UTC", "America/New_York", "Asia/Kolkata", "Europe/Berlin", ":/nowhere"]
        languages = ["C", "de_DE.UTF-8", "tr_TR.UTF-8"]
        one = str(min(os.sched_getaffinity(0))) if shutil.which("taskset") else None
        for schema in (self.SCHEMA, ""):
            answers = {}
            for zone, language, processors in zip(zones, itertools.cycle(languages), itertools.cycle([one, None])):
                where = (zone, language, processors)
                answers[where] = self.seen({"TZ": zone, "LANG": language, "LC_ALL": language}, schema, processors)
            self.assertEqual(len(set(answers.values())), 1, answers)
            if schema:
                self.assertIn('"made_at": "2026-03-29 02:30:00+00"', answer := next(iter(answers.values())))
                self.assertIn('"made_at": "2026-02-03 10:00:00+00"', answer)
                self.assertIn('"its_day": "2026-02-03"', answer)


class FromTheWholeToPartitions(DeliverTest):
    def test_validate_finds_a_table_that_was_written_as_a_whole_and_force_puts_a_partition_in_its_place(self):
        # By convention first, then write = "partition": validate said that all is well, and each delivery was refused.
        self.delivers("id\n1\n", words=("--date", "2019-08-01"))
        whole = self.last_delivery()
        refused = self.deliver("id\n2\n", more='write = "partition"', words=("--date", "2019-08-02"))
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertIn(f"busker undo {whole}", refused.stdout + refused.stderr)
        checked = self.service.busker("validate")
        self.assertEqual(checked.returncode, 2, checked.stdout)
        self.assertIn(f"busker undo {whole}", checked.stderr)
        self.assertIn("busker run application --force", checked.stderr)
        self.service.must("run", "application", "--force", "--date", "2019-08-02")
        self.assertEqual(self.ask("SELECT * FROM s.t").split(), ["id", "data_date", "2", "2019-08-02"])
        self.assertIn("all is well", self.service.must("validate"))
        self.service.must("undo", self.last_delivery())
        self.assertEqual(self.ask("SELECT * FROM s.t").split(), ["id", "1"])


class Damage(DeliverTest):
    def test_a_damaged_log_of_one_table_stops_no_other_and_fsck_tells_it_and_goes_on(self):
        # Every delivery of every service failed, after its rows were there; fsck ended with 78 and left the runs unchecked.
        self.delivers("id\n1\n")
        log = self.service.home / "warehouse/s/t/log/00000001.json"
        log.write_text("{")
        toml = (self.service.folder / "busker.toml").read_text().replace('"s.t"', '"s.other"')
        self.service.write("busker.toml", toml)
        self.service.must("run", "application")
        self.assertEqual(self.ask("SELECT id FROM s.other").split(), ["id", "1"])
        asked = self.service.busker("query", "SELECT * FROM s.t")
        self.assertEqual(asked.returncode, 78)
        self.assertIn(f"{log}: it is damaged; restore this file from a backup", asked.stderr)
        listed = self.service.busker("deliveries")
        self.assertEqual((listed.returncode, listed.stdout.count("s.other")), (78, 1), listed.stderr)
        self.assertIn("is damaged", listed.stderr)
        checked = self.service.busker("fsck")
        self.assertEqual(checked.returncode, 1, checked.stderr)
        self.assertIn("1 fault in 2 runs", checked.stdout)
        self.assertIn("restore this file from a backup", checked.stdout)

    def test_readers_and_fsck_are_told_of_a_damaged_part_and_of_a_damaged_catalogue(self):
        # A query of a flipped part answered something else with exit code 0; a damaged warehouse.duckdb was not found.
        self.delivers("id\n1\n2\n")
        part = next(self.service.home.glob("warehouse/s/t/parts/*.parquet"))
        whole = part.read_bytes()
        part.write_bytes(whole[:20] + bytes([whole[20] ^ 4]) + whole[21:])
        asked = self.service.busker("query", "SELECT * FROM s.t")
        self.assertEqual(asked.returncode, 78, asked.stdout)
        self.assertIn(f"busker undo {part.stem}", asked.stderr)
        checked = self.service.busker("fsck")
        self.assertEqual(checked.returncode, 1)
        self.assertIn(f"restore it from a backup, or take its rows out with busker undo {part.stem}", checked.stdout)
        part.write_bytes(whole)
        self.assertEqual(self.ask("SELECT count(*) AS n FROM s.t").split(), ["n", "2"])
        (self.service.home / "warehouse/warehouse.duckdb").write_bytes(b"")
        checked = self.service.busker("fsck")
        self.assertEqual(checked.returncode, 1)
        self.assertIn("warehouse.duckdb was damaged, and was made anew", checked.stdout)
        self.assertEqual(self.service.facts("fsck")["faults"], [])


if __name__ == "__main__":
    unittest.main()
