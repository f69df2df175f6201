"""Backfills: which version they apply, what their dry run foresees, and what follows from them."""

import unittest

import workshop
from workshop import Service, kill, wait_until

SERVICE_FILE = """
name = "shop"
version = "1"

[model]
command = "./model.sh ${ACTION}"

[actions.training]

[actions.application]
input = "INPUT"
schedule = "@daily"
catch_up = "none"

[actions.application.deliver."predictions.csv"]
table = "shop.predictions"
write = "WRITE"

[actions.report]
after = ["application"]
"""


class BackfillTest(unittest.TestCase):
    def service(self, input="live", write="partition", more=""):
        text = SERVICE_FILE.replace("INPUT", input).replace("WRITE", write).replace('catch_up = "none"\n', 'catch_up = "none"\n' + more)
        service = Service(service_file=text, application=workshop.APPLICATION + "cat output/model.txt\n")
        service.write("configs/report.sh", "echo reported\n")
        self.addCleanup(service.close)
        return service

    def train(self, service, *dates):
        """The timestamps of the versions, by data date."""
        for date in dates:
            service.must("run", "training", "--date", date, "--quiet")
        return {m["data_date"]: m["version"] for m in service.facts("models")}

    def backfill(self, service, first, last, *words):
        return service.facts("backfill", "application", "--from", first, "--to", last, *words)

    def runs_by_date(self, service, action="application"):
        return {r["data_date"]: r for r in reversed(service.facts("runs", action, "-n", "500"))}

    def ended(self, service, count):
        """The runs of the application by date, when so many have ended."""
        final = ("succeeded", "failed", "cancelled", "skipped")
        runs = lambda: [r for r in self.runs_by_date(service).values() if r["state"] in final]
        wait_until(lambda: len(runs()) == count, f"{count} runs end")
        return self.runs_by_date(service)


class Versions(BackfillTest):
    def test_as_of_takes_the_newest_version_whose_data_date_is_before(self):
        # A backfill applied the live version of today to past dates: it had seen what it was to predict.
        service = self.service(input="as-of")
        version = self.train(service, "2026-01-01", "2026-03-01", "2026-02-01")  # the last one is never live
        self.assertEqual([m["data_date"] for m in service.facts("models") if m["live"]], ["2026-03-01"])
        wanted = {"2026-01-31": "2026-01-01", "2026-02-01": "2026-01-01", "2026-02-02": "2026-02-01"}
        dry = self.backfill(service, "2026-01-31", "2026-02-02", "--dry-run")
        self.assertEqual([one["version_data_date"] for one in dry], list(wanted.values()))
        self.assertEqual([one["version"] for one in dry], [version[date] for date in wanted.values()])
        self.assertEqual({one["warning"] for one in dry}, {None})
        self.backfill(service, "2026-01-31", "2026-02-02")
        for date, run in self.ended(service, 3).items():
            self.assertEqual(run["state"], "succeeded", run)
            self.assertTrue(run["model_version"].endswith(version[wanted[date]]), run)
            self.assertIn(f"a model of {wanted[date]}\n", service.must("logs", run["id"]))

    def test_a_date_before_every_version_is_not_queued(self):
        # It was queued, and could only fail.
        service = self.service(input="as-of")
        self.train(service, "2026-01-01")
        dry = self.backfill(service, "2025-12-31", "2026-01-02", "--dry-run")
        self.assertEqual([one["what"] for one in dry], ["cannot run", "cannot run", "run"])
        self.assertIn("the oldest is for 2026-01-01", dry[0]["warning"])
        done = self.backfill(service, "2025-12-31", "2026-01-02")
        self.assertEqual([one["run"] is None for one in done], [True, True, False])
        self.assertEqual(list(self.ended(service, 1)), ["2026-01-02"])
        for words in (["run", "application", "--date", "2025-12-31"],
                      ["backfill", "application", "--from", "2025-12-30", "--to", "2025-12-31"]):
            refused = service.busker(*words)
            self.assertEqual(refused.returncode, 3, refused.stdout)
            self.assertIn("whose data date is before 2025-12-3", refused.stderr)

    def test_nothing_live_refuses_the_whole_backfill(self):
        # 27 runs were queued, each of which failed: nothing was live.
        service = self.service()
        for words in ([], ["--dry-run"]):
            done = service.busker("backfill", "application", "--from", "2026-01-01", "--to", "2026-01-27", *words)
            self.assertEqual(done.returncode, 3, done.stdout)
            self.assertIn("none is live yet", done.stderr)
        self.assertEqual(service.facts("runs"), [])

    def test_a_live_version_that_is_later_than_the_date_is_warned_of(self):
        service = self.service()
        version = self.train(service, "2026-03-01")["2026-03-01"]
        dry = self.backfill(service, "2026-02-27", "2026-03-02", "--dry-run")
        self.assertEqual([one["version"] for one in dry], [version] * 4)
        self.assertEqual([one["warning"] is not None for one in dry], [True, True, False, False])
        self.assertIn("leakage", dry[0]["warning"])
        shown = service.must("backfill", "application", "--from", "2026-02-27", "--to", "2026-03-02")
        self.assertEqual(shown.count("leakage"), 1, "told once, for both dates, without a dry run too: " + shown)
        self.assertIn("4 queued", shown)


