#include "artifact/version.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "artifact/directory_store.h"
#include "io/test_folder.h"

namespace busker::artifact {
namespace {

namespace fs = io::fs;
using Digests = std::map<std::string, io::FileDigest>;

const VersionName kTraining = {"churn", "2019-07-01", "training", "20190801T000000Z"};
const std::string kTrainingKey = "churn/2019-07-01/training/20190801T000000Z";

io::FileDigest DigestOf(const std::string& text) { return {text.size(), io::Sha256Of(text)}; }

Manifest FactsOf(const VersionName& name) {
  Manifest manifest;
  manifest.name = name;
  manifest.run = "20190801-000000-abc123";
  manifest.task = "training";
  manifest.attempt = 2;
  manifest.scheduled_at = ParseRfc3339("2019-08-01T00:00:00Z").value();
  manifest.data_date = "2019-08-01";
  manifest.command = {"build/prediction", "--action", "training"};
  manifest.source_commit = "0123abcd-dirty";
  manifest.folder_commit = "4567cdef";
  manifest.config_sha256 = io::Sha256Of("{}");
  manifest.runner_version = "0.1.0";
  manifest.saved_at = ParseRfc3339("2019-08-01T00:01:00.5Z").value();
  return manifest;
}

class Version : public testing::Test {
 protected:
  fs::path Output(const std::map<std::string, std::string>& files) {
    const std::string name = "output" + std::to_string(outputs_++);
    fs::create_directory(folder_ / name);
    for (const auto& [file, text] : files) folder_.Write(fs::path(name) / file, text);
    return folder_ / name;
  }
  Manifest Save(const VersionName& name, const std::map<std::string, std::string>& files) {
    return Publish(*store_, Output(files), FactsOf(name), {}, ForFiles()).value();
  }
  std::vector<std::string> Listed(const std::string& action) {
    std::vector<std::string> keys;
    const auto versions = ListVersions(*store_, "churn", "2019-07-01", action, ForFiles()).value();
    for (const Manifest& manifest : versions) keys.push_back(manifest.name.Key());
    return keys;
  }

