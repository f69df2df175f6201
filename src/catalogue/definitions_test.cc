#include "catalogue/definitions.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>

#include "io/digest.h"
#include "io/test_folder.h"

namespace busker::catalogue {
namespace {

std::string GraphText(const std::string& id, const std::string& code = "true") {
  return "{\"graph\": {\"dag_id\": \"" + id + "\"}, \"tasks\": [{\"name\": \"a\", \"code\": \"" +
         code + "\"}]}";
}

// A folder with a service "shop" and the graph files "nightly" and "weekly".
class DefinitionsTest : public testing::Test {
 protected:
  DefinitionsTest() {
    WriteService("1");
    folder_.Write("graphs/configs/nightly.json", GraphText("nightly"));
    folder_.Write("graphs/configs/weekly.json", GraphText("weekly"));
  }

  void WriteService(const std::string& version, const std::string& more = "") {
    folder_.Write("shop/busker.toml", "name = \"shop\"\nversion = \"" + version +
                                          "\"\n[model]\ncommand = \"./t\"\n"
                                          "[actions.training]\n" +
                                          more);
  }

  static std::vector<std::string> Keys(const Catalogue& catalogue) {
    std::vector<std::string> keys;
    for (const auto& [key, _] : catalogue.definitions) keys.push_back(key.Text());
    return keys;
  }

  // "+g" for a graph that is defined or changed, "-g" for one that is gone.
  static std::vector<std::string> Words(const Catalogue& before, const Catalogue& after) {
    std::vector<std::string> words;
    for (const plan::Event& event : Changes(before, after)) {
      if (const auto* defined = std::get_if<plan::GraphDefined>(&event)) {
        words.push_back("+" + defined->graph->key.Text());
      } else {
        words.push_back("-" + std::get<plan::GraphRemoved>(event).graph.Text());
      }
    }
    return words;
  }

  void WriteSchedule(const std::string& step, const std::string& schedule) {
    folder_.Write("bakery/scheduler/configs/training.json",
                  "{\"graph\": {\"dag_id\": \"baking\", \"schedule_interval\": \"" + schedule +
                      "\"}, \"tasks\": [{\"name\": \"a\", \"code\": \"make training-start\"}, "
                      "{\"name\": \"b\", \"code\": \"make training-" +
                      step + "\"}]}");
  }

