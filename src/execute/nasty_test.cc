// Programs that do not behave. Each ends with the right record, in bounded time, with nothing of it
// left running, and the next attempt of the same executor is as if it had not been.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <future>

#include "attempt/exit_record.h"
#include "attempt/name.h"
#include "attempt/order.h"
#include "base/text.h"
#include "execute/process_executor.h"
#include "execute/test_order.h"
#include "io/test_folder.h"

namespace busker::execute {
namespace {

namespace fs = io::fs;
using attempt::Ending;
using attempt::ExitRecord;

// Does a process live that carries the attempt's mark?
bool Lives(const std::string& mark) {
  const std::string entry = mark + '\0';
  for (const auto& process : fs::directory_iterator("/proc")) {
    const std::string environment = io::ReadFile(process.path() / "environ").value_or("");
    if (environment.find(entry) == std::string::npos) continue;
    const std::string stat = io::ReadFile(process.path() / "stat").value_or("");
    const auto name_end = stat.rfind(')');
    if (name_end != std::string::npos && stat.substr(name_end + 2, 1) != "Z") return true;
  }
  return false;
}

class Nasty : public testing::TestWithParam<bool> {  // synced
 protected:
  Nasty() {
    executor_ = ProcessExecutor::Start(BUSKER_RUNNER_PATH, folder_ / "runs",
                                       [this](const attempt::Name&, Result<ExitRecord> exit) {
                                         ended_.set_value(std::move(exit));
                                       })
                    .value();
  }

  ExitRecord Run(const std::string& script, std::optional<Milliseconds> timeout = std::nullopt) {
    SCOPED_TRACE(script);
    name_ = {RunName(), "t" + std::to_string(++count_), 1};
    attempt::Order order = TestOrder(name_, script);
    order.timeout = timeout;
    order.synced = GetParam();
    ended_ = std::promise<Result<ExitRecord>>();
    auto end = ended_.get_future();
    EXPECT_TRUE(executor_->Launch(Sealed(order)));
    if (end.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
      ADD_FAILURE() << "it never ended";
      std::abort();
    }
    const auto exit = end.get();
    EXPECT_TRUE(exit) << exit.error().message;
    EXPECT_FALSE(Lives(MarkOf(name_, kTestInstance)));
    const auto kept = attempt::ReadExit(executor_->FolderOf(name_));
    EXPECT_TRUE(kept && *kept && exit && (*kept)->ending == exit->ending);
    return exit.value_or(ExitRecord{});
  }

  ~Nasty() override { EXPECT_EQ(Run("echo fine").log_bytes, 5U); }

