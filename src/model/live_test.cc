#include "model/live.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <thread>

#include "io/test_folder.h"

namespace busker::model {
namespace {

namespace fs = std::filesystem;

// A store in a temporary folder, with versions of the service churn 1.
class LivePointerTest : public testing::Test {
 protected:
  void SetUp() override { store_ = Open(); }

  std::unique_ptr<artifact::Store> Open() const {
    auto store = artifact::OpenStore("file://" + (folder_ / "store").string());
    EXPECT_TRUE(store) << store.error().message;
    return std::move(*store);
  }

  static artifact::VersionName Version(const std::string& day) {
    return {"churn", "1", "training", "201908" + day + "T000000Z"};
  }

  void Save(const std::string& day) {
    fs::create_directories(folder_ / "output");
    std::ofstream(folder_ / "output" / "model.bin") << "model of " << day;
    artifact::Manifest manifest;
    manifest.name = Version(day);
    const auto published =
        artifact::Publish(*store_, folder_ / "output", manifest, {}, artifact::ForFiles());
    ASSERT_TRUE(published) << published.error().message;
  }

  Result<LivePointer> PromoteDay(const std::string& day, const std::string& why = "by hand") {
    return Promote(*store_, {Version(day), "ada", why, Instant(Milliseconds(1000))},
                   artifact::ForFiles());
  }
  Result<LivePointer> RollbackOnce() {
    return Rollback(*store_, "churn", "1", "ada", Instant(Milliseconds(2000)),
                    artifact::ForFiles());
  }

  // The day of the live version and of those before it: "03 < 02 < 01"; "" when nothing is live.
  std::string History() const {
    const auto live = ReadLive(*store_, "churn", "1", artifact::ForFiles());
    EXPECT_TRUE(live) << live.error().message;
    if (!*live) return "";
    std::string days = (*live)->now.version.timestamp.substr(6, 2);
    for (const LiveMove& move : (*live)->before)
      days += " < " + move.version.timestamp.substr(6, 2);
    return days;
  }

  fs::path FileOf(const std::string& key) const { return folder_ / "store" / key; }

