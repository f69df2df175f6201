"""SELECTs, carried out by DuckDB: the shared library that Busker itself opens, by its C API. Not BigQuery's own dialect, but types
and most functions have one meaning in both; what DuckDB does not know fails, and nothing is made up."""

import csv
import ctypes
import os
import pathlib
import re
import tempfile

from .answers import NotPlayed
from .rows import float_text

LIBRARY = pathlib.Path(os.environ.get("BUSKER_DUCKDB", pathlib.Path(__file__).resolve().parents[2] / "build/deps/libduckdb.so"))
# Of a column's type: to DuckDB, and back.
NAMES = {"STRING": "VARCHAR", "BYTES": "VARCHAR", "INTEGER": "BIGINT", "FLOAT": "DOUBLE", "NUMERIC": "DECIMAL(38,9)",
         "BIGNUMERIC": "DECIMAL(38,18)", "BOOLEAN": "BOOLEAN", "DATE": "DATE", "TIME": "TIME", "DATETIME": "TIMESTAMP",
         "TIMESTAMP": "TIMESTAMPTZ", "JSON": "VARCHAR"}
KINDS = {"BOOLEAN": "BOOLEAN", "DOUBLE": "FLOAT", "FLOAT": "FLOAT", "DATE": "DATE", "TIME": "TIME", "TIMESTAMP": "DATETIME",
         "TIMESTAMP WITH TIME ZONE": "TIMESTAMP", "VARCHAR": "STRING"}
PRELUDE = """SET TimeZone='UTC';
CREATE MACRO SAFE_DIVIDE(a, b) AS CASE WHEN b = 0 THEN NULL ELSE a / b END;
"""


class SqlError(Exception):
    pass


class _Result(ctypes.Structure):
    _fields_ = [("columns", ctypes.c_uint64), ("rows", ctypes.c_uint64), ("changed", ctypes.c_uint64), ("data", ctypes.c_void_p),
                ("error", ctypes.c_char_p), ("internal", ctypes.c_void_p)]


class Library:
    """Loaded when it is first needed."""

    loaded = None

    @classmethod
    def get(cls):
        if cls.loaded is None:
            if not LIBRARY.exists():
                raise NotPlayed(f"queries without DuckDB's library ({LIBRARY.name}); script/setup gets it")
            found = ctypes.CDLL(str(LIBRARY))
            found.duckdb_value_varchar.restype = ctypes.c_void_p
            found.duckdb_result_error.restype = ctypes.c_char_p
            for name in ("duckdb_row_count", "duckdb_column_count"):
                getattr(found, name).restype = ctypes.c_uint64
            found.duckdb_value_is_null.restype = ctypes.c_bool
            cls.loaded = found
        return cls.loaded


class Database:
    """In memory, for one query."""

    def __enter__(self):
        self.library = Library.get()
        self.database, self.connection = ctypes.c_void_p(), ctypes.c_void_p()
        self.library.duckdb_open(None, ctypes.byref(self.database))
        self.library.duckdb_connect(self.database, ctypes.byref(self.connection))
        return self

    def __exit__(self, *_):
        self.library.duckdb_disconnect(ctypes.byref(self.connection))
        self.library.duckdb_close(ctypes.byref(self.database))

    def rows(self, text):
        """Of a statement all of whose columns are text."""
        result, library = _Result(), self.library
        try:
            if library.duckdb_query(self.connection, text.encode(), ctypes.byref(result)) != 0:
                raise SqlError((library.duckdb_result_error(ctypes.byref(result)) or b"it failed").decode())
            columns = range(library.duckdb_column_count(ctypes.byref(result)))
            return [[self.cell(result, column, row) for column in columns]
                    for row in range(library.duckdb_row_count(ctypes.byref(result)))]
        finally:
            library.duckdb_destroy_result(ctypes.byref(result))

    def cell(self, result, column, row):
        place = ctypes.byref(result), ctypes.c_uint64(column), ctypes.c_uint64(row)
        if self.library.duckdb_value_is_null(*place):
            return None
        text = self.library.duckdb_value_varchar(*place)
        try:
            return ctypes.string_at(text).decode()
        finally:
            self.library.duckdb_free(ctypes.c_void_p(text))

    def select(self, text):
        """[(name, type)], rows."""
        self.rows(f"CREATE TEMP TABLE answer AS {text}")
        columns = [(name, kind_of(kind)) for name, kind in self.rows("SELECT column_name, column_type FROM (DESCRIBE answer)")]
        rows = self.rows("SELECT COLUMNS(*)::VARCHAR FROM answer")
        return columns, [[None if cell is None else canonical(cell, kind) for cell, (_, kind) in zip(row, columns)] for row in rows]


def kind_of(name):
    if name.startswith("DECIMAL"):
        return "NUMERIC"
    if name in KINDS:
        return KINDS[name]
    if re.fullmatch(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?", name):
        return "INTEGER"
    raise NotPlayed(f"the type {name} of a query's column")


def canonical(text, kind):
    """As rows.py has it."""
    if kind == "FLOAT":
        return float_text(float(text))
    if kind == "NUMERIC":
        return text.rstrip("0").rstrip(".") if "." in text else text
    if kind in ("DATETIME", "TIMESTAMP", "TIME"):
        found = re.fullmatch(r"((?:\S+ )?\d\d:\d\d:\d\d)(?:\.(\d+))?(\+00)?", text)
        return f"{found[1]}.{(found[2] or '').ljust(6, '0')}{found[3] or ''}"
    return text


def select(text, tables):
    """`tables`: {(dataset, table): (fields, rows)}, all that the query may name. Returns ([(name, type)], rows)."""
    with Database() as database, tempfile.TemporaryDirectory() as folder:
        for statement in PRELUDE.split(";"):
            if statement.strip():
                database.rows(statement)
        for number, ((dataset, table), (fields, rows)) in enumerate(tables.items()):
            file = pathlib.Path(folder) / f"{number}.csv"
            with open(file, "w", newline="", encoding="utf-8") as opened:
                writer = csv.writer(opened, quoting=csv.QUOTE_ALL, lineterminator="\n")
                writer.writerows([["\\N" if cell is None else cell for cell in row] for row in rows])
            columns = ", ".join(f'"{field["name"]}" {NAMES[field["type"]]}' for field in fields)
            database.rows(f'CREATE SCHEMA IF NOT EXISTS "{dataset}"')
            database.rows(f'CREATE TABLE "{dataset}"."{table}" ({columns})')
            if rows:
                database.rows(f"COPY \"{dataset}\".\"{table}\" FROM '{file}' (FORMAT csv, AUTO_DETECT false, HEADER false, "
                               "DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR '\\N', ALLOW_QUOTED_NULLS true)")
        return database.select(text)
