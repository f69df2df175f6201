#include "record/record.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace busker::record {
namespace {

constexpr Instant kNoon{std::chrono::hours(12)};

RunFacts Facts(const std::string& id, Instant timestamp = kNoon) {
  RunFacts facts;
  facts.id = id;
  facts.service = "shop";
  facts.service_version = "1";
  facts.action = "training";
  facts.timestamp = FormatStamp(timestamp);
  facts.data_date = "1970-01-01";
  facts.trigger = "manual";
  facts.requested_by = "someone";
  facts.requested_at = timestamp;
  return facts;
}

std::vector<TaskFacts> Tasks(std::initializer_list<std::string> names) {
  std::vector<TaskFacts> tasks;
  for (const std::string& name : names) {
    TaskFacts facts;
    facts.task.name = name;
    if (!tasks.empty()) facts.task.after = {tasks.back().task.name};
    facts.order_json = "{}";
    tasks.push_back(facts);
  }
  return tasks;
}

std::unique_ptr<Record> Fresh() { return std::move(OpenSqliteRecord(":memory:", true).value()); }

std::vector<plan::Decision> Begin(const std::string& run, const std::string& task) {
  using enum plan::State;
  return {plan::RunChanged{run, kQueued, kRunning, ""},
          plan::TaskChanged{run, task, kQueued, kRunning, ""}, plan::StartAttempt{run, task, 1}};
}

AttemptRow Ended(const std::string& run, const std::string& task, const std::string& ending) {
  AttemptRow row;
  row.run = run;
  row.task = task;
  row.number = 1;
  row.ended_at = kNoon;
  row.ending = ending;
  return row;
}

TEST(Record, GivesBackTheRunThatWasAdded) {
  auto record = Fresh();
  ASSERT_TRUE(record->AddRun(Facts("r1"), Tasks({"train", "promote"})));
  const RunRow run = record->FindRun("r1").value();
  EXPECT_EQ(run.state, plan::State::kQueued);
  ASSERT_EQ(run.tasks.size(), 2U);
  EXPECT_EQ(run.tasks[1].task.after, std::vector<std::string>{"train"});
  EXPECT_EQ(record->FindRun("r2").error().kind, ErrorKind::kNotFound);
}

TEST(Record, RefusesASecondRunWithTheSameTimestamp) {
  auto record = Fresh();
  ASSERT_TRUE(record->AddRun(Facts("r1"), Tasks({"train"})));
  EXPECT_EQ(record->AddRun(Facts("r2"), Tasks({"train"})).error().kind, ErrorKind::kTemporary);
  const Instant free = record->FreeTimestamp("shop", "1", "training", kNoon).value();
  EXPECT_EQ(free, kNoon + std::chrono::seconds(1));
  EXPECT_TRUE(record->AddRun(Facts("r2", free), Tasks({"train"})));
}

TEST(Record, TakesUpAfterARestartWhereTheRunWas) {
  auto record = Fresh();
  ASSERT_TRUE(record->AddRun(Facts("r1"), Tasks({"train", "promote"})));
  ASSERT_TRUE(record->Append(Begin("r1", "train"), {}, kNoon));
  const plan::Runs runs = record->Unfinished().value();
  ASSERT_TRUE(runs.contains("r1"));
  const plan::Task& train = runs.at("r1").tasks[0];
  EXPECT_EQ(train.state, plan::State::kRunning);
  EXPECT_EQ(train.attempts, 1);
  EXPECT_TRUE(train.attempt_running);
  EXPECT_FALSE(runs.at("r1").tasks[1].attempt_running);
}

TEST(Record, RemembersThatACancelWasAskedFor) {
  auto record = Fresh();
  ASSERT_TRUE(record->AddRun(Facts("r1"), Tasks({"train"})));
  ASSERT_TRUE(record->Append(Begin("r1", "train"), {}, kNoon));
  const std::vector<plan::Decision> stop = {plan::StopAttempt{"r1", "train", 1}};
  ASSERT_TRUE(record->Append(stop, {}, kNoon));
  EXPECT_TRUE(record->Unfinished().value().at("r1").cancel_requested);
}

TEST(Record, WritesAWholeTurnOrNothingOfIt) {
  auto record = Fresh();
  ASSERT_TRUE(record->AddRun(Facts("r1"), Tasks({"train"})));
  auto decisions = Begin("r1", "train");
  decisions.push_back(
      plan::TaskChanged{"r1", "nobody", plan::State::kQueued, plan::State::kFailed, ""});
  const auto appended = record->Append(decisions, {}, kNoon);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().kind, ErrorKind::kUnusable);
  EXPECT_EQ(record->FindRun("r1").value().state, plan::State::kQueued);
  EXPECT_EQ(record->Events("r1").value().size(), 1U);
}

TEST(Record, RefusesAChangeFromAStateThatIsNotTheRecorded) {
  auto record = Fresh();
  ASSERT_TRUE(record->AddRun(Facts("r1"), Tasks({"train"})));
  ASSERT_TRUE(record->Append(Begin("r1", "train"), {}, kNoon));
  EXPECT_FALSE(record->Append(Begin("r1", "train"), {}, kNoon));
}

