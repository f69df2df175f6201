// Attempts through the executor with the real busker-runner: many by one runner, and what is found
// after a restart or a power cut.
#include "execute/process_executor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <set>

#include "attempt/exit_record.h"
#include "attempt/folder.h"
#include "attempt/name.h"
#include "attempt/order.h"
#include "base/text.h"
#include "execute/test_order.h"
#include "io/boot.h"
#include "io/test_folder.h"

namespace busker::execute {
namespace {

namespace fs = io::fs;
using attempt::Ending;
using attempt::ExitRecord;
using std::chrono::steady_clock;

class Executor : public testing::Test {
 protected:
  void Begin() {
    executor_ = ProcessExecutor::Start(
                    BUSKER_RUNNER_PATH, folder_ / "runs",
                    [this](const attempt::Name& name, Result<ExitRecord> exit) {
                      const std::lock_guard lock(mutex_);
                      EXPECT_FALSE(ended_.contains(name)) << name.Text() << " ended twice";
                      EXPECT_TRUE(exit || faults_expected_) << exit.error().message;
                      if (!exit) faults_.push_back(exit.error().message);
                      ended_[name] = exit.value_or(ExitRecord{});
                      changed_.notify_all();
                    },
                    [this](const std::string& name) -> Result<std::string> {
                      const std::lock_guard lock(mutex_);
                      const auto found = secrets_.find(name);
                      if (found != secrets_.end()) return found->second;
                      return NotFound("secret \"" + name + "\" is not set");
                    })
                    .value();
  }

  ExitRecord WaitFor(const attempt::Name& name) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(60), [&] { return ended_.contains(name); }))
        << name.Text() << " never ended";
    return ended_[name];
  }
  ExitRecord Run(const attempt::Name& name, const std::string& script) {
    const auto launched = executor_->Launch(Sealed(TestOrder(name, script)));
    EXPECT_TRUE(launched) << launched.error().message;
    return WaitFor(name);
  }
  // As a next Busker does.
  ExitRecord Recover(const attempt::Name& name, const attempt::Order& order) {
    const auto recovered = executor_->Recover(Sealed(order));
    EXPECT_TRUE(recovered) << recovered.error().message;
    return WaitFor(name);
  }

  static bool Soon(const std::function<bool()>& condition) {
    for (int i = 0; i < 12'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  static std::vector<pid_t> Children() {
    const std::string text =
        io::ReadFile(fs::path("/proc/self/task") / std::to_string(getpid()) / "children")
            .value_or("");
    std::vector<pid_t> children;
    for (const std::string& word : Split(Trim(text), ' ')) {
      if (!word.empty()) children.push_back(std::stoi(word));
    }
    return children;
  }
  static std::size_t CountIn(const char* folder) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
  std::string Witness() { return io::ReadFile(folder_ / "witness").value_or(""); }
  std::string Witnessed(const std::string& script = "true") {
    return "echo started >> " + (folder_ / "witness").string() + "; " + script;
  }

  const io::TestFolder folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<attempt::Name, ExitRecord> ended_;
  bool faults_expected_ = false;  // of attempts of which no record can be had
  std::vector<std::string> faults_;
  std::map<std::string, std::string> secrets_;
  std::unique_ptr<ProcessExecutor> executor_;
};

