// A version is ready to be asked when its files are those that were saved, its model is read, and
// its sample comes out in this process, bit for bit, as where it was trained.
#include "predict/loaded_version.h"

#include <gtest/gtest.h>

#include <fstream>

#include "io/test_folder.h"
#include "predict/test_model.h"

namespace busker::predict {
namespace {

constexpr char kSignature[] =
    R"({"inputs": [{"name": "age"}, {"name": "visits", "missing": true}]})";
// Of TestModel: 0.5 - 1 + 0.25 left of 1.5, 0.5 + 2 + 0.25 right of it.
constexpr char kSample[] =
    R"({"inputs": [{"age": 1, "visits": null}, {"visits": 0.5, "age": 2}, [1.5, NaN]], "outputs": [-0.25, 2.75, [2.75]]})";

class LoadedVersionTest : public testing::Test {
 protected:
  LoadedVersionTest() {
    store_ = std::move(artifact::OpenStore("file://" + (folder_ / "store").string()).value());
    files_ = {
        {"model.json", TestModel().Json()}, {kSignatureFile, kSignature}, {kSampleFile, kSample}};
  }

  void Save() {
    manifest_.name = {"shop", "1", "training", "20190801T000000Z"};
    for (const auto& [file, text] : files_) folder_.Write(io::fs::path("output") / file, text);
    auto saved =
        artifact::Publish(*store_, folder_ / "output", manifest_, {}, artifact::ForFiles());
    ASSERT_TRUE(saved) << saved.error().message;
    manifest_ = *std::move(saved);
  }

  Result<std::shared_ptr<const LoadedVersion>> Load() {
    return LoadVersion(*store_, manifest_, folder_.path(), artifact::ForFiles());
  }
  // What is wrong with a version in which `file` is `text`.
  std::string FaultWith(const std::string& file, const std::string& text) {
    io::fs::remove_all(folder_ / "store");
    io::fs::remove_all(folder_ / "output");
    const auto before = files_;
    if (text.empty()) {
      files_.erase(file);
    } else {
      files_[file] = text;
    }
    manifest_ = {};
    Save();
    files_ = before;
    const auto loaded = Load();
    const auto checked = CheckServing(*store_, manifest_, folder_.path(), artifact::ForFiles());
    EXPECT_TRUE(manifest_.files.contains(kSampleFile) ? loaded.has_value() == checked.has_value()
                                                      : checked && !checked->was_asked);
    if (loaded) return "nothing";
    EXPECT_EQ(loaded.error().kind, ErrorKind::kInvalid);
    return loaded.error().message;
  }

