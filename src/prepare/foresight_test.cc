// What is foreseen of runs: the version that each begins with, and what tables will refuse.
#include "prepare/foresight.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "io/test_folder.h"
#include "model/live.h"
#include "prepare/action_run.h"

namespace busker::prepare {
namespace {

Instant At(const std::string& text) {
  return ParseRfc3339(text.size() > 10 ? text : text + "T00:00:00Z").value();
}

class ForesightTest : public testing::Test {
 protected:
  ForesightTest() {
    places_ = {"/usr/bin/busker", "file://" + (folder_ / "artifacts").string(),
               "embedded://" + (folder_ / "warehouse").string()};
    store_ = std::move(artifact::OpenStore(places_.store_url).value());
  }

  void Write(const std::string& input, const std::string& delivery = "") {
    folder_.Write("busker.toml",
                  "name = \"shop\"\nversion = \"1\"\n[model]\ncommand = \"./a\"\n"
                  "[actions.training]\n[actions.application]\ninput = \"" +
                      input + "\"\n[actions.application.deliver.\"p.csv\"]\n" +
                      (delivery.empty() ? "table = \"${NAME}.p\"\n" : delivery));
    service_ = service::LoadService(folder_.path().string()).value();
  }

  // A version that was trained for `date`.
  artifact::VersionName Save(const std::string& date, const std::string& timestamp) {
    folder_.Write("model/m", "m");
    artifact::Manifest manifest;
    manifest.name = {"shop", "1", "training", timestamp};
    manifest.scheduled_at = At(date);
    manifest.data_date = date;
    EXPECT_TRUE(artifact::Publish(*store_, folder_ / "model", manifest, {}, artifact::ForFiles()));
    return manifest.name;
  }
  void MakeLive(const artifact::VersionName& name) {
    EXPECT_TRUE(
        model::Promote(*store_, {name, "me", "a test", At("2020-01-01")}, artifact::ForFiles()));
  }

  std::unique_ptr<deliver::Warehouse> OpenWarehouse() {
    const char* const library = std::getenv("BUSKER_DUCKDB");
    return deliver::OpenWarehouse(places_.warehouse_url,
                                  library != nullptr ? library : BUSKER_DUCKDB_PATH)
        .value();
  }
  // Loads a row for the date into shop.p.
  void Deliver(const std::string& id, const std::string& date, deliver::Write write) {
    deliver::Request request;
    request.id = id;
    request.table = "shop.p";
    EXPECT_TRUE(store_->PutText(id + ".csv", "id\n1\n", artifact::ForFiles()));
    request.source = {store_.get(), id + ".csv", ""};
    request.write = write;
    request.data_date = date;
    request.scheduled_at = At(date);
    const auto delivered = OpenWarehouse()->Deliver(request);
    ASSERT_TRUE(delivered) << delivered.error().message;
  }

  const service::Action& Application() { return service_.actions.at("application"); }
  Foresight Read() { return Foresight::Read(service_, Application(), places_).value(); }
  static plan::DagRun Run(const std::string& date, bool force = false) {
    plan::DagRun run;
    run.scheduled_at = At(date);
    run.data_date = date.substr(0, 10);
    run.force = force;
    return run;
  }
  static bool Refused(const Foreseen& foreseen) {
    return foreseen.warning.find("will refuse it") != std::string::npos;
  }

