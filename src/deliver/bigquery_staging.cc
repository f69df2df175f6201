#include "deliver/bigquery_staging.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "artifact/store.h"
#include "deliver/delivery_rules.h"

namespace busker::deliver {
namespace {

namespace fs = io::fs;
using nlohmann::json;

constexpr int kFailuresMax = 3;                       // of jobs of one kind that may pass
constexpr std::uint64_t kBeginningBytes = 256 << 10;  // in which a header is

}  // namespace

std::string BucketOf(const std::string& url) {
  const std::size_t begin = std::string_view("gs://").size();
  return url.substr(begin, url.find('/', begin) - begin);
}

// That an object is what a delivery brought: as far as the bucket tells without sending it.
Result<void> CheckSource(const LedgerSource& source, const std::string& delivery,
                         const io::Interrupt& interrupt) {
  const std::string bucket = "gs://" + BucketOf(source.url);
  const std::string key = source.url.substr(bucket.size() + 1);
  const std::size_t slash = key.rfind('/');
  TRY_ASSIGN(const auto store, artifact::OpenStore(bucket));
  Result<void> checked;
  if (slash == std::string::npos) {
    auto digest = store->Digest(key, interrupt);
    if (digest && *digest == source.digest) return {};
    checked = digest ? Result<void>(Unusable("it has another digest"))
                     : Result<void>(tl::unexpected(std::move(digest).error()));
  } else {
    checked =
        store->Verify(key.substr(0, slash), {{key.substr(slash + 1), source.digest}}, interrupt);
  }
  if (checked) return {};
  if (checked.error().kind == ErrorKind::kNotFound) {
    return Invalid(fmt::format("it needs the file of delivery {}, and {} is not there any more",
                               delivery, source.url));
  }
  if (checked.error().kind != ErrorKind::kUnusable) return checked;
  return Invalid(fmt::format("{} is not what delivery {} brought: {}", source.url, delivery,
                             checked.error().message));
}

TableName BigQueryStaging::NameFor(const std::string& dataset, const std::string& url,
                                   const std::string& delivery) const {
  return {dataset, "_busker_staging_" + io::Sha256Of(delivery + " " + url).substr(0, 24)};
}

Result<std::uint64_t> BigQueryStaging::Stage(const std::string& table, const std::string& delivery,
                                             const std::string& url, std::size_t columns,
                                             const TableName& staging, const std::string& location,
                                             const io::Interrupt& interrupt) const {
  std::vector<Column> texts;
  json fields = json::array();
  for (std::size_t i = 1; i <= columns; ++i) {
    texts.push_back({fmt::format("c{}", i), "STRING"});
    fields.push_back({{"name", texts.back().name}, {"type", "STRING"}});
  }
  const json configuration = {{"load",
                               {{"sourceUris", {url}},
                                {"destinationTable",
                                 {{"projectId", client_.project()},
                                  {"datasetId", staging.dataset},
                                  {"tableId", staging.table}}},
                                {"schema", {{"fields", fields}}},
                                {"sourceFormat", "CSV"},
                                {"encoding", "UTF-8"},
                                // The header, which was read: the columns are its, by their places
                                // in it. A byte order mark goes with it.
                                {"skipLeadingRows", 1},
                                {"allowQuotedNewlines", true},
                                {"allowJaggedRows", false},
                                {"maxBadRecords", 0},
                                {"createDisposition", "CREATE_NEVER"},  // it has to expire
                                {"writeDisposition", "WRITE_TRUNCATE"}}}};
  const std::string text = configuration.dump();
  const std::string name =
      fmt::format("{}_", io::Sha256Of(text).substr(0, 16));  // another file: other jobs
  for (int n = 0, failures = 0;; ++n) {
    TRY(client_.Create(staging, texts, Now() + settings_.staged_for,
                       "On its way into " + table + "; Busker removes it, and it expires.",
                       interrupt));
    const BigQueryJob job{JobIdOf(table, delivery, 'L', name + std::to_string(n)), location, text};
    TRY_ASSIGN(const BigQueryJobState state, client_.Do(job, interrupt));
    if (state.failure) {
      if (!state.is_new) continue;  // of some time ago
      if (MayPass(*state.failure) && ++failures < kFailuresMax) continue;
      return tl::unexpected(ErrorOf(*state.failure));
    }
    TRY_ASSIGN(const auto there, client_.Find(staging, interrupt));
    // A job of an earlier try may have loaded into a table that is gone, or was made anew.
    if (there && (state.is_new || there->rows > 0)) return there->rows;
    if (there && !state.is_new) continue;
  }
}

// Its beginning is enough where somebody said what its columns are and the bucket tells its digest:
// then BigQuery looks at the values, and this machine only at a file in which some are written in
// an unusual way.
Result<void> BigQueryStaging::OpenBeginning(const Request& request, DeliveredFile& file,
                                            const io::Interrupt& interrupt) const {
  const Source& source = request.source;
  if (request.schema.empty() || !source.digest) return {};
  if (!source.sha256.empty() && source.sha256 != source.digest->sha256) return {};
  const std::size_t slash = source.key.rfind('/');
  if (slash == std::string::npos) {
    TRY(CheckSource({file.url, *source.digest, {}}, request.id, interrupt));
  } else {
    TRY(source.store->Verify(source.key.substr(0, slash),
                             {{source.key.substr(slash + 1), *source.digest}}, interrupt));
  }
  TRY_ASSIGN(const std::string beginning,
             client_.BeginningOf(file.url, kBeginningBytes, interrupt));
  if (beginning.find('\n') == std::string::npos) return {};
  TRY_ASSIGN(const fs::path folder, file.Folder());
  const fs::path path = folder / "beginning.csv";
  TRY(io::WriteFileUnsynced(path, beginning, 0600));
  auto opened = OpenCsv(path);
  // Of one column, an empty line is a row, which BigQuery takes for none: they are counted here.
  if (opened && opened->header.names.size() > 1) file.source = *std::move(opened);
  return {};
}

Result<void> BigQueryStaging::OpenWhole(const Request& request, DeliveredFile& file,
                                        const io::Interrupt& interrupt) const {
  if (file.is_whole) return {};
  TRY_ASSIGN(const fs::path folder, file.Folder());
  TRY_ASSIGN(const fs::path path,
             request.source.store->LocalPath(request.source.key, folder, interrupt));
  TRY_ASSIGN(file.source, OpenCsv(path));
  file.is_whole = true;
  return {};
}

// How many rows are staged, when all their values are plain.
Result<std::optional<std::uint64_t>> BigQueryStaging::CountPlain(
    const DeliveredFile& file, const std::string& location, const io::Interrupt& interrupt) const {
  BigQueryClient::Question question;
  question.sql = PlainnessOf(file.StagedAt(
      fmt::format("{}.{}.{}", client_.project(), file.staging.dataset, file.staging.table)));
  question.location = location;
  TRY_ASSIGN(const Answer answer, client_.Ask(question, interrupt));
  if (answer.rows.size() != 1) return Failed("BigQuery counts rows and answers none");
  const auto& counts = answer.rows.front();
  const bool all_plain = std::all_of(counts.begin() + 1, counts.end(),
                                     [](const Value& count) { return count.text == "0"; });
  if (!all_plain) return std::nullopt;
  return std::stoull(counts.front().text);
}

// Plans, judges and stages it, as far as the table's state asks for that anew.
Result<void> BigQueryStaging::Prepare(const Request& request, const TableState& state,
                                      const std::string& location, DeliveredFile& file,
                                      const io::Interrupt& interrupt) const {
  if (!file.source) TRY(OpenBeginning(request, file, interrupt));
  if (!file.source) TRY(OpenWhole(request, file, interrupt));
  TRY_ASSIGN(LoadPlan now, PlanOf(request, *file.source, state));
  TRY(CheckColumnNames(file.source->header.names));
  if (file.planned && now.columns == file.planned->columns && now.guess == file.planned->guess) {
    return {};
  }
  file.planned = now;
  file.plan = std::move(now);
  const auto judge = [&]() -> Result<void> {
    TRY(OpenWhole(request, file, interrupt));
    const std::vector<Column> known = state.parts.empty() ? std::vector<Column>() : state.columns;
    TRY_ASSIGN(file.survey, JudgeCsv(*file.source, *file.plan, known));
    return CheckSurvey(request, file.survey);
  };
  if (file.is_whole) TRY(judge());
  const auto staged = Stage(request.table, request.id, file.url, file.source->header.names.size(),
                            file.staging, location, interrupt);
  if (!staged) {
    // Of a file that is wrong, the row and the value are told.
    if (staged.error().kind == ErrorKind::kInvalid) TRY(judge());
    return tl::unexpected(staged.error());
  }
  if (!file.is_whole) {
    TRY_ASSIGN(const auto rows, CountPlain(file, location, interrupt));
    if (rows) {
      file.survey = {};
      file.survey.digest = *request.source.digest;
      file.survey.records = *rows;
      return CheckSurvey(request, file.survey);
    }
    TRY(judge());
  }
  if (*staged == file.survey.records) return {};
  return Invalid(fmt::format(
      "the file has {} rows, {} arrived in BigQuery (which takes an empty line for none)",
      file.survey.records, *staged));
}

}  // namespace busker::deliver
