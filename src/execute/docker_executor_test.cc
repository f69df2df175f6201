// What is particular to containers. Where there is no engine (docker_place.h), there is nothing to
// test.
#include "execute/docker_executor.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "attempt/folder.h"
#include "execute/test_docker.h"
#include "execute/test_order.h"
#include "io/test_folder.h"

namespace busker::execute {
namespace {

io::Interrupt Soon() { return io::Within(std::chrono::seconds(60)); }

class DockerExecutorTest : public testing::Test {
 protected:
  void SetUp() override {
    if (DockerSocket() == nullptr) GTEST_SKIP() << "no engine";
    engine_.emplace(DockerSocket());
    Open(DockerSocket());
  }
  void TearDown() override {
    executor_.reset();
    if (!engine_) return;
    for (const auto& one :
         engine_->List(kHomeLabel, kTestInstance, kAttemptLabel, Soon()).value()) {
      EXPECT_TRUE(engine_->Remove(one.id, Soon()));
    }
  }
  void Open(const io::fs::path& socket, Milliseconds paused_max = std::chrono::minutes(1)) {
    DockerExecutor::Settings settings{socket, BUSKER_RUNNER_PATH, folder_ / "runs",
                                      {},     kTestInstance,      {}};
    settings.look_after = std::chrono::milliseconds(200);
    settings.paused_max = paused_max;
    executor_ = DockerExecutor::Start(std::move(settings), [this](const attempt::Name& name,
                                                                  Result<attempt::ExitRecord> end) {
                  const std::lock_guard lock(mutex_);
                  ends_.emplace(name, std::move(end));
                  changed_.notify_all();
                }).value();
  }
  Result<attempt::ExitRecord> Run(const attempt::Name& name, const std::string& script,
                                  std::uint64_t memory_bytes = 0) {
    Attempt attempt = Sealed(TestOrder(name, script), Url());
    attempt.memory_bytes = memory_bytes;
    if (auto launched = executor_->Launch(attempt); !launched) {
      return tl::unexpected(launched.error());
    }
    return WaitFor(name);
  }
  Result<attempt::ExitRecord> WaitFor(const attempt::Name& name) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [&] { return ends_.contains(name); })) {
      return Failed("it never ended");
    }
    return ends_.at(name);
  }
  std::string Url() const {
    return "docker://?image=" + image_ + "&network=none&mount=" + folder_.path().string() + ":rw";
  }
  // Launches what waits for the file "gate", and returns once it has begun.
  void LaunchWaiting(const attempt::Name& name, const std::string& then = "true") {
    const std::string folder = folder_.path().string();
    ASSERT_TRUE(executor_->Launch(
        Sealed(TestOrder(name, "echo started >> " + folder + "/witness; while ! test -e " + folder +
                                   "/gate; do sleep 0.02; done; " + then),
               Url())));
    for (int i = 0; i < 3000 && Witness().empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_EQ(Witness(), "started\n");
  }
  std::string Witness() { return io::ReadFile(folder_ / "witness").value_or(""); }
  void OpenGate() { ASSERT_TRUE(io::WriteFileUnsynced(folder_ / "gate", "")); }
  // An engine that is slow removes a container after its attempt was told.
  bool NothingIsLeft() {
    for (int i = 0; i < 6000; ++i) {
      const auto left = engine_->List(kHomeLabel, kTestInstance, kAttemptLabel, Soon());
      if (left && left->empty()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  static int Post(const attempt::Name& name, const std::string& what) {
    return PostToDocker(ContainerName(kTestInstance, name) + "/" + what);
  }
  static attempt::Name Named(const std::string& task) {
    return {"r" + std::to_string(getpid()), task, 1};
  }

  const io::TestFolder folder_;
  std::optional<DockerEngine> engine_;
  std::string image_ = "busker-test:1";
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<attempt::Name, Result<attempt::ExitRecord>> ends_;
  std::unique_ptr<DockerExecutor> executor_;
};

// A name is all that a container is found by: another's of the same name would have been removed.
TEST_F(DockerExecutorTest, LeavesAloneAContainerOfItsNameThatIsNotItsOwn) {
  const attempt::Name name = Named("t");
  const std::string container = ContainerName(kTestInstance, name);
  const nlohmann::json body = {{"Image", image_},
                               {"Cmd", {"/bin/sleep", "1000"}},
                               {"HostConfig", {{"NetworkMode", "none"}}}};
  ASSERT_TRUE(engine_->Create(container, body.dump(), Soon()));
  ASSERT_TRUE(engine_->Start(container, Soon()));
  const auto end = Run(name, "true");
  EXPECT_TRUE(engine_->Inspect(container, Soon()).value()->is_running);
  EXPECT_TRUE(engine_->Remove(container, Soon()));
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->ending, attempt::Ending::kNotStarted);
  EXPECT_NE(end->message.find("that is not Busker's"), std::string::npos) << end->message;
}

TEST_F(DockerExecutorTest, TellsThatTheMemoryOfTheActionWasNotEnough) {
  const auto end = Run(Named("t"), "dd if=/dev/zero of=/dev/null bs=200M count=1", 64 << 20);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->ending, attempt::Ending::kOutOfMemory) << end->message;
}

// A shell that goes on after its child was killed for memory ended well, and said nothing of it.
TEST_F(DockerExecutorTest, OneWhoseChildWasKilledForMemoryHasFailedWhateverItsExitCode) {
  const auto end =
      Run(Named("t"), "dd if=/dev/zero of=/dev/null bs=200M count=1; exit 0", 64 << 20);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->ending, attempt::Ending::kOutOfMemory) << end->message;
  EXPECT_NE(end->message.find("its exit code was 0"), std::string::npos) << end->message;
}

