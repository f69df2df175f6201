"""Cloud Logging, API v2 (logging/docs/reference/v2/rest): entries are written and listed. Limits are of logging/quotas."""

import json
import re
import urllib.parse

from . import shape
from .answers import NotPlayed, Refused
from .clock import instant_of, rfc3339
from .routes import Service, route

SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
RESOURCE = {"type": shape.text, "labels": shape.map_of(shape.text)}
ENTRY = {"logName": shape.text, "resource": RESOURCE, "timestamp": shape.text, "severity": shape.one_of(*SEVERITIES),
         "insertId": shape.text, "labels": shape.map_of(shape.text), "textPayload": shape.text, "jsonPayload": shape.anything,
         "trace": shape.text, "spanId": shape.text, "sourceLocation": {"file": shape.text, "line": shape.integer, "function": shape.text},
         "operation": {"id": shape.text, "producer": shape.text, "first": shape.boolean, "last": shape.boolean}}
WRITE = {"logName": shape.text, "resource": RESOURCE, "labels": shape.map_of(shape.text), "entries": [ENTRY],
         "partialSuccess": shape.boolean, "dryRun": shape.boolean}
LIST = {"resourceNames": [shape.text], "filter": shape.text, "orderBy": shape.one_of("timestamp asc", "timestamp desc"),
        "pageSize": shape.integer, "pageToken": shape.text}
ENTRY_BYTES_MAX, REQUEST_BYTES_MAX = 256 << 10, 10 << 20
LABELS_MAX, LABEL_KEY_BYTES_MAX, LABEL_VALUE_BYTES_MAX = 64, 512, 64 << 10
AHEAD_S_MAX, BEHIND_S_MAX = 24 * 3600, 30 * 24 * 3600
RESOURCES = {"global", "gce_instance", "generic_task", "generic_node", "k8s_container"}
PARTIAL = "type.googleapis.com/google.logging.v2.WriteLogEntriesPartialErrors"


