#include "deliver/snapshot.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <future>

#include "base/check.h"
#include "base/text.h"

namespace busker::deliver {
namespace {

struct FileStamp {
  off_t size = 0;
  timespec changed{};
};
FileStamp StampOf(int fd) {
  struct stat info {};
  CHECK(fstat(fd, &info) == 0, "an open file has facts");
  return {info.st_size, info.st_mtim};
}

// What the judges say the columns are.
void Guess(const CsvSource& source, const std::vector<ColumnJudge>& judges,
           const std::vector<Column>& table, LoadPlan& plan) {
  plan.columns.clear();
  for (std::size_t i = 0; i < judges.size(); ++i) {
    Column column{source.header.names[i], judges[i].Type()};
    for (const Column& there : table) {
      if (column.type.empty() && there.name == column.name) column.type = there.type;
    }
    if (column.type.empty()) column.type = "STRING";
    plan.columns.push_back(std::move(column));
  }
}

// A guess from the first rows, which the survey of all of them corrects if need be.
Result<void> GuessFromSample(const CsvSource& source, const std::vector<Column>& table,
                             LoadPlan& plan) {
  constexpr std::uint64_t kSampleBytes = 1 << 20;
  std::vector<ColumnJudge> judges = JudgesFor(source, plan);
  TRY_ASSIGN(const CsvSurvey sample,
             SurveyCsv(source.fd.get(), source.path, source.header, judges, kSampleBytes));
  Guess(source, judges, table, plan);
  plan.quoted_blanks = sample.has_quoted_blank;
  return {};
}

}  // namespace

tl::unexpected<Error> Explain(const CsvSource& source, const LoadPlan& plan, Error otherwise) {
  auto fault = FindCsvFault(source.fd.get(), source.path, source.header);
  if (!fault) return tl::unexpected(std::move(fault).error());
  if (*fault)
    return Invalid(
        fmt::format("row {} (line {}): {}", (*fault)->row, (*fault)->line, (*fault)->what));
  auto bad = FindBadValue(source, plan);
  if (bad && !bad->empty()) return Invalid(*std::move(bad));
  otherwise.message = Printable(otherwise.message.substr(0, otherwise.message.find('\n')));
  if (otherwise.kind == ErrorKind::kFailed) otherwise.kind = ErrorKind::kInvalid;
  return tl::unexpected(std::move(otherwise));
}

Result<CsvSurvey> JudgeCsv(const CsvSource& source, LoadPlan& plan,
                           const std::vector<Column>& table) {
  TRY_ASSIGN(const auto fault, FindCsvFault(source.fd.get(), source.path, source.header));
  if (fault) {
    return Invalid(fmt::format("row {} (line {}): {}", fault->row, fault->line, fault->what));
  }
  std::vector<ColumnJudge> judges = JudgesFor(source, plan);
  TRY_ASSIGN(const CsvSurvey survey,
             SurveyCsv(source.fd.get(), source.path, source.header, judges));
  if (plan.guess) Guess(source, judges, table, plan);
  const bool all_fit = plan.guess || std::all_of(judges.begin(), judges.end(),
                                                 [](const auto& judge) { return judge.fits(); });
  if (!all_fit) {
    return Explain(source, plan, Error{ErrorKind::kInvalid, "a value is not of its column's type"});
  }
  return survey;
}

Result<CsvSurvey> WriteSnapshot(Session& session, const CsvSource& source, LoadPlan& plan,
                                const std::vector<Column>& table, const io::fs::path& target) {
  const FileStamp before = StampOf(source.fd.get());
  if (plan.guess) TRY(GuessFromSample(source, table, plan));
  std::vector<ColumnJudge> judges = JudgesFor(source, plan);
  auto surveying = std::async(std::launch::async, [&] {
    return SurveyCsv(source.fd.get(), source.path, source.header, judges);
  });
  auto copied = session.Run(LoadSql(source, plan, target));
  TRY_ASSIGN(CsvSurvey survey, surveying.get());

  const LoadPlan first = plan;
  if (plan.guess) Guess(source, judges, table, plan);
  if (!copied) plan.quoted_blanks = survey.has_quoted_blank;
  const bool again = plan.columns != first.columns || plan.quoted_blanks != first.quoted_blanks;
  if (again && (copied || copied.error().kind != ErrorKind::kTemporary)) {
    copied = session.Run(LoadSql(source, plan, target));
  }
  if (!copied && copied.error().kind == ErrorKind::kTemporary)
    return tl::unexpected(std::move(copied).error());
  if (!copied) return Explain(source, plan, std::move(copied).error());

  const FileStamp after = StampOf(source.fd.get());
  if (after.size != before.size || after.changed.tv_sec != before.changed.tv_sec ||
      after.changed.tv_nsec != before.changed.tv_nsec) {
    return Temporary("it was written to while it was loaded");
  }
  const std::string file = QuotePath(target);
  TRY_ASSIGN(const Session::Table counts,
             session.Run("SELECT (SELECT CAST(num_rows AS BIGINT) FROM parquet_file_metadata(" +
                         file + ")), (SELECT count(*) FROM read_parquet(" + file +
                         ", hive_partitioning = false))"));
  const std::string expected = std::to_string(survey.records);
  for (const auto& arrived : {copied->at(0).at(0), counts.at(0).at(0), counts.at(0).at(1)}) {
    if (arrived == expected) continue;
    return Explain(source, plan,
                   Error{ErrorKind::kInvalid, fmt::format("the file has {} rows, {} arrived",
                                                          expected, arrived.value_or("none"))});
  }
  if (survey.separators != survey.records * (source.header.names.size() - 1)) {
    return Explain(source, plan,
                   Error{ErrorKind::kInvalid, "some rows have more values than the header"});
  }
  const bool all_fit = plan.guess || std::all_of(judges.begin(), judges.end(),
                                                 [](const auto& judge) { return judge.fits(); });
  if (!all_fit) {
    return Explain(source, plan, Error{ErrorKind::kInvalid, "a value is not of its column's type"});
  }
  return survey;
}

Result<io::FileDigest> SyncAndDigest(const io::fs::path& path) {
  TRY_ASSIGN(const io::Descriptor fd, io::Open(path, O_RDWR));
  auto syncing = std::async(std::launch::async, [&] { return fsync(fd.get()) == 0 ? 0 : errno; });
  auto digest = io::DigestFile(path);
  const int error = syncing.get();
  if (error != 0) return SystemError("sync " + path.string(), error);
  return digest;
}

}  // namespace busker::deliver
