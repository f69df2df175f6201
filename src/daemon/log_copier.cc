#include "daemon/log_copier.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "attempt/folder.h"
#include "base/text.h"
#include "cloud/google_access.h"
#include "cloud/google_client.h"
#include "daemon/announcer.h"
#include "notify/retry.h"

namespace busker::daemon {
namespace {

constexpr char kFirst[] = "Running the action...", kLast[] = "Well done.";
// A second failure is no hiccup any more.
constexpr int kToldFailures = 2;
// Then others have their turn.
constexpr int kBatchesOfATurn = 4;

std::string PlaceOf(const std::string& project) { return cloud::kLogScheme + project; }

// Of a line of an attempt: a pure function of what is in the log. Sorts as the lines do.
std::string IdOf(const record::AttemptRow& attempt, const LogLine& line) {
  return fmt::format("{}.{}.{}.{:016}{}", attempt.run, attempt.task, attempt.number, line.offset,
                     line.tells_cut ? "c" : "");
}

// No line tells when it was written: before it was read, and the file closed, and after all that
// was read before.
Instant InstantOf(const LogBatch& batch, const record::AttemptRow& attempt,
                  const io::fs::path& folder, Instant last) {
  Instant at = Now();
  if (const auto written = WrittenUntil(folder, batch)) at = std::min(at, *written);
  if (!attempt.running && attempt.ended_at) at = std::min(at, *attempt.ended_at);
  return std::max({at, attempt.launched_at, last});
}

cloud::LogEntries EntriesOf(const CopyTo& to, const std::string& run) {
  return {to.project, to.log, {{"service", to.service}, {"run", run}}, {}};
}

cloud::LogEntries EntriesOf(const CopyTo& to, const record::AttemptRow& attempt,
                            const LogBatch& batch, Instant at) {
  cloud::LogEntries entries = EntriesOf(to, attempt.run);
  entries.labels["task"] = attempt.task;
  entries.labels["attempt"] = std::to_string(attempt.number);
  cloud::SeverityGuess guess;
  for (const LogLine& line : batch.lines) {
    entries.entries.push_back({line.text, at, IdOf(attempt, line), guess.Of(line.text)});
  }
  return entries;
}

// What the last line says; empty: nothing, it stands there already.
cloud::LogEntry EndOf(const record::RunRow& run, const CopiedRun& copied) {
  cloud::LogEntry end;
  end.at = run.ended_at.value_or(run.facts.requested_at);
  for (const CopiedAttempt& attempt : copied.attempts) end.at = std::max(end.at, attempt.at);
  end.id = fmt::format("{}~{}", run.facts.id, FormatStamp(end.at));
  const std::string why = run.message.empty() ? "" : ": " + run.message;
  switch (run.state) {
    case plan::State::kSucceeded:
      end.severity = cloud::Severity::kInfo;
      end.text = copied.said_done ? "" : kLast;
      break;
    case plan::State::kFailed:
      end.severity = cloud::Severity::kError;
      end.text = fmt::format("run {} failed{}", run.facts.id, why);
      break;
    default:
      end.severity = cloud::Severity::kWarning;
      end.text = fmt::format("run {} was {}{}", run.facts.id, NameOf(run.state), why);
  }
  return end;
}

std::vector<const record::AttemptRow*> AttemptsOf(const record::RunRow& run) {
  std::vector<const record::AttemptRow*> attempts;
  for (const record::TaskRow& task : run.tasks) {
    for (const record::AttemptRow& attempt : task.attempts) attempts.push_back(&attempt);
  }
  std::stable_sort(attempts.begin(), attempts.end(), [](const auto* one, const auto* other) {
    return one->launched_at < other->launched_at;
  });
  return attempts;
}

}  // namespace

LogCopier::LogCopier(Setup setup, Limits limits)
    : setup_(std::move(setup)), limits_(std::move(limits)) {}

void LogCopier::TakeUp() {
  const auto runs = setup_.files.List();
  if (!runs) return setup_.warn("logs that are to be copied: " + runs.error().message);
  for (const std::string& run : *runs) {
    const auto to = setup_.files.Where(run);
    if (!to) {
      setup_.warn(
          fmt::format("the log of run {} is copied no further: {}", run, to.error().message));
      continue;
    }
    const std::lock_guard lock(mutex_);
    projects_[run] = to->project;
    news_.insert(run);
    Begin();
  }
}

Result<void> LogCopier::Expect(const std::string& run, const CopyTo& to) {
  TRY(setup_.files.Begin(run, to));
  const std::lock_guard lock(mutex_);
  projects_[run] = to.project;
  Begin();
  return {};
}

void LogCopier::ExpectAgain(const std::string& run) {
  const std::lock_guard lock(mutex_);
  if (projects_.contains(run)) {
    again_.insert(run);  // its copy is just ending, perhaps
    return;
  }
  if (!setup_.files.BeginAgain(run)) return;
  const auto to = setup_.files.Where(run);
  if (!to) return;
  projects_[run] = to->project;
  Begin();
}

void LogCopier::Observe(const plan::Decision& decision) {
  const bool counts = std::holds_alternative<plan::StartAttempt>(decision) ||
                      std::holds_alternative<plan::TaskChanged>(decision) ||
                      std::holds_alternative<plan::RetryPlanned>(decision) ||
                      std::holds_alternative<plan::RunChanged>(decision);
  if (!counts) return;
  const std::string run = RunOf(decision);
  const std::lock_guard lock(mutex_);
  if (!projects_.contains(run)) return;
  again_.erase(run);
  news_.insert(run);
  woken_.notify_all();
}

bool LogCopier::Rests() const {
  const std::lock_guard lock(mutex_);
  return news_.empty() && !is_working_ && !is_behind_;
}

bool LogCopier::AwaitRest(Milliseconds limit) {
  std::unique_lock lock(mutex_);
  return rests_.wait_for(lock, limit,
                         [this] { return news_.empty() && !is_working_ && !is_behind_; });
}

std::vector<Uncopied> LogCopier::ListUncopied() const {
  std::vector<Uncopied> list;
  const std::lock_guard lock(mutex_);
  for (const auto& [project, trouble] : troubles_) {
    if (!trouble.told) continue;
    const auto runs = std::count_if(projects_.begin(), projects_.end(),
                                    [&](const auto& one) { return one.second == project; });
    list.push_back({PlaceOf(project), trouble.why, static_cast<std::uint64_t>(runs),
                    trouble.failures, trouble.next_try});
  }
  return list;
}

void LogCopier::Stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    if (!thread_.joinable()) return;
    thread_.request_stop();
  }
  thread_.join();
}