  using Names = std::vector<std::string>;
  io::TestFolder folder_;
  Definitions definitions_{
      {(folder_ / "shop").string(), (folder_ / "graphs").string()}, folder_ / "home", {}};
};

TEST_F(DefinitionsTest, AreOfEveryActionAndGraphFile) {
  const auto all = definitions_.Read();
  EXPECT_EQ(Keys(*all), (Names{"nightly", "shop/training", "weekly"}));
  EXPECT_TRUE(all->faults.empty()) << all->faults[0].message;
  EXPECT_EQ(all->services, 1U);
  EXPECT_EQ(all->graph_files, 2U);
  EXPECT_EQ(Words({}, *all), (Names{"+nightly", "+shop/training", "+weekly"}));
  const auto folders = all->folders;
  EXPECT_EQ(std::count(folders.begin(), folders.end(), (folder_ / "graphs/configs").string()), 1);
  EXPECT_EQ(std::count(folders.begin(), folders.end(), (folder_ / "shop").string()), 1);
}

TEST_F(DefinitionsTest, FindsTheNearestToWhatThereIsNot) {
  const auto all = definitions_.Read();
  EXPECT_TRUE(all->Find("nightly"));
  const auto missing = all->Find("nigthly");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(missing.error().message, "no action or graph \"nigthly\"; did you mean \"nightly\"?");
  // An action was told by its whole name to somebody who had not written the service's.
  EXPECT_EQ(all->Find("trainng").error().message,
            "no action or graph \"trainng\"; did you mean \"training\"?");
  EXPECT_EQ(all->Find("shop/trainng").error().message,
            "no action or graph \"trainng\"; did you mean \"training\"?");
  EXPECT_EQ(all->Find("shop/nigthly").error().message,
            "no action or graph \"nigthly\"; did you mean \"nightly\"?");
  EXPECT_EQ(all->Find("shpo/training").error().message,
            "no action or graph \"shpo/training\"; did you mean \"shop/training\"?");
}

TEST_F(DefinitionsTest, OnlyWhatHasChangedIsReadAgain) {
  const auto before = definitions_.Read();
  const auto same = definitions_.Read();
  EXPECT_EQ(Words(*before, *same), Names{});
  EXPECT_EQ(before->Find("nightly").value(), same->Find("nightly").value());
  folder_.Write("graphs/configs/weekly.json", GraphText("weekly", "echo changed"));
  const auto after = definitions_.Read();
  EXPECT_EQ(Words(*same, *after), Names{"+weekly"});
  WriteService("2");
  EXPECT_EQ(Words(*after, *definitions_.Read()), Names{"+shop/training"});
}

// One bad file took all the others' schedules with it.
TEST_F(DefinitionsTest, ABadFileAffectsOnlyItselfAndWhatItDefinedBeforeStays) {
  const auto before = definitions_.Read();
  folder_.Write("graphs/configs/weekly.json", GraphText("weekly").substr(0, 40));
  folder_.Write("graphs/configs/nightly.json", GraphText("nightly", "echo changed"));
  WriteService("1", "retires = 2\n");
  const auto after = definitions_.Read();
  EXPECT_EQ(Keys(*after), (Names{"nightly", "shop/training", "weekly"}));
  EXPECT_EQ(Words(*before, *after), Names{"+nightly"});
  ASSERT_EQ(after->faults.size(), 2U);
  EXPECT_NE(after->faults[0].message.find("what it defined before stays active"),
            std::string::npos);
  EXPECT_NE(after->faults[1].message.find("retires"), std::string::npos);
  folder_.Write("graphs/configs/weekly.json", GraphText("weekly"));
  WriteService("1");
  EXPECT_TRUE(definitions_.Read()->faults.empty());
}

TEST_F(DefinitionsTest, AFileThatWasNeverGoodDefinesNothing) {
  folder_.Write("graphs/configs/bad.json", "{\"graph\": {}, \"tasks\": []}");
  const auto all = definitions_.Read();
  EXPECT_EQ(Keys(*all), (Names{"nightly", "shop/training", "weekly"}));
  ASSERT_EQ(all->faults.size(), 1U);
  EXPECT_EQ(all->faults[0].file, (folder_ / "graphs/configs/bad.json").string());
  EXPECT_EQ(all->faults[0].message.find("stays active"), std::string::npos);
}

// The fault of a graph was not told to who asked for it when the name of another began with its
// own.
TEST_F(DefinitionsTest, AGraphAtFaultIsToldOfBesideOneWhoseNameBeginsAlike) {
  folder_.Write("graphs/configs/night.json", "{\"graph\": {\"dag_id\": \"night\"}, \"tasks\": []}");
  const auto found = definitions_.Read()->Find("night");
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("its definition is at fault"), std::string::npos)
      << found.error().message;
}

TEST_F(DefinitionsTest, WhatIsRemovedIsGone) {
  const auto before = definitions_.Read();
  io::fs::remove(folder_ / "graphs/configs/weekly.json");
  const auto after = definitions_.Read();
  EXPECT_EQ(Words(*before, *after), Names{"-weekly"});
}

// A folder that could not be looked into took the definitions of all the others with it, too.
TEST_F(DefinitionsTest, AFolderThatIsGoneForAMomentTakesNothingWithIt) {
  const auto before = definitions_.Read();
  io::fs::rename(folder_ / "graphs", folder_ / "elsewhere");
  const auto without = definitions_.Read();
  EXPECT_EQ(Words(*before, *without), Names{});
  EXPECT_FALSE(without->faults.empty());
  io::fs::rename(folder_ / "elsewhere", folder_ / "graphs");
  EXPECT_TRUE(definitions_.Read()->faults.empty());
}

TEST_F(DefinitionsTest, AFolderWithoutItsLastFileDefinesNothing) {
  const auto before = definitions_.Read();
  io::fs::remove(folder_ / "graphs/configs/nightly.json");
  io::fs::remove(folder_ / "graphs/configs/weekly.json");
  const auto after = definitions_.Read();
  EXPECT_EQ(Words(*before, *after), (Names{"-nightly", "-weekly"}));
  EXPECT_EQ(after->faults.size(), 1U);
}

TEST_F(DefinitionsTest, OneKeyInTwoFilesIsOfTheFirstAndAFaultOfTheOther) {
  folder_.Write("graphs/configs/other.json", GraphText("nightly", "echo other"));
  const auto all = definitions_.Read();
  EXPECT_EQ(all->Find("nightly").value()->file->path,
            (folder_ / "graphs/configs/nightly.json").string());
  ASSERT_EQ(all->faults.size(), 1U);
  EXPECT_EQ(all->faults[0].file, (folder_ / "graphs/configs/other.json").string());
  EXPECT_NE(all->faults[0].message.find("nightly.json"), std::string::npos);
}

// A new file whose path sorts earlier took the name of one that was there.
TEST_F(DefinitionsTest, WhoComesLaterWithANameThatIsTakenIsAtFault) {
  const auto before = definitions_.Read();
  folder_.Write("graphs/configs/aaa.json", GraphText("nightly", "echo other"));
  folder_.Write("graphs/a/busker.toml",
                "name = \"shop\"\n[model]\ncommand = \"./t\"\n"
                "[actions.training]\n[actions.more]\n");
  const auto after = definitions_.Read();
  EXPECT_EQ(Words(*before, *after), Names{});
  ASSERT_EQ(after->faults.size(), 1U);  // graphs/ is no folder of folders: a/ is not looked into
  EXPECT_EQ(after->faults[0].file, (folder_ / "graphs/configs/aaa.json").string());
  EXPECT_EQ(after->faults[0].message, "the graph nightly is defined by " +
                                          (folder_ / "graphs/configs/nightly.json").string() +
                                          " already; give one of them another name");
  // The name is free again when its owner goes.
  io::fs::remove(folder_ / "graphs/configs/nightly.json");
  const auto freed = definitions_.Read();
  EXPECT_EQ(Words(*after, *freed), Names{"+nightly"});
  EXPECT_TRUE(freed->faults.empty());
}

TEST_F(DefinitionsTest, TwoServicesOfOneNameAreNotMixed) {
  Definitions definitions({(folder_ / "shop").string(), (folder_ / "a").string()}, folder_ / "home",
                          {});
  folder_.Write("a/configs/first.json", GraphText("first"));
  const auto before = definitions.Read();
  folder_.Write("a/busker.toml",
                "name = \"shop\"\n[model]\ncommand = \"./t\"\n"
                "[actions.training]\n[actions.more]\n");
  const auto after = definitions.Read();
  EXPECT_EQ(Words(*before, *after), Names{});
  ASSERT_EQ(after->faults.size(), 1U);
  EXPECT_NE(after->faults[0].message.find("the service shop is defined by " +
                                          (folder_ / "shop").string() + " already"),
            std::string::npos)
      << after->faults[0].message;
}

// A file that takes another's name in an edit keeps what it defined, as with any other fault.
TEST_F(DefinitionsTest, AFileThatIsRenamedToATakenNameKeepsItsOwn) {
  const auto before = definitions_.Read();
  folder_.Write("graphs/configs/weekly.json", GraphText("nightly"));
  const auto after = definitions_.Read();
  EXPECT_EQ(Words(*before, *after), Names{});
  ASSERT_EQ(after->faults.size(), 1U);
  EXPECT_NE(after->faults[0].message.find("what it defined before stays active"),
            std::string::npos);
}

// The record had the digest of what the file held when the run began, not of what was run.
TEST_F(DefinitionsTest, HaveTheDigestOfTheTextThatWasRead) {
  const auto digest = [](const Catalogue& all) { return all.Find("weekly").value()->Digest(); };
  const std::string text = GraphText("weekly");
  const auto before = definitions_.Read();
  EXPECT_EQ(digest(*before), io::Sha256Of(text));
  folder_.Write("graphs/configs/weekly.json", "{");
  EXPECT_EQ(digest(*definitions_.Read()), io::Sha256Of(text));
  const auto training = [](const Catalogue& all) {
    return all.Find("shop/training").value()->Action().definition;
  };
  folder_.Write("shop/configs/training.json", "{}");
  EXPECT_NE(training(*definitions_.Read()), training(*before));
}

// A pipe in a definition's place stopped all that was to read it; a file at fault that nobody had
// seen whole was told of, and what it was to define was not.
TEST_F(DefinitionsTest, WhatStandsInAFilesPlaceIsAFaultOfWhatItSeemedToDefine) {
  const auto before = definitions_.Read();
  const auto pipe = folder_ / "graphs/configs/weekly.json";
  io::fs::remove(pipe);
  ASSERT_EQ(mkfifo(pipe.c_str(), 0644), 0);
  io::fs::remove(folder_ / "shop/busker.toml");
  io::fs::create_symlink("nowhere", folder_ / "shop/busker.toml");
  const auto after = definitions_.Read();
  EXPECT_EQ(Words(*before, *after), Names{});
  ASSERT_EQ(after->faults.size(), 2U);
  EXPECT_NE(after->faults[0].message.find("not a file"), std::string::npos);
  EXPECT_NE(after->faults[1].message.find("a link to a file that is not there"), std::string::npos);

  folder_.Write("graphs/configs/nightly.json", GraphText("nightly").substr(0, 30));
  WriteService("1", "retires = 2\n");
  Definitions anew({(folder_ / "shop").string(), (folder_ / "graphs").string()}, folder_ / "home",
                   {});
  const auto all = anew.Read();
  EXPECT_EQ(Keys(*all), Names{});
  ASSERT_EQ(all->faults.size(), 3U);
  EXPECT_NE(all->WhyMissing("nightly").find("its definition is at fault: " +
                                            (folder_ / "graphs/configs/nightly.json").string()),
            std::string::npos);
  EXPECT_NE(all->WhyMissing("shop/training").find("retires"), std::string::npos);
  EXPECT_NE(all->Find("shop/training").error().message.find("retires"), std::string::npos);
  EXPECT_NE(all->WhyMissing("other").find("no file defines it any more"), std::string::npos);
}

// A new file in a folder in which there was nothing was seen after a minute.
TEST_F(DefinitionsTest, WatchFoldersInWhichSomethingMayCome) {
  io::fs::create_directories(folder_ / "all/shop");
  folder_.Write("all/graphs/configs/a.json", GraphText("a"));
  io::fs::create_directories(folder_ / "all/empty/configs");
  io::fs::create_directories(folder_ / "all/new");
  Definitions definitions({(folder_ / "all").string()}, folder_ / "home", {});
  const auto folders = definitions.Read()->folders;
  for (const char* const name : {"all", "all/new", "all/empty/configs", "all/shop"}) {
    EXPECT_EQ(std::count(folders.begin(), folders.end(), (folder_ / name).string()), 1) << name;
  }
}

TEST_F(DefinitionsTest, AServiceWithAHomeOfItsOwnIsAFault) {
  folder_.Write("shop/.busker/busker.db", "");
  const auto all = definitions_.Read();
  EXPECT_EQ(Keys(*all), (Names{"nightly", "weekly"}));
  ASSERT_EQ(all->faults.size(), 1U);
  EXPECT_NE(all->faults[0].message.find("home of its own"), std::string::npos);
  io::fs::remove_all(folder_ / "shop/.busker");
  EXPECT_EQ(definitions_.Read()->definitions.size(), 3U);

  folder_.Write("shop/.busker/busker.db", "");
  Definitions own({(folder_ / "shop").string()}, folder_ / "shop/.busker", {});
  EXPECT_TRUE(own.Read()->faults.empty());
}

// The graph file was a graph, and the action beside it a second one.
TEST_F(DefinitionsTest, AGraphFileThatIsAnActionsScheduleIsNoGraph) {
  folder_.Write("bakery/service/configs/training.json", "{}");
  WriteSchedule("wait", "@daily");
  Definitions definitions({(folder_ / "bakery").string()}, folder_ / "home", {});
  const auto first = definitions.Read();
  EXPECT_EQ(Keys(*first), Names{"bakery/training"});
  EXPECT_EQ(first->definitions.at("bakery/training")->graph.schedule_text, "@daily");

  WriteSchedule("wait", "@hourly");
  const auto second = definitions.Read();
  EXPECT_EQ(second->definitions.at("bakery/training")->graph.schedule_text, "@hourly");
  EXPECT_NE(second->definitions.at("bakery/training")->Digest(),
            first->definitions.at("bakery/training")->Digest());

  WriteSchedule("wait", "never");  // half written
  const auto broken = definitions.Read();
  EXPECT_EQ(Words(*second, *broken), Names{}) << "what it defined before stays";
  ASSERT_EQ(broken->faults.size(), 1U);
  EXPECT_TRUE(broken->faults[0].message.starts_with("scheduler/configs/training.json:1:"));

  WriteSchedule("report", "@hourly");  // more than a schedule
  const auto third = definitions.Read();
  EXPECT_EQ(Keys(*third), (Names{"bakery/training", "baking"}));
  EXPECT_EQ(third->definitions.at("bakery/training")->graph.schedule_text, "");

  WriteSchedule("check", "@hourly");
  const auto fourth = definitions.Read();
  EXPECT_EQ(Words(*third, *fourth), (Names{"-baking", "+bakery/training"}));
}

}  // namespace
}  // namespace busker::catalogue
