#include "plan/graph_table.h"

#include <algorithm>
#include <utility>

namespace busker::plan {
namespace {

// How the run's tasks that depend on their past have ended: that of the same tasks to come.
void RememberTasks(GraphEntry& entry, const ActiveRun& active, Instant now) {
  const DagRun& run = active.run;
  if (!run.due) return;
  for (std::size_t i = 0; i < run.tasks.size(); ++i) {
    const Task& task = run.tasks[i];
    if (!task.depends_on_past || !IsFinal(task.state)) continue;
    const auto good = active.Past(i);
    if (!good) continue;
    TaskPast& past = entry.memory.pasts[task.name];
    if (past.due <= *run.due) past = {std::min(*run.due, now), *good, run.id};
  }
}

}  // namespace

std::size_t GraphEntry::RunsAtOnce() const {
  return static_cast<std::size_t>(graph ? std::max(1, graph->runs_at_once) : 1);
}

GraphEntry& GraphTable::Of(const GraphKey& key) {
  GraphEntry& entry = entries_[key];
  if (entry.memory.key.empty()) entry.memory.key = key;
  return entry;
}

const GraphEntry* GraphTable::Find(const GraphKey& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<GraphKey> GraphTable::Keys(bool defined) const {
  std::vector<GraphKey> keys;
  for (const auto& [key, entry] : entries_) {
    if ((entry.graph != nullptr) == defined) keys.push_back(key);
  }
  return keys;
}

void GraphTable::Define(std::shared_ptr<const Graph> graph) {
  GraphEntry& entry = Of(graph->key);
  if (entry.graph) Unlink(*entry.graph);
  entry.graph = std::move(graph);
  entry.missing.clear();
  if (entry.graph->by_hand) return;
  for (const GraphKey& other : entry.graph->after) Of(other).downstream.insert(entry.graph->key);
}

void GraphTable::Undefine(GraphEntry& entry, const std::string& why) {
  entry.missing = why;
  if (entry.graph) Unlink(*entry.graph);
  entry.graph.reset();
}

void GraphTable::Unlink(const Graph& graph) {
  for (const GraphKey& other : graph.after) Of(other).downstream.erase(graph.key);
}

std::vector<GraphEntry*> GraphTable::DueAfter(const GraphEntry& entry) {
  std::vector<GraphEntry*> due;
  for (const GraphKey& key : entry.downstream) {
    GraphEntry& other = Of(key);
    if (other.memory.paused || !other.graph) continue;
    if (AllSucceeded(other, entry.memory.key)) due.push_back(&other);
  }
  return due;
}

// Whether each graph that this one runs after has succeeded since it last did; `newest` just has.
bool GraphTable::AllSucceeded(const GraphEntry& entry, const GraphKey& newest) const {
  const GraphMemory& memory = entry.memory;
  return std::all_of(entry.graph->after.begin(), entry.graph->after.end(), [&](const auto& key) {
    if (key == newest) return true;
    const GraphEntry* other = Find(key);
    return other != nullptr && other->memory.last_success &&
           (!memory.last_after || *other->memory.last_success > *memory.last_after);
  });
}

// A run that never began (left out, or cancelled while it waited) does not count for the runs after
// it.
void RememberEnd(GraphEntry& entry, const ActiveRun& active, Turn& turn) {
  RememberTasks(entry, active, turn.now());
  const DagRun& run = active.run;
  GraphMemory& memory = entry.memory;
  const bool succeeded = run.state == State::kSucceeded;
  const bool begun = run.prepared || run.state == State::kFailed;  // a restart tells the same
  if (begun && run.due && (!memory.last_due || *run.due >= *memory.last_due)) {
    memory.last_due = std::min(*run.due, turn.now());  // later: the clock was ahead at its queueing
    memory.last_succeeded = succeeded;
  }
  if (succeeded && run.batch.empty()) memory.last_success = turn.now();
  if (run.state == State::kFailed) {
    if (run.batch.empty()) memory.trouble = Trouble::kFailed;
    turn.Decide(
        NotifyPeople{NotifyPeople::Kind::kFailed, run.graph, run.id, run.data_date, run.message});
  } else if (succeeded && run.batch.empty() &&
             std::exchange(memory.trouble, Trouble::kNone) != Trouble::kNone) {
    turn.Decide(NotifyPeople{NotifyPeople::Kind::kRecovered, run.graph, run.id, run.data_date,
                             "it succeeded again after a failure"});
  }
  turn.Note(memory);
}

}  // namespace busker::plan
