#include "daemon/log_copier.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <nlohmann/json.hpp>

#include "attempt/folder.h"
#include "attempt/log.h"
#include "cloud/test_key.h"
#include "io/test_folder.h"
#include "io/test_server.h"
#include "record/open.h"
#include "record/record_fixture.h"

namespace busker::daemon {
namespace {

using Json = nlohmann::json;
using Strings = std::vector<std::string>;
constexpr Milliseconds kLimit{20'000};

std::string Answer(int status, const Json& body = Json::object()) {
  const std::string text = body.dump();
  return "HTTP/1.1 " + std::to_string(status) +
         " x\r\nConnection: close\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" +
         text;
}

// Keeps what is written to it, and shows of entries with one id and instant the first.
class LoggingService {
 public:
  LoggingService()
      : server_([this](const io::TestHttpRequest& request) { return Take(request); }) {}

  std::string Url() const { return "http://" + server_.Place(); }
  io::TestHttpServer& server() { return server_; }

  // What the next requests are answered, once they were carried out (200, lost) or not; the last
  // again and again.
  void Say(Strings answers) {
    const std::lock_guard lock(mutex_);
    answers_ = std::move(answers);
  }
  std::vector<Json> Shown() {
    const std::lock_guard lock(mutex_);
    std::vector<Json> entries;
    for (const auto& [_, entry] : shown_) entries.push_back(entry);
    return entries;
  }
  Strings Texts() {
    Strings texts;
    for (const Json& entry : Shown()) texts.push_back(entry["textPayload"]);
    return texts;
  }

 private:
  std::string Take(const io::TestHttpRequest& request) {
    const std::lock_guard lock(mutex_);
    std::string answer = Answer(200);
    if (!answers_.empty()) answer = answers_.front();
    if (answers_.size() > 1) answers_.erase(answers_.begin());
    const Json body = Json::parse(request.body);
    if (answer.find(" 403 ") != answer.npos || answer.find(" 503 ") != answer.npos) return answer;
    for (Json entry : body["entries"]) {
      entry["labels"] = body["labels"];
      entry["logName"] = body["logName"];
      // By the instant and not by its text: "00:00:01Z" is before "00:00:01.002Z".
      shown_.emplace(std::pair(ParseRfc3339(entry["timestamp"].get<std::string>()).value(),
                               entry["insertId"].get<std::string>()),
                     entry);
    }
    return answer;
  }

  std::mutex mutex_;
  Strings answers_;
  std::map<std::pair<Instant, std::string>, Json> shown_;
  io::TestHttpServer server_;
};

class LogCopierTest : public testing::Test {
 protected:
  using enum plan::State;

  LogCopierTest() {
    for (const char* name : cloud::kGoogleVariables) unsetenv(name);
    const auto key = folder_.Write("key.json", cloud::TestKey().Json().dump());
    setenv("GOOGLE_APPLICATION_CREDENTIALS", key.c_str(), 1);
    setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING", service_.Url().c_str(), 1);
    const std::string url = "sqlite://" + (folder_ / "busker.db").string();
    record_ = record::OpenRecord(url, {.make = true}).value();
    readers_ = std::make_shared<record::Readers>(url);
    limits_.gather = Milliseconds(20);
    limits_.pause = [](int) { return Milliseconds(20); };
    MakeCopier();
  }
  ~LogCopierTest() override {
    for (const char* name : cloud::kGoogleVariables) unsetenv(name);
  }

  CopiedRuns Files() const { return CopiedRuns(folder_ / "log-copies", folder_ / "runs"); }
  void MakeCopier() {
    copier_.reset();
    copier_ = std::make_unique<LogCopier>(
        LogCopier::Setup{Files(), folder_ / "runs", readers_,
                         [this](const std::string& told) { told_.Add(told); }},
        limits_);
  }

  // A run of one task begins, at that instant.
  void BeginRun(const std::string& run, Instant at = Now()) {
    at_ = at;
    ASSERT_TRUE(record::AddRun(*record_, run, {"train"}));
    ASSERT_TRUE(copier_->Expect(run, {"shop-project", "shop-1-training", "shop"}));
    TakeTurn(record::Begin(run, "train"));
    io::fs::create_directories(FolderOf(run));
  }
  void EndRun(const std::string& run, plan::State state, const std::string& why = "",
              int number = 1) {
    auto row = record::Ended(run, "train", state == kSucceeded ? "succeeded" : "exited", number);
    row.ended_at = at_;
    TakeTurn({plan::TaskChanged{run, "train", kRunning, state, why},
              plan::RunChanged{run, kRunning, state, why}},
             {row});
  }
  void TakeTurn(const std::vector<plan::Decision>& decisions,
                const std::vector<record::AttemptRow>& ended = {}) {
    record::TestTurn turn;
    turn.decisions = decisions;
    turn.ended = ended;
    turn.now = at_;
    const auto appended = turn.AppendTo(*record_);
    ASSERT_TRUE(appended) << appended.error().message;
    for (const plan::Decision& decision : decisions) copier_->Observe(decision);
  }

  io::fs::path FolderOf(const std::string& run, int number = 1) {
    return attempt::FolderOf(folder_ / "runs", {run, "train", number});
  }
  void Write(const std::string& run, std::string_view text, int number = 1) {
    auto log = attempt::LogWriter::GoOn(FolderOf(run, number), 1u << 20, 1u << 20).value();
    ASSERT_TRUE(log.Append(text));
  }
  bool Await(const std::function<bool()>& holds) {
    for (int i = 0; i < 2000 && !holds(); ++i) std::this_thread::sleep_for(Milliseconds(10));
    return holds();
  }
  bool IsWhole() { return Files().List()->empty(); }
  Strings Events(const std::string& run) {
    Strings details;
    const auto events = record_->Events(run).value();
    for (const auto& event : events) {
      if (event.what == "log not wholly copied") details.push_back(event.detail);
    }
    return details;
  }

  const io::TestFolder folder_;
  LoggingService service_;
  std::unique_ptr<record::Record> record_;
  std::shared_ptr<record::Readers> readers_;
  LogCopier::Limits limits_;
  io::TestJournal<std::string> told_;
  std::unique_ptr<LogCopier> copier_;
  Instant at_{};
};

TEST_F(LogCopierTest, CopiesARunWhileItRunsAndToItsEnd) {
  BeginRun("r1");
  Write("r1", "Running the action...\nERROR: few rows\n");
  ASSERT_TRUE(Await([&] { return service_.Shown().size() == 2; }));
  Write("r1", "Well done.\n");
  EndRun("r1", kSucceeded);
  ASSERT_TRUE(copier_->AwaitRest(kLimit));
  EXPECT_TRUE(IsWhole());
  EXPECT_EQ(service_.Texts(), (Strings{"Running the action...", "ERROR: few rows", "Well done."}));
  const Json entry = service_.Shown()[1];
  EXPECT_EQ(entry["logName"], "projects/shop-project/logs/shop-1-training");
  EXPECT_EQ(entry["severity"], "ERROR");
  EXPECT_EQ(entry["insertId"], "r1.train.1.0000000000000022");
  EXPECT_EQ(entry["labels"],
            Json({{"service", "shop"}, {"run", "r1"}, {"task", "train"}, {"attempt", "1"}}));
  EXPECT_TRUE(told_.All().empty());
}

// What an engine says before the program begins is not the first line, nor what comes after the
// program the last.
TEST_F(LogCopierTest, BeginsAndEndsWithTheLinesThatPeopleLookFor) {
  BeginRun("r1");
  Write("r1", "Fetching the image\nRunning the action...\nWell done.\nthe gate took it\n");
  EndRun("r1", kSucceeded);
  ASSERT_TRUE(copier_->AwaitRest(kLimit));
  EXPECT_EQ(service_.Texts(),
            (Strings{"Running the action...", "Fetching the image", "Running the action...",
                     "Well done.", "the gate took it", "Well done."}));
}

TEST_F(LogCopierTest, SaysLastHowARunFailed) {
  BeginRun("r1");
  Write("r1", "Running the action...\nno line end");
  EndRun("r1", kFailed, "exit code 3");
  ASSERT_TRUE(copier_->AwaitRest(kLimit));
  EXPECT_EQ(service_.Texts(),
            (Strings{"Running the action...", "no line end", "run r1 failed: exit code 3"}));
  EXPECT_EQ(service_.Shown().back()["severity"], "ERROR");
}

// The answer is lost, and then the copier is killed: what it had sent is not shown twice, although
// more has come since.
TEST_F(LogCopierTest, IsFollowedByOneThatGoesOnWhereItWasKilled) {
  service_.Say({"", "hang"});
  BeginRun("r1");
  Write("r1", "Running the action...\none\n");
  ASSERT_TRUE(service_.server().requests().WaitFor(2));
  copier_->Stop();
  Write("r1", "two\n");
  std::this_thread::sleep_for(
      Milliseconds(5));  // so that the same lines would have another instant
  service_.Say({});
  MakeCopier();
  copier_->TakeUp();
  ASSERT_TRUE(Await([&] { return service_.Shown().size() == 3; }));
  EndRun("r1", kSucceeded);
  ASSERT_TRUE(copier_->AwaitRest(kLimit));
  EXPECT_EQ(service_.Texts(), (Strings{"Running the action...", "one", "two", "Well done."}));
  EXPECT_TRUE(IsWhole());
}

TEST_F(LogCopierTest, TellsOnceThatItCannotAndTriesAgain) {
  service_.Say({Answer(403, {{"error", {{"message", "no permission"}}}})});
  limits_.pause = [](int) { return Milliseconds(300); };
  MakeCopier();
  BeginRun("r1");
  Write("r1", "Running the action...\nWell done.\n");
  EndRun("r1", kSucceeded);
  ASSERT_TRUE(copier_->AwaitRest(kLimit)) << "nobody waits for what is refused";
  ASSERT_TRUE(service_.server().requests().WaitFor(3));
  ASSERT_EQ(told_.All().size(), 1U);
  EXPECT_NE(told_.All()[0].find("run r1 could not be copied to cloud-logging://shop-project"),
            std::string::npos);
  EXPECT_NE(told_.All()[0].find("no permission"), std::string::npos);
  ASSERT_EQ(copier_->ListUncopied().size(), 1U);
  EXPECT_EQ(copier_->ListUncopied()[0].runs, 1U);
  service_.Say({});
  ASSERT_TRUE(Await([&] { return IsWhole(); }));
  EXPECT_EQ(service_.Texts(), (Strings{"Running the action...", "Well done."}));
  EXPECT_TRUE(copier_->ListUncopied().empty());
  ASSERT_EQ(told_.All().size(), 2U);
  EXPECT_EQ(told_.All()[1], "logs are copied to cloud-logging://shop-project again");
}

TEST_F(LogCopierTest, TellsNothingOfAHiccup) {
  service_.Say({Answer(503), Answer(200)});
  BeginRun("r1");
  Write("r1", "Running the action...\nWell done.\n");
  EndRun("r1", kSucceeded);
  ASSERT_TRUE(copier_->AwaitRest(kLimit));
  EXPECT_EQ(service_.Texts(), (Strings{"Running the action...", "Well done."}));
  EXPECT_TRUE(told_.All().empty());
}

TEST_F(LogCopierTest, GivesUpWhatFailsForTooLongAndSaysSoOnRecord) {
  service_.Say({Answer(403)});
  BeginRun("r1", Now() - std::chrono::hours(73));
  Write("r1", "Running the action...\n");
  EndRun("r1", kFailed, "x");
  ASSERT_TRUE(Await([&] { return IsWhole(); }));
  ASSERT_TRUE(copier_->AwaitRest(kLimit));
  ASSERT_EQ(Events("r1").size(), 1U) << told_.All().back();
  EXPECT_NE(Events("r1")[0].find("given up"), std::string::npos);
}

TEST_F(LogCopierTest, CountsLinesThatAreRefusedAndGoesOn) {
  const Json refusal = Json::parse(R"({"error": {"message": "too big", "details": [
      {"@type": "type.googleapis.com/google.logging.v2.WriteLogEntriesPartialErrors",
       "logEntryErrors": {"1": {"code": 3}}}]}})");
  service_.Say({Answer(400, refusal), Answer(200)});
  BeginRun("r1");
  Write("r1", "Running the action...\nhuge\n");
  ASSERT_TRUE(service_.server().requests().WaitFor(1));
  Write("r1", "Well done.\n");
  EndRun("r1", kSucceeded);
  ASSERT_TRUE(copier_->AwaitRest(kLimit));
  EXPECT_TRUE(IsWhole());
  ASSERT_TRUE(Await([&] { return !Events("r1").empty(); }));
  ASSERT_EQ(Events("r1").size(), 1U) << "it was told twice, when more was decided meanwhile";
  EXPECT_NE(Events("r1")[0].find("1 of 3 lines were refused"), std::string::npos);
  EXPECT_NE(Events("r1")[0].find("too big"), std::string::npos);
}

