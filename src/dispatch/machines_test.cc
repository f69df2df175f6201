// What a conductor does for attempts on machines that were lent: they are taken away, or cannot be
// given back. Here they are processes of this machine, of which their lender says so.
#include <gtest/gtest.h>

#include <atomic>

#include "dispatch/conductor_fixture.h"

namespace busker::dispatch {
namespace {

struct Lent {
  std::mutex mutex;
  int taken_away = 0;            // so many attempts, the first ones
  std::vector<int> preemptions;  // that each attempt was launched with
  std::vector<execute::Debt> debts;
  std::vector<execute::Silence> silences;
};

class Lender : public execute::Executor {
 public:
  static Result<std::unique_ptr<execute::Executor>> Open(Lent& lent, const fs::path& runs,
                                                         OnEnded on_ended) {
    auto told = [&lent, on_ended = std::move(on_ended)](const attempt::Name& name,
                                                        Result<attempt::ExitRecord> exit) {
      if (exit && name.number <= lent.taken_away) {
        exit->ending = attempt::Ending::kPreempted;
        exit->message = "the machine was taken away";
        exit->boot = std::chrono::seconds(21);
        exit->machine = std::chrono::seconds(90);
      }
      on_ended(name, std::move(exit));
    };
    TRY_ASSIGN(auto processes,
               execute::ProcessExecutor::Start(BUSKER_RUNNER_PATH, runs, std::move(told)));
    return std::unique_ptr<execute::Executor>(new Lender(lent, std::move(processes)));
  }

  Result<void> Launch(const execute::Attempt& attempt) override {
    {
      const std::lock_guard lock(lent_.mutex);
      lent_.preemptions.push_back(attempt.preemptions);
    }
    return processes_->Launch(attempt);
  }
  Result<void> Recover(const execute::Attempt& attempt) override {
    return processes_->Recover(attempt);
  }
  Result<void> Stop(const attempt::Name& name) override { return processes_->Stop(name); }
  Result<void> Sweep(std::span<const attempt::Name> unfinished) override {
    return processes_->Sweep(unfinished);
  }
  std::vector<execute::Debt> Debts() const override {
    const std::lock_guard lock(lent_.mutex);
    return lent_.debts;
  }
  std::vector<execute::Silence> Silences() const override {
    const std::lock_guard lock(lent_.mutex);
    return lent_.silences;
  }

 private:
  Lender(Lent& lent, std::unique_ptr<execute::Executor> processes)
      : lent_(lent), processes_(std::move(processes)) {}
  Lent& lent_;
  const std::unique_ptr<execute::Executor> processes_;
};

class Machines : public ConductorTest {
 protected:
  std::unique_ptr<Conductor> Borrow() {
    Deeds deeds = MakeDeeds();
    deeds.prepare = [prepare = deeds.prepare](const plan::DagRun& run) -> Result<Prepared> {
      TRY_ASSIGN(Prepared prepared, prepare(run));
      for (plan::Task& task : prepared.event.tasks) task.preemptions_max = 2;
      return prepared;
    };
    deeds.notices = [this](const plan::NotifyPeople& tell, Instant) {
      told_.push_back(tell);
      return std::vector<record::NoticeRow>();
    };
    deeds.places_in_use = in_use_;
    return Conductor::Start(
               *record_,
               [this](const std::string& place, execute::Executor::OnEnded on_ended)
                   -> Result<std::unique_ptr<execute::Executor>> {
                 opened_.push_back(place);
                 if (place == "away://") return Temporary("it is away");
                 return Lender::Open(lent_, home_.RunsFolder(), std::move(on_ended));
               },
               home_.RunsFolder(), {}, std::move(deeds), instance_)
        .value();
  }

