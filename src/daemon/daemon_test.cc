// The daemon as a whole: what goes over its socket, what it reads, and how it ends. What it is
// asked: owner_conformance.h.
#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "daemon/daemon_fixture.h"
#include "io/test_server.h"
#include "record/sqlite.h"

namespace busker::daemon {
namespace {

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
  EXPECT_LT(std::chrono::steady_clock::now() - begun, notify::SendOptions().exchange_limit)
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

// A run whose last attempt ended in the very turn in which it was to be cancelled succeeded, and
// who had asked was told that it would be cancelled.
TEST_F(DaemonTest, DoesNotSayThatItCancelsWhatHasJustEnded) {
  const std::string go = (folder_ / "go").string();
  folder_.Write("configs/one.json",
                R"({"graph": {"dag_id": "one"}, "tasks": [{"name": "a", "code": "until test -e )" +
                    go + R"(; do sleep 0.01; done"}], "dependencies": []})");
  StartDaemon();
  const std::string run = client_->Start(Of("one")).value();
  AwaitStart(run);
  // While somebody else writes, the conductor waits with a turn, and what happens is in the next.
  auto other = record::Database::Open(home_.RecordFile().string(), false);
  ASSERT_TRUE(other) << other.error().message;
  ASSERT_TRUE(other->Execute("BEGIN IMMEDIATE"));
  auto paused =
      std::async(std::launch::async, [&] { return client_->Pause("nightly", true, "a test"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  folder_.Write("go", "");
  const io::fs::path exit = home_.folder / "runs" / run / "a.1" / "exit.json";
  for (int i = 0; i < 2000 && !io::fs::exists(exit); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  Client second(home_.Socket());
  auto cancelled = std::async(std::launch::async, [&] { return second.Cancel(run, "a test"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  ASSERT_TRUE(other->Execute("ROLLBACK"));
  EXPECT_TRUE(paused.get());
  const auto said = cancelled.get();
  ASSERT_TRUE(owner().Follow(run, kLimit, [](const auto&) { return true; }));
  EXPECT_EQ(StateOf(run), plan::State::kSucceeded);
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(said.error().message, "run " + run + " has ended already: it succeeded");
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

// Who asked in the moment in which it was gone had to try again by hand.
TEST_F(DaemonTest, SaysThatNothingWasDoneWhenItHasGone) {
  StartDaemon();
  daemon_.reset();
  EXPECT_TRUE(WasEnding(client_->Start(Of("nightly")).error()));
  EXPECT_FALSE(WasEnding(Error{ErrorKind::kTemporary, "64 verbs are being answered already"}));
}

// One that was stopped, and whose home another had taken over meanwhile, removed that one's socket
// at its end: no verb found the owner any more.
TEST_F(DaemonTest, LeavesTheSocketOfWhoeverOwnsTheHomeByNow) {
  StartDaemon();
  const auto socket = home_.folder / "socket";
  const io::Descriptor next = Listen(socket).value();
  daemon_.reset();
  EXPECT_TRUE(LineChannel::Connect(socket));
  StartDaemon();
  daemon_.reset();
  EXPECT_FALSE(io::fs::exists(socket)) << "its own it removes";
}

// Of what a file had just defined it was said that nothing of it is known, and the page had 404,
// when it was asked for in the turn in which the engine was told.
TEST_F(DaemonTest, KnowsWhatWasJustDefined) {
  StartDaemon();
  for (int i = 0; i < 100; ++i) {
    const std::string graph = "new" + std::to_string(i);
    WriteGraph(graph, "true");
    daemon_->Reload();
    const auto explained = daemon_->requests().Explain(graph, "");
    ASSERT_TRUE(explained) << i << ": " << explained.error().message;
  }
}

}  // namespace
}  // namespace busker::daemon
