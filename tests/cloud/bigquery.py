"""BigQuery, API v2 (bigquery/docs/reference/rest): datasets, tables and jobs."""

import itertools
import re

from . import shape
from .answers import Answer, NotPlayed, Refused
from .jobs import JOB, JOB_ID, QUERY, Job
from .routes import Service, route
from .rows import answered
from .tables import DATASET, DATASET_NAME, LABELS, TABLE, TABLE_NAME, Dataset, Table, settled_fields, settled_location

PATH = "/bigquery/v2/projects/{project}"
PAGE_MAX = 10_000
WAIT_MS, WAIT_MS_MAX = 10_000, 200_000  # of a query's answer
TIME_AS_NUMBER = "formatOptions.useInt64Timestamp"
QUERY_REQUEST = {"kind": shape.text, "query": shape.text, "useLegacySql": shape.boolean, "location": shape.text,
                 "defaultDataset": QUERY["defaultDataset"], "timeoutMs": shape.integer, "maxResults": shape.integer,
                 "requestId": shape.text, "dryRun": shape.boolean, "labels": LABELS, "maximumBytesBilled": shape.integer,
                 "useQueryCache": shape.boolean, "formatOptions": {"useInt64Timestamp": shape.boolean},
                 "jobCreationMode": shape.one_of("JOB_CREATION_REQUIRED"),
                 **{name: QUERY[name] for name in ("continuous", "createSession", "queryParameters", "parameterMode", "connectionProperties",
                                                   "preserveNulls", "writeIncrementalResults")}}


