"""Jobs of BigQuery: what may be asked of one, and what each does when its time has come, whole or not at all."""

import re

from . import shape, sql
from .answers import NotPlayed, Refused
from .rows import BadValue, CsvFormat, rows_of_csv, rows_of_json, value_of
from .tables import LABELS, PARTITIONING, SCHEMA, TABLE_REFERENCE, Table, difference, merged, settled_fields

JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,1024}")
WRITE = shape.one_of("WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA", "WRITE_APPEND", "WRITE_EMPTY")
CREATE = shape.one_of("CREATE_IF_NEEDED", "CREATE_NEVER")
UPDATES = [shape.one_of("ALLOW_FIELD_ADDITION", "ALLOW_FIELD_RELAXATION")]
LOAD = {"sourceUris": [shape.text], "schema": SCHEMA, "destinationTable": TABLE_REFERENCE, "createDisposition": CREATE,
        "writeDisposition": WRITE, "sourceFormat": shape.one_of("CSV", "NEWLINE_DELIMITED_JSON"), "fieldDelimiter": shape.text,
        "quote": shape.text, "skipLeadingRows": shape.integer, "nullMarker": shape.text, "encoding": shape.one_of("UTF-8"),
        "maxBadRecords": shape.integer, "allowQuotedNewlines": shape.boolean, "allowJaggedRows": shape.boolean,
        "ignoreUnknownValues": shape.boolean, "autodetect": shape.boolean, "schemaUpdateOptions": UPDATES,
        "timePartitioning": PARTITIONING, "sourceColumnMatch": shape.one_of("POSITION", "NAME"),
        "projectionFields": shape.just([]), "useAvroLogicalTypes": shape.just(False), "decimalTargetTypes": shape.just([]),
        "preserveAsciiControlCharacters": shape.just(False), "createSession": shape.just(False), "copyFilesOnly": shape.just(False),
        "nullMarkers": shape.just([]),
        "destinationTableProperties": {"description": shape.text, "friendlyName": shape.text, "labels": LABELS}}
PARAMETER = {"name": shape.text, "parameterType": {"type": shape.one_of("STRING", "INT64", "TIMESTAMP")},
             "parameterValue": {"value": shape.text}}
QUERY = {"query": shape.text, "useLegacySql": shape.boolean, "destinationTable": TABLE_REFERENCE, "createDisposition": CREATE,
         "writeDisposition": WRITE, "defaultDataset": {"projectId": shape.text, "datasetId": shape.text},
         "maximumBytesBilled": shape.integer, "useQueryCache": shape.boolean, "priority": shape.one_of("INTERACTIVE", "BATCH"),
         "schemaUpdateOptions": UPDATES, "timePartitioning": PARTITIONING, "allowLargeResults": shape.boolean,
         "flattenResults": shape.just(True), "preserveNulls": shape.just(False), "continuous": shape.just(False),
         "createSession": shape.just(False), "queryParameters": [PARAMETER], "parameterMode": shape.one_of("NAMED"), "userDefinedFunctionResources": shape.just([]),
         "connectionProperties": shape.just([]), "writeIncrementalResults": shape.just(False)}
COPY = {"sourceTable": TABLE_REFERENCE, "sourceTables": [TABLE_REFERENCE], "destinationTable": TABLE_REFERENCE,
        "createDisposition": CREATE, "writeDisposition": WRITE, "operationType": shape.one_of("COPY", "SNAPSHOT")}
JOB = {"kind": shape.one_of("bigquery#job"),
       "jobReference": {"projectId": shape.text, "jobId": shape.text, "location": shape.text},
       "configuration": {"jobType": shape.text, "labels": LABELS, "dryRun": shape.boolean, "jobTimeoutMs": shape.integer,
                         "load": LOAD, "query": QUERY, "copy": COPY}}
BILLED_LEAST = 10 << 20  # of each table that a query names (bigquery/pricing)
ERRORS_TOLD_MAX = 10


