"""When a schedule runs: busker next, and the rule for daylight saving as the manual gives it."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import workshop
from workshop import Service

SCHEDULED = workshop.SERVICE_FILE.replace(
    "[actions.application]\n",
    '[actions.application]\nschedule = "30 2 * * *"\ntime_zone = "Europe/Berlin"\n')

# Expression, zone, from, the runs in UTC.
RULE = [
    ("30 2 * * *", "America/New_York", "2026-03-08", ["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]),
    ("30 1 * * *", "America/New_York", "2026-11-01", ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]),
    ("0 */2 * * *", "America/New_York", "2026-03-08T04:00:00Z",
     ["2026-03-08T05:00:00Z", "2026-03-08T08:00:00Z", "2026-03-08T10:00:00Z", "2026-03-08T12:00:00Z"]),
    ("30 * * * *", "America/New_York", "2026-11-01T04:00:00Z",
     ["2026-11-01T04:30:00Z", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z"]),
    ("*/15 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z",
     ["2026-03-29T00:30:00Z", "2026-03-29T00:45:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z",
      "2026-03-29T01:30:00Z"]),
    ("30 2 * * *", "Europe/Berlin", "2026-10-25", ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
    ("0 0 13 * 5", "UTC", "2026-02-01",
     ["2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z", "2026-02-27T00:00:00Z"]),
    ("0 0 29 2 *", "UTC", "2026-01-01", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
]


class NextTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()  # no service in it
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def next(self, *words, service=None):
        """Runs busker next in a folder without a service, or in the service's."""
        return subprocess.run([workshop.BUSKER, "next", *words], cwd=service.folder if service else self.folder,
                              capture_output=True, text=True, check=False, timeout=60,
                              stdin=subprocess.DEVNULL)

    def facts(self, *words, service=None):
        done = self.next(*words, "--json", service=service)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def fails(self, code, *words, says, service=None):
        done = self.next(*words, service=service)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertIn(says, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def another(self, **settings):
        service = Service(**settings)
        self.addCleanup(service.close)
        return service


class Expressions(NextTest):
    def test_run_as_the_rule_says(self):
        for expression, zone, start, runs in RULE:
            with self.subTest(expression=expression, zone=zone, start=start):
                coming = self.facts(expression, "--zone", zone, "--from", start, "--count", str(len(runs)))
                self.assertEqual([run["utc"] for run in coming], runs)

    def test_show_local_time_and_what_the_clocks_do(self):
        gap = self.facts("30 2 * * *", "--zone", "Europe/Berlin", "--from", "2026-03-28", "--count", "3")
        self.assertEqual([run["local"] for run in gap],
                         ["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00",
                          "2026-03-30T02:30:00+02:00"])
        self.assertEqual([run["note"] for run in gap], ["", "clocks go forward: 02:30 does not exist", ""])
        twice = self.facts("30 * * * *", "--zone", "America/New_York", "--from", "2026-11-01T05:00:00Z",
                           "--count", "3")
        self.assertEqual([run["note"] for run in twice],
                         ["clocks go back: first of two", "clocks go back: second of two", ""])
        later = self.facts("0 7 * * *", "--zone", "Europe/Berlin", "--from", "2026-03-28", "--count", "2")
        self.assertEqual([run["note"] for run in later],
                         ["", "clocks go forward 1h, from 02:00 to 03:00 at 2026-03-29T01:00:00Z"])

    def test_print_as_lines_with_the_changes_between_them(self):
        done = self.next("0 7 * * *", "--zone", "Europe/Berlin", "--from", "2026-10-24", "--count", "2")
        self.assertEqual(done.stdout.splitlines(),
                         ["UTC                   LOCAL, Europe/Berlin",
                          "2026-10-24T05:00:00Z  2026-10-24T07:00:00+02:00",
                          "-- clocks go back 1h, from 03:00 to 02:00 at 2026-10-25T01:00:00Z",
                          "2026-10-25T06:00:00Z  2026-10-25T07:00:00+01:00"])

    def test_are_in_utc_from_now_on_ten_of_them_unless_told_otherwise(self):
        coming = self.facts("@hourly")
        self.assertEqual(len(coming), 10)
        self.assertTrue(all(run["local"] == run["utc"].replace("Z", "+00:00") for run in coming))
        self.assertEqual(self.facts("@yearly", "--from", "2026-01-01", "-n", "1")[0]["utc"],
                         "2026-01-01T00:00:00Z")
        self.assertEqual(len(self.facts("* * * * *", "--count", "1000")), 1000)

    def test_that_come_no_more_are_no_error(self):
        self.assertEqual(self.facts("0 0 29 2 *", "--from", "9998-01-01"), [])
        self.assertEqual(self.next("0 0 29 2 *", "--from", "9998-01-01").stdout, "no run comes any more\n")

    def test_that_are_wrong_are_refused_with_the_place(self):
        self.fails(2, "60 * * * *", says="minute: \"60\" is not within 0-59")
        self.fails(2, "@dayly", says="did you mean \"@daily\"?")
        self.fails(2, "0 7 * *", says="4 fields where five are meant")
        self.fails(2, "0 0 30 2 *", says="never comes")
        self.fails(2, "@daily", "--zone", "Europe/Berln", says="did you mean \"Europe/Berlin\"?")
        self.fails(2, "@daily", "--from", "yesterday", says="--from: \"yesterday\" is not a date")
        self.fails(2, "@daily", "--from", "2026-03-08T00:00:00", says="--from")
        for count in ("0", "1001", "-1", "many"):
            done = self.next("@daily", "--count", count)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("--count", done.stderr)


class TimeZones(NextTest):
    # With a "slim" database, which has rules instead of tables for the years to come, New York had
    # summer time all the year round, and nothing was said.
    def test_are_refused_when_the_database_lacks_the_years_to_come(self):
        zoneinfo = pathlib.Path("/usr/share/zoneinfo")
        source = zoneinfo / "tzdata.zi"
        alone = ["unshare", "--map-root-user", "--mount"]
        zic = shutil.which("zic", path=os.environ["PATH"] + ":/usr/sbin")
        if not (source.exists() and zic) or subprocess.run([*alone, "true"], capture_output=True,
                                                           check=False).returncode != 0:
            self.skipTest("needs zic, tzdata.zi and user namespaces")
        subprocess.run([zic, "-b", "slim", "-d", self.folder, source], check=True)
        for table in ("tzdata.zi", "zone.tab"):
            shutil.copy(zoneinfo / table, self.folder)
        done = subprocess.run(
            [*alone, "sh", "-c", 'mount --bind "$1" "$2" && exec "$3" next @daily --zone America/New_York',
             "sh", self.folder, zoneinfo, workshop.BUSKER],
            capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn('it is "slim"', done.stderr)


class Actions(NextTest):
    def test_run_by_their_schedule_in_their_zone(self):
        service = self.another(service_file=SCHEDULED)
        coming = self.facts("application", "--from", "2026-03-29", "-n", "2", service=service)
        self.assertEqual([run["utc"] for run in coming], ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"])
        elsewhere = self.facts("application", "-C", str(service.folder), "--from", "2026-03-29", "-n", "2")
        self.assertEqual(elsewhere, coming)
        self.assertFalse(service.home.exists())  # it only looks

    def test_without_a_schedule_are_told_how_to_get_one(self):
        service = self.another(service_file=SCHEDULED)
        self.fails(2, "training", service=service, says="the action \"training\" has no schedule; give it one")

    def test_have_a_zone_of_their_own(self):
        service = self.another(service_file=SCHEDULED)
        self.fails(2, "application", "--zone", "UTC", service=service,
                   says="the zone of the action \"application\" is Europe/Berlin")

    def test_that_do_not_exist_are_not_found(self):
        service = self.another(service_file=SCHEDULED)
        self.fails(3, "aplication", service=service, says="application")
        self.fails(3, "application", says="\"application\" is not a cron expression")


if __name__ == "__main__":
    unittest.main()
