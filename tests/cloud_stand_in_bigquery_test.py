"""BigQuery of the stand-in (tests/cloud): what it refuses, what loads, queries and copies do to tables."""

import json
import unittest

from cloud.client import quoted
from cloud.stage import Stage, wait_until


class BigQuery(Stage):
    FIELDS = [{"name": "player", "type": "STRING", "mode": "REQUIRED"}, {"name": "label", "type": "BOOL"}, {"name": "n", "type": "INT64"}]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, location in (("bucket", "EU"), ("far", "US")):
            cls.cloud.control("buckets", {"name": name, "location": location})
        cls.cloud.control("datasets", {"name": "shop", "location": "EU"})
        cls.cloud.control("datasets", {"name": "home", "location": "US"})
        cls.jobs = 0

    def setUp(self):
        self.at = f"/bigquery/v2/projects/{self.project}"
        for dataset in ("shop", "home"):
            for table in self.good("GET", f"{self.at}/datasets/{dataset}/tables").get("tables", []):
                self.good("DELETE", f"{self.at}/datasets/{dataset}/tables/{table['tableReference']['tableId']}")

    def table(self, name, dataset="shop"):
        return {"projectId": self.project, "datasetId": dataset, "tableId": name}

    def file(self, text, name="p.csv", bucket="bucket"):
        self.cloud.call("PUT", f"/_control/buckets/{bucket}/objects/{quoted(name)}", text if isinstance(text, bytes) else text.encode())
        return f"gs://{bucket}/{name}"

    def make(self, name, fields=None, dataset="shop", **more):
        body = {"tableReference": self.table(name, dataset), "schema": {"fields": fields or self.FIELDS}, **more}
        return self.good("POST", f"{self.at}/datasets/{dataset}/tables", body)

    def begin(self, configuration, location="EU", job_id=None):
        type(self).jobs += 1
        reference = {"projectId": self.project, "jobId": job_id or f"j{self.jobs}", "location": location}
        return self.call("POST", f"{self.at}/jobs", {"jobReference": reference, "configuration": configuration})

    def end(self, answer):
        self.assertEqual(answer.status, 200, answer.body)
        reference = answer.data["jobReference"]
        target = f"{self.at}/jobs/{reference['jobId']}?location={reference['location']}"
        return wait_until(lambda: (job := self.good("GET", target))["status"]["state"] == "DONE" and job, "the job ends")

    def load(self, uri, name="t", dataset="shop", location="EU", **more):
        load = {"sourceUris": [uri], "destinationTable": self.table(name, dataset), "schema": {"fields": self.FIELDS},
                "sourceFormat": "CSV", **more}
        return self.end(self.begin({"load": {key: value for key, value in load.items() if value is not None}}, location))

    def loaded(self, *words, **options):
        job = self.load(*words, **options)
        self.assertNotIn("errorResult", job["status"], job["status"])
        return job

    def fails(self, reason, part, *words, **options):
        error = self.load(*words, **options)["status"]["errorResult"]
        self.assertEqual(error["reason"], reason, error)
        self.assertIn(part, json.dumps(self.load(*words, **options)["status"]))

    def rows(self, name="t", dataset="shop"):
        found = self.good("GET", f"{self.at}/datasets/{dataset}/tables/{quoted(name)}/data").get("rows", [])
        return [[cell["v"] for cell in row["f"]] for row in found]

    def query(self, text, location="EU", **more):
        return self.call("POST", f"{self.at}/queries", {"query": text, "useLegacySql": False, "location": location, **more})

    def test_a_job_that_cannot_be_is_refused(self):
        load = {"sourceUris": ["gs://bucket/p.csv"], "destinationTable": self.table("t")}
        self.assertIn("Unknown name", self.begin({"load": {**load, "writeDispositon": "WRITE_APPEND"}}).error)
        self.assertIn("WRITE_OVER", self.begin({"load": {**load, "writeDisposition": "WRITE_OVER"}}).error)
        self.assertIn("exactly one", self.begin({}).error)
        self.assertIn("sourceUris", self.begin({"load": {"destinationTable": self.table("t")}}).error)
        self.assertIn("Invalid job ID", self.begin({"load": load}, job_id="run.1").error)
        self.assertIn("legacy SQL", self.begin({"query": {"query": "SELECT 1"}}).error)
        self.assertIn("Label", self.begin({"load": load, "labels": {"Run": "x"}}).error)
        self.refused(403, "Access Denied", "POST", "/bigquery/v2/projects/other/jobs", {"configuration": {"load": load}})
        self.refused(400, "Cannot bind", "GET", f"{self.at}/jobs/j?locaton=EU")

    def test_a_job_id_is_used_once_also_by_a_job_that_failed(self):
        load = {"load": {"sourceUris": ["gs://bucket/none.csv"], "destinationTable": self.table("t"), "schema": {"fields": self.FIELDS}}}
        self.assertEqual(self.end(self.begin(load, job_id="once"))["status"]["errorResult"]["reason"], "notFound")
        answer = self.begin(load, job_id="once")
        self.assertEqual((answer.status, answer.data["error"]["errors"][0]["reason"]), (409, "duplicate"))
        self.assertEqual(self.begin(load, "US", "once").status, 200)  # the location is a part of its address
        self.refused(404, "Not found", "GET", f"{self.at}/jobs/once?location=asia-east1")

    def test_what_a_load_cannot_read_fails_it_and_changes_nothing(self):
        self.loaded(self.file("a,true,1\n"))
        for text, part in (("b,true\n", "Too few values"), ("b,true,1,2\n", "Too many values"), ("b,maybe,1\n", "as BOOL"),
                           ("b,true,1.5\n", "as INTEGER"), ('"b\nc",true,1\n', "close"), ('"b"c,true,1\n', "close")):
            self.fails("invalid", part, self.file(text), writeDisposition="WRITE_TRUNCATE")
        self.fails("invalid", "Generation", self.file("a,true,1\n") + "#1")
        self.fails("notFound", "Not found", "gs://bucket/none.csv")
        self.fails("notFound", "Not found", "gs://none/p.csv")
        self.fails("invalid", "different locations", self.file("a,true,1\n", bucket="far"))
        self.fails("notFound", "Dataset", self.file("a,true,1\n"), dataset="home")
        self.fails("notFound", "Table", self.file("a,true,1\n"), name="new", createDisposition="CREATE_NEVER")
        self.fails("invalid", "No schema", self.file("a,true,1\n"), name="new", schema=None)
        self.fails("invalid", "Required", self.file('{"label": true}\n'), sourceFormat="NEWLINE_DELIMITED_JSON")
        self.fails("invalid", "No such field", self.file('{"player": "a", "lable": true}\n'), sourceFormat="NEWLINE_DELIMITED_JSON")
        self.assertEqual(self.rows(), [["a", "true", "1"]])
        self.loaded(self.file("a,true,1\n"), dataset="home", location="US")  # the US may load from anywhere

    def test_a_string_in_which_nothing_stands_is_null_and_one_of_two_quotes_is_empty(self):
        fields = [{"name": "s", "type": "STRING"}, {"name": "n", "type": "INT64"}]
        schema = {"fields": fields}
        self.loaded(self.file(',1\n"",2\n"a ""b"", c",\nx,""\n'), schema=schema)
        self.assertEqual(self.rows(), [[None, "1"], ["", "2"], ['a "b", c', None], ["x", None]])
        self.loaded(self.file(",1\n-,2\n"), name="marked", schema=schema, nullMarker="-")
        self.assertEqual(self.rows("marked"), [["", "1"], [None, "2"]])
        self.loaded(self.file('"\u2028\x0b,\n",1\n'), name="breaks", schema=schema, allowQuotedNewlines=True)
        self.assertEqual(self.rows("breaks"), [["\u2028\x0b,\n", "1"]])

    def test_a_dry_run_tells_the_kind_of_statement(self):
        for text, kind in (("SELECT 1; -- x", "SELECT"), ("(SELECT ';')", "SELECT"), ("DROP VIEW a.b", "DROP_VIEW"), ("BEGIN", "SCRIPT"),
                           ("SELECT 1; SELECT 2", "SCRIPT"), ("DELETE FROM a.b", "DELETE"), ("CREATE TABLE t AS SELECT 1", "CREATE_TABLE")):
            answer = self.call("POST", f"{self.at}/jobs", {"configuration": {"dryRun": True, "query": {"query": text, "useLegacySql": False}}})
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(answer.data["statistics"]["query"]["statementType"], kind, text)
        for text in ("SELEC 1", " ", "-- nothing"):
            answer = self.call("POST", f"{self.at}/jobs", {"configuration": {"dryRun": True, "query": {"query": text, "useLegacySql": False}}})
            self.assertEqual(answer.status, 400, answer.body)

    def test_one_row_of_parameters_can_be_inserted_and_a_table_dropped(self):
        self.make("t")
        given = [{"name": name, "parameterType": {"type": kind}, "parameterValue": {"value": value}}
                 for name, kind, value in (("p", "STRING", "it's @n"), ("n", "INT64", "7"))]
        insert = {"query": f"INSERT INTO `{self.project}.shop.t` (player, n) VALUES (@p, @n)", "useLegacySql": False,
                  "parameterMode": "NAMED", "queryParameters": given}
        self.assertNotIn("errorResult", self.end(self.begin({"query": insert}))["status"])
        self.assertEqual(self.rows(), [["it's @n", None, "7"]])
        missing = {**insert, "queryParameters": given[:1]}
        self.assertEqual(self.end(self.begin({"query": missing}))["status"]["errorResult"]["reason"], "invalidQuery")
        found = self.query("SELECT n FROM shop.t WHERE player = @p", parameterMode="NAMED", queryParameters=given[:1]).data
        self.assertEqual(found["rows"], [{"f": [{"v": "7"}]}])
        drop = {"query": f"DROP TABLE `{self.project}.shop.t`", "useLegacySql": False}
        self.assertNotIn("errorResult", self.end(self.begin({"query": drop}))["status"])
        self.assertEqual(self.end(self.begin({"query": drop}))["status"]["errorResult"]["reason"], "notFound")

    def test_datasets_are_listed(self):
        listed = self.good("GET", f"{self.at}/datasets?maxResults=1")
        self.assertEqual([one["datasetReference"]["datasetId"] for one in listed["datasets"]], ["home"])
        listed = self.good("GET", f"{self.at}/datasets?pageToken={listed['nextPageToken']}")
        self.assertEqual([one["datasetReference"]["datasetId"] for one in listed["datasets"]], ["shop"])

    def test_a_file_is_read_by_position_unless_by_name(self):
        swapped = self.file("n,player,label\n1,a,true\n")
        self.fails("invalid", "as BOOL", swapped, skipLeadingRows=1)
        self.loaded(swapped, skipLeadingRows=1, sourceColumnMatch="NAME")
        self.assertEqual(self.rows(), [["a", "true", "1"]])
        job = self.loaded(self.file(b'"b\nc",F,\n\xff,true,9\nx\n'), allowQuotedNewlines=True, maxBadRecords=1,
                          writeDisposition="WRITE_TRUNCATE")
        self.assertEqual(self.rows(), [["b\nc", "false", None], ["\ufffd", "true", "9"]])
        self.assertEqual((job["statistics"]["load"]["outputRows"], job["statistics"]["load"]["badRecords"]), ("2", "1"))

    def test_truncate_strips_what_truncate_data_keeps(self):
        fields = [{**self.FIELDS[0], "description": "who", "policyTags": {"names": ["projects/p/tags/1"]}}, *self.FIELDS[1:]]
        for disposition, kept in (("WRITE_TRUNCATE_DATA", True), ("WRITE_TRUNCATE", False)):
            name = disposition.lower()
            self.make(name, fields, description="all", labels={"team": "a"})
            self.cloud.control(f"datasets/shop/tables/{name}/row_policies", {"name": "p", "filter": "n > 0"})
            self.loaded(self.file("a,true,1\n"), name)
            self.loaded(self.file("b,true,2\n"), name, writeDisposition=disposition)
            table = self.good("GET", f"{self.at}/datasets/shop/tables/{name}")
            first = table["schema"]["fields"][0]
            self.assertEqual(("policyTags" in first, "description" in first), (kept, kept))
            self.assertEqual((table["description"], table["labels"]), ("all", {"team": "a"}))
            policies = self.good("GET", f"{self.at}/datasets/shop/tables/{name}/rowAccessPolicies")
            self.assertEqual("rowAccessPolicies" in policies, kept)
            self.assertEqual(self.rows(name), [["b", "true", "2"]])

    def test_truncate_data_refuses_another_schema_and_append_needs_leave(self):
        more = [*self.FIELDS, {"name": "extra", "type": "STRING"}]
        self.loaded(self.file("a,true,1\n"))
        wide = self.file("b,true,2,x\n", "wide.csv")
        self.fails("invalid", "Cannot add fields", wide, schema={"fields": more}, writeDisposition="WRITE_TRUNCATE_DATA")
        self.fails("invalid", "Cannot add fields", wide, schema={"fields": more})
        self.fails("invalid", "update options", wide, schema={"fields": more}, writeDisposition="WRITE_TRUNCATE",
                   schemaUpdateOptions=["ALLOW_FIELD_ADDITION"])
        self.loaded(wide, schema={"fields": more}, schemaUpdateOptions=["ALLOW_FIELD_ADDITION"])
        self.assertEqual(self.rows(), [["a", "true", "1", None], ["b", "true", "2", "x"]])
        job = self.load(wide, schema={"fields": more}, writeDisposition="WRITE_EMPTY")
        self.assertEqual(job["status"]["errorResult"]["reason"], "duplicate")

    def test_a_partition_is_replaced_alone(self):
        self.make("daily", timePartitioning={"type": "DAY"})
        self.fails("notImplemented", "without a decorator", self.file("a,true,1\n"), "daily")
        for day, who in (("20190801", "a"), ("20190802", "b"), ("20190801", "c")):
            self.loaded(self.file(f"{who},true,1\n"), f"daily${day}", writeDisposition="WRITE_TRUNCATE")
        self.assertEqual(sorted(row[0] for row in self.rows("daily")), ["b", "c"])
        self.assertEqual(self.rows("daily$20190801"), [["c", "true", "1"]])
        found = self.query("SELECT player, _PARTITIONTIME AS day FROM `shop.daily` ORDER BY 1").data["rows"]
        self.assertEqual([cell["v"] for cell in found[0]["f"]], ["b", "1.564704E9"])
        self.fails("invalid", "Invalid partition", self.file("a,true,1\n"), "daily$2019")
        self.fails("invalid", "not known", self.file("a,true,1\n"), "daily$20190801", writeDisposition="WRITE_TRUNCATE_DATA")
        self.make("plain")
        self.fails("invalid", "partitioned table", self.file("a,true,1\n"), "plain$20190801")
        fields = [*self.FIELDS, {"name": "day", "type": "DATE"}]
        self.make("by_day", fields, timePartitioning={"type": "DAY", "field": "day"})
        dated = self.file("a,true,1,2019-08-01\nb,true,1,2019-08-02\n")
        self.fails("invalid", "different partitions", dated, "by_day$20190801", schema=None, writeDisposition="WRITE_TRUNCATE")
        self.loaded(dated, "by_day", schema=None)
        self.assertEqual(len(self.rows("by_day$20190802")), 1)

    def test_a_table_changes_by_patch_as_far_as_it_may(self):
        table = self.make("t")
        place = f"{self.at}/datasets/shop/tables/t"
        self.refused(400, "is missing", "PATCH", place, {"schema": {"fields": self.FIELDS[:2]}})
        more = {"name": "x", "type": "STRING"}
        self.refused(400, "required", "PATCH", place, {"schema": {"fields": [*self.FIELDS, {**more, "mode": "REQUIRED"}]}})
        self.refused(412, "", "PATCH", place, {"description": "x"}, headers={"If-Match": "other"})
        self.good("PATCH", place, {"schema": {"fields": [*self.FIELDS, more]}}, headers={"If-Match": table["etag"]})
        self.refused(409, "Already Exists", "POST", f"{self.at}/datasets/shop/tables", {"tableReference": self.table("t")})
        self.refused(400, "Duplicate field", "POST", f"{self.at}/datasets/shop/tables",
                     {"tableReference": self.table("u"), "schema": {"fields": [self.FIELDS[0], {"name": "Player", "type": "STRING"}]}})
        self.refused(404, "Not found: Dataset", "GET", f"{self.at}/datasets/none")

    def test_a_query_answers_strings_with_their_types(self):
        answer = self.query("SELECT 1 AS i, 1.5e0 AS f, TRUE AS b, DATE '2019-08-01' AS d, TIMESTAMPTZ '2019-08-01 07:00:00+00' AS t, "
                            "CAST(NULL AS VARCHAR) AS s").data
        self.assertEqual([field["type"] for field in answer["schema"]["fields"]],
                         ["INTEGER", "FLOAT", "BOOLEAN", "DATE", "TIMESTAMP", "STRING"])
        self.assertEqual([cell["v"] for cell in answer["rows"][0]["f"]], ["1", "1.5", "true", "2019-08-01", "1.5646428E9", None])
        exact = self.query("SELECT TIMESTAMPTZ '2019-08-01 07:00:00+00' AS t", formatOptions={"useInt64Timestamp": True}).data
        self.assertEqual(exact["rows"][0]["f"][0]["v"], "1564642800000000")

    def test_a_query_counts_what_was_loaded_and_is_bounded(self):
        self.loaded(self.file("a,true,1\nb,false,2\n"))
        found = self.query(f"SELECT COUNT(*) AS n, COUNTIF(label) AS k, SUM(n) AS s FROM `{self.project}.shop.t`").data["rows"][0]["f"]
        self.assertEqual([cell["v"] for cell in found], ["2", "1", "3"])
        self.assertEqual(self.query("SELECT * FROM shop.none").data["error"]["errors"][0]["reason"], "notFound")
        self.assertEqual(self.query("SELECT FROM WHERE").data["error"]["errors"][0]["reason"], "invalidQuery")
        self.assertIn("does not play", self.query("DELETE FROM shop.t WHERE TRUE").error)
        self.assertIn("bytes billed", self.query("SELECT * FROM shop.t", maximumBytesBilled="1").error)
        self.assertIn("location US", self.query("SELECT * FROM shop.t", location="US").error)
        dry = self.query("SELECT * FROM shop.t", dryRun=True).data
        self.assertEqual(int(dry["totalBytesProcessed"]), int(self.good("GET", f"{self.at}/datasets/shop/tables/t")["numBytes"]))

    def test_results_come_in_pages_and_in_time(self):
        self.loaded(self.file("".join(f"p{i},true,{i}\n" for i in range(5))))
        self.cloud.misbehave("late_job", "", seconds=0.3)
        answer = self.begin({"query": {"query": "SELECT n FROM shop.t ORDER BY n", "useLegacySql": False}})
        name = answer.data["jobReference"]["jobId"]
        place = f"{self.at}/queries/{name}?location=EU"
        self.assertFalse(self.good("GET", f"{place}&timeoutMs=0")["jobComplete"])
        first = self.good("GET", f"{place}&timeoutMs=10000&maxResults=3")
        self.assertEqual((len(first["rows"]), first["totalRows"]), (3, "5"))
        self.assertEqual(len(self.good("GET", f"{place}&pageToken={first['pageToken']}")["rows"]), 2)
        self.refused(404, "Not found", "GET", f"{self.at}/queries/{name}")  # in the US there is none

    def test_tables_are_copied_and_kept_as_they_are(self):
        self.loaded(self.file("a,true,1\n"))
        copy = {"copy": {"sourceTable": self.table("t"), "destinationTable": self.table("u")}}
        self.assertNotIn("errorResult", self.end(self.begin(copy))["status"])
        self.assertEqual(self.end(self.begin(copy))["status"]["errorResult"]["reason"], "duplicate")
        kept = {"copy": {"sourceTable": self.table("t"), "destinationTable": self.table("s"), "operationType": "SNAPSHOT"}}
        self.end(self.begin(kept))
        self.loaded(self.file("b,true,2\n"), writeDisposition="WRITE_TRUNCATE")
        self.assertEqual((self.rows("s"), self.rows("u")), ([["a", "true", "1"]],) * 2)
        self.fails("invalid", "snapshot", self.file("b,true,2\n"), "s")
        back = {"copy": {"sourceTable": self.table("s"), "destinationTable": self.table("t"), "writeDisposition": "WRITE_TRUNCATE"}}
        self.end(self.begin(back))
        self.assertEqual(self.rows(), [["a", "true", "1"]])

    def test_who_may_make_jobs_may_yet_not_write(self):
        self.loaded(self.file("a,true,1\n"))
        self.addCleanup(self.cloud.control, "denied", method="DELETE")
        self.cloud.control("denied", {"email": "anonymous@emulator", "permission": "bigquery.tables.updateData"})
        self.fails("accessDenied", "updateData", self.file("b,true,2\n"))
        self.cloud.control("denied", {"email": "anonymous@emulator", "permission": "bigquery.jobs.create"})
        self.assertEqual(self.query("SELECT 1").status, 403)

    def test_a_job_fails_ends_late_or_is_cancelled_on_request(self):
        self.loaded(self.file("a,true,1\n"))
        self.cloud.misbehave("fail_job", "shop.t", reason="rateLimitExceeded", message="too many table update operations")
        self.assertEqual(self.load(self.file("b,true,2\n"))["status"]["errorResult"]["reason"], "rateLimitExceeded")
        self.cloud.misbehave("late_job", "shop.t", seconds=3600)
        answer = self.begin({"load": {"sourceUris": [self.file("b,true,2\n")], "destinationTable": self.table("t")}})
        name = answer.data["jobReference"]["jobId"]
        self.good("POST", f"{self.at}/jobs/{name}/cancel?location=EU", b"")
        self.assertEqual(self.end(answer)["status"]["errorResult"]["reason"], "stopped")
        self.cloud.advance(3700)
        self.assertEqual(self.rows(), [["a", "true", "1"]])


if __name__ == "__main__":
    unittest.main()
