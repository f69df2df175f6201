"""Busker's graph files and services under a real Apache Airflow: its DAG processor, scheduler, executor and
API, as in production but on SQLite. Needs `script/setup airflow`; `script/test airflow` runs it."""

import contextlib
import datetime
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

import workshop

INTEGRATION = workshop.SOURCE / "integrations" / "airflow"
PYTHON = workshop.SOURCE / "build" / "airflow" / "bin" / "python"
LIMIT = 300  # an Airflow on a machine that is busy takes minutes to look again

NIGHTLY = {
    "graph": {
        "dag_id": "nightly", "schedule_interval": "0 7 * * *", "start_date": "2019-08-01", "catchup": False,
        "max_active_runs": 1, "timezone": "Europe/Stockholm", "dagrun_timeout": "2h", "tags": ["etl"],
        "default_args": {"owner": "data", "depends_on_past": True, "retries": 1, "retry_delay": "1s"},
    },
    "tasks": [
        {"name": "extract", "code": "echo extracted > ${ROOT}/extracted.txt"},
        {"name": "load", "code": "cp ${ROOT}/extracted.txt ${ROOT}/loaded.txt"},
    ],
    "dependencies": [["load", "extract"]],
}

# What Airflow has read, told by Airflow itself.
TELL = """
import json, sys
from airflow.dag_processing.dagbag import BundleDagBag
import pathlib
folder = pathlib.Path(sys.argv[1])
bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags")
def of(dag):
    return {
        "tasks": {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks},
        "timetable": type(dag.timetable).__name__,
        "cron": getattr(dag.timetable, "expression", None),
        "zone": str(getattr(dag.timetable, "timezone", None)),
        "start": dag.start_date and dag.start_date.isoformat(), "catchup": dag.catchup,
        "runs_max": dag.max_active_runs, "tags": sorted(dag.tags),
        "timeout": dag.dagrun_timeout and dag.dagrun_timeout.total_seconds(),
        "arguments": {task.task_id: {
            "owner": task.owner, "retries": task.retries, "retry_delay": task.retry_delay.total_seconds(),
            "depends_on_past": task.depends_on_past, "trigger_rule": task.trigger_rule.value,
            "pool": task.pool,
            "timeout": task.execution_timeout and task.execution_timeout.total_seconds(),
            "command": getattr(task, "bash_command", None), "folder": getattr(task, "folder", None),
        } for task in dag.tasks}}
dags = {dag.dag_id: of(dag) for dag in bag.dags.values()}
print("TOLD", json.dumps({"dags": dags, "faults": bag.import_errors}))
"""


