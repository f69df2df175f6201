#include "deliver/bigquery_client.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/text.h"
#include "cloud/google_access.h"
#include "cloud/google_error.h"
#include "cloud/json_members.h"
#include "io/digest.h"
#include "io/url.h"

namespace busker::deliver {
namespace {

using cloud::NumberIn;
using cloud::TextIn;
using nlohmann::json;

constexpr std::string_view kScheme = "bigquery://";
constexpr std::uint64_t kAnswerBytesMax = 64u << 20;
constexpr char kLabel[] = "busker";  // of a job: what it does, as a digest
constexpr Milliseconds kLookFirst{50}, kLookMax{5'000};
constexpr int kAnswerWaitMs = 60'000;  // of a query: the server says something earlier

bool IsProjectId(std::string_view text) {
  // "example.com:project" are those of domains.
  return !text.empty() && text.size() <= 100 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                  c == ':';
         });
}

bool IsDatasetId(std::string_view text) {
  return !text.empty() && text.size() <= 1024 &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

const json& MemberOf(const json& object, const char* name) {
  static const json none;
  if (!object.is_object()) return none;
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

// The API's names of types in what it answers.
std::string TypeOf(const std::string& name) {
  const auto type = CanonicalType(name);
  return type ? *type : name;
}

json FieldsOf(const std::vector<Column>& columns) {
  json fields = json::array();
  for (const Column& column : columns) {
    fields.push_back({{"name", column.name}, {"type", column.type}});
  }
  return fields;
}

BigQueryTable TableIn(const json& body) {
  BigQueryTable table;
  table.kind = TextIn(body, "type");
  table.rows = NumberIn(body, "numRows");
  table.created_ms = TextIn(body, "creationTime");
  table.modified_ms = TextIn(body, "lastModifiedTime");
  table.expires = !TextIn(body, "expirationTime").empty();
  table.etag = TextIn(body, "etag");
  const json& fields = MemberOf(MemberOf(body, "schema"), "fields");
  table.fields = fields.is_array() ? fields.dump() : "[]";
  if (fields.is_array()) {
    for (const json& field : fields) {
      const std::string name = TextIn(field, "name");
      table.columns.push_back({name, TypeOf(TextIn(field, "type"))});
      const auto keeps = [&](const std::string& what) {
        table.kept_by_schema.push_back(fmt::format("{} of column \"{}\"", what, name));
      };
      for (const auto& [member, value] : field.items()) {
        if (member == "description" && value != "") keeps("the description");
        if (member == "policyTags") keeps("the policy tags");
        if (member == "mode" && value != "NULLABLE")
          keeps(fmt::format("the mode {}", value.get<std::string>()));
        if (member == "dataPolicies" || member == "defaultValueExpression" ||
            member == "maxLength" || member == "precision" || member == "collation") {
          keeps(member);
        }
      }
    }
  }
  if (!MemberOf(body, "tableConstraints").empty()) table.kept_by_schema.push_back("its keys");
  const json& by_time = MemberOf(body, "timePartitioning");
  if (!by_time.is_null()) {
    const std::string field = TextIn(by_time, "field");
    table.partitioned_by = TextIn(by_time, "type") == "DAY" && !field.empty() ? field : "?";
  }
  if (!MemberOf(body, "rangePartitioning").is_null()) table.partitioned_by = "?";
  return table;
}

json ReferenceTo(const std::string& project, const TableName& name) {
  return {{"projectId", project}, {"datasetId", name.dataset}, {"tableId", name.table}};
}

BigQueryJobState StateIn(const json& body, const std::string& digest) {
  BigQueryJobState state;
  const json& status = MemberOf(body, "status");
  state.done = TextIn(status, "state") == "DONE";
  state.digest = TextIn(MemberOf(MemberOf(body, "configuration"), "labels"), kLabel);
  state.is_ours = state.digest == digest;
  const json& failure = MemberOf(status, "errorResult");
  if (!failure.is_null()) {
    state.failure = {0, TextIn(failure, "reason"), TextIn(failure, "message")};
    // What the first of the errors says in detail stands in the others.
    const json& errors = MemberOf(status, "errors");
    if (errors.is_array() && errors.size() > 1) {
      const std::string more = TextIn(errors[1], "message");
      if (!more.empty() && more != state.failure->message) state.failure->message += " " + more;
    }
  }
  state.statement_type = TextIn(MemberOf(MemberOf(body, "statistics"), "query"), "statementType");
  return state;
}

// "07:30:00.500000" -> "07:30:00.5"
std::string WithoutZeros(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string TimestampOf(const std::string& micros) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(micros.data(), micros.data() + micros.size(), count);
  if (error != std::errc() || end != micros.data() + micros.size()) return micros;
  std::int64_t seconds = count / 1'000'000, rest = count % 1'000'000;
  if (rest < 0) {
    rest += 1'000'000;
    --seconds;
  }
  std::string text = FormatRfc3339(Instant(Milliseconds(seconds * 1000)));
  text[10] = ' ';
  text.resize(19);
  return WithoutZeros(fmt::format("{}.{:06}", text, rest)) + "+00";
}

Value ValueIn(const json& cell, const std::string& type) {
  Value value;
  if (cell.is_null()) return value;
  // Of a repeated field or a record: shown as JSON.
  value.text = cell.is_string() ? cell.get<std::string>() : cell.dump();
  value.kind = Value::Kind::kText;
  if (type == "BOOL") value.kind = Value::Kind::kBool;
  if (type == "INT64" || type == "NUMERIC" || type == "BIGNUMERIC")
    value.kind = Value::Kind::kNumber;
  if (type == "FLOAT64" && value.text != "NaN" && value.text.find("Inf") == std::string::npos) {
    value.kind = Value::Kind::kNumber;
  }
  if (type == "TIME") value.text = WithoutZeros(value.text);
  if (type == "DATETIME") {
    std::replace(value.text.begin(), value.text.end(), 'T', ' ');
    value.text = WithoutZeros(value.text);
  }
  if (type == "TIMESTAMP") value.text = TimestampOf(value.text);
  return value;
}

}  // namespace

Result<BigQueryPlace> ParseBigQueryUrl(const std::string& url) {
  BigQueryPlace place;
  const auto no = [&](std::string_view why) {
    return Invalid(
        fmt::format("\"{}\" is not a warehouse in BigQuery: {}; it is "
                    "bigquery://PROJECT, or bigquery://PROJECT/DATASET",
                    Printable(url), why));
  };
  if (!url.starts_with(kScheme)) return no("it begins otherwise");
  std::string rest = url.substr(kScheme.size());
  if (const std::size_t mark = rest.find('?'); mark != std::string::npos) {
    for (const std::string& setting : Split(rest.substr(mark + 1), '&')) {
      constexpr std::string_view kBytes = "query_bytes_max=";
      if (!setting.starts_with(kBytes)) {
        return no(fmt::format("\"{}\" cannot be set, only query_bytes_max", Printable(setting)));
      }
      const auto bytes = ParseBytes(setting.substr(kBytes.size()));
      if (!bytes) return no(bytes.error().message);
      place.query_bytes_max = *bytes;
    }
    rest.resize(mark);
  }
  if (rest.ends_with('/')) rest.pop_back();
  const std::size_t slash = rest.find('/');
  place.project = rest.substr(0, slash);
  if (!IsProjectId(place.project)) return no("PROJECT is the id of a project, of a-z, 0-9 and '-'");
  if (slash != std::string::npos) {
    place.dataset = rest.substr(slash + 1);
    if (!IsDatasetId(place.dataset)) return no("DATASET is of letters, digits and '_'");
  }
  return place;
}

bool CanLoad(const std::string& bucket_location, const std::string& dataset_location) {
  const std::string bucket = LowerCase(bucket_location), dataset = LowerCase(dataset_location);
  if (bucket.empty() || bucket == dataset || dataset == "us") return true;
  const auto is_region = [](const std::string& place) {
    return place.find('-') != std::string::npos;
  };
  if (is_region(bucket) && is_region(dataset)) return false;
  const auto continent = [](const std::string& place) {
    return place.starts_with("nam") ? std::string("us") : place.substr(0, 2);
  };
  return continent(bucket) == continent(dataset);
}

TableName ParseTableName(const std::string& table) {
  const std::size_t dot = table.find('.');
  return {table.substr(0, dot), table.substr(dot + 1)};
}

std::string DigestOf(const BigQueryJob& job) {
  return io::Sha256Of(job.configuration).substr(0, 40);
}

struct BigQueryClient::Reply {
  json body;
  std::optional<BigQueryRefusal> refusal;
};

BigQueryClient::BigQueryClient(std::string project, std::string endpoint, std::string storage,
                               std::shared_ptr<cloud::GoogleClient> client,
                               std::shared_ptr<cloud::GoogleClient> storage_client,
                               cloud::RetryPolicy policy)
    : project_(std::move(project)),
      endpoint_(std::move(endpoint)),
      storage_endpoint_(std::move(storage)),
      client_(std::move(client)),
      storage_(std::move(storage_client)),
      policy_(policy) {}

Result<BigQueryClient> BigQueryClient::Open(const std::string& project,
                                            const cloud::RetryPolicy& policy) {
  TRY_ASSIGN(cloud::GoogleAccess access, cloud::FindAccess(cloud::GoogleApi::kBigQuery));
  TRY_ASSIGN(cloud::GoogleAccess storage, cloud::FindAccess(cloud::GoogleApi::kStorage));
  auto client = std::make_shared<cloud::GoogleClient>(access.credentials, policy, access.http);
  auto storage_client =
      std::make_shared<cloud::GoogleClient>(storage.credentials, policy, storage.http);
  return BigQueryClient(project, access.endpoint, storage.endpoint, std::move(client),
                        std::move(storage_client), policy);
}

// What may pass and has a status that says otherwise (403 rateLimitExceeded) is tried again here,
// what a status tells by the client below.
Result<BigQueryClient::Reply> BigQueryClient::Call(const std::string& method,
                                                   const std::string& path, const std::string& body,
                                                   const io::Interrupt& interrupt,
                                                   const std::string& if_match) {
  io::HttpRequest request;
  request.method = method;
  request.url =
      fmt::format("{}/bigquery/v2/projects/{}{}", endpoint_, io::PercentEncoded(project_), path);
  request.response_bytes_max = kAnswerBytesMax;
  if (!body.empty()) {
    request.body = body;
    request.headers.push_back({"Content-Type", "application/json"});
    request.is_repeatable = true;  // each has an id of its own, or a condition, or only reads
  }
  if (!if_match.empty()) request.headers.push_back({"If-Match", if_match});
  cloud::Tries tries(policy_, interrupt);
  for (;;) {
    TRY_ASSIGN(const auto answer, client_->Send(request, interrupt));
    if (answer.response.status / 100 == 2) {
      if (answer.response.cut) {
        return Failed("BigQuery's answer is longer than 64 MiB; ask for fewer rows");
      }
      Reply reply{json::parse(answer.response.body, nullptr, false), std::nullopt};
      if (reply.body.is_object() || answer.response.body.empty()) return reply;
      TRY(tries.Again(Error{ErrorKind::kTemporary, "BigQuery answered what is no JSON"}));
      continue;
    }
    BigQueryRefusal refusal = RefusalIn(answer.response);
    if (!MayPass(refusal)) return Reply{nullptr, std::move(refusal)};
    TRY(tries.Again(ErrorOf(refusal), cloud::RetryAfter(answer.response)));
  }
}

std::string BigQueryClient::TableUrl(const TableName& name) const {
  return fmt::format("/datasets/{}/tables/{}", io::PercentEncoded(name.dataset),
                     io::PercentEncoded(name.table));
}

Result<std::string> BigQueryClient::LocationOf(const std::string& dataset,
                                               const io::Interrupt& interrupt) {
  TRY_ASSIGN(const Reply reply,
             Call("GET", "/datasets/" + io::PercentEncoded(dataset), "", interrupt));
  if (!reply.refusal) return TextIn(reply.body, "location");
  if (reply.refusal->reason == "notFound") {
    return NotFound(fmt::format(
        "there is no dataset {0} in project {1}; `bq --location=LOCATION mk --dataset {1}:{0}` "
        "makes it, in the place where the bucket is",
        dataset, project_));
  }
  return tl::unexpected(ErrorOf(*reply.refusal));
}

Result<std::vector<std::string>> BigQueryClient::Datasets(const io::Interrupt& interrupt) {
  std::vector<std::string> names;
  for (std::string page;;) {
    TRY_ASSIGN(const Reply reply,
               Call("GET",
                    "/datasets?maxResults=1000" +
                        (page.empty() ? "" : "&pageToken=" + io::PercentEncoded(page)),
                    "", interrupt));
    if (reply.refusal) return tl::unexpected(ErrorOf(*reply.refusal));
    for (const json& one : MemberOf(reply.body, "datasets")) {
      names.push_back(TextIn(MemberOf(one, "datasetReference"), "datasetId"));
    }
    page = TextIn(reply.body, "nextPageToken");
    if (page.empty()) return names;
  }
}

Result<std::string> BigQueryClient::LocationOfBucket(const std::string& bucket,
                                                     const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.url = fmt::format("{}/storage/v1/b/{}?fields=location", storage_endpoint_,
                            io::PercentEncoded(bucket));
  TRY_ASSIGN(const auto answer, storage_->Send(request, interrupt));
  if (answer.response.status == 404) {
    return NotFound(fmt::format("there is no bucket gs://{}", bucket));
  }
  // To read objects one need not be allowed to look at the bucket.
  if (answer.response.status / 100 != 2) return std::string();
  return TextIn(json::parse(answer.response.body, nullptr, false), "location");
}

Result<std::string> BigQueryClient::BeginningOf(const std::string& url, std::uint64_t bytes_max,
                                                const io::Interrupt& interrupt) {
  const std::size_t begin = std::string_view("gs://").size(), slash = url.find('/', begin);
  io::HttpRequest request;
  request.url = fmt::format("{}/storage/v1/b/{}/o/{}?alt=media", storage_endpoint_,
                            io::PercentEncoded(url.substr(begin, slash - begin)),
                            io::PercentEncoded(url.substr(slash + 1)));
  request.headers.push_back({"Range", fmt::format("bytes=0-{}", bytes_max - 1)});
  request.response_bytes_max = bytes_max;
  TRY_ASSIGN(const auto answer, storage_->Send(request, interrupt));
  if (answer.response.status == 416) return std::string();  // it is empty
  if (answer.response.status / 100 != 2) {
    return tl::unexpected(cloud::GoogleError(answer.response, url));
  }
  return answer.response.body;
}

Result<std::optional<BigQueryTable>> BigQueryClient::Find(const TableName& name,
                                                          const io::Interrupt& interrupt) {
  TRY_ASSIGN(const Reply reply, Call("GET", TableUrl(name), "", interrupt));
  if (!reply.refusal) return TableIn(reply.body);
  if (reply.refusal->reason == "notFound") return std::nullopt;
  return tl::unexpected(ErrorOf(*reply.refusal));
}

Result<bool> BigQueryClient::Create(const TableName& name, const std::vector<Column>& columns,
                                    Instant expires_at, const std::string& description,
                                    const io::Interrupt& interrupt) {
  json body = {{"tableReference", ReferenceTo(project_, name)},
               {"schema", {{"fields", FieldsOf(columns)}}},
               {"description", description}};
  if (expires_at != Instant()) {
    body["expirationTime"] = std::to_string(expires_at.time_since_epoch().count());
  }
  TRY_ASSIGN(const Reply reply,
             Call("POST", fmt::format("/datasets/{}/tables", io::PercentEncoded(name.dataset)),
                  body.dump(), interrupt));
  if (!reply.refusal) return true;
  if (reply.refusal->reason == "duplicate") return false;
  return tl::unexpected(ErrorOf(*reply.refusal));
}

Result<void> BigQueryClient::KeepForGood(const TableName& name, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const Reply reply,
             Call("PATCH", TableUrl(name), json{{"expirationTime", nullptr}}.dump(), interrupt));
  if (!reply.refusal) return {};
  return tl::unexpected(ErrorOf(*reply.refusal));
}

Result<void> BigQueryClient::AddColumns(const TableName& name, const BigQueryTable& table,
                                        const std::vector<Column>& columns,
                                        const io::Interrupt& interrupt) {
  json fields = json::parse(table.fields, nullptr, false);
  for (const json& field : FieldsOf(columns)) fields.push_back(field);
  TRY_ASSIGN(const Reply reply,
             Call("PATCH", TableUrl(name), json{{"schema", {{"fields", fields}}}}.dump(), interrupt,
                  table.etag));
  if (!reply.refusal) return {};
  if (reply.refusal->reason == "conditionNotMet") {
    // It may be that this was ours, and its answer was lost.
    TRY_ASSIGN(const auto now, Find(name, interrupt));
    const auto has = [&](const Column& column) {
      return now &&
             std::find(now->columns.begin(), now->columns.end(), column) != now->columns.end();
    };
    if (std::all_of(columns.begin(), columns.end(), has)) return {};
  }
  return tl::unexpected(ErrorOf(*reply.refusal));
}

Result<void> BigQueryClient::Remove(const TableName& name, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const Reply reply, Call("DELETE", TableUrl(name), "", interrupt));
  if (!reply.refusal || reply.refusal->reason == "notFound") return {};
  return tl::unexpected(ErrorOf(*reply.refusal));
}