  io::TestFolder folder_;
  Places places_;
  std::unique_ptr<artifact::Store> store_;
  service::Service service_;
};

// What a dry run showed would have been another version than the run took.
TEST_F(ForesightTest, IsTheVersionThatTheRunThenGets) {
  Save("2019-07-01", "20190901T000000Z");
  Save("2019-08-01", "20190801T000000Z");
  MakeLive(Save("2019-09-01", "20190902T000000Z"));
  for (const auto& [input, wanted] :
       {std::pair("as-of", "20190901T000000Z"), {"live", "20190902T000000Z"}}) {
    Write(input);
    const plan::DagRun run = Run("2019-08-01");
    EXPECT_EQ(Read().Of(run, false).version, wanted);
    const auto prepared =
        PrepareRun(service_, Application(), run, places_, *store_, "20200101T000000Z", {});
    ASSERT_TRUE(prepared) << prepared.error().message;
    EXPECT_EQ(prepared->row.model_version, std::string("shop/1/training/") + wanted);
  }
}

TEST_F(ForesightTest, WarnsOfALiveVersionThatIsLaterThanTheDate) {
  MakeLive(Save("2019-09-01", "20190902T000000Z"));
  Write("live");
  EXPECT_TRUE(Read().Of(Run("2019-08-31"), false).warning.starts_with("leakage"));
  EXPECT_EQ(Read().Of(Run("2019-09-01"), false).warning, "");
  Write("as-of");
  const Foreseen none = Read().Of(Run("2019-09-01"), false);
  EXPECT_FALSE(none.possible);
  EXPECT_NE(none.warning.find("the oldest is for 2019-09-01"), std::string::npos) << none.warning;
  EXPECT_EQ(CheckRunnable(service_, Application(), *store_, Run("2019-09-01")).error().kind,
            ErrorKind::kNotFound);
  EXPECT_TRUE(CheckRunnable(service_, Application(), *store_, Run("2019-09-02")));
  // One that ran before goes on with the version that it had.
  EXPECT_TRUE(Read().Of(Run("2019-09-01"), true).possible);
}

TEST_F(ForesightTest, FollowsATableThroughTheRunsInTheirOrder) {
  MakeLive(Save("2019-01-01", "20190102T000000Z"));
  Write("live");
  Foresight oldest_first = Read();
  for (const char* date : {"2019-08-01", "2019-08-02"}) {
    EXPECT_FALSE(Refused(oldest_first.Of(Run(date), false)));
  }
  EXPECT_FALSE(Refused(oldest_first.Of(Run("2019-08-02"), false))) << "the same once more";
  EXPECT_TRUE(Refused(oldest_first.Of(Run("2019-08-01"), true))) << "a retry delivers, too";
  EXPECT_TRUE(
      oldest_first.Of(Run("2019-08-01", true), false).warning.starts_with("takes the place"));
  EXPECT_FALSE(Refused(oldest_first.Of(Run("2019-08-02"), false))) << "the table is older now";
}

// A run was said to be refused by rows that were not in the table any more.
TEST_F(ForesightTest, KnowsWhatTheTableHasAndNotWhatItHad) {
  MakeLive(Save("2019-01-01", "20190102T000000Z"));
  Write("live", "table = \"shop.p\"\n");
  Deliver("first", "2019-08-01", deliver::Write::kReplace);
  Deliver("second", "2019-08-05", deliver::Write::kReplace);
  const Foreseen refused = Read().Of(Run("2019-08-03"), false);
  EXPECT_TRUE(Refused(refused));
  EXPECT_NE(refused.warning.find("the rows for 2019-08-05"), std::string::npos) << refused.warning;
  EXPECT_FALSE(Refused(Read().Of(Run("2019-08-05"), false))) << "the same once more";
  ASSERT_TRUE(OpenWarehouse()->Undo("second"));
  EXPECT_FALSE(Refused(Read().Of(Run("2019-08-03"), false)));
  EXPECT_TRUE(Refused(Read().Of(Run("2019-07-31"), false))) << "the first is back";
  Deliver("forced", "2019-07-01", deliver::Write::kAppend);
  EXPECT_TRUE(Refused(Read().Of(Run("2019-07-31"), false))) << "the newest counts";
}

TEST_F(ForesightTest, APartitionIsATableOfItsOwnAndAppendingTakesEverything) {
  MakeLive(Save("2019-01-01", "20190102T000000Z"));
  Write("live", "table = \"shop.p\"\nwrite = \"partition\"\n");
  Foresight partitions = Read();
  for (const char* date : {"2019-08-02", "2019-08-01", "2019-08-01T12:00:00Z"}) {
    EXPECT_FALSE(Refused(partitions.Of(Run(date), false))) << date;
  }
  EXPECT_TRUE(Refused(partitions.Of(Run("2019-08-01T06:00:00Z"), false)));
  Write("live", "table = \"shop.p\"\nwrite = \"append\"\n");
  Foresight appends = Read();
  for (const char* date : {"2019-08-02", "2019-08-01"}) {
    EXPECT_FALSE(Refused(appends.Of(Run(date), false)));
  }
  Write("live", "table = \"shop.of_${DATE}\"\n");
  Foresight tables = Read();
  for (const char* date : {"2019-08-02", "2019-08-01"}) {
    EXPECT_FALSE(Refused(tables.Of(Run(date), false))) << "each date has a table";
  }
}

}  // namespace
}  // namespace busker::prepare
