"""The loop as a person uses it: train, publish, apply, deliver, ask, undo; and what bad input gets."""

import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import time
import unittest

import workshop
from workshop import Service, wait_until


def has_started(attempt):
    """The start marker stands in the lock file, behind a line with the runner's process id."""
    lock = attempt / "lock"
    return lock.exists() and lock.stat().st_size > 11


def on_a_terminal(service, words, environment):
    """What busker writes when its output is a terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen([str(workshop.BUSKER), words[0], "-C", str(service.folder), *words[1:]], stdin=its,
                               stdout=its, stderr=its, env={**os.environ, "TERM": "xterm", **environment})
    os.close(its)
    shown = b""
    try:
        while part := os.read(ours, 1 << 16):
            shown += part
    except OSError:  # the other end was closed
        pass
    os.close(ours)
    process.wait(60)
    return shown.decode(errors="surrogateescape")


class LoopTest(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(lambda: self.service.close())

    def another(self, **settings):
        service = Service(**settings)
        self.addCleanup(service.close)
        return service

    def fails(self, code, *words, service=None, says):
        done = (service or self.service).busker(*words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(says, done.stderr)
        return done


class TheLoop(LoopTest):
    def test_trains_applies_delivers_and_answers(self):
        self.service.must("run", "training")
        self.service.must("run", "application")
        self.assertEqual(self.service.facts("query", "SELECT * FROM shop.predictions ORDER BY 1"),
                         [{"player_id": "001", "label": True}, {"player_id": "002", "label": False}])
        models = self.service.facts("models")
        self.assertEqual([m["live"] for m in models], [True])
        self.assertEqual(models[0]["metrics"], {"auc": 0.8, "rows": 1200})
        delivery = self.service.facts("deliveries")[0]
        self.assertEqual((delivery["rows"], delivery["current"]), (2, True))
        self.assertTrue(delivery["model_version"].endswith(models[0]["version"]))
        self.assertEqual(self.service.facts("fsck")["faults"], [])

    def test_shows_what_the_program_wrote_between_running_and_well_done(self):
        self.service.write("configs/training.sh", workshop.TRAINING + "echo learning; echo oops >&2\n")
        shown = self.service.must("run", "training")
        log = self.service.must("logs", "training", "--task", "training")
        self.assertEqual(log.splitlines(), ["Running the action...", "learning", "oops", "Well done."])
        for line in log.splitlines():
            self.assertIn(line, shown)

    def test_a_terminal_is_spared_what_a_program_writes_to_take_it_over(self):
        # With NO_COLOR set, logs came to the terminal as they were: titles set, links made, lines rewritten.
        codes = ["\\033]0;title\\007", "\\033]8;;http://evil.test\\033\\\\link\\033]8;;\\033\\\\", "\\033]52;c;cm0gLXJm\\007",
                 "\\033[2J", "\\033c", "\\033P+q\\033\\\\", "\\302\\233 2J", "\\233 2J", "a\\rb", "\\342\\200\\256evil", "\\010\\010"]
        self.service.write("configs/training.sh", workshop.TRAINING + "".join(
            f"printf '{code}\\n'; sleep 0.0{i % 3}\n" for i, code in enumerate(codes)) + "exit 3\n")
        for environment in ({}, {"NO_COLOR": "1"}):
            for words in (["run", "training"], ["logs", "training"], ["runs"], ["explain", "training"]):
                shown = on_a_terminal(self.service, words, environment)
                for colour in ("\x1b[0m", "\x1b[1m", "\x1b[2m", *(f"\x1b[3{n}m" for n in range(8))):
                    shown = shown.replace(colour, "" if not environment else colour)
                text = shown.replace("\r\n", "\n")
                self.assertNotRegex(text, "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", words)
                if words[0] == "logs":
                    self.assertNotIn("cm0gLXJm", text)
                    self.assertIn("\nlink\n", text)
                    self.assertIn("\nb\n", text)

    def test_runs_a_folder_of_configs_and_source_without_a_service_file(self):
        service = self.another(service_file=None)
        for name in ("training.sh", "application.sh"):
            (service.folder / "configs" / name).unlink()
        service.write("configs/training.json", '{"path": "output", "rows": 3}')
        service.write("configs/application.json", '{"date": "${DATE}", "name": "${NAME}"}')
        service.write("requirements.txt", "")
        service.write("source/prediction/__init__.py", "")
        service.write("source/prediction/main.py", """
