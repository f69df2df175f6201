#include "record/deed.h"

#include <gtest/gtest.h>

namespace busker::record {
namespace {

using Strings = std::vector<std::string>;

// What a deed and its notes do, in their order; `taken`: how many notes the record takes.
Strings Happened(int taken, bool succeeds, Result<int>* outcome = nullptr) {
  Strings happened;
  Deed deed{"ada", "promote", "live pointer moved", "shop"};
  const auto done = Do(
      deed,
      [&](const EventRow& event) -> Result<void> {
        EXPECT_EQ(event.actor, "ada");
        EXPECT_NE(event.at, Instant{});
        if (taken-- <= 0) return Temporary("the disk is full");
        happened.push_back(event.what + " " + event.detail);
        return {};
      },
      [&](const std::string& why) { happened.push_back("warned: " + why); },
      [&]() -> Result<int> {
        happened.push_back("done");
        if (!succeeds) return NotFound("there is no such version");
        deed.detail = "shop 2";
        return 7;
      });
  if (outcome != nullptr) *outcome = done;
  return happened;
}

// A deed was noted behind it: who was killed in between had done what nobody knew of.
TEST(Deed, IsOnRecordBeforeItIsDoneAndAfter) {
  Result<int> outcome = 0;
  EXPECT_EQ(Happened(2, true, &outcome),
            (Strings{"promote requested shop", "done", "live pointer moved shop 2"}));
  EXPECT_EQ(outcome, 7);
}

TEST(Deed, ThatFailsIsOnRecordAsThat) {
  Result<int> outcome = 0;
  EXPECT_EQ(Happened(2, false, &outcome),
            (Strings{"promote requested shop", "done", "promote failed shop"}));
  EXPECT_EQ(outcome.error().message, "there is no such version");
}

TEST(Deed, IsNotDoneWhenTheRecordDoesNotTakeIt) {
  Result<int> outcome = 0;
  EXPECT_EQ(Happened(0, true, &outcome), Strings{});
  EXPECT_EQ(outcome.error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(outcome.error().message,
            "nothing was done, as it could not be noted in the record first: the disk is full");
}

TEST(Deed, IsDoneWhenOnlyItsEndCannotBeNoted) {
  Result<int> outcome = 0;
  EXPECT_EQ(Happened(1, true, &outcome),
            (Strings{"promote requested shop", "done", "warned: the disk is full"}));
  EXPECT_EQ(outcome, 7);
}

}  // namespace
}  // namespace busker::record