Result<bool> BigQueryClient::HasRowPolicies(const TableName& name, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const Reply reply, Call("GET", TableUrl(name) + "/rowAccessPolicies", "", interrupt));
  if (!reply.refusal) return !MemberOf(reply.body, "rowAccessPolicies").empty();
  return tl::unexpected(ErrorOf(*reply.refusal));
}

Result<BigQueryJobState> BigQueryClient::Begin(const BigQueryJob& job,
                                               const io::Interrupt& interrupt) {
  json configuration = json::parse(job.configuration);
  configuration["labels"] = {{kLabel, DigestOf(job)}};
  const json body = {
      {"jobReference", {{"projectId", project_}, {"jobId", job.id}, {"location", job.location}}},
      {"configuration", configuration}};
  TRY_ASSIGN(const Reply reply, Call("POST", "/jobs", body.dump(), interrupt));
  if (!reply.refusal) {
    BigQueryJobState state = StateIn(reply.body, DigestOf(job));
    state.is_new = true;
    return state;
  }
  if (reply.refusal->reason != "duplicate") {
    // Refused at once, it used up no id.
    BigQueryJobState state;
    state.done = state.is_ours = state.is_new = true;
    state.failure = reply.refusal;
    return state;
  }
  TRY_ASSIGN(auto there, Look(job, interrupt));
  if (there) return *std::move(there);
  return Temporary(
      fmt::format("BigQuery says that there is a job {}, and that there is none", job.id));
}

