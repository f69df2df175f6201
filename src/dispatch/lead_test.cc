// Of conductors of one record the newest works.
#include <gtest/gtest.h>

#include <optional>

#include "dispatch/conductor.h"
#include "execute/process_executor.h"
#include "home/home.h"
#include "io/test_folder.h"
#include "record/open.h"

namespace busker::dispatch {
namespace {

using Until = Conductor::Until;

class ConductorsTest : public testing::Test {
 protected:
  // Of a record that it has open by itself, as another process would.
  struct Opened {
    std::unique_ptr<record::Record> record;
    std::unique_ptr<Conductor> conductor;
  };
  Opened Open() {
    Opened opened;
    opened.record = record::OpenRecord(home_.RecordUrl(), {true, false}).value();
    const auto processes = [this](const std::string&, execute::Executor::OnEnded on_ended) {
      return Result<std::unique_ptr<execute::Executor>>(execute::ProcessExecutor::Start(
          BUSKER_RUNNER_PATH, home_.RunsFolder(), std::move(on_ended)));
    };
    Deeds deeds;
    deeds.prepare = [](const plan::DagRun&) -> Result<Prepared> {
      return Invalid("nobody knows how");
    };
    opened.conductor =
        Conductor::Start(*opened.record, processes, home_.RunsFolder(), {}, deeds).value();
    return opened;
  }

  // Asks for a run; what whoever asked was told.
  Result<void> Request(Opened& of, const std::string& id) {
    std::optional<Result<void>> answer;
    plan::DagRun run;
    run.id = id;
    run.graph = "g";
    run.trigger = "manual";
    run.scheduled_at = run.requested_at = Now();
    of.conductor->Ask(
        {[&](const View&) { return std::vector<plan::Event>{plan::RunRequested{run}}; },
         [&](Result<void> told, const View&) { answer = std::move(told); }});
    ran_ = of.conductor->Run(Until::kIdle);
    return answer.value_or(TimedOut("nobody answered"));
  }

  const io::TestFolder folder_;
  const home::Home home_ = home::MakeHome(folder_ / ".busker").value();
  Result<bool> ran_ = true;  // of the conductor that was asked last
};

// The lock of a home was removed, and two conductors wrote to its record, turn about.
TEST_F(ConductorsTest, OneThatIsSucceededChangesNothingMoreAndEnds) {
  Opened first = Open();
  ASSERT_TRUE(Request(first, "r1"));
  Opened second = Open();
  ASSERT_TRUE(second.conductor->Recover());
  const auto refused = Request(first, "r2");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(record::IsLeadLost(refused.error())) << refused.error().message;
  ASSERT_FALSE(ran_);
  EXPECT_TRUE(record::IsLeadLost(ran_.error())) << ran_.error().message;
  EXPECT_FALSE(second.record->FindRun("r2"));
  EXPECT_TRUE(Request(second, "r3"));
  EXPECT_TRUE(second.record->FindRun("r3"));
  EXPECT_EQ(second.record->Check().value(), std::vector<std::string>{});
}

}  // namespace
}  // namespace busker::dispatch
