#include "cloud/log_severity.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace busker::cloud {
namespace {

Severity Of(std::string_view line) { return SeverityGuess().Of(line); }

TEST(Severity, IsTheLevelThatLibrariesOfLogsWrite) {
  EXPECT_EQ(Of("ERROR:root:no such column"), Severity::kError);
  EXPECT_EQ(Of("2019-08-01 12:00:00,123 - shop.model - WARNING - few rows"), Severity::kWarning);
  EXPECT_EQ(Of("2019-08-01T12:00:00Z INFO loading"), Severity::kInfo);
  EXPECT_EQ(Of("[2019-08-01 12:00:00] [DEBUG] x"), Severity::kDebug);
  EXPECT_EQ(Of("[CRITICAL] out of space"), Severity::kCritical);
  EXPECT_EQ(Of("19/08/01 12:00:00 WARN TaskSetManager: lost task"), Severity::kWarning);
  EXPECT_EQ(Of("time=12:00 level=warning msg=\"few rows\""), Severity::kWarning);
  EXPECT_EQ(Of(R"({"level": "error", "message": "no such column"})"), Severity::kError);
  EXPECT_EQ(Of(R"({"message": "x", "severity":"NOTICE"})"), Severity::kNotice);
  EXPECT_EQ(Of("E0801 12:34:56.789012  4711 model.cc:12] no such column"), Severity::kError);
}

TEST(Severity, IsWhatAProgramSaysFirst) {
  EXPECT_EQ(Of("error: no such column"), Severity::kError);
  EXPECT_EQ(Of("Fatal: not a git repository"), Severity::kError);
  EXPECT_EQ(Of("Warning: few rows"), Severity::kWarning);
  EXPECT_EQ(Of("/srv/model.py:12: UserWarning: few rows"), Severity::kWarning);
}

// What only holds such a word must not wake anybody.
TEST(Severity, IsNotGuessedFromWordsInASentence) {
  for (const char* line :
       {"", "Running the action...", "Well done.", "the ERROR rate is 0.1",
        "mean squared error: 0.1", "no error", "errors: 0", "loading INFORMATION", "WARNINGS 3",
        "ERRORS=0", "0 WARNING lines", "training_error 0.2", "{\"message\": \"level\"}",
        "high-level=error", "a FATAL attraction", "the UserWarning: class", "I0801 and more"}) {
    EXPECT_EQ(Of(line), Severity::kDefault) << line;
  }
}

TEST(Severity, OfATracebackIsThatOfAnErrorToItsLastLine) {
  SeverityGuess guess;
  std::vector<Severity> found;
  for (const char* line :
       {"loading", "Traceback (most recent call last):", "  File \"model.py\", line 3, in <module>",
        "    train()", "ValueError: no such column", "cleaning up"}) {
    found.push_back(guess.Of(line));
  }
  using enum Severity;
  EXPECT_EQ(found, (std::vector{kDefault, kError, kError, kError, kError, kDefault}));
}

TEST(Severity, IsNotLookedForFarInALine) {
  EXPECT_EQ(Of(std::string(1 << 20, ' ') + "ERROR: x"), Severity::kDefault);
}

}  // namespace
}  // namespace busker::cloud