import argparse, json, os
parser = argparse.ArgumentParser()
parser.add_argument('--action')
parser.add_argument('--config')
words = parser.parse_args()
config = json.load(open(words.config))
if words.action == 'training':
    open('output/model.txt', 'w').write('m')
else:
    assert open('output/model.txt').read() == 'm'
    with open('output/predictions.csv', 'w') as file:
        file.write('date,name\\n' + config['date'] + ',' + config['name'] + '\\n')
""")
        (service.folder / ".venv/bin").mkdir(parents=True)
        (service.folder / ".venv/bin/python").symlink_to(sys.executable)
        service.must("run", "training")
        service.must("run", "application", "--date", "2019-08-01")
        name = service.folder.name.lower()
        table = "".join(c if c.isalnum() else "_" for c in name) + ".predictions"
        rows = service.facts("query", f'SELECT CAST(date AS VARCHAR) AS date, name FROM {table}')
        self.assertEqual(rows, [{"date": "2019-08-01", "name": name}])
        self.assertFalse((service.folder / "output").exists())

    def test_a_worse_model_is_kept_but_does_not_become_live(self):
        self.service.must("run", "training")
        self.service.write("configs/training.sh", workshop.TRAINING.replace("0.8", "0.7"))
        shown = self.service.must("run", "training")
        self.assertIn("not promoted: auc 0.7 is not >= 0.79 (0.8 - 0.01)", shown)
        self.assertEqual([m["live"] for m in self.service.facts("models")], [True, False])

    def test_a_model_of_an_older_data_date_does_not_become_live_by_itself(self):
        self.service.must("run", "training", "--date", "2019-08-01")
        shown = self.service.must("run", "training", "--date", "2019-07-01")
        self.assertIn("later data date", shown)
        self.service.must("run", "training", "--date", "2019-06-01", "--force")
        self.assertEqual([m["live"] for m in self.service.facts("models")], [False, False, True])

    def test_promote_and_rollback_move_what_applications_use(self):
        self.service.must("run", "training", "--date", "2019-07-01")
        self.service.must("run", "training", "--date", "2019-08-01")
        first, second = [m["version"] for m in self.service.facts("models")]
        self.service.must("promote", first)
        self.assertEqual(self.service.facts("status")["live"], first)
        self.service.must("rollback")
        self.assertEqual(self.service.facts("status")["live"], second)
        self.service.must("rollback")
        self.assertEqual(self.service.facts("status")["live"], first)
        self.fails(3, "rollback", says="nothing")

    def test_undo_gives_back_the_rows_of_before(self):
        self.service.must("run", "training")
        self.service.must("run", "application", "--date", "2019-08-01")
        self.service.write("configs/application.sh",
                           "printf 'player_id,label\\n009,true\\n' > output/predictions.csv\n")
        self.service.must("run", "application", "--date", "2019-08-02")
        self.assertEqual(self.service.rows(), 1)
        newest = self.service.facts("deliveries")[-1]["id"]
        self.service.must("undo", newest)
        self.assertEqual(self.service.rows(), 2)
        self.fails(2, "undo", newest, says="undone")

    def test_an_older_date_does_not_overwrite_a_newer_delivery(self):
        self.service.must("run", "training")
        self.service.must("run", "application", "--date", "2019-08-02")
        self.fails(1, "run", "application", "--date", "2019-08-01", says="--force")
        self.service.must("run", "application", "--date", "2019-08-01", "--force")

    def test_a_failed_attempt_is_tried_again_as_often_as_the_service_says(self):
        self.service.write("busker.toml", workshop.SERVICE_FILE.replace(
            '[actions.training]\n', '[actions.training]\nretries = 2\nretry_delay = "10ms"\n'))
        witness = self.service.folder / "witness"
        self.service.write("configs/training.sh", f"""
