#include "io/subprocess.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "base/text.h"
#include "io/test_folder.h"

namespace busker::io {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

const std::vector<std::string> kEnvironment = {"PATH=/usr/bin:/bin"};

Command Shell(const std::string& script) { return {{"sh", "-c", script}, kEnvironment, {}}; }

void MakeProgram(const fs::path& path, std::string_view text) {
  CHECK(WriteFileAtomically(path, text, 0755), "a test can write a program");
  chmod(path.c_str(), 0755);
}

TEST(Subprocess, OutputErrorsAndExitCodeAreCaptured) {
  const auto captured = RunAndCapture(Shell("echo out; echo err >&2; exit 3"), 10s);
  ASSERT_TRUE(captured);
  EXPECT_EQ(captured->output, "out\n");
  EXPECT_EQ(captured->errors, "err\n");
  EXPECT_EQ(captured->exit_code, 3);
}

TEST(Subprocess, ASignalIsAddedTo128) {
  EXPECT_EQ(RunAndCapture(Shell("kill -TERM $$"), 10s)->exit_code, 128 + SIGTERM);
}

TEST(Subprocess, HasOnlyTheEnvironmentThatItIsGivenAndReadsNothing) {
  const Command command{{"/usr/bin/env"}, {"ONLY=this"}, {}};
  EXPECT_EQ(RunAndCapture(command, 10s)->output, "ONLY=this\n");
  EXPECT_EQ(RunAndCapture(Shell("wc -c"), 10s)->output, "0\n");
}

TEST(Subprocess, ReadsTheInputThatItIsGivenAlsoMoreThanAPipeHolds) {
  const std::string input(3'000'000, 'x');
  const auto captured = RunAndCapture(Shell("wc -c"), 10s, 100, input);
  ASSERT_TRUE(captured);
  EXPECT_EQ(captured->output, "3000000\n");
  EXPECT_TRUE(RunAndCapture(Shell("exit 0"), 10s, 100, input));  // input that nobody reads
}

TEST(Subprocess, InheritsNoDescriptorBeyondStandardError) {
  const Descriptor open(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  const auto captured = RunAndCapture(Shell("ls /proc/$$/fd"), 10s);
  ASSERT_TRUE(captured);
  EXPECT_EQ(captured->output, "0\n1\n2\n");
}

TEST(Subprocess, IsKilledWhenStopped) {
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(100ms);
    source.request_stop();
  });
  const auto begin = Clock::now();
  const auto captured = RunAndCapture(Shell("sleep 60"), 30s, 100, {}, source.get_token());
  ASSERT_FALSE(captured);
  EXPECT_EQ(captured.error().kind, ErrorKind::kTemporary);
  EXPECT_LT(Clock::now() - begin, 10s);
}

