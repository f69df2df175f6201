// The daemon as a whole: what it is asked directly, over its socket, and how it ends.
#include "daemon/daemon.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "daemon/client.h"
#include "io/test_folder.h"
#include "io/test_server.h"

namespace busker::daemon {
namespace {

constexpr Milliseconds kLimit{20'000};

// A home in a temporary folder, and a daemon that serves graph files beside it.
class DaemonTest : public testing::Test {
 protected:
  DaemonTest() {
    WriteGraph("nightly", "true");
    WriteGraph("broken", "exit 3");
    WriteGraph("long", "sleep 60");
    WriteGraph("daily", "true", ", \"schedule_interval\": \"@daily\", \"max_active_runs\": 3");
  }

  void WriteGraph(const std::string& id, const std::string& code, const std::string& more = "") {
    folder_.Write("configs/" + id + ".json",
                  "{\"graph\": {\"dag_id\": \"" + id + "\", \"start_date\": \"2019-01-01\"" + more +
                      "}, \"tasks\": [{\"name\": \"a\", \"code\": \"" + code +
                      "\"}, {\"name\": \"b\", \"code\": \"true\"}], \"dependencies\": [[\"b\", "
                      "\"a\"]]}");
  }

  void StartDaemon(bool schedules = false, const std::string& target = "local") {
    home_ = dispatch::MakeHome(folder_ / "home").value();
    DaemonOptions options;
    options.paths = {folder_.path().string()};
    options.schedules = schedules;
    options.yields = !schedules;
    options.target = target;
    options.runner = BUSKER_RUNNER_PATH;
    options.environment = {"PATH=/usr/bin:/bin"};
    auto started = Daemon::Start(home_, options);
    ASSERT_TRUE(started) << started.error().message;
    daemon_ = std::move(*started);
    client_.emplace(home_.folder / "socket");
  }

  StartRequest Of(const std::string& graph, const std::string& key = "") {
    StartRequest request;
    request.graph = graph;
    request.key = key;
    request.by = "a test";
    return request;
  }

  // Starts a run, and waits until it has ended.
  std::string RunToEnd(const std::string& graph) {
    const auto run = client_->StartAndFollow(
        Of(graph), [](const std::string&) {}, [](const plan::Decision&) { return true; });
    EXPECT_TRUE(run) << run.error().message;
    return run.value_or("");
  }

  plan::State StateOf(const std::string& run) {
    auto record = record::OpenRecord(home_.RecordUrl()).value();
    return record->FindRun(run)->state;
  }

  // Waits until the run works on its first task.
  void AwaitStart(const std::string& run) {
    ASSERT_TRUE(client_->Follow(run, kLimit, [](const plan::Decision& decision) {
      return !std::holds_alternative<plan::StartAttempt>(decision);
    }));
  }

  Requests& requests() { return daemon_->requests(); }

  io::TestFolder folder_;
  dispatch::Home home_;
  std::unique_ptr<Daemon> daemon_;
  std::optional<Client> client_;
};

std::string WordOf(const plan::Decision& decision) {
  if (const auto* start = std::get_if<plan::StartAttempt>(&decision)) return "start " + start->task;
  if (const auto* task = std::get_if<plan::TaskChanged>(&decision)) {
    return task->task + " " + std::string(NameOf(task->to));
  }
  if (const auto* run = std::get_if<plan::RunChanged>(&decision)) {
    return "run " + std::string(NameOf(run->to));
  }
  return "";
}

TEST_F(DaemonTest, TellsWhoFollowsOfARunFromItsBeginningToItsEnd) {
  StartDaemon();
  std::vector<std::string> words;
  std::string begun;
  const auto run = client_->StartAndFollow(
      Of("nightly"), [&](const std::string& id) { begun = id; },
      [&](const plan::Decision& decision) {
        words.push_back(WordOf(decision));
        return true;
      });
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(*run, begun);
  EXPECT_EQ(words,
            (std::vector<std::string>{"run running", "a running", "start a", "a succeeded",
                                      "b running", "start b", "b succeeded", "run succeeded"}));
  EXPECT_EQ(StateOf(*run), plan::State::kSucceeded);
  EXPECT_TRUE(client_->Follow(*run, kLimit, [](const auto&) { return true; }));
  EXPECT_EQ(client_->Follow("r0", kLimit, [](const auto&) { return true; }).error().kind,
            ErrorKind::kNotFound);
}

// A notice is on record until its receiver has taken it. One that hung when the daemon was stopped
// had it neither then nor from the next daemon; or the end waited for who hung.
TEST_F(DaemonTest, SendsAgainWhatAReceiverHadNotTakenWhenItWasStopped) {
  std::atomic<bool> hangs = true;
  io::TestHttpServer receiver([&](const io::TestHttpRequest&) {
    return hangs ? std::string("hang") : io::TestAnswer("200 OK");
  });
  folder_.Write("home/daemon.toml", "[notify]\nwebhook = \"" + receiver.Url("/hook") + "\"\n");
  const auto pending = [&] {
    return record::OpenRecord(home_.RecordUrl()).value()->PendingNotices()->size();
  };
  StartDaemon(true);
  RunToEnd("broken");
  ASSERT_TRUE(receiver.requests().WaitFor(1));
  const auto begun = std::chrono::steady_clock::now();
  daemon_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, notify::DeliverOptions().exchange_limit)
      << "it waited for who hangs";
  EXPECT_EQ(pending(), 1U);
  hangs = false;
  StartDaemon(true);
  ASSERT_TRUE(receiver.requests().WaitFor(2));
  const auto seen = receiver.requests().All();
  EXPECT_EQ(seen[0].headers.at("idempotency-key"), seen[1].headers.at("idempotency-key"));
  EXPECT_EQ(seen[0].body, seen[1].body);
  for (int i = 0; i < 1000 && pending() > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(pending(), 0U);
  daemon_.reset();
  StartDaemon(true);
  RunToEnd("nightly");  // the next daemon has looked into the record, too
  EXPECT_EQ(receiver.requests().All().size(), 2U) << "what was taken is sent no more";
}

// Who asked in the moment in which a conductor ended had to try again by hand.
TEST_F(DaemonTest, SaysThatNothingWasDoneWhenItIsEnding) {
  StartDaemon();
  daemon_->Stop();
  ASSERT_TRUE(daemon_->Wait());
  const auto refused = client_->Start(Of("nightly"));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(WasEnding(refused.error())) << refused.error().message;
  daemon_.reset();
  EXPECT_TRUE(WasEnding(client_->Start(Of("nightly")).error()));
  EXPECT_FALSE(WasEnding(Error{ErrorKind::kTemporary, "64 verbs are being answered already"}));
}

// The target of a request was told to the owner of the home, who refused all but its own.
TEST_F(DaemonTest, AGraphFileHasNoTarget) {
  StartDaemon(false, "prod");
  EXPECT_TRUE(client_->Start(Of("nightly")));
  StartRequest request = Of("long");
  request.target = "prod";
  const auto refused = client_->Start(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(refused.error().message.find("has no target"), std::string::npos);
}

// A backfill read each run that it took up again in one turn, up to 10,000 of them, and nothing
// else happened meanwhile; now it asks in parts, and their seams are not to be seen.
TEST_F(DaemonTest, ABackfillTakesUpMoreRunsThanOneTurnReads) {
  StartDaemon();
  ASSERT_TRUE(client_->Pause("daily", true, "a test"));
  BackfillRequest request;
  request.graph = "daily";
  request.from = "2019-01-01";
  request.to = "2019-08-08";
  request.by = "a test";
  const auto queued = client_->Backfill(request);
  ASSERT_TRUE(queued) << queued.error().message;
  ASSERT_EQ(queued->size(), 220u);
  // One stays as it is, in the midst of the others.
  for (std::size_t i = 0; i < queued->size(); ++i) {
    if (i == 105) continue;
    ASSERT_TRUE(client_->Cancel((*queued)[i].run, "a test"));
  }
  request.retry_failed = true;
  request.newest_first = true;
  request.to = "2019-08-09";
  const auto again = client_->Backfill(request);
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->size(), 221u);
  EXPECT_EQ(again->front().what, "run");
  for (std::size_t i = 0; i < queued->size(); ++i) {
    const BackfillInstant& one = (*again)[220 - i];
    EXPECT_EQ(one.run, (*queued)[i].run);
    EXPECT_EQ(one.due, (*queued)[i].due);
    EXPECT_EQ(one.what, i == 105 ? "has its run, queued" : "retry") << i;
    EXPECT_EQ(StateOf(one.run), plan::State::kQueued);
  }
}

TEST_F(DaemonTest, StartsOneRunForAKeyHoweverOftenItIsAskedTo) {
  StartDaemon();
  const std::string first = client_->Start(Of("long", "k")).value();
  EXPECT_EQ(client_->Start(Of("long", "k")).value(), first);
  // Who followed a run that was there already was told that its owner had ended.
  AwaitStart(first);
  std::vector<std::string> words;
  const auto followed = client_->StartAndFollow(
      Of("long", "k"), [](const std::string&) {},
      [&](const plan::Decision& decision) {
        words.push_back(WordOf(decision));
        return false;
      });
  EXPECT_EQ(followed.value(), first);
  EXPECT_EQ(words, std::vector<std::string>{"start a"});
  ASSERT_TRUE(client_->Cancel(first, "a test"));
  ASSERT_TRUE(client_->Follow(first, kLimit, [](const auto&) { return true; }));
  EXPECT_EQ(client_
                ->StartAndFollow(
                    Of("long", "k"), [](const std::string&) {}, [](const auto&) { return true; })
                .value(),
            first);
}

// Two requests with one key within one turn ended the conductor: the record refused the second.
// A key that another graph's run had gave that run, and nothing was started.
TEST_F(DaemonTest, RefusesAKeyThatARunOfAnotherGraphHas) {
  StartDaemon();
  const auto first = client_->Start(Of("long", "k"));
  ASSERT_TRUE(first);
  const auto other = client_->Start(Of("nightly", "k"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(other.error().message,
            "a run of another graph was started with the key k; take another");
  ASSERT_TRUE(client_->Cancel(*first, "a test"));
  ASSERT_TRUE(client_->Follow(*first, kLimit, [](const auto&) { return true; }));
}

TEST_F(DaemonTest, StartsOneRunForAKeyThatManyAskForAtOnce) {
  StartDaemon();
  std::mutex mutex;
  std::set<std::string> runs;
  {
    std::vector<std::jthread> askers;
    for (int i = 0; i < 32; ++i) {
      askers.emplace_back([&] {
        const auto run = requests().Start(Of("nightly", "k"));
        const std::lock_guard lock(mutex);
        runs.insert(run ? *run : run.error().message);
      });
    }
  }
  EXPECT_EQ(runs.size(), 1U);
  EXPECT_FALSE(daemon_->WaitFor(Milliseconds(0)));
}

TEST_F(DaemonTest, RefusesAGraphThatThereIsNotAndNamesTheNearest) {
  StartDaemon();
  const auto run = client_->Start(Of("nigthly"));
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(run.error().message.find("nightly"), std::string::npos);
  StartRequest request = Of("nightly");
  request.date = "2019-02-30";
  EXPECT_EQ(client_->Start(request).error().kind, ErrorKind::kInvalid);
}

TEST_F(DaemonTest, CancelsRetriesAndSkipsWhatCanBe) {
  StartDaemon();
  const std::string failed = RunToEnd("broken");
  EXPECT_EQ(StateOf(failed), plan::State::kFailed);
  EXPECT_EQ(client_->Cancel(failed, "a test").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(client_->Cancel("r0", "a test").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(client_->Retry("r0", "a test").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(client_->Skip(failed, "c", "a test").error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(client_->Skip(failed, "a", "a test"));
  ASSERT_TRUE(client_->Follow(failed, kLimit, [](const auto&) { return true; }));
  EXPECT_EQ(StateOf(failed), plan::State::kSucceeded);
  EXPECT_EQ(client_->Retry(failed, "a test").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(client_->Skip(failed, "b", "a test").error().kind, ErrorKind::kInvalid);

  const std::string going = client_->Start(Of("long")).value();
  AwaitStart(going);
  EXPECT_EQ(client_->Retry(going, "a test").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(client_->Skip(going, "a", "a test").error().kind, ErrorKind::kInvalid);
  EXPECT_NE(client_->Explain(going, "b")->find("a"), std::string::npos);
  ASSERT_TRUE(client_->Cancel(going, "a test"));
  ASSERT_TRUE(client_->Follow(going, kLimit, [](const auto&) { return true; }));
  EXPECT_EQ(StateOf(going), plan::State::kCancelled);
  ASSERT_TRUE(client_->Retry(going, "a test"));
  AwaitStart(going);
  ASSERT_TRUE(client_->Cancel(going, "a test"));
  ASSERT_TRUE(client_->Follow(going, kLimit, [](const auto&) { return true; }));
  EXPECT_TRUE(daemon_->Idle());
}

TEST_F(DaemonTest, PausesAndResumesAGraphAndSaysByWhom) {
  StartDaemon();
  EXPECT_EQ(client_->Pause("nigthly", true, "me").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(client_->Pause("nightly", false, "me").error().kind, ErrorKind::kInvalid);
  ASSERT_TRUE(client_->Pause("nightly", true, "me"));
  const auto again = client_->Pause("nightly", true, "you");
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("me"), std::string::npos);
  bool paused = false;
  const Status status = client_->Ask().value();
  for (const GraphStatus& graph : status.graphs) {
    paused |= graph.graph == "nightly" && graph.paused && graph.paused_by == "me";
  }
  EXPECT_TRUE(paused);
  EXPECT_NE(client_->Explain("nightly", "")->find("paused"), std::string::npos);
  EXPECT_TRUE(client_->Pause("nightly", false, "me"));
  EXPECT_EQ(client_->Explain("nothing", "").error().kind, ErrorKind::kNotFound);
}

TEST_F(DaemonTest, FillsTheInstantsOfAScheduleThatHaveNoRun) {
  StartDaemon();
  BackfillRequest request{"daily", "2019-03-01", "2019-03-03", false, false, 3, true, "a test"};
  const auto dry = client_->Backfill(request);
  ASSERT_TRUE(dry) << dry.error().message;
  ASSERT_EQ(dry->size(), 3U);
  EXPECT_EQ(FormatRfc3339(dry->at(0).scheduled_at), "2019-03-01T00:00:00Z");
  EXPECT_EQ(FormatRfc3339(dry->at(0).due), "2019-03-02T00:00:00Z");
  EXPECT_EQ(dry->at(0).run, "");
  EXPECT_TRUE(daemon_->Idle());

  request.dry_run = false;
  request.newest_first = true;
  const auto filled = client_->Backfill(request).value();
  ASSERT_EQ(filled.size(), 3U);
  EXPECT_EQ(FormatRfc3339(filled[0].scheduled_at), "2019-03-03T00:00:00Z");
  for (const BackfillInstant& instant : filled) {
    EXPECT_EQ(instant.what, "run");
    ASSERT_TRUE(client_->Follow(instant.run, kLimit, [](const auto&) { return true; }));
    EXPECT_EQ(StateOf(instant.run), plan::State::kSucceeded);
  }
  request.to = "2019-03-04";
  const auto more = client_->Backfill(request).value();
  ASSERT_EQ(more.size(), 4U);
  EXPECT_EQ(more[0].what, "run");
  EXPECT_EQ(more[1].what, "has its run, succeeded");
  EXPECT_EQ(more[1].run, filled[0].run);

  request.to = "2019-02-01";
  EXPECT_EQ(client_->Backfill(request).error().kind, ErrorKind::kInvalid);
  request.graph = "nightly";
  EXPECT_EQ(client_->Backfill(request).error().kind, ErrorKind::kInvalid);
  request = {"daily", "2019-03-01", "2059-03-03", false, false, 1, true, "a test"};
  EXPECT_EQ(client_->Backfill(request).error().kind, ErrorKind::kInvalid);
}

// The last date of a range is in it to its last hour, by the clocks of the schedule's zone.
TEST_F(DaemonTest, FillsWholeDaysOfTheZoneOfTheSchedule) {
  WriteGraph("sixth", "true",
             ", \"schedule_interval\": \"0 */6 * * *\", \"timezone\": \"America/New_York\"");
  StartDaemon();
  BackfillRequest request{"sixth", "2019-07-01", "2019-07-01", false, false, 1, true, "me"};
  const auto instants = client_->Backfill(request);
  ASSERT_TRUE(instants) << instants.error().message;
  std::string found;
  for (const auto& one : *instants) found += FormatRfc3339(one.scheduled_at) + " ";
  EXPECT_EQ(found,
            "2019-07-01T04:00:00Z 2019-07-01T10:00:00Z 2019-07-01T16:00:00Z 2019-07-01T22:00:00Z ");
  request.from = request.to = "2019-07-01T10:00:00Z";
  EXPECT_EQ(client_->Backfill(request)->size(), 1u);
  request.to = "2019-07-01T09:59:59Z";
  EXPECT_EQ(client_->Backfill(request).error().kind, ErrorKind::kInvalid);
}

TEST_F(DaemonTest, LeavesToTheScheduleWhatIsTheSchedules) {
  WriteGraph("hourly", "true", ", \"schedule_interval\": \"@hourly\", \"catchup\": false");
  StartDaemon(true);
  BackfillRequest request{"hourly",
                          FormatRfc3339(Now() - std::chrono::hours(4)),
                          FormatRfc3339(Now() + std::chrono::hours(4)),
                          false,
                          false,
                          1,
                          false,
                          "a test"};
  const auto instants = client_->Backfill(request);
  ASSERT_TRUE(instants) << instants.error().message;
  int queued = 0, has = 0, to_come = 0;
  for (const auto& one : *instants) {
    if (one.what == "run") ++queued;
    if (one.what.starts_with("has its run")) ++has;
    if (one.what == "is still to come") ++to_come;
    EXPECT_EQ(one.what == "is still to come", one.due > Now()) << FormatRfc3339(one.due);
    EXPECT_EQ(one.run.empty(), one.what == "is still to come") << one.what;
  }
  EXPECT_EQ(has, 1) << "the newest was caught up by the schedule";
  EXPECT_GE(queued, 2);
  EXPECT_GE(to_come, 3);
  // All of one backfill are one batch.
  auto record = record::OpenRecord(home_.RecordUrl()).value();
  std::set<std::string> batches;
  for (const auto& one : *instants) {
    if (one.what == "run") batches.insert(record->FindRun(one.run)->facts.batch);
  }
  EXPECT_EQ(batches.size(), 1u);
  EXPECT_TRUE(batches.begin()->starts_with("backfill-"));
}

// The answer was longer than what a client would take.
TEST_F(DaemonTest, AnswersABackfillOfTenThousandInstants) {
  StartDaemon();
  const BackfillRequest request{"daily", "1992-01-01", "2019-05-01", false, false, 1, true, "me"};
  const auto instants = client_->Backfill(request);
  ASSERT_TRUE(instants) << instants.error().message;
  EXPECT_EQ(instants->size(), 9983U);
}

TEST_F(DaemonTest, TakesFailedInstantsUpAgainWhenAskedTo) {
  WriteGraph("daily", "exit 3", ", \"schedule_interval\": \"@daily\"");
  StartDaemon();
  BackfillRequest request{"daily", "2019-03-01", "2019-03-01", false, false, 1, false, "a test"};
  const std::string run = client_->Backfill(request)->at(0).run;
  ASSERT_TRUE(client_->Follow(run, kLimit, [](const auto&) { return true; }));
  EXPECT_EQ(client_->Backfill(request)->at(0).what, "has its run, failed");
  request.retry_failed = true;
  request.dry_run = true;
  EXPECT_EQ(client_->Backfill(request)->at(0).what, "retry");
  EXPECT_TRUE(daemon_->Idle());
  request.dry_run = false;
  EXPECT_EQ(client_->Backfill(request)->at(0).run, run);
  ASSERT_TRUE(client_->Follow(run, kLimit, [](const auto&) { return true; }));
  auto record = record::OpenRecord(home_.RecordUrl()).value();
  EXPECT_EQ(record->FindRun(run)->tasks.at(0).attempts.size(), 2U);
}

TEST_F(DaemonTest, ReadsDefinitionsAgainWhenTheyChange) {
  StartDaemon();
  WriteGraph("new", "true");
  daemon_->Reload();
  EXPECT_EQ(StateOf(RunToEnd("new")), plan::State::kSucceeded);
  folder_.Write("configs/nightly.json", "{\"graph\": {}, \"tasks\": [}");
  daemon_->Reload();
  EXPECT_EQ(client_->Ask()->faults.size(), 1U);
  EXPECT_TRUE(client_->Start(Of("new")));
}

TEST_F(DaemonTest, AnswersSixtyFourAtOnceAndRefusesMore) {
  StartDaemon();
  const auto socket = home_.folder / "socket";
  std::vector<LineChannel> silent;
  for (int i = 0; i < 64; ++i) silent.push_back(LineChannel::Connect(socket).value());
  LineChannel more = LineChannel::Connect(socket).value();
  const auto refused = more.Receive(kLimit);
  ASSERT_TRUE(refused && *refused);
  EXPECT_NE((*refused)->find("temporary"), std::string::npos);
  for (LineChannel& channel : silent) {
    ASSERT_TRUE(channel.Send("{\"verb\": \"status\"}", kLimit));
    EXPECT_TRUE(channel.Receive(kLimit).value());
    EXPECT_EQ(channel.Receive(kLimit).value(), std::nullopt);  // no more answers: it closes
  }
  EXPECT_TRUE(client_->Ask());
}

TEST_F(DaemonTest, RefusesWhatItDoesNotUnderstand) {
  StartDaemon();
  for (const char* line : {"", "{}", "[]", "{\"verb\": \"dance\"}", "{\"verb\": 7}"}) {
    LineChannel channel = LineChannel::Connect(home_.folder / "socket").value();
    ASSERT_TRUE(channel.Send(line, kLimit));
    const auto answer = channel.Receive(kLimit);
    ASSERT_TRUE(answer && *answer) << line;
    EXPECT_NE((*answer)->find("\"invalid\""), std::string::npos) << **answer;
  }
}

TEST_F(DaemonTest, MakesRoomForADaemonUnlessItIsOne) {
  StartDaemon();
  ASSERT_TRUE(client_->Yield());
  EXPECT_TRUE(daemon_->WaitFor(kLimit));
  daemon_.reset();
  EXPECT_FALSE(client_->SomebodyListens());
  StartDaemon(true);
  EXPECT_EQ(client_->Yield().error().kind, ErrorKind::kTemporary);
  EXPECT_TRUE(client_->Ask()->schedules);
}

// It waited up to a minute for verbs that waited for the conductor, and ten seconds for clients
// that had not said anything yet.
TEST_F(DaemonTest, EndsAtOnceWhoeverIsConnected) {
  StartDaemon();
  const std::string run = client_->Start(Of("long")).value();
  AwaitStart(run);
  const LineChannel silent = LineChannel::Connect(home_.folder / "socket").value();
  std::atomic<bool> follows = false;
  std::thread follower([&] {
    const auto followed = client_->Follow(run, kLimit, [&](const plan::Decision&) {
      follows = true;
      return true;
    });
    EXPECT_EQ(followed.error().kind, ErrorKind::kTemporary);
  });
  while (!follows) std::this_thread::yield();
  const auto begun = std::chrono::steady_clock::now();
  daemon_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  follower.join();

  StartDaemon();  // and what ran goes on
  EXPECT_EQ(daemon_->recovered(), std::vector<std::string>{run});
  ASSERT_TRUE(client_->Cancel(run, "a test"));
  ASSERT_TRUE(client_->Follow(run, kLimit, [](const auto&) { return true; }));
}

// Who asked when the conductor had stopped waited for a minute.
TEST_F(DaemonTest, RefusesAtOnceOnceItHasStopped) {
  StartDaemon();
  daemon_->Stop();
  ASSERT_TRUE(daemon_->WaitFor(kLimit));
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(requests().Start(Of("nightly")).error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(client_->Ask().error().kind, ErrorKind::kTemporary);
  EXPECT_FALSE(daemon_->Idle());
  daemon_->Reload();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

TEST_F(DaemonTest, EndsWhileManyAsk) {
  StartDaemon();
  std::atomic<bool> done = false;
  std::vector<std::jthread> askers;
  for (int i = 0; i < 8; ++i) {
    askers.emplace_back([&] {
      const Client client(home_.folder / "socket");
      while (!done) (void)client.Start(Of("nightly"));
    });
  }
  ASSERT_TRUE(client_->Start(Of("nightly")));
  const auto begun = std::chrono::steady_clock::now();
  daemon_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  done = true;
}

}  // namespace
}  // namespace busker::daemon