void LogCopier::Begin() {
  if (is_stopped_ || thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
}

void LogCopier::Work(const std::stop_token& stop) {
  for (std::set<std::string> news; Await(stop, &news);) {
    TakeIn(news);
    for (auto copy = copies_.begin(); copy != copies_.end() && !stop.stop_requested();) {
      const auto next = std::next(copy);  // the copy may end
      if (MayTry(copy->second.to.project, Now())) CopyWhatIsThere(copy->first, copy->second, stop);
      copy = next;
    }
    Plan();
  }
}

// Until there is something to do; false: it is to stop.
bool LogCopier::Await(const std::stop_token& stop, std::set<std::string>* news) {
  using Clock = std::chrono::steady_clock;
  std::unique_lock lock(mutex_);
  const auto is_due = [this] { return !news_.empty() || (look_at_ && *look_at_ <= Clock::now()); };
  while (!is_due() && !stop.stop_requested()) {
    const auto until = look_at_.value_or(Clock::now() + std::chrono::hours(1));
    woken_.wait_until(lock, stop, until, is_due);
  }
  *news = std::exchange(news_, {});
  is_working_ = true;
  return !stop.stop_requested();
}

// Runs of which there is news, and new ones.
void LogCopier::TakeIn(const std::set<std::string>& news) {
  for (const std::string& run : news) {
    const auto [copy, is_new] = copies_.try_emplace(run);
    if (is_new) {
      auto to = setup_.files.Where(run);
      if (!to) {  // it has just ended
        copies_.erase(copy);
        continue;
      }
      copy->second.to = *std::move(to);
      copy->second.copied = setup_.files.Load(run);
    }
    copy->second.is_known = false;
  }
}

// False: it cannot be told for now how the run stands.
bool LogCopier::LookUp(const std::string& run, Copy& copy) {
  if (copy.is_known) return true;
  auto row = setup_.record->With([&](record::Record& record) { return record.FindRun(run); });
  if (!row && row.error().kind == ErrorKind::kNotFound)
    Finish(run, "");  // an older home was restored
  if (!row) return false;
  copy.row = *std::move(row);
  copy.is_known = true;
  return true;
}

void LogCopier::CopyWhatIsThere(const std::string& run, Copy& copy, const std::stop_token& stop) {
  if (!LookUp(run, copy)) return;
  copy.has_more = false;
  bool all_whole = true;
  for (const record::AttemptRow* const attempt : AttemptsOf(copy.row)) {
    const auto whole = CopyAttempt(copy, *attempt, stop);
    if (stop.stop_requested()) return;
    if (!whole) return NoteFailure(run, copy, whole.error());
    all_whole &= *whole;
  }
  if (!all_whole || !IsFinal(copy.row.state)) return;
  const auto ended = CopyEnd(copy, stop);
  if (stop.stop_requested()) return;
  if (!ended) return NoteFailure(run, copy, ended.error());
  const CopiedRun& copied = copy.copied;
  Finish(run, copied.refused == 0
                  ? ""
                  : fmt::format("{} of {} lines were refused: {}",
                                WithThousands(static_cast<long long>(copied.refused)),
                                WithThousands(static_cast<long long>(copied.lines)),
                                copied.why_refused));
}

// Whether the attempt has ended, and all of it was copied. The error is of the place.
Result<bool> LogCopier::CopyAttempt(Copy& copy, const record::AttemptRow& attempt,
                                    const std::stop_token& stop) {
  const io::fs::path folder =
      attempt::FolderOf(setup_.runs_folder, {attempt.run, attempt.task, attempt.number});
  CopiedAttempt& copied = copy.copied.Of(attempt.task, attempt.number);
  const bool is_over = !attempt.running;
  for (int batches = 0; !copied.whole; ++batches) {
    if (batches == kBatchesOfATurn) {
      copy.has_more = true;
      return false;
    }
    const auto end = copied.intent ? std::optional(copied.intent->end) : std::nullopt;
    const auto batch = ReadLogBatch(folder, copied.offset, is_over, end);
    if (!batch) {
      setup_.warn(fmt::format("the log of run {} cannot be read to be copied: {}", attempt.run,
                              batch.error().message));
      copied.whole = is_over;
      return is_over;
    }
    if (!batch->lines.empty()) {
      if (!copied.intent) {
        copied.intent = CopyIntent{batch->end, InstantOf(*batch, attempt, folder, copied.at)};
        TRY(setup_.files.Save(attempt.run, copy.copied));
      }
      const Instant at = copied.intent->at;
      cloud::LogEntries entries = EntriesOf(copy.to, attempt, *batch, at);
      // What an engine says before the program begins comes behind it.
      if (!copy.copied.begun && entries.entries.front().text != kFirst) {
        entries.entries.insert(entries.entries.begin(),
                               {kFirst, at, attempt.run + "!", cloud::Severity::kInfo});
      }
      const std::size_t lines = entries.entries.size();
      TRY_ASSIGN(const cloud::LogAnswer answer, Send(copy.to, std::move(entries), stop));
      copy.copied.begun = true;
      copy.copied.said_done = batch->lines.back().text == kLast;
      copy.copied.lines += lines;
      copy.copied.refused += answer.refused;
      if (copy.copied.why_refused.empty()) copy.copied.why_refused = answer.why;
      copied.at = at;
    }
    copied.offset = batch->end;
    copied.intent.reset();
    copied.whole = is_over && batch->at_end && !end;
    if (batch->at_end && !end) break;
  }
  return copied.whole;
}

Result<void> LogCopier::CopyEnd(Copy& copy, const std::stop_token& stop) {
  cloud::LogEntry end = EndOf(copy.row, copy.copied);
  if (end.text.empty()) return {};
  cloud::LogEntries entries = EntriesOf(copy.to, copy.row.facts.id);
  entries.entries.push_back(std::move(end));
  TRY_ASSIGN(const cloud::LogAnswer answer, Send(copy.to, std::move(entries), stop));
  ++copy.copied.lines;
  copy.copied.refused += answer.refused;
  if (copy.copied.why_refused.empty()) copy.copied.why_refused = answer.why;
  return {};
}

Result<cloud::LogAnswer> LogCopier::Send(const CopyTo& to, cloud::LogEntries entries,
                                         const std::stop_token& stop) {
  TRY_ASSIGN(const cloud::GoogleAccess access, cloud::FindAccess(cloud::GoogleApi::kLogging));
  auto answer = cloud::WriteEntries(access, entries, io::Within(limits_.request, stop));
  if (answer) NoteSuccess(to.project);
  return answer;
}

// The copy is whole, but for what `missing` says; unless there is news of the run, by which it is
// looked at again.
void LogCopier::Finish(const std::string& run, const std::string& missing) {
  const std::string id = run;  // which may be the copy's own
  const Copy& copy = copies_.at(id);
  const std::string place = PlaceOf(copy.to.project);
  (void)setup_.files.Save(id, copy.copied);  // of one that had no attempt there is no need
  Result<void> ended;
  {
    const std::lock_guard lock(mutex_);
    if (news_.contains(id)) return;
    if (!again_.contains(id)) {
      ended = setup_.files.End(id);
      projects_.erase(id);
    }
  }
  copies_.erase(id);
  if (!ended) setup_.warn(ended.error().message);
  if (missing.empty()) return;
  setup_.warn(fmt::format("the log of run {} is not wholly in {}: {}", id, place, missing));
  record::EventRow event;
  event.at = Now();
  event.run = id;
  event.what = "log not wholly copied";
  event.actor = "busker";
  event.detail = fmt::format("{}: {}", place, missing);
  const auto noted =
      setup_.record->With([&](record::Record& record) { return record.AddEvent(event); });
  if (!noted) setup_.warn("that is not on record: " + noted.error().message);
}

bool LogCopier::MayTry(const std::string& project, Instant now) const {
  const std::lock_guard lock(mutex_);
  const auto found = troubles_.find(project);
  return found == troubles_.end() || found->second.next_try <= now;
}

void LogCopier::NoteFailure(const std::string& run, const Copy& copy, const Error& error) {
  const Instant now = Now();
  const std::string& project = copy.to.project;
  if (copy.row.ended_at && now - *copy.row.ended_at > limits_.give_up_after) {
    return Finish(run, fmt::format("it is given up, as it failed for too long: {}", error.message));
  }
  std::string sentence;
  {
    const std::lock_guard lock(mutex_);
    Trouble& trouble = troubles_[project];
    trouble.why = error.message;
    ++trouble.failures;
    trouble.next_try = now + (limits_.pause ? limits_.pause(trouble.failures)
                                            : notify::RetryAfter(trouble.failures, project));
    const bool is_news = trouble.failures >= kToldFailures || !cloud::IsPassing(error);
    if (is_news && !std::exchange(trouble.told, true)) {
      sentence = fmt::format(
          "the log of run {} could not be copied to {}: {}; the run goes on, and its log is here; "
          "it is tried again at {}, and then ever more rarely until three days after the run",
          run, PlaceOf(project), error.message, FormatRfc3339(trouble.next_try));
    }
  }
  if (!sentence.empty()) setup_.warn(sentence);
}

void LogCopier::NoteSuccess(const std::string& project) {
  bool was_told = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = troubles_.find(project);
    if (found == troubles_.end()) return;
    was_told = found->second.told;
    troubles_.erase(found);
  }
  if (was_told) setup_.warn(fmt::format("logs are copied to {} again", PlaceOf(project)));
}