TEST(Subprocess, MoreOutputThanAPipeHoldsIsTakenAndTheRestDropped) {
  const auto captured = RunAndCapture(
      Shell("head -c 3000000 /dev/zero; head -c 300000 /dev/zero >&2"), 30s, 1'000'000);
  ASSERT_TRUE(captured);
  EXPECT_EQ(captured->output.size(), 1'000'000U);
  EXPECT_EQ(captured->errors.size(), 300'000U);
  EXPECT_EQ(captured->exit_code, 0);
}

TEST(Subprocess, IsKilledAtItsLimit) {
  const auto begin = Clock::now();
  const auto captured = RunAndCapture(Shell("sleep 60"), 200ms);
  ASSERT_FALSE(captured);
  EXPECT_EQ(captured.error().kind, ErrorKind::kTimedOut);
  EXPECT_LT(Clock::now() - begin, 10s);
}

// The limit was only looked at when nothing came: a program that never stops writing never ended.
TEST(Subprocess, IsKilledAtItsLimitWhileItWrites) {
  const auto captured = RunAndCapture(Shell("exec yes"), 200ms, 1000);
  ASSERT_FALSE(captured);
  EXPECT_EQ(captured.error().kind, ErrorKind::kTimedOut);
}

// What closes its output was waited for without a limit.
TEST(Subprocess, IsKilledAtItsLimitAlsoWithItsOutputClosed) {
  const auto begin = Clock::now();
  const auto captured = RunAndCapture(Shell("exec >&- 2>&-; sleep 60"), 200ms);
  ASSERT_FALSE(captured);
  EXPECT_EQ(captured.error().kind, ErrorKind::kTimedOut);
  EXPECT_LT(Clock::now() - begin, 10s);
}

// A child that a program left in the background kept its output open, and the program, long at its
// end, was taken for late.
TEST(Subprocess, EndsWithTheProgramThoughAChildHoldsItsOutputOpen) {
  const auto begin = Clock::now();
  const auto captured = RunAndCapture(Shell("echo done; sleep 20 & echo $! >&2"), 15s);
  ASSERT_TRUE(captured);
  EXPECT_EQ(captured->output, "done\n");
  EXPECT_LT(Clock::now() - begin, 10s);
  kill(std::stoi(captured->errors), SIGKILL);
}

TEST(Subprocess, TheLimitEndsTheChildrenToo) {
  const TestFolder folder;
  const std::string file = (folder / "pid").string();
  ASSERT_FALSE(RunAndCapture(Shell("sleep 60 & echo $! > " + file + "; wait"), 500ms));
  const pid_t child = std::stoi(folder.Read("pid"));
  for (int i = 0; i < 100 && kill(child, 0) == 0; ++i) {
    // Orphaned, it is reaped by who is not us; a zombie counts as ended.
    const std::string stat = ReadFile("/proc/" + std::to_string(child) + "/stat").value_or("");
    if (stat.find(") Z") != std::string::npos) return;
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_NE(kill(child, 0), 0);
}

TEST(Subprocess, AProgramThatIsNotThereIsNotFound) {
  EXPECT_EQ(RunAndCapture({{"no-such-program-x"}, kEnvironment, {}}, 1s).error().kind,
            ErrorKind::kNotFound);
  EXPECT_EQ(RunAndCapture({{"/no/such/program"}, kEnvironment, {}}, 1s).error().kind,
            ErrorKind::kNotFound);
  EXPECT_FALSE(RunAndCapture({{}, kEnvironment, {}}, 1s));
}

TEST(Subprocess, AProgramThatIsNotExecutableSaysWhatToDo) {
  const TestFolder folder;
  folder.Write("program", "#!/bin/sh\n");
  for (const std::string& name : {(folder / "program").string(), std::string("program")}) {
    const auto found = FindProgram(name, folder.path().string(), "/");
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(found.error().message.find("chmod +x"), std::string::npos);
  }
  EXPECT_EQ(FindProgram(folder.path().string(), "", "/").error().kind, ErrorKind::kInvalid);
}

TEST(Subprocess, ThePathIsSearchedInOrder) {
  const TestFolder folder;
  fs::create_directories(folder / "first");
  fs::create_directories(folder / "second");
  MakeProgram(folder / "second/tool", "#!/bin/sh\n");
  const std::string path = (folder / "first").string() + ":" + (folder / "second").string();
  EXPECT_EQ(FindProgram("tool", path, "/").value(), folder / "second/tool");
  MakeProgram(folder / "first/tool", "#!/bin/sh\n");
  EXPECT_EQ(FindProgram("tool", path, "/").value(), folder / "first/tool");
}

// A program named relative to its folder, with a relative folder, was looked up at one place and
// started at another; a relative entry of PATH likewise.
TEST(Subprocess, RelativePathsAreRelativeToTheFolderOfTheCommand) {
  const TestFolder folder;
  fs::create_directories(folder / "service/bin");
  MakeProgram(folder / "service/bin/tool", "#!/bin/sh\npwd\n");
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  const auto named = RunAndCapture({{"bin/tool"}, kEnvironment, "service"}, 10s);
  const auto searched = RunAndCapture({{"tool"}, {"PATH=bin:/usr/bin:/bin"}, "service"}, 10s);
  fs::current_path(before);
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(named->output, (folder / "service").string() + "\n");
  ASSERT_TRUE(searched) << searched.error().message;
  EXPECT_EQ(searched->output, (folder / "service").string() + "\n");
}

TEST(Subprocess, SignalsAreAtTheirDefaultsInTheProgram) {
  signal(SIGPIPE, SIG_IGN);
  const auto captured =
      RunAndCapture({{"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}, kEnvironment, {}}, 10s);
  signal(SIGPIPE, SIG_DFL);
  ASSERT_TRUE(captured);
  // Without the two that belong to the C library, 32 and 33.
  for (const std::string& line : Split(Trim(captured->output), '\n')) {
    EXPECT_EQ(std::stoull(line.substr(line.find('\t')), nullptr, 16) & ~0x180000000ULL, 0U) << line;
  }
}

TEST(Subprocess, ADetachedProgramLeadsASessionAndHoldsNothingOfOurs) {
  const TestFolder folder;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);  // not closed on exec: must not reach the program
  const std::string out = (folder / "out").string();
  const auto pid = SpawnDetached(
      Shell("ls /proc/self/fd > " + out + "; ps -o sid= -p $$ >> " + out + "; echo oops >&2"),
      folder / "errors");
  ASSERT_TRUE(pid);
  int status = 0;
  waitpid(*pid, &status, 0);
  EXPECT_EQ(folder.Read("errors"), "oops\n");
  const auto words = Split(Trim(folder.Read("out")), '\n');
  EXPECT_EQ(words.size(), 5U) << folder.Read("out");  // 0, 1, 2, what ls reads, the session
  EXPECT_EQ(std::string(Trim(words.back())), std::to_string(*pid));
}

// A SIGTERM that came while a runner was starting killed it before it could take signals.
TEST(Subprocess, ADetachedProgramKeepsASigtermUntilItTakesIt) {
  const TestFolder folder;
  const auto pid = SpawnDetached({{"sleep", "0.3"}, kEnvironment, {}}, folder / "errors");
  ASSERT_TRUE(pid);
  kill(*pid, SIGTERM);
  int status = 0;
  waitpid(*pid, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
}

TEST(Subprocess, AProgramThatAPersonFollowsSaysItAllToStandardErrorAndHasALimit) {
  testing::internal::CaptureStderr();
  const auto code = RunAndShow(Shell("echo out; echo err >&2; exit 3"), Within(20s));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "out\nerr\n");
  ASSERT_TRUE(code);
  EXPECT_EQ(*code, 3);
  EXPECT_EQ(RunAndShow(Shell("exec sleep 100"), Within(50ms)).error().kind, ErrorKind::kTimedOut);
}

// A build by Docker went on for up to six hours after busker was told to end, for nobody told it.
TEST(Subprocess, AProgramThatAPersonFollowsIsToldToEndWhenTheCallIsToStop) {
  const TestFolder folder;
  const std::string ready = (folder / "ready").string(), told = (folder / "told").string();
  std::stop_source stop;
  const std::jthread stopping([&] {
    std::error_code error;
    for (int i = 0; i < 2000 && !fs::exists(ready, error); ++i) std::this_thread::sleep_for(5ms);
    stop.request_stop();
  });
  const auto code = RunAndShow(Shell("trap 'echo > " + told + "; exit 0' TERM; echo > " + ready +
                                     "; while :; do sleep 0.01; done"),
                               Within(20s, stop.get_token()));
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().kind, ErrorKind::kTemporary);
  EXPECT_TRUE(fs::exists(told)) << "it could not clean up";
}

TEST(Subprocess, AVariableIsFoundByItsWholeName) {
  const std::vector<std::string> environment = {"HOMES=a", "HOME=b=c", "EMPTY="};
  EXPECT_EQ(VariableIn(environment, "HOME"), "b=c");
  EXPECT_EQ(VariableIn(environment, "EMPTY"), "");
  EXPECT_EQ(VariableIn(environment, "HOM"), "");
}

TEST(Subprocess, OwnEnvironmentIsWhatThisProcessHas) {
  setenv("BUSKER_TEST_ENTRY", "x=y", 1);
  const auto entries = OwnEnvironment();
  EXPECT_NE(std::find(entries.begin(), entries.end(), "BUSKER_TEST_ENTRY=x=y"), entries.end());
}

}  // namespace
}  // namespace busker::io