class JobError(Exception):
    """What ends a job, in its status; the answer to jobs.insert was 200."""

    def __init__(self, reason, message, more=()):
        super().__init__(message)
        self.errors = [{"reason": reason, "message": message}, *more]


class Job:
    def __init__(self, bigquery, job_id, location, configuration, user):
        self.bigquery, self.id, self.location, self.configuration, self.user = bigquery, job_id, location, configuration, user
        self.kind = next(kind for kind in ("load", "query", "copy") if kind in configuration)
        self.created = bigquery.world.clock.now()
        self.ended = None
        self.state = "PENDING"
        self.errors = []
        self.is_failed = False
        self.statistics = {}
        self.result = None  # (fields, rows) of a query

    def carry_out(self):
        """At its end: everything, or nothing and an error."""
        if self.state == "DONE":  # it was cancelled
            return
        try:
            rule = self.bigquery.world.misbehaviour.take({"fail_job"}, self.subject())
            if rule:
                raise JobError(rule.get("reason", "backendError"), rule.get("message", "An error occurred. Retry the job."))
            getattr(self, f"do_{self.kind}")(self.configuration[self.kind])
        except JobError as error:
            self.fail(error.errors)
        except Refused as refusal:
            self.fail([{"reason": refusal.reason, "message": refusal.message}])
        self.state, self.ended = "DONE", self.bigquery.world.clock.now()
        self.bigquery.world.changed.notify_all()

    def fail(self, errors):
        self.is_failed, self.errors = True, [{"location": "", **one} for one in errors]

    def subject(self):
        table = self.configuration[self.kind].get("destinationTable", {})
        return f"{table.get('datasetId', '')}.{table.get('tableId', '')}"

    def cancel(self):
        if self.state != "DONE":
            self.fail([{"reason": "stopped", "message": "Job execution was cancelled: User requested cancellation"}])
            self.state, self.ended = "DONE", self.bigquery.world.clock.now()

    def resource(self):
        project = self.bigquery.world.project
        status = {"state": self.state}
        if self.is_failed:
            status["errorResult"] = self.errors[0]
        if self.errors:
            status["errors"] = self.errors
        millis = str(int(self.created * 1000))
        statistics = {"creationTime": millis, "startTime": millis, **self.statistics}
        if self.ended is not None:
            statistics["endTime"] = str(int(self.ended * 1000))
        return {"kind": "bigquery#job", "id": f"{project}:{self.location}.{self.id}", "etag": f"{self.id}/{self.state}",
                "jobReference": {"projectId": project, "jobId": self.id, "location": self.location},
                "configuration": {"jobType": self.kind.upper(), **self.configuration}, "status": status, "statistics": statistics,
                "user_email": self.user}

    def must_be_allowed(self, permission):
        if not self.bigquery.world.permissions.held(self.user, [permission]):
            raise JobError("accessDenied", f"Access Denied: {self.user} does not have {permission} permission.")

    # Where the rows go.

    def dataset_of(self, reference):
        dataset = self.bigquery.datasets.get(reference.get("datasetId"))
        if dataset is None or dataset.location != self.location:
            raise JobError("notFound", f"Not found: Dataset {self.bigquery.world.project}:{reference.get('datasetId')} was not found in "
                           f"location {self.location}")
        return dataset

    def destination(self, reference):
        """(dataset, name, partition or None)"""
        dataset = self.dataset_of(reference)
        name, sign, partition = reference.get("tableId", "").partition("$")
        if sign and not re.fullmatch(r"\d{8}", partition):
            raise JobError("invalid", f"Invalid partition decorator: {partition}")
        return dataset, name, partition or None

    def write(self, settings, default, fields, rows, told=None):
        """`rows`: cells. `fields`: as they come; None: as the table's. `told`: what else a table gets that is made now. All
        checks come before anything changes. (bigquery/docs/managing-partitioned-table-data for decorators)"""
        dataset, name, partition = self.destination(settings["destinationTable"])
        place = f"{self.bigquery.world.project}:{dataset.name}.{name}"
        disposition = settings.get("writeDisposition", default)
        table = dataset.tables.get(name)
        self.must_be_allowed("bigquery.tables.updateData" if table else "bigquery.tables.create")
        if table is None:
            if settings.get("createDisposition") == "CREATE_NEVER":
                raise JobError("notFound", f"Not found: Table {place}")
            if fields is None:
                raise JobError("invalid", "No schema specified on job or table.")
            told = {**(told or {}), "timePartitioning": settings.get("timePartitioning") or ({"type": "DAY"} if partition else None)}
            table = Table(dataset, name, fields, self.bigquery.world.clock.now(), told)
            disposition = "WRITE_APPEND"
        if table.kind == "SNAPSHOT":
            raise JobError("invalid", f"Table {dataset.name}.{name} is a snapshot, and cannot be changed.")
        if partition and not table.partitioning:
            raise JobError("invalid", "A partition decorator needs a partitioned table.")
        if partition is None and table.partitioning and not table.is_by_column():
            raise NotPlayed("loads into a table that is partitioned by ingestion without a decorator")
        keys = [partition] * len(rows)
        changed = fields if fields is not None else table.fields
        if disposition == "WRITE_TRUNCATE_DATA" and partition:
            # Whether it takes a decorator is not told in any page; until somebody has seen it, nobody may rely on it.
            raise JobError("invalid", "WRITE_TRUNCATE_DATA with a partition decorator: not known of the real service")
        if disposition == "WRITE_TRUNCATE_DATA" and table.fields is not None:
            fault = difference(table.fields, changed)
            if fault:
                raise JobError("invalid", f"Provided Schema does not match Table {place}. {fault}")
            changed = table.fields
        elif (disposition in ("WRITE_APPEND", "WRITE_EMPTY") or partition) and table.fields is not None:
            changed, fault = merged(table.fields, changed, settings.get("schemaUpdateOptions", []))
            if fault:
                raise JobError("invalid", f"Provided Schema does not match Table {place}. {fault}")
        elif settings.get("schemaUpdateOptions") and table.fields is not None:
            raise JobError("invalid", "Schema update options should only be specified with WRITE_APPEND disposition, or with "
                           "WRITE_TRUNCATE disposition on a table partition.")
        if fields is not None:
            rows = ordered(rows, fields, changed)
        old = [(where, [*row, *[None] * (len(changed) - len(row))]) for where, row in table.rows]
        if disposition == "WRITE_EMPTY" and [1 for where, _ in old if partition in (None, where)]:
            raise JobError("duplicate", f"Already Exists: Table {place}")
        if table.is_by_column():
            before, table.fields = table.fields, changed
            keys = [table.partition_of(row) for row in rows]
            table.fields = before
            if partition and any(key != partition for key in keys):
                raise JobError("invalid", "Some rows belong to different partitions rather than destination partition "
                               f"{dataset.name}.{name}${partition}")
        kept = {"WRITE_APPEND": old, "WRITE_EMPTY": old}.get(disposition, [one for one in old if partition and one[0] != partition])
        if disposition == "WRITE_TRUNCATE" and not partition:
            # Measured by others on the real service (dlt-hub/dlt#4130): labels and the table's description stay, the
            # descriptions and tags of columns, keys and row policies go.
            table.constraints, table.row_policies = None, []
        dataset.tables[name] = table
        table.fields = changed
        table.rows = [*kept, *zip(keys, rows)]
        table.modified = self.bigquery.world.clock.now()

    # Loads: bigquery/docs/loading-data-cloud-storage-csv.

    def do_load(self, load):
        if load.get("autodetect"):
            raise NotPlayed("autodetect")
        dataset, name, _ = self.destination(load["destinationTable"])
        table = dataset.tables.get(name)
        given = load.get("schema", {}).get("fields")
        fields = settled_fields(given) if given else (table.fields if table else None)
        if fields is None:
            raise JobError("invalid", "No schema specified on job or table.")
        objects = [one for uri in load.get("sourceUris", []) for one in self.objects_of(uri, dataset)]
        rows, faults, taken = [], [], 0
        for uri, data in objects:
            taken += len(data)
            for number, row in self.rows_in(data, fields, load):
                if isinstance(row, BadValue):
                    faults.append({"reason": "invalid", "location": uri, "message": f"Error while reading data, error message: {row}; "
                                   f"line_number: {number} File: {uri}"})
                else:
                    rows.append(row)
        if len(faults) > int(load.get("maxBadRecords", 0)):
            raise JobError("invalid", f"Error while reading data, error message: too many errors, giving up. Rows: {len(rows)}; errors: "
                           f"{len(faults)}; max bad: {load.get('maxBadRecords', 0)}.", faults[:ERRORS_TOLD_MAX])
        self.write(load, "WRITE_APPEND", fields if given else None, rows, load.get("destinationTableProperties"))
        self.errors = [{"location": "", **one} for one in faults[:ERRORS_TOLD_MAX]]
        size = sum(len(cell or "") for row in rows for cell in row)
        self.statistics["load"] = {"inputFiles": str(len(objects)), "inputFileBytes": str(taken), "outputRows": str(len(rows)),
                                   "outputBytes": str(size), "badRecords": str(len(faults))}

    @staticmethod
    def rows_in(data, fields, load):
        if load.get("sourceFormat", "CSV") == "CSV":
            return rows_of_csv(data, fields, CsvFormat(load))
        return rows_of_json(data, fields, load.get("ignoreUnknownValues", False))

    def objects_of(self, uri, dataset):
        found = re.fullmatch(r"gs://([^/]+)/(.+)", uri)
        if not found or uri.count("*") > 1:
            raise JobError("invalid", f"Invalid source URI: {uri}")
        if re.search(r"#\d+$", uri):
            raise JobError("invalid", f"Generation is not supported in source URIs: {uri}")
        bucket = self.bigquery.world.storage.buckets.get(found[1])
        if bucket is None:
            raise JobError("notFound", f"Not found: URI {uri}")
        # bigquery/docs/loading-data-cloud-storage-csv#location: in one place, or within the dataset's; datasets in the US load from any.
        source, target = bucket.location.lower(), dataset.location.lower()
        if source != target and target != "us" and not (target == "eu" and source.startswith("europe-")):
            raise JobError("invalid", f"Cannot read and write in different locations: source: {source}, destination: {target}")
        begin, _, end = found[2].partition("*")
        names = [name for name in sorted(bucket.objects) if "*" in uri and name.startswith(begin) and name.endswith(end)]
        names = names if "*" in uri else [found[2]] if found[2] in bucket.objects else []
        if not names:
            raise JobError("notFound", f"Not found: URI {uri}")
        return [(f"gs://{bucket.name}/{name}", bucket.objects[name].data) for name in names]

    # Queries.

    def tables_in(self, query):
        """What it names, as DuckDB takes it, and what it will read."""
        project = self.bigquery.world.project
        default = query.get("defaultDataset", {}).get("datasetId")

        def plain(found):
            parts = found[1].split(".")
            parts = parts[1:] if len(parts) == 3 and parts[0] == project else parts
            return ".".join(f'"{part}"' for part in parts)
        text = re.sub(r"`([^`]+)`", plain, query["query"]).strip().rstrip(";")
        tables = {}
        for dataset in self.bigquery.datasets.values():
            for table in dataset.tables.values():
                is_named = re.search(rf"(?i)\b{re.escape(dataset.name)}\"?\.\"?{re.escape(table.name)}\b", text)
                if not is_named and dataset.name == default:
                    is_named = re.search(rf"(?i)\b(?:from|join)\s+\"?{re.escape(table.name)}\b", text)
                    text = re.sub(rf"(?i)\b(from|join)(\s+)\"?{re.escape(table.name)}\b\"?", rf'\1\2"{default}"."{table.name}"', text)
                if is_named:
                    if dataset.location != self.location:
                        raise JobError("notFound", f"Not found: Dataset {project}:{dataset.name} was not found in location {self.location}")
                    tables[dataset.name, table.name] = table
        return text, tables

    # What kind of statement it is (rest/v2/Job, JobStatistics2.statementType), also told by a dry run.
    # bigquery/docs/reference/standard-sql/data-manipulation-language, data-definition-language.

    @staticmethod
    def statement_type(text):
        bare = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`", "''", text)
        bare = re.sub(r"(--|#)[^\n]*|/\*.*?\*/", " ", bare, flags=re.DOTALL)
        statements = [one.strip() for one in bare.split(";") if one.strip()]
        words = statements[0].upper().split() if statements else [""]
        first = words[0].lstrip("(")
        if len(statements) > 1 or first in ("BEGIN", "DECLARE", "SET", "IF", "CALL"):
            return "SCRIPT"
        if first in ("SELECT", "WITH"):
            return "SELECT"
        if first in ("INSERT", "UPDATE", "DELETE", "MERGE"):
            return first
        if first in ("CREATE", "DROP", "ALTER") and len(words) > 1:
            return f"{first}_{words[1]}"
        raise JobError("invalidQuery", f"Syntax error: Unexpected identifier \"{words[0]}\" at [1:1]" if words[0] else
                       "Syntax error: Unexpected end of statement")

    def do_query(self, query):
        kind = self.statement_type(query["query"])
        self.statistics["query"] = {"statementType": kind}
        self.statistics["totalBytesProcessed"] = "0"
        if self.configuration.get("dryRun") and kind != "SELECT":
            return
        if kind == "SELECT":
            self.do_select(query)
        elif kind == "INSERT":
            self.do_insert(query)
        elif kind == "DROP_TABLE":
            self.do_drop(query)
        else:
            raise NotPlayed(f"the statement {kind}")

    def parameters(self, query):
        return {one["name"]: (one["parameterType"]["type"], one["parameterValue"]["value"]) for one in query.get("queryParameters", [])}

    def reference_in(self, path):
        parts = path.strip("`").replace("`", "").split(".")
        return {"datasetId": parts[-2], "tableId": parts[-1]} if len(parts) > 1 else {}

    def do_insert(self, query):
        """Of one row of parameters: a statement that is whole at its end or not at all, as a job is."""
        found = re.fullmatch(r"INSERT INTO (\S+) \(([\w, ]+)\) VALUES \(([@\w, ]+)\)", query["query"].strip())
        if found is None:
            raise NotPlayed("an INSERT other than of named parameters")
        given = self.parameters(query)
        reference = self.reference_in(found[1])
        dataset, name, _ = self.destination(reference)
        table = dataset.tables.get(name)
        if table is None:
            raise JobError("notFound", f"Not found: Table {self.bigquery.world.project}:{dataset.name}.{name}")
        known = {field["name"]: field for field in table.fields}
        columns, names = ([word.strip() for word in part.split(",")] for part in (found[2], found[3]))
        if len(columns) != len(names) or any(column not in known for column in columns):
            raise JobError("invalidQuery", f"Column is not present in table {name}, or there are not as many values as columns")
        row = []
        for column, word in zip(columns, names):
            if word[:1] != "@" or word[1:] not in given:
                raise JobError("invalidQuery", f"Query parameter '{word[1:]}' not found")
            row.append(value_of(given[word[1:]][1], known[column]["type"]))
        fields = [known[column] for column in columns]
        self.write({"destinationTable": reference, "writeDisposition": "WRITE_APPEND"}, "WRITE_APPEND", fields, [row])
        self.statistics["query"]["numDmlAffectedRows"] = "1"

    def do_drop(self, query):
        found = re.fullmatch(r"DROP TABLE (IF EXISTS )?(\S+)", query["query"].strip())
        if found is None:
            raise NotPlayed("a DROP TABLE of that form")
        self.must_be_allowed("bigquery.tables.delete")
        dataset, name, _ = self.destination(self.reference_in(found[2]))
        if name not in dataset.tables and not found[1]:
            raise JobError("notFound", f"Not found: Table {self.bigquery.world.project}:{dataset.name}.{name}")
        dataset.tables.pop(name, None)

    def do_select(self, query):
        text, tables = self.tables_in(query)
        for name, (kind, value) in self.parameters(query).items():
            literal = "'" + value.replace("'", "''") + "'"
            text = re.sub(rf"@{name}\b", lambda _: f"CAST({literal} AS {kind})", text)
        read = sum(table.bytes for table in tables.values())
        billed = sum(max(BILLED_LEAST, table.bytes) for table in tables.values())
        limit = query.get("maximumBytesBilled")
        if tables:
            self.must_be_allowed("bigquery.tables.getData")
        self.statistics["totalBytesProcessed"] = str(read)
        self.statistics["query"].update({"totalBytesProcessed": str(read), "totalBytesBilled": str(billed), "cacheHit": False})
        if limit is not None and int(limit) < billed:
            raise JobError("bytesBilledLimitExceeded", f"Query exceeded limit for bytes billed: {limit}. {billed} or higher required.")
        try:
            columns, rows = sql.select(text, {place: (table.columns(), table.cells()) for place, table in tables.items()})
        except sql.SqlError as error:
            is_missing = re.search(r"Table with name \S+ does not exist", str(error))
            raise JobError("notFound" if is_missing else "invalidQuery", str(error)) from error
        fields = [{"name": name, "type": kind, "mode": "NULLABLE"} for name, kind in columns]
        if query.get("destinationTable"):
            self.write(query, "WRITE_EMPTY", settled_fields(fields), rows)
        self.result = (fields, rows)

    # Copies: bigquery/docs/managing-tables#copy-table, table-snapshots-intro.

    def do_copy(self, copy):
        sources = copy.get("sourceTables") or [copy["sourceTable"]]
        rows, fields, first = [], None, None
        for reference in sources:
            dataset, name, partition = self.destination(reference)
            table = dataset.tables.get(name)
            if table is None:
                raise JobError("notFound", f"Not found: Table {self.bigquery.world.project}:{dataset.name}.{name}")
            if fields is not None and difference(fields, table.fields):
                raise JobError("invalid", "The schemas of the sources differ.")
            first, fields = first or table, [dict(field) for field in table.fields]
            rows += [(where, row) for where, row in table.rows if partition is None or where == partition]
        dataset, name, _ = self.destination(copy["destinationTable"])
        if copy.get("operationType") == "SNAPSHOT":
            if name in dataset.tables:
                raise JobError("duplicate", f"Already Exists: Table {self.bigquery.world.project}:{dataset.name}.{name}")
            table = Table(dataset, name, fields, self.bigquery.world.clock.now())
            table.kind, table.rows, table.partitioning = "SNAPSHOT", rows, first.partitioning
            dataset.tables[name] = table
            return
        if first.partitioning:
            copy = {"timePartitioning": dict(first.partitioning), **copy}
            table = dataset.tables.get(name)
            if not first.is_by_column():
                raise NotPlayed("copies of tables that are partitioned by ingestion")
        self.write(copy, "WRITE_EMPTY", fields, [row for _, row in rows], {**first.described, "tableConstraints": first.constraints})


def ordered(rows, given, wanted):
    """Cells in the order of the table's fields; what was not given is null."""
    places = {field["name"].lower(): index for index, field in enumerate(given)}
    order = [places.get(field["name"].lower()) for field in wanted]
    return [[row[index] if index is not None else None for index in order] for row in rows]
