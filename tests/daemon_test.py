"""The daemon as a person uses it: busker up, and the verbs that speak to it."""

import base64
import contextlib
import datetime
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

import workshop
from workshop import SERVICE_FILE, Service, is_alive, kill, runner_of, wait_until

# What each task of a graph writes to the witness file: its name, when it starts and when it ends.
WITNESS = 'echo "$1 start $(date +%s%N)" >> "$ROOM/witness"; {code}; echo "$1 end $(date +%s%N)" >> "$ROOM/witness"'


class Room:
    """A folder of services and graph files, a home, and the busker that is up on them."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-test-"))
        self.home = self.folder / "home"
        self.daemon = None

    def close(self):
        if self.daemon is not None:
            self.down(signal.SIGKILL)
        for attempt in workshop.attempts_in(self.home):
            runner = runner_of(attempt)
            if runner is not None and not (attempt / "exit.json").exists():
                kill(runner, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def graph(self, name, *tasks, after=(), **words):
        """A graph file; a task is a name and its code, and more words of the format."""
        return self.write(f"graphs/configs/{name}.json", json.dumps({
            "graph": {"dag_id": name, **words},
            "tasks": [{"name": t[0], "code": t[1], **(t[2] if len(t) > 2 else {})} for t in tasks],
            "dependencies": [list(pair) for pair in after]}))

    def up(self, *folders, busker=workshop.BUSKER, **options):
        """Starts busker up and waits until it says that it is up."""
        if self.daemon is not None:
            self.daemon.stdout.close()
        self.daemon = subprocess.Popen(
            [str(busker), "up", *[str(self.folder / f) for f in folders or ["graphs"]], "--home", str(self.home)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
            start_new_session=True, **options)
        self.said = []
        for line in self.daemon.stdout:
            self.said.append(line.rstrip("\n"))
            if " is up: " in line:
                break
        assert self.said and " is up: " in self.said[-1], self.said
        threading.Thread(target=self._listen, args=(self.daemon.stdout, self.said), daemon=True).start()

    @staticmethod
    def _listen(stream, said):
        with contextlib.suppress(ValueError):
            for line in stream:
                said.append(line.rstrip("\n"))

    def down(self, how=signal.SIGTERM):
        kill(self.daemon.pid, how)
        return self.daemon.wait(30)

    def busker(self, *words, timeout=60, **options):
        return subprocess.run([str(workshop.BUSKER), *words, "--home", str(self.home), "-C", str(self.folder)],
                              capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, **options)

    def must(self, *words):
        done = self.busker(*words)
        assert done.returncode == 0, f"busker {' '.join(words)}: {done.stderr}{done.stdout}"
        return done.stdout.strip()

    def facts(self, *words):
        return json.loads(self.must(*words, "--json"))

    def run_of(self, run):
        return next(r for r in self.facts("runs", "-n", "500") if r["id"] == run)

    def ended(self, run, limit="30s"):
        """The run when it has ended."""
        self.must("wait", run, "--limit", limit)
        return self.run_of(run)

    def lines(self, name="witness"):
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


class DaemonTest(unittest.TestCase):
    def setUp(self):
        self.room = Room()
        self.addCleanup(self.room.close)

    def fails(self, code, *words, says):
        done = self.room.busker(*words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(says, done.stderr)

    def waits_at_gate(self, gate="gate"):
        return f"while ! test -e {self.room.folder}/{gate}; do sleep 0.02; done"

    def open(self, gate="gate"):
        (self.room.folder / gate).touch()

    def says(self, what):
        return f"echo {what} >> {self.room.folder}/witness"


class Definitions(DaemonTest):
    def test_serves_a_service_and_graphs_and_sees_what_changes(self):
        service = Service(service_file=SERVICE_FILE.replace(
            "[actions.application]\n", '[actions.application]\nschedule = "0 7 * * *"\n'))
        self.addCleanup(service.close)
        self.room.graph("nightly", ("one", "true"), schedule_interval="@daily", start_date="2026-01-01")
        self.room.up(service.folder, "graphs")
        status = self.room.facts("status")
        graphs = {a.get("graph") or f"{a['service']}/{a['action']}": a for a in status["actions"]}
        self.assertEqual(set(graphs), {"nightly", "shop/training", "shop/application"})
        self.assertTrue(graphs["shop/application"]["next"].endswith("T07:00:00Z"))
        self.assertTrue(graphs["nightly"]["next"].endswith("T00:00:00Z"))
        self.assertIn("shop/application runs next at", service.must("explain", "application"))

        names = lambda: {a.get("graph") for a in self.room.facts("status")["actions"]}
        self.room.graph("second", ("one", "true"))
        wait_until(lambda: "second" in names(), "a new graph is seen", limit=30)
        self.room.graph("second", ("other", self.says("changed")))
        wait_until(lambda: self.room.ended(self.room.must("start", "second"))["tasks"][0]["name"] == "other",
                   "a changed graph is seen", limit=30)
        (self.room.folder / "graphs/configs/second.json").unlink()
        wait_until(lambda: "second" not in names(), "a removed graph is seen", limit=30)

    def test_a_poison_file_affects_itself_and_its_last_good_definition_stays(self):
        # A file that was no JSON any more counted as no graph file, so its graph was removed and no fault shown.
        good = self.room.graph("good", ("one", self.says("good")))
        self.room.graph("other", ("one", self.says("other")))
        self.room.up()
        good.write_text("{ poison")
        wait_until(lambda: self.room.facts("status")["faults"], "the fault is shown", limit=30)
        shown = self.room.must("status")
        self.assertIn("good.json", shown)
        self.assertIn("what it defined before stays active", shown)
        self.assertEqual([self.room.ended(self.room.must("start", g))["state"] for g in ("good", "other")],
                         ["succeeded"] * 2)

    def test_what_cannot_be_served_is_said(self):
        self.fails(3, "up", str(self.room.folder / "nowhere"), says="no file or folder")
        self.room.graph("good", ("one", "true"))
        self.room.write("home/daemon.toml", "slotz = 3\n")
        self.fails(2, "up", str(self.room.folder / "graphs"), says='did you mean "slots"?')
        self.room.write("home/daemon.toml", "slots = 3\n")
        self.room.up()
        self.fails(75, "up", str(self.room.folder / "graphs"), says="is up")
        self.room.down()
        for rest in self.room.home.glob("busker.db-*"):
            rest.unlink()
        (self.room.home / "busker.db").write_bytes(b"no database" * 1000)
        self.fails(78, "up", str(self.room.folder / "graphs"), says="busker.db")

    def test_a_service_with_a_home_of_its_own_is_refused(self):
        service = Service()
        self.addCleanup(service.close)
        service.must("run", "training")
        self.room.graph("good", ("one", "true"))
        self.room.up(service.folder, "graphs")
        fault, = self.room.facts("status")["faults"]
        self.assertIn("a home of its own", fault["message"])
        self.assertEqual([a.get("graph") for a in self.room.facts("status")["actions"]], ["good"])


class Survival(DaemonTest):
    def adopt(self, how, copied=False):
        self.room.graph("slow", ("first", f"{self.says('first')}; {self.waits_at_gate()}; echo done; exit 0"),
                        ("second", self.says("second")), after=[("second", "first")])
        self.room.up()
        run = self.room.must("start", "slow")
        wait_until(lambda: self.room.lines() == ["first"], "the task starts")
        self.room.down(how)
        busker = workshop.BUSKER
        if copied:
            for program in (workshop.BUSKER, workshop.RUNNER):
                shutil.copy2(program, self.room.folder / program.name)
            for library in workshop.BUILD.glob("*.so"):
                shutil.copy2(library, self.room.folder / library.name)
            busker = self.room.folder / "busker"
        self.room.up(busker=busker)
        self.assertEqual(self.room.run_of(run)["state"], "running")
        self.open()
        done = self.room.ended(run)
        self.assertEqual((done["state"], self.room.lines()), ("succeeded", ["first", "second"]))
        attempt, = done["tasks"][0]["attempts"]
        self.assertEqual((attempt["ending"], attempt["exit_code"]), ("succeeded", 0))
        self.assertGreater(attempt["cpu_seconds"], 0)
        self.assertGreater(attempt["memory_peak_bytes"], 0)
        self.assertIn("done", self.room.must("logs", run, "--task", "first"))

    def test_what_runs_goes_on_after_sigterm_and_is_taken_up(self):
        self.adopt(signal.SIGTERM)

    def test_what_runs_goes_on_after_kill_9_and_is_taken_up(self):
        self.adopt(signal.SIGKILL)

    def test_what_runs_is_taken_up_by_another_copy_of_the_program(self):
        self.adopt(signal.SIGTERM, copied=True)

    def test_up_takes_over_from_the_conductor_in_the_background(self):
        file = self.room.graph("slow", ("first", f"{self.says('first')}; {self.waits_at_gate()}"))
        self.room.up()
        run = self.room.must("start", "slow")
        self.room.down()
        waiting = subprocess.Popen([str(workshop.BUSKER), "wait", run, "--home", str(self.room.home), "-C",
                                    str(file.parent)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(waiting.stderr.close)
        wait_until(lambda: "in the background" in (self.room.facts("status")["owner"] or ""), "the background conductor")
        self.room.up()
        self.open()
        self.assertEqual(waiting.wait(30), 0)
        self.assertEqual(self.room.run_of(run)["state"], "succeeded")


class Runs(DaemonTest):
    def test_retries_with_back_off_and_timeouts(self):
        self.room.graph("again", ("flaky", f"{self.says('try')}; test $(wc -l < {self.room.folder}/witness) = 3",
                                  {"retries": 2, "retry_delay": 0.2, "retry_exponential_backoff": True}))
        self.room.graph("long", ("one", "sleep 64.5", {"execution_timeout": 0.3}))
        self.room.graph("whole", ("one", "sleep 64.5"), dagrun_timeout=0.3)
        self.room.up()
        again, long, whole = [self.room.must("start", g) for g in ("again", "long", "whole")]
        self.assertEqual((self.room.ended(again)["state"], len(self.room.lines())), ("succeeded", 3))
        for run in (long, whole):
            done = self.room.ended(run)
            self.assertEqual(done["state"], "failed")
            self.assertIn("time", done["message"])

    def test_each_trigger_rule(self):
        rules = ("all_success", "all_done", "one_failed", "none_failed")
        self.room.graph("rules", ("good", "true"), ("bad", "false"),
                        *[(r, self.says(r), {"trigger_rule": r}) for r in rules],
                        after=[(r, p) for r in rules for p in ("good", "bad")])
        self.room.up()
        done = self.room.ended(self.room.must("start", "rules"))
        self.assertEqual(sorted(self.room.lines()), ["all_done", "one_failed"])
        self.assertEqual(done["state"], "failed")

    def test_pools_bound_what_runs_at_once_and_priorities_order_it(self):
        self.room.write("home/daemon.toml", "slots = 8\npools = { narrow = 2, single = 1 }\n")
        code = WITNESS.format(code="sleep 0.1").replace("$ROOM", str(self.room.folder))
        self.room.graph("wide", *[(f"t{n}", code.replace("$1", f"t{n}"), {"pool": "narrow"}) for n in range(6)])
        self.room.graph("ordered", *[(f"p{n}", f"echo p{n} >> {self.room.folder}/order",
                                      {"pool": "single", "priority_weight": n}) for n in (1, 3, 2)])
        self.room.up()
        runs = [self.room.must("start", g) for g in ("wide", "ordered")]
        for run in runs:
            self.assertEqual(self.room.ended(run)["state"], "succeeded")
        moments = sorted((int(at), 1 if what == "start" else -1) for _, what, at in
                         (line.split() for line in self.room.lines()))
        running = most = 0
        for _, change in moments:
            running += change
            most = max(most, running)
        self.assertEqual(most, 2)
        self.assertEqual(self.room.lines("order"), ["p3", "p2", "p1"])

    def test_cancel_ends_a_tree_that_has_forked_away(self):
        self.room.graph("tree", ("one", f"(setsid bash -c 'sleep 65.5 & echo $! > {self.room.folder}/pid' &) ; sleep 66.5"))
        self.room.up()
        run = self.room.must("start", "tree")
        wait_until(lambda: self.room.lines("pid"), "the tree stands")
        self.room.must("cancel", run)
        self.assertEqual(self.room.run_of(run)["state"], "cancelled")
        self.assertFalse(is_alive(int(self.room.lines("pid")[0])))

    def test_retry_repeats_nothing_that_succeeded_and_skip_goes_on_without_a_task(self):
        self.room.graph("three", ("a", self.says("a")), ("b", f"{self.says('b')}; test -e {self.room.folder}/gate"),
                        ("c", self.says("c")), after=[("b", "a"), ("c", "b")])
        self.room.up()
        first = self.room.must("start", "three")
        self.assertEqual(self.room.ended(first)["state"], "failed")
        self.assertIn("failed", self.room.must("explain", first))
        self.open()
        self.room.must("retry", first)
        self.assertEqual((self.room.ended(first)["state"], self.room.lines()), ("succeeded", ["a", "b", "b", "c"]))
        (self.room.folder / "gate").unlink()
        second = self.room.must("start", "three")
        self.room.ended(second)
        self.room.must("skip", second, "b")
        self.assertEqual((self.room.ended(second)["state"], self.room.lines()[4:]), ("succeeded", ["a", "b", "c"]))

    def test_start_wait_check_and_their_exit_codes(self):
        self.room.graph("slow", ("one", self.waits_at_gate()))
        self.room.graph("bad", ("one", "false"))
        self.room.up()
        run = self.room.must("start", "slow", "--key", "k1")
        self.assertEqual(self.room.must("start", "slow", "--key", "k1"), run)
        self.fails(4, "wait", "slow", "--limit", "100ms", says="it goes on")
        self.fails(75, "check", "slow", says="has not ended")
        self.open()
        self.room.must("wait", "slow")
        self.room.must("check", "slow")
        self.room.must("wait", self.room.must("start", "bad"))
        self.fails(1, "check", "bad", says="failed")
        self.fails(3, "start", "bda", says='did you mean "bad"?')

    def test_a_makefile_starts_waits_and_checks_without_a_daemon(self):
        service = Service()
        self.addCleanup(service.close)
        service.write("Makefile", f"""