Result<std::optional<BigQueryJobState>> BigQueryClient::Look(const BigQueryJob& job,
                                                             const io::Interrupt& interrupt) {
  TRY_ASSIGN(const Reply reply, Call("GET",
                                     fmt::format("/jobs/{}?location={}", io::PercentEncoded(job.id),
                                                 io::PercentEncoded(job.location)),
                                     "", interrupt));
  if (!reply.refusal) return StateIn(reply.body, DigestOf(job));
  if (reply.refusal->reason == "notFound") return std::nullopt;
  return tl::unexpected(ErrorOf(*reply.refusal));
}

Result<BigQueryJobState> BigQueryClient::Await(const BigQueryJob& job, BigQueryJobState state,
                                               const io::Interrupt& interrupt) {
  io::Waiter waiter(interrupt);
  for (Milliseconds pause = kLookFirst; !state.done; pause = std::min(pause * 2, kLookMax)) {
    const auto until = std::chrono::steady_clock::now() + pause;
    while (std::chrono::steady_clock::now() < until) TRY(waiter.Wait({}, until));
    TRY_ASSIGN(auto now, Look(job, interrupt));
    if (!now) return Temporary(fmt::format("BigQuery does not know of job {} any more", job.id));
    now->is_new = state.is_new;
    state = *std::move(now);
  }
  return state;
}

