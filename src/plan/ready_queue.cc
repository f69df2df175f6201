#include "plan/ready_queue.h"

#include <fmt/core.h>

#include "base/bytes.h"

namespace busker::plan {
namespace {

std::string Cpus(int milli) { return fmt::format("{:g} cpus", milli / 1000.0); }

}  // namespace

ReadyTask NeedsOf(const Task& task) {
  ReadyTask needs;
  needs.pool = task.pool;
  needs.pool_slots = task.pool_slots;
  needs.cpus_milli = task.cpus_milli;
  needs.memory_bytes = task.memory_bytes;
  if (task.place_tasks_max > 0) needs.place = SharedPlace(task);
  needs.place_tasks_max = task.place_tasks_max;
  return needs;
}

ReadyTask MakeReady(const DagRun& run, std::uint64_t order, std::size_t task) {
  const Task& it = run.tasks[task];
  ReadyTask ready = NeedsOf(it);
  ready.run = run.id;
  ready.task = task;
  ready.order = order;
  ready.backfill = !run.batch.empty();
  ready.priority = it.priority + run.priority;
  return ready;
}

std::string ReadyQueue::Hopeless(const Task& task) const {
  if (!task.pool.empty()) {
    if (const int slots = SlotsOf(task.pool); task.pool_slots > slots) {
      return fmt::format(
          "it takes {} slots of the pool \"{}\", which has {} ([pools] in daemon.toml)",
          task.pool_slots, task.pool, slots);
    }
  }
  if (task.place_tasks_max > 0) return {};  // its size is that place's affair
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
  std::set<ReadyTask>& waiting = by_place_[task.place][task.pool];
  if (waiting.insert(std::move(task)).second) ++counts_[kind];
}

void ReadyQueue::Remove(const ReadyTask& task) {
  const auto place = by_place_.find(task.place);
  if (place == by_place_.end()) return;
  const auto pool = place->second.find(task.pool);
  if (pool == place->second.end()) return;
  if (pool->second.erase(task) == 0) return;
  const auto count = counts_.find({task.backfill, -std::int64_t{task.priority}});
  if (--count->second == 0) counts_.erase(count);
  if (pool->second.empty()) place->second.erase(pool);
  if (place->second.empty()) by_place_.erase(place);
}

bool ReadyQueue::Contains(const ReadyTask& task) const {
  const auto place = by_place_.find(task.place);
  if (place == by_place_.end()) return false;
  const auto pool = place->second.find(task.pool);
  return pool != place->second.end() && pool->second.contains(task);
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

int ReadyQueue::TasksAt(const std::string& place) const {
  const auto found = places_.find(place);
  return found == places_.end() ? 0 : found->second;
}

// Without slots (the disk is full) nothing starts anywhere: its end could not be recorded.
bool ReadyQueue::PlaceHasRoom(const ReadyTask& task) const {
  if (!task.place.empty()) {
    return capacity_.slots > 0 && TasksAt(task.place) < task.place_tasks_max;
  }
  if (slots_ >= capacity_.slots) return false;
  if (capacity_.cpus_milli > 0 && task.cpus_milli > 0 &&
      cpus_milli_ + task.cpus_milli > capacity_.cpus_milli) {
    return false;
  }
  return capacity_.memory_bytes == 0 || task.memory_bytes == 0 ||
         memory_bytes_ + task.memory_bytes <= capacity_.memory_bytes;
}

// The first of a place whose pool has room.
const ReadyTask* ReadyQueue::Head(const Pools& pools) const {
  const ReadyTask* head = nullptr;
  for (const auto& [_, tasks] : pools) {
    const ReadyTask& first = *tasks.begin();
    if (PoolHasRoom(first) && (head == nullptr || first < *head)) head = &first;
  }
  return head;
}

std::optional<ReadyTask> ReadyQueue::TakeNext() {
  const ReadyTask* next = nullptr;
  for (const auto& [_, pools] : by_place_) {
    const ReadyTask* head = Head(pools);
    if (head == nullptr || !PlaceHasRoom(*head)) continue;
    if (next == nullptr || *head < *next) next = head;
  }
  if (next == nullptr) return std::nullopt;
  const ReadyTask taken = *next;
  Remove(taken);
  Use(taken, 1);
  return taken;
}

void ReadyQueue::Occupy(const Task& task) { Use(NeedsOf(task), 1); }

void ReadyQueue::Release(const Task& task) { Use(NeedsOf(task), -1); }

// Takes what the task needs, or (`sign` -1) gives it back.
void ReadyQueue::Use(const ReadyTask& task, int sign) {
  running_ += static_cast<std::size_t>(sign);
  if (!task.pool.empty()) pools_[task.pool] += sign * task.pool_slots;
  if (!task.place.empty()) {
    const auto place = places_.try_emplace(task.place).first;
    place->second += sign;
    if (place->second == 0) places_.erase(place);
    return;
  }
  slots_ += sign;
  cpus_milli_ += sign * task.cpus_milli;
  memory_bytes_ += static_cast<std::uint64_t>(sign) * task.memory_bytes;
}

std::string ReadyQueue::Explain(const ReadyTask& task) const {
  if (!PoolHasRoom(task)) {
    const auto used = pools_.find(task.pool);
    return fmt::format("waits for room in the pool \"{}\", {} of whose {} slots are in use",
                       task.pool, used == pools_.end() ? 0 : used->second, SlotsOf(task.pool));
  }
  if (!task.place.empty() && TasksAt(task.place) >= task.place_tasks_max) {
    return fmt::format("waits for room at {}, where {} of {} tasks run", task.place,
                       TasksAt(task.place), task.place_tasks_max);
  }
  if (task.place.empty() ? slots_ >= capacity_.slots : capacity_.slots == 0) {
    return fmt::format("waits for a slot: {} of {} are in use", slots_, capacity_.slots);
  }
  if (!PlaceHasRoom(task)) {
    return fmt::format("waits for {} and {} of memory to be free", Cpus(task.cpus_milli),
                       FormatBytes(task.memory_bytes));
  }
  const auto place = by_place_.find(task.place);
  const ReadyTask* head = place == by_place_.end() ? nullptr : Head(place->second);
  if (head != nullptr && *head < task) return "waits behind a task of higher priority";
  return "is about to start";
}

}  // namespace busker::plan
