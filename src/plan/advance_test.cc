#include "plan/advance.h"

#include <gtest/gtest.h>

#include <random>

#include "base/text.h"

namespace busker::plan {
namespace {

using std::chrono::seconds;

constexpr Instant kNoon{std::chrono::hours(12)};

// "train -> promote, deliver; other": tasks, each waiting for the one before the arrow.
DagRun ParseRun(std::string_view text) {
  DagRun run;
  run.id = "r1";
  for (const std::string& chain : Split(text, ';')) {
    std::vector<std::string> before;
    std::size_t begin = 0;
    for (;;) {
      const std::size_t end = chain.find("->", begin);
      std::vector<std::string> names;
      for (const std::string& name : Split(chain.substr(begin, end - begin), ',')) {
        names.emplace_back(Trim(name));
        Task task;
        task.name = names.back();
        task.after = before;
        run.tasks.push_back(task);
      }
      if (end == std::string::npos) break;
      before = names;
      begin = end + 2;
    }
  }
  return run;
}

// The engine without deeds: keeps the runs, says what was decided in short words.
class Engine {
 public:
  std::vector<std::string> Take(Event event, Instant now = kNoon) {
    const std::vector<Event> events = {std::move(event)};
    return Say(Advance(runs_, events, now));
  }
  std::vector<std::string> Wait(Instant now) { return Say(Advance(runs_, {}, now)); }

  const Runs& runs() const { return runs_; }
  std::optional<Instant> wake_at() const { return wake_at_; }
  const std::vector<Decision>& last() const { return last_; }