  Lent lent_;
  std::vector<std::string> in_use_, opened_;
  std::vector<plan::NotifyPeople> told_;  // of the conductor's thread, which is this one
};

TEST_F(Machines, ThatAreTakenAwayAreNoFailedTries) {
  lent_.taken_away = 2;
  const auto conductor = Borrow();
  auto added = Add(*conductor, kRun, {"true"});
  ASSERT_TRUE(conductor->Run(Until::kIdle, Now() + std::chrono::seconds(30)).value());
  ASSERT_TRUE(Get(added));
  const record::RunRow run = Find(kRun);
  EXPECT_EQ(run.state, plan::State::kSucceeded) << run.message;
  ASSERT_EQ(run.tasks[0].attempts.size(), 3U);
  EXPECT_EQ(run.tasks[0].attempts[0].ending, "preempted");
  EXPECT_EQ(run.tasks[0].attempts[0].boot, std::chrono::seconds(21));
  EXPECT_EQ(run.tasks[0].attempts[0].machine, std::chrono::seconds(90));
  EXPECT_EQ(run.tasks[0].attempts[2].ending, "succeeded");
  EXPECT_EQ(lent_.preemptions, (std::vector{0, 1, 2})) << "by which the kind of machine is chosen";
  EXPECT_EQ(record_->Check().value(), std::vector<std::string>());
}

TEST_F(Machines, ThatAreTakenAwayTooOftenFailTheTask) {
  lent_.taken_away = 3;
  const auto conductor = Borrow();
  auto added = Add(*conductor, kRun, {"true"});
  ASSERT_TRUE(conductor->Run(Until::kIdle, Now() + std::chrono::seconds(30)).value());
  const record::RunRow run = Find(kRun);
  EXPECT_EQ(run.state, plan::State::kFailed);
  EXPECT_EQ(run.tasks[0].attempts.size(), 3U);
  EXPECT_EQ(run.message, "t1: the machine was taken away");
}

// Nobody was told of a machine that could not be deleted, and it cost money for weeks.
TEST_F(Machines, ThatCannotBeGivenBackAreToldOnce) {
  {
    const auto conductor = Borrow();
    auto added = Add(*conductor, kRun, {"true"});
    ASSERT_TRUE(conductor->Run(Until::kIdle, Now() + std::chrono::seconds(30)).value());
  }
  lent_.debts = {{{kRun, "t1", 1}, "VM b-1", "europe-west1-b of p", "forbidden", Now()}};
  for (int conductors = 0; conductors < 2; ++conductors) {
    const auto conductor = Borrow();
    for (int turns = 0; turns < 2; ++turns) {
      (void)conductor->Run(Until::kStopped, Now() + std::chrono::milliseconds(10));
    }
    ASSERT_EQ(conductor->Debts().size(), 1U);
    EXPECT_EQ(conductor->Debts()[0].what, "VM b-1");
  }
  ASSERT_EQ(told_.size(), 1U) << "another conductor knows by the record that it was told";
  EXPECT_EQ(told_[0].kind, plan::NotifyPeople::Kind::kLeftBehind);
  EXPECT_EQ(told_[0].run, kRun);
  EXPECT_EQ(told_[0].graph.Text(), "g");
  EXPECT_EQ(told_[0].message,
            "VM b-1 in europe-west1-b of p is left behind and costs money: forbidden; deleting it "
            "is tried again");
  lent_.debts.clear();
  const auto conductor = Borrow();
  (void)conductor->Run(Until::kStopped, Now() + std::chrono::milliseconds(10));
  EXPECT_TRUE(conductor->Debts().empty());
}

// What was left in a cloud was swept when its place was next used, which may be never.
TEST_F(Machines, PlacesInUseAreOpenedAtOnce) {
  in_use_ = {"away://", "lent://"};
  const auto conductor = Borrow();
  ASSERT_TRUE(conductor->Recover());
  EXPECT_EQ(opened_, (std::vector<std::string>{"", "away://", "lent://"}));
}

TEST_F(Machines, OfWhichNothingIsHeardAreTold) {
  lent_.silences = {{{kRun, "t1", 1}, "VM b-1", "p", "no answer", Now()}};
  const auto conductor = Borrow();
  (void)conductor->Run(Until::kStopped, Now() + std::chrono::milliseconds(10));
  ASSERT_EQ(conductor->Silences().size(), 1U);
  EXPECT_EQ(conductor->Silences()[0].why, "no answer");
}

}  // namespace
}  // namespace busker::dispatch