echo x >> {witness}
test $(wc -l < {witness}) -ge 3
{workshop.TRAINING}""")
        self.service.must("run", "training")
        attempts = self.service.facts("runs")[0]["tasks"][0]["attempts"]
        self.assertEqual([a["ending"] for a in attempts], ["exited", "exited", "succeeded"])
        self.assertEqual(self.service.facts("fsck")["faults"], [])

    def test_the_program_sees_the_agreed_environment_and_nothing_else(self):
        self.service.write("busker.toml", workshop.SERVICE_FILE.replace(
            "[actions.training]", 'environment = { OMP_NUM_THREADS = "1" }\n'
            'pass_environment = ["LET_THROUGH"]\n[actions.training]', 1))
        self.service.write("configs/training.sh", "env -0 > output/env\n")
        environment = {"PATH": os.environ["PATH"], "HOME": "/h", "SECRET": "s", "LET_THROUGH": "l"}
        done = self.service.busker("run", "training", "--date", "2019-08-01", env=environment)
        self.assertIn("auc", done.stderr)  # the gate misses its metric: the version is saved all the same
        version = next(self.service.home.glob("artifacts/shop/1/training/*/env"))
        seen = dict(entry.split("=", 1) for entry in version.read_text().split("\0") if entry)
        for shell_own in ("PWD", "OLDPWD", "SHLVL", "_"):
            seen.pop(shell_own, None)
        run = self.service.facts("runs")[0]
        instance = json.loads((self.service.home / "instance").read_text())["id"]
        self.assertEqual(seen, {
            "PATH": os.environ["PATH"], "HOME": "/h", "LET_THROUGH": "l", "OMP_NUM_THREADS": "1",
            "NAME": "shop", "VERSION": "1", "ACTION": "training", "ZONE": "local",
            "BUSKER_RUN": run["id"], "BUSKER_DATE": "2019-08-01",
            "BUSKER_SCHEDULED_AT": "2019-08-01T00:00:00Z", "PYTHONUNBUFFERED": "1",
            "BUSKER_ATTEMPT": f"{run['id']}/training.1",
            "BUSKER_MARK": f"{instance}/{run['id']}/training.1"})

    def test_facts_come_as_json_with_the_agreed_keys(self):
        self.assertEqual(self.service.facts("runs"), [])
        self.assertEqual(self.service.facts("models"), [])
        self.assertEqual(self.service.facts("deliveries"), [])
        run = self.service.facts("run", "training", "--date", "2019-08-01T07:30:00+02:00")
        self.assertEqual((run["action"], run["state"]), ("training", "succeeded"))
        self.assertEqual(run["scheduled_at"], "2019-08-01T05:30:00Z")
        listed = self.service.facts("runs", "training", "--state", "succeeded")
        self.assertEqual(listed, [run])
        for key in ("id", "started_at", "ended_at"):
            self.assertIn(key, listed[0])
        self.assertEqual([a["last_run"] and a["last_run"]["id"] for a in self.service.facts("status")["actions"]],
                         [None, run["id"]])
        self.assertEqual(self.service.facts("validate"), {"valid": True, "faults": [], "warnings": []})
        self.assertEqual(self.service.facts("query", "SELECT 1 AS a, NULL AS b, 1.50::DECIMAL(9,2) AS c, 'x' AS d"),
                         [{"a": 1, "b": None, "c": 1.5, "d": "x"}])
        json.loads(self.service.must("schema"))


class BadInput(LoopTest):
    def training_fails(self, script, says, service=None):
        self.service.write("configs/training.sh", script)
        done = self.fails(1, "run", "training", says=says)
        self.assertEqual(self.service.facts("models"), [])
        self.assertEqual(self.service.facts("fsck")["faults"], [])
        return done

    def test_missing_program(self):
        self.service.write("busker.toml", workshop.SERVICE_FILE.replace("./model.sh", "./modle.sh"))
        self.fails(1, "run", "training", says="there is no program ./modle.sh")

    def test_program_that_is_not_executable(self):
        (self.service.folder / "model.sh").chmod(0o644)
        self.fails(1, "run", "training", says="not executable")

    def test_exit_by_signal(self):
        self.training_fails("kill -SEGV $$", says="Segmentation fault")

    def test_exit_with_a_code(self):
        self.training_fails("echo 'no such column: tenure' >&2; exit 3", says="exit code 3; last output: no such column: tenure")

    def test_output_folder_removed(self):
        self.training_fails("rm -r output", says="output")

    def test_a_training_that_saves_nothing_does_not_become_live(self):
        # An empty version became live, and the next application was given no model.
        self.service.write("busker.toml", workshop.SERVICE_FILE.replace("promote_when", "# promote_when"))
        self.service.must("run", "training")
        self.service.write("configs/training.sh", "true")
        self.fails(1, "run", "training", says="left nothing in output/")
        self.assertEqual([m["live"] for m in self.service.facts("models")], [True, False])

    def test_missing_predictions(self):
        self.service.must("run", "training")
        self.service.write("configs/application.sh", "true")
        self.fails(1, "run", "application", says="predictions.csv")

    def test_empty_predictions(self):
        self.service.must("run", "training")
        self.service.write("configs/application.sh", ": > output/predictions.csv")
        self.fails(1, "run", "application", says="predictions.csv")

    def test_bad_value_names_row_and_column_and_leaves_the_table(self):
        self.service.must("run", "training")
        self.service.must("run", "application")
        self.service.write("configs/application.sh",
                           "printf 'player_id,label\\n1,true\\n2,maybe\\n' > output/predictions.csv")
        done = self.fails(1, "run", "application", says="row 2")
        self.assertIn("label", done.stderr)
        self.assertIn("maybe", done.stderr)
        self.assertEqual(self.service.rows(), 2)

    def test_config_that_is_no_json(self):
        self.service.write("busker.toml", workshop.SERVICE_FILE.replace(
            "[actions.training]", '[actions.training]\nconfig = "configs/training.json"'))
        self.service.write("configs/training.json", '{\n  "rows": 1,\n  oops\n}')
        self.fails(1, "run", "training", says="configs/training.json:3:")

    def test_unknown_key_has_its_place_and_a_suggestion(self):
        self.service.write("busker.toml", 'name = "shop"\n[model]\ncommand = "true"\n[actions.training]\nshedule = "@daily"\n')
        self.fails(2, "run", "training", says='busker.toml:5:1: unknown key "shedule"')
        self.fails(2, "validate", says='did you mean "schedule"?')

    def test_a_gate_that_cannot_be_read_has_its_place(self):
        self.service.write("busker.toml", workshop.SERVICE_FILE.replace("auc >=", "auc >>"))
        self.fails(2, "run", "training", says="busker.toml:9:")
        self.fails(2, "validate", says="promote_when")

    def test_huge_and_deep_service_files(self):
        self.service.write("busker.toml", "# " + "x" * 10_000_000)
        self.fails(2, "validate", says="busker.toml")
        self.service.write("busker.toml", "a = " + "[" * 10_000 + "]" * 10_000)
        self.fails(2, "validate", says="busker.toml:1:")

    def test_unknown_action_version_delivery_and_verb(self):
        self.fails(3, "run", "trainign", says="training")
        self.service.must("run", "training")
        self.fails(3, "promote", "20010101T000000Z", says="no version")
        self.fails(3, "undo", "nothing.1", says="nothing.1")
        done = subprocess.run([workshop.BUSKER, "stauts"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn('did you mean "status"?', done.stderr)

    def test_application_before_any_training(self):
        self.fails(3, "run", "application", says="run the training first")

    def test_corrupted_artifact_is_refused_by_its_digest(self):
        self.service.must("run", "training")
        model = next(self.service.home.glob("artifacts/shop/1/training/*/model.txt"))
        model.chmod(0o644)
        model.write_text("x" * len(model.read_text()))
        self.fails(1, "run", "application", says="model.txt")
        self.assertEqual(self.service.busker("fsck").returncode, 1)

    def test_read_only_artifacts(self):
        self.service.must("run", "training")
        artifacts = self.service.home / "artifacts"
        subprocess.run(["mount", "--bind", "-o", "ro", artifacts, artifacts], check=True)
        try:
            subprocess.run(["mount", "-o", "remount,bind,ro", artifacts], check=True)
            self.fails(1, "run", "training", says="artifacts")
        finally:
            subprocess.run(["umount", artifacts], check=True)
        self.service.must("run", "training")

    def test_disk_full_while_saving(self):
        self.service.must("run", "training")
        artifacts = self.service.home / "artifacts" / "shop"
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", artifacts], check=True)
        try:
            self.service.write("configs/training.sh", "head -c 1000000 /dev/zero > output/big\n")
            self.fails(1, "run", "training", says="No space left")
            self.assertEqual(list(artifacts.glob("**/manifest.json")), [])
        finally:
            subprocess.run(["umount", artifacts], check=True)
        self.assertEqual(len(self.service.facts("models")), 1)

    def test_timeout_ends_the_whole_tree(self):
        self.service.write("busker.toml", workshop.SERVICE_FILE.replace(
            "[actions.training]", '[actions.training]\ntimeout = "300ms"'))
        self.service.write("configs/training.sh", "setsid sleep 61.5 & sleep 61.5")
        self.fails(1, "run", "training", says="timeout")
        sleeping = subprocess.run(["pgrep", "-f", "^sleep 61.5"], capture_output=True)
        self.assertEqual(sleeping.returncode, 1)


class SeveralAtOnce(LoopTest):
    def test_a_second_run_is_asked_of_the_first_busker_and_outlives_it(self):
        gate = self.service.folder / "gate"
        self.service.write("configs/training.sh",
                           f"while ! test -e {gate}; do sleep 0.02; done\n{workshop.TRAINING}")
        first = self.service.start("run", "training")
        wait_until(lambda: len(self.service.attempts()) == 1, "the first run starts")
        second = self.service.start("run", "training")
        self.assertRegex(second.stdout.readline(), r"^run \S+: training of shop for \d{4}-\d\d-\d\d$")
        self.assertEqual([r["state"] for r in self.service.facts("runs")], ["queued", "running"])
        gate.touch()
        self.assertEqual(first.wait(60), 0)
        out, _ = second.communicate(timeout=60)
        self.assertEqual(second.returncode, 0, out)
        first.stdout.close()
        self.assertEqual([r["state"] for r in self.service.facts("runs")], ["succeeded", "succeeded"])

    def test_runs_of_one_second_get_versions_of_their_own(self):
        for _ in range(3):
            self.service.must("run", "training", "--quiet")
        self.assertEqual(len({m["version"] for m in self.service.facts("models")}), 3)

    def test_control_c_cancels_the_run_and_ends_the_program(self):
        self.service.write("configs/training.sh", "sleep 62.5")
        run = self.service.start("run", "training")
        wait_until(lambda: any(has_started(a) for a in self.service.attempts()),
                   "the program starts")
        os.kill(run.pid, signal.SIGINT)
        out, _ = run.communicate(timeout=30)
        self.assertEqual(run.returncode, 130, out)  # it was 1, as of a run that fails
        self.assertEqual(self.service.facts("runs")[0]["state"], "cancelled")
        self.assertEqual(subprocess.run(["pgrep", "-f", "^sleep 62.5"], capture_output=True).returncode, 1)
        self.assertEqual(self.service.facts("fsck")["faults"], [])


    def test_logs_follow_a_run_that_another_busker_runs(self):
        gate = self.service.folder / "gate"
        self.service.write("configs/training.sh",
                           f"echo early; while ! test -e {gate}; do sleep 0.02; done; echo late\n{workshop.TRAINING}")
        run = self.service.start("run", "training")
        wait_until(lambda: any(has_started(a) for a in self.service.attempts()), "the program starts")
        follow = self.service.start("logs", "training", "-f", "--task", "training")
        first = [follow.stdout.readline(), follow.stdout.readline()]
        self.assertEqual(first, ["Running the action...\n", "early\n"])
        gate.touch()
        rest, _ = follow.communicate(timeout=30)
        self.assertEqual(rest, "late\nWell done.\n")
        run.communicate(timeout=30)


class Survival(LoopTest):
    def slow_training(self):
        self.gate = self.service.folder / "gate"
        self.witness = self.service.folder / "witness"
        self.service.write("configs/training.sh", f"""