// When it looks again without news.
void LogCopier::Plan() {
  using Clock = std::chrono::steady_clock;
  const Instant now = Now();
  const std::lock_guard lock(mutex_);
  look_at_.reset();
  is_behind_ = false;
  for (const auto& [run, copy] : copies_) {
    std::optional<Milliseconds> wait;
    const auto trouble = troubles_.find(copy.to.project);
    const bool waits = trouble != troubles_.end() && trouble->second.next_try > now;
    const auto attempts = AttemptsOf(copy.row);
    const bool runs = std::any_of(attempts.begin(), attempts.end(),
                                  [](const auto* attempt) { return attempt->running; });
    if (waits) {
      wait = trouble->second.next_try - now;
    } else if (copy.has_more) {
      wait = Milliseconds(0);
    } else if (!copy.is_known || runs || IsFinal(copy.row.state)) {
      wait = limits_.gather;
    }
    if (!wait) continue;  // there will be news
    is_behind_ |= (copy.has_more || !copy.is_known || IsFinal(copy.row.state)) &&
                  (trouble == troubles_.end() || !trouble->second.told);
    const auto at = Clock::now() + *wait;
    look_at_ = look_at_ ? std::min(*look_at_, at) : at;
  }
  is_working_ = false;
  rests_.notify_all();
}

}  // namespace busker::daemon