 private:
  std::vector<std::string> Say(Advanced advanced) {
    wake_at_ = advanced.wake_at;
    std::vector<std::string> words;
    for (const Decision& decision : advanced.decisions) words.push_back(Word(decision));
    last_ = std::move(advanced.decisions);
    return words;
  }
  static std::string Word(const Decision& decision) {
    struct Speaker {
      std::string operator()(const StartAttempt& d) {
        return "start " + d.task + "." + std::to_string(d.number);
      }
      std::string operator()(const StopAttempt& d) {
        return "stop " + d.task + "." + std::to_string(d.number);
      }
      std::string operator()(const TaskChanged& d) {
        return d.task + " " + std::string(NameOf(d.to));
      }
      std::string operator()(const RunChanged& d) { return "run " + std::string(NameOf(d.to)); }
      std::string operator()(const RetryPlanned& d) {
        return "retry " + d.task + "." + std::to_string(d.number);
      }
    };
    return std::visit(Speaker{}, decision);
  }
  Runs runs_;
  std::optional<Instant> wake_at_;
  std::vector<Decision> last_;
};

AttemptEnded Success(const std::string& task, int number = 1) {
  return {"r1", task, number, true, false, ""};
}
AttemptEnded Failure(const std::string& task, int number = 1) {
  return {"r1", task, number, false, false, "exit code 1"};
}

using Words = std::vector<std::string>;

TEST(Advance, StartsATaskOnlyAfterThoseItWaitsFor) {
  Engine engine;
  EXPECT_EQ(engine.Take(RunRequested{ParseRun("train -> promote")}),
            (Words{"run running", "train running", "start train.1"}));
  EXPECT_EQ(engine.Take(Success("train")),
            (Words{"train succeeded", "promote running", "start promote.1"}));
  EXPECT_EQ(engine.Take(Success("promote")), (Words{"promote succeeded", "run succeeded"}));
  EXPECT_TRUE(engine.runs().empty());
}

TEST(Advance, SkipsWhatWaitsForAFailureAndFailsTheRun) {
  Engine engine;
  engine.Take(RunRequested{ParseRun("apply -> deliver -> tell")});
  EXPECT_EQ(engine.Take(Failure("apply")),
            (Words{"apply failed", "deliver skipped", "tell skipped", "run failed"}));
}

TEST(Advance, TheRunCarriesTheMessageOfTheTaskThatFailed) {
  Engine engine;
  engine.Take(RunRequested{ParseRun("apply -> deliver")});
  engine.Take(Failure("apply"));
  EXPECT_EQ(std::get<RunChanged>(engine.last().back()).message, "apply: exit code 1");
}

TEST(Advance, RetriesAfterADelayThatDoubles) {
  Engine engine;
  DagRun run = ParseRun("train");
  run.tasks[0].retries = 2;
  run.tasks[0].retry_delay = seconds(10);
  engine.Take(RunRequested{run});
  EXPECT_EQ(engine.Take(Failure("train", 1)), (Words{"train queued", "retry train.2"}));
  EXPECT_EQ(engine.wake_at(), kNoon + seconds(10));
  EXPECT_EQ(engine.Wait(kNoon + seconds(9)), Words{});
  EXPECT_EQ(engine.Wait(kNoon + seconds(10)), (Words{"train running", "start train.2"}));
  engine.Take(Failure("train", 2), kNoon + seconds(20));
  EXPECT_EQ(engine.wake_at(), kNoon + seconds(40));
  engine.Wait(kNoon + seconds(40));
  EXPECT_EQ(engine.Take(Failure("train", 3)), (Words{"train failed", "run failed"}));
}

TEST(Advance, CancelStopsWhatRunsAndDropsWhatWaits) {
  Engine engine;
  engine.Take(RunRequested{ParseRun("train -> promote")});
  EXPECT_EQ(engine.Take(CancelRequested{"r1", "someone"}),
            (Words{"stop train.1", "promote cancelled"}));
  EXPECT_EQ(engine.Take(AttemptEnded{"r1", "train", 1, false, true, "stopped"}),
            (Words{"train cancelled", "run cancelled"}));
}

TEST(Advance, AnAttemptThatEndsWellAfterACancelIsCancelledAllTheSame) {
  Engine engine;
  engine.Take(RunRequested{ParseRun("train")});
  engine.Take(CancelRequested{"r1", "someone"});
  EXPECT_EQ(engine.Take(Success("train")), (Words{"train cancelled", "run cancelled"}));
}

TEST(Advance, StaleEndsChangeNothing) {
  Engine engine;
  DagRun run = ParseRun("train");
  run.tasks[0].retries = 1;
  engine.Take(RunRequested{run});
  engine.Take(Failure("train", 1));
  engine.Wait(kNoon + seconds(60));
  EXPECT_EQ(engine.Take(Success("train", 1)), Words{});
  EXPECT_EQ(engine.Take(AttemptEnded{"r9", "train", 1, true, false, ""}), Words{});
}

TEST(RetryDelay, NeverGrowsPastAnHour) {
  Task task;
  task.retry_delay = seconds(5);
  EXPECT_EQ(RetryDelay(task, 2), seconds(5));
  EXPECT_EQ(RetryDelay(task, 5), seconds(40));
  EXPECT_EQ(RetryDelay(task, 90), std::chrono::hours(1));
}

// A thousand seeded lives of a random graph: whatever attempts do, in whatever order, the rules
// hold.
TEST(Advance, KeepsItsInvariantsInRandomRuns) {
  for (unsigned seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
    DagRun run;
    run.id = "r1";
    const int count = 1 + below(8);
    for (int i = 0; i < count; ++i) {
      Task task;
      task.name = "t" + std::to_string(i);
      task.retries = below(3);
      task.retry_delay = Milliseconds(below(50));
      for (int j = 0; j < i; ++j) {
        if (below(3) == 0) task.after.push_back("t" + std::to_string(j));
      }
      run.tasks.push_back(task);
    }
    Runs runs;
    std::map<std::string, int> running;   // task -> attempt
    std::map<std::string, State> states;  // as told by the decisions
    std::map<std::string, int> begun;
    std::optional<State> run_state;
    Instant now = kNoon;
    std::vector<Event> events = {RunRequested{run}};
    for (int turn = 0; turn < 500 && !(run_state && IsFinal(*run_state)); ++turn) {
      const Advanced advanced = Advance(runs, events, now);
      events.clear();
      for (const Decision& decision : advanced.decisions) {
        if (const auto* start = std::get_if<StartAttempt>(&decision)) {
          ASSERT_FALSE(running.contains(start->task));
          ASSERT_EQ(start->number, ++begun[start->task]);
          for (const Task& task : run.tasks) {
            if (task.name != start->task) continue;
            ASSERT_LE(start->number, task.retries + 1);
            for (const auto& before : task.after) ASSERT_EQ(states[before], State::kSucceeded);
          }
          running[start->task] = start->number;
        } else if (const auto* task = std::get_if<TaskChanged>(&decision)) {
          const auto known = states.find(task->task);
          const State from = known == states.end() ? State::kQueued : known->second;
          ASSERT_EQ(task->from, from);
          ASSERT_FALSE(IsFinal(from));
          states[task->task] = task->to;
        } else if (const auto* change = std::get_if<RunChanged>(&decision)) {
          ASSERT_FALSE(run_state && IsFinal(*run_state));
          run_state = change->to;
        }
      }
      if (!running.empty() && (below(2) == 0 || !advanced.wake_at)) {
        auto which = running.begin();
        std::advance(which, below(static_cast<unsigned>(running.size())));
        events.push_back(
            AttemptEnded{"r1", which->first, which->second, below(3) > 0, false, "no"});
        running.erase(which);
      } else if (advanced.wake_at) {
        now = *advanced.wake_at;
      }
      if (below(60) == 0) events.push_back(CancelRequested{"r1", "someone"});
    }
    ASSERT_TRUE(run_state && IsFinal(*run_state)) << "the run never ended";
    ASSERT_TRUE(running.empty());
    ASSERT_TRUE(runs.empty());
  }
}

}  // namespace
}  // namespace busker::plan
