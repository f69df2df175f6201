#include "attempt/log_follower.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>

#include "attempt/folder.h"
#include "io/test_folder.h"

namespace busker::attempt {
namespace {

using std::chrono::seconds;

// What a follower handed on, by log, from whichever thread.
class Seen {
 public:
  std::function<void(std::string_view)> Of(const std::string& name) {
    return [this, name](std::string_view bytes) {
      const std::lock_guard lock(mutex_);
      texts_[name] += bytes;
      changed_.notify_all();
    };
  }
  std::function<void()> EndOf(const std::string& name) {
    return [this, name] {
      const std::lock_guard lock(mutex_);
      ++ends_[name];
      changed_.notify_all();
    };
  }
  std::string Text(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return texts_[name];
  }
  int Ends(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return ends_[name];
  }
  bool Becomes(const std::string& name, const std::string& text) {
    return Waits([&] { return texts_[name] == text; });
  }
  bool IsOver(const std::string& name) {
    return Waits([&] { return ends_[name] == 1; });
  }

 private:
  bool Waits(const std::function<bool()>& until) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(60), until);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::string> texts_;
  std::map<std::string, int> ends_;
};

class LogFollowerTest : public testing::Test {
 protected:
  io::fs::path Attempt(const std::string& name) const { return folder_.path() / name; }
  void Write(const std::string& name, const std::string& text) const {
    io::fs::create_directories(Attempt(name));
    auto log = io::Open(Attempt(name) / kLogFile, O_WRONLY | O_CREAT | O_APPEND).value();
    ASSERT_TRUE(io::WriteAll(log.get(), text, "log"));
  }
  void WriteExit(const std::string& name) const {
    ASSERT_TRUE(io::WriteFileUnsynced(Attempt(name) / kExitFile, "{}"));
  }
  LogFollower::Log Log(const std::string& name) {
    return {.reader = LogReader(Attempt(name)), .use = seen_.Of(name), .ended = seen_.EndOf(name)};
  }
  std::size_t FilesIn(const io::fs::path& folder) const {
    std::error_code error;
    const io::fs::recursive_directory_iterator files(folder, error);
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }

