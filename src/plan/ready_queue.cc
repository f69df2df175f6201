#include "plan/ready_queue.h"

#include <fmt/core.h>

#include "base/bytes.h"

namespace busker::plan {
namespace {

std::string Cpus(int milli) { return fmt::format("{:g} cpus", milli / 1000.0); }

}  // namespace

ReadyTask MakeReady(const DagRun& run, std::uint64_t order, std::size_t task) {
  const Task& it = run.tasks[task];
  return {run.id,  task,          order,         !run.batch.empty(), it.priority + run.priority,
          it.pool, it.pool_slots, it.cpus_milli, it.memory_bytes};
}

std::string ReadyQueue::Hopeless(const Task& task) const {
  if (!task.pool.empty()) {
    if (const int slots = SlotsOf(task.pool); task.pool_slots > slots) {
      return fmt::format(
          "it takes {} slots of the pool \"{}\", which has {} ([pools] in daemon.toml)",
          task.pool_slots, task.pool, slots);
    }
  }
  if (capacity_.cpus_milli > 0 && task.cpus_milli > capacity_.cpus_milli) {
    return fmt::format("it takes {}, and there are {}", Cpus(task.cpus_milli),
                       Cpus(capacity_.cpus_milli));
  }
  if (capacity_.memory_bytes > 0 && task.memory_bytes > capacity_.memory_bytes) {
    return fmt::format("it takes {} of memory, and there are {}", FormatBytes(task.memory_bytes),
                       FormatBytes(capacity_.memory_bytes));
  }
  return {};
}

void ReadyQueue::Add(ReadyTask task) {
  const std::pair kind(task.backfill, -std::int64_t{task.priority});
  std::set<ReadyTask>& pool = by_pool_[task.pool];
  if (pool.insert(std::move(task)).second) ++counts_[kind];
}

void ReadyQueue::Remove(const ReadyTask& task) {
  const auto pool = by_pool_.find(task.pool);
  if (pool == by_pool_.end()) return;
  if (pool->second.erase(task) == 0) return;
  const auto count = counts_.find({task.backfill, -std::int64_t{task.priority}});
  if (--count->second == 0) counts_.erase(count);
  if (pool->second.empty()) by_pool_.erase(pool);
}

bool ReadyQueue::Contains(const ReadyTask& task) const {
  const auto pool = by_pool_.find(task.pool);
  return pool != by_pool_.end() && pool->second.contains(task);
}

std::size_t ReadyQueue::size() const {
  std::size_t all = 0;
  for (const auto& [_, count] : counts_) all += count;
  return all;
}

std::size_t ReadyQueue::CountBefore(bool backfill, int priority) const {
  std::size_t before = 0;
  const auto end = counts_.upper_bound({backfill, -std::int64_t{priority}});
  for (auto count = counts_.begin(); count != end; ++count) before += count->second;
  return before;
}

bool ReadyQueue::PoolHasRoom(const ReadyTask& task) const {
  if (task.pool.empty()) return true;
  const auto used = pools_.find(task.pool);
  return (used == pools_.end() ? 0 : used->second) + task.pool_slots <= SlotsOf(task.pool);
}

// A pool that nobody gave a size has one slot.
int ReadyQueue::SlotsOf(const std::string& pool) const {
  const auto found = capacity_.pools.find(pool);
  return found == capacity_.pools.end() ? 1 : found->second;
}

bool ReadyQueue::MachineHasRoom(const ReadyTask& task) const {
  if (slots_ >= capacity_.slots) return false;
  if (capacity_.cpus_milli > 0 && task.cpus_milli > 0 &&
      cpus_milli_ + task.cpus_milli > capacity_.cpus_milli) {
    return false;
  }
  return capacity_.memory_bytes == 0 || task.memory_bytes == 0 ||
         memory_bytes_ + task.memory_bytes <= capacity_.memory_bytes;
}

const ReadyTask* ReadyQueue::Head() const {
  const ReadyTask* head = nullptr;
  for (const auto& [_, tasks] : by_pool_) {
    const ReadyTask& first = *tasks.begin();
    if (PoolHasRoom(first) && (head == nullptr || first < *head)) head = &first;
  }
  return head;
}

std::optional<ReadyTask> ReadyQueue::TakeNext() {
  const ReadyTask* head = Head();
  if (head == nullptr || !MachineHasRoom(*head)) return std::nullopt;
  const ReadyTask taken = *head;
  Remove(taken);
  ++slots_;
  cpus_milli_ += taken.cpus_milli;
  memory_bytes_ += taken.memory_bytes;
  if (!taken.pool.empty()) pools_[taken.pool] += taken.pool_slots;
  return taken;
}

void ReadyQueue::Occupy(const Task& task) {
  ++slots_;
  cpus_milli_ += task.cpus_milli;
  memory_bytes_ += task.memory_bytes;
  if (!task.pool.empty()) pools_[task.pool] += task.pool_slots;
}

void ReadyQueue::Release(const Task& task) {
  --slots_;
  cpus_milli_ -= task.cpus_milli;
  memory_bytes_ -= task.memory_bytes;
  if (!task.pool.empty()) pools_[task.pool] -= task.pool_slots;
}

std::string ReadyQueue::Explain(const ReadyTask& task) const {
  if (!PoolHasRoom(task)) {
    const auto used = pools_.find(task.pool);
    return fmt::format("waits for room in the pool \"{}\", {} of whose {} slots are in use",
                       task.pool, used == pools_.end() ? 0 : used->second, SlotsOf(task.pool));
  }
  if (slots_ >= capacity_.slots) {
    return fmt::format("waits for a slot: {} of {} are in use", slots_, capacity_.slots);
  }
  if (!MachineHasRoom(task)) {
    return fmt::format("waits for {} and {} of memory to be free", Cpus(task.cpus_milli),
                       FormatBytes(task.memory_bytes));
  }
  const ReadyTask* head = Head();
  if (head != nullptr && *head < task) return "waits behind a task of higher priority";
  return "is about to start";
}

}  // namespace busker::plan
