"""Shows as an import error of Airflow what busker_dags.py, beside it, could not make into a DAG.

A file of its own, because an import error stops every DAG of the file that has it.
"""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent))

from busker_dags import READING  # noqa: E402

if fault := READING.fault():
    raise fault
