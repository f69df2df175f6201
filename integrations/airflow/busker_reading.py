"""Graph files and service files, and the DAGs that they become.

Only what Airflow does itself is checked here: schedules, dates, and the tasks of a mirrored graph. What
Busker does, it checks itself, when a run starts or with `busker validate`. Nothing here starts a program
or asks a database, so reading is cheap.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import difflib
import json
import os
import pathlib
import re
import tomllib

import pendulum
from airflow.sdk import DAG, Asset
from busker_operators import (
    WAIT_LIMIT, BuskerCheckOperator, BuskerStartOperator, BuskerWaitOperator, GraphTaskOperator)

try:
    from airflow.sdk import AssetOrTimeSchedule, CronDataIntervalTimetable, CronTriggerTimetable
except ImportError:  # the earlier releases of Airflow 3
    from airflow.timetables.assets import AssetOrTimeSchedule
    from airflow.timetables.interval import CronDataIntervalTimetable
    from airflow.timetables.trigger import CronTriggerTimetable


class Fault(Exception):
    """Why something cannot become a DAG: one sentence, with the file's name in front."""


# --- What the files say ---------------------------------------------------------------------------


def duration_of(value, what: str) -> datetime.timedelta:
    """Seconds as a number, or "90s", "5m", "1h30m"."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return datetime.timedelta(seconds=value)
    if not isinstance(value, str) or not re.fullmatch(r"(\d+(ms|s|m|h|d))+", value):
        raise Fault(f'"{what}" must be seconds, such as 300, or a duration, such as "5m", not {value!r}')
    seconds_of = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    parts = re.findall(r"(\d+)(ms|s|m|h|d)", value)
    return datetime.timedelta(seconds=sum(int(number) * seconds_of[unit] for number, unit in parts))


def instant_of(value, zone, what: str):
    """A date or an instant, in the zone unless it names its own; None when it is left out."""
    if value is None:
        return None
    text = value if isinstance(value, str) else getattr(value, "isoformat", lambda: "")()
    if "T" not in text:
        text = text.replace(" ", "T", 1)
    try:
        instant = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise Fault(f'"{what}" must be a date, such as "2019-08-01", not {value!r}') from None
    return pendulum.instance(instant, tz=zone) if instant.tzinfo is None else pendulum.instance(instant)


def zone_of(name: str | None):
    try:
        return pendulum.timezone(name or "UTC")
    except Exception:
        raise Fault(f'unknown time zone "{name}"; zones have names such as "Europe/Stockholm"') from None


def object_of(path: pathlib.Path) -> dict:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise Fault(f"{path}:{error.lineno}:{error.colno}: this is not JSON: {error.msg}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Fault(f"{path}: cannot be read: {error}") from None
    return value if isinstance(value, dict) else {}


def table_of(value, what: str) -> dict:
    """A table; an empty one for null."""
    if value is not None and not isinstance(value, dict):
        raise Fault(f"{what} must be a table, not {value!r}")
    return value or {}


def list_of(value, what: str) -> list[str]:
    """A list of names, of which a single one may stand alone."""
    values = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise Fault(f"{what} must be a list of names, not {value!r}")
    return values


def is_graph(value: dict) -> bool:
    return "graph" in value and "tasks" in value


# --- From files to DAGs ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Options:
    given: pathlib.Path  # the folder that was named
    mirror: bool = False  # graphs task by task, each run by Airflow itself instead of Busker
    place: str | None = None  # the same folder as the program BUSKER knows it, where that runs elsewhere
    limit: str = WAIT_LIMIT  # of one try of `wait`
    task_args: dict = dataclasses.field(default_factory=dict)  # of start, wait and check: {"pool": "busker"}
    folder: str = ""  # what `busker -C` is given

    def place_of(self, path: pathlib.Path) -> str:
        if self.place is None:
            return str(path)
        return os.path.normpath(os.path.join(self.place, os.path.relpath(path, self.given)))


def make_dag(dag_id: str, source: pathlib.Path, schedule, **arguments) -> DAG:
    left_in = {key: value for key, value in arguments.items() if value is not None}
    dag = DAG(dag_id, schedule=schedule, doc_md=f"From `{source}`, by Busker.", **left_in)
    # What Airflow would only find later, for all DAGs of the file at once.
    dag.validate()
    return dag


def add_steps(dag: DAG, action: str, options: Options, *, one_after_another: bool, outlets: tuple = (),
              **arguments) -> None:
    """start -> wait -> check. What does nothing twice is tried again; a run that failed is not."""
    steps = {"dag": dag, "folder": options.folder, "action": action, "retries": 10,
             "retry_delay": datetime.timedelta(seconds=15), **arguments, **options.task_args}
    # `check` is directly behind `start` too, so the next `start` can wait for what is behind the last one.
    past = {"depends_on_past": True, "wait_for_downstream": True} if one_after_another else {}
    start = BuskerStartOperator(task_id="start", **{**steps, **past})
    wait = BuskerWaitOperator(task_id="wait", run=start.output, limit=options.limit, **steps)
    check = BuskerCheckOperator(task_id="check", run=start.output, outlets=list(outlets), **steps)
    wait >> check


def schedule_of(graph: dict, zone):
    """Airflow's classic meaning: the run for an interval begins when the interval is over."""
    schedule = graph.get("schedule_interval", graph.get("schedule"))
    if schedule in (None, "None", "@once"):
        return None if schedule == "None" else schedule
    if not isinstance(schedule, str):
        raise Fault('"schedule_interval" must be cron, such as "0 7 * * *", or "@daily", "@once" or null, '
                    f"not {schedule!r}")
    return CronDataIntervalTimetable(schedule, timezone=zone)