  const io::TestFolder folder_;
  std::unique_ptr<Store> store_ = OpenDirectoryStore(folder_ / "store").value();
  int outputs_ = 0;
};

TEST_F(Version, WhatIsPublishedIsListedReadAndLoaded) {
  const Manifest saved = Save(kTraining, {{"model.ubj", "trees"}, {"plots/roc.svg", "<svg/>"}});
  EXPECT_EQ(saved.files,
            (Digests{{"model.ubj", DigestOf("trees")}, {"plots/roc.svg", DigestOf("<svg/>")}}));
  EXPECT_EQ(Listed("training"), std::vector{kTrainingKey});

  const Manifest read = ReadManifest(*store_, kTraining, ForFiles()).value();
  EXPECT_EQ(ManifestToJson(read), ManifestToJson(saved));
  ASSERT_TRUE(Load(*store_, read, folder_ / "loaded", ForFiles()));
  EXPECT_EQ(folder_.Read("loaded/model.ubj"), "trees");
  EXPECT_EQ(folder_.Read("loaded/plots/roc.svg"), "<svg/>");
  EXPECT_FALSE(fs::exists(folder_ / "loaded/manifest.json"));
  EXPECT_TRUE(Verify(*store_, read, ForFiles()));
  EXPECT_TRUE(VerifyByReading(*store_, read, ForFiles()));
}

TEST_F(Version, AnEmptyFolderIsAVersion) {
  EXPECT_TRUE(Save(kTraining, {}).files.empty());
  EXPECT_EQ(Listed("training"), std::vector{kTrainingKey});
}

// Orders and exit records of VMs are kept there, below a name that no service has.
TEST_F(Version, WhatIsKeptBesideVersionsIsNone) {
  Save(kTraining, {{"model", "trees"}});
  for (const std::string key :
       {"_busker/home/20190801-000000-k3f9x2/training.1/exit.json",
        "_busker/churn/2019-07-01/20190801T000000Z/manifest.json", "_busker/runners/3fa9"}) {
    ASSERT_TRUE(store_->PutText(key, "{}", ForFiles()));
  }
  EXPECT_EQ(Listed("training"), std::vector{kTrainingKey});
  EXPECT_EQ(Listed(""), std::vector{kTrainingKey});
  EXPECT_EQ(store_->ListFolders("churn", ForFiles()).value(),
            std::vector<std::string>{"2019-07-01"});
  EXPECT_FALSE(ParseVersionName("_busker/churn/2019-07-01/20190801T000000Z"));
}

TEST_F(Version, WithoutAManifestThereIsNoVersion) {
  ASSERT_TRUE(store_->PutText(kTrainingKey + "/model.ubj", "half", ForFiles()));
  EXPECT_TRUE(Listed("training").empty());
  EXPECT_TRUE(Listed("").empty());
  EXPECT_EQ(ReadManifest(*store_, kTraining, ForFiles()).error().kind, ErrorKind::kNotFound);
}

TEST_F(Version, TheRestOfAnEarlierTryIsOverwritten) {
  ASSERT_TRUE(store_->PutText(kTrainingKey + "/model.ubj", "half of an earlier model", ForFiles()));
  const Manifest saved = Save(kTraining, {{"model.ubj", "trees"}});
  EXPECT_TRUE(Verify(*store_, saved, ForFiles()));
}

TEST_F(Version, ThatExistsStaysAsItIs) {
  Save(kTraining, {{"model.ubj", "first"}});
  const auto again =
      Publish(*store_, Output({{"model.ubj", "second"}}), FactsOf(kTraining), {}, ForFiles());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(store_->GetText(kTrainingKey + "/model.ubj", ForFiles()).value(), "first");
}

TEST_F(Version, WhatWasLoadedAndIsTheSameIsNotSavedAgain) {
  const VersionName application = {"churn", "2019-07-01", "application", "20190802T070000Z"};
  const Manifest model = Save(kTraining, {{"model.ubj", "trees"}, {"notes.txt", "old"}});
  const auto output =
      Output({{"model.ubj", "trees"}, {"notes.txt", "new"}, {"predictions.csv", "id\n"}});
  const auto saved = Publish(*store_, output, FactsOf(application), model, ForFiles());
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(saved->files,
            (Digests{{"notes.txt", DigestOf("new")}, {"predictions.csv", DigestOf("id\n")}}));
}

// A program in output/ was none any more for the application, and empty folders were not there.
TEST_F(Version, ProgramsStayProgramsAndEmptyFoldersComeBack) {
  const auto output = Output({{"predict", "#!/bin/sh\n"}, {"model", "x"}, {"tools/run", "x"}});
  for (const char* name : {"predict", "tools/run"}) {
    ASSERT_EQ(chmod((output / name).c_str(), 04750), 0);
  }
  fs::create_directories(output / "cache/tmp");
  const auto saved = Publish(*store_, output, FactsOf(kTraining), {}, ForFiles());
  ASSERT_TRUE(saved) << saved.error().message;
  const Manifest read = ReadManifest(*store_, kTraining, ForFiles()).value();
  EXPECT_EQ(read.executables, (std::set<std::string>{"predict", "tools/run"}));
  EXPECT_EQ(read.empty_folders, std::set<std::string>{"cache/tmp"});

  // A store need not know of it: the manifest does.
  ASSERT_EQ(chmod((folder_ / "store" / kTrainingKey / "predict").c_str(), 0644), 0);
  ASSERT_TRUE(Load(*store_, read, folder_ / "loaded", ForFiles()));
  const auto mode = [&](const fs::path& name) {
    return static_cast<unsigned>(fs::status(folder_ / "loaded" / name).permissions());
  };
  EXPECT_EQ(mode("predict"), 0755U);
  EXPECT_EQ(mode("tools/run"), 0755U);
  EXPECT_EQ(mode("model"), 0644U);
  EXPECT_TRUE(fs::is_empty(folder_ / "loaded/cache/tmp"));
}

TEST_F(Version, OnlyWhatAnActionChangedOfItsInputIsItsOwn) {
  const VersionName application = {"churn", "2019-07-01", "application", "20190802T070000Z"};
  const auto output = Output({{"predict", "x"}, {"tool", "x"}});
  ASSERT_EQ(chmod((output / "predict").c_str(), 0755), 0);
  fs::create_directory(output / "cache");
  const Manifest model = Publish(*store_, output, FactsOf(kTraining), {}, ForFiles()).value();
  ASSERT_TRUE(Load(*store_, model, folder_ / "loaded", ForFiles()));
  fs::create_directory(folder_ / "loaded/logs");
  ASSERT_EQ(chmod((folder_ / "loaded/tool").c_str(), 0755), 0);
  const auto saved = Publish(*store_, folder_ / "loaded", FactsOf(application), model, ForFiles());
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(saved->files, (Digests{{"tool", DigestOf("x")}}));
  EXPECT_EQ(saved->executables, std::set<std::string>{"tool"});
  EXPECT_EQ(saved->empty_folders, std::set<std::string>{"logs"});
}

// The manifest comes last: without it there is no version, whatever became of the files.
TEST_F(Version, ThatCannotBeSavedWholeIsNone) {
  fs::create_directories(folder_ / "store" / kTrainingKey / "model");  // no file can have this name
  const auto saved =
      Publish(*store_, Output({{"a", "1"}, {"model", "x"}}), FactsOf(kTraining), {}, ForFiles());
  ASSERT_FALSE(saved);
  EXPECT_TRUE(Listed("").empty());
  EXPECT_EQ(ReadManifest(*store_, kTraining, ForFiles()).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(folder_.Read("store/" + kTrainingKey + "/a"), "1");  // it was on its way
}

// A training with 16,500 long names was saved, and nothing could read its manifest any more.
TEST_F(Version, AManifestThatNobodyCouldReadAgainIsNotWritten) {
  const auto output = Output({{"a", "1"}, {"b", "2"}});
  Manifest facts = FactsOf(kTraining);
  const auto refused = [&] {
    const auto saved = Publish(*store_, output, facts, {}, ForFiles());
    EXPECT_TRUE(store_->List("", ForFiles()).value().empty());  // known before anything is copied
    return saved ? "none" : saved.error().message;
  };
  facts.command = {std::string(kManifestBytesMax, 'x')};  // long names would take a test's time
  EXPECT_NE(refused().find("the manifest of its 2 files would have 16,77"), std::string::npos);
  EXPECT_NE(refused().find("16MiB at most"), std::string::npos) << refused();
  facts = FactsOf(kTraining);
  facts.command.push_back(std::string("a\0b", 3));
  EXPECT_NE(refused(), "none");
}

TEST_F(Version, MetricsComeFromMetricsJson) {
  const Manifest saved = Save(kTraining, {{"metrics.json", R"({"auc": 0.75, "rows": 2357})"}});
  EXPECT_EQ(saved.metrics, (std::map<std::string, double>{{"auc", 0.75}, {"rows", 2357}}));
  EXPECT_TRUE(saved.files.contains("metrics.json"));
  EXPECT_EQ(ReadManifest(*store_, kTraining, ForFiles())->metrics, saved.metrics);
}

// An application that had loaded a model with its metrics.json was listed with the model's metrics.
TEST_F(Version, MetricsOfTheInputAreNotItsOwn) {
  const VersionName application = {"churn", "2019-07-01", "application", "20190802T070000Z"};
  const Manifest model = Save(kTraining, {{"metrics.json", R"({"auc": 0.75})"}});
  const auto same = Publish(*store_, Output({{"metrics.json", R"({"auc": 0.75})"}}),
                            FactsOf(application), model, ForFiles());
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_TRUE(same->metrics.empty());
}

TEST_F(Version, MetricsThatAreNoneStopTheSavingBeforeItBegins) {
  const auto output = Output({{"metrics.json", "{\"auc\": }"}, {"a-model", "x"}});
  const auto saved = Publish(*store_, output, FactsOf(kTraining), {}, ForFiles());
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().message.substr(0, 18), "metrics.json:1:9: ") << saved.error().message;
  EXPECT_TRUE(store_->List("", ForFiles()).value().empty());
}

TEST_F(Version, ANameThatTheVersionNeedsItselfIsRefused) {
  for (const char* file : {"manifest.json", ".tmp-model", "bad\nname"}) {
    const auto saved =
        Publish(*store_, Output({{"model", "x"}, {file, "x"}}), FactsOf(kTraining), {}, ForFiles());
    ASSERT_FALSE(saved) << file;
    EXPECT_EQ(saved.error().kind, ErrorKind::kInvalid);
  }
  EXPECT_TRUE(store_->List("", ForFiles()).value().empty());
}

TEST_F(Version, ALinkOutOfTheOutputIsRefused) {
  const auto output = Output({});
  fs::create_symlink("/etc/passwd", output / "model");
  EXPECT_FALSE(Publish(*store_, output, FactsOf(kTraining), {}, ForFiles()));
}

TEST_F(Version, ACorruptedFileIsRefusedByItsDigestAndNothingIsLeft) {
  const Manifest saved = Save(kTraining, {{"a.txt", "first"}, {"model.ubj", "trees"}});
  folder_.Write("store/" + kTrainingKey + "/model.ubj", "treez");
  for (const auto& result :
       {Load(*store_, saved, folder_ / "loaded", ForFiles()), Verify(*store_, saved, ForFiles())}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::kUnusable);
    EXPECT_NE(result.error().message.find("model.ubj"), std::string::npos);
    EXPECT_NE(result.error().message.find(kTrainingKey), std::string::npos);
  }
  EXPECT_TRUE(io::ListFiles(folder_ / "loaded").value().empty());
}

TEST_F(Version, AnyFlippedBitIsSeen) {
  const std::string text = "a small model";
  const Manifest saved = Save(kTraining, {{"model", text}});
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    folder_.Write("store/" + kTrainingKey + "/model", flipped);
    ASSERT_FALSE(Verify(*store_, saved, ForFiles())) << bit;
    ASSERT_FALSE(VerifyByReading(*store_, saved, ForFiles())) << bit;
  }
}

