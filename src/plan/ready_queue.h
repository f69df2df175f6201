// Tasks that could start now, and what bounds how many do: slots, cpus and memory of this machine,
// or how many tasks another place takes; and pools.
//
// The highest priority goes first, then the oldest run; backfills go behind all others. A task
// whose pool or place is full lets others pass; one for which this machine has not enough cpu or
// memory lets pass those at other places alone, or a big task would wait for ever behind small
// ones.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "plan/run.h"

namespace busker::plan {

struct ReadyTask {
  std::string run;
  std::size_t task = 0;     // index in its run
  std::uint64_t order = 0;  // of its run
  bool backfill = false;    // behind all that are not
  int priority = 0;
  std::string pool;
  int pool_slots = 1;
  int cpus_milli = 0;
  std::uint64_t memory_bytes = 0;
  std::string place;  // SharedPlace, of one that takes no room on this machine; else empty
  int place_tasks_max = 0;

  bool operator<(const ReadyTask& other) const {
    return std::tuple(backfill, -std::int64_t{priority}, order, task) <
           std::tuple(other.backfill, -std::int64_t{other.priority}, other.order, other.task);
  }
};

class ReadyQueue {
 public:
  explicit ReadyQueue(Capacity capacity) : capacity_(std::move(capacity)) {}

  const Capacity& capacity() const { return capacity_; }
  void SetCapacity(Capacity capacity) { capacity_ = std::move(capacity); }

  // Why the task can never start, whatever ends: a sentence; empty: it can.
  std::string Hopeless(const Task& task) const;

  void Add(ReadyTask task);
  void Remove(const ReadyTask& task);  // if it is there
  bool Contains(const ReadyTask& task) const;
  // How many tasks wait whose priority is at least this.
  std::size_t CountBefore(bool backfill, int priority) const;

  // The next task that may start: it leaves the queue, and what it takes is in use until Release.
  std::optional<ReadyTask> TakeNext();

  // In use by an attempt that runs already (after a restart), no longer in use.
  void Occupy(const Task& task);
  void Release(const Task& task);

  std::size_t size() const;                                                      // tasks that wait
  std::size_t running() const { return running_; }                               // wherever
  std::size_t slots_in_use() const { return static_cast<std::size_t>(slots_); }  // here

  // Why this task of the queue does not start now, for people.
  std::string Explain(const ReadyTask& task) const;

 private:
  using Pools = std::map<std::string, std::set<ReadyTask>>;

  int SlotsOf(const std::string& pool) const;
  bool PoolHasRoom(const ReadyTask& task) const;
  bool PlaceHasRoom(const ReadyTask& task) const;
  int TasksAt(const std::string& place) const;
  const ReadyTask* Head(const Pools& pools) const;
  void Use(const ReadyTask& task, int sign);

  Capacity capacity_;
  std::map<std::string, Pools> by_place_;
  std::map<std::pair<bool, std::int64_t>, std::size_t> counts_;  // by backfill and -priority
  std::size_t running_ = 0;
  std::map<std::string, int> places_;  // tasks at each that is not this machine
  int slots_ = 0;                      // of this machine
  int cpus_milli_ = 0;
  std::uint64_t memory_bytes_ = 0;
  std::map<std::string, int> pools_;
};

// What the task needs, whichever run it is of.
ReadyTask NeedsOf(const Task& task);

ReadyTask MakeReady(const DagRun& run, std::uint64_t order, std::size_t task);

}  // namespace busker::plan
