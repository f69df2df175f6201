#include "plan/admission.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "plan/next_run.h"

namespace busker::plan {
namespace {

using Stage = ActiveRun::Stage;

// So many tasks wait at hand for a slot; further runs are not prepared before they are needed.
constexpr std::size_t kReadyMin = 64;
// So many runs of one service are prepared at a time. They are waited for one after the other, and
// all of them when its store hangs.
constexpr std::size_t kPreparingMax = 8;
// Preparing a run that takes longer may hang, and holds up none of another service.
constexpr Milliseconds kPrepareUsual = std::chrono::seconds(1);

// A run that an earlier Busker left at work may have been parked: it goes on when there is room, as
// before.
bool MayHaveBeenParked(const DagRun& run) {
  return run.due && run.batch.empty() &&
         std::any_of(run.tasks.begin(), run.tasks.end(),
                     [](const Task& task) { return task.depends_on_past; }) &&
         std::none_of(run.tasks.begin(), run.tasks.end(),
                      [](const Task& task) { return task.attempt_running; });
}

}  // namespace

void Admission::Enter(ActiveRun& active) {
  const DagRun& run = active.run;
  GraphEntry& entry = graphs_.Of(run.graph);
  if (IsToCome(run, turn_.now())) timers_.Set(*run.due, TimerKind::kPrepare, run.graph.Text());
  const bool at_work = run.state == State::kRunning;
  if (at_work) active.stage = Stage::kAdmitted;
  entry.runs.Add(active);
  if (at_work && MayHaveBeenParked(run)) {
    entry.runs.AwaitPast(active);
    entry.runs.Park(active);
  }
  entry.admission.has_held_ |= !at_work && !run.message.empty();  // an earlier Busker said so
  Touch(entry);
}

void Admission::Leave(ActiveRun& active) {
  GraphEntry& entry = graphs_.Of(active.run.graph);
  if (active.stage == Stage::kPreparing) EndPreparing(entry, active);
  entry.runs.Remove(active);
  Touch(entry);
}

void Admission::Touch(GraphEntry& entry) {
  if (entry.admission.line_ == nullptr) entry.admission.line_ = &LineOf(entry.memory.key);
  if (!std::exchange(entry.admission.changed_, true)) changed_.push_back(&entry);
}

ActiveRun* Admission::AdmitNext() {
  for (GraphEntry* entry : std::exchange(changed_, {})) Reconsider(*entry);
  if (firsts_.empty() || !MayAdmit(*firsts_.begin())) return nullptr;
  ActiveRun& active = *firsts_.begin()->run;
  GraphEntry& entry = graphs_.Of(active.run.graph);
  entry.runs.Restage(active, active.run.prepared ? Stage::kAdmitted : Stage::kPreparing);
  Touch(entry);
  if (!active.run.prepared) BeginPreparing(entry, active);
  return &active;
}

// No, as long as enough is at hand that goes before it; yes, when that leaves slots free: it waits
// for something else.
bool Admission::MayAdmit(const Candidate& candidate) const {
  if (preparing_ + ready_.CountBefore(candidate.backfill, candidate.priority) < kReadyMin) {
    return true;
  }
  return preparing_ + ready_.slots_in_use() < static_cast<std::size_t>(ready_.capacity().slots);
}

// Which of the graph's waiting runs, if any, could go on now.
void Admission::Reconsider(GraphEntry& entry) {
  AdmissionOfGraph& own = entry.admission;
  own.changed_ = false;
  TellHeld(entry);
  Candidates& candidates = own.line_->candidates;
  if (own.candidate_) candidates.erase(*own.candidate_);
  own.candidate_.reset();
  if (const Candidate* next = NextRun(entry, turn_.now())) {
    own.candidate_ = *next;
    candidates.insert(*next);
  }
  Offer(*own.line_);
}

// While the graph is missing, each of its waiting runs says so.
void Admission::TellHeld(GraphEntry& entry) {
  const bool held = !entry.missing.empty();
  if (!std::exchange(entry.admission.has_held_, held) && !held) return;
  for (ActiveRun* active : entry.runs.Waiting()) {
    if (!active->run.prepared) turn_.Hold(*active, entry.missing);
  }
}

// Graph files are prepared from what is in memory, which does not hang.
AdmissionLine& Admission::LineOf(const GraphKey& key) {
  const auto found = lines_.find(key.service);
  if (found != lines_.end()) return found->second;
  AdmissionLine& line = lines_[key.service];
  line.preparing_max = key.service.empty() ? kReadyMin : kPreparingMax;
  return line;
}

// The first that waits in the line goes on, or nothing.
void Admission::Offer(AdmissionLine& line) {
  if (line.first) firsts_.erase(*line.first);
  line.first.reset();
  if (line.candidates.empty() || line.preparing >= line.preparing_max) return;
  line.first = *line.candidates.begin();
  firsts_.insert(*line.first);
}

void Admission::BeginPreparing(GraphEntry& entry, ActiveRun& active) {
  active.preparing_since = turn_.now();
  active.prepares_long = false;
  ++preparing_;
  AdmissionLine& line = *entry.admission.line_;
  ++line.preparing;
  Offer(line);
  timers_.Set(turn_.now() + kPrepareUsual, TimerKind::kPrepareLong, active.run.id);
  turn_.Decide(PrepareRun{active.run.id, active.run.graph});
}

void Admission::EndPreparing(GraphEntry& entry, const ActiveRun& active) {
  if (!active.prepares_long) --preparing_;
  AdmissionLine& line = *entry.admission.line_;
  --line.preparing;
  Offer(line);
}

void Admission::NotePrepared(ActiveRun& active) {
  GraphEntry& entry = graphs_.Of(active.run.graph);
  EndPreparing(entry, active);
  entry.runs.Restage(active, Stage::kAdmitted);
  turn_.Hold(active, "");
}

// The graph's other runs wait as well, for it would be the same with them.
void Admission::PrepareLater(ActiveRun& active, const std::string& message) {
  GraphEntry& entry = graphs_.Of(active.run.graph);
  EndPreparing(entry, active);
  entry.runs.Restage(active, Stage::kWaiting);
  Touch(entry);
  const Instant after = turn_.now() + BeginDelay(active.prepare_tries);
  entry.prepare_after = after;
  timers_.Set(after, TimerKind::kPrepare, active.run.graph.Text());
  turn_.Hold(active,
             fmt::format("it could not be prepared: {}; tried again from {} on (try {} of "
                         "{})",
                         message, FormatRfc3339(after), active.prepare_tries + 1, kBeginTriesMax));
}

void Admission::NoteLongPreparing(ActiveRun& active) {
  if (active.stage != Stage::kPreparing || active.prepares_long) return;
  if (active.preparing_since + kPrepareUsual > turn_.now()) return;  // this is another time
  active.prepares_long = true;
  --preparing_;
}

bool Admission::IsNeedless(const Timer& timer, const ActiveRun* active) {
  return active == nullptr || active->stage != Stage::kPreparing ||
         active->preparing_since + kPrepareUsual != timer.at;
}

void Admission::AwaitPast(ActiveRun& active) {
  graphs_.Of(active.run.graph).runs.AwaitPast(active);
}

void Admission::Park(ActiveRun& active) {
  GraphEntry& entry = graphs_.Of(active.run.graph);
  entry.runs.Park(active);
  Touch(entry);
}

void Admission::Unpark(ActiveRun& active) {
  GraphEntry& entry = graphs_.Of(active.run.graph);
  entry.runs.Unpark(active);
  Touch(entry);
}

void Admission::StepClock(GraphEntry& entry, Milliseconds by) {
  const GraphKey& key = entry.memory.key;
  if (entry.prepare_after) {
    *entry.prepare_after += by;
    timers_.Set(*entry.prepare_after, TimerKind::kPrepare, key.Text());
  }
  if (by.count() >= 0) return;
  // Runs that wait for an instant that is ahead now go on waiting until it comes.
  const auto& dues = entry.runs.dues();
  for (auto due = dues.upper_bound(turn_.now()); due != dues.end(); ++due) {
    timers_.Set(due->first, TimerKind::kPrepare, key.Text());
  }
  Touch(entry);
}

void Admission::StepClock(ActiveRun& active, Milliseconds by) {
  if (active.stage != Stage::kPreparing) return;
  active.preparing_since += by;
  timers_.Set(active.preparing_since + kPrepareUsual, TimerKind::kPrepareLong, active.run.id);
}

std::string Admission::ExplainPreparing(const ActiveRun& active, Instant now) {
  const std::string& id = active.run.id;
  if (now - active.preparing_since < kPrepareUsual) {
    return fmt::format("run {} is being prepared", id);
  }
  return fmt::format(
      "run {} is being prepared since {}, longer than usual: its artifact store, or the disk of "
      "the home, may not answer; busker cancel {} ends it",
      id, FormatRfc3339(active.preparing_since), id);
}

std::string Admission::ExplainWaiting(const ActiveRun& active) const {
  const DagRun& run = active.run;
  const GraphEntry& entry = *graphs_.Find(run.graph);
  const AdmissionLine& line = *entry.admission.line_;
  std::string why = WhyWaits(entry, active, turn_.now());
  if (why.empty() && line.preparing >= line.preparing_max) {
    why = fmt::format("{} other runs of {} are being prepared", line.preparing, run.graph.service);
  }
  if (why.empty()) why = "other runs go first";
  return fmt::format("run {} of {} for {} is queued: {}", run.id, run.graph, run.data_date, why);
}

}  // namespace busker::plan