  io::TestFolder folder_;
  std::unique_ptr<artifact::Store> store_;
};

TEST_F(LivePointerTest, PointsNowhereAtFirst) { EXPECT_EQ(History(), ""); }

TEST_F(LivePointerTest, RemembersWhoMadeWhichVersionLiveWhenAndWhy) {
  Save("01");
  ASSERT_TRUE(PromoteDay("01", "auc > 0.5 (0.81 > 0.5): yes"));
  const auto live = ReadLive(*store_, "churn", "1", artifact::ForFiles());
  ASSERT_TRUE(live && *live);
  const LiveMove& now = (*live)->now;
  EXPECT_EQ(now.version, Version("01"));
  EXPECT_EQ(now.by, "ada");
  EXPECT_EQ(now.why, "auc > 0.5 (0.81 > 0.5): yes");
  EXPECT_EQ(now.at, Instant(Milliseconds(1000)));
  EXPECT_TRUE((*live)->before.empty());
}

TEST_F(LivePointerTest, BelongsToOneVersionOfTheService) {
  Save("01");
  ASSERT_TRUE(PromoteDay("01"));
  EXPECT_FALSE(ReadLive(*store_, "churn", "2", artifact::ForFiles())->has_value());
  EXPECT_FALSE(ReadLive(*store_, "other", "1", artifact::ForFiles())->has_value());
}

TEST_F(LivePointerTest, GoesBackStepByStepUntilNothingIsLeft) {
  for (const std::string day : {"01", "02", "03"}) {
    Save(day);
    ASSERT_TRUE(PromoteDay(day));
  }
  EXPECT_EQ(History(), "03 < 02 < 01");
  const auto back = RollbackOnce();
  ASSERT_TRUE(back);
  EXPECT_EQ(back->now.version, Version("02"));
  EXPECT_EQ(back->now.why, "rollback");
  EXPECT_EQ(History(), "02 < 01");
  ASSERT_TRUE(RollbackOnce());
  EXPECT_EQ(History(), "01");
  const auto end = RollbackOnce();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(end.error().message,
            "nothing was live before churn/1/training/20190801T000000Z, so there is nothing to go "
            "back to");
  EXPECT_EQ(History(), "01");
}

TEST_F(LivePointerTest, HasNothingToRollBackToBeforeAnythingIsLive) {
  EXPECT_EQ(RollbackOnce().error().kind, ErrorKind::kNotFound);
}

// A version that is asked first, and fails, does not become live, by promotion or rollback; what
// the check says of one that passes is kept.
TEST_F(LivePointerTest, AsksAVersionFirst) {
  for (const char* const day : {"01", "02", "03"}) Save(day);
  const FirstCheck check = [](const artifact::Manifest& version) -> Result<std::string> {
    if (version.name == Version("02")) return Invalid("instance 7 differs");
    return "its sample came out right";
  };
  const auto promote = [&](const std::string& day) {
    return Promote(*store_, {Version(day), "ada", "by hand", {}}, artifact::ForFiles(),
                   Pinned::kRefuse, check);
  };
  EXPECT_EQ(promote("01")->now.check, "its sample came out right");
  EXPECT_EQ(promote("02").error().message, "instance 7 differs");
  EXPECT_EQ(History(), "01");
  ASSERT_TRUE(PromoteDay("02"));
  EXPECT_EQ(ReadLive(*store_, "churn", "1", artifact::ForFiles()).value()->now.check, "");
  ASSERT_TRUE(promote("03"));
  const auto back = [&] {
    return Rollback(*store_, "churn", "1", "ada", {}, artifact::ForFiles(), Pinned::kRefuse, check);
  };
  EXPECT_EQ(back().error().message, "instance 7 differs");
  EXPECT_EQ(History(), "03 < 02 < 01");
  ASSERT_TRUE(RollbackOnce());
  EXPECT_EQ(back()->now.check, "its sample came out right");
  EXPECT_EQ(History(), "01");
}

// While it is pinned nothing moves the pointer, until somebody unpins it, or moves it all the same.
TEST_F(LivePointerTest, StaysWhereItIsPinned) {
  for (const char* const day : {"01", "02"}) Save(day);
  const auto interrupt = artifact::ForFiles();
  const Pin pin{"mari", "release week", Instant(std::chrono::hours(24))};
  const std::string sentence = "pinned by mari since 1970-01-02T00:00:00Z: release week";
  EXPECT_EQ(Sentence(pin), sentence);
  EXPECT_EQ(PinLive(*store_, Version("01"), pin, interrupt).error().message,
            "20190801T000000Z is not live; what is live can be pinned: busker promote "
            "20190801T000000Z comes first");
  EXPECT_EQ(Unpin(*store_, "churn", "1", interrupt).error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(PromoteDay("01"));
  ASSERT_TRUE(PromoteDay("02"));
  EXPECT_NE(
      PinLive(*store_, Version("01"), pin, interrupt).error().message.find("20190802T000000Z is"),
      std::string::npos);
  ASSERT_TRUE(PinLive(*store_, Version("02"), pin, interrupt));
  const auto read = ReadLive(*store_, "churn", "1", interrupt).value();
  ASSERT_TRUE(read->pin);
  EXPECT_EQ(Sentence(*read->pin), sentence);
  EXPECT_TRUE(PromoteDay("02")) << "it is live already";
  for (const auto& moved : {PromoteDay("01"), RollbackOnce()}) {
    ASSERT_FALSE(moved);
    EXPECT_EQ(moved.error().kind, ErrorKind::kInvalid);
    EXPECT_EQ(moved.error().message, "20190802T000000Z stays live: it is " + sentence +
                                         "; busker unpin ends that, or --unpin here");
  }
  const auto moved = Rollback(*store_, "churn", "1", "ada", {}, interrupt, Pinned::kUnpin);
  ASSERT_TRUE(moved);
  EXPECT_FALSE(moved->pin);
  ASSERT_TRUE(PinLive(*store_, Version("01"), pin, interrupt));
  ASSERT_TRUE(Unpin(*store_, "churn", "1", interrupt));
  EXPECT_TRUE(PromoteDay("02"));
  EXPECT_EQ(History(), "02 < 01");
}

TEST_F(LivePointerTest, StaysAsItIsWhenTheLiveVersionIsPromotedAgain) {
  Save("01");
  ASSERT_TRUE(PromoteDay("01", "first"));
  const auto again = PromoteDay("01", "second");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->now.why, "first");
  EXPECT_EQ(History(), "01");
}

TEST_F(LivePointerTest, RefusesAVersionThatDoesNotExistAndNamesTheNearest) {
  EXPECT_EQ(PromoteDay("01").error().message,
            "no version churn/1/training/20190801T000000Z; churn 1 has no version from "
            "training yet");
  Save("01");
  Save("05");
  const auto missing = PromoteDay("02");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(missing.error().message,
            "no version churn/1/training/20190802T000000Z, did you mean 20190801T000000Z?");
  auto move = LiveMove{Version("02"), "ada", "", {}};
  move.version.timestamp = "20200101T123456Z";
  EXPECT_EQ(Promote(*store_, move, artifact::ForFiles()).error().message,
            "no version churn/1/training/20200101T123456Z; nearest: 20190805T000000Z");
  EXPECT_EQ(History(), "");
}

TEST_F(LivePointerTest, RefusesAVersionThatIsNoName) {
  for (const std::string bad : {"", "..", "a/b", "A"}) {
    auto move = LiveMove{Version("01"), "ada", "", {}};
    move.version.service = bad;
    EXPECT_EQ(Promote(*store_, move, artifact::ForFiles()).error().kind, ErrorKind::kInvalid)
        << bad;
  }
}

TEST_F(LivePointerTest, RefusesAHalfWrittenVersion) {
  Save("01");
  fs::remove(FileOf(Version("01").Key()) / "manifest.json");
  EXPECT_EQ(PromoteDay("01").error().kind, ErrorKind::kNotFound);
}

TEST_F(LivePointerTest, RefusesACorruptVersionAndNamesTheFile) {
  Save("01");
  Save("02");
  ASSERT_TRUE(PromoteDay("01"));
  std::ofstream(FileOf(Version("02").Key()) / "model.bin", std::ios::app) << "!";
  const auto corrupt = PromoteDay("02");
  ASSERT_FALSE(corrupt);
  EXPECT_EQ(corrupt.error().kind, ErrorKind::kUnusable);
  EXPECT_NE(corrupt.error().message.find("model.bin"), std::string::npos)
      << corrupt.error().message;
  EXPECT_EQ(History(), "01");
}

TEST_F(LivePointerTest, DoesNotRollBackToACorruptVersion) {
  Save("01");
  Save("02");
  ASSERT_TRUE(PromoteDay("01"));
  ASSERT_TRUE(PromoteDay("02"));
  fs::remove(FileOf(Version("01").Key()) / "model.bin");
  EXPECT_EQ(RollbackOnce().error().kind, ErrorKind::kUnusable);
  EXPECT_EQ(History(), "02 < 01");
}

TEST_F(LivePointerTest, ThatCannotBeReadIsLeftAlone) {
  Save("01");
  const auto pointer = [&](const std::string& rest) {  // to the version that there is
    return R"({"format": 1, "by": "a", "why": "", "version": ")" + Version("01").Key() + "\"" +
           (rest.empty() ? R"(, "before": [])" : rest) + "}";
  };
  const std::vector<std::string> texts = {
      "",
      "{",
      "[]",
      "{\"format\": 2}",
      "{\"format\": 1, \"version\": \"../x\"}",
      "{\"format\": \"1\"}",
      pointer(""),
      pointer(R"(, "at": "soon")"),
      pointer(R"(, "at": "2019-08-01T00:00:00Z", "before": {})"),
      pointer(R"(, "at": "2019-08-01T00:00:00Z", "before": [{}])")};
  for (const std::string& text : texts) {
    ASSERT_TRUE(store_->PutText("churn/1/live.json", text, artifact::ForFiles()));
    EXPECT_EQ(ReadLive(*store_, "churn", "1", artifact::ForFiles()).error().kind,
              ErrorKind::kUnusable)
        << text;
    EXPECT_EQ(PromoteDay("01").error().kind, ErrorKind::kUnusable) << text;
    EXPECT_EQ(RollbackOnce().error().kind, ErrorKind::kUnusable) << text;
    EXPECT_EQ(*store_->GetText("churn/1/live.json", artifact::ForFiles()), text);
  }
}

// A move at an instant that cannot be written left a pointer that could be neither read, nor
// promoted over, nor rolled back.
TEST_F(LivePointerTest, IsNotReplacedByOneThatCannotBeRead) {
  Save("01");
  Save("02");
  ASSERT_TRUE(PromoteDay("01"));
  const Instant far = std::chrono::sys_days(std::chrono::year(20'000) / 1 / 1);
  EXPECT_EQ(
      Promote(*store_, {Version("02"), "ada", "by hand", far}, artifact::ForFiles()).error().kind,
      ErrorKind::kInvalid);
  EXPECT_EQ(History(), "01");
  ASSERT_TRUE(PromoteDay("02"));
  EXPECT_EQ(Rollback(*store_, "churn", "1", "ada", far, artifact::ForFiles()).error().kind,
            ErrorKind::kInvalid);
  EXPECT_EQ(History(), "02 < 01");
}

TEST_F(LivePointerTest, KeepsAReasonThatIsNoUtf8Readable) {
  Save("01");
  ASSERT_TRUE(PromoteDay("01", "a\xff\nb"));
  EXPECT_EQ((*ReadLive(*store_, "churn", "1", artifact::ForFiles()))->now.why, "a\xef\xbf\xbd\nb");
}

TEST_F(LivePointerTest, RemembersAHundredMoves) {
  Save("01");
  Save("02");
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(PromoteDay("01"));
    ASSERT_TRUE(PromoteDay("02"));
  }
  EXPECT_EQ((*ReadLive(*store_, "churn", "1", artifact::ForFiles()))->before.size(), 100U);
}

// Each promotion that was acknowledged is in the history, once, whoever else promotes meanwhile.
// Reasons of a megabyte, a few of them, made a live.json that nothing could read any more: then no
// application ran, and no promotion mended it.
TEST_F(LivePointerTest, CanBeReadAgainHoweverLongTheReasonsAre) {
  const std::string long_reason = "a" + std::string(1 << 20, '\xC3') + "\xA9";
  std::string umlauts = "x";
  while (umlauts.size() < 1 << 20) umlauts += "\xC3\xA4";
  Save("01");
  Save("02");
  for (int i = 0; i < 20; ++i) {
    const auto moved = PromoteDay(i % 2 == 0 ? "01" : "02", i < 10 ? long_reason : umlauts);
    ASSERT_TRUE(moved) << moved.error().message;
  }
  const auto live = ReadLive(*store_, "churn", "1", artifact::ForFiles());
  ASSERT_TRUE(live) << live.error().message;
  EXPECT_EQ((*live)->before.size(), 19U);
  EXPECT_LT((*live)->now.why.size(), 5000U);
  EXPECT_EQ((*live)->now.why, umlauts.substr(0, 4095) + "...");
}

TEST_F(LivePointerTest, LosesNoMoveOfManyAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kMoves = 6;
  for (int day = 1; day <= kThreads * kMoves; ++day)
    Save((day < 10 ? "0" : "") + std::to_string(day));
  std::vector<std::thread> threads;
  std::vector<int> done(kThreads, 0);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      const auto store = Open();
      for (int move = 0; move < kMoves; ++move) {
        const int day = 1 + thread * kMoves + move;
        const auto text = (day < 10 ? "0" : "") + std::to_string(day);
        done[static_cast<std::size_t>(thread)] +=
            Promote(*store, {Version(text), "thread", "", {}}, artifact::ForFiles()) ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (int count : done) EXPECT_EQ(count, kMoves);
  const auto live = ReadLive(*store_, "churn", "1", artifact::ForFiles());
  ASSERT_TRUE(live && *live);
  std::set<artifact::VersionName> seen = {(*live)->now.version};
  for (const auto& move : (*live)->before) seen.insert(move.version);
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kThreads * kMoves));
  EXPECT_EQ((*live)->before.size() + 1, seen.size());
}

// A gate must not move what somebody has just pinned, nor may a pin say of a version that it is
// live when it no longer is: of two at once, one is first, and the other is told.
TEST_F(LivePointerTest, IsMovedOrPinnedWhenBothAreAskedForAtOnce) {
  constexpr int kRounds = 60;
  for (const char* day : {"01", "02"}) Save(day);
  int moves = 0, pins = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string from = round % 2 == 0 ? "01" : "02", to = round % 2 == 0 ? "02" : "01";
    ASSERT_TRUE(
        Promote(*store_, {Version(from), "ada", "", {}}, artifact::ForFiles(), Pinned::kUnpin));
    std::optional<Result<LivePointer>> moved, pinned;
    std::atomic<int> ready = 0;
    const auto together = [&] {  // neither has a start over the other
      ++ready;
      while (ready < 2) std::this_thread::yield();
    };
    std::thread mover([&] {
      const auto store = Open();
      together();
      moved = MoveLive(*store, {Version(to), "run r", "", {}}, artifact::ForFiles());
    });
    std::thread pinner([&] {
      const auto store = Open();
      together();
      pinned = PinLive(*store, Version(from), {"mari", "release week", {}}, artifact::ForFiles());
    });
    mover.join();
    pinner.join();
    ASSERT_NE(moved->has_value(), pinned->has_value()) << "round " << round;
    const auto live = ReadLive(*store_, "churn", "1", artifact::ForFiles());
    ASSERT_TRUE(live && *live);
    EXPECT_EQ((*live)->now.version, Version(moved->has_value() ? to : from));
    EXPECT_EQ((*live)->pin.has_value(), pinned->has_value());
    const auto& refused = moved->has_value() ? *pinned : *moved;
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid) << refused.error().message;
    ++(moved->has_value() ? moves : pins);
  }
  RecordProperty("moves", moves);
  RecordProperty("pins", pins);
}

}  // namespace
}  // namespace busker::model
