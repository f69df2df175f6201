// Tasks that could start now, and what bounds how many do: slots, pools, cpus, memory.
//
// The highest priority goes first, then the oldest run; backfills go behind all others. A task
// whose pool is full lets others pass; one for which there is not enough cpu or memory does not, or
// a big task would wait for ever behind small ones.
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

  std::size_t size() const;  // tasks that wait
  std::size_t slots_in_use() const { return static_cast<std::size_t>(slots_); }

  // Why this task of the queue does not start now, for people.
  std::string Explain(const ReadyTask& task) const;

 private:
  int SlotsOf(const std::string& pool) const;
  bool PoolHasRoom(const ReadyTask& task) const;
  bool MachineHasRoom(const ReadyTask& task) const;
  const ReadyTask* Head() const;

  Capacity capacity_;
  std::map<std::string, std::set<ReadyTask>> by_pool_;
  std::map<std::pair<bool, std::int64_t>, std::size_t> counts_;  // by backfill and -priority
  int slots_ = 0;
  int cpus_milli_ = 0;
  std::uint64_t memory_bytes_ = 0;
  std::map<std::string, int> pools_;
};

ReadyTask MakeReady(const DagRun& run, std::uint64_t order, std::size_t task);

}  // namespace busker::plan
