#include "cli/progress.h"

#include <gtest/gtest.h>

#include "io/test_folder.h"

namespace busker::cli {
namespace {

// Whoever followed a run made the folder of each attempt, with its syncs, before the runner could:
// 1,000 tasks took 7 s instead of 1.2 s.
TEST(Progress, MakesNothingInTheHome) {
  const io::TestFolder folder;
  Progress progress({folder.path() / "home"}, true, true);
  progress.Take(plan::StartAttempt{"r", "t", 1});
  progress.Take(
      plan::TaskChanged{"r", "t", plan::State::kRunning, plan::State::kSucceeded, "", false});
  EXPECT_FALSE(io::fs::exists(folder.path() / "home"));
}

// What was decided while nobody told of it (a listener that is too slow, an owner that was killed)
// was never shown.
TEST(Progress, WhatNobodyToldOfIsShownAsTheRecordHasIt) {
  const io::TestFolder folder;
  for (const std::string attempt : {"told.1", "lost.1", "lost.2"}) {
    folder.Write("runs/r/" + attempt + "/log", attempt + " wrote\n");
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
  Progress progress({folder.path()}, true, true);
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
