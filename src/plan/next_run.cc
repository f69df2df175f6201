#include "plan/next_run.h"

#include <fmt/core.h>

#include <algorithm>

#include "plan/past.h"

namespace busker::plan {
namespace {

// Parked runs count for the scheduled runs after them.
bool HasRoomFor(const GraphEntry& entry, const DagRun& run) {
  std::size_t before = entry.runs.at_work();
  if (run.due && run.batch.empty()) {
    const GraphRuns::Set& parked = entry.runs.parked();
    before += static_cast<std::size_t>(
        std::count_if(parked.begin(), parked.end(),
                      [&](const ActiveRun* one) { return *one->run.due < *run.due; }));
  }
  return before < entry.RunsAtOnce();
}

// Has the scheduled run before this one, which has ended, succeeded?
bool PastAllows(const GraphMemory& memory, const DagRun& run) {
  return !memory.last_due || *memory.last_due >= *run.due || memory.last_succeeded;
}

// The first of those that wait that could go on; what was prepared before needs no definition.
const Candidate* FirstOf(const GraphEntry& entry, const Candidates& waiting, Instant now) {
  const bool any = entry.MayPrepare(now);
  const auto first = std::find_if(waiting.begin(), waiting.end(), [&](const Candidate& candidate) {
    const DagRun& run = candidate.run->run;
    return (any || run.prepared) && !IsToCome(run, now) && HasRoomFor(entry, run) &&
           (!run.due || !run.batch.empty() || HeldAtRoots(entry, run).empty());
  });
  return first == waiting.end() ? nullptr : &*first;
}

// With depends_on_past only the oldest of all that have not ended can be preceded by none; nullptr:
// it is not among those that wait, or nothing says how it is to be prepared.
const Candidate* Oldest(const GraphEntry& entry, const Candidates& waiting, Instant now) {
  ActiveRun& oldest = *entry.runs.dues().begin()->second;
  const auto found = waiting.find(Candidate(oldest));
  if (found == waiting.end()) return nullptr;
  return entry.MayPrepare(now) || oldest.run.prepared ? &*found : nullptr;
}

const Candidate* NextScheduled(const GraphEntry& entry, Instant now) {
  const Candidates& waiting = entry.runs.scheduled();
  if (!entry.graph || !entry.graph->depends_on_past) return FirstOf(entry, waiting, now);
  const Candidate* oldest = Oldest(entry, waiting, now);
  if (oldest == nullptr) return nullptr;
  const DagRun& run = oldest->run->run;
  const bool may = PastAllows(entry.memory, run) && !IsToCome(run, now) && HasRoomFor(entry, run);
  return may ? oldest : nullptr;
}

// The same of a backfill; what was before its first run does not matter.
const Candidate* NextOfBatch(const GraphEntry& entry, const GraphRuns::Batch& batch, Instant now) {
  const Candidates& waiting = batch.waiting;
  const bool ordered = entry.graph && entry.graph->depends_on_past && !waiting.empty() &&
                       waiting.begin()->run->run.due;
  return ordered ? Oldest(entry, waiting, now) : FirstOf(entry, waiting, now);
}

bool BatchHasRoom(const GraphRuns::Batch& batch, const DagRun& run) {
  return batch.active < std::max(1, run.batch_runs_at_once);
}

std::string WhyNotPrepared(const GraphEntry& entry, const DagRun& run) {
  const std::string& why = !entry.missing.empty() ? entry.missing : run.message;
  if (!why.empty()) return fmt::format("{}; busker cancel {} ends it", why, run.id);
  return fmt::format("another run of {} could not be prepared, which is tried again from {} on",
                     run.graph, FormatRfc3339(*entry.prepare_after));
}

// Of a run with an instant.
std::string WhyAfterOthers(const GraphEntry& entry, const DagRun& run) {
  const auto& dues = entry.runs.dues();
  const auto own = dues.find(*run.due);
  if (own != dues.begin() && own != dues.end()) {
    return fmt::format("run {}, the one before it, has not ended", std::prev(own)->second->run.id);
  }
  if (run.batch.empty() && !PastAllows(entry.memory, run)) {
    return fmt::format(
        "the run for {} before it has not succeeded (depends_on_past); busker retry "
        "it, or busker cancel this one",
        FormatRfc3339(*entry.memory.last_due));
  }
  return {};
}

}  // namespace

const Candidate* NextRun(const GraphEntry& entry, Instant now) {
  const GraphRuns& runs = entry.runs;
  if (runs.at_work() >= entry.RunsAtOnce()) return nullptr;
  const Candidate* next = FirstOf(entry, runs.by_hand(), now);
  const auto consider = [&](const Candidate* candidate) {
    if (candidate != nullptr && (next == nullptr || *candidate < *next)) next = candidate;
  };
  if (entry.memory.paused) return next;
  if (!runs.scheduled().empty()) consider(NextScheduled(entry, now));
  for (const auto& [_, batch] : runs.batches()) {
    const Candidate* first = NextOfBatch(entry, batch, now);
    if (first != nullptr && BatchHasRoom(batch, first->run->run)) consider(first);
  }
  return next;
}

std::string WhyWaits(const GraphEntry& entry, const ActiveRun& active, Instant now) {
  const DagRun& run = active.run;
  const bool by_itself = run.due || !run.batch.empty();
  if (!run.prepared && !entry.MayPrepare(now)) return WhyNotPrepared(entry, run);
  if (entry.memory.paused && by_itself) {
    return fmt::format("{} is paused by {}; busker resume goes on", run.graph,
                       entry.memory.paused_by);
  }
  if (IsToCome(run, now)) {
    return fmt::format("its instant, {}, is still to come: the clock was ahead when it was queued",
                       FormatRfc3339(*run.due));
  }
  if (!HasRoomFor(entry, run)) {
    return fmt::format("run {} has not ended, and {} of them may run at once",
                       (*entry.runs.active().begin())->run.id, entry.RunsAtOnce());
  }
  if (run.due && run.batch.empty()) {
    if (std::string held = HeldAtRoots(entry, run); !held.empty()) return held;
  }
  const auto& batches = entry.runs.batches();
  if (const auto batch = batches.find(run.batch);
      batch != batches.end() && !BatchHasRoom(batch->second, run)) {
    return fmt::format("{} runs of its backfill run already", batch->second.active);
  }
  if (!entry.graph || !entry.graph->depends_on_past || !run.due) return {};
  return WhyAfterOthers(entry, run);
}

}  // namespace busker::plan
