// What the gate said of the versions that runs saved, by what is on record and in their store.
#include "prepare/ruling.h"

#include <gtest/gtest.h>

#include "artifact/store.h"
#include "io/test_folder.h"
#include "prepare/recorded_order.h"
#include "record/record_fixture.h"

namespace busker::prepare {
namespace {

class RulingTest : public testing::Test {
 protected:
  // A run of shop/training that saved a version of that service version, as it is on record.
  record::RunRow AddRun(const std::string& id, const std::string& service_version) {
    attempt::Order order;
    order.run = id;
    order.task = "training";
    order.command = {"./train"};
    order.store_url = "home:artifacts";
    order.output = "shop/" + service_version + "/training/" + kStamp;
    record::TestTurn turn;
    plan::DagRun run = record::Requested(id);
    run.prepared = true;
    run.tasks = record::TasksNamed({"training"});
    turn.prepared = {record::PreparedFor(id, run.tasks)};
    turn.prepared[0].service_version = service_version;
    turn.prepared[0].orders = {ForRecord(order)};
    turn.decisions = {plan::RunQueued{run}};
    EXPECT_TRUE(turn.AppendTo(*record_));
    record::RunRow row = record_->FindRun(id).value();
    row.state = plan::State::kSucceeded;
    return row;
  }
  void Rule(const std::string& service_version, bool passed) {
    const auto store = artifact::OpenStore("file://" + (folder_ / "artifacts").string()).value();
    ASSERT_TRUE(model::NoteRuling(*store,
                                  {{"shop", service_version, "training", kStamp},
                                   passed,
                                   "auc of " + service_version,
                                   "r",
                                   record::kNoon},
                                  artifact::ForFiles()));
  }

  static constexpr char kStamp[] = "20190801T000000Z";
  const io::TestFolder folder_;
  std::unique_ptr<record::Record> record_ = record::Fresh();
  Rulings rulings_{*record_, {folder_.path(), {}}};
};

// Two versions of a service have one time stamp, when it is trained in both at once.
TEST_F(RulingTest, IsThatOfTheRunsOwnServiceVersion) {
  Rule("1", true);
  Rule("2", false);
  const record::RunRow one = AddRun("r1", "1"), two = AddRun("r2", "2");
  for (int i = 0; i < 2; ++i) {  // the second time from memory
    const auto first = rulings_.Of(one).value(), second = rulings_.Of(two).value();
    ASSERT_TRUE(first && second);
    EXPECT_EQ(Sentence(*first), "20190801T000000Z passed: auc of 1");
    EXPECT_EQ(Sentence(*second), "20190801T000000Z refused: auc of 2");
  }
}

TEST_F(RulingTest, IsNoneOfARunThatDidNotComeToAGate) {
  record::RunRow run = AddRun("r1", "1");
  EXPECT_FALSE(rulings_.Of(run).value());
  EXPECT_FALSE(io::fs::exists(folder_ / "artifacts")) << "who looks makes no store";
  Rule("1", true);
  run.state = plan::State::kRunning;
  EXPECT_FALSE(rulings_.Of(run).value()) << "it is still at work";
  run.state = plan::State::kFailed;
  EXPECT_TRUE(rulings_.Of(run).value());
  run.facts.id = "r2";
  EXPECT_FALSE(rulings_.Of(run).value()) << "it was never prepared";
  run.facts.service.clear();
  EXPECT_FALSE(rulings_.Of(run).value()) << "a graph file has no gate";
}

}  // namespace
}  // namespace busker::prepare