def graph_dag(path: pathlib.Path, content: dict, options: Options) -> DAG:
    graph = table_of(content["graph"], '"graph"')
    defaults = table_of(graph.get("default_args"), '"default_args"')
    if not isinstance(graph.get("dag_id"), str):
        raise Fault('"graph" needs a "dag_id"')
    zone, timeout = zone_of(graph.get("timezone")), graph.get("dagrun_timeout")
    start, end = (instant_of(graph.get(key) or defaults.get(key), zone, key)
                  for key in ("start_date", "end_date"))
    schedule = schedule_of(graph, zone)
    if graph.get("catchup") and start is None and isinstance(schedule, CronDataIntervalTimetable):
        raise Fault('"catchup" needs a "start_date": from when on?')
    dag = make_dag(
        graph["dag_id"], path, schedule, description=graph.get("description"),
        start_date=start, end_date=end, catchup=bool(graph.get("catchup")),
        max_active_runs=graph.get("max_active_runs") or 16,
        dagrun_timeout=None if timeout is None else duration_of(timeout, "dagrun_timeout"),
        tags=["busker", *list_of(graph.get("tags"), '"tags"')])
    if options.mirror:
        add_mirror(dag, content, defaults, zone, options.place_of(path.parent.parent))
    else:
        owner = {"owner": defaults["owner"]} if "owner" in defaults else {}
        add_steps(dag, dag.dag_id, options, one_after_another=bool(defaults.get("depends_on_past")), **owner)
    return dag


# What a graph file can say about a task in Airflow's words.
TASK_KEYS = ("owner", "depends_on_past", "wait_for_downstream", "retries", "retry_delay", "max_retry_delay",
             "retry_exponential_backoff", "execution_timeout", "trigger_rule", "pool", "pool_slots",
             "priority_weight", "weight_rule", "queue", "email", "email_on_failure", "email_on_retry")
DURATIONS = ("retry_delay", "max_retry_delay", "execution_timeout")
OLD_TRIGGER_RULES = {"dummy": "always", "none_failed_or_skipped": "none_failed_min_one_success"}


def task_arguments(values: dict, also: tuple) -> dict:
    arguments = {}
    for key, value in values.items():
        if key in also or value is None:
            continue
        if key not in TASK_KEYS:
            near = difflib.get_close_matches(key, TASK_KEYS, 1)
            hint = f', did you mean "{near[0]}"?' if near else "; leave it out, or let Busker run the graph"
            raise Fault(f'"{key}" cannot be mirrored{hint}')
        arguments[key] = duration_of(value, key) if key in DURATIONS else value
    if arguments.get("retry_exponential_backoff") is True:
        arguments["retry_exponential_backoff"] = 2.0  # a factor, in Airflow 3
    if "trigger_rule" in arguments:
        rule = arguments["trigger_rule"]
        arguments["trigger_rule"] = OLD_TRIGGER_RULES.get(rule, rule)
    return arguments


def add_mirror(dag: DAG, content: dict, defaults: dict, zone, place: str) -> None:
    """The graph task by task, each a command that Airflow itself runs."""
    defaults = task_arguments(defaults, also=("start_date", "end_date"))
    tasks = {}
    for task in content["tasks"]:
        name, code = (table_of(task, "each task").get(key) for key in ("name", "code"))
        if not isinstance(name, str) or not isinstance(code, str):
            raise Fault('each task needs a "name" and a "code"')
        if name in tasks:
            raise Fault(f'two tasks are called "{name}"')
        own = task_arguments(task, also=("name", "code"))
        # The blank: Airflow takes a command that ends in ".sh" for the name of a template.
        tasks[name] = GraphTaskOperator(
            task_id=name, dag=dag, bash_command=code.replace("${ROOT}", place) + " ", zone=zone.name,
            **{**defaults, **own})
    for dependency in content.get("dependencies") or []:
        names = list_of(dependency, "each dependency")
        if len(names) != 2:
            raise Fault(f'each dependency must be ["child", "parent"], not {names!r}')
        for name in names:
            if name not in tasks:
                near = difflib.get_close_matches(name, tasks, 1)
                raise Fault(f'"dependencies" name a task "{name}" that there is not'
                            + (f', did you mean "{near[0]}"?' if near else ""))
        child, parent = names
        tasks[child].set_upstream(tasks[parent])
    dag.check_cycle()


