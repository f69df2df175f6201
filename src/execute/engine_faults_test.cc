// Attempts in containers of an engine that a test makes up, so that it can be at fault.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "attempt/folder.h"
#include "execute/docker_executor.h"
#include "execute/test_engine.h"
#include "execute/test_order.h"

namespace busker::execute {
namespace {

bool Soon(const std::function<bool()>& condition) {
  for (int i = 0; i < 12'000 && !condition(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return condition();
}

class EngineFaults : public testing::Test {
 protected:
  static constexpr std::chrono::milliseconds kPausedMax{200};

  std::unique_ptr<DockerExecutor> Open(const io::fs::path& socket,
                                       Milliseconds look_after = std::chrono::minutes(1)) {
    DockerExecutor::Settings settings{socket, BUSKER_RUNNER_PATH, folder_ / "runs",
                                      {},     instance_,          SecretOf};
    settings.begun = begun_;
    settings.away_max = std::chrono::milliseconds(300);
    settings.paused_max = kPausedMax;
    settings.look_after = look_after;
    return DockerExecutor::Start(
               std::move(settings),
               [this](const attempt::Name& name, Result<attempt::ExitRecord> end) {
                 const std::lock_guard lock(mutex_);
                 ends_.emplace(name, std::move(end));
                 changed_.notify_all();
               })
        .value();
  }
  static Result<std::string> SecretOf(const std::string&) { return std::string("hunter2!"); }
  static Attempt Waiting() {
    return Sealed(TestOrder(name_, "true"), "docker://?image=churn:1&network=none");
  }
  Result<attempt::ExitRecord> WaitFor(const attempt::Name& name) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [&] { return ends_.contains(name); })) {
      return Failed("it never ended");
    }
    return ends_.at(name);
  }
  io::fs::path FolderOf(const attempt::Name& name) const {
    return attempt::FolderOf(folder_ / "runs", name);
  }
  // As the runner does at the end.
  void WriteExit() const {
    attempt::ExitRecord exit;
    exit.run = name_.run;
    exit.task = name_.task;
    exit.number = name_.number;
    exit.ending = attempt::Ending::kSucceeded;
    exit.started_at = exit.ended_at = Now();
    EXPECT_TRUE(
        io::WriteFileAtomically(FolderOf(name_) / attempt::kExitFile, attempt::ExitToJson(exit)));
  }
  // What an engine says of the attempt's container, or lists.
  std::string Labels(const std::string& attempt) const {
    return fmt::format(R"("Labels":{{"busker.home":"{}","busker.attempt":"{}"}})", instance_,
                       attempt);
  }

  static inline const attempt::Name name_{"r1", "t", 1};
  const io::TestFolder folder_;
  const std::string instance_ = folder_.path().filename().string();
  std::shared_ptr<BegunAttempts> begun_ = std::make_shared<BegunAttempts>();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<attempt::Name, Result<attempt::ExitRecord>> ends_;
};

// The first run on a second engine removed the secrets of all that was about to begin on the first,
// where an image may be fetched for hours: its containers had nothing to mount.
TEST_F(EngineFaults, ASecondEngineLeavesTheSecretsOfTheFirstAlone) {
  std::atomic<bool> is_asked = false, goes_on = false;
  EngineOf first(12, 41, [&](const io::TestHttpRequest&) {
    is_asked = true;
    Soon([&] { return goes_on.load(); });
    return Answer("400 Bad Request", R"({"message":"no such image"})");
  });
  EngineOf second(12, 41, [](const io::TestHttpRequest&) { return Answer("200 OK", "[]"); });
  const ContainerSecrets secrets(instance_);
  const io::fs::path file = secrets.FileOf(ContainerName(instance_, name_));
  ASSERT_TRUE(secrets.Hand("left-by-an-earlier-busker", {"key"}, SecretOf));
  const auto one = Open(first.socket());
  Attempt attempt = Waiting();
  attempt.secrets = {"key"};
  ASSERT_TRUE(one->Launch(attempt));
  ASSERT_TRUE(Soon([&] { return is_asked.load(); }));
  ASSERT_TRUE(io::fs::exists(file));
  const auto other = Open(second.socket());
  ASSERT_TRUE(other->Sweep({}));
  EXPECT_TRUE(io::fs::exists(file));
  EXPECT_FALSE(io::fs::exists(secrets.FileOf("left-by-an-earlier-busker")));
  goes_on = true;
  EXPECT_EQ(WaitFor(name_)->ending, attempt::Ending::kNotStarted);
  EXPECT_FALSE(io::fs::exists(file));
  io::fs::remove(file.parent_path());
}