TEST_F(LogCopierTest, GoesOnWithARunThatIsTakenUpAgain) {
  BeginRun("r1");
  Write("r1", "Running the action...\n");
  EndRun("r1", kFailed, "exit code 3");
  ASSERT_TRUE(copier_->AwaitRest(kLimit));
  ASSERT_TRUE(IsWhole());
  copier_->ExpectAgain("no-such-run");
  copier_->ExpectAgain("r1");
  EXPECT_FALSE(IsWhole());
  at_ += Milliseconds(1500);
  io::fs::create_directories(FolderOf("r1", 2));
  TakeTurn({plan::RunChanged{"r1", kFailed, kRunning, ""},
            plan::TaskCleared{"r1", "train", 2, "ada"},
            plan::TaskChanged{"r1", "train", kFailed, kQueued, ""},
            plan::TaskChanged{"r1", "train", kQueued, kRunning, ""},
            plan::StartAttempt{"r1", "train", 2}});
  Write("r1", "Running the action...\nWell done.\n", 2);
  EndRun("r1", kSucceeded, "", 2);
  ASSERT_TRUE(copier_->AwaitRest(kLimit));
  EXPECT_TRUE(IsWhole());
  EXPECT_EQ(service_.Texts(), (Strings{"Running the action...", "run r1 failed: exit code 3",
                                       "Running the action...", "Well done."}));
}

// Where nothing is to be copied there is neither a file nor a thread.
TEST_F(LogCopierTest, DoesNothingForARunThatNobodyExpects) {
  ASSERT_TRUE(record::AddRun(*record_, "r1", {"train"}));
  at_ = Now();
  TakeTurn(record::Begin("r1", "train"));
  EXPECT_TRUE(copier_->Rests());
  EXPECT_FALSE(io::fs::exists(folder_ / "log-copies"));
  EXPECT_TRUE(service_.server().requests().All().empty());
}

}  // namespace
}  // namespace busker::daemon