def action_dag(source: pathlib.Path, service: str, action: str, values: dict, options: Options) -> DAG:
    zone = zone_of(values.get("time_zone"))
    schedule = [asset_of(service, name) for name in list_of(values.get("after"), '"after"')] or None
    if "schedule" in values:
        # As in Busker, and as cron does it: the data date is that of the scheduled instant itself.
        cron = CronTriggerTimetable(values["schedule"], timezone=zone)
        schedule = AssetOrTimeSchedule(timetable=cron, assets=schedule) if schedule else cron
    start = instant_of(values.get("start"), zone, "start")
    runs_max = 1 if values.get("concurrency", "queue") == "queue" else 16
    dag = make_dag(
        f"{service}.{action}", source, schedule, start_date=start,
        end_date=instant_of(values.get("end"), zone, "end"),
        catchup=values.get("catch_up") == "all" and start is not None,
        max_active_runs=values.get("runs_at_once", runs_max), tags=["busker", service])
    add_steps(dag, action, options, one_after_another=bool(values.get("depends_on_past")),
              outlets=[asset_of(service, action)])
    return dag


def asset_of(service: str, action: str) -> Asset:
    """Stands for the successes of an action."""
    return Asset(f"busker://{service}/{action}")


# --- From folders to files ------------------------------------------------------------------------


def has_something(folder: pathlib.Path) -> bool:
    return (folder / "busker.toml").is_file() or any(configs_of(folder))


def configs_of(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted([*folder.glob("configs/*.json"), *folder.glob("scheduler/configs/*.json")])


def folders_of(path: pathlib.Path) -> list[pathlib.Path]:
    """The folder itself, or those directly in it, where something stands that Busker knows."""
    if has_something(path):
        return [path]
    below = [folder for folder in sorted(path.glob("[!.]*/")) if has_something(folder)]
    if not below:
        raise Fault(f"{path}: neither here nor directly below is there a busker.toml or a configs/*.json")
    return below


def actions_of(folder: pathlib.Path, configs: list[str]) -> tuple[str, dict]:
    """The service's name, and its actions with what its file says about each."""
    path = folder / "busker.toml"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        actions = {name: {} for name in configs}
        for name, value in table_of(values.get("actions", {}), "[actions]").items():
            actions[name] = table_of(value, f"[actions.{name}]")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, Fault) as error:
        raise Fault(f"{path}: {error}") from None
    return values.get("name", re.sub(r"[^a-z0-9._-]", "-", folder.name.lower())), actions


class Reading:
    """The DAGs of some folders, and what could not become one: a fault costs its own DAG and no other."""

    def __init__(self):
        self.dags: dict[str, DAG] = {}
        self.sources: dict[str, pathlib.Path] = {}
        self.faults: list[Fault] = []

    def read(self, path: str, **options) -> None:
        path = pathlib.Path(path).absolute()
        with self.noting():
            for folder in folders_of(path):
                self.read_folder(folder, Options(given=path, **options))

    def read_folder(self, folder: pathlib.Path, options: Options) -> None:
        options = dataclasses.replace(options, folder=options.place_of(folder))
        configs = []
        for path in configs_of(folder):
            with self.noting(path):
                content = object_of(path)
                if is_graph(content):
                    self.add(graph_dag(path, content, options), path)
                elif path.parent.parent == folder:
                    configs.append(path.stem)
        source = folder / "busker.toml"
        with self.noting():
            service, actions = actions_of(folder, configs)
            for action, values in actions.items():
                place = source if values else folder / "configs" / f"{action}.json"
                with self.noting(place):
                    self.add(action_dag(place, service, action, values, options), place)

    def add(self, dag: DAG, source: pathlib.Path) -> None:
        if dag.dag_id in self.dags:
            raise Fault(f"\"{dag.dag_id}\" is the id of another DAG already, from {self.sources[dag.dag_id]}")
        self.dags[dag.dag_id] = dag
        self.sources[dag.dag_id] = source

    @contextlib.contextmanager
    def noting(self, path: pathlib.Path | None = None):
        """What goes wrong within, in Airflow's code too, is written down instead."""
        try:
            yield
        except Exception as error:
            told = str(error)
            self.faults.append(Fault(f"{path}: {told}" if path and not told.startswith(f"{path}:") else told))

    def fault(self) -> Fault | None:
        if not self.faults:
            return None
        return Fault("\n".join([*map(str, self.faults), "`busker validate` tells more."]))


def dags_of(folder: str, **options) -> dict[str, DAG]:
    """The DAGs of a folder by their ids, for a DAG file of your own:

        from busker_dags import dags_of
        globals().update(dags_of("/srv/scheduler", mirror=True))

    The options are those of Options: mirror, place, limit, task_args. Raises Fault when any file has one.
    """
    reading = Reading()
    reading.read(folder, **options)
    if fault := reading.fault():
        raise fault
    return reading.dags