class BigQuery(Service):
    def __init__(self, world):
        self.world = world
        self.datasets = {}
        self.jobs = {}  # (location, id)
        self.pace_s = 0.02
        self.numbers = itertools.count(1)

    def project(self, name):
        if name != self.world.project:
            raise Refused(403, f"Access Denied: Project {name}: User does not have bigquery.jobs.create permission in project {name}.",
                          "accessDenied")

    # Datasets and tables.

    def dataset(self, project, name):
        self.project(project)
        if name not in self.datasets:
            raise Refused(404, f"Not found: Dataset {project}:{name}")
        return self.datasets[name]

    def table(self, project, dataset, name):
        found = self.dataset(project, dataset).tables.get(name.partition("$")[0])
        if found is None:
            raise Refused(404, f"Not found: Table {project}:{dataset}.{name}")
        return found

    def make_dataset(self, name, location="US", resource=None):
        if not DATASET_NAME.fullmatch(name):
            raise Refused(400, f"Invalid dataset ID \"{name}\".")
        if name in self.datasets:
            raise Refused(409, f"Already Exists: Dataset {self.world.project}:{name}", "duplicate")
        self.datasets[name] = Dataset(name, location, resource or {}, self.world.clock.now())
        return self.datasets[name]

    def resource_of_dataset(self, dataset):
        millis = str(int(dataset.created * 1000))
        return {**dataset.resource, "kind": "bigquery#dataset", "id": f"{self.world.project}:{dataset.name}", "location": dataset.location,
                "datasetReference": {"projectId": self.world.project, "datasetId": dataset.name}, "creationTime": millis,
                "lastModifiedTime": millis}

    @route("POST", PATH + "/datasets", body=DATASET, needs="bigquery.datasets.create")
    def insert_dataset(self, request, project):
        self.project(project)
        data = request.data
        reference = data.get("datasetReference", {})
        if reference.get("projectId", project) != project:
            raise Refused(400, "The project of datasetReference is another than that of the path.")
        kept = {key: data[key] for key in ("description", "labels", "defaultTableExpirationMs", "maxTimeTravelHours") if key in data}
        return self.resource_of_dataset(self.make_dataset(reference.get("datasetId", ""), data.get("location", "US"), kept))

    @route("GET", PATH + "/datasets", query=("maxResults", "pageToken", "all", "filter"), needs="bigquery.datasets.get")
    def list_datasets(self, request, project):
        """Those that begin with a low line are hidden (rest/v2/datasets/list, all)."""
        self.project(project)
        if request.one("filter"):
            raise NotPlayed("filters of datasets")
        shown = [one for name, one in sorted(self.datasets.items()) if request.truth("all") or not name.startswith("_")]
        begin, end, page = self.page(request, len(shown))
        names = ("kind", "id", "datasetReference", "location", "labels")
        listed = [{name: value for name, value in self.resource_of_dataset(one).items() if name in names} for one in shown[begin:end]]
        return {"kind": "bigquery#datasetList", **({"datasets": listed} if listed else {}), **page}

    @route("GET", PATH + "/datasets/{dataset}", query=("datasetView",), needs="bigquery.datasets.get")
    def get_dataset(self, _request, project, dataset):
        return self.resource_of_dataset(self.dataset(project, dataset))

    @route("DELETE", PATH + "/datasets/{dataset}", query=("deleteContents",), needs="bigquery.datasets.delete")
    def delete_dataset(self, request, project, dataset):
        if self.dataset(project, dataset).tables and not request.truth("deleteContents"):
            raise Refused(400, f"Dataset {project}:{dataset} is still in use", "resourceInUse")
        del self.datasets[dataset]
        return Answer(204)

    @route("POST", PATH + "/datasets/{dataset}/tables", body=TABLE, needs="bigquery.tables.create")
    def insert_table(self, request, project, dataset):
        place = self.dataset(project, dataset)
        reference = request.data.get("tableReference", {})
        name = reference.get("tableId", "")
        if (reference.get("projectId"), reference.get("datasetId")) != (project, dataset):
            raise Refused(400, "tableReference is of another place than the path.")
        if not TABLE_NAME.fullmatch(name):
            raise Refused(400, f"Invalid table ID \"{name}\".")
        if name in place.tables:
            raise Refused(409, f"Already Exists: Table {project}:{dataset}.{name}", "duplicate")
        fields = settled_fields(request.data["schema"].get("fields", [])) if "schema" in request.data else None
        place.tables[name] = Table(place, name, fields, self.world.clock.now(), request.data)
        return place.tables[name].resource(project)

    @route("GET", PATH + "/datasets/{dataset}/tables/{table}", query=("selectedFields", "view"), needs="bigquery.tables.get")
    def get_table(self, request, project, dataset, table):
        if "$" in table:
            raise NotPlayed("tables.get of a partition")
        if request.one("selectedFields"):
            raise NotPlayed("selectedFields")
        found = self.table(project, dataset, table)
        return Answer(200, found.resource(project), [("ETag", found.etag)])

    @route("PATCH", PATH + "/datasets/{dataset}/tables/{table}", body=TABLE, needs="bigquery.tables.update")
    def patch_table(self, request, project, dataset, table):
        found = self.table(project, dataset, table)
        wanted = request.headers.get("If-Match")
        if wanted not in (None, "*", found.etag):
            raise Refused(412, "Precondition Failed", "conditionNotMet")
        data = request.data
        if "timePartitioning" in data or "tableReference" in data:
            raise NotPlayed("patches of a table's partitioning or place")
        if "schema" in data:
            found.fields = self.patched(found, settled_fields(data["schema"].get("fields", [])), f"{project}:{dataset}.{table}")
            found.rows = [(where, [*row, *[None] * (len(found.fields) - len(row))]) for where, row in found.rows]
        for key in ("description", "friendlyName", "labels", "expirationTime", "requirePartitionFilter"):
            if key in data:
                found.described[key] = data[key]
                if data[key] is None:  # in a patch it is one that goes
                    del found.described[key]
        if "tableConstraints" in data:
            found.constraints = data["tableConstraints"]
        found.modified = self.world.clock.now()
        return found.resource(project)

    @staticmethod
    def patched(table, fields, name):
        """bigquery/docs/managing-table-schemas: nullable columns may come at the end, and REQUIRED may go."""
        def no(fault):
            return Refused(400, f"Provided Schema does not match Table {name}. {fault}")
        for old, new in itertools.zip_longest(table.fields or [], fields):
            if new is None:
                raise no(f"Field {old['name']} is missing in new schema")
            if old is None:
                if new["mode"] == "REQUIRED":
                    raise no(f"Cannot add required fields to an existing schema. (field: {new['name']})")
                continue
            if old["name"] != new["name"]:
                raise no(f"Field {old['name']} is missing in new schema")
            if old["type"] != new["type"] or (old["mode"], new["mode"]) == ("NULLABLE", "REQUIRED"):
                raise no(f"Field {old['name']} has changed type or mode")
        return fields

    @route("DELETE", PATH + "/datasets/{dataset}/tables/{table}", needs="bigquery.tables.delete")
    def delete_table(self, _request, project, dataset, table):
        if "$" in table:
            found = self.table(project, dataset, table)
            found.rows = [one for one in found.rows if one[0] != table.partition("$")[2]]
            return Answer(204)
        self.table(project, dataset, table)
        del self.datasets[dataset].tables[table]
        return Answer(204)

    @route("GET", PATH + "/datasets/{dataset}/tables", query=("maxResults", "pageToken"), needs="bigquery.tables.list")
    def list_tables(self, request, project, dataset):
        tables = [table.resource(project) for _, table in sorted(self.dataset(project, dataset).tables.items())]
        names = ("kind", "id", "type", "tableReference", "labels", "creationTime", "timePartitioning")
        begin, end, page = self.page(request, len(tables))
        listed = [{name: one[name] for name in names if name in one} for one in tables[begin:end]]
        return {"kind": "bigquery#tableList", "tables": listed, "totalItems": len(tables), **page}

    @route("GET", PATH + "/datasets/{dataset}/tables/{table}/data", query=("maxResults", "pageToken", "startIndex", TIME_AS_NUMBER),
           needs="bigquery.tables.getData")
    def list_rows(self, request, project, dataset, table):
        found = self.table(project, dataset, table)
        cells = [row for where, row in found.rows if "$" not in table or where == table.partition("$")[2]]
        begin, end, page = self.page(request, len(cells))
        return {"kind": "bigquery#tableDataList", "totalRows": str(len(cells)), **page,
                "rows": answered_rows(found.fields or [], cells[begin:end], request.truth(TIME_AS_NUMBER))}

    @route("GET", PATH + "/datasets/{dataset}/tables/{table}/rowAccessPolicies", query=("pageSize", "pageToken"),
           needs="bigquery.rowAccessPolicies.list")
    def list_row_policies(self, _request, project, dataset, table):
        policies = self.table(project, dataset, table).row_policies
        return {"rowAccessPolicies": policies} if policies else {}

    @staticmethod
    def page(request, count):
        most = request.number("maxResults", PAGE_MAX, PAGE_MAX)
        begin = int(request.one("pageToken") or request.number("startIndex", 0)) if re.fullmatch(
            r"\d*", request.one("pageToken", "")) else count
        end = min(count, begin + most)
        return begin, end, {"pageToken": str(end), "nextPageToken": str(end)} if end < count else {}

    # Jobs.

    @route("POST", PATH + "/jobs", body=JOB, needs="bigquery.jobs.create")
    def insert_job(self, request, project):
        self.project(project)
        configuration = request.data.get("configuration", {})
        kinds = [kind for kind in ("load", "query", "copy") if kind in configuration]
        if len(kinds) != 1:
            raise Refused(400, "Required parameter is missing: exactly one of load, query and copy")
        self.check(configuration, kinds[0])
        reference = request.data.get("jobReference", {})
        if reference.get("projectId", project) != project:
            raise Refused(400, "The project of jobReference is another than that of the path.")
        return self.begin(request, reference.get("jobId"), reference.get("location"), configuration).resource()

    @staticmethod
    def check(configuration, kind):
        settings = configuration[kind]
        if kind == "query":
            if not settings.get("query", "").strip():
                raise Refused(400, "Required parameter is missing: query")
            if settings.get("useLegacySql", True):
                # The default is true (bigquery/docs/reference/rest/v2/Job#JobConfigurationQuery).
                raise NotPlayed("legacy SQL: useLegacySql must be false")
        elif not settings.get("destinationTable", {}).get("tableId"):
            raise Refused(400, "Required parameter is missing: destinationTable")
        if kind == "load" and not settings.get("sourceUris"):
            raise Refused(400, "Required parameter is missing: sourceUris")
        if kind == "copy" and ("sourceTable" in settings) == ("sourceTables" in settings):
            raise Refused(400, "Exactly one of sourceTable and sourceTables is needed")
        for name, value in configuration.get("labels", {}).items():
            if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", name) or not re.fullmatch(r"[a-z0-9_-]{0,63}", value):
                raise Refused(400, f"Label \"{name}\" has invalid characters.")

    def begin(self, request, job_id, location, configuration):
        """The id that was used is used up, also by a job that failed. A query without a location is carried out where what it
        names is (bigquery/docs/locations#specify_locations)."""
        if not location and "query" in configuration:
            named = [one.location for one in self.datasets.values()
                     if re.search(rf"\b{re.escape(one.name)}`?\.", configuration["query"]["query"])]
            location = named[0] if named else None
        location = settled_location(location or "US")
        job_id = job_id if job_id is not None else f"job_{next(self.numbers):06d}"
        if not JOB_ID.fullmatch(job_id):
            raise Refused(400, f"Invalid job ID \"{job_id}\". Job IDs must be alphanumeric (plus underscores and dashes) and at most "
                          "1024 characters long.")
        if (location, job_id) in self.jobs:
            raise Refused(409, f"Already Exists: Job {self.world.project}:{location}.{job_id}", "duplicate")
        job = Job(self, job_id, location, configuration, request.principal.email)
        if configuration.get("dryRun"):
            if job.kind == "query":
                job.carry_out()
                job.result = None
            job.state = "DONE"
            if job.is_failed:
                raise Refused(400, job.errors[0]["message"], job.errors[0]["reason"])
            return job
        self.jobs[location, job_id] = job
        rule = self.world.misbehaviour.take({"late_job"}, job.subject())
        job.state = "RUNNING"
        self.world.clock.after(self.pace_s + (rule.get("seconds", 1) if rule else 0), job.carry_out)
        return job

    def job(self, request, project, name):
        """The location is a part of its address: US when it is not said."""
        self.project(project)
        location = settled_location(request.one("location", "US"))
        if (location, name) not in self.jobs:
            raise Refused(404, f"Not found: Job {project}:{location}.{name}" if request.one("location") else
                          f"Not found: Job {project}:{name}")
        return self.jobs[location, name]

    @route("GET", PATH + "/jobs/{name}", query=("location",), needs="bigquery.jobs.get")
    def get_job(self, request, project, name):
        return self.job(request, project, name).resource()

    @route("POST", PATH + "/jobs/{name}/cancel", query=("location",), needs="bigquery.jobs.update")
    def cancel_job(self, request, project, name):
        job = self.job(request, project, name)
        job.cancel()
        return {"kind": "bigquery#jobCancelResponse", "job": job.resource()}

    # bigquery/docs/reference/rest/v2/jobs/query: a job, and its answer if it ends in time.
    @route("POST", PATH + "/queries", body=QUERY_REQUEST, needs="bigquery.jobs.create")
    def query(self, request, project):
        self.project(project)
        data = request.data
        configuration = {"query": {key: data[key] for key in ("query", "useLegacySql", "defaultDataset", "maximumBytesBilled",
                                                              "useQueryCache", "queryParameters", "parameterMode") if key in data}}
        configuration.update({key: data[key] for key in ("labels", "dryRun") if key in data})
        self.check(configuration, "query")
        job = self.begin(request, None, data.get("location"), configuration)
        if data.get("dryRun"):
            return {"kind": "bigquery#queryResponse", "jobComplete": True, "totalBytesProcessed": job.statistics["totalBytesProcessed"]}
        limit = int(data.get("timeoutMs", WAIT_MS))
        most = int(data.get("maxResults", PAGE_MAX))
        return self.answer_of(job, limit, 0, most, data.get("formatOptions", {}).get("useInt64Timestamp", False), "queryResponse")

    @route("GET", PATH + "/queries/{name}", query=("location", "timeoutMs", "maxResults", "pageToken", "startIndex", TIME_AS_NUMBER),
           needs="bigquery.jobs.get")
    def get_results(self, request, project, name):
        job = self.job(request, project, name)
        if job.kind != "query":
            raise Refused(400, f"Job {job.id} is no query.")
        begin, _, _ = self.page(request, 1 << 62)
        return self.answer_of(job, request.number("timeoutMs", WAIT_MS), begin, request.number("maxResults", PAGE_MAX, PAGE_MAX),
                              request.truth(TIME_AS_NUMBER), "getQueryResultsResponse")

    def answer_of(self, job, limit_ms, begin, most, as_number, kind):
        self.world.wait(lambda: job.state == "DONE" or self.world.is_ended, min(limit_ms, WAIT_MS_MAX) / 1000)
        answer = {"kind": f"bigquery#{kind}", "jobComplete": job.state == "DONE", "jobReference": job.resource()["jobReference"]}
        if job.state != "DONE":
            return answer
        if job.is_failed:
            raise Refused(400, job.errors[0]["message"], job.errors[0]["reason"])
        fields, rows = job.result
        page = rows[begin:begin + most]
        answer.update({"schema": {"fields": fields}, "totalRows": str(len(rows)), "cacheHit": False,
                       "totalBytesProcessed": job.statistics["totalBytesProcessed"]})
        if page:
            answer["rows"] = answered_rows(fields, page, as_number)
        if begin + most < len(rows):
            answer["pageToken"] = str(begin + most)
        return answer


def answered_rows(fields, rows, as_number):
    return [{"f": [{"v": answered(value, field["type"], as_number)} for field, value in zip(fields, row)]} for row in rows]