// Two places may lead to one engine. The executor of the second swept what the first had begun: a
// container that ran was removed.
TEST_F(EngineFaults, ASecondPlaceOfOneEngineLeavesTheContainersOfTheFirstAlone) {
  std::atomic<bool> runs = false, goes_on = false;
  EngineOf engine(12, 41, [&](const io::TestHttpRequest& request) {
    if (request.target.find("/containers/json") != std::string::npos) {
      return Answer("200 OK", fmt::format(R"([{{"Id":"c1",{}}},{{"Id":"c2",{}}}])",
                                          Labels(name_.Text()), Labels("r0/t.1")));
    }
    if (request.target.find("/containers/create") != std::string::npos) {
      return Answer("201 Created", R"({"Id":"c1"})");
    }
    if (request.target.find("/wait") != std::string::npos) {
      runs = true;
      Soon([&] { return goes_on.load(); });
      return Answer("400 Bad Request", R"({"message":"enough"})");
    }
    if (request.method == "GET") return Answer("200 OK", R"({"Id":"sha256:1"})");
    return Answer("204 No Content", "");
  });
  const auto one = Open(engine.socket());
  ASSERT_TRUE(one->Launch(Waiting()));
  ASSERT_TRUE(Soon([&] { return runs.load(); }));
  io::fs::create_symlink(engine.socket(), folder_ / "link");
  const auto other = Open(folder_ / "link");
  ASSERT_TRUE(other->Sweep({}));
  const auto removed = [&](const std::string& id) {
    const auto seen = engine.Seen();
    return std::find(seen.begin(), seen.end(),
                     "DELETE /v1.41/containers/" + id + "?force=true&v=true") != seen.end();
  };
  EXPECT_TRUE(Soon([&] { return removed("c2"); })) << "an earlier busker's";
  EXPECT_FALSE(removed("c1"));
  goes_on = true;
  (void)WaitFor(name_);
}

// An engine that had a moment's fault after a long while was taken for one that had been away since
// the attempt began: what the attempt had done was lost.
TEST_F(EngineFaults, AnEngineIsAwayFromTheFirstFaultOnAndNotFromTheLastWord) {
  std::atomic<int> waits = 0;
  EngineOf engine(12, 41, [&](const io::TestHttpRequest& request) {
    if (request.target.find("/containers/create") != std::string::npos) {
      return Answer("201 Created", R"({"Id":"c1"})");
    }
    if (request.target.find("/wait") != std::string::npos) {
      if (++waits == 1) {
        std::this_thread::sleep_for(std::chrono::milliseconds(600));
        return Answer("500 Internal Server Error", R"({"message":"a moment, please"})");
      }
      WriteExit();
      return Answer("200 OK", R"({"StatusCode":0})");
    }
    if (request.target.find("/containers/") != std::string::npos && request.method == "GET") {
      return Answer("200 OK", fmt::format(R"({{"Id":"c1","State":{{"Status":"running"}},)"
                                          R"("Config":{{{}}}}})",
                                          Labels(name_.Text())));
    }
    if (request.method == "GET") return Answer("200 OK", R"({"Id":"sha256:1"})");
    return Answer("204 No Content", "");
  });
  const auto executor = Open(engine.socket());
  ASSERT_TRUE(executor->Launch(Waiting()));
  const auto end = WaitFor(name_);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->ending, attempt::Ending::kSucceeded) << end->message;
  EXPECT_EQ(waits, 2);
}