  const io::TestFolder folder_;
  std::promise<Result<ExitRecord>> ended_;
  int count_ = 0;
  attempt::Name name_;
  std::unique_ptr<ProcessExecutor> executor_;
};

INSTANTIATE_TEST_SUITE_P(Programs, Nasty, testing::Bool(),
                         [](const auto& way) { return way.param ? "Synced" : "Unsynced"; });

TEST_P(Nasty, LeavesADaemon) {
  const std::string ready = (folder_ / "ready").string();
  const ExitRecord record =
      Run("(setsid sh -c 'sleep 100 & echo > " + ready + "; exec sleep 100' &); while ! test -e " +
          ready + "; do sleep 0.01; done");
  EXPECT_EQ(record.ending, Ending::kSucceeded) << record.message;
}

TEST_P(Nasty, LivesOnInItsOwnSessionAndWillNotStop) {
  const std::string ready = (folder_ / "ready").string();
  const ExitRecord record = Run("setsid sh -c 'trap \"\" TERM HUP INT; echo > " + ready +
                                "; while :; do sleep 1; done' & while ! test -e " + ready +
                                "; do sleep 0.01; done; exit 3");
  EXPECT_EQ(record.exit_code, 3);
}

TEST_P(Nasty, IgnoresSigterm) {
  const ExitRecord record = Run("trap '' TERM; while :; do sleep 1; done", Milliseconds(200));
  EXPECT_EQ(record.ending, Ending::kTimedOut);
}

TEST_P(Nasty, StopsItselfUnderATimeout) {
  EXPECT_EQ(Run("kill -STOP $$; exit 1", Milliseconds(200)).ending, Ending::kTimedOut);
}

TEST_P(Nasty, ForksAndForks) {
  const ExitRecord record =
      Run("f() { for i in 1 2 3 4 5 6; do (sleep 100 & sleep 100 &) & done; }; f; f; f; sleep 0.1; "
          "exit 4");
  EXPECT_EQ(record.exit_code, 4);
}

TEST_P(Nasty, FloodsTheLog) {
  const ExitRecord record = Run("head -c 100000000 /dev/zero");
  EXPECT_EQ(record.ending, Ending::kSucceeded) << record.message;
  EXPECT_EQ(record.log_bytes, 100'000'000U);
  std::uintmax_t kept = 0;
  for (const auto& entry : fs::directory_iterator(executor_->FolderOf(name_))) {
    if (entry.path().filename().string().starts_with("log")) kept += entry.file_size();
  }
  EXPECT_LE(kept, 16U << 20);
  EXPECT_EQ(record.log_bytes - record.log_bytes_cut + 34, kept);  // and two lines of our own
}

TEST_P(Nasty, ClosesItsOutput) { EXPECT_EQ(Run("exec >&- 2>&-; sleep 0.1; exit 6").exit_code, 6); }

TEST_P(Nasty, WritesWhatIsNoText) {
  const ExitRecord garbage =
      Run("head -c 300000 /dev/urandom; printf '\\n\\377\\0\\033[2J'; exit 1");
  EXPECT_EQ(garbage.exit_code, 1);
  EXPECT_TRUE(IsUtf8(garbage.message));
  const ExitRecord line = Run("head -c 5000000 /dev/zero | tr '\\0' x; exit 1");
  EXPECT_EQ(line.log_bytes, 5'000'000U);
  EXPECT_LT(line.message.size(), 1000U);
}

TEST_P(Nasty, EndsItselfWithEachSignal) {
  for (int signal = 1; signal < 32; ++signal) {
    if (signal >= SIGCHLD && signal <= SIGURG) continue;  // these end nobody, or only stop
    if (signal == SIGWINCH) continue;
    const ExitRecord record = Run(fmt::format("kill -{} $$; exit 0", signal));
    EXPECT_EQ(record.ending, Ending::kSignalled) << signal;
    EXPECT_EQ(record.signal, signal);
  }
}

TEST_P(Nasty, BecomesAnotherProgram) { EXPECT_EQ(Run("exec sh -c 'exit 9'").exit_code, 9); }

TEST_P(Nasty, RemovesItsWorkingFolder) { EXPECT_EQ(Run("rm -rf \"$PWD\"; exit 2").exit_code, 2); }

// Its exit record could not be written then, and it counted as not ended.
TEST_P(Nasty, RemovesTheFolderOfItsAttempt) {
  EXPECT_EQ(
      Run("cd /; rm -rf " + (folder_ / "runs" / RunName() / "t1").string() + "; exit 2").exit_code,
      2);
}

TEST_P(Nasty, ForgesItsRecord) {
  const std::string exit = (folder_ / "runs" / RunName() / "t1" / "exit.json").string();
  EXPECT_EQ(Run("echo '{\"ending\": \"succeeded\"}' > " + exit + "; exit 2").exit_code, 2);
}

TEST_P(Nasty, LeavesAHugeFile) {
  EXPECT_EQ(Run("head -c 200000000 /dev/zero > huge").ending, Ending::kSucceeded);
}

TEST_P(Nasty, UsesUpItsDescriptors) {
  EXPECT_EQ(Run("ulimit -n 5; cat < /dev/null 3< /dev/null 4< /dev/null 5< /dev/null").ending,
            Ending::kExited);
}

TEST_P(Nasty, EndsItsRunner) {
  EXPECT_EQ(Run("kill -TERM $PPID; sleep 100").ending, Ending::kCancelled);
  EXPECT_EQ(Run("kill -KILL $PPID; sleep 100").ending, Ending::kLost);
}

TEST_P(Nasty, ForksWhileItIsEnded) {
  const ExitRecord record =
      Run("trap '' TERM; f() { while :; do (trap '' TERM; sleep 0.02); done; }; f & f & f & f",
          Milliseconds(200));
  EXPECT_EQ(record.ending, Ending::kTimedOut);
}

}  // namespace
}  // namespace busker::execute