class Logging(Service):
    def __init__(self, world):
        self.world = world
        self.entries = []  # as they are listed, in the order in which they came

    @route("POST", "/v2/entries:write", body=WRITE, needs="logging.logEntries.create")
    def write(self, request):
        data = request.data
        if len(request.body) > REQUEST_BYTES_MAX:
            raise Refused(400, f"The request has {len(request.body)} bytes, at most {REQUEST_BYTES_MAX} are possible.")
        if not data.get("entries"):
            raise Refused(400, "Logging API request has no entries")
        good, faults = [], {}
        for index, entry in enumerate(data["entries"]):
            try:
                good.append(self.settled(entry, data))
            except Refused as refusal:
                faults[index] = refusal
        if faults:
            first = next(iter(faults.values()))
            if not data.get("partialSuccess"):
                raise Refused(first.status, f"Log entry with index {next(iter(faults))}: {first.message}")
            details = None
            if good:  # "failed requests for which no entries are written will not include per-entry errors"
                numbers = {400: 3, 403: 7}
                details = [{"@type": PARTIAL, "logEntryErrors": {str(index): {"code": numbers[one.status], "message": one.message}
                                                                 for index, one in faults.items()}}]
                self.keep(good, data)
            raise Refused(first.status, first.message, details=details)
        self.keep(good, data)
        return {}

    def keep(self, entries, data):
        if not data.get("dryRun"):
            self.entries += entries

    def settled(self, entry, data):
        """With what the request says for all of its entries."""
        now = self.world.clock.now()
        done = {**entry, "logName": entry.get("logName") or data.get("logName", ""), "receiveTimestamp": rfc3339(now)}
        self.check_name(done["logName"])
        done["resource"] = entry.get("resource") or data.get("resource")
        if not done["resource"] or done["resource"].get("type") not in RESOURCES:
            raise Refused(400, "A valid monitored resource is needed.")
        done["labels"] = {**data.get("labels", {}), **entry.get("labels", {})}
        self.check_labels(done["labels"])
        if ("textPayload" in entry) + ("jsonPayload" in entry) > 1:
            raise Refused(400, "Only one payload is possible.")
        if "jsonPayload" in entry and not isinstance(entry["jsonPayload"], dict):
            raise Refused(400, "jsonPayload must be an object.")
        size = len(json.dumps(entry, ensure_ascii=False).encode())
        if size > ENTRY_BYTES_MAX:
            raise Refused(400, f"Log entry has {size} bytes, which exceeds the maximum size of {ENTRY_BYTES_MAX}.")
        done.setdefault("timestamp", rfc3339(now))
        try:
            instant = instant_of(done["timestamp"])
        except ValueError as error:
            raise Refused(400, f"Invalid timestamp {done['timestamp']}") from error
        if not now - BEHIND_S_MAX <= instant <= now + AHEAD_S_MAX:
            raise Refused(400, f"The timestamp {done['timestamp']} is too far from now.")
        done.setdefault("insertId", f"made-{len(self.entries):09d}-{id(entry)}")
        done.setdefault("severity", "DEFAULT")
        text = done.get("textPayload", json.dumps(done.get("jsonPayload", {})))
        for rule in self.world.misbehaviour.rules:
            if rule["kind"] == "refuse_entries" and rule["where"] in text:
                raise Refused(400, "The entry is not one that can be taken.")
        return done

    def check_name(self, name):
        """projects/PROJECT/logs/LOG_ID, with the id URL-encoded."""
        found = re.fullmatch(r"projects/([^/]+)/logs/([^/]+)", name)
        if not found or not re.fullmatch(r"[A-Za-z0-9/_.-]{1,511}", urllib.parse.unquote(found[2])):
            raise Refused(400, f"Invalid log name \"{name}\"")
        if found[1] != self.world.project:
            raise Refused(403, "Permission 'logging.logEntries.create' denied on resource (or it may not exist).")

    @staticmethod
    def check_labels(labels):
        if len(labels) > LABELS_MAX:
            raise Refused(400, f"At most {LABELS_MAX} labels are possible.")
        for key, value in labels.items():
            if len(key.encode()) > LABEL_KEY_BYTES_MAX:
                raise Refused(400, f"A label's key has more than {LABEL_KEY_BYTES_MAX} bytes.")
            labels[key] = value.encode()[:LABEL_VALUE_BYTES_MAX].decode(errors="ignore")

    @route("POST", "/v2/entries:list", body=LIST, needs="logging.logEntries.list")
    def list(self, request):
        """Of entries with equal timestamp and insertId one is shown. Eventually, says the service; here at once."""
        data = request.data
        if data.get("resourceNames") != [f"projects/{self.world.project}"]:
            raise Refused(403, "The caller does not have permission")
        shown = {}
        for entry in self.entries:
            shown.setdefault((entry["logName"], instant_of(entry["timestamp"]), entry["insertId"]), entry)
        meant = filter_of(data.get("filter", ""))
        found = sorted((key[1], key[2], index) for index, (key, entry) in enumerate(shown.items()) if meant(entry))
        entries = list(shown.values())
        listed = [entries[index] for _, _, index in found]
        if data.get("orderBy") == "timestamp desc":
            listed.reverse()
        most = min(int(data.get("pageSize", 50)), 1000)
        begin = int(data.get("pageToken", "0") or "0")
        page = {"entries": listed[begin:begin + most]} if listed[begin:begin + most] else {}
        if begin + most < len(listed):
            page["nextPageToken"] = str(begin + most)
        return page


def filter_of(text):
    """`FIELD="value"` or `timestamp>="..."`, joined by AND; logName, labels.KEY, severity, insertId, timestamp."""
    tests = []
    for part in re.split(r"\s+AND\s+|\n", text.strip()) if text.strip() else []:
        found = re.fullmatch(r"([\w.\"-]+)\s*(=|>=|<=|>|<)\s*\"?([^\"]*)\"?", part.strip())
        if not found:
            raise NotPlayed(f"the filter {part}")
        path = found[1].replace('"', "")
        if path not in ("logName", "severity", "insertId", "timestamp") and not path.startswith("labels."):
            raise NotPlayed(f"the filter {part}")
        tests.append((path, found[2], found[3]))

    def is_meant(entry):
        return all(compared(entry, *test) for test in tests)
    return is_meant


def compared(entry, path, sign, wanted):
    actual = entry.get("labels", {}).get(path.removeprefix("labels.")) if path.startswith("labels.") else entry.get(path)
    if actual is None:
        return False
    if path == "timestamp":
        actual, wanted = instant_of(actual), instant_of(wanted)
    elif path == "severity":
        actual, wanted = SEVERITIES.index(actual), SEVERITIES.index(wanted)
    return {"=": actual == wanted, ">=": actual >= wanted, "<=": actual <= wanted, ">": actual > wanted, "<": actual < wanted}[sign]