  io::TestFolder folder_;
  Seen seen_;
};

// Whoever followed a run made the folder of each attempt, with its syncs, before the runner could:
// 1,000 tasks took 7 s instead of 1.2 s.
TEST_F(LogFollowerTest, MakesNothingInTheHome) {
  LogFollower follower;
  EXPECT_TRUE(follower.Follow("a", Log("a")));
  Write("b", "1\n");
  EXPECT_TRUE(follower.Follow("b", Log("b")));
  EXPECT_TRUE(seen_.Becomes("b", "1\n"));  // the thread has looked
  EXPECT_TRUE(follower.End("a"));
  EXPECT_TRUE(follower.End("b"));
  EXPECT_EQ(FilesIn(folder_.path()), 2U);  // b and b/log
}

// Of a task that ended within a moment nothing was shown.
TEST_F(LogFollowerTest, HandsOnAllOfAnAttemptThatEndsAtOnce) {
  LogFollower follower({.begin_after = Milliseconds(40)});
  for (int i = 0; i < 200; ++i) {
    const std::string name = std::to_string(i);
    EXPECT_TRUE(follower.Follow(name, Log(name)));
    Write(name, "first\nlast, without an end");
    EXPECT_TRUE(follower.End(name));
    EXPECT_EQ(seen_.Text(name), "first\nlast, without an end");
    EXPECT_EQ(seen_.Ends(name), 0) << "who ended it knows";
  }
  EXPECT_FALSE(follower.End("0"));
}

// A task that ran on was shown only when it had ended; or the second of two that began.
TEST_F(LogFollowerTest, HandsOnWhatIsWrittenWhileTheAttemptRuns) {
  LogFollower follower({.begin_after = Milliseconds(40)});
  follower.Follow("a", Log("a"));
  Write("a", "1\n");
  EXPECT_TRUE(seen_.Becomes("a", "1\n"));
  Write("a", "2\n");
  EXPECT_TRUE(seen_.Becomes("a", "1\n2\n"));
  follower.Follow("b", Log("b"));  // now that all others are watched
  Write("b", "b\n");
  EXPECT_TRUE(seen_.Becomes("b", "b\n"));
  Write("a", "3\n");
  EXPECT_TRUE(seen_.Becomes("a", "1\n2\n3\n"));
  EXPECT_TRUE(follower.End("a"));
  Write("b", "c\n");
  EXPECT_TRUE(seen_.Becomes("b", "b\nc\n"));
}

TEST_F(LogFollowerTest, EndsByTheExitRecordWhenAllWasHandedOn) {
  LogFollower follower;
  Write("a", "1\n");
  follower.Follow("a", Log("a"));
  EXPECT_TRUE(seen_.Becomes("a", "1\n"));
  Write("a", "2\nrest");
  WriteExit("a");
  EXPECT_TRUE(seen_.IsOver("a"));
  EXPECT_EQ(seen_.Text("a"), "1\n2\nrest");
  EXPECT_FALSE(follower.End("a"));
  follower.Follow("b", Log("b"));
  Write("b", "at once");
  WriteExit("b");
  EXPECT_TRUE(seen_.IsOver("b"));
  EXPECT_EQ(seen_.Text("b"), "at once");
}

// The page followed a log until the record said that its attempt had ended, and the terminal until
// the exit record was there: of an attempt that was lost there is none, and it followed for ever.
TEST_F(LogFollowerTest, EndsByWhatElseIsKnown) {
  LogFollower follower;
  Write("a", "1\n");
  std::atomic<bool> lost = false;
  LogFollower::Log log = Log("a");
  log.goes_on = [&, asked = seen_.Of("asked")] {
    asked("?");
    return !lost;
  };
  follower.Follow("a", std::move(log));
  EXPECT_TRUE(seen_.Becomes("a", "1\n"));
  EXPECT_TRUE(seen_.Becomes("asked", "??")) << "a second later, though nothing was written";
  Write("a", "2\n");
  EXPECT_TRUE(seen_.Becomes("a", "1\n2\n"));
  lost = true;
  EXPECT_TRUE(seen_.IsOver("a"));
}

TEST_F(LogFollowerTest, EndsWhenTheFolderIsGone) {
  LogFollower follower;
  Write("a", "1\n");
  follower.Follow("a", Log("a"));
  EXPECT_TRUE(seen_.Becomes("a", "1\n"));
  io::fs::remove_all(Attempt("a"));
  EXPECT_TRUE(seen_.IsOver("a"));
}

TEST_F(LogFollowerTest, SaysWhenALookHasHandedOnWhatThereWas) {
  LogFollower follower;
  LogFollower::Log log = Log("a");
  log.caught_up = seen_.EndOf("look");
  Write("a", "1\n");
  follower.Follow("a", std::move(log));
  EXPECT_TRUE(seen_.IsOver("look"));
  EXPECT_EQ(seen_.Text("a"), "1\n");
  Write("a", "2\n");
  WriteExit("a");
  EXPECT_TRUE(seen_.IsOver("a"));
  EXPECT_EQ(seen_.Ends("look"), 2) << "and not when there was nothing new";
}

// A log that grew without an end kept the thread from all others, and who ended it waiting.
TEST_F(LogFollowerTest, ComesBackFromALogThatGrowsAndGrows) {
  LogFollower follower;
  const std::string text(16 << 20, 'x');
  Write("flood", text);
  Write("other", "1\n");
  std::string order;
  LogFollower::Log flood = Log("flood"), other = Log("other");
  flood.caught_up = [&] { order += 'f'; };
  other.caught_up = [&] { order += 'o'; };
  follower.Follow("flood", std::move(flood));
  follower.Follow("other", std::move(other));
  EXPECT_TRUE(seen_.Becomes("flood", text));
  EXPECT_TRUE(follower.End("flood"));
  EXPECT_TRUE(follower.End("other"));
  EXPECT_NE(order.find("of"), std::string::npos) << order;
  EXPECT_EQ(seen_.Text("other"), "1\n");
}

TEST_F(LogFollowerTest, HasABound) {
  LogFollower follower({.begin_after = seconds(60), .logs_max = 2});
  EXPECT_TRUE(follower.Follow("a", Log("a")));
  EXPECT_TRUE(follower.Follow("b", Log("b")));
  EXPECT_FALSE(follower.Follow("c", Log("c")));
  EXPECT_TRUE(follower.End("a"));
  EXPECT_TRUE(follower.Follow("c", Log("c")));
}

TEST_F(LogFollowerTest, MayBeAskedForOthersByWhatItCalls) {
  LogFollower follower;
  follower.Follow("b", Log("b"));
  LogFollower::Log log = Log("a");
  log.ended = [&, ended = seen_.EndOf("a")] {
    EXPECT_TRUE(follower.End("b"));
    EXPECT_TRUE(follower.Follow("c", Log("c")));
    ended();
  };
  Write("a", "1\n");
  Write("b", "2\n");
  WriteExit("a");
  follower.Follow("a", std::move(log));
  EXPECT_TRUE(seen_.IsOver("a"));
  EXPECT_EQ(seen_.Text("b"), "2\n");
  Write("c", "3\n");
  EXPECT_TRUE(seen_.Becomes("c", "3\n"));
}

// By the exit record or by who knows, whoever is first: each byte is handed on once.
TEST_F(LogFollowerTest, HandsOnEachByteOnceWhoeverEndsIt) {
  LogFollower follower({.gather = Milliseconds(1)});
  std::atomic<int> by_us = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        follower.Follow(name, Log(name));
        Write(name, "first\n");
        Write(name, "last\n");
        WriteExit(name);
        std::this_thread::sleep_for(std::chrono::microseconds(i * 40));
        const bool ours = follower.End(name);
        if (ours) ++by_us;
        EXPECT_EQ(seen_.Text(name), "first\nlast\n") << name;
        EXPECT_EQ(seen_.Ends(name), ours ? 0 : 1) << name;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  RecordProperty("ended_by_us", by_us);
}

// In a namespace of the kernel in which there is no inotify.
TEST_F(LogFollowerTest, LooksWhereNothingTellsOfChanges) {
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWUSER) != 0) _exit(77);
    auto limit = io::Open("/proc/sys/user/max_inotify_instances", O_WRONLY);
    if (!limit || !io::WriteAll(limit->get(), "0", "limit")) _exit(77);
    LogFollower follower;
    Write("a", "1\n");
    follower.Follow("a", Log("a"));
    if (!seen_.Becomes("a", "1\n")) _exit(1);
    Write("a", "2\n");
    if (!seen_.Becomes("a", "1\n2\n")) _exit(2);
    WriteExit("a");
    _exit(seen_.IsOver("a") ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "this machine lets nobody make a user namespace";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace busker::attempt