BUSKER = {workshop.BUSKER}
start:
\t$(BUSKER) start training --key train-1
wait: start
\t$(BUSKER) wait training --limit 60s
train: wait
\t$(BUSKER) check training
""")
        for _ in range(2):
            done = subprocess.run(["make", "-j2", "train"], cwd=service.folder, capture_output=True, text=True,
                                  timeout=90)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual([r["state"] for r in service.facts("runs")], ["succeeded"])

    def test_a_graph_file_runs_once_by_hand(self):
        file = self.room.graph("hand", ("one", "echo hello of $BUSKER_DATE"))
        done = self.room.busker("graph", "run", str(file), "--date", "2026-02-03")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("hello of 2026-02-03", done.stdout)


class Schedules(DaemonTest):
    def test_backfill_fills_each_instant_once(self):
        self.room.graph("daily", ("one", f"echo $BUSKER_DATE >> {self.room.folder}/witness; "
                                         f"test $BUSKER_DATE != 2026-01-03 -o -e {self.room.folder}/gate"),
                        schedule_interval="@daily", start_date="2026-01-01", max_active_runs=1)
        self.room.up()
        self.room.must("pause", "daily")
        words = ["backfill", "daily", "--from", "2026-01-02", "--to", "2026-01-04"]
        self.assertEqual(len(self.room.facts(*words, "--dry-run")), 3)
        count = len(self.room.facts("runs", "-n", "500"))
        self.room.must("resume", "daily")
        self.room.must(*words, "--newest-first")
        all_ended = lambda: all(r["state"] in ("succeeded", "failed") for r in self.room.facts("runs", "-n", "500"))
        wait_until(lambda: len(self.room.facts("runs", "-n", "500")) >= count + 3 and all_ended(), "the backfill ends")
        filled = [d for d in self.room.lines() if d in ("2026-01-02", "2026-01-03", "2026-01-04")]
        self.assertEqual(filled, ["2026-01-04", "2026-01-03", "2026-01-02"])
        self.room.must(*words)
        self.open()
        self.room.must(*words, "--retry-failed")
        wait_until(lambda: self.room.lines().count("2026-01-03") == 2 and all_ended(), "the retry ends")
        self.assertEqual(self.room.facts("runs", "--state", "failed"), [])

    def test_once_and_a_queue_of_runs_are_explained(self):
        self.room.graph("single", ("one", self.says("once")), schedule_interval="@once")
        self.room.graph("queue", ("one", self.waits_at_gate()), max_active_runs=1)
        self.room.up()
        wait_until(lambda: self.room.lines() == ["once"], "@once runs")
        first, second = self.room.must("start", "queue"), self.room.must("start", "queue")
        self.assertIn("queued", self.room.must("explain", second))
        self.assertIn("runs one", self.room.must("explain", first))
        self.open()
        self.assertEqual(self.room.ended(second)["state"], "succeeded")
        self.room.must("pause", "queue")
        self.assertIn("is paused by", self.room.must("explain", "queue"))
        self.room.must("resume", "queue")
        self.assertIn("it runs when somebody starts it", self.room.must("explain", "queue"))
        self.room.down()
        self.assertIn("busker up is not running", self.room.must("explain", "queue"))

    def test_waiting_for_a_retry_for_a_pool_and_for_others_is_explained(self):
        self.room.write("home/daemon.toml", "slots = 8\npools = { single = 1 }\n")
        self.room.graph("retry", ("one", "false", {"retries": 1, "retry_delay": 600}))
        self.room.graph("pool", ("holds", self.waits_at_gate(), {"pool": "single", "priority_weight": 1}),
                        ("waits", "true", {"pool": "single"}), ("then", "true"), after=[("then", "holds")])
        self.room.up()
        retry, pool = self.room.must("start", "retry"), self.room.must("start", "pool")
        explained = lambda *words: self.room.must("explain", *words)
        wait_until(lambda: "for its attempt 2" in explained(retry, "one"), "the first attempt fails")
        wait_until(lambda: "runs holds" in explained(pool), "the pool is held")
        self.assertIn("single", explained(pool, "waits"))
        self.assertIn("waits for holds", explained(pool, "then"))
        self.room.must("cancel", retry)
        self.open()
        self.assertEqual(self.room.ended(pool)["state"], "succeeded")
        self.assertIn("succeeded", explained(pool, "waits"))

    def test_after_another_action_and_when_a_file_comes(self):
        service = Service(service_file=SERVICE_FILE.replace(
            "[actions.application]\n", '[actions.application]\nafter = ["training"]\n').replace(
            "[actions.training]\n", '[actions.training]\nwhen_file = "inbox/players.csv"\n'))
        self.addCleanup(service.close)
        (service.folder / "inbox").mkdir()
        self.room.up(service.folder)
        service.write("inbox/players.csv", "1\n")
        wait_until(lambda: [r["state"] for r in self.room.facts("runs")] == ["succeeded"] * 2, "both run", limit=30)
        self.assertEqual([r["action"] for r in self.room.facts("runs")], ["application", "training"])


class Receiver:
    """An HTTP server that keeps what it is sent."""

    def __init__(self):
        self.got = []
        got = self.got

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                got.append((self.path, dict((k.lower(), v) for k, v in self.headers.items()), body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, path):
        return [one for one in self.got if one[0] == path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Notices(DaemonTest):
    def test_failed_and_recovered_are_told_once_and_the_heart_beats_while_it_is_up(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        secret = self.room.write("home/secret", "abc\n")
        secret.chmod(0o600)
        self.room.write("home/daemon.toml", f"""