Result<BigQueryJobState> BigQueryClient::Do(const BigQueryJob& job,
                                            const io::Interrupt& interrupt) {
  TRY_ASSIGN(BigQueryJobState state, Begin(job, interrupt));
  return Await(job, std::move(state), interrupt);
}

Result<std::string> BigQueryClient::StatementType(const Question& question,
                                                  const io::Interrupt& interrupt) {
  json query = {{"query", question.sql}, {"useLegacySql", false}};
  if (!question.dataset.empty()) {
    query["defaultDataset"] = {{"projectId", project_}, {"datasetId", question.dataset}};
  }
  json body = {{"configuration", {{"dryRun", true}, {"query", query}}}};
  if (!question.location.empty()) {
    body["jobReference"] = {{"projectId", project_}, {"location", question.location}};
  }
  TRY_ASSIGN(const Reply reply, Call("POST", "/jobs", body.dump(), interrupt));
  if (reply.refusal) return tl::unexpected(ErrorOf(*reply.refusal));
  return StateIn(reply.body, "").statement_type;
}

Result<Answer> BigQueryClient::Ask(const Question& question, const io::Interrupt& interrupt) {
  json body = {{"query", question.sql},
               {"useLegacySql", false},
               {"useQueryCache", false},
               {"maxResults", std::min<std::uint64_t>(question.rows_max + 1, 10'000)},
               {"timeoutMs", kAnswerWaitMs / 2},
               {"formatOptions", {{"useInt64Timestamp", true}}}};
  if (!question.location.empty()) body["location"] = question.location;
  if (!question.dataset.empty()) {
    body["defaultDataset"] = {{"projectId", project_}, {"datasetId", question.dataset}};
  }
  if (question.bytes_billed_max > 0) {
    body["maximumBytesBilled"] = std::to_string(question.bytes_billed_max);
  }
  if (!question.parameters.empty()) {
    body["parameterMode"] = "NAMED";
    for (const BigQueryParameter& one : question.parameters) {
      body["queryParameters"].push_back({{"name", one.name},
                                         {"parameterType", {{"type", one.type}}},
                                         {"parameterValue", {{"value", one.value}}}});
    }
  }
  TRY_ASSIGN(Reply reply, Call("POST", "/queries", body.dump(), interrupt));
  Answer answer;
  std::vector<std::string> types;
  for (;;) {
    if (reply.refusal) return tl::unexpected(ErrorOf(*reply.refusal));
    const json& is_complete = MemberOf(reply.body, "jobComplete");
    if (is_complete == true) {
      if (answer.columns.empty()) {
        for (const json& field : MemberOf(MemberOf(reply.body, "schema"), "fields")) {
          answer.columns.push_back(TextIn(field, "name"));
          types.push_back(TextIn(field, "mode") == "REPEATED" ? "" : TypeOf(TextIn(field, "type")));
        }
      }
      for (const json& row : MemberOf(reply.body, "rows")) {
        if (answer.rows.size() == question.rows_max) {
          answer.truncated = true;
          return answer;
        }
        auto& cells = answer.rows.emplace_back();
        const json& values = MemberOf(row, "f");
        for (std::size_t i = 0; i < types.size() && i < values.size(); ++i) {
          cells.push_back(ValueIn(MemberOf(values[i], "v"), types[i]));
        }
      }
    }
    const std::string page = TextIn(reply.body, "pageToken");
    if (is_complete == true && page.empty()) return answer;
    const json& job = MemberOf(reply.body, "jobReference");
    TRY_ASSIGN(
        reply,
        Call("GET",
             fmt::format("/queries/{}?location={}&timeoutMs={}&formatOptions.useInt64Timestamp="
                         "true&maxResults=10000{}",
                         io::PercentEncoded(TextIn(job, "jobId")),
                         io::PercentEncoded(TextIn(job, "location")), kAnswerWaitMs / 2,
                         page.empty() ? "" : "&pageToken=" + io::PercentEncoded(page)),
             "", interrupt));
  }
}

}  // namespace busker::deliver
