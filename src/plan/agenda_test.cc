// Runs and their tasks: what starts when, what follows an end, cancel, retry and skip by hand.
#include <gtest/gtest.h>

#include "plan/test_engine.h"

namespace busker::plan {
namespace {

// An engine in which r1, a run of "g" with these tasks, has begun.
struct Begun : Engine {
  explicit Begun(std::string_view tasks) : Begun(ParseTasks(tasks)) {}
  explicit Begun(std::vector<Task> tasks) {
    Tasks("g", std::move(tasks));
    first = Begin();
  }
  Words first;
};

std::vector<Task> WithRetries(std::string_view text, int retries) {
  std::vector<Task> tasks = ParseTasks(text);
  for (Task& task : tasks) {
    task.retries = retries;
    task.retry_delay = seconds(10);
  }
  return tasks;
}

std::vector<Task> WithRule(std::string_view text, const std::string& name, TriggerRule rule) {
  std::vector<Task> tasks = ParseTasks(text);
  for (Task& task : tasks) {
    if (task.name == name) task.rule = rule;
  }
  return tasks;
}

TEST(Agenda, StartsATaskOnlyAfterThoseItWaitsFor) {
  Begun engine("train -> promote");
  EXPECT_EQ(engine.first,
            (Words{"queue", "prepare", "run running", "train running", "start train.1"}));
  EXPECT_EQ(engine.Take(Success("train")),
            (Words{"train succeeded", "promote running", "start promote.1"}));
  EXPECT_EQ(engine.Take(Success("promote")), (Words{"promote succeeded", "run succeeded"}));
  EXPECT_TRUE(engine.agenda().Idle());
}

TEST(Agenda, SkipsWhatWaitsForAFailureAndFailsTheRun) {
  Begun engine("apply -> deliver -> tell");
  EXPECT_EQ(engine.Take(Failure("apply")), (Words{"apply failed", "deliver skipped", "tell skipped",
                                                  "run failed", "tell failed"}));
}

TEST(Agenda, TheRunCarriesTheMessageOfTheTaskThatFailed) {
  Begun engine("apply -> deliver");
  engine.Take(Failure("apply"));
  std::string message, deliver;
  for (const Decision& decision : engine.last()) {
    if (const auto* run = std::get_if<RunChanged>(&decision)) message = run->message;
    if (const auto* task = std::get_if<TaskChanged>(&decision); task && task->task == "deliver") {
      deliver = task->message;
    }
  }
  EXPECT_EQ(message, "apply: exit code 1");
  EXPECT_EQ(deliver, "apply failed");
}

TEST(Agenda, RetriesAfterADelayThatDoubles) {
  Begun engine(WithRetries("train", 2));
  EXPECT_EQ(engine.Take(Failure("train", 1)), (Words{"train queued", "retry train.2"}));
  EXPECT_EQ(engine.wake_at(), kNoon + seconds(10));
  EXPECT_EQ(engine.Wait(kNoon + seconds(9)), Words{});
  EXPECT_EQ(engine.Wait(kNoon + seconds(10)), (Words{"train running", "start train.2"}));
  engine.Take(Failure("train", 2), kNoon + seconds(20));
  EXPECT_EQ(engine.wake_at(), kNoon + seconds(40));
  engine.Wait(kNoon + seconds(40));
  EXPECT_EQ(engine.Take(Failure("train", 3)), (Words{"train failed", "run failed", "tell failed"}));
}

// A delivery that lacked a column was tried again, with the waits between, and failed the same.
TEST(Agenda, DoesNotRetryWhatWouldEndTheSame) {
  Begun engine(WithRetries("deliver", 2));
  AttemptEnded refused = Failure("deliver", 1);
  refused.permanent = true;
  EXPECT_EQ(engine.Take(refused), (Words{"deliver failed", "run failed", "tell failed"}));
  EXPECT_EQ(engine.wake_at(), std::nullopt);
}

TEST(Agenda, CancelStopsWhatRunsAndDropsWhatWaits) {
  Begun engine("train -> promote");
  EXPECT_EQ(engine.Take(CancelRequested{"r1", "someone"}),
            (Words{"cancel", "stop train.1", "promote cancelled"}));
  EXPECT_EQ(engine.Take(CancelRequested{"r1", "someone"}), Words{});
  EXPECT_EQ(engine.Take(Stopped("train")), (Words{"train cancelled", "run cancelled"}));
}

TEST(Agenda, AnAttemptThatEndsWellAfterACancelIsCancelledAllTheSame) {
  Begun engine("train");
  engine.Take(CancelRequested{"r1", "someone"});
  EXPECT_EQ(engine.Take(Success("train")), (Words{"train cancelled", "run cancelled"}));
}

TEST(Agenda, StaleEndsChangeNothing) {
  Begun engine(WithRetries("train", 1));
  engine.Take(Failure("train", 1));
  EXPECT_EQ(engine.Take(Failure("train", 1)), Words{});
  engine.Wait(kNoon + seconds(60));
  EXPECT_EQ(engine.Take(Success("train", 1)), Words{});
  EXPECT_EQ(engine.Take(Success("train", 1, "r9")), Words{});
  EXPECT_EQ(engine.Take(RunPrepared{"r1", ParseTasks("other"), {}}), Words{});
  EXPECT_EQ(engine.Take(RunNotPrepared{"r1", "gone"}), Words{});
}

// A request that was heard twice became two runs: the second got an id of its own.
TEST(Agenda, ARequestHeardTwiceIsOneRun) {
  Engine engine;
  DagRun run = Engine::Request();
  run.id = "mine";
  engine.Take(RunRequested{run});
  EXPECT_EQ(engine.Take(RunRequested{run}), Words{});
}

// The run was left to settle at the end of the turn; a cancel behind the end of its last attempt
// was accepted, and the run succeeded.
TEST(Agenda, ACancelBehindTheLastEndIsTooLate) {
  Begun engine("train");
  EXPECT_EQ(engine.Take(std::vector<Event>{Success("train"), CancelRequested{"r1", "someone"}}),
            (Words{"train succeeded", "run succeeded"}));
}

TEST(Agenda, ARunThatCannotBePreparedFails) {
  Agenda agenda([](Instant) { return "r1"; });
  agenda.Advance(std::vector<Event>{RunRequested{Engine::Request()}}, kNoon);
  const auto advanced =
      agenda.Advance(std::vector<Event>{RunNotPrepared{"r1", "nothing is live yet"}}, kNoon);
  const auto& change = std::get<RunChanged>(advanced.decisions.front());
  EXPECT_EQ(change.to, State::kFailed);
  EXPECT_EQ(change.message, "nothing is live yet");
  EXPECT_TRUE(agenda.Idle());
}

TEST(Agenda, ARunWithoutTasksSucceeds) {
  Begun engine(std::vector<Task>{});
  EXPECT_EQ(engine.first, (Words{"queue", "prepare", "run succeeded"}));
}

// Skipping a chain was a recursion, two calls deep for each task.
TEST(Agenda, AChainOfAHundredThousandIsSkippedOnASmallStack) {
  std::vector<Task> tasks(100'000);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].name = std::to_string(i);
    if (i > 0) tasks[i].after = {tasks[i - 1].name};
  }
  Begun engine(std::move(tasks));
  EXPECT_EQ(engine.Take(Failure("0")).back(), "tell failed");
}

TEST(TriggerRules, AllDoneRunsAfterAFailure) {
  Begun engine(WithRule("apply, check -> tidy", "tidy", TriggerRule::kAllDone));
  EXPECT_EQ(engine.Take(Failure("apply")), Words{"apply failed"});
  EXPECT_EQ(engine.Take(Success("check")),
            (Words{"check succeeded", "tidy running", "start tidy.1"}));
  EXPECT_EQ(engine.Take(Success("tidy")), (Words{"tidy succeeded", "run failed", "tell failed"}));
}

TEST(TriggerRules, OneFailedRunsAsSoonAsOneHasAndIsSkippedWhenNoneDid) {
  const auto tasks = WithRule("apply, check -> alarm", "alarm", TriggerRule::kOneFailed);
  Begun bad(tasks);
  EXPECT_EQ(bad.Take(Failure("apply")), (Words{"apply failed", "alarm running", "start alarm.1"}));
  Begun good(tasks);
  good.Take(Success("apply"));
  EXPECT_EQ(good.Take(Success("check")),
            (Words{"check succeeded", "alarm skipped", "run succeeded"}));
}

TEST(TriggerRules, NoneFailedRunsAfterASkip) {
  auto tasks = WithRule("apply -> alarm -> report", "alarm", TriggerRule::kOneFailed);
  tasks[2].rule = TriggerRule::kNoneFailed;
  Begun engine(tasks);
  EXPECT_EQ(engine.Take(Success("apply")),
            (Words{"apply succeeded", "alarm skipped", "report running", "start report.1"}));
}

// Whether a task counts as skipped because of a failure depended on which of those before it ended
// first, and was another thing after a restart.
TEST(TriggerRules, ASkippedTaskIsJudgedByAllThatWereBeforeIt) {
  auto tasks = WithRule("quick -> alarm; slow", "alarm", TriggerRule::kOneFailed);
  tasks.push_back(ParseTasks("both").front());
  tasks.back().after = {"alarm", "slow"};
  tasks.push_back(ParseTasks("report").front());
  tasks.back().after = {"both"};
  tasks.back().rule = TriggerRule::kNoneFailed;
  Begun engine(tasks);
  EXPECT_EQ(engine.Take(Success("quick")), (Words{"quick succeeded", "alarm skipped"}));
  EXPECT_EQ(engine.Take(Failure("slow")),
            (Words{"slow failed", "both skipped", "report skipped", "run failed", "tell failed"}));
}

TEST(RetryByHand, ReopensWhatDidNotSucceedAndNothingElse) {
  Begun engine(WithRetries("train -> promote -> tell", 0));
  engine.Take(Success("train"));
  DagRun ended = *engine.agenda().FindRun("r1");
  engine.Take(Failure("promote"));
  ended.state = ended.tasks[1].state = State::kFailed;
  ended.tasks[1].attempt_running = false;
  ended.tasks[2].state = State::kSkipped;
  EXPECT_EQ(engine.Take(RetryRequested{ended, "someone", ""}),
            (Words{"run queued", "clear promote up to 2", "promote queued", "clear tell up to 1",
                   "tell queued", "run running", "promote running", "start promote.2"}));
  EXPECT_EQ(engine.Take(RetryRequested{ended, "someone", ""}), Words{});
  EXPECT_EQ(engine.Take(Success("promote", 1)), Words{});
  engine.Take(Success("promote", 2));
  EXPECT_EQ(engine.Take(Success("tell")),
            (Words{"tell succeeded", "run succeeded", "tell recovered"}));
}

TEST(RetryByHand, OfARunThatSucceededIsNothing) {
  Engine engine;
  DagRun run = Engine::Request();
  run.id = "r1";
  run.prepared = true;
  run.state = State::kSucceeded;
  run.tasks = ParseTasks("train");
  run.tasks[0].state = State::kSucceeded;
  EXPECT_EQ(engine.Take(RetryRequested{run, "someone", ""}), Words{});
}

TEST(RetryByHand, MayWaiveTheTaskThatIsInTheWay) {
  Engine engine;
  DagRun run = Engine::Request();
  run.id = "r1";
  run.prepared = true;
  run.state = State::kFailed;
  run.tasks = ParseTasks("check -> deliver");
  run.tasks[0].state = State::kFailed;
  run.tasks[0].attempts = 1;
  run.tasks[1].state = State::kSkipped;
  EXPECT_EQ(engine.Take(RetryRequested{run, "someone", "check"}),
            (Words{"run queued", "clear check up to 2", "check queued", "check skipped",
                   "clear deliver up to 1", "deliver queued", "run running", "deliver running",
                   "start deliver.1"}));
}

TEST(SkipByHand, LetsWhatWaitsGoOn) {
  Begun engine("train; check -> deliver -> tell");
  engine.Take(Success("check"));
  EXPECT_EQ(engine.Take(SkipRequested{"r1", "deliver", "someone"}), Words{});  // it runs
  EXPECT_EQ(engine.Take(SkipRequested{"r1", "tell", "someone"}), Words{"tell skipped"});
  engine.Take(Success("deliver"));
  EXPECT_EQ(engine.Take(Success("train")), (Words{"train succeeded", "run succeeded"}));
}

TEST(SkipByHand, EndsTheWaitForARetry) {
  Begun engine(WithRetries("check -> deliver", 1));
  engine.Take(Failure("check"));
  EXPECT_EQ(engine.Take(SkipRequested{"r1", "check", "someone"}),
            (Words{"check skipped", "deliver running", "start deliver.1"}));
  EXPECT_EQ(engine.Wait(kNoon + minutes(1)), Words{});
}

TEST(RunTimeout, StopsWhatRunsAndFailsTheRest) {
  Engine engine;
  engine.Tasks("g", ParseTasks("train -> promote"));
  engine.RunTimeout(minutes(10));
  engine.Begin();
  EXPECT_EQ(engine.wake_at(), kNoon + minutes(10));
  EXPECT_EQ(engine.Wait(kNoon + minutes(10)), (Words{"stop train.1", "promote failed"}));
  EXPECT_EQ(engine.Take(Success("train"), kNoon + minutes(11)),
            (Words{"train failed", "run failed", "tell failed"}));
}

// The timers were looked at before the step was: a clock set right by an hour ended every run.
TEST(RunTimeout, AClockThatIsSetIsNoTimeThatPassed) {
  for (const auto step : {hours(1), hours(-1)}) {
    Engine engine;
    engine.Tasks("g", WithRetries("train; check", 1));
    engine.RunTimeout(minutes(10));
    engine.Begin();
    engine.Take(Failure("check"));
    EXPECT_EQ(engine.Take(ClockStepped{step}, kNoon + step), (Words{"deadline", "retry check.2"}));
    EXPECT_EQ(engine.Wait(kNoon + step + seconds(9)), Words{});
    EXPECT_EQ(engine.Wait(kNoon + step + seconds(10)), (Words{"check running", "start check.2"}));
    EXPECT_EQ(engine.Wait(kNoon + step + minutes(9)), Words{});
    EXPECT_EQ(engine.Wait(kNoon + step + minutes(10)), (Words{"stop train.1", "stop check.2"}));
  }
}

TEST(Restore, GoesOnWhereItWasAndTellsAgainWhatWasToldToStop) {
  Begun engine("train, check -> promote");
  engine.Take(Success("check"));
  engine.Restart();
  EXPECT_EQ(engine.Wait(kNoon), Words{});
  EXPECT_EQ(engine.agenda().attempts_running(), 1u);
  engine.Take(CancelRequested{"r1", "someone"});
  engine.Restart();
  EXPECT_EQ(engine.Wait(kNoon), Words{"stop train.1"});
  EXPECT_EQ(engine.Take(Success("train")), (Words{"train cancelled", "run cancelled"}));
}

TEST(RetryDelay, NeverGrowsPastAnHour) {
  Task task;
  task.retry_delay = seconds(5);
  EXPECT_EQ(RetryDelay(task, 2), seconds(5));
  EXPECT_EQ(RetryDelay(task, 5), seconds(40));
  EXPECT_EQ(RetryDelay(task, 90), hours(1));
}

TEST(State, IsStoredByName) {
  for (const State state : {State::kQueued, State::kRunning, State::kSucceeded, State::kFailed,
                            State::kCancelled, State::kSkipped}) {
    EXPECT_EQ(ParseState(NameOf(state)), state);
  }
  EXPECT_EQ(ParseState("asleep"), std::nullopt);
}

// There was no room for a process, and a task without retries had failed.
TEST(NotBegun, IsBegunAgainLaterAndUsesUpNoTry) {
  Engine engine;
  EXPECT_EQ(engine.Begin().back(), "start work.1");
  EXPECT_EQ(engine.Take(NotBegun("work")), (Words{"undo work.1", "work queued", "retry work.1"}));
  EXPECT_EQ(engine.wake_at(), kNoon + seconds(1));
  EXPECT_EQ(engine.agenda().attempts_running(), 0U);
  EXPECT_EQ(engine.agenda().ExplainTask("r1", "work", kNoon),
            "work waits until 1970-01-01T12:00:01Z for its attempt 1: it could not be begun: no "
            "room for a process (try 2 of 20 is next)");
  EXPECT_EQ(engine.Wait(kNoon + seconds(1)), (Words{"work running", "start work.1"}));
  EXPECT_EQ(engine.Take(NotBegun("work"), kNoon + seconds(1)).front(), "undo work.1");
  EXPECT_EQ(engine.wake_at(), kNoon + seconds(3));
  EXPECT_EQ(engine.Wait(kNoon + seconds(3)).back(), "start work.1");
  EXPECT_EQ(engine.Take(Failure("work"), kNoon + seconds(3)).front(), "work failed");
}

TEST(NotBegun, IsGivenUpAfterAnHour) {
  Engine engine;
  engine.Begin();
  Instant now = kNoon;
  for (int i = 1; i < 20; ++i) {
    EXPECT_EQ(engine.Take(NotBegun("work"), now).front(), "undo work.1");
    EXPECT_EQ(engine.Wait(now = engine.wake_at().value()).back(), "start work.1");
  }
  EXPECT_GT(now, kNoon + minutes(50));
  EXPECT_LT(now, kNoon + minutes(70));
  EXPECT_EQ(engine.Take(NotBegun("work"), now),
            (Words{"work failed", "run failed", "tell failed"}));
  EXPECT_EQ(std::get<TaskChanged>(engine.last()[0]).message,
            "it could not be begun: no room for a process; it was tried 20 times");
}

TEST(NotBegun, OfARunThatIsCancelledIsNotBegunAgain) {
  Engine engine;
  engine.Begin();
  EXPECT_EQ(engine.Take({CancelRequested{"r1", "someone"}, NotBegun("work")}),
            (Words{"cancel", "stop work.1", "work cancelled", "run cancelled"}));
  Engine waiting;
  waiting.Begin();
  waiting.Take(NotBegun("work"));
  EXPECT_EQ(waiting.Take(CancelRequested{"r1", "someone"}),
            (Words{"cancel", "work cancelled", "run cancelled"}));
}

// What was in the way may be gone with the process.
TEST(NotBegun, IsBegunAgainAtOnceAfterARestart) {
  Engine engine;
  engine.Take(GraphDefined{ParseGraph("")});
  engine.Begin();
  engine.Take(NotBegun("work"));
  engine.Restart();
  EXPECT_EQ(engine.Take(GraphDefined{ParseGraph("")}),
            (Words{"retry work.1", "work running", "start work.1"}));
}

}  // namespace
}  // namespace busker::plan
