// A world around the agenda, all of which follows from one seed: graphs, a clock that is set, slow
// and hanging attempts, people who meddle, crashes. After every turn the record is judged
// (simulation_record.h), and so is what another agenda would do with it.
//
// What can go wrong: a turn is cut before all of its decisions are recorded (then none is) or
// before any is carried out; what was under way in Busker is then forgotten, what attempts did is
// not. Events come late, in any order and twice. Preparing a run fails, or hangs; attempts cannot
// be begun. The wall clock is set.
#pragma once

#include <deque>
#include <memory>
#include <random>

#include "plan/agenda.h"
#include "plan/simulation_record.h"

namespace busker::plan {

class Simulation {
 public:
  explicit Simulation(unsigned seed);

  // Empty: all went well; else what did not.
  std::string Play();
  std::string History() const;  // its last lines

 private:
  // An attempt, as the machine knows it: it outlives Busker.
  struct Attempt {
    Milliseconds ends_at{};  // on the monotonic clock
    bool hangs = false;      // until it is stopped
    bool succeeds = true, stopped = false, ended = false;
    bool preempted = false;  // if it does not succeed, for that reason
  };
  using Name = std::tuple<std::string, std::string, int>;  // run, task, number
  struct Pending {
    Milliseconds at{};
    Event event;
  };

  // simulation_graphs_test.cc: what the world is made of.
  void MakeGraphs();
  Graph MakeGraph(int number);
  std::vector<Task> MakeTasks();
  void MakeCapacity();
  void Meddle(std::vector<Event>* events);

  Instant Wall() const { return Instant(std::chrono::hours(24 * 365 * 50)) + mono_ + offset_; }
  int Below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool Chance(int in) { return Below(in) == 0; }
  Milliseconds Upto(Milliseconds limit) {
    return Milliseconds(Below(static_cast<int>(limit.count()) + 1));
  }
  const DagRun* AnyRun(bool final);
  void Later(Event event, Milliseconds delay) {
    pending_.push_back({mono_ + delay, std::move(event)});
  }

  // simulation_play_test.cc: what happens.
  void Turn();
  void Quiet();
  Milliseconds NextTime();
  void EndAttempts();
  void TellEnd(const Name& name);
  std::vector<Event> Heard();
  void CarryOut(const std::vector<Decision>& decisions);
  void Prepare(const PrepareRun& prepare);
  void Begin(const Name& name);
  void Stop(const Name& name);
  void Crash();
  void TryAnotherAgenda();
  void CheckNothingIsLeftLying();
  bool MayBeParked(const DagRun& run) const;
  void CheckSchedules();
  std::set<Instant> Oracle(const Graph& graph) const;
  void Fault(const std::string& what) {
    if (fault_.empty()) fault_ = what;
  }
  void Say(std::string line);
  std::unique_ptr<Agenda> MakeAgenda();
  std::vector<Event> Definitions();

  std::mt19937 random_;
  Milliseconds mono_{0}, offset_{0};
  bool steps_ = false;  // the clock is set now and then
  bool faults_ = true;
  int ids_ = 0, batches_ = 0, lazy_turns_ = 0;
  std::map<std::string, Milliseconds> preparing_;  // runs, since when
  std::map<std::string, RunPrepared> hanging_;     // of them, those that are not answered for now
  std::unique_ptr<Agenda> agenda_;
  SimulatedRecord record_;
  std::map<GraphKey, std::vector<Task>> tasks_;
  std::map<Name, Attempt> attempts_;
  std::set<Name> not_begun_;  // nothing of them is there
  std::vector<Pending> pending_;
  std::vector<Event> unheard_;  // for the first turn after a crash, or of a new clock
  std::vector<Instant> turns_;  // that were recorded
  std::optional<Instant> wake_at_;
  std::deque<std::string> history_;
  std::string fault_;
};

}  // namespace busker::plan
