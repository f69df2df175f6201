// Secrets on their way through one attempt, with the real busker-runner: they are handed over in
// memory, reach the command alone, and are nowhere afterwards.
#include "runner/attempt_secrets.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "attempt/exit_record.h"
#include "attempt/folder.h"
#include "attempt/handed_secrets.h"
#include "attempt/order.h"
#include "runner/attempt_fixture.h"
#include "runner/call_tracer.h"

namespace busker::runner {
namespace {

const std::vector<std::string> kValues = {"hunter2-is-it", "line one\nline/two+"};

class SecretsOfAnAttempt : public AttemptTest {
 protected:
  SecretsOfAnAttempt() {
    order_.secrets = {{"PASSWORD_FILE", "password", false}, {"API_KEY", "api-key", true}};
    order_.output.reset();
    order_.required_outputs.clear();
  }
  ~SecretsOfAnAttempt() override { (void)SecretFolder(attempt_).Remove(); }

  bool FolderIsThere() { return io::fs::exists(SecretFolder(attempt_).path()); }

  // A runner that finds `handed` as its standard input.
  pid_t StartWith(const Result<std::vector<std::string>>& handed) {
    const auto file = attempt::HandOver(handed);
    EXPECT_TRUE(file) << file.error().message;
    return StartRunner([&] { dup2(file->get(), 0); });
  }
  // The script is not in the order, so that it may have secrets in it.
  attempt::ExitRecord RunWith(const Result<std::vector<std::string>>& handed,
                              const std::string& script) {
    folder_.Write("service/script.sh", script);
    Command(". ./script.sh");
    EXPECT_EQ(WaitFor(StartWith(handed)), 0) << Errors();
    return Exit();
  }