setsid sleep 63.5 &
echo started >> {self.witness}
while ! test -e {self.gate}; do sleep 0.02; done
{workshop.TRAINING}""")
        run = self.service.start("run", "training")
        self.addCleanup(run.stdout.close)
        wait_until(lambda: self.witness.exists() and self.witness.read_text() != "", "the program starts")
        return run

    def test_the_program_goes_on_when_busker_is_killed_and_the_next_busker_finishes_the_run(self):
        run = self.slow_training()
        run.kill()
        run.wait()
        self.gate.touch()
        self.service.must("wait", "training", "--limit", "60s")
        self.service.must("run", "application")
        runs = self.service.facts("runs")
        self.assertEqual([r["state"] for r in runs], ["succeeded", "succeeded"])
        self.assertEqual(self.witness.read_text(), "started\n")
        self.assertEqual(self.service.facts("fsck")["faults"], [])

    def test_control_c_cancels_the_own_run_and_an_old_one_goes_on_until_it_is_cancelled(self):
        # A hanging program that an earlier busker had left blocked every later run, and nothing could end it.
        run = self.slow_training()
        run.kill()
        run.wait()
        own = self.service.start("run", "training")
        self.assertIn("also going on with", own.stdout.readline())
        self.assertIn("training of shop", own.stdout.readline())
        os.kill(own.pid, signal.SIGINT)
        out, _ = own.communicate(timeout=30)
        self.assertEqual(own.returncode, 130, out)
        mine, old = self.service.facts("runs")
        self.assertEqual((mine["state"], old["state"]), ("cancelled", "running"))
        self.service.must("cancel", old["id"])
        self.assertEqual(self.service.facts("runs")[1]["state"], "cancelled")
        self.assertEqual(subprocess.run(["pgrep", "-f", "^sleep 63.5"], capture_output=True).returncode, 1)

    def test_a_killed_delivery_is_carried_out_again_and_its_rows_come_once(self):
        # A delivery whose runner was killed after the commit was recorded as failed, and done by hand again
        # it doubled the rows of an appended table.
        self.service.write("busker.toml", workshop.SERVICE_FILE.replace(
            'table = "shop.predictions"', 'table = "shop.predictions"\nwrite = "append"'))
        self.service.must("run", "training")
        for call in range(10, 400, 30):
            killed_once = self.service.write("killed-once", f"""#!/bin/sh
