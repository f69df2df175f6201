"""SELECTs, carried out by DuckDB: the shared library that Busker itself opens, by its C API. Not BigQuery's own dialect, but types
and most functions have one meaning in both; what DuckDB does not know fails, and nothing is made up."""

import csv
import ctypes
import json
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
# GoogleSQL's names, where DuckDB's are others.
CASTS = {"STRING": "VARCHAR", "INT64": "BIGINT", "FLOAT64": "DOUBLE", "NUMERIC": "DECIMAL(38,9)", "BOOL": "BOOLEAN",
         "BIGNUMERIC": "DECIMAL(38,18)", "DATETIME": "TIMESTAMP", "TIMESTAMP": "TIMESTAMPTZ"}
FUNCTIONS = {"SAFE_CAST": "TRY_CAST", "REGEXP_CONTAINS": "regexp_matches", "REGEXP_EXTRACT": "first_group"}
KINDS = {"BOOLEAN": "BOOLEAN", "DOUBLE": "FLOAT", "FLOAT": "FLOAT", "DATE": "DATE", "TIME": "TIME", "TIMESTAMP": "DATETIME",
         "TIMESTAMP WITH TIME ZONE": "TIMESTAMP", "VARCHAR": "STRING", "BLOB": "BYTES", "STRUCT(\"json\" VARCHAR)": "JSON",
         "DECIMAL(38,18)": "BIGNUMERIC"}
# Types that are more than their text: out of the text, and into it.
MADE = {"BYTES": ("from_base64({})", "base64({})"), "JSON": ("PARSE_JSON({})", "{}.json")}
PRELUDE = """SET TimeZone='UTC';
SET threads=1;
CREATE MACRO PARSE_JSON(a) AS CASE WHEN a IS NOT NULL THEN {'json': a} END;
CREATE MACRO first_group(a, b) AS CASE WHEN regexp_matches(a, b) THEN regexp_extract(a, b, 1) END;
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
    """In memory; for one query after the other."""

    kept = None  # opening one takes as long as a small query

    def __init__(self):
        self.library = Library.get()
        self.database, self.connection = ctypes.c_void_p(), ctypes.c_void_p()
        self.library.duckdb_open(None, ctypes.byref(self.database))
        self.library.duckdb_connect(self.database, ctypes.byref(self.connection))
        for statement in PRELUDE.split(";"):
            if statement.strip():
                self.rows(statement)

    def close(self):
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
        shown = ", ".join(f"CAST({MADE.get(kind, ('', '{}'))[1].format(quoted(name))} AS VARCHAR)" for name, kind in columns)
        rows = self.rows(f"SELECT {shown} FROM answer")
        return columns, [[None if cell is None else canonical(cell, kind) for cell, (_, kind) in zip(row, columns)] for row in rows]


def translated(text):
    """Names of types and functions; what stands in quotes stays."""
    parts = re.split(r"('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")", text)
    for index in range(0, len(parts), 2):
        parts[index] = re.sub(r"(?i)\bAS (" + "|".join(CASTS) + r")\)", lambda found: f"AS {CASTS[found[1].upper()]})", parts[index])
        parts[index] = re.sub(r"\b(" + "|".join(FUNCTIONS) + r")\(", lambda found: f"{FUNCTIONS[found[1]]}(", parts[index])
    return "".join(parts)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def kind_of(name):
    if name in KINDS:
        return KINDS[name]
    if name.startswith("DECIMAL"):
        return "NUMERIC"
    if re.fullmatch(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?", name):
        return "INTEGER"
    raise NotPlayed(f"the type {name} of a query's column")


def canonical(text, kind):
    """As rows.py has it."""
    if kind == "FLOAT":
        return float_text(float(text))
    if kind == "JSON":
        return json.dumps(json.loads(text), separators=(",", ":"))
    if kind in ("NUMERIC", "BIGNUMERIC"):
        return text.rstrip("0").rstrip(".") if "." in text else text
    if kind in ("DATETIME", "TIMESTAMP", "TIME"):
        found = re.fullmatch(r"((?:\S+ )?\d\d:\d\d:\d\d)(?:\.(\d+))?(\+00)?", text)
        return f"{found[1]}.{(found[2] or '').ljust(6, '0')}{found[3] or ''}"
    return text


def select(text, tables):
    """`tables`: {(dataset, table): (fields, rows)}, all that the query may name. Returns ([(name, type)], rows)."""
    database, Database.kept = Database.kept or Database(), None
    try:
        answer = answer_of(database, text, tables)
        for name in {dataset for dataset, _ in tables}:
            database.rows(f'DROP SCHEMA "{name}" CASCADE')
        database.rows("DROP TABLE temp.answer")
        Database.kept = database
        return answer
    finally:
        if Database.kept is None:
            database.close()


def answer_of(database, text, tables):
    with tempfile.TemporaryDirectory() as folder:
        for number, ((dataset, table), (fields, rows)) in enumerate(tables.items()):
            file = pathlib.Path(folder) / f"{number}.csv"
            with open(file, "w", newline="", encoding="utf-8") as opened:
                writer = csv.writer(opened, quoting=csv.QUOTE_ALL, lineterminator="\n")
                writer.writerows([["\\N" if cell is None else cell for cell in row] for row in rows])
            columns = ", ".join(f'"{field["name"]}" {NAMES[field["type"]]}' for field in fields)
            database.rows(f'CREATE SCHEMA IF NOT EXISTS "{dataset}"')
            is_made = any(field["type"] in MADE for field in fields)
            name = f'"{dataset}"."{table} as text"' if is_made else f'"{dataset}"."{table}"'
            database.rows(f"CREATE TABLE {name} ({columns})")
            if rows:
                database.rows(f"COPY {name} FROM '{file}' (FORMAT csv, AUTO_DETECT false, HEADER false, "
                               "DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR '\\N', ALLOW_QUOTED_NULLS true, NEW_LINE '\\n')")
            if is_made:
                values = ", ".join(f"{MADE.get(field['type'], ('{}',))[0].format(quoted(field['name']))} AS {quoted(field['name'])}"
                                   for field in fields)
                database.rows(f'CREATE VIEW "{dataset}"."{table}" AS SELECT {values} FROM {name}')
        return database.select(translated(text))