// With one open file for each attempt that runs, a soft limit of 1,024, as shells have it, was one
// of attempts, too.
TEST_F(Executor, HasMoreAttemptsAtOnceThanItsSoftLimitOfOpenFilesAndGivesThemThatLimit) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{40, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  Begin();
  constexpr int kAttempts = 80;
  const std::string gate = (folder_ / "gate").string();
  const auto name = [](int i) { return attempt::Name{RunName(), "t" + std::to_string(i), 1}; };
  for (int i = 1; i <= kAttempts; ++i) {
    const std::string script =
        Witnessed("until [ -e " + gate + " ]; do sleep 0.05; done; exit $(ulimit -S -n)");
    const auto launched = executor_->Launch(Sealed(TestOrder(name(i), script)));
    EXPECT_TRUE(launched) << launched.error().message;
  }
  EXPECT_TRUE(Soon([&] { return Split(Witness(), '\n').size() == kAttempts + 1; }));
  EXPECT_TRUE(io::WriteFileUnsynced(gate, ""));
  for (int i = 1; i <= kAttempts; ++i) EXPECT_EQ(WaitFor(name(i)).exit_code, 40);
  EXPECT_TRUE(Soon([] { return Children().size() <= 8; })) << "the others are reaped";
  executor_.reset();
  rlimit after{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, 40u);
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(Executor, OneRunnerTakesOneAttemptAfterTheOther) {
  Begin();
  std::set<std::string> runners;
  for (int i = 1; i <= 20; ++i) {
    const attempt::Name name{RunName(), "t" + std::to_string(i), 1};
    const ExitRecord record = Run(name, "echo hello; exit " + std::to_string(i % 3));
    EXPECT_EQ(record.exit_code, i % 3);
    EXPECT_EQ(record.task, name.task);
    EXPECT_EQ(record.log_bytes, 6U);
    const auto lock = io::ReadFile(executor_->FolderOf(name) / attempt::kLockFile).value();
    runners.insert(std::to_string(attempt::HolderIn(lock)));
    EXPECT_TRUE(attempt::ReadExit(executor_->FolderOf(name)).value());
  }
  EXPECT_EQ(runners.size(), 1U);
  EXPECT_EQ(Children().size(), 1U);
  executor_.reset();
  EXPECT_TRUE(Children().empty());
}

TEST_F(Executor, WhatOneAttemptUsedIsNotCountedForTheNext) {
  Begin();
  const ExitRecord large =
      Run({RunName(), "large", 1}, "head -c 60000000 /dev/zero | tail -c 60000000 > /dev/null");
  EXPECT_GT(large.memory_peak_bytes, 50'000'000U);
  const ExitRecord busy =
      Run({RunName(), "busy", 1}, "i=0; while [ $i -lt 1000000 ]; do i=$((i+1)); done");
  EXPECT_GT(busy.cpu_user + busy.cpu_system, Milliseconds(50));
  const ExitRecord small = Run({RunName(), "small", 1}, "true");
  EXPECT_GT(small.memory_peak_bytes, 100'000U);
  // Under the address sanitizer what is forked has 20 MB before it is "true".
  EXPECT_LT(small.memory_peak_bytes, 40'000'000U);
  EXPECT_LT(small.cpu_user + small.cpu_system, busy.cpu_user + busy.cpu_system);
  EXPECT_EQ(Children().size(), 1U);
}

// A stop that came while its attempt was on its way to a runner that waits was lost.
TEST_F(Executor, AStopThatIsThereBeforeItsAttemptEndsIt) {
  Begin();
  Run({RunName(), "first", 1}, "true");  // its runner waits for the next
  const attempt::Name stopped{RunName(), "stopped", 1};
  ASSERT_TRUE(executor_->Stop(stopped));
  EXPECT_EQ(Run(stopped, "sleep 100").ending, Ending::kCancelled);
  EXPECT_EQ(Run({RunName(), "stopped", 2}, "true").ending, Ending::kSucceeded);
}

// A stop that comes when the attempt has just ended must not hit the next one of the same runner.
TEST_F(Executor, AStopIsForItsOwnAttemptOnly) {
  Begin();
  for (int i = 1; i <= 60; ++i) {
    const attempt::Name first{RunName(), "first" + std::to_string(i), 1};
    const attempt::Name second{RunName(), "second" + std::to_string(i), 1};
    ASSERT_TRUE(executor_->Launch(Sealed(TestOrder(first, "true"))));
    std::this_thread::sleep_for(std::chrono::microseconds(i * 150));
    ASSERT_TRUE(executor_->Stop(first));
    const Ending ending = WaitFor(first).ending;
    EXPECT_TRUE(ending == Ending::kSucceeded || ending == Ending::kCancelled);
    EXPECT_EQ(Run(second, "true").ending, Ending::kSucceeded);
  }
}

TEST_F(Executor, ARunnerThatIsKilledWhileItWaitsCostsNoAttempt) {
  Begin();
  for (int i = 1; i <= 30; ++i) {
    EXPECT_EQ(Run({RunName(), "t" + std::to_string(i), 1}, Witnessed()).ending, Ending::kSucceeded);
    for (const pid_t child : Children()) kill(child, SIGKILL);
    if (i % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const std::string witness = Witness();
  EXPECT_EQ(std::count(witness.begin(), witness.end(), '\n'), 30);
}

TEST_F(Executor, ARunnerThatIsKilledLosesItsAttemptOnly) {
  Begin();
  const attempt::Name lost{RunName(), "lost", 1};
  const attempt::Name other{RunName(), "other", 1};
  const std::string gate = (folder_ / "gate").string();
  ASSERT_TRUE(executor_->Launch(
      Sealed(TestOrder(other, "while ! test -e " + gate + "; do sleep 0.02; done; exit 7"))));
  ASSERT_TRUE(executor_->Launch(Sealed(TestOrder(lost, Witnessed("sleep 60")))));
  ASSERT_TRUE(Soon([&] { return Witness() == "started\n"; }));
  const auto lock = io::ReadFile(executor_->FolderOf(lost) / attempt::kLockFile).value();
  kill(attempt::HolderIn(lock), SIGKILL);
  EXPECT_EQ(WaitFor(lost).ending, Ending::kLost);
  EXPECT_EQ(Witness(), "started\n");
  folder_.Write("gate", "");
  EXPECT_EQ(WaitFor(other).exit_code, 7);
}

TEST_F(Executor, TheWorkingFolderIsEmptyAgainForTheNextAndKeptAfterAFailure) {
  Begin();
  const auto work = [&](const char* task) {
    return executor_->FolderOf({RunName(), task, 1}) / attempt::kWorkFolder;
  };
  EXPECT_EQ(Run({RunName(), "one", 1}, "touch a .b; mkdir c").ending, Ending::kSucceeded);
  EXPECT_FALSE(fs::exists(work("one")));
  EXPECT_EQ(Run({RunName(), "two", 1}, "test -z \"$(ls -A)\" && echo x > d; exit 5").exit_code, 5);
  EXPECT_EQ(io::ReadFile(work("two") / "d").value_or(""), "x\n");
  EXPECT_EQ(Run({RunName(), "three", 1}, "test -z \"$(ls -A)\" && chmod 0 .").exit_code, 0);
  EXPECT_EQ(Run({RunName(), "four", 1}, "test -z \"$(ls -A)\" && rm -rf \"$PWD\"").exit_code, 0);
  EXPECT_EQ(Run({RunName(), "five", 1}, "touch e && stat -c %a . && test $(stat -c %a .) = 755")
                .exit_code,
            0);
  EXPECT_EQ(Run({RunName(), "six", 1}, "touch f; kill -KILL $PPID; sleep 60").ending,
            Ending::kLost);
  EXPECT_TRUE(fs::exists(work("six") / "f"));
  executor_.reset();
  EXPECT_EQ(CountIn((folder_ / "runs").c_str()), 2U);  // r1, and what runners have said
}

TEST_F(Executor, AThousandAttemptsLeaveNothingBehind) {
  Begin();
  const auto run = [&](const std::string& id, int count) {
    for (int i = 0; i < count; i += 4) {
      for (int k = i; k < i + 4; ++k) {
        const attempt::Name name{id, "t" + std::to_string(k), 1};
        ASSERT_TRUE(executor_->Launch(Sealed(TestOrder(name, "true"))));
      }
      for (int k = i; k < i + 4; ++k) WaitFor({id, "t" + std::to_string(k), 1});
    }
  };
  run("r1", 8);
  const std::size_t descriptors = CountIn("/proc/self/fd");
  const std::size_t threads = CountIn("/proc/self/task");
  std::map<pid_t, std::size_t> of_runners;
  for (const pid_t child : Children()) {
    of_runners[child] = CountIn(("/proc/" + std::to_string(child) + "/fd").c_str());
  }
  run("r2", 1000);
  // A runner that waits for the next attempt has a descriptor here. On a busy machine, eight
  // attempts may have done with fewer of them than a thousand.
  const std::size_t runners = Children().size();
  EXPECT_LE(runners, 4U);
  EXPECT_EQ(CountIn("/proc/self/fd"), descriptors + runners - of_runners.size());
  EXPECT_EQ(CountIn("/proc/self/task"), threads);
  // One that waits opens two pipes and what tells of their news ahead, at a moment of its own.
  constexpr std::size_t kAhead = 5;
  for (const auto& [child, count] : of_runners) {
    EXPECT_LE(CountIn(("/proc/" + std::to_string(child) + "/fd").c_str()), count + kAhead);
  }
}

// With a sleep for each, the restart of a busy Busker took minutes.
TEST_F(Executor, ManyThatRunAreFoundAtOnce) {
  constexpr int kCount = 100;
  Begin();
  const std::string gate = (folder_ / "gate").string();
  ASSERT_EQ(mkfifo(gate.c_str(), 0600), 0);
  std::vector<attempt::Order> orders;
  for (int i = 0; i < kCount; ++i) {
    const attempt::Name name{RunName(), "t" + std::to_string(i), 1};
    orders.push_back(TestOrder(name, Witnessed("read line < " + gate)));
    ASSERT_TRUE(executor_->Launch(Sealed(orders.back())));
  }
  ASSERT_TRUE(Soon([&] { return Witness().size() == kCount * std::string("started\n").size(); }));
  executor_.reset();
  Begin();
  const auto begin = steady_clock::now();
  for (const attempt::Order& order : orders) {
    ASSERT_TRUE(executor_->Recover(Sealed(order)));
  }
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(10));
  const io::Descriptor open_gate(::open(gate.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(open_gate.valid());
  const std::string lines(kCount * 4, '\n');
  ASSERT_TRUE(io::WriteAll(open_gate.get(), lines, gate));
  for (const attempt::Order& order : orders) WaitFor({order.run, order.task, 1});
  executor_.reset();
  while (waitpid(-1, nullptr, 0) > 0) {
  }
}

// --- what a power cut leaves of an attempt that was not synced

class PowerCut : public Executor {
 protected:
  PowerCut() { Begin(); }
  // What is left in the folder of an attempt that was decided on in `boot`.
  ExitRecord Find(const std::map<std::string, std::string>& left, const std::string& boot,
                  bool repeatable = false) {
    const attempt::Name name{RunName(), "t" + std::to_string(++count_), 1};
    const fs::path place = executor_->FolderOf(name);
    fs::remove(folder_ / "witness");
    for (const auto& [file, text] : left) {
      fs::create_directories(place);
      EXPECT_TRUE(io::WriteFileUnsynced(place / file, text));
    }
    attempt::Order order = TestOrder(name, Witnessed());
    order.boot = boot;
    order.repeatable = repeatable;
    const ExitRecord record = Recover(name, order);
    EXPECT_TRUE(faults_expected_ || attempt::ReadExit(place).value()) << "no record is left";
    return record;
  }
  std::string ExitText() {
    ExitRecord record;
    record.run = RunName();
    record.task = "t" + std::to_string(count_ + 1);
    record.ending = Ending::kExited;
    record.exit_code = 5;
    return attempt::ExitToJson(record);
  }
  int count_ = 0;
};

TEST_F(PowerCut, WhatMayHaveBegunIsLostAndNotStartedAgain) {
  const std::string record = ExitText();
  const std::vector<std::map<std::string, std::string>> all_left = {
      {},                                               // not even the folder
      {{"lock", ""}},                                   // names without content
      {{"lock", std::string(11, '\0')}},                // or with zeros
      {{"lock", "1234      \n"}, {"log", "Running"}},   // before the marker
      {{"lock", "1234      \n{\n  \"started_at\": "}},  // half a marker
      {{"lock", "1234      \n" + std::string(300, '\0')}},
      {{"lock", ""}, {"exit.json", ""}},
      {{"exit.json", record.substr(0, record.size() / 2)}},
      {{"exit.json", std::string(record.size(), '\0')}},
      {{"exit.json", record.substr(0, 100) + std::string(record.size() - 100, '\0')}},
      {{".tmp-exit", std::string(4095, ' ') + "\n"}, {"lock", ""}},
      {{"attempt.json", ""}},
  };
  for (const auto& left : all_left) {
    SCOPED_TRACE(count_);
    EXPECT_EQ(Find(left, "an-earlier-boot").ending, Ending::kLost);
    EXPECT_EQ(Find(left, "").ending, Ending::kLost);  // nobody knows of which boot it is
    EXPECT_EQ(Witness(), "");
    EXPECT_EQ(Find(left, "an-earlier-boot", true).ending, Ending::kSucceeded);
    EXPECT_EQ(Witness(), "started\n");
  }
}

TEST_F(PowerCut, AWholeRecordCounts) {
  const ExitRecord record = Find({{"exit.json", ExitText()}}, "an-earlier-boot");
  EXPECT_EQ(record.ending, Ending::kExited);
  EXPECT_EQ(record.exit_code, 5);
  EXPECT_EQ(Witness(), "");
}

TEST_F(PowerCut, WhatIsOfThisBootAndHadNotBegunIsStarted) {
  for (const auto& left : std::vector<std::map<std::string, std::string>>{
           {},
           {{"lock", "1234      \n"}, {"log", ""}},
           {{"lock",
             "1234      \n{ \"started_at\": \"2019-08-01T00:00:00Z\", \"memory_group\": \"\""}}}) {
    EXPECT_EQ(Find(left, io::BootId()).ending, Ending::kSucceeded);
    EXPECT_EQ(Witness(), "started\n");
  }
}

// An exit record of another run, and a success with an exit code, were taken without a word.
TEST_F(PowerCut, ARecordThatIsNotTheAttemptsOwnOrAtOddsWithItselfIsNotTaken) {
  ExitRecord record;
  record.run = RunName();
  record.task = "another";
  faults_expected_ = true;
  Find({{"exit.json", attempt::ExitToJson(record)}}, io::BootId());
  EXPECT_NE(faults_.back().find("another.1, and how this attempt ended is not"), std::string::npos)
      << faults_.back();
  record.task = "t" + std::to_string(count_ + 1);
  record.exit_code = 7;
  Find({{"exit.json", attempt::ExitToJson(record)}}, io::BootId());
  EXPECT_NE(faults_.back().find("says \"succeeded\" with exit code 7"), std::string::npos)
      << faults_.back();
  EXPECT_EQ(Witness(), "");
}

TEST_F(PowerCut, WhatHadBegunInThisBootIsLost) {
  const attempt::Name name{"r0", "t", 1};
  ASSERT_EQ(Run(name, "true").ending, Ending::kSucceeded);
  const auto lock = io::ReadFile(executor_->FolderOf(name) / attempt::kLockFile).value();
  EXPECT_EQ(Find({{"lock", lock}}, io::BootId()).ending, Ending::kLost);
  EXPECT_EQ(Witness(), "");
}

class ExecutorWithSecrets : public Executor {
 protected:
  attempt::Order OrderWithSecret(const attempt::Name& name, const std::string& script) {
    attempt::Order order = TestOrder(name, script);
    order.secrets = {{"KEY_FILE", "key", false}};
    return order;
  }
  io::fs::path SecretsOf(const attempt::Name& name) {
    const auto note = io::ReadFile(executor_->FolderOf(name) / "secrets");
    return note ? fs::path("/dev/shm") / *note : fs::path();
  }
  // The exit code is 7 for the right value.
  const std::string check_ = "[ \"$(cat $KEY_FILE)\" = hunter2! ] && exit 7";
};

TEST_F(ExecutorWithSecrets, HandsThemToTheAttemptsThatNameThem) {
  secrets_["key"] = "hunter2!";
  Begin();
  for (const bool synced : {false, true}) {
    const attempt::Name with{RunName(), synced ? "synced" : "with", 1},
        without{RunName(), "without", 1 + synced};
    attempt::Order order = OrderWithSecret(with, check_);
    order.synced = synced;
    ASSERT_TRUE(executor_->Launch(Sealed(order)));
    EXPECT_EQ(WaitFor(with).exit_code, 7) << WaitFor(with).message;
    EXPECT_EQ(SecretsOf(with), "");
    EXPECT_EQ(Run(without, "[ -z \"$KEY_FILE\" ] && exit 5").exit_code, 5);
  }
}

TEST_F(ExecutorWithSecrets, LeavesNoneWhenTheRunnerIsKilled) {
  secrets_["key"] = "hunter2!";
  Begin();
  const attempt::Name name{RunName(), "t", 1};
  ASSERT_TRUE(executor_->Launch(Sealed(OrderWithSecret(name, Witnessed("sleep 100")))));
  ASSERT_TRUE(Soon([&] { return !Witness().empty(); }));
  EXPECT_TRUE(fs::exists(SecretsOf(name)));
  const auto runner = FindRunner(executor_->FolderOf(name));
  ASSERT_TRUE(runner && *runner);
  kill((*runner)->process, SIGKILL);
  EXPECT_EQ(WaitFor(name).ending, Ending::kLost);
  EXPECT_FALSE(fs::exists(SecretsOf(name)));
}

TEST_F(ExecutorWithSecrets, GivesThemToAnAttemptThatTheLastBuskerOnlyDecidedOn) {
  secrets_["key"] = "hunter2!";
  Begin();
  const attempt::Name decided{RunName(), "decided", 1}, written{RunName(), "written", 1};
  attempt::Order order = OrderWithSecret(decided, check_);
  order.boot = io::BootId();
  EXPECT_EQ(Recover(decided, order).exit_code, 7);
  // The order is in its folder, and no runner was started.
  order = OrderWithSecret(written, check_);
  order.synced = true;
  ASSERT_TRUE(io::MakeFolders(executor_->FolderOf(written)));
  ASSERT_TRUE(io::WriteFileAtomically(executor_->FolderOf(written) / attempt::kOrderFile,
                                      Sealed(order).order));
  EXPECT_EQ(Recover(written, order).exit_code, 7);
}

}  // namespace
}  // namespace busker::execute