TEST(Record, CheckFindsNothingInAWholeLife) {
  using enum plan::State;
  auto record = Fresh();
  ASSERT_TRUE(record->AddRun(Facts("r1"), Tasks({"train"})));
  ASSERT_TRUE(record->Append(Begin("r1", "train"), {}, kNoon));
  EXPECT_EQ(record->Check().value(), std::vector<std::string>{});
  const std::vector<plan::Decision> end = {
      plan::TaskChanged{"r1", "train", kRunning, kSucceeded, ""},
      plan::RunChanged{"r1", kRunning, kSucceeded, ""}};
  const std::vector<AttemptRow> ended = {Ended("r1", "train", "succeeded")};
  ASSERT_TRUE(record->Append(end, ended, kNoon));
  EXPECT_EQ(record->Check().value(), std::vector<std::string>{});
  EXPECT_TRUE(record->Unfinished().value().empty());
}

TEST(Record, CheckFindsASuccessWithoutAnAttemptThatShowsIt) {
  using enum plan::State;
  auto record = Fresh();
  ASSERT_TRUE(record->AddRun(Facts("r1"), Tasks({"train"})));
  ASSERT_TRUE(record->Append(Begin("r1", "train"), {}, kNoon));
  const std::vector<plan::Decision> end = {
      plan::TaskChanged{"r1", "train", kRunning, kSucceeded, ""},
      plan::RunChanged{"r1", kRunning, kSucceeded, ""}};
  const std::vector<AttemptRow> ended = {Ended("r1", "train", "exited")};
  ASSERT_TRUE(record->Append(end, ended, kNoon));
  const auto faults = record->Check().value();
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_NE(faults[0].find("without an attempt that did"), std::string::npos);
}

TEST(Record, ListsTheNewestFirstAndOnlyWhatIsAskedFor) {
  auto record = Fresh();
  for (int i = 0; i < 5; ++i) {
    const Instant at = kNoon + std::chrono::seconds(i);
    ASSERT_TRUE(record->AddRun(Facts("r" + std::to_string(i), at), Tasks({"train"})));
  }
  RunFilter filter;
  filter.count_max = 2;
  const auto runs = record->ListRuns(filter).value();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].facts.id, "r4");
  filter.action = "application";
  EXPECT_TRUE(record->ListRuns(filter).value().empty());
  filter.action = "training";
  filter.state = plan::State::kFailed;
  EXPECT_TRUE(record->ListRuns(filter).value().empty());
}

class RecordFile : public testing::Test {
 protected:
  RecordFile() {
    char name[] = "/tmp/busker-record-XXXXXX";
    folder_ = mkdtemp(name);
    path_ = folder_ / "busker.db";
  }
  ~RecordFile() override { std::filesystem::remove_all(folder_); }
  std::string Bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::filesystem::path folder_, path_;
};

TEST_F(RecordFile, IsThereAfterReopening) {
  { ASSERT_TRUE(OpenSqliteRecord(path_, true).value()->AddRun(Facts("r1"), Tasks({"train"}))); }
  EXPECT_TRUE(OpenSqliteRecord(path_, false).value()->FindRun("r1"));
}

TEST_F(RecordFile, ThatIsMissingIsNotMadeByAReader) {
  EXPECT_EQ(OpenSqliteRecord(path_, false).error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(RecordFile, OfANewerBuskerIsRefusedAndLeftAsItIs) {
  { ASSERT_TRUE(OpenSqliteRecord(path_, true)); }
  sqlite3* raw = nullptr;
  sqlite3_open(path_.c_str(), &raw);
  sqlite3_exec(raw, "PRAGMA user_version = 99", nullptr, nullptr, nullptr);
  sqlite3_close(raw);
  const std::string before = Bytes();
  const auto opened = OpenSqliteRecord(path_, true);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kUnusable);
  EXPECT_NE(opened.error().message.find("newer Busker"), std::string::npos);
  EXPECT_EQ(Bytes(), before);
}

// What broke: kill -9 in the very first run left a file with a page and no tables, which was taken
// for another program's ever after.
TEST_F(RecordFile, WhoseLayOutWasKilledIsLaidOutByTheNext) {
  sqlite3* raw = nullptr;
  sqlite3_open(path_.c_str(), &raw);
  sqlite3_exec(raw, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
  sqlite3_close(raw);
  ASSERT_GT(std::filesystem::file_size(path_), 0U);
  const auto record = OpenSqliteRecord(path_, true);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_TRUE((*record)->AddRun(Facts("r1"), Tasks({"train"})));
}

TEST_F(RecordFile, IsForItsOwnerAlone) {
  ASSERT_TRUE(OpenSqliteRecord(path_, true));
  EXPECT_EQ(std::filesystem::status(path_).permissions() & std::filesystem::perms(0777),
            std::filesystem::perms(0600));
}

TEST_F(RecordFile, OfAnotherProgramIsRefused) {
  sqlite3* raw = nullptr;
  sqlite3_open(path_.c_str(), &raw);
  sqlite3_exec(raw, "CREATE TABLE t (x)", nullptr, nullptr, nullptr);
  sqlite3_close(raw);
  EXPECT_EQ(OpenSqliteRecord(path_, true).error().kind, ErrorKind::kUnusable);
}

TEST_F(RecordFile, ThatIsNoDatabaseIsRefused) {
  { std::ofstream(path_) << std::string(5000, 'x'); }
  EXPECT_EQ(OpenSqliteRecord(path_, true).error().kind, ErrorKind::kUnusable);
}

}  // namespace
}  // namespace busker::record
