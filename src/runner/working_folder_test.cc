#include "runner/working_folder.h"

#include <gtest/gtest.h>

#include "artifact/directory_store.h"
#include "artifact/version.h"
#include "attempt/order.h"
#include "io/test_folder.h"
#include "runner/config.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;
using Strings = std::vector<std::string>;

class WorkingFolderOf : public testing::Test {
 protected:
  WorkingFolderOf() {
    for (const char* name :
         {"source/main.py", "configs/training.json", "configs/application.json", "configs/README",
          "output/old", ".git/HEAD", ".busker/state", ".venv/bin/python"}) {
      folder_.Write(fs::path("service") / name, "{\"name\": \"${NAME}\"}");
    }
    order_.root = (folder_ / "service").string();
    order_.config = "configs/training.json";
    order_.placeholders = {{"NAME", "churn"}};
    order_.command = {"true"};
  }

  Result<WorkingFolder> Make() {
    return MakeWorkingFolder(order_, store_.get(), work_, artifact::ForFiles());
  }
  Strings NamesIn(const fs::path& folder) {
    Strings names;
    for (const auto& entry : fs::directory_iterator(folder))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  const io::TestFolder folder_;
  const fs::path work_ = folder_ / "work";
  std::unique_ptr<artifact::Store> store_ = artifact::OpenDirectoryStore(folder_ / "store").value();
  attempt::Order order_;
};

TEST_F(WorkingFolderOf, AServiceShowsItsEntriesAndHasItsOwnOutputAndConfig) {
  const auto made = Make();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(NamesIn(work_), (Strings{".venv", "configs", "output", "source"}));
  EXPECT_EQ(fs::read_symlink(work_ / "source"), folder_ / "service/source");
  EXPECT_FALSE(fs::is_symlink(work_ / "configs"));
  EXPECT_EQ(NamesIn(work_ / "configs"), (Strings{"README", "application.json", "training.json"}));
  EXPECT_TRUE(fs::is_symlink(work_ / "configs/application.json"));
  EXPECT_FALSE(fs::is_symlink(work_ / "configs/training.json"));
  EXPECT_EQ(folder_.Read("work/configs/training.json"), "{\"name\": \"churn\"}");
  EXPECT_EQ(made->config_sha256, io::Sha256Of("{\"name\": \"churn\"}"));
  EXPECT_TRUE(fs::is_empty(work_ / "output"));
  EXPECT_EQ(folder_.Read("service/configs/training.json"), "{\"name\": \"${NAME}\"}");
}

TEST_F(WorkingFolderOf, AConfigFurtherDownHasRealFoldersAboveIt) {
  folder_.Write("service/configs/eu/se/training.json", "{}");
  folder_.Write("service/configs/eu/fi/training.json", "{}");
  order_.config = "configs/eu/se/training.json";
  ASSERT_TRUE(Make());
  EXPECT_FALSE(fs::is_symlink(work_ / "configs/eu/se/training.json"));
  EXPECT_TRUE(fs::is_symlink(work_ / "configs/eu/fi"));
  EXPECT_TRUE(fs::is_symlink(work_ / "configs/training.json"));
}

TEST_F(WorkingFolderOf, AConfigAtTheTopOrNoneNeedsNoFolders) {
  folder_.Write("service/settings.json", "{}");
  order_.config = "settings.json";
  ASSERT_TRUE(Make());
  EXPECT_FALSE(fs::is_symlink(work_ / "settings.json"));
  EXPECT_TRUE(fs::is_symlink(work_ / "configs"));
  order_.config = "";
  const auto made = Make();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->config_sha256, "");
  EXPECT_TRUE(fs::is_symlink(work_ / "settings.json"));
}

TEST_F(WorkingFolderOf, ATaskOfBuskersOwnIsBare) {
  order_ = attempt::Order{};
  ASSERT_TRUE(Make());
  EXPECT_TRUE(fs::is_empty(work_));
  order_.output = "a/1/b/20190801T000000Z";
  ASSERT_TRUE(Make());
  EXPECT_EQ(NamesIn(work_), Strings{"output"});
}

TEST_F(WorkingFolderOf, WhatAnEarlierRunnerLeftIsReplaced) {
  folder_.Write("work/output/half", "x");
  folder_.Write("work/source", "x");
  ASSERT_TRUE(Make());
  EXPECT_TRUE(fs::is_empty(work_ / "output"));
  EXPECT_TRUE(fs::is_symlink(work_ / "source"));
}

TEST_F(WorkingFolderOf, TheInputIsLoadedIntoOutput) {
  folder_.Write("model/model.ubj", "trees");
  artifact::Manifest manifest;
  manifest.name = {"churn", "1", "training", "20190801T000000Z"};
  const auto saved =
      artifact::Publish(*store_, folder_ / "model", manifest, {}, artifact::ForFiles());
  ASSERT_TRUE(saved) << saved.error().message;
  order_.input = saved->name.Key();
  order_.required_outputs = {"model.ubj", "predictions.csv"};
  const auto made = Make();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(folder_.Read("work/output/model.ubj"), "trees");
  EXPECT_EQ(made->input.files, saved->files);
  EXPECT_EQ(made->changed_ns.size(), 1U);

  folder_.Write("store/" + *order_.input + "/model.ubj", "treez");
  EXPECT_EQ(Make().error().kind, ErrorKind::kUnusable);
  order_.input = "churn/1/training/20190802T000000Z";
  EXPECT_EQ(Make().error().kind, ErrorKind::kNotFound);
}

TEST_F(WorkingFolderOf, WhatIsMissingOrCannotBeIsSaid) {
  const auto fault = [&] {
    const auto made = Make();
    return made ? "none" : made.error().message;
  };
  order_.config = "configs/none.json";
  EXPECT_EQ(fault(), "no config configs/none.json");
  order_.config = "none/none.json";
  EXPECT_EQ(fault(), "no config none/none.json");
  order_.config = "output/old";
  EXPECT_NE(fault().find("output/old"), std::string::npos);
  order_.config = "";
  order_.root = (folder_ / "nowhere").string();
  EXPECT_EQ(fault(), "no service folder " + order_.root);
}

TEST_F(WorkingFolderOf, ALargeConfigIsRefused) {
  folder_.Write("service/configs/training.json", "[" + std::string(kConfigBytesMax, ' ') + "]");
  EXPECT_NE(Make().error().message.find("limit"), std::string::npos);
}

}  // namespace
}  // namespace busker::runner