TEST_F(Version, AMissingFileIsUnusableNotNotFound) {
  const Manifest saved = Save(kTraining, {{"model.ubj", "trees"}});
  fs::remove(folder_ / "store" / kTrainingKey / "model.ubj");
  EXPECT_EQ(Load(*store_, saved, folder_ / "loaded", ForFiles()).error().kind,
            ErrorKind::kUnusable);
  EXPECT_EQ(Verify(*store_, saved, ForFiles()).error().kind, ErrorKind::kUnusable);
  EXPECT_EQ(VerifyByReading(*store_, saved, ForFiles()).error().kind, ErrorKind::kUnusable);
}

TEST_F(Version, LoadingNeverReplacesAFile) {
  const Manifest saved = Save(kTraining, {{"a", "1"}, {"model", "trees"}});
  folder_.Write("loaded/model", "mine");
  EXPECT_FALSE(Load(*store_, saved, folder_ / "loaded", ForFiles()));
  EXPECT_EQ(io::ListFiles(folder_ / "loaded").value(), std::vector<std::string>{"model"});
  EXPECT_EQ(folder_.Read("loaded/model"), "mine");
}

TEST_F(Version, AManifestThatCannotBeReadIsUnusableAndTold) {
  Save({"churn", "2019-07-01", "training", "20190901T000000Z"}, {{"model", "x"}});
  for (const std::string text : {"", "{", "[]", "{}", R"({"files": {"../../x": {}}})"}) {
    folder_.Write("store/" + kTrainingKey + "/manifest.json", text);
    EXPECT_EQ(ReadManifest(*store_, kTraining, ForFiles()).error().kind, ErrorKind::kUnusable)
        << text;
    std::vector<std::string> unreadable;
    const auto versions =
        ListVersions(*store_, "churn", "2019-07-01", "training", ForFiles(), &unreadable);
    ASSERT_TRUE(versions);
    EXPECT_EQ(versions->size(), 1U);
    ASSERT_EQ(unreadable.size(), 1U);
    EXPECT_NE(unreadable[0].find(kTrainingKey), std::string::npos);
  }
}