class Tables(BackfillTest):
    def test_the_dry_run_foresees_what_the_table_will_refuse(self):
        # Each of 42 dates was refused as older than what the table had, and the dry run had not said so.
        service = self.service(write="replace")
        self.train(service, "2025-01-01")
        service.must("run", "application", "--date", "2026-02-03", "--quiet")
        words = ("2026-02-01", "2026-02-04")
        refused = lambda *more: [one["warning"] is not None and "will refuse it" in one["warning"]
                                 for one in self.backfill(service, *words, "--dry-run", *more)]
        self.assertEqual(refused(), [True, True, False, False])
        self.assertEqual(refused("--newest-first"), [False, True, True, True])
        self.assertEqual(refused("--force"), [False] * 4)
        self.assertIn("takes the place of the rows for 2026-02-03", self.backfill(service, *words, "--dry-run", "--force")[0]["warning"])
        self.backfill(service, *words)
        wait_until(lambda: sum(r["state"] in ("succeeded", "failed") for r in service.facts("runs", "application", "-n", "50")) == 5, "all end")
        states = {r["data_date"]: r["state"] for r in service.facts("runs", "application", "-n", "50") if r["trigger"] == "backfill"}
        self.assertEqual([states[f"2026-02-0{day}"] for day in range(1, 5)], ["failed", "failed", "succeeded", "succeeded"])

    def test_a_forced_backfill_replaces_newer_rows(self):
        service = self.service(write="replace")
        self.train(service, "2025-01-01")
        service.must("run", "application", "--date", "2026-02-03", "--quiet")
        self.backfill(service, "2026-02-01", "2026-02-01", "--force")
        self.assertEqual(self.ended(service, 2)["2026-02-01"]["state"], "succeeded")
        self.assertEqual([d["data_date"] for d in service.facts("deliveries") if d["current"]], ["2026-02-01"])

    def test_partitions_refuse_no_other_date(self):
        service = self.service()
        self.train(service, "2025-01-01")
        service.must("run", "application", "--date", "2026-02-03", "--quiet")
        self.assertEqual({one["warning"] for one in self.backfill(service, "2026-02-01", "2026-02-04", "--dry-run")}, {None})


class WhatFollows(BackfillTest):
    def up(self, service):
        service.write(".busker/daemon.toml", '[http]\nlisten = "off"\n')
        daemon = service.start("up")
        self.addCleanup(daemon.wait, 30)
        self.addCleanup(kill, daemon.pid)
        self.addCleanup(daemon.stdout.close)
        wait_until(lambda: (service.home / "socket").exists(), "busker is up")

    def test_nothing_that_runs_after_a_graph_follows_its_backfill(self):
        # Neither page nor explain said whether it would.
        service = self.service()
        self.train(service, "2025-01-01")
        self.up(service)
        self.assertIn("runs of a backfill do not count", service.must("explain", "report"))
        self.backfill(service, "2026-02-01", "2026-02-03")
        self.assertEqual({r["state"] for r in self.ended(service, 3).values()}, {"succeeded"})
        self.assertEqual(service.facts("runs", "report"), [])
        service.must("run", "application", "--date", "2026-02-04", "--quiet")
        wait_until(lambda: len(service.facts("runs", "report")) == 1, "it follows a run that is none of a backfill")
        self.assertEqual(service.facts("runs", "report")[0]["data_date"], "2026-02-04")

    def test_with_depends_on_past_a_failure_ends_the_backfill_behind_it(self):
        # The runs behind a failed one ran all the same.
        service = self.service(more="depends_on_past = true\n")
        gate = service.folder / "gate"
        service.write("configs/application.sh", f"test $BUSKER_DATE != 2026-02-02 -o -e {gate}\n" + workshop.APPLICATION)
        self.train(service, "2025-01-01")
        refused = service.busker("backfill", "application", "--from", "2026-02-01", "--to", "2026-02-04", "--newest-first")
        self.assertEqual((refused.returncode, "depends_on_past" in refused.stderr), (2, True), refused.stderr)
        self.backfill(service, "2026-02-01", "2026-02-04", "--runs-at-once", "4")
        runs = self.ended(service, 4)
        self.assertEqual([runs[f"2026-02-0{day}"]["state"] for day in range(1, 5)], ["succeeded", "failed", "cancelled", "cancelled"])
        self.assertIn("the run for 2026-02-02 before it failed (depends_on_past)", runs["2026-02-04"]["message"])
        gate.touch()
        again = self.backfill(service, "2026-02-01", "2026-02-05", "--retry-failed")
        self.assertEqual([one["what"] for one in again], ["has its run, succeeded", "retry", "retry", "retry", "run"])
        runs = self.ended(service, 5)
        wait_until(lambda: {r["state"] for r in self.runs_by_date(service).values()} == {"succeeded"}, "all succeed")
        runs = self.runs_by_date(service)
        starts = [runs[f"2026-02-0{day}"]["started_at"] for day in range(2, 6)]
        self.assertEqual(starts, sorted(starts), "the oldest first")


if __name__ == "__main__":
    unittest.main()