class Airflow:
    """An Airflow of its own below a folder, which reads Busker's files in `folders`."""

    def __init__(self, folder, folders, **environment):
        self.home = folder / "airflow"
        self.dags = self.home / "dags"
        self.dags.mkdir(parents=True)
        for path in INTEGRATION.glob("*.py"):
            shutil.copy(path, self.dags)
        self.processes = []
        self.day = datetime.date(2026, 1, 1)
        self.port = workshop.free_port()
        address = f"http://127.0.0.1:{self.port}"
        settings = {
            "CORE__DAGS_FOLDER": self.dags, "CORE__LOAD_EXAMPLES": False, "CORE__PARALLELISM": 4,
            "CORE__EXECUTOR": "LocalExecutor", "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": True,
            "CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
            "API__HOST": "127.0.0.1", "API__PORT": self.port, "API__BASE_URL": address, "API__WORKERS": 1,
            "API__SECRET_KEY": "of this test alone",
            "API_AUTH__JWT_SECRET": "of this test alone, and as long as sixty-four bytes have to be at least",
            "DAG_PROCESSOR__REFRESH_INTERVAL": 2, "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 2,
            "WORKERS__MIN_HEARTBEAT_INTERVAL": 1, "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.2,
            "USAGE_DATA_COLLECTION__ENABLED": False,
        }
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("AIRFLOW", "BUSKER"))}
        self.environment = {
            **kept, "AIRFLOW_HOME": str(self.home), "NO_PROXY": "127.0.0.1", "PYTHONDONTWRITEBYTECODE": "1",
            "BUSKER": str(workshop.BUSKER), "BUSKER_FOLDERS": os.pathsep.join(map(str, folders)),
            **{f"AIRFLOW__{name}": str(value) for name, value in settings.items()}, **environment}

    def start(self):
        self.run("-m", "airflow", "db", "migrate")
        for service in (["api-server"], ["dag-processor"], ["scheduler", "--skip-serve-logs"]):
            with open(self.home / f"{service[0]}.txt", "w", encoding="utf-8") as said:
                self.processes.append(subprocess.Popen(
                    [PYTHON, "-m", "airflow", *service], env=self.environment, cwd=self.home, stdout=said,
                    stderr=said, stdin=subprocess.DEVNULL, start_new_session=True))
        workshop.wait_until(self.is_healthy, f"Airflow to start; see {self.home}", limit=LIMIT)

    def is_healthy(self):
        with contextlib.suppress(OSError):
            health = self.get("monitor/health")
            return all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor"))
        return False

    def stop(self):
        for how in (signal.SIGTERM, signal.SIGKILL):
            for process in self.processes:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, how)
            for process in self.processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=60)

    def run(self, *arguments):
        done = subprocess.run([PYTHON, *arguments], env=self.environment, cwd=self.home, capture_output=True,
                              text=True, check=False, timeout=LIMIT, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tell(self):
        """What is read from the DAG folder: DAGs, and import errors by file."""
        lines = self.run("-c", TELL, self.dags).splitlines()
        return json.loads(next(line for line in lines if line.startswith("TOLD "))[5:])

    def ask(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v2/{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=LIMIT) as answer:
                return json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def get(self, path):
        return self.ask("GET", path)

    def unpause(self, dag):
        workshop.wait_until(
            lambda: dag in [one["dag_id"] for one in self.get("dags")["dags"]], f"the DAG {dag}", limit=LIMIT)
        self.ask("PATCH", f"dags/{dag}", {"is_paused": False})

    def trigger(self, dag):
        """Starts a DAG run, each for another day than the last; returns its path in the API."""
        self.unpause(dag)
        self.day += datetime.timedelta(days=1)
        run = self.ask("POST", f"dags/{dag}/dagRuns", {
            "logical_date": f"{self.day}T00:00:00Z", "dag_run_id": f"by-hand-{self.day}"})
        return f"dags/{dag}/dagRuns/{run['dag_run_id']}"

    def end_of(self, run, limit=LIMIT):
        ended = ("success", "failed")
        workshop.wait_until(lambda: self.get(run)["state"] in ended, f"{run} to end; see {self.home}", limit)
        return self.get(run)["state"]

    def task(self, run, name):
        return self.get(f"{run}/taskInstances/{name}")

    def busker_run(self, run):
        """The id of the run that `start` has started."""
        return self.get(f"{run}/taskInstances/start/xcomEntries/return_value")["value"]

    def log(self, run, task):
        _, dag, _, run_id = run.split("/")
        paths = sorted(self.home.glob(f"logs/dag_id={dag}/run_id={run_id}/task_id={task}/*.log"))
        return "".join(path.read_text() for path in paths)


def end_processes_of(folder):
    """Ends what still runs for the folder: daemons that `busker start` has left in the background."""
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in (path / "cmdline").read_bytes() and int(path.name) != os.getpid():
                workshop.kill(int(path.name))


def parent_of_wait(run):
    """The process of Airflow that runs `busker wait` for a run; None while there is none."""
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (path / "cmdline").read_bytes().split(b"\0")
            if b"wait" in words and run.encode() in words:
                return int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
    return None


def write_graph(folder, content, name="nightly"):
    path = folder / "configs" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


class Reading(unittest.TestCase):
    """What Airflow makes of the files; no scheduler runs."""

    def setUp(self):
        self.shop = workshop.Service()
        self.addCleanup(self.shop.close)
        self.graphs = self.shop.folder / "graphs"

    def tell(self, *folders, **environment):
        return Airflow(self.shop.folder, folders, **environment).tell()

    def tell_mirrored(self):
        airflow = Airflow(pathlib.Path(tempfile.mkdtemp(dir=self.shop.folder)), [])
        (airflow.dags / "mine.py").write_text(
            "from busker_dags import dags_of  # airflow\n"
            f"globals().update(dags_of({str(self.graphs)!r}, mirror=True))\n")
        return airflow.tell()

    def test_a_graph_file_is_a_dag_with_the_schedule_and_the_meaning_of_the_file(self):
        write_graph(self.graphs, NIGHTLY)
        told = self.tell(self.graphs)
        self.assertEqual(told["faults"], {})
        dag = told["dags"]["nightly"]
        self.assertEqual(dag["tasks"], {"start": [], "wait": ["start"], "check": ["start", "wait"]})
        self.assertEqual((dag["timetable"], dag["cron"], dag["zone"]),
                         ("CronDataIntervalTimetable", "0 7 * * *", "Europe/Stockholm"))
        self.assertEqual((dag["start"], dag["catchup"], dag["runs_max"], dag["timeout"], dag["tags"]),
                         ("2019-07-31T22:00:00+00:00", False, 1, 7200, ["busker", "etl"]))
        start = dag["arguments"]["start"]
        self.assertEqual((start["owner"], start["depends_on_past"], start["folder"]),
                         ("data", True, str(self.graphs)))

    def test_each_action_of_a_service_is_a_dag(self):
        self.shop.write("busker.toml", """
            name = "shop"
            [actions.training]
            schedule = "0 0 1 * *"
            time_zone = "Europe/Stockholm"
            start = "2019-08-01"
            catch_up = "all"
            [actions.application]
            after = "training"
            [actions.report]
            after = ["training", "application"]
            schedule = "@weekly"
            concurrency = "allow"
            runs_at_once = 4
            """)
        told = self.tell(self.shop.folder)
        self.assertEqual(told["faults"], {})
        self.assertEqual(sorted(told["dags"]), ["shop.application", "shop.report", "shop.training"])
        training, application, report = (
            told["dags"][f"shop.{action}"] for action in ("training", "application", "report"))
        self.assertEqual((training["timetable"], training["cron"], training["zone"]),
                         ("CronTriggerTimetable", "0 0 1 * *", "Europe/Stockholm"))
        self.assertEqual((training["start"], training["catchup"], training["runs_max"]),
                         ("2019-07-31T22:00:00+00:00", True, 1))
        self.assertIn("Asset", application["timetable"])
        self.assertEqual(list(application["tasks"]), ["start", "wait", "check"])
        self.assertEqual((report["timetable"], report["runs_max"]), ("AssetOrTimeSchedule", 4))

    def test_a_service_with_no_file_is_read_by_its_layout(self):
        (self.shop.folder / "Churn Model" / "configs").mkdir(parents=True)
        for action in ("training", "application"):
            self.shop.write(f"Churn Model/configs/{action}.json", "{}")
        told = self.tell(self.shop.folder / "Churn Model")
        self.assertEqual((sorted(told["dags"]), told["faults"]),
                         (["churn-model.application", "churn-model.training"], {}))

    def test_a_folder_of_folders_is_all_of_them(self):
        write_graph(self.shop.folder / "all" / "one", NIGHTLY)
        write_graph(self.shop.folder / "all" / "two" / "scheduler", {**NIGHTLY, "graph": {"dag_id": "other"}})
        told = self.tell(self.shop.folder / "all")
        self.assertEqual({name: dag["arguments"]["start"]["folder"] for name, dag in told["dags"].items()},
                         {"nightly": str(self.shop.folder / "all/one"),
                          "other": str(self.shop.folder / "all/two")})

    def test_a_bad_file_costs_its_own_dag_and_is_an_import_error(self):
        write_graph(self.graphs, NIGHTLY)
        write_graph(self.graphs, '{"graph": {"dag_id": "half"},\n "tasks": [', "half")
        for name, graph in (("cron", {"dag_id": "cron", "schedule_interval": "0 77 * * *"}),
                            ("zone", {"dag_id": "zone", "timezone": "Europe/Stokholm"}),
                            ("past", {"dag_id": "past", "schedule": "@daily", "catchup": True}),
                            ("none", {}), ("twice", {"dag_id": "nightly"})):
            write_graph(self.graphs, {"graph": graph, "tasks": []}, name)
        self.shop.write("broken/busker.toml", "[actions\n")
        told = self.tell(self.graphs, self.shop.folder / "broken", self.shop.folder / "nowhere")
        self.assertEqual(list(told["dags"]), ["nightly"])
        self.assertEqual(list(told["faults"]), ["busker_faults.py"])
        for sentence in ("half.json:2:12: this is not JSON", "cron.json: [0 77 * * *]",
                         'zone.json: unknown time zone "Europe/Stokholm"', "broken/busker.toml: ",
                         'none.json: "graph" needs a "dag_id"', 'past.json: "catchup" needs a "start_date"',
                         'twice.json: "nightly" is the id of another DAG', "nowhere: neither here nor"):
            self.assertIn(sentence, told["faults"]["busker_faults.py"])

    def test_a_mirrored_graph_has_the_graphs_tasks(self):
        graph = json.loads(json.dumps(NIGHTLY))
        graph["tasks"][1] |= {
            "trigger_rule": "all_done", "retries": 3, "execution_timeout": "5m", "pool": "slow"}
        graph["tasks"].append({"name": "script", "code": "${ROOT}/run.sh"})
        write_graph(self.graphs, graph)
        told = self.tell_mirrored()
        self.assertEqual(told["faults"], {})
        dag = told["dags"]["nightly"]
        self.assertEqual(dag["tasks"], {"extract": [], "load": ["extract"], "script": []})
        extract, load, script = (dag["arguments"][name] for name in ("extract", "load", "script"))
        self.assertEqual(
            (extract["retries"], extract["retry_delay"], extract["depends_on_past"]), (1, 1, True))
        self.assertEqual(extract["trigger_rule"], "all_success")
        self.assertEqual((load["retries"], load["timeout"], load["pool"], load["trigger_rule"]),
                         (3, 300, "slow", "all_done"))
        # A command that ends in ".sh" was once taken for the name of a template by Airflow.
        self.assertEqual(script["command"].strip(), f"{self.graphs}/run.sh")
        self.assertFalse(script["command"].endswith(".sh"))

    def test_what_cannot_be_mirrored_is_refused(self):
        task = {"name": "a", "code": "true"}
        for name, graph in (("key", {"tasks": [{**task, "retrys": 1}]}),
                            ("memory", {"tasks": [{**task, "memory": "2GiB"}]}),
                            ("code", {"tasks": [{"name": "a"}]}),
                            ("delay", {"tasks": [{**task, "retry_delay": "5 minutes"}]}),
                            ("parent", {"tasks": [task], "dependencies": [["a", "b"]]}),
                            ("cycle", {"tasks": [task], "dependencies": [["a", "a"]]})):
            write_graph(self.graphs, {"graph": {"dag_id": name}, **graph}, name)
        told = self.tell_mirrored()
        self.assertEqual((told["dags"], list(told["faults"])), ({}, ["mine.py"]))
        for sentence in ('key.json: "retrys" cannot be mirrored, did you mean "retries"?',
                         'memory.json: "memory" cannot be mirrored',
                         'code.json: each task needs a "name" and',
                         'delay.json: "retry_delay" must be seconds', "cycle.json: ",
                         'parent.json: "dependencies" name a task "b" that there is not'):
            self.assertIn(sentence, told["faults"]["mine.py"])


class Running(unittest.TestCase):
    """DAG runs of a real scheduler, through the real Busker."""

    @classmethod
    def setUpClass(cls):
        cls.shop = workshop.Service()
        cls.addClassCleanup(cls.shop.close)
        cls.graphs = cls.shop.folder / "graphs"
        write_graph(cls.graphs, NIGHTLY)
        # Busker, whose answer gets lost on the way once, when there is a file `lose-an-answer`.
        wrapper = cls.shop.write("lossy-busker", f"""#!/bin/sh
            cd {cls.shop.folder}
            if [ "$1" = start ] && mv lose-an-answer answer.json 2>/dev/null; then
              {workshop.BUSKER} "$@" > answer.json
              exit 75
            fi
            exec {workshop.BUSKER} "$@"\n""", mode=0o755)
        cls.airflow = Airflow(cls.shop.folder, [cls.graphs], BUSKER=str(wrapper), PATH=f"{workshop.BUSKER.parent}:{os.environ['PATH']}")
        (cls.airflow.dags / "shop.py").write_text(
            "import datetime\n"
            "from busker_dags import dags_of  # airflow\n"
            "soon = datetime.timedelta(seconds=1)\n"
            f"globals().update(dags_of({str(cls.shop.folder)!r}, task_args=dict(retry_delay=soon)))\n")
        (cls.airflow.dags / "mirrored.py").write_text(
            "from busker_dags import dags_of  # airflow\n"
            f"mirrored = dags_of({str(cls.shop.folder / 'mirrored')!r}, mirror=True)['mirrored']\n")
        # A whole repository with its Makefile, whose graph files Airflow and Busker read alike.
        cls.bakery = cls.shop.folder / "whole" / "bakery"
        shutil.copytree(workshop.SOURCE / "examples/article", cls.bakery, ignore=shutil.ignore_patterns(".busker", "__pycache__"))
        (cls.airflow.dags / "bakery.py").write_text(
            "from busker_dags import dags_of  # airflow\n"
            f"globals().update(dags_of({str(cls.bakery)!r}, mirror=True))\n")
        (cls.airflow.dags / "follower.py").write_text(
            "from airflow.providers.standard.operators.empty import EmptyOperator\n"
            "from airflow.sdk import DAG, Asset\n"
            "with DAG('follower', schedule=[Asset('busker://shop/training')]):\n"
            "    EmptyOperator(task_id='follow')\n")
        write_graph(cls.shop.folder / "mirrored", {
            "graph": {"dag_id": "mirrored"}, "dependencies": [["two", "one"]],
            "tasks": [{"name": "one", "code": "echo $BUSKER_DATE > ${ROOT}/one.txt"},
                      {"name": "two", "code": "cp ${ROOT}/one.txt ${ROOT}/two.txt"}]})
        cls.addClassCleanup(end_processes_of, cls.shop.folder)
        cls.addClassCleanup(cls.airflow.stop)
        cls.airflow.start()

    def setUp(self):
        self.shop.write("configs/training.sh", workshop.TRAINING)

    def record(self, run, folder=None):
        """What Busker has on record of a run."""
        done = subprocess.run([workshop.BUSKER, "runs", "-C", folder or self.shop.folder, "--json"],
                              capture_output=True, text=True, check=True, timeout=60)
        return next(one for one in json.loads(done.stdout) if one["id"] == run)

    def test_all_is_imported_without_an_error(self):
        for dag in ("nightly", "mirrored", "shop.training", "shop.application", "bakery-training", "bakery-application"):
            self.airflow.unpause(dag)
        self.assertEqual(self.airflow.get("importErrors")["import_errors"], [])

    def test_a_scheduled_run_is_for_the_interval_that_is_over(self):
        self.airflow.unpause("nightly")
        workshop.wait_until(
            lambda: self.airflow.get("dags/nightly/dagRuns")["dag_runs"], "a scheduled run", limit=LIMIT)
        scheduled = self.airflow.get("dags/nightly/dagRuns")["dag_runs"][0]
        run = f"dags/nightly/dagRuns/{scheduled['dag_run_id']}"
        self.assertEqual(self.airflow.end_of(run), "success")
        self.assertEqual(scheduled["run_type"], "scheduled")
        record = self.record(self.airflow.busker_run(run), self.graphs)
        self.assertEqual(record["state"], "succeeded")
        # At seven in Stockholm it is the same day in UTC.
        self.assertEqual(record["data_date"], scheduled["data_interval_start"][:10])
        over = datetime.datetime.fromisoformat(scheduled["data_interval_end"])
        self.assertLessEqual(over, datetime.datetime.now(datetime.timezone.utc))
        self.assertEqual((self.graphs / "loaded.txt").read_text(), "extracted\n")

    def test_an_action_goes_green_and_what_it_made_is_on_record(self):
        training = self.airflow.trigger("shop.training")
        self.assertEqual(self.airflow.end_of(training), "success")
        record = self.record(self.airflow.busker_run(training))
        self.assertEqual((record["state"], record["data_date"]), ("succeeded", str(self.airflow.day)))
        self.assertTrue([model for model in self.shop.facts("models") if model["live"]])

        application = self.airflow.trigger("shop.application")
        self.assertEqual(self.airflow.end_of(application), "success")
        self.assertEqual(self.shop.rows(), 2)

    def test_a_dag_follows_an_action_that_succeeds_and_no_other(self):
        self.airflow.unpause("follower")
        self.shop.write("configs/training.sh", "false")
        failed = self.airflow.trigger("shop.training")
        self.assertEqual(self.airflow.end_of(failed), "failed")
        self.shop.write("configs/training.sh", workshop.TRAINING)
        training = self.airflow.trigger("shop.training")
        self.assertEqual(self.airflow.end_of(training), "success")
        workshop.wait_until(lambda: self.followed(training), "the DAG that follows", limit=LIMIT)
        self.assertFalse(self.followed(failed))

    def followed(self, run):
        """Whether the DAG `follower` has begun because of a DAG run."""
        for follower in self.airflow.get("dags/follower/dagRuns")["dag_runs"]:
            # Airflow 3.3 answers with an error when it is asked what made a run that is still queued.
            if follower["start_date"] is None:
                continue
            events = self.airflow.get(f"dags/follower/dagRuns/{follower['dag_run_id']}/upstreamAssetEvents")
            if run.split("/")[-1] in [event["source_run_id"] for event in events["asset_events"]]:
                return True
        return False

    def test_an_action_that_fails_is_red_says_why_and_is_run_anew_when_it_is_cleared(self):
        self.shop.write("configs/training.sh", 'echo "no such column: age" >&2; exit 7')
        run = self.airflow.trigger("shop.training")
        self.assertEqual(self.airflow.end_of(run), "failed")
        states = {name: self.airflow.task(run, name)["state"] for name in ("start", "wait", "check")}
        self.assertEqual(states, {"start": "success", "wait": "success", "check": "failed"})
        # Tried once: a failed run does not get better by asking again.
        self.assertEqual(self.airflow.task(run, "check")["try_number"], 1)
        failed = self.airflow.busker_run(run)
        log = self.airflow.log(run, "check")
        self.assertIn("no such column: age", log)
        said = self.shop.busker("check", "training", "--run", failed)
        self.assertEqual(said.returncode, 1)
        for line in said.stderr.splitlines():
            self.assertIn(json.dumps(line.strip())[1:-1], log)

        self.shop.write("configs/training.sh", workshop.TRAINING)
        self.airflow.ask("POST", "dags/shop.training/clearTaskInstances", {
            "dry_run": False, "dag_run_id": run.split("/")[-1], "task_ids": ["start"],
            "include_downstream": True, "only_failed": False, "reset_dag_runs": True})
        self.assertEqual(self.airflow.end_of(run), "success")
        self.assertNotEqual(self.airflow.busker_run(run), failed)

    def test_a_start_whose_answer_got_lost_is_tried_again_and_is_the_same_run(self):
        self.shop.write("lose-an-answer", "")
        run = self.airflow.trigger("shop.training")
        self.assertEqual(self.airflow.end_of(run), "success")
        self.assertEqual(self.airflow.task(run, "start")["try_number"], 2)
        lost = json.loads((self.shop.folder / "answer.json").read_text())
        self.assertEqual(self.airflow.busker_run(run), lost["id"])

    def test_marking_the_wait_as_failed_cancels_the_run(self):
        run, busker_run = self.begin_a_long_training()
        self.airflow.ask("PATCH", f"{run}/taskInstances/wait", {"new_state": "failed"})
        workshop.wait_until(
            lambda: self.record(busker_run)["state"] == "cancelled", "the run to be cancelled", limit=LIMIT)
        self.assertEqual(self.airflow.end_of(run), "failed")

    def test_a_worker_that_stops_leaves_the_run_alone_and_the_next_try_waits_for_it(self):
        run, busker_run = self.begin_a_long_training()
        # As the executor's process does with the task's when a worker is shut down.
        workshop.kill(parent_of_wait(busker_run), signal.SIGTERM)
        workshop.wait_until(lambda: self.airflow.task(run, "wait")["try_number"] == 2, "the second try", LIMIT)
        self.assertEqual(self.record(busker_run)["state"], "running")
        self.shop.write("go", "")
        self.assertEqual(self.airflow.end_of(run), "success")
        self.assertEqual(self.airflow.busker_run(run), busker_run)

    def begin_a_long_training(self):
        """A run of which `wait` waits; it goes on when there is a file `go`, or after an hour."""
        (self.shop.folder / "go").unlink(missing_ok=True)
        self.shop.write("configs/training.sh", f"""
            for i in $(seq 18000); do test ! -e {self.shop.folder}/go || break; sleep 0.2; done
            {workshop.TRAINING}""")
        run = self.airflow.trigger("shop.training")
        workshop.wait_until(
            lambda: self.airflow.task(run, "wait")["state"] == "running", "the task `wait`", limit=LIMIT)
        busker_run = self.airflow.busker_run(run)
        workshop.wait_until(lambda: parent_of_wait(busker_run), "`busker wait`", LIMIT)
        workshop.wait_until(lambda: self.record(busker_run)["state"] == "running", "the run to begin", LIMIT)
        return run, busker_run

    def test_a_mirrored_graph_is_run_by_airflow_itself(self):
        run = self.airflow.trigger("mirrored")
        self.assertEqual(self.airflow.end_of(run), "success")
        self.assertEqual((self.shop.folder / "mirrored" / "two.txt").read_text(), f"{self.airflow.day}\n")

    def test_the_graph_files_of_a_whole_repository_call_its_makefile(self):
        for action in ("training", "application"):
            run = self.airflow.trigger(f"bakery-{action}")
            self.assertEqual(self.airflow.end_of(run), "success", self.airflow.log(run, "start"))
            self.assertIn("Well done.", self.airflow.log(run, "check"))
        done = subprocess.run([workshop.BUSKER, "query", "-C", self.bakery, "SELECT count(*) AS n FROM bakery.predictions", "--json"],
                              capture_output=True, text=True, check=True, timeout=60)
        self.assertEqual(json.loads(done.stdout), [{"n": 7}])


if __name__ == "__main__":
    unittest.main()
