// The record's file: opening, bringing up to date, full disks, other processes, kill -9.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <random>
#include <thread>

#include "record/breaking_disk.h"
#include "record/raw_file.h"
#include "record/record_fixture.h"

namespace busker::record {
namespace {

using enum plan::State;
using Sentences = std::vector<std::string>;

TEST_F(RecordFile, WithRoomInItsLogIsReadAfterACrashAsWithout) {
  const std::string crashed = path_.string() + ".crashed";
  const auto first = OpenSqliteRecord(path_, true);
  ASSERT_TRUE(first);
  LiveThrough(**first, "before");
  const auto record = OpenSqliteRecord(path_, false, true);
  ASSERT_TRUE(record);
  EXPECT_GE(std::filesystem::file_size(path_.string() + "-wal"), 4'000'000U);
  LiveThrough(**record, "after");
  std::filesystem::copy_file(path_, crashed);
  std::filesystem::copy_file(path_.string() + "-wal", crashed + "-wal");
  const auto again = OpenSqliteRecord(crashed, false);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE((*again)->FindRun("before"));
  EXPECT_TRUE((*again)->FindRun("after"));
  EXPECT_EQ((*again)->Check().value(), Sentences());
}

TEST_F(RecordFile, ThatIsMissingIsNotMadeByAReader) {
  EXPECT_EQ(OpenSqliteRecord(path_, false).error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(RecordFile, OfANewerBuskerIsRefusedAndLeftAsItIs) {
  { ASSERT_TRUE(OpenSqliteRecord(path_, true)); }
  RawFile(path_).Run("PRAGMA user_version = 99");
  const std::string before = Bytes();
  const auto opened = OpenSqliteRecord(path_, true);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kUnusable);
  EXPECT_NE(opened.error().message.find("newer Busker"), std::string::npos);
  EXPECT_EQ(Bytes(), before);
}

// What broke: kill -9 in the very first run left a file with a page and no tables, which was taken
// for another program's ever after.
TEST_F(RecordFile, WhoseLayOutWasKilledIsLaidOutByTheNext) {
  RawFile(path_).Run("PRAGMA journal_mode = WAL");
  ASSERT_GT(std::filesystem::file_size(path_), 0U);
  const auto record = OpenSqliteRecord(path_, true);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_TRUE(AddRun(**record, "r1", {"train"}));
}

// What broke: "busker runs" beside the first "busker up" of a home told that the record, which was
// just being laid out, was none of Busker's.
TEST_F(RecordFile, ThatIsBeingLaidOutIsReadOnceItIs) {
  for (int round = 0; round < 20; ++round) {
    std::filesystem::remove(path_);
    std::filesystem::remove(path_.string() + "-wal");
    std::filesystem::remove(path_.string() + "-shm");
    std::jthread laying_out([&] { EXPECT_TRUE(OpenSqliteRecord(path_, true)); });
    for (bool is_there = false; !is_there;) {
      const auto record = OpenSqliteRecord(path_, false);
      is_there = record.has_value();
      if (!is_there) {
        EXPECT_EQ(record.error().kind, ErrorKind::kNotFound) << record.error().message;
      }
    }
  }
}

TEST_F(RecordFile, IsForItsOwnerAlone) {
  ASSERT_TRUE(OpenSqliteRecord(path_, true));
  EXPECT_EQ(std::filesystem::status(path_).permissions() & std::filesystem::perms(0777),
            std::filesystem::perms(0600));
}

TEST_F(RecordFile, OfAnotherProgramIsRefused) {
  RawFile(path_).Run("CREATE TABLE t (x)");
  EXPECT_EQ(OpenSqliteRecord(path_, true).error().kind, ErrorKind::kUnusable);
}

TEST_F(RecordFile, ThatIsNoDatabaseIsRefused) {
  { std::ofstream(path_) << std::string(5000, 'x'); }
  EXPECT_EQ(OpenSqliteRecord(path_, true).error().kind, ErrorKind::kUnusable);
}

// A turn of every kind of statement, for a run of its own.
TestTurn LargeTurn(const std::string& id) {
  TestTurn turn;
  auto tasks = TasksNamed({"a", "b", "c"});
  tasks[0].retries = 1;
  turn.prepared = {PreparedFor(id, tasks)};
  turn.prepared[0].orders[0].text = std::string(20'000, 'o');
  plan::GraphMemory memory;
  memory.key = "shop/training";
  turn.decisions = {plan::RunQueued{Requested(id)}, plan::TasksPlanned{id, tasks, {}},
                    plan::GraphNoted{memory, "schedule changed", "busker"}};
  for (plan::Decision& decision : Begin(id, "a")) turn.decisions.push_back(std::move(decision));
  return turn;
}

TEST_F(RecordFile, OnAFullDiskTheSameTurnIsAppendedOnceThereIsRoom) {
  for (const int code : {SQLITE_FULL, SQLITE_IOERR_WRITE}) {
    int n = 0;
    for (;; ++n) {
      SCOPED_TRACE(n);
      for (const char* suffix : {"", "-wal", "-shm"}) {
        std::filesystem::remove(path_.string() + suffix);
      }
      BreakingDisk disk([](int, bool) { return SQLITE_OK; });
      auto record = std::move(OpenSqliteRecord(path_, true).value());
      LiveThrough(*record, "r1");
      disk.Restart([&](int number, bool) { return number < n ? SQLITE_OK : code; });
      const auto failed = LargeTurn("r2").AppendTo(*record);
      if (failed) break;
      if (code == SQLITE_FULL) {
        ASSERT_EQ(failed.error().kind, ErrorKind::kTemporary) << failed.error().message;
      } else {
        ASSERT_EQ(failed.error().kind, ErrorKind::kFailed) << failed.error().message;
      }
      ASSERT_TRUE(record->FindRun("r1")) << "reading goes on";
      ASSERT_EQ(record->FindRun("r2").error().kind, ErrorKind::kNotFound);
      disk.Restart([](int, bool) { return SQLITE_OK; });
      const auto again = LargeTurn("r2").AppendTo(*record);
      ASSERT_TRUE(again) << again.error().message;
      LiveThrough(*record, "r3");
      ASSERT_EQ(FaultsIn(*record), Sentences{});
      record.reset();
      ASSERT_EQ(FaultsIn(**OpenSqliteRecord(path_, false)), Sentences{});
    }
    EXPECT_GT(n, 10);
  }
}

TEST_F(RecordFile, ASyncThatFailsIsNoFullDisk) {
  BreakingDisk disk([](int, bool) { return SQLITE_OK; });
  auto record = std::move(OpenSqliteRecord(path_, true).value());
  disk.Restart([](int, bool sync) { return sync ? SQLITE_IOERR_FSYNC : SQLITE_OK; });
  const auto failed = LargeTurn("r1").AppendTo(*record);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kFailed);
  record.reset();
  disk.Restart([](int, bool) { return SQLITE_OK; });
  record = std::move(OpenSqliteRecord(path_, false).value());
  EXPECT_EQ(FaultsIn(*record), Sentences{});
}

TEST_F(RecordFile, KilledAtAnyWriteHoldsWholeTurnsAndAllThatWereAcknowledged) {
  int kills = 0;
  for (int n = 0;; ++n) {
    SCOPED_TRACE(n);
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(path_.string() + suffix);
    }
    { LiveThrough(**OpenSqliteRecord(path_, true), "r1"); }
    int acknowledged[2];
    ASSERT_EQ(pipe(acknowledged), 0);
    const pid_t child = fork();
    if (child == 0) {
      const BreakingDisk disk([n](int number, bool) {
        if (number == n) kill(getpid(), SIGKILL);
        return SQLITE_OK;
      });
      auto record = std::move(OpenSqliteRecord(path_, true).value());
      if (!LargeTurn("r2").AppendTo(*record)) _exit(1);
      if (write(acknowledged[1], "x", 1) != 1) _exit(1);
      record.reset();  // writes, too: what is left is moved into the file
      _exit(0);
    }
    close(acknowledged[1]);
    char byte = 0;
    const bool was_told = read(acknowledged[0], &byte, 1) == 1;
    close(acknowledged[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    auto record = std::move(OpenSqliteRecord(path_, false).value());
    ASSERT_EQ(FaultsIn(*record), Sentences{});
    ASSERT_TRUE(record->FindRun("r1"));
    const auto run = record->LoadRun("r2");
    ASSERT_TRUE(run || !was_told);
    if (run) {
      ASSERT_EQ(run->tasks.size(), 3U);
      ASSERT_TRUE(run->tasks[0].attempt_running);
    }
    LiveThrough(*record, "r3");
    ASSERT_EQ(FaultsIn(*record), Sentences{});
    if (!WIFSIGNALED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      break;
    }
    ++kills;
  }
  EXPECT_GT(kills, 20);
}

TEST_F(RecordFile, KilledAtRandomLosesNothingThatWasAcknowledged) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  { ASSERT_TRUE(OpenSqliteRecord(path_, true)); }
  std::size_t told = 0;
  for (int trial = 0; trial < 30; ++trial) {
    int acknowledged[2];
    ASSERT_EQ(pipe(acknowledged), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto record = std::move(OpenSqliteRecord(path_, false).value());
      for (int i = 0;; ++i) {
        LiveThrough(*record, "r" + std::to_string(trial) + "-" + std::to_string(i));
        if (write(acknowledged[1], "x", 1) != 1) _exit(1);
      }
    }
    close(acknowledged[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
    kill(child, SIGKILL);
    char byte = 0;
    while (read(acknowledged[0], &byte, 1) == 1) ++told;
    close(acknowledged[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    auto record = std::move(OpenSqliteRecord(path_, false).value());
    ASSERT_EQ(FaultsIn(*record), Sentences{});
    RunFilter succeeded;
    succeeded.state = kSucceeded;
    succeeded.count_max = 1'000'000;
    ASSERT_GE(record->ListRuns(succeeded).value().size(), told);
  }
}

TEST_F(RecordFile, TwoProcessesAddToOneChain) {
  { ASSERT_TRUE(OpenSqliteRecord(path_, true)); }  // SQLite's files do not outlive a fork
  constexpr int kEach = 100;
  const auto add = [](Record& to, const std::string& who) {
    for (int i = 0; i < kEach; ++i) {
      EventRow event;
      event.at = kNoon;
      event.what = "live moved";
      event.actor = who;
      const auto added = to.AddEvent(event);
      if (!added) return added;
    }
    return Result<void>();
  };
  const pid_t child = fork();
  if (child == 0) {
    auto other = std::move(OpenSqliteRecord(path_, false).value());
    _exit(add(*other, "ada") ? 0 : 1);
  }
  auto record = std::move(OpenSqliteRecord(path_, false).value());
  const auto added = add(*record, "bob");
  LiveThrough(*record, "r1");
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ASSERT_TRUE(added) << added.error().message;
  const auto events = record->Events("").value();
  const auto by = [&](const std::string& who) {
    return std::count_if(events.begin(), events.end(),
                         [&](const EventRow& event) { return event.actor == who; });
  };
  EXPECT_EQ(by("ada"), kEach);
  EXPECT_EQ(by("bob"), kEach);
  EXPECT_EQ(FaultsIn(*record), Sentences{});
}

// Each statement of the check read another state, so a home at work was said to be tampered with.
TEST_F(RecordFile, IsFoundWholeWhileAnotherWritesToIt) {
  auto record = std::move(OpenSqliteRecord(path_, true).value());
  std::atomic<bool> done = false;
  std::thread writer([&] {
    auto other = std::move(OpenSqliteRecord(path_, false, true).value());
    for (int i = 0; !done; ++i) LiveThrough(*other, "r" + std::to_string(i));
  });
  const auto begun = std::chrono::steady_clock::now();
  int checks = 0;
  for (; std::chrono::steady_clock::now() - begun < std::chrono::milliseconds(600); ++checks) {
    EXPECT_EQ(FaultsIn(*record), Sentences{});
    const auto events = record->CheckEvents();
    EXPECT_TRUE(events);
    EXPECT_EQ(events->breaks, Sentences{});
  }
  done = true;
  writer.join();
  EXPECT_GT(checks, 5);
  EXPECT_GT(record->CheckEvents()->events, 50);
}

}  // namespace
}  // namespace busker::record
