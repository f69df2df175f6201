"""Datasets and tables of BigQuery as the API knows them (bigquery/docs/reference/rest/v2)."""

import hashlib
import json
import re

from . import shape
from .answers import Refused
from .rows import TYPES

TABLE_NAME = re.compile(r"[\w-]{1,1024}")
DATASET_NAME = re.compile(r"\w{1,1024}")
LABELS = shape.map_of(shape.text)
FIELD = {"name": shape.text, "type": shape.one_of(*TYPES), "mode": shape.one_of("NULLABLE", "REQUIRED"), "description": shape.text,
         "policyTags": {"names": [shape.text]}, "maxLength": shape.integer}
SCHEMA = {"fields": [FIELD]}
TABLE_REFERENCE = {"projectId": shape.text, "datasetId": shape.text, "tableId": shape.text}
PARTITIONING = {"type": shape.one_of("DAY"), "field": shape.text, "expirationMs": shape.integer}
TABLE = {"kind": shape.one_of("bigquery#table"), "tableReference": TABLE_REFERENCE, "schema": SCHEMA, "description": shape.text,
         "friendlyName": shape.text, "labels": LABELS, "timePartitioning": PARTITIONING, "expirationTime": shape.or_null(shape.integer),
         "requirePartitionFilter": shape.boolean,
         "tableConstraints": {"primaryKey": {"columns": [shape.text]}}}
DATASET = {"kind": shape.one_of("bigquery#dataset"), "datasetReference": {"projectId": shape.text, "datasetId": shape.text},
           "location": shape.text, "description": shape.text, "labels": LABELS, "defaultTableExpirationMs": shape.integer,
           "maxTimeTravelHours": shape.integer}


def settled_fields(fields, at="schema"):
    """With the API's own names of types."""
    done, names = [], set()
    for field in fields:
        name = field.get("name", "")
        if not re.fullmatch(r"[A-Za-z_]\w{0,299}", name):
            raise Refused(400, f"Invalid field name \"{name}\" in {at}.")
        if name.lower() in names:
            raise Refused(400, f"Duplicate field name {name} in {at}.")
        if "type" not in field:
            raise Refused(400, f"Field {name} has no type in {at}.")
        names.add(name.lower())
        done.append({"mode": "NULLABLE", **field, "type": TYPES[field["type"]]})
    return done


def settled_location(location):
    """As BigQuery says it (bigquery/docs/locations): EU and US, but europe-west1; Cloud Storage says EUROPE-WEST1."""
    return location.upper() if location.upper() in ("EU", "US") else location.lower()


class Dataset:
    def __init__(self, name, location, resource, now):
        self.name, self.location, self.resource, self.created = name, settled_location(location), resource, now
        self.tables = {}


class Table:
    """`rows`: of (partition or None, cells). A change makes another list, so that who has the old one keeps it."""

    def __init__(self, dataset, name, fields, now, resource=None):
        self.dataset, self.name, self.created, self.modified = dataset, name, now, now
        self.fields = fields  # None: it has no schema yet
        self.rows = []
        self.kind = "TABLE"
        self.described = {key: value for key, value in (resource or {}).items()
                          if key in ("description", "friendlyName", "labels", "expirationTime", "requirePartitionFilter")}
        lifetime_ms = dataset.resource.get("defaultTableExpirationMs")
        if lifetime_ms and "expirationTime" not in self.described:  # rest/v2/datasets, defaultTableExpirationMs
            self.described["expirationTime"] = str(int(now * 1000) + int(lifetime_ms))
        self.partitioning = (resource or {}).get("timePartitioning")
        self.constraints = (resource or {}).get("tableConstraints")
        self.row_policies = []
        if self.partitioning:
            self.check_partitioning()

    def check_partitioning(self):
        field = self.partitioning.setdefault("field", None) if "field" in self.partitioning else None
        if field:
            found = next((one for one in self.fields or [] if one["name"] == field), None)
            if found is None or found["type"] not in ("DATE", "TIMESTAMP", "DATETIME"):
                raise Refused(400, f"The field specified for partitioning cannot be found in the schema or is no date: {field}")

    def partition_of(self, row):
        """"20190801" of a row of a table that is partitioned by a column; "__NULL__"."""
        index = next(i for i, one in enumerate(self.fields) if one["name"] == self.partitioning["field"])
        return row[index][:10].replace("-", "") if row[index] is not None else "__NULL__"

    def is_by_column(self):
        return bool(self.partitioning and self.partitioning.get("field"))

    @property
    def bytes(self):
        return sum(len(cell or "") + 2 for _, row in self.rows for cell in row)

    @property
    def etag(self):
        about = [self.fields, self.described, self.modified, self.partitioning]
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]

    def columns(self):
        """All that a query sees, _PARTITIONTIME among it."""
        extra = [{"name": "_PARTITIONTIME", "type": "TIMESTAMP"}] if self.partitioning and not self.is_by_column() else []
        return [*(self.fields or []), *extra]

    def cells(self, partition=None):
        chosen = [(where, row) for where, row in self.rows if partition is None or where == partition]
        if self.partitioning and not self.is_by_column():
            return [[*row, f"{where[:4]}-{where[4:6]}-{where[6:8]} 00:00:00.000000+00"] for where, row in chosen]
        return [row for _, row in chosen]

    def resource(self, project):
        done = {"kind": "bigquery#table", "id": f"{project}:{self.dataset.name}.{self.name}", "type": self.kind, "etag": self.etag,
                "tableReference": {"projectId": project, "datasetId": self.dataset.name, "tableId": self.name},
                "location": self.dataset.location, "creationTime": str(int(self.created * 1000)),
                "lastModifiedTime": str(int(self.modified * 1000)), "numRows": str(len(self.rows)), "numBytes": str(self.bytes),
                **self.described}
        if self.fields is not None:
            done["schema"] = {"fields": self.fields}
        if self.partitioning:
            done["timePartitioning"] = {key: value for key, value in self.partitioning.items() if value is not None}
        if self.constraints:
            done["tableConstraints"] = self.constraints
        return done


def difference(old, new):
    """What of a new schema is another than that of the table, in the service's words; None. Descriptions and tags do not count."""
    by_name = {field["name"].lower(): field for field in new}
    for field in old:
        other = by_name.pop(field["name"].lower(), None)
        if other is None:
            return f"Field {field['name']} is missing in new schema"
        if other["type"] != field["type"]:
            return f"Field {field['name']} has changed type from {field['type']} to {other['type']}"
        if other["mode"] != field["mode"]:
            return f"Field {field['name']} has changed mode from {field['mode']} to {other['mode']}"
    for name in by_name:
        return f"Cannot add fields (field: {name})"
    return None


def merged(old, new, options):
    """The schema of a table to which that is added, as `schemaUpdateOptions` allow; (fields, fault)."""
    by_name = {field["name"].lower(): dict(field) for field in old}
    for field in new:
        known = by_name.get(field["name"].lower())
        if known is None:
            if "ALLOW_FIELD_ADDITION" not in options or field["mode"] == "REQUIRED":
                return None, f"Cannot add fields (field: {field['name']})"
            by_name[field["name"].lower()] = field
        elif known["type"] != field["type"]:
            return None, f"Field {field['name']} has changed type from {known['type']} to {field['type']}"
        elif known["mode"] != field["mode"]:
            if known["mode"] == "REQUIRED" and "ALLOW_FIELD_RELAXATION" in options:
                known["mode"] = "NULLABLE"
            else:
                return None, f"Field {field['name']} has changed mode from {known['mode']} to {field['mode']}"
    return list(by_name.values()), None