TEST_F(Version, AManifestInTheWrongPlaceIsUnusable) {
  Save(kTraining, {{"model", "x"}});
  const VersionName other = {"churn", "2019-07-01", "training", "20190802T000000Z"};
  fs::copy(folder_ / "store" / kTrainingKey, folder_ / "store" / other.Key());
  EXPECT_EQ(ReadManifest(*store_, other, ForFiles()).error().kind, ErrorKind::kUnusable);
  EXPECT_EQ(Listed("training"), std::vector{kTrainingKey});
}

// Load wrote where a manifest told it to: "../x" would have left the folder.
TEST_F(Version, AManifestCannotNameAFileElsewhere) {
  Manifest manifest = FactsOf(kTraining);
  for (const char* path : {"../x", "/etc/x", "a/../../x", "", "a//b"}) {
    manifest.files = {{path, DigestOf("x")}};
    EXPECT_FALSE(ManifestFromJson(ManifestToJson(manifest))) << path;
  }
}

TEST_F(Version, VersionsAreListedOldestFirstAcrossActions) {
  Save({"churn", "2019-07-01", "training", "20190901T000000Z"}, {});
  Save({"churn", "2019-07-01", "application", "20190815T000000Z"}, {});
  Save({"churn", "2019-07-01", "training", "20190801T000000Z"}, {});
  ASSERT_TRUE(store_->PutText("churn/2019-07-01/live.json", "{}", ForFiles()));
  EXPECT_EQ(Listed(""), (std::vector<std::string>{"churn/2019-07-01/training/20190801T000000Z",
                                                  "churn/2019-07-01/application/20190815T000000Z",
                                                  "churn/2019-07-01/training/20190901T000000Z"}));
  EXPECT_EQ(Listed("application").size(), 1U);
  EXPECT_TRUE(Listed("testing").empty());
}