case "$1" in
  */deliver.1)
    if mkdir {self.service.home}/once-{call} 2>/dev/null; then
      exec /usr/bin/strace -qq -o /dev/null -e inject=all:signal=KILL:when={call} {workshop.RUNNER} "$1"
    fi ;;
esac
exec {workshop.RUNNER} "$1"
""", mode=0o755)
            done = self.service.busker("run", "application", env=dict(os.environ, BUSKER_RUNNER=str(killed_once)))
            self.assertEqual(done.returncode, 0, f"killed at call {call}: {done.stdout}{done.stderr}")
        self.assertEqual(self.service.rows(), 2 * len(range(10, 400, 30)))
        self.assertEqual(self.service.facts("fsck")["faults"], [])

    def test_a_killed_runner_fails_its_attempt_and_leaves_no_process(self):
        run = self.slow_training()
        workshop.kill(workshop.runner_of(self.service.attempts()[0]))
        out, _ = run.communicate(timeout=30)
        self.assertEqual(run.returncode, 1, out)
        self.assertEqual(self.witness.read_text(), "started\n")
        self.assertEqual(self.service.facts("models"), [])
        self.assertEqual(self.service.facts("fsck")["faults"], [])
        # One that had left the session lived on where there was no cgroup.
        left = [p for p in pathlib.Path("/proc").glob("[0-9]*/environ")
                if b"BUSKER_ATTEMPT=" + self.service.facts("runs")[0]["id"].encode() in _read(p)]
        self.assertEqual(left, [])

    def test_a_corrupt_record_is_refused_and_left_alone(self):
        self.service.must("run", "training")
        record = self.service.home / "busker.db"
        for rest in self.service.home.glob("busker.db-*"):
            rest.unlink()
        record.write_bytes(b"no database at all" * 1000)
        self.fails(78, "run", "training", says="busker.db")
        self.assertEqual(record.read_bytes(), b"no database at all" * 1000)


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    unittest.main()