  io::TestFolder folder_;
  std::unique_ptr<artifact::Store> store_;
  std::map<std::string, std::string> files_;
  artifact::Manifest manifest_;
};

TEST_F(LoadedVersionTest, IsReadyToBeAsked) {
  Save();
  const auto loaded = Load();
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ((*loaded)->sample_size, 3U);
  EXPECT_EQ((*loaded)->signature.model, "model.json");
  EXPECT_EQ((*loaded)->signature.inputs.at(1).name, "visits");
  EXPECT_EQ((*loaded)->manifest.name, manifest_.name);
  float answer = 0;
  (*loaded)->model->Predict(std::vector<float>{9, 9}, {&answer, 1});
  EXPECT_EQ(answer, 2.75f);
  const auto checked = CheckServing(*store_, manifest_, folder_.path(), artifact::ForFiles());
  ASSERT_TRUE(checked);
  EXPECT_TRUE(checked->was_asked);
  EXPECT_EQ(checked->sentence, "its sample of 3 came out right");
}

TEST_F(LoadedVersionTest, NamesTheFirstInstanceThatComesOutOtherwise) {
  EXPECT_EQ(
      FaultWith(kSampleFile, R"({"inputs": [[1, 0], [2, 0]], "outputs": [-0.25, 2.7500002]})"),
      "its sample comes out otherwise: instance 2: the model answers 2.75 here, and 2.7500002 "
      "where it was trained");
  // A model that is another one; one with the inputs the other way round.
  TestModel other;
  other.conditions = "[1.25E0,-1E0,2E0]";
  EXPECT_EQ(FaultWith("model.json", other.Json()), "nothing") << "no instance is between";
  other.conditions = "[1.75E0,-1E0,2E0]";
  EXPECT_EQ(
      FaultWith("model.json", other.Json()),
      "its sample comes out otherwise: instance 3: the model answers -0.25 here, and 2.75 where "
      "it was trained");
  EXPECT_EQ(
      FaultWith(
          kSignatureFile,
          R"({"inputs": [{"name": "visits", "missing": true}, {"name": "age", "missing": true}]})")
          .substr(0, 42),
      "its sample comes out otherwise: instance 2");
  EXPECT_EQ(
      FaultWith(kSampleFile, R"({"inputs": [[1, 0]], "outputs": [-0.0]})"),
      "its sample comes out otherwise: instance 1: the model answers -0.25 here, and -0 where it "
      "was trained");
}

TEST_F(LoadedVersionTest, SaysWhatASampleLacks) {
  const auto fault = [&](const std::string& text) { return FaultWith(kSampleFile, text); };
  EXPECT_EQ(fault(""), "it has no serving_sample.json");
  EXPECT_EQ(
      fault(R"({"inputs": [[1, 0]], "outputs": []})"),
      "serving_sample.json has 1 inputs and 0 outputs; it is to have one for each, and at least "
      "one");
  EXPECT_EQ(fault(R"({"inputs": [], "outputs": []})").substr(0, 33),
            "serving_sample.json has 0 inputs ");
  EXPECT_EQ(fault(R"({"inputs": [[1, 0]], "outputs": [[1, 2]]})"),
            "serving_sample.json: \"outputs\": instance 1 has 2, and the model gives 1");
  EXPECT_EQ(fault(R"({"inputs": [[1, 0]], "outputs": ["1"]})"),
            "serving_sample.json: \"outputs\": instance 1: a number is expected");
  EXPECT_EQ(fault(R"({"inputs": [[1, 0]], "outputs": [[[1]]]})"),
            "serving_sample.json: \"outputs\": instance 1: a number is expected");
  EXPECT_EQ(fault(R"({"inputs": [[1, 0]], "outputs": 1})"),
            "serving_sample.json: \"outputs\" is not a list");
  EXPECT_NE(fault(R"({"inputs": [[1, "x"]], "outputs": [1]})").find("\"visits\""),
            std::string::npos);
  EXPECT_NE(fault(R"({"input": [[1, 0]], "outputs": [1]})").find("not \"input\""),
            std::string::npos);
  EXPECT_EQ(fault("[]"), "serving_sample.json: byte 1: an object is expected");
  EXPECT_EQ(fault(R"({"inputs": [[1, 0]], "outputs": [1})").substr(0, 20), "serving_sample.json:");
  EXPECT_EQ(fault(R"({"inputs": [[1, 0]], "outputs": [1]} x)").substr(0, 20),
            "serving_sample.json:");
  std::string many = "[1, 0]", answers = "-0.25";
  for (std::size_t i = 1; i < kSampleRowsMax; ++i) {
    many += ",[1, 0]";
    answers += ",-0.25";
  }
  const auto sample = [&] {
    return R"({"inputs": [)" + many + R"(], "outputs": [)" + answers + "]}";
  };
  EXPECT_EQ(fault(sample()), "nothing");
  many += ",[1, 0]";
  answers += ",-0.25";
  EXPECT_EQ(fault(sample()), "serving_sample.json has more than 200 instances");
}

TEST_F(LoadedVersionTest, SaysWhatTheVersionLacks) {
  EXPECT_EQ(FaultWith(kSignatureFile, ""),
            "it has no signature.json that names its inputs, nor does model.json");
  EXPECT_EQ(FaultWith("model.json", ""),
            "it has no model that is served here: no *.ubj or *.json of XGBoost");
  EXPECT_EQ(FaultWith("other.json", "{}").substr(0, 63),
            "it has 2 files that may be its model (model.json, other.json, .");
  EXPECT_EQ(
      FaultWith(kSignatureFile, R"({"model": "../x", "inputs": [{"name": "a"}, {"name": "b"}]})"),
      "signature.json: \"model\": the version has no file ../x");
  EXPECT_EQ(FaultWith(kSignatureFile, R"({"inputs": [{"name": "age"}]})").substr(0, 23),
            "signature.json: inputs:");
  EXPECT_EQ(FaultWith("model.json", "{").substr(0, 10), "model.json");
}

// What a reader of the store was handed is what was saved, or it is not read.
TEST_F(LoadedVersionTest, RefusesFilesThatAreNotWhatWasSaved) {
  Save();
  for (const char* const file : {"model.json", kSignatureFile, kSampleFile}) {
    const io::fs::path path = folder_ / "store" / manifest_.name.Key() / file;
    const std::string text = io::ReadFile(path).value();
    for (const std::string& other : {text.substr(0, text.size() / 2), text + " ", std::string()}) {
      io::fs::permissions(path, io::fs::perms::owner_all);
      std::ofstream(path) << other;
      const auto loaded = Load();
      ASSERT_FALSE(loaded);
      EXPECT_EQ(loaded.error().kind, ErrorKind::kUnusable) << file;
      EXPECT_EQ(loaded.error().message, "version shop/1/training/20190801T000000Z: " +
                                            std::string(file) + " is not what was saved");
    }
    std::ofstream(path) << text;
  }
  EXPECT_TRUE(Load());
}

TEST_F(LoadedVersionTest, LeavesVersionsAloneThatNothingHereServes) {
  artifact::Manifest manifest;
  manifest.files = {{"model.pkl", {}}, {"metrics.json", {}}};
  EXPECT_EQ(ServableOf(manifest), Servable::kNoModel);
  const auto checked = CheckServing(*store_, manifest, folder_.path(), artifact::ForFiles());
  EXPECT_FALSE(checked->was_asked);
  EXPECT_EQ(checked->sentence, "it has no model that is served here");
  manifest.files.emplace("model.ubj", io::FileDigest{});
  EXPECT_EQ(ServableOf(manifest), Servable::kNative);
  EXPECT_EQ(CheckServing(*store_, manifest, folder_.path(), artifact::ForFiles())->sentence,
            "not served online: it has no serving_sample.json");
}

}  // namespace
}  // namespace busker::predict