  // In any file of the attempt's folder.
  void ExpectNowhere(const std::string& sought) {
    for (const auto& entry : io::fs::recursive_directory_iterator(attempt_)) {
      if (entry.is_symlink() || !entry.is_regular_file()) continue;
      const std::string text = io::ReadFile(entry.path()).value_or("");
      EXPECT_EQ(text.find(sought), std::string::npos) << entry.path();
    }
  }
};

TEST_F(SecretsOfAnAttempt, ReachTheCommandAndNothingThatIsKept) {
  const auto record =
      RunWith(kValues,
              "[ \"$(cat $PASSWORD_FILE)\" = hunter2-is-it ] || exit 8; "
              "stat -c '%a %F' $PASSWORD_FILE $(dirname $PASSWORD_FILE); "
              "stat -f -c %T $PASSWORD_FILE; readlink /proc/self/fd/0; ulimit -Hc; "
              "echo \"$API_KEY\"; printf hunt; sleep 0.2; printf 'er2-is-'; sleep 0.2; echo it; "
              "printf '<%s>' $(printf hunter2-is-it | base64) >&2; exit 3");
  EXPECT_EQ(record.ending, attempt::Ending::kExited) << record.message;
  EXPECT_EQ(record.exit_code, 3);
  EXPECT_EQ(
      Log(),
      "Running the action...\n400 regular file\n700 directory\ntmpfs\n/dev/null\n0\n***\n***\n"
      "<***>\nthe command ended with exit code 3\n");
  EXPECT_EQ(record.message, "the command ended with exit code 3; last output: <***>");
  EXPECT_FALSE(FolderIsThere());
  ExpectNowhere("hunter2");
  ExpectNowhere("two+");
}

TEST_F(SecretsOfAnAttempt, TakeThePlaceOfVariablesOfTheirNames) {
  order_.environment.push_back("API_KEY=old");
  order_.environment.push_back("API_KEY_2=other");
  RunWith(kValues, "env | grep -c '^API_KEY'; [ \"$API_KEY\" != old ] && echo new $API_KEY_2");
  EXPECT_NE(Log().find("\n2\nnew other\n"), std::string::npos) << Log();
}

TEST_F(SecretsOfAnAttempt, AreMaskedBeforeTheLogIsCut) {
  order_.log_head_bytes_max = 30;  // in the middle of the first of them
  order_.log_tail_bytes_max = 20;
  RunWith(kValues, "for i in 1 2 3 4 5 6 7 8 9; do cat $PASSWORD_FILE; done");
  ExpectNowhere("hunter");
  ExpectNowhere("is-it");
}

TEST_F(SecretsOfAnAttempt, AreMaskedInWhatTheProgramCallsItsFiles) {
  order_.output = "churn/1/training/20190801T000000Z";
  order_.required_outputs = {"model"};
  const auto record = RunWith(kValues, "touch output/hunter2-is-it");
  EXPECT_EQ(record.ending, attempt::Ending::kNotSaved);
  EXPECT_NE(record.message.find("output/ holds ***"), std::string::npos) << record.message;
  io::fs::remove(attempt_ / "work/output/hunter2-is-it");
  ExpectNowhere("hunter2");
}

TEST_F(SecretsOfAnAttempt, ThatCannotBeHadEndItBeforeItsCommand) {
  const auto record = RunWith(NotFound("secret \"x\" is not set; set it with: busker secret set x"),
                              "touch " + PathOf("started"));
  EXPECT_EQ(record.ending, attempt::Ending::kNotStarted);
  EXPECT_EQ(record.message, "secret \"x\" is not set; set it with: busker secret set x");
  EXPECT_FALSE(WasStarted());
  EXPECT_FALSE(io::fs::exists(folder_ / "started"));
  EXPECT_FALSE(FolderIsThere());
}

TEST_F(SecretsOfAnAttempt, ThatNobodyHandedOverEndItBeforeItsCommand) {
  Command("touch " + PathOf("started"));
  const auto record = Run([] { dup2(::open("/dev/null", O_RDONLY), 0); });
  EXPECT_EQ(record.ending, attempt::Ending::kNotStarted);
  EXPECT_EQ(record.message, "the secrets of this attempt were not handed to its runner");
  EXPECT_FALSE(io::fs::exists(folder_ / "started"));
}

TEST_F(SecretsOfAnAttempt, MustBeAsManyAsTheOrderHas) {
  const std::vector<std::string> few = {"hunter2-is-it"};
  EXPECT_EQ(RunWith(few, "true").message,
            "the secrets of this attempt were not handed to its runner");
}

TEST_F(SecretsOfAnAttempt, WithANulByteAreNoVariable) {
  const std::vector<std::string> values = {"hunter2-is-it", std::string("nul\0byte", 8)};
  const auto record = RunWith(values, "true");
  EXPECT_EQ(record.ending, attempt::Ending::kNotStarted);
  EXPECT_NE(record.message.find("secret \"api-key\" has a NUL byte"), std::string::npos)
      << record.message;
  EXPECT_FALSE(FolderIsThere());
}

TEST_F(SecretsOfAnAttempt, GoWithTheNextRunnerWhenThisOneIsKilled) {
  Command("cp $PASSWORD_FILE " + PathOf("seen") + "; sleep 100");
  const pid_t runner = StartWith(kValues);
  ASSERT_TRUE(SoonThere("seen"));
  EXPECT_TRUE(FolderIsThere());
  kill(runner, SIGKILL);
  WaitFor(runner);
  EXPECT_TRUE(FolderIsThere()) << "nobody was there to remove it";
  EXPECT_EQ(Run([] { dup2(::open("/dev/null", O_RDONLY), 0); }).ending, attempt::Ending::kLost);
  EXPECT_FALSE(FolderIsThere());
  ExpectNowhere("hunter2");
}

// exit.json is written when nothing is left to remove, for who finds it looks no further.
TEST_F(SecretsOfAnAttempt, LeaveNothingAtWhateverCallTheRunnerIsKilled) {
  int kills = 0;
  for (bool killed = true; killed; kills += kCallsApart) {
    SCOPED_TRACE("before call " + std::to_string(kills));
    io::fs::remove_all(attempt_);
    io::fs::create_directory(attempt_);
    folder_.Write("service/script.sh", "cat $PASSWORD_FILE; printf \"$API_KEY\"; exit 3");
    Command(". ./script.sh");
    const auto file = attempt::HandOver(kValues);
    ASSERT_TRUE(file);
    const pid_t runner = StartRunner([&] {
      dup2(file->get(), 0);
      BeTraced();
    });
    int calls = 0;
    killed = false;
    TraceCalls(runner, 0, [&](const CallStep& step) {
      if (!step.entering || calls++ != kills) return CallDeed::kGoOn;
      killed = true;
      return CallDeed::kKill;
    });
    if (!HasExit()) {
      ASSERT_EQ(WaitFor(StartWith(kValues)), 0) << Errors();
    }
    const attempt::Ending ending = Exit().ending;
    ASSERT_TRUE(ending == attempt::Ending::kExited || ending == attempt::Ending::kLost)
        << Exit().message;
    ASSERT_FALSE(FolderIsThere());
    ExpectNowhere("hunter2");
    ExpectNowhere("two+");
    if (HasFailure()) return;
  }
  EXPECT_GT(kills, 100);
}

TEST_F(SecretsOfAnAttempt, CloseTheRunnerToItsOwnUser) {
  constexpr uid_t kNobody = 65534;
  const std::string program = PathOf("busker-runner");
  io::fs::copy_file(BUSKER_RUNNER_PATH, program);
  Command("cat /proc/self/oom_score_adj > " + PathOf("service/score") + "; sleep 100");
  ASSERT_TRUE(io::WriteFileAtomically(attempt_ / attempt::kOrderFile, Sealed()));
  if (geteuid() == 0) {  // to root everything is open
    for (const auto& entry : io::fs::recursive_directory_iterator(folder_.path())) {
      ASSERT_EQ(chown(entry.path().c_str(), kNobody, kNobody), 0);
    }
    ASSERT_EQ(chown(folder_.path().c_str(), kNobody, kNobody), 0);
  }
  const auto file = attempt::HandOver(kValues);
  const pid_t runner = StartRunner([&] {
    dup2(file->get(), 0);
    if (geteuid() == 0 && (setgid(kNobody) != 0 || setuid(kNobody) != 0)) _exit(125);
    execl(program.c_str(), "busker-runner", attempt_.c_str(), nullptr);
  });
  ASSERT_TRUE(Soon([&] {
    return !folder_.Read("service/score").starts_with("(") &&
           !folder_.Read("service/score").empty();
  })) << Errors()
      << Log();
  struct stat info {};
  EXPECT_EQ(stat(("/proc/" + std::to_string(runner) + "/fd").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0u) << "of a process that others may look into it is its user's";
  const int own = std::atoi(io::ReadFile("/proc/self/oom_score_adj").value().c_str());
  EXPECT_EQ(std::atoi(folder_.Read("service/score").c_str()), std::min(1000, own + 500));
  kill(runner, SIGTERM);
  EXPECT_EQ(WaitFor(runner), 0) << Errors();
  EXPECT_EQ(Exit().ending, attempt::Ending::kCancelled);
  EXPECT_FALSE(FolderIsThere());
}

TEST(SecretFolder, IsRefusedWhereItWouldNotBeInMemory) {
  const io::TestFolder folder;
  for (const char* place : {"/proc", "/nowhere"}) {
    const auto made = SecretFolder(folder.path(), place).Make();
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().message.find("is not in memory"), std::string::npos)
        << made.error().message;
  }
}

// The name followed from the path of the attempt's folder, which ps shows to all: another user took
// those of the next attempts beforehand, and they failed.
TEST(SecretFolder, HasANameThatNobodyCanTellBeforehand) {
  const io::TestFolder folder;
  SecretFolder first(folder.path());
  EXPECT_TRUE(first.path().empty());
  ASSERT_TRUE(first.Make());
  ASSERT_TRUE(first.Put("x", "hunter2!"));
  const io::fs::path path = first.path();
  EXPECT_EQ(io::fs::status(path).permissions(), io::fs::perms::owner_all);

  SecretFolder next(folder.path());  // of a runner after one that was killed
  EXPECT_EQ(next.path(), path);
  ASSERT_TRUE(next.Make());
  EXPECT_NE(next.path(), path);
  EXPECT_FALSE(io::fs::exists(path));
  const io::fs::path second = next.path();
  EXPECT_TRUE(next.Remove());
  EXPECT_FALSE(io::fs::exists(second));
  EXPECT_TRUE(next.Remove()) << "nothing is there";
  EXPECT_TRUE(io::fs::is_empty(folder.path()));
}

TEST(SecretFolder, ANoteThatIsNoneLeadsNowhere) {
  const io::TestFolder folder;
  folder.Write("kept/file", "x");
  for (const std::string note :
       {"", "x", "../kept", "busker-", "busker-../../../../../../../../kept",
        "busker-0123456789abcdef0123456789abcde/"}) {
    folder.Write(kSecretsNote, note);
    SecretFolder secrets(folder.path(), folder.path());
    EXPECT_TRUE(secrets.path().empty()) << note;
    EXPECT_TRUE(secrets.Remove());
    EXPECT_EQ(folder.Read("kept/file"), "x");
  }
}

TEST(HandedSecrets, ArriveAsTheyWere) {
  const std::vector<std::string> values = {"a", "", std::string("\0\n12\n", 5),
                                           std::string(70'000, 'x')};
  const auto file = attempt::HandOver(values);
  ASSERT_TRUE(file);
  EXPECT_EQ(attempt::TakeHanded(file->get(), 4).value(), values);
  EXPECT_FALSE(attempt::TakeHanded(file->get(), 4)) << "/dev/null is there now";
}

TEST(HandedSecrets, CannotBeChangedByWhoeverHoldsThem) {
  const auto file = attempt::HandOver(kValues);
  ASSERT_TRUE(file);
  EXPECT_LT(::pwrite(file->get(), "x", 1, 0), 0);
  EXPECT_NE(ftruncate(file->get(), 0), 0);
}

TEST(HandedSecrets, AreRefusedWhenTheyAreNoneOrTooMany) {
  const io::TestFolder folder;
  folder.Write("file", "values\n1\nx");
  const auto plain = io::Open(folder / "file", O_RDONLY);
  EXPECT_FALSE(attempt::TakeHanded(plain->get(), 1));
  const auto file = attempt::HandOver(std::vector<std::string>(5, std::string(64 << 10, 'x')));
  const auto taken = attempt::TakeHanded(file->get(), 5);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().message, "the secrets of one attempt may have 128 KiB together");
}

}  // namespace
}  // namespace busker::runner
