// A store that does not answer, as one on a disk that is away: it delays its own service, and
// nothing else.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/fanotify.h>

#include <thread>

#include "daemon/daemon.h"
#include "home/home.h"
#include "io/test_folder.h"

namespace busker::daemon {
namespace {

// Whoever opens a file in the folder waits in the kernel, until this ends.
class Frozen {
 public:
  explicit Frozen(const io::fs::path& folder)
      : group_(fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY)) {
    works_ = group_.valid() &&
             fanotify_mark(group_.get(), FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, AT_FDCWD,
                           folder.c_str()) == 0;
  }
  bool works() const { return works_; }
  void End() { group_.Close(); }

 private:
  io::Descriptor group_;
  bool works_ = false;
};

class HangTest : public testing::Test {
 protected:
  HangTest() {
    folder_.Write("graphs/configs/hello.json",
                  R"({"graph": {"dag_id": "hello"}, "tasks": [{"name": "a", "code": "true"}]})");
    folder_.Write("shop/busker.toml",
                  "name = \"shop\"\nversion = \"1\"\n[model]\ncommand = \"true\"\n"
                  "[actions.application]\ninput = \"live\"\n");
    home_ = home::MakeHome(folder_ / "home").value();
  }

  void StartDaemon() {
    DaemonOptions options;
    options.paths = {(folder_ / "graphs").string(), (folder_ / "shop").string()};
    options.schedules = false;
    options.runner = BUSKER_RUNNER_PATH;
    options.environment = {"PATH=/usr/bin:/bin"};
    auto started = Daemon::Start(home_, options);
    ASSERT_TRUE(started) << started.error().message;
    daemon_ = std::move(*started);
    if (frozen_) return;
    folder_.Write("home/artifacts/shop/1/live.json", "{}");
    frozen_.emplace(folder_ / "home/artifacts/shop/1");
    if (!frozen_->works()) GTEST_SKIP() << "fanotify needs root";
  }

  std::string Start(const plan::GraphKey& graph) {
    StartRequest request;
    request.graph = graph;
    request.by = "a test";
    const auto run = daemon_->requests().Start(request);
    EXPECT_TRUE(run) << run.error().message;
    return run.value_or("");
  }

  // Starts a run of the service, and waits until it is being prepared for longer than usual.
  std::string StartHanging() {
    const std::string run = Start("shop/application");
    Await([&] {
      const auto why = daemon_->requests().Explain(run, "");
      return why && why->find("longer than usual") != std::string::npos;
    });
    return run;
  }

  plan::State StateOf(const std::string& run) {
    const auto record = record::OpenRecord(home_.RecordUrl()).value();
    return record->FindRun(run)->state;
  }

  template <typename Condition>
  void Await(const Condition& condition) {
    for (int i = 0; i < 12'000 && !condition(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_TRUE(condition());
  }

  io::TestFolder folder_;
  home::Home home_;
  std::optional<Frozen> frozen_;
  std::unique_ptr<Daemon> daemon_;
};

// The engine waited for the store, and so did every schedule, start and question.
TEST_F(HangTest, OfAStoreDelaysItsOwnServiceAlone) {
  StartDaemon();
  if (IsSkipped()) return;
  const std::string slow = StartHanging();
  const std::string quick = Start("hello");
  Await([&] { return StateOf(quick) == plan::State::kSucceeded; });
  EXPECT_EQ(StateOf(slow), plan::State::kQueued);
  frozen_->End();
  Await([&] { return StateOf(slow) == plan::State::kFailed; });  // the file is no live pointer
}

TEST_F(HangTest, OfAStoreIsEndedByCancellingTheRun) {
  StartDaemon();
  if (IsSkipped()) return;
  const std::string slow = StartHanging();
  EXPECT_TRUE(daemon_->requests().Cancel(slow, "a test"));
  EXPECT_EQ(StateOf(slow), plan::State::kCancelled);
}

// What hangs is left behind, and its run is prepared by the next daemon.
TEST_F(HangTest, OfAStoreDoesNotKeepTheDaemonFromEnding) {
  StartDaemon();
  if (IsSkipped()) return;
  const std::string slow = StartHanging();
  const auto begun = std::chrono::steady_clock::now();
  daemon_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30));
  EXPECT_EQ(StateOf(slow), plan::State::kQueued);
  frozen_->End();
  StartDaemon();
  Await([&] { return StateOf(slow) == plan::State::kFailed; });
}

TEST_F(HangTest, OfAStoreIsSaidToWhoeverAsksForABackfill) {
  folder_.Write("shop/busker.toml",
                "name = \"shop\"\nversion = \"1\"\n[model]\ncommand = \"true\"\n"
                "[actions.application]\ninput = \"live\"\nschedule = \"@daily\"\n");
  StartDaemon();
  if (IsSkipped()) return;
  StartHanging();
  BackfillRequest request;
  request.graph = "shop/application";
  request.from = "2019-01-01";
  request.to = "2019-01-03";
  const auto refused = daemon_->requests().Backfill(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(refused.error().message,
            "the artifact store or the warehouse of shop does not answer; nothing was queued");
}

}  // namespace
}  // namespace busker::daemon
