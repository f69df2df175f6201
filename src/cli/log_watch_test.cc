#include "cli/log_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <condition_variable>

#include "cli/progress.h"
#include "io/test_folder.h"

namespace busker::cli {
namespace {

using std::chrono::seconds;

// What a watch handed on, by log, from whichever thread.
class Seen {
 public:
  LogWatch::Use Of(const std::string& name) {
    return [this, name](std::string_view bytes) {
      const std::lock_guard lock(mutex_);
      texts_[name] += bytes;
      changed_.notify_all();
    };
  }
  std::string Text(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return texts_[name];
  }
  bool Becomes(const std::string& name, const std::string& text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(10), [&] { return texts_[name] == text; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::string> texts_;
};

class LogWatchTest : public testing::Test {
 protected:
  io::fs::path Attempt(const std::string& name) { return folder_.path() / name; }
  void Write(const std::string& name, const std::string& text) {
    io::fs::create_directories(Attempt(name));
    auto log = io::Open(Attempt(name) / "log", O_WRONLY | O_CREAT | O_APPEND).value();
    ASSERT_TRUE(io::WriteAll(log.get(), text, "log"));
  }
  std::size_t FilesIn(const io::fs::path& folder) {
    std::error_code error;
    const io::fs::recursive_directory_iterator files(folder, error);
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }

  io::TestFolder folder_;
  Seen seen_;
};

// Whoever followed a run made the folder of each attempt, with its syncs, before the runner could:
// 1,000 tasks took 7 s instead of 1.2 s.
TEST_F(LogWatchTest, MakesNothingInTheHome) {
  {
    LogWatch watch;
    watch.Begin("a", Attempt("a.1"), seen_.Of("a"));
    Write("b.1", "1\n");
    watch.Begin("b", Attempt("b.1"), seen_.Of("b"));
    EXPECT_TRUE(seen_.Becomes("b", "1\n"));  // the thread has looked
    EXPECT_TRUE(watch.End("a"));
    EXPECT_TRUE(watch.End("b"));
  }
  EXPECT_EQ(FilesIn(folder_.path()), 2U);  // b.1 and b.1/log

  Progress progress({folder_.path() / "home"}, true, true);
  progress.Take(plan::StartAttempt{"r", "t", 1});
  progress.Take(
      plan::TaskChanged{"r", "t", plan::State::kRunning, plan::State::kSucceeded, "", false});
  EXPECT_FALSE(io::fs::exists(folder_.path() / "home"));
}

// Of a task that ended within a moment nothing was shown.
TEST_F(LogWatchTest, HandsOnAllOfAnAttemptThatEndsAtOnce) {
  LogWatch watch;
  for (int i = 0; i < 200; ++i) {
    const std::string name = std::to_string(i);
    watch.Begin(name, Attempt(name), seen_.Of(name));
    Write(name, "first\nlast, without an end");
    EXPECT_TRUE(watch.End(name));
    EXPECT_EQ(seen_.Text(name), "first\nlast, without an end");
  }
  EXPECT_FALSE(watch.End("0"));
}

// A task that ran on was shown only when it had ended; or the second of two that began.
TEST_F(LogWatchTest, HandsOnWhatIsWrittenWhileTheAttemptRuns) {
  LogWatch watch;
  watch.Begin("a", Attempt("a"), seen_.Of("a"));
  Write("a", "1\n");
  EXPECT_TRUE(seen_.Becomes("a", "1\n"));
  Write("a", "2\n");
  EXPECT_TRUE(seen_.Becomes("a", "1\n2\n"));
  watch.Begin("b", Attempt("b"), seen_.Of("b"));  // now that all others are watched
  Write("b", "b\n");
  EXPECT_TRUE(seen_.Becomes("b", "b\n"));
  Write("a", "3\n");
  EXPECT_TRUE(seen_.Becomes("a", "1\n2\n3\n"));
  EXPECT_TRUE(watch.End("a"));
  Write("b", "c\n");
  EXPECT_TRUE(seen_.Becomes("b", "b\nc\n"));
}

// What was decided while nobody told of it (a listener that is too slow, an owner that was killed)
// was never shown.
TEST_F(LogWatchTest, WhatNobodyToldOfIsShownAsTheRecordHasIt) {
  for (const char* attempt : {"told.1", "lost.1", "lost.2"}) {
    Write("runs/r/" + std::string(attempt), std::string(attempt) + " wrote\n");
  }
  record::RunRow run;
  run.facts.id = "r";
  run.state = plan::State::kFailed;
  for (const auto& [name, attempts, state] :
       {std::tuple("told", 1, plan::State::kSucceeded), std::tuple("lost", 2, plan::State::kFailed),
        std::tuple("behind", 0, plan::State::kSkipped)}) {
    record::TaskRow row;
    row.task.name = name;
    row.task.attempts = attempts;
    row.task.state = state;
    row.task.message = state == plan::State::kFailed ? "exit code 3" : "";
    run.tasks.push_back(row);
  }
  testing::internal::CaptureStdout();
  Progress progress({folder_.path()}, true, true);
  progress.Take(plan::StartAttempt{"r", "told", 1});
  progress.Take(
      plan::TaskChanged{"r", "told", plan::State::kRunning, plan::State::kSucceeded, "", false});
  progress.CatchUp(run);
  progress.CatchUp(run);
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "        told | told.1 wrote\n"
            "  told succeeded\n"
            "        lost | lost.1 wrote\n"
            "        lost | lost.2 wrote\n"
            "  lost failed: exit code 3\n"
            "  behind skipped\n");
}

}  // namespace
}  // namespace busker::cli
