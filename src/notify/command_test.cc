#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "io/test_folder.h"
#include "notify/send_once.h"
#include "notify/test_notice.h"

namespace busker::notify {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

Result<void> RunScript(const std::string& script, const io::fs::path& folder,
                       const SendOptions& options = TestOptions(),
                       const Notice& notice = TestNotice()) {
  return DeliverOnce(CommandChannel{{"sh", "-c", script}, folder}, notice, options);
}

TEST(CommandChannel, GetsTheNoticeOnStandardInputAndInItsEnvironment) {
  const io::TestFolder folder;
  setenv("BUSKER_TEST_SECRET", "not to be passed on", 1);
  const auto delivered = RunScript("cat > input; env > environment", folder.path());
  ASSERT_TRUE(delivered) << delivered.error().message;
  const std::string input = folder.Read("input");
  EXPECT_EQ(input, ToJson(TestNotice()) + "\n");
  const std::string environment = folder.Read("environment");
  for (const std::string line :
       {"BUSKER_NOTICE_KEY=failed-1\n", "BUSKER_NOTICE_KIND=failed\n",
        "BUSKER_NOTICE_SERVICE=churn\n", "BUSKER_NOTICE_ACTION=training\n",
        "BUSKER_NOTICE_RUN=20190801-070000-k3f9x2\n", "BUSKER_NOTICE_DATA_DATE=2019-08-01\n",
        "BUSKER_NOTICE_AT=2019-08-01T07:00:00.123Z\n",
        "BUSKER_NOTICE_MESSAGE=The training of churn failed: exit code 1\n",
        "BUSKER_NOTICE_HINT=busker logs 20190801-070000-k3f9x2\n", "PATH="}) {
    EXPECT_NE(environment.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(environment.find("BUSKER_TEST_SECRET"), std::string::npos);
}

TEST(CommandChannel, WordsAndFieldsMeetNoShell) {
  const io::TestFolder folder;
  Notice notice = TestNotice();
  notice.message = "$(touch canary) `touch canary`; touch canary\ntouch canary";
  const CommandChannel channel{{"touch", "$(touch canary); x y"}, folder.path()};
  ASSERT_TRUE(DeliverOnce(channel, notice, TestOptions()));
  EXPECT_TRUE(io::fs::exists(folder / "$(touch canary); x y"));
  EXPECT_FALSE(io::fs::exists(folder / "canary"));
}

TEST(CommandChannel, AnExitCodeOtherThanZeroIsTriedAgain) {
  const auto delivered = RunScript("echo to be ignored; echo this too >&2; exit 3", {});
  ASSERT_FALSE(delivered);
  EXPECT_TRUE(MayTryAgain(delivered.error()));
  EXPECT_NE(delivered.error().message.find("exit code 3"), std::string::npos);
  EXPECT_EQ(delivered.error().message.find("ignored"), std::string::npos);
}

TEST(CommandChannel, ItsOutputIsIgnoredAlsoWhenThereIsMuchAndItReadsNothing) {
  EXPECT_TRUE(RunScript("exec 0<&-; head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2", {}));
}

TEST(CommandChannel, IsKilledAtItsLimitWithItsChildren) {
  const io::TestFolder folder;
  SendOptions options = TestOptions();
  options.command_limit = 500ms;
  const auto begin = Clock::now();
  const auto delivered = RunScript("echo $$ > pid; sleep 60 & wait", folder.path(), options);
  ASSERT_FALSE(delivered);
  EXPECT_EQ(delivered.error().kind, ErrorKind::kTimedOut);
  EXPECT_LT(Clock::now() - begin, 10s);
  const pid_t group = std::stoi(folder.Read("pid"));
  // Until init has buried the child, its group has a member that is dead.
  for (int i = 0; i < 200 && kill(-group, 0) == 0; ++i) usleep(10'000);
  EXPECT_NE(kill(-group, 0), 0);
}

TEST(CommandChannel, AProgramThatIsMissingMayBeInstalledWithinThreeDays) {
  const auto delivered =
      DeliverOnce(CommandChannel{{"busker-no-such-program"}, {}}, TestNotice(), TestOptions());
  ASSERT_FALSE(delivered);
  EXPECT_TRUE(MayTryAgain(delivered.error()));
  EXPECT_NE(delivered.error().message.find("busker-no-such-program"), std::string::npos);
}

TEST(CommandChannel, AZeroByteInAFieldDoesNotEndAVariable) {
  const io::TestFolder folder;
  Notice notice = TestNotice();
  notice.message = std::string("a\0b", 3);
  ASSERT_TRUE(RunScript("env > environment", folder.path(), TestOptions(), notice));
  EXPECT_NE(folder.Read("environment").find("BUSKER_NOTICE_MESSAGE=a b\n"), std::string::npos);
}

}  // namespace
}  // namespace busker::notify
