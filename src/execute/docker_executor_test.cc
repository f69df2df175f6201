// What is particular to containers. Where there is no engine (docker_place.h), there is nothing to
// test.
#include "execute/docker_executor.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "attempt/folder.h"
#include "execute/test_order.h"
#include "io/test_folder.h"

namespace busker::execute {
namespace {

constexpr char kVariable[] = "BUSKER_DOCKER_SOCKET";

io::Interrupt Soon() { return io::Within(std::chrono::seconds(60)); }

class DockerExecutorTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv(kVariable) == nullptr) GTEST_SKIP() << "no engine";
    engine_.emplace(std::getenv(kVariable));
    Open(std::getenv(kVariable));
  }
  void TearDown() override {
    executor_.reset();
    if (!engine_) return;
    for (const auto& one :
         engine_->List(kHomeLabel, kTestInstance, kAttemptLabel, Soon()).value()) {
      EXPECT_TRUE(engine_->Remove(one.name, Soon()));
    }
  }
  void Open(const io::fs::path& socket) {
    executor_ =
        DockerExecutor::Start({socket, BUSKER_RUNNER_PATH, folder_ / "runs", {}, kTestInstance, {}},
                              [this](const attempt::Name& name, Result<attempt::ExitRecord> end) {
                                const std::lock_guard lock(mutex_);
                                ends_.emplace(name, std::move(end));
                                changed_.notify_all();
                              })
            .value();
  }
  Result<attempt::ExitRecord> Run(const attempt::Name& name, const std::string& script,
                                  std::uint64_t memory_bytes = 0) {
    Attempt attempt = Sealed(TestOrder(name, script), Url());
    attempt.memory_bytes = memory_bytes;
    if (auto launched = executor_->Launch(attempt); !launched) {
      return tl::unexpected(launched.error());
    }
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [&] { return ends_.contains(name); })) {
      return Failed("it never ended");
    }
    return ends_.at(name);
  }
  std::string Url() const {
    return "docker://?image=" + image_ + "&network=none&mount=" + folder_.path().string() + ":rw";
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
