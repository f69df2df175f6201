"""The tasks start, wait and check: each runs one verb of the program `busker`."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import tempfile
import zoneinfo
from typing import NamedTuple

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import BaseOperator, Variable

try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException
except ImportError:  # the earlier releases of Airflow 3
    from airflow.exceptions import AirflowException, AirflowFailException

FAILED = 1  # what `busker check` ends with when the run did not succeed
HOPELESS = (2, 3, 78)  # wrong usage or invalid file, not found, state that cannot be used: not tried again

WAIT_LIMIT = "6h"  # of one try of the task `wait`
ANSWER_LIMIT = datetime.timedelta(minutes=5)  # of every other verb
LOG_LINES_MAX = 100  # of a failed run's log, shown in Airflow's log


def date_of(context) -> datetime.datetime:
    """The data date: where the DAG run's interval begins; for a run by hand that has none, when it began."""
    run = context["dag_run"]
    date = run.data_interval_start or run.logical_date or run.run_after
    return date.astimezone(datetime.timezone.utc)


def rfc3339(instant: datetime.datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


class Answer(NamedTuple):
    code: int
    printed: str
    said: str  # on stderr


class BuskerOperator(BaseOperator):
    """Runs verbs of busker on an action, or a graph, of a folder."""

    template_fields = ("run",)

    def __init__(self, *, folder: str, action: str, run: str | None = None, **arguments):
        super().__init__(**arguments)
        self.folder = folder
        self.action = action
        self.run = run
        self._process = None

    def command(self, verb: str, *words: str) -> list[str]:
        program = os.environ.get("BUSKER") or Variable.get("busker", default="busker")
        if not shutil.which(program):
            raise AirflowFailException(
                f"there is no program '{program}' here; install Busker, or say in BUSKER where it is")
        return [program, verb, *words, "-C", self.folder]

    def ask(self, verb: str, *words: str, limit: datetime.timedelta | None = ANSWER_LIMIT) -> Answer:
        """Runs the verb to its end, whatever that is. What it says goes into the task's log."""
        command = self.command(verb, *words)
        self.log.info("%s", " ".join(command))
        # Files and no pipes: a daemon that the verb starts would hold a pipe open.
        with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as said:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=printed, stderr=said)
            try:
                code = self._process.wait(limit and limit.total_seconds())
            except subprocess.TimeoutExpired:
                raise AirflowException(f"`busker {verb}` gave no answer within {limit}") from None
            finally:
                self.end_process()
            printed.seek(0)
            said.seek(0)
            answer = Answer(code, printed.read(), said.read().strip())
        if answer.said:
            self.log.info("%s", answer.said)
        return answer

    def expect(self, verb: str, answer: Answer, *, also_hopeless: tuple = ()) -> None:
        """Unless the verb has succeeded, the task fails: for good, or until it is tried again."""
        if answer.code != 0:
            error = AirflowFailException if answer.code in (*HOPELESS, *also_hopeless) else AirflowException
            raise error(answer.said or f"`busker {verb}` ended with exit code {answer.code}")

    def end_process(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def on_kill(self) -> None:
        self.end_process()


class BuskerStartOperator(BuskerOperator):
    """Starts a run for the DAG run's data date. Its result is the run's id.

    It may be tried again: the key makes that the same run. Clearing the task starts another run.
    """

    ui_color = "#d9ead3"

    def execute(self, context) -> str:
        run, tries_max = context["dag_run"], context["ti"].max_tries
        # A retry leaves max_tries as it was; clearing counts it up. A DAG run that was deleted and made anew
        # has the same id, and began at another time.
        began = rfc3339(run.start_date or run.run_after)
        key = f"airflow/{run.dag_id}/{run.run_id}/{began}/{tries_max}"
        answer = self.ask("start", self.action, "--date", rfc3339(date_of(context)), "--key", key, "--json")
        self.expect("start", answer)
        try:
            return str(json.loads(answer.printed)["id"])
        except (ValueError, KeyError, TypeError):
            raise AirflowException(f"`busker start` printed no run's id: {answer.printed!r}") from None


class BuskerWaitOperator(BuskerOperator):
    """Waits until the run has ended, well or badly. It may be tried again.

    When somebody marks or clears the task, or the DAG run's time is up, the run is cancelled. When merely
    the worker stops, the run goes on, and the next try waits for it.
    """

    ui_color = "#fff2cc"

    def __init__(self, *, limit: str = WAIT_LIMIT, **arguments):
        super().__init__(**arguments)
        self.limit = limit
        self._ti = None

    def execute(self, context) -> None:
        self._ti = context["ti"]
        answer = self.ask("wait", self.action, "--run", self.run, "--limit", self.limit, limit=None)
        self.expect("wait", answer)

    def on_kill(self) -> None:
        try:
            if self.is_still_wanted():
                self.log.info("run %s goes on; the next try of this task waits for it", self.run)
            else:
                self.cancel()
        finally:
            super().on_kill()

    def is_still_wanted(self) -> bool:
        """Whether Airflow still has this task as running. When it does not tell: yes, so no work is lost."""
        try:
            states = self._ti.get_task_states(
                dag_id=self._ti.dag_id, task_ids=[self._ti.task_id], run_ids=[self._ti.run_id])
            return states[self._ti.run_id][self._ti.task_id] == "running"
        except Exception as error:
            self.log.warning("Airflow does not tell what became of this task: %s", error)
            return True

    def cancel(self) -> None:
        # In a session of its own, as Airflow ends this one within seconds.
        process = subprocess.Popen(
            self.command("cancel", self.run, "--by", "airflow"), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            self.log.info("cancelled run %s: exit code %s", self.run, process.wait(timeout=3))
        except subprocess.TimeoutExpired:
            self.log.info("asked Busker to cancel run %s", self.run)


class BuskerCheckOperator(BuskerOperator):
    """Succeeds when the run has. Fails with Busker's message when it has not, the run's log above it."""

    ui_color = "#cfe2f3"

    def execute(self, context) -> None:
        answer = self.ask("check", self.action, "--run", self.run)
        if answer.code == FAILED:
            for line in self.ask("logs", self.run).printed.splitlines()[-LOG_LINES_MAX:]:
                self.log.info("| %s", line)
        self.expect("check", answer, also_hopeless=(FAILED,))


class GraphTaskOperator(BashOperator):
    """One task of a mirrored graph, which Airflow runs; the program knows its data date as under Busker."""

    def __init__(self, *, zone: str = "UTC", **arguments):
        super().__init__(**arguments)
        self.zone = zone

    def get_env(self, context) -> dict:
        date = date_of(context)
        local = date.astimezone(zoneinfo.ZoneInfo(self.zone))
        return {**super().get_env(context), "BUSKER_RUN": context["dag_run"].run_id,
                "BUSKER_DATE": f"{local:%Y-%m-%d}", "BUSKER_SCHEDULED_AT": rfc3339(date)}