// A renamed container was taken for one that is gone, and a second one was made beside it.
TEST_F(DockerExecutorTest, FindsAContainerThatAPersonRenamed) {
  const attempt::Name name = Named("t");
  LaunchWaiting(name, "exit 7");
  ASSERT_EQ(Post(name, "rename?name=mine-" + std::to_string(getpid())), 204);
  Open(DockerSocket());
  ASSERT_TRUE(executor_->Recover(Sealed(TestOrder(name, "exit 9"), Url())));
  OpenGate();
  const auto end = WaitFor(name);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->exit_code, 7);
  EXPECT_EQ(Witness(), "started\n");
  EXPECT_TRUE(NothingIsLeft());
}

// A paused container was waited for without an end, and could not be cancelled.
TEST_F(DockerExecutorTest, EndsAContainerThatStaysPaused) {
  const attempt::Name name = Named("t");
  Open(DockerSocket(), std::chrono::milliseconds(600));
  LaunchWaiting(name);
  ASSERT_EQ(Post(name, "pause"), 204);
  const auto end = WaitFor(name);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->ending, attempt::Ending::kLost);
  EXPECT_NE(end->message.find("somebody paused its container"), std::string::npos) << end->message;
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(DockerExecutorTest, StopsAContainerThatIsPaused) {
  const attempt::Name name = Named("t");
  LaunchWaiting(name);
  ASSERT_EQ(Post(name, "pause"), 204);
  ASSERT_TRUE(executor_->Stop(name));
  const auto end = WaitFor(name);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->ending, attempt::Ending::kCancelled) << end->message;
}

TEST_F(DockerExecutorTest, GoesOnWithOneThatWasPausedForAMoment) {
  const attempt::Name name = Named("t");
  LaunchWaiting(name, "exit 4");
  ASSERT_EQ(Post(name, "pause"), 204);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // it is looked at meanwhile
  ASSERT_EQ(Post(name, "unpause"), 204);
  OpenGate();
  EXPECT_EQ(WaitFor(name)->exit_code, 4);
}

// docker stop, or the end of an engine without live-restore, was told as if Busker had been asked
// to cancel the attempt.
TEST_F(DockerExecutorTest, TellsThatSomebodyElseStoppedTheContainer) {
  const attempt::Name name = Named("t");
  LaunchWaiting(name);
  ASSERT_EQ(Post(name, "stop"), 204);
  const auto end = WaitFor(name);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->ending, attempt::Ending::kSignalled);
  EXPECT_NE(end->message.find("somebody else than Busker stopped"), std::string::npos)
      << end->message;
}

TEST_F(DockerExecutorTest, TellsWhichImageRan) {
  const auto image = engine_->FindImage(image_, Soon());
  ASSERT_TRUE(image && *image);
  const auto end = Run(Named("t"), "true");
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->image, DigestOf(**image, image::ParseReference(image_).value()));
  EXPECT_NE(end->image.find("sha256:"), std::string::npos) << end->image;
}

// An engine without GPUs says so only when the container is started, as a fault of its own; Podman
// says nothing and starts without.
TEST_F(DockerExecutorTest, TellsThatThereAreNoGpusToBeHad) {
  image_ += "&gpus=all";
  const auto end = Run(Named("t"), "true");
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->ending, attempt::Ending::kNotStarted);
  EXPECT_TRUE(end->message.find("device driver") != std::string::npos ||
              end->message.find("Podman takes no request for GPUs") != std::string::npos)
      << end->message;
}

TEST_F(DockerExecutorTest, MountsNoFolderThatHasTheEnginesSocket) {
  const io::fs::path link = folder_ / "link";
  io::fs::create_symlink(io::fs::path(DockerSocket()).parent_path(), link);
  image_ += "&mount=" + link.string();
  const auto end = Run(Named("t"), "true");
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->ending, attempt::Ending::kNotStarted);
  EXPECT_NE(end->message.find("the container engine's socket is there"), std::string::npos)
      << end->message;
}

TEST_F(DockerExecutorTest, AnImageThatCannotBeHadForNowBeginsNothing) {
  image_ = "127.0.0.1:1/none:1";
  const auto end = Run(Named("t"), "true");
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::kTemporary) << end.error().message;
  EXPECT_NE(end.error().message.find("127.0.0.1:1/none:1 cannot be fetched"), std::string::npos)
      << end.error().message;
}

TEST_F(DockerExecutorTest, AnEngineThatIsAwayBeginsNothing) {
  Open(folder_ / "nowhere.sock");
  const auto end = Run(Named("t"), "true");
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::kTemporary) << end.error().message;
}

TEST_F(DockerExecutorTest, TakesFromAContainerWhatItWasGivenBeyondNothing) {
  const auto end = Run(Named("t"), "grep -E '^(CapEff|NoNewPrivs)' /proc/self/status > " +
                                       (folder_ / "status").string() + "; id -u >> " +
                                       (folder_ / "status").string());
  ASSERT_TRUE(end && end->ending == attempt::Ending::kSucceeded) << end->message;
  EXPECT_EQ(io::ReadFile(folder_ / "status").value(),
            "CapEff:\t0000000000000000\nNoNewPrivs:\t1\n" + std::to_string(getuid()) + "\n");
}

}  // namespace
}  // namespace busker::execute