TEST(VersionName, IsReadBackFromItsKey) {
  EXPECT_EQ(ParseVersionName(kTrainingKey).value(), kTraining);
  EXPECT_TRUE(ParseVersionName("churn/1.0/training/20190801T000000Z-2"));
  for (const char* key : {"", "churn", "churn/1/training", "churn/1/training/20190801",
                          "churn/1/training/20190801T000000Z/x", "churn//training/20190801T000000Z",
                          "../1/training/20190801T000000Z", "churn/../training/20190801T000000Z",
                          "churn/1/Training/20190801T000000Z", "churn/1/training/20190801T000000Zx",
                          "churn/1/training/20190801T000000Z-"}) {
    EXPECT_FALSE(ParseVersionName(key)) << key;
  }
}

TEST(Manifest, IsReadableJsonInSnakeCase) {
  Manifest manifest = FactsOf(kTraining);
  manifest.files = {{"model.ubj", DigestOf("trees")}};
  manifest.input = "churn/2019-07-01/training/20190701T000000Z";
  manifest.metrics = {{"auc", 0.75}};
  EXPECT_EQ(ManifestToJson(manifest), R"({
  "name": "churn",
  "version": "2019-07-01",
  "action": "training",
  "timestamp": "20190801T000000Z",
  "files": {
    "model.ubj": {
      "size_bytes": 5,
      "sha256": ")" + io::Sha256Of("trees") +
                                          R"("
    }
  },
  "metrics": {
    "auc": 0.75
  },
  "run": "20190801-000000-abc123",
  "task": "training",
  "attempt": 2,
  "scheduled_at": "2019-08-01T00:00:00Z",
  "data_date": "2019-08-01",
  "command": [
    "build/prediction",
    "--action",
    "training"
  ],
  "source_commit": "0123abcd-dirty",
  "folder_commit": "4567cdef",
  "config_sha256": ")" + io::Sha256Of("{}") +
                                          R"(",
  "input": "churn/2019-07-01/training/20190701T000000Z",
  "runner_version": "0.1.0",
  "saved_at": "2019-08-01T00:01:00.500Z"
}
)");
}