TEST_F(EngineFaults, EachPauseIsCountedFromItsOwnBeginning) {
  std::atomic<int> looks = 0;
  std::atomic<bool> is_over = false;
  EngineOf engine(12, 41, [&](const io::TestHttpRequest& request) {
    if (request.target.find("/containers/create") != std::string::npos) {
      return Answer("201 Created", R"({"Id":"c1"})");
    }
    if (request.target.find("/wait") != std::string::npos) {
      Soon([&] { return is_over.load(); });  // nothing is heard of it
      return Answer("200 OK", R"({"StatusCode":0})");
    }
    if (request.target.find("/containers/") != std::string::npos && request.method == "GET") {
      // Paused; not paused, after the time that it may be; paused again; at its end.
      const int look = ++looks;
      if (look == 2) std::this_thread::sleep_for(2 * kPausedMax);
      if (look == 4) WriteExit();
      return Answer("200 OK",
                    fmt::format(R"({{"Id":"c1","State":{{"Status":"{}"}},"Config":{{{}}}}})",
                                look % 2 == 1 ? "paused" : "running", Labels(name_.Text())));
    }
    if (request.method == "GET") return Answer("200 OK", R"({"Id":"sha256:1"})");
    return Answer("204 No Content", "");
  });
  const auto executor = Open(engine.socket(), std::chrono::milliseconds(10));
  ASSERT_TRUE(executor->Launch(Waiting()));
  const auto end = WaitFor(name_);
  is_over = true;
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->ending, attempt::Ending::kSucceeded) << end->message;
}

// After a cut of power the order of an unsynced attempt may be there and empty. It was kept, and
// the runner found nothing to carry out.
TEST_F(EngineFaults, AnOrderThatIsNotWholeIsWrittenAnewByTheNextBusker) {
  const Attempt attempt = Waiting();
  const io::fs::path file = FolderOf(name_) / attempt::kOrderFile;
  std::string order;
  EngineOf engine(12, 41, [&](const io::TestHttpRequest& request) {
    if (request.target.find("/containers/create") != std::string::npos) {
      order = io::ReadFile(file).value_or("");
      return Answer("400 Bad Request", R"({"message":"enough"})");
    }
    if (request.target.find("/containers/json") != std::string::npos) {
      return Answer("200 OK", "[]");
    }
    if (request.target.find("/containers/") != std::string::npos) {
      return Answer("404 Not Found", "{}");
    }
    return Answer("200 OK", R"({"Id":"sha256:1"})");
  });
  ASSERT_TRUE(io::MakeFolders(FolderOf(name_), 0700));
  ASSERT_TRUE(io::WriteFileUnsynced(file, ""));
  const auto executor = Open(engine.socket());
  ASSERT_TRUE(executor->Recover(attempt));
  EXPECT_EQ(WaitFor(name_)->ending, attempt::Ending::kNotStarted);
  EXPECT_EQ(order, attempt.order);
}

// A link to where no container may look was mounted as the folder that its name says.
TEST_F(EngineFaults, ALinkToTheMachineIsNotMounted) {
  EngineOf engine(
      12, 41, [](const io::TestHttpRequest&) { return Answer("200 OK", R"({"Id":"sha256:1"})"); });
  io::fs::create_symlink("/proc", folder_ / "data");
  io::fs::create_symlink(folder_ / "circle", folder_ / "circle");
  const auto executor = Open(engine.socket());
  const auto refusal = [&](int number, const std::string& mount) {
    Attempt attempt = Waiting();
    attempt.name.number = number;
    attempt.place += "&mount=" + (folder_ / mount).string();
    EXPECT_TRUE(executor->Launch(attempt));
    const auto end = WaitFor(attempt.name);
    return end ? end->message : end.error().message;
  };
  EXPECT_NE(refusal(1, "data").find("it leads to /proc, which would hand"), std::string::npos);
  EXPECT_NE(refusal(2, "circle").find("cannot be told"), std::string::npos);
}

}  // namespace
}  // namespace busker::execute
