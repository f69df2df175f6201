"""Airflow DAGs from the graph files and service files that Busker reads.

Copy the four files of this folder into Airflow's DAG folder, and say in Airflow's environment:

    BUSKER_FOLDERS=/srv/scheduler:/srv/churn    what there is to run, as you would name it to Busker
    BUSKER=/usr/local/bin/busker                the program, when it is not on PATH

A graph file becomes a DAG of its dag_id, each action of a service a DAG called SERVICE.ACTION, all of
them with three tasks: start -> wait -> check. Busker does the work; Airflow says when, and shows what
came of it. docs/airflow.md tells the rest. Needs Airflow 3, and nothing of Busker but its program.
"""

import os
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent))

from busker_reading import Reading, dags_of  # noqa: E402

__all__ = ["dags_of"]

READING = Reading()
for path in filter(None, os.environ.get("BUSKER_FOLDERS", "").split(os.pathsep)):
    READING.read(path)
globals().update({f"dag {dag_id}": dag for dag_id, dag in READING.dags.items()})