TEST(Manifest, SaysWhatIsAProgramAndWhatFoldersAreEmpty) {
  Manifest manifest = FactsOf(kTraining);
  manifest.files = {{"predict", DigestOf("x")}, {"model", DigestOf("y")}};
  manifest.executables = {"predict"};
  manifest.empty_folders = {"cache/tmp"};
  const std::string json = ManifestToJson(manifest);
  EXPECT_NE(json.find("\"executable\": true"), std::string::npos) << json;
  EXPECT_NE(json.find("\"empty_folders\": [\n    \"cache/tmp\"\n  ]"), std::string::npos) << json;
  EXPECT_EQ(ManifestToJson(ManifestFromJson(json).value()), json);
  for (const char* path : {"../x", "/etc", "a/../../b", ""}) {
    manifest.empty_folders = {path};
    EXPECT_FALSE(ManifestFromJson(ManifestToJson(manifest))) << path;
  }
}

TEST(Manifest, SaysWhatAPythonProgramCouldImport) {
  Manifest manifest = FactsOf(kTraining);
  EXPECT_EQ(ManifestToJson(manifest).find("environment"), std::string::npos);
  manifest.environment = {"3.11.7", {{"numpy", "2.4.6"}, {"torch", "2.1+cpu"}}, io::Sha256Of("x")};
  const std::string json = ManifestToJson(manifest);
  const auto read = ManifestFromJson(json);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->environment, manifest.environment);
  EXPECT_EQ(ManifestToJson(*read), json);
}

TEST(Manifest, KeepsTheCrc32cBesideTheSha256) {
  Manifest manifest = FactsOf(kTraining);
  manifest.files = {{"model.ubj", io::DigestOf("123456789")}};
  const std::string json = ManifestToJson(manifest);
  const std::string line = "\"crc32c\": \"e3069283\"";
  ASSERT_NE(json.find(line), std::string::npos) << json;
  EXPECT_EQ(ManifestFromJson(json)->files["model.ubj"].crc32c, 0xE3069283u);
  for (const char* bad : {"\"crc32c\": \"e306928\"", "\"crc32c\": \"E3069283\"", "\"crc32c\": 7"}) {
    std::string other = json;
    other.replace(other.find(line), line.size(), bad);
    EXPECT_FALSE(ManifestFromJson(other)) << bad;
  }
}

// From before source/ could have a commit of its own, programs were told, folders kept, and files
// had a CRC-32C.
TEST(Manifest, OfAnOlderBuskerIsRead) {
  Manifest manifest = FactsOf(kTraining);
  manifest.files = {{"model.ubj", DigestOf("trees")}};
  std::string json = ManifestToJson(manifest);
  const std::string added = "  \"folder_commit\": \"4567cdef\",\n";
  json.erase(json.find(added), added.size());
  const auto read = ManifestFromJson(json);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->source_commit, "0123abcd-dirty");
  EXPECT_EQ(read->folder_commit, "0123abcd-dirty");
  EXPECT_FALSE(read->files.at("model.ubj").crc32c);
  EXPECT_TRUE(read->executables.empty());
  EXPECT_TRUE(read->empty_folders.empty());
}

