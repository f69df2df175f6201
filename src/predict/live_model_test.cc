// The live model is swapped while it is asked: whoever asks has one version, whole, for as long as
// it is needed; a version that cannot be asked never takes the place of one that can; and no thread
// that answers has to free a model.
#include "predict/live_model.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "io/test_folder.h"
#include "model/live.h"
#include "predict/test_model.h"

namespace busker::predict {
namespace {

using namespace std::chrono_literals;

constexpr char kSignature[] =
    R"({"inputs": [{"name": "age"}, {"name": "visits", "missing": true}]})";

class LiveModelTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = std::move(artifact::OpenStore(url_).value());
    LiveModel::Settings settings{url_, "shop", "1", folder_ / "scratch"};
    live_ = LiveModel::Follow(settings).value();
  }

  // A version that answers 1 + `base` for whoever is young; its sample says `sample` of it.
  artifact::VersionName Save(int day, const std::string& base, const std::string& sample) {
    artifact::Manifest manifest;
    manifest.name = {"shop", "1", "training", "201908" + std::to_string(day) + "T000000Z"};
    TestModel model;
    model.base_score = "[" + base + "]";
    const io::fs::path output = io::fs::path("output") / std::to_string(day);
    folder_.Write(output / "model.json", model.Json());
    folder_.Write(output / kSignatureFile, kSignature);
    folder_.Write(output / kSampleFile,
                  R"({"inputs": [{"age": 1, "visits": 0}], "outputs": [)" + sample + "]}");
    const auto saved =
        artifact::Publish(*store_, folder_ / output, manifest, {}, artifact::ForFiles());
    EXPECT_TRUE(saved) << saved.error().message;
    return manifest.name;
  }
  // As a person does who is sure: whether it can be asked is for the live model to find out.
  void Point(const artifact::VersionName& version) {
    const auto moved =
        model::MoveLive(*store_, {version, "a test", "by hand", Now()}, artifact::ForFiles());
    ASSERT_TRUE(moved) << moved.error().message;
  }
  template <typename Condition>
  [[nodiscard]] static bool WaitUntil(const Condition& condition) {
    for (const auto end = std::chrono::steady_clock::now() + 60s;
         std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(5ms)) {
      if (condition()) return true;
    }
    return false;
  }
  testing::AssertionResult Serves(const artifact::VersionName& version) const {
    if (WaitUntil([&] { return live_->Look().serving == version.Key(); })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << live_->Look().behind_because;
  }
  static float Ask(const LoadedVersion& version) {
    float answer = 0;
    version.model->Predict(std::vector<float>{1, 0}, {&answer, 1});
    return answer;
  }

  io::TestFolder folder_;
  const std::string url_ = "file://" + (folder_ / "store").string();
  std::unique_ptr<artifact::Store> store_;
  std::unique_ptr<LiveModel> live_;
};

TEST_F(LiveModelTest, FollowsThePointerAndIsReadyWhenTheSampleCameOutRight) {
  EXPECT_EQ(live_->Current(), nullptr);
  const auto first = Save(10, "1E0", "0.25"), second = Save(11, "3E0", "2.25");
  Point(first);
  ASSERT_TRUE(Serves(first));
  EXPECT_EQ(Ask(*live_->Current()), 0.25f);
  Point(second);
  ASSERT_TRUE(Serves(second));
  EXPECT_EQ(Ask(*live_->Current()), 2.25f);
  const LiveModel::State state = live_->Look();
  EXPECT_EQ(state.wanted, second.Key());
  EXPECT_TRUE(state.model.starts_with("model.json, SHA-256 ")) << state.model;
  EXPECT_EQ(state.behind_because, "");
  EXPECT_FALSE(state.behind_since);
  EXPECT_TRUE(io::fs::is_empty(folder_ / "scratch"));
}

TEST_F(LiveModelTest, AsksTheOneOfBeforeWhileTheLiveOneCannotBeAsked) {
  const auto first = Save(10, "1E0", "0.25"), wrong = Save(11, "3E0", "9"),
             torn = Save(12, "4E0", "3.25"), last = Save(13, "5E0", "4.25");
  folder_.Write(io::fs::path("store") / torn.Key() / "model.json", "{");
  Point(first);
  ASSERT_TRUE(Serves(first));
  for (const auto& [bad, because] : {std::pair{wrong, "instance 1"}, {torn, "model.json"}}) {
    Point(bad);
    ASSERT_TRUE(WaitUntil([&, &because = because] {
      return live_->Look().behind_because.find(because) != std::string::npos;
    })) << live_->Look().behind_because;
    const LiveModel::State state = live_->Look();
    EXPECT_EQ(state.wanted, bad.Key());
    EXPECT_EQ(state.serving, first.Key());
    EXPECT_TRUE(state.behind_since);
    EXPECT_TRUE(state.pointer_followed);
    ASSERT_NE(live_->Current(), nullptr);
    EXPECT_EQ(Ask(*live_->Current()), 0.25f);
  }
  // The store is away, or what it has is no pointer: what is asked stays.
  folder_.Write("store/shop/1/live.json", "{");
  ASSERT_TRUE(WaitUntil([&] { return !live_->Look().pointer_followed; }));
  EXPECT_EQ(Ask(*live_->Current()), 0.25f);
  io::fs::remove(folder_ / "store/shop/1/live.json");
  Point(last);
  ASSERT_TRUE(Serves(last));
  EXPECT_EQ(live_->Look().behind_because, "");
  EXPECT_FALSE(live_->Look().behind_since);
}

TEST_F(LiveModelTest, AVersionThatCouldNotBeAskedIsTriedAgain) {
  const auto version = Save(10, "1E0", "0.25");
  const io::fs::path model = folder_ / "store" / version.Key() / "model.json";
  io::fs::rename(model, folder_ / "away");
  Point(version);
  ASSERT_TRUE(WaitUntil([&] { return !live_->Look().behind_because.empty(); }));
  EXPECT_EQ(live_->Current(), nullptr);
  io::fs::rename(folder_ / "away", model);
  ASSERT_TRUE(Serves(version));
}

TEST_F(LiveModelTest, IsFreedByTheThreadThatLoadsAndByNobodyWhoAsks) {
  const auto first = Save(10, "1E0", "0.25"), second = Save(11, "3E0", "2.25");
  Point(first);
  ASSERT_TRUE(Serves(first));
  auto asked = live_->Current();
  const std::weak_ptr<const LoadedVersion> watched = asked;
  Point(second);
  ASSERT_TRUE(Serves(second));
  EXPECT_EQ(Ask(*asked), 0.25f);  // the request goes on with what it has
  // The thread that loads has it, too, so to let go of it frees nothing here.
  EXPECT_GE(asked.use_count(), 2);
  asked.reset();
  EXPECT_TRUE(WaitUntil([&] { return watched.expired(); }));
}

TEST_F(LiveModelTest, EachAnswerIsOfOneVersionWhileTheyAreSwapped) {
  const auto first = Save(10, "1E0", "0.25"), second = Save(11, "3E0", "2.25"),
             wrong = Save(12, "5E0", "9");
  Point(first);
  ASSERT_TRUE(Serves(first));
  std::atomic<bool> ended = false;
  std::atomic<int> mixed = 0;
  std::vector<std::thread> askers;
  for (int i = 0; i < 2; ++i) {
    askers.emplace_back([&] {
      while (!ended) {
        const auto version = live_->Current();
        const bool is_first = version->manifest.name == first;
        if (Ask(*version) != (is_first ? 0.25f : 2.25f)) ++mixed;
        std::this_thread::yield();
      }
    });
  }
  for (int swap = 0; swap < 6; ++swap) {
    if (swap % 3 == 2) {
      Point(wrong);
      EXPECT_TRUE(WaitUntil([&] { return !live_->Look().behind_because.empty(); }));
    }
    const auto& next = swap % 2 == 0 ? second : first;
    Point(next);
    EXPECT_TRUE(Serves(next));
  }
  ended = true;
  for (std::thread& asker : askers) asker.join();
  EXPECT_EQ(mixed, 0);
}

TEST_F(LiveModelTest, WhatWasHandedOutStaysWhenNobodyFollowsAnyMore) {
  const auto first = Save(10, "1E0", "0.25");
  Point(first);
  ASSERT_TRUE(Serves(first));
  const auto asked = live_->Current();
  live_.reset();
  EXPECT_EQ(Ask(*asked), 0.25f);
}

}  // namespace
}  // namespace busker::predict
