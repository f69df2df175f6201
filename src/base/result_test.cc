#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace busker {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0) return Invalid("it is odd");
  return number / 2;
}

Result<int> Quarter(int number) {
  TRY_ASSIGN(const int half, Half(number));
  return Half(half);
}

Result<void> CheckEven(int number) {
  TRY(Half(number));
  return {};
}

TEST(Result, TryAssignGoesOnWithTheValue) { EXPECT_EQ(Quarter(12).value(), 3); }

TEST(Result, TryAssignReturnsTheErrorAsItIs) {
  const auto result = Quarter(6);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(result.error().message, "it is odd");
}

TEST(Result, TryReturnsTheErrorOfAResultOfAnotherType) {
  EXPECT_TRUE(CheckEven(2));
  EXPECT_EQ(CheckEven(3).error().message, "it is odd");
}

TEST(Result, TryAssignMovesWhatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  const auto use = [&]() -> Result<int> {
    TRY_ASSIGN(const std::unique_ptr<int> pointer, make());
    return *pointer;
  };
  EXPECT_EQ(use().value(), 7);
}

TEST(Result, WrapPutsTheContextInFrontAndKeepsTheKind) {
  const auto wrapped = Wrap("load service 'churn'", NotFound("there is no busker.toml").value());
  EXPECT_EQ(wrapped.value().kind, ErrorKind::kNotFound);
  EXPECT_EQ(wrapped.value().message, "load service 'churn': there is no busker.toml");
}

TEST(Result, ASystemErrorNamesTheThingAndWhatTheSystemSaid) {
  const auto error = SystemError("write /a/b", ENOSPC).value();
  EXPECT_EQ(error.message, "write /a/b: No space left on device");
}

TEST(Result, WhatMayWorkLaterIsTemporary) {
  for (const int reason : {ENOSPC, EDQUOT, EAGAIN, EMFILE, ENFILE, ENOMEM}) {
    EXPECT_EQ(SystemError("x", reason).value().kind, ErrorKind::kTemporary) << reason;
  }
  EXPECT_EQ(SystemError("x", ENOENT).value().kind, ErrorKind::kNotFound);
  for (const int reason : {EACCES, EROFS, EIO}) {
    EXPECT_EQ(SystemError("x", reason).value().kind, ErrorKind::kFailed) << reason;
  }
}

}  // namespace
}  // namespace busker
