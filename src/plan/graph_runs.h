// The runs of one graph that have not ended: those that wait for their turn, those that are being
// prepared or at work, and their instants. The runs themselves belong to the agenda; Admission
// alone says where they stand.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "plan/active_run.h"

namespace busker::plan {

// A run that waits for its turn; the least goes first. All but `run` is a copy, so that it is found
// after the run has ended, too.
struct Candidate {
  bool backfill = false;
  int priority = 0;
  std::uint64_t order = 0;
  ActiveRun* run = nullptr;

  explicit Candidate(ActiveRun& active);
  bool operator<(const Candidate& other) const {
    return std::tuple(backfill, -std::int64_t{priority}, order) <
           std::tuple(other.backfill, -std::int64_t{other.priority}, other.order);
  }
};
using Candidates = std::set<Candidate>;

class GraphRuns {
 public:
  struct ById {
    bool operator()(const ActiveRun* a, const ActiveRun* b) const { return a->run.id < b->run.id; }
  };
  using Set = std::set<ActiveRun*, ById>;
  // A backfill, as long as it has runs that have not ended.
  struct Batch {
    Candidates waiting;
    int active = 0;
  };

  bool HasDue(Instant due) const { return dues().contains(due); }
  std::size_t due_count() const { return dues().size(); }
  // The runs of instants, by those.
  const std::map<Instant, ActiveRun*>& dues() const { return All().dues; }

  // Runs that wait, by what can keep them waiting besides the number of runs at once: nothing; a
  // pause and the run before; a pause and the limit of their backfill.
  const Candidates& by_hand() const { return All().by_hand; }
  const Candidates& scheduled() const { return All().scheduled; }
  const std::map<std::string, Batch>& batches() const { return All().batches; }

  const Set& active() const { return All().active; }                // being prepared, or at work
  const Set& parked() const { return All().parked; }                // those of them that are parked
  const Set& awaiting_past() const { return All().awaiting_past; }  // of them, or did
  std::size_t at_work() const { return active().size() - parked().size(); }

  std::vector<ActiveRun*> Waiting() const;
  std::vector<ActiveRun*> OldestFirst() const;  // all
  // One of no backfill, and not of an instant that is still to come; nullptr: none.
  const ActiveRun* FirstOther(Instant now) const;
  // One that runs; nullptr: none does.
  const ActiveRun* FirstRunning() const;

 private:
  friend class Admission;

  // A run, as its stage says: among those that wait, or those that are active.
  void Add(ActiveRun& active);
  // It has come to another stage.
  void Restage(ActiveRun& active, ActiveRun::Stage stage);
  // It leaves all that Add and the others have put it in.
  void Remove(ActiveRun& active);

  // A task of the run waits for its past.
  void AwaitPast(ActiveRun& active);
  // Nothing of the active run can go on: it is not at work. And the other way round.
  void Park(ActiveRun& active);
  void Unpark(ActiveRun& active);

  Candidates& WaitingLike(const DagRun& run);
  void File(ActiveRun& active);
  void Unfile(ActiveRun& active);

  struct Runs {
    Candidates by_hand, scheduled;
    std::map<std::string, Batch> batches;
    Set active, parked, awaiting_past;
    std::map<Instant, ActiveRun*> dues;
  };
  const Runs& All() const;
  Runs& Kept();

  // While there are any: of ten thousand graphs few have some at a time.
  std::unique_ptr<Runs> runs_;
};

// It was queued by a clock that was ahead: until its instant comes it is not there for others.
inline bool IsToCome(const DagRun& run, Instant now) { return run.due && *run.due > now; }

}  // namespace busker::plan