TEST(Manifest, ArgumentsOfAnyBytesAreReadBackTheSame) {
  Manifest manifest = FactsOf(kTraining);
  manifest.command = {"caf\xE9", "--x=\"\\\n", "\xC3\xA9"};
  EXPECT_EQ(ManifestFromJson(ManifestToJson(manifest))->command, manifest.command);
}

TEST(Manifest, AFactThatIsMissingOrWrongIsNamed) {
  const auto fault = [](const std::string& from, const std::string& to) {
    std::string json = ManifestToJson(FactsOf(kTraining));
    json.replace(json.find(from), from.size(), to);
    const auto manifest = ManifestFromJson(json);
    return manifest ? "none" : manifest.error().message;
  };
  EXPECT_EQ(fault("\"attempt\": 2,", ""), "manifest.json: \"attempt\" is missing");
  EXPECT_EQ(fault("\"attempt\": 2", "\"attempt\": \"2\""),
            "manifest.json: \"attempt\" is not a whole number");
  EXPECT_EQ(fault("\"attempt\": 2", "\"attempt\": 99999999999"),
            "manifest.json: \"attempt\" is out of range");
  EXPECT_EQ(fault("\"run\"", "\"task\": \"x\", \"run\""), "manifest.json: \"task\" is there twice");
  EXPECT_NE(fault("2019-08-01T00:01:00.5", "yesterday").find("saved_at"), std::string::npos);
}

TEST(Metrics, AreAFlatObjectOfNumbers) {
  EXPECT_EQ(ParseMetrics(R"({"auc": 0.75, "rows": 10, "loss": -1e-3})").value(),
            (std::map<std::string, double>{{"auc", 0.75}, {"loss", -0.001}, {"rows", 10}}));
  EXPECT_TRUE(ParseMetrics("{}")->empty());
  const auto fault = [](const std::string& json) { return ParseMetrics(json).error().message; };
  EXPECT_EQ(fault("[1]"), "metrics.json: it is not an object of numbers");
  EXPECT_EQ(fault(R"({"auc": "high"})"), "metrics.json: \"auc\" is string, not a number");
  EXPECT_EQ(fault(R"({"auc": null})"), "metrics.json: \"auc\" is null, not a number");
  EXPECT_EQ(fault(R"({"auc": {"mean": 1}})"), "metrics.json: \"auc\" is object, not a number");
  EXPECT_EQ(fault(R"({"auc": 1, "auc": 2})"), "metrics.json: \"auc\" is there twice");
  for (const char* json :
       {"", "{", "{\"auc\": NaN}", "{\"auc\": 1} x", "{\"auc\": 1e999}", "\xff"}) {
    EXPECT_FALSE(ParseMetrics(json)) << json;
  }
  EXPECT_EQ(fault("{\n  \"auc\": NaN\n}").substr(0, 18), "metrics.json:2:10:");
  // The parser's own words were told, and not the metric's name.
  EXPECT_EQ(fault("{\"rmse\": 1, \"a\\\"b\": -Infinity}"),
            "metrics.json:1:21: \"a\\\"b\" is -Infinity, which is not a number");
  EXPECT_EQ(fault("{\"NaN\": 1, \"\u00e9\":Infinity}"),
            "metrics.json:1:16: \"\u00e9\" is Infinity, which is not a number");
  EXPECT_EQ(fault("{\"NaN\": x}").find("not a number"), std::string::npos);
  EXPECT_FALSE(ParseMetrics(std::string(100'000, '[')));
  EXPECT_FALSE(ParseMetrics(std::string(100'000, '[') + std::string(100'000, ']')));
}

}  // namespace
}  // namespace busker::artifact