[notify]
webhook = "{receiver.url}/hook"
webhook_secret_file = "secret"
on = ["failed", "recovered"]
[heartbeat]
url = "{receiver.url}/ping"
every = "1s"
""")
        self.room.graph("job", ("one", f"test -e {self.room.folder}/gate"))
        self.room.up()
        self.room.ended(self.room.must("start", "job"))
        wait_until(lambda: len(receiver.of("/hook")) == 1, "the failure is told")
        self.open()
        self.room.ended(self.room.must("start", "job"))
        wait_until(lambda: len(receiver.of("/hook")) == 2, "the recovery is told")
        self.room.ended(self.room.must("start", "job"))
        beats = len(receiver.of("/ping"))
        wait_until(lambda: len(receiver.of("/ping")) > beats + 1, "the heart beats")
        for _, headers, body in receiver.of("/hook"):
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            expected = base64.b64encode(hmac.new(b"abc", signed, hashlib.sha256).digest()).decode()
            self.assertEqual(headers["webhook-signature"], "v1," + expected)
        self.assertEqual([json.loads(body)["kind"] for _, _, body in receiver.of("/hook")], ["failed", "recovered"])

    def test_late_and_never_started_are_told_once_at_the_time_that_was_expected(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        now = datetime.datetime.now(datetime.timezone.utc)
        by = (now + datetime.timedelta(seconds=65)).strftime("%H:%M")  # 5 to 65 seconds from now
        expected = f'expected_by = "{by}"\n'
        service = Service(service_file=SERVICE_FILE.replace(
            "[actions.application]\n", "[actions.application]\n" + expected).replace(
            "[actions.training]\n", "[actions.training]\n" + expected) + f"""
[notify]
webhook = "{receiver.url}/hook"
""", training=f"{self.waits_at_gate()}\n{workshop.TRAINING}")
        self.addCleanup(service.close)
        self.room.up(service.folder)
        run = self.room.must("start", "shop/training")
        wait_until(lambda: len(receiver.of("/hook")) >= 2, "both are told", limit=90)
        self.open()
        self.assertEqual(self.room.ended(run)["state"], "succeeded")
        told = [json.loads(body) for _, _, body in receiver.of("/hook")]
        self.assertEqual(sorted((t["action"], t["kind"]) for t in told if t["kind"] != "recovered"),
                         [("application", "never-started"), ("training", "late")])


if __name__ == "__main__":
    unittest.main()
