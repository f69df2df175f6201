#include "model/rulings.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "io/test_folder.h"

namespace busker::model {
namespace {

class RulingsTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = artifact::OpenStore("file://" + folder_.path().string()).value();
  }

  artifact::VersionName Version(int number) {
    return {"churn", "1", "training", FormatStamp(Instant(std::chrono::seconds(number)))};
  }
  Ruling Of(int number, bool passed = false) {
    return {Version(number), passed, "rmse 2 is not <= 1", "r" + std::to_string(number),
            Instant(Milliseconds(number))};
  }
  std::vector<Ruling> Read() {
    return ReadRulings(*store_, "churn", "1", artifact::ForFiles()).value();
  }

  io::TestFolder folder_;
  std::unique_ptr<artifact::Store> store_;
};

TEST_F(RulingsTest, AreKeptLatestFirst) {
  EXPECT_TRUE(Read().empty());
  ASSERT_TRUE(NoteRuling(*store_, Of(1, true), artifact::ForFiles()));
  ASSERT_TRUE(NoteRuling(*store_, Of(2), artifact::ForFiles()));
  const auto rulings = Read();
  ASSERT_EQ(rulings.size(), 2U);
  EXPECT_EQ(rulings[0].version, Version(2));
  EXPECT_FALSE(rulings[0].passed);
  EXPECT_EQ(rulings[0].why, "rmse 2 is not <= 1");
  EXPECT_EQ(rulings[0].run, "r2");
  EXPECT_EQ(rulings[0].at, Instant(Milliseconds(2)));
  EXPECT_TRUE(FindRuling(rulings, Version(1))->passed);
  EXPECT_EQ(FindRuling(rulings, Version(3)), nullptr);
  EXPECT_TRUE(ReadRulings(*store_, "churn", "2", artifact::ForFiles()).value().empty());
}

// A step that was carried out twice, around a crash.
TEST_F(RulingsTest, TheSecondRulingOfAVersionReplacesTheFirst) {
  ASSERT_TRUE(NoteRuling(*store_, Of(1), artifact::ForFiles()));
  ASSERT_TRUE(NoteRuling(*store_, Of(2), artifact::ForFiles()));
  ASSERT_TRUE(NoteRuling(*store_, Of(1, true), artifact::ForFiles()));
  const auto rulings = Read();
  ASSERT_EQ(rulings.size(), 2U);
  EXPECT_TRUE(FindRuling(rulings, Version(1))->passed);
}

// The last version that passed waits until it is approved; an older one is not asked about again.
TEST_F(RulingsTest, OneWaitsUntilItIsApproved) {
  const auto note = [&](int number, bool passed, bool waits) {
    Ruling ruling = Of(number);
    ruling.passed = passed;
    ruling.waits = waits;
    ruling.at = Instant(std::chrono::hours(number));
    ASSERT_TRUE(NoteRuling(*store_, ruling, artifact::ForFiles()));
  };
  const auto waiting = [&] {
    const auto rulings = Read();
    const Ruling* const found = FindWaiting(rulings);
    return found == nullptr ? "none" : found->version.timestamp;
  };
  EXPECT_EQ(waiting(), "none");
  note(1, true, true);
  note(2, true, true);
  note(3, false, false);
  EXPECT_EQ(waiting(), Version(2).timestamp);
  ASSERT_TRUE(NoteApproval(*store_, Version(3), "ada", artifact::ForFiles()));
  ASSERT_TRUE(NoteApproval(*store_, Version(2), "mari", artifact::ForFiles()));
  EXPECT_EQ(waiting(), "none");
  const auto rulings = Read();
  EXPECT_EQ(FindRuling(rulings, Version(2))->approved_by, "mari");
  EXPECT_EQ(FindRuling(rulings, Version(3))->approved_by, "") << "it did not wait";
  EXPECT_TRUE(FindRuling(rulings, Version(1))->waits);
  note(4, true, true);
  EXPECT_EQ(waiting(), Version(4).timestamp);
  note(5, true, false);
  EXPECT_EQ(waiting(), "none") << "a later one passed, and needed nobody";
}

TEST_F(RulingsTest, NoneIsLostWhenManyAreNotedAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [this, i] { EXPECT_TRUE(NoteRuling(*store_, Of(i), artifact::ForFiles())); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Read().size(), 8U);
}

TEST_F(RulingsTest, TheOldestOfAThousandMakesRoomForANewOne) {
  std::string list;
  for (int i = 1000; i > 0; --i) {
    list += R"({"version": ")" + Version(i).Key() +
            R"(", "passed": true, "why": "", "run": "r", "at": "2019-08-01T00:00:00Z"},)";
  }
  list.pop_back();
  ASSERT_TRUE(store_->PutText("churn/1/gate.json", R"({"format": 1, "rulings": [)" + list + "]}",
                              artifact::ForFiles()));
  ASSERT_TRUE(NoteRuling(*store_, Of(1001), artifact::ForFiles()));
  const auto rulings = Read();
  ASSERT_EQ(rulings.size(), 1000U);
  EXPECT_EQ(rulings.front().version, Version(1001));
  EXPECT_EQ(rulings.back().version, Version(2));
}

TEST_F(RulingsTest, AFileThatCannotBeReadIsNotTakenForNone) {
  ASSERT_TRUE(store_->PutText("churn/1/gate.json", "{", artifact::ForFiles()));
  EXPECT_EQ(ReadRulings(*store_, "churn", "1", artifact::ForFiles()).error().kind,
            ErrorKind::kUnusable);
  EXPECT_EQ(NoteRuling(*store_, Of(1), artifact::ForFiles()).error().kind, ErrorKind::kUnusable);
  ASSERT_TRUE(store_->PutText("churn/1/gate.json", R"({"format": 2, "rulings": []})",
                              artifact::ForFiles()));
  EXPECT_EQ(ReadRulings(*store_, "churn", "1", artifact::ForFiles()).error().kind,
            ErrorKind::kUnusable);
}

}  // namespace
}  // namespace busker::model
