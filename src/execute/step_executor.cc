#include "execute/step_executor.h"

#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "attempt/folder.h"
#include "attempt/log.h"

namespace busker::execute {
namespace {

using Clock = std::chrono::steady_clock;
using attempt::Ending;
using attempt::ExitRecord;

constexpr Milliseconds kPatience = std::chrono::seconds(2);  // at the end, with what changes
constexpr int kThreadsMax = 2 * attempt::kStepsAtOnceMax;  // with those that hang and were given up
constexpr char kIsOver[] = "the attempt has ended meanwhile";

ExitRecord BeginRecord(const attempt::Name& name) {
  ExitRecord record;
  record.run = name.run;
  record.task = name.task;
  record.number = name.number;
  record.started_at = record.command_started_at = Now();
  return record;
}

// How an attempt ended that was ended.
ExitRecord EndedAs(ExitRecord record, Ending ending, std::string message) {
  record.ending = ending;
  record.message = std::move(message);
  record.command_ended_at = record.ended_at = Now();
  return record;
}

// The same as that of a step that is a process: its exit code says whether a next try may help.
ExitRecord FailedBy(ExitRecord record, const Error& error) {
  record = EndedAs(std::move(record), Ending::kExited, error.message);
  record.exit_code = ExitCodeOf(error.kind);
  record.permanent = error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kNotFound;
  return record;
}

Milliseconds FromTimeval(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + Milliseconds(time.tv_usec / 1000);
}

void NoteTimes(ExitRecord& record) {
  rusage used{};
  if (getrusage(RUSAGE_THREAD, &used) != 0) return;
  record.cpu_user = FromTimeval(used.ru_utime);
  record.cpu_system = FromTimeval(used.ru_stime);
}

// For who shows it. How the step ended does not depend on it.
void WriteLog(const io::fs::path& folder, const std::string& line, ExitRecord& record) {
  const attempt::Order plain;
  auto log = attempt::LogWriter::Create(folder, plain.log_head_bytes_max, plain.log_tail_bytes_max);
  if (!log) return;
  (void)log->Append(line + "\n");
  record.log_bytes = log->bytes_written();
  record.log_bytes_cut = log->bytes_cut();
}

}  // namespace

// One attempt, from Launch until it was told how it ended.
struct StepExecutor::Work {
  Work(attempt::Name of, attempt::Order what, io::fs::path where)
      : name(std::move(of)),
        order(std::move(what)),
        folder(std::move(where)),
        begun(BeginRecord(name)),
        until(order.timeout ? std::optional(Clock::now() + *order.timeout) : std::nullopt) {}

  const attempt::Name name;
  const attempt::Order order;
  const io::fs::path folder;
  const ExitRecord begun;
  // Guarded by State::mutex:
  std::optional<Clock::time_point> until;  // by then the phase is over, or it is ended
  enum { kLooks, kChanges, kEnded } phase = kLooks;
};

struct StepExecutor::State {
  State(io::fs::path where, CarryOut how, OnEnded tell, Milliseconds change)
      : folder(std::move(where)),
        carry_out(std::move(how)),
        on_ended(std::move(tell)),
        change_max(change) {}

  const io::fs::path folder;
  const CarryOut carry_out;
  const OnEnded on_ended;
  const Milliseconds change_max;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::map<attempt::Name, std::shared_ptr<Work>> working;
  std::set<attempt::Name> stopped;  // told to stop before they began
  int threads = 0;                  // of attempts, given up or not
  int telling = 0;                  // of all, those that tell how an attempt ended
  std::deque<std::pair<std::shared_ptr<Work>, ExitRecord>> to_tell;  // by the one that watches
  bool watched = false;                                              // there is one
  bool closed = false;

  using Lock = std::unique_lock<std::mutex>;
  bool End(Work& work);
  void Cancel(std::shared_ptr<Work> work);
  void Tell(Lock& lock, const Work& work, ExitRecord record, const std::string& line);
  std::string WhyTooLate(const Work& work) const;
  void EndThoseTooLate();
  std::optional<Clock::time_point> NextLimit() const;
};

// A disk that hangs cannot be interrupted. What is done once it goes on is what the next try finds.
std::string StepExecutor::State::WhyTooLate(const Work& work) const {
  if (work.phase == Work::kLooks) {
    return fmt::format("the step did not end within its timeout of {}",
                       FormatDuration(*work.order.timeout));
  }
  return fmt::format(
      "the step was about to change something and was not done with it within {}, as happens when "
      "a "
      "store hangs; whether it did is what the next attempt finds out",
      FormatDuration(change_max));
}

// True for the one who is to tell of its end. The mutex is held, as for all of these.
bool StepExecutor::State::End(Work& work) {
  if (std::exchange(work.phase, Work::kEnded) == Work::kEnded) return false;
  working.erase(work.name);
  return !closed;
}

// Who cancels does not tell of it itself: it may be the one who is told.
void StepExecutor::State::Cancel(std::shared_ptr<Work> work) {
  ExitRecord record = EndedAs(work->begun, Ending::kCancelled, "the attempt was cancelled");
  if (End(*work)) to_tell.emplace_back(std::move(work), std::move(record));
  changed.notify_all();
}

// The log and the exit record are there before the end is told, as with every executor.
void StepExecutor::State::Tell(Lock& lock, const Work& work, ExitRecord record,
                               const std::string& line) {
  ++telling;
  lock.unlock();
  WriteLog(work.folder, line, record);
  // Where it cannot be written, the step is carried out again after a crash.
  (void)io::WriteFileUnsynced(work.folder / attempt::kExitFile, ExitToJson(record), 0600);
  on_ended(work.name, std::move(record));
  lock.lock();
  --telling;
  changed.notify_all();
}

void StepExecutor::State::EndThoseTooLate() {
  const auto now = Clock::now();
  std::vector<std::shared_ptr<Work>> late;
  for (const auto& [_, work] : working) {
    if (work->until && *work->until <= now) late.push_back(work);
  }
  for (std::shared_ptr<Work>& work : late) {
    ExitRecord record = EndedAs(work->begun, Ending::kTimedOut, WhyTooLate(*work));
    if (End(*work)) to_tell.emplace_back(std::move(work), std::move(record));
  }
}

std::optional<Clock::time_point> StepExecutor::State::NextLimit() const {
  std::optional<Clock::time_point> next;
  for (const auto& [_, work] : working) {
    if (work->until) next = std::min(next.value_or(*work->until), *work->until);
  }
  return next;
}

StepExecutor::StepExecutor(io::fs::path folder, CarryOut carry_out, OnEnded on_ended,
                           Milliseconds change_max)
    : state_(std::make_shared<State>(std::move(folder), std::move(carry_out), std::move(on_ended),
                                     change_max)) {}

StepExecutor::~StepExecutor() {
  State::Lock lock(state_->mutex);
  for (const auto& [_, work] : state_->working) {
    if (work->phase != Work::kLooks) continue;
    work->phase = Work::kEnded;
    work->until.reset();
  }
  state_->changed.wait_for(lock, kPatience, [&] {
    return std::none_of(state_->working.begin(), state_->working.end(),
                        [](const auto& one) { return one.second->phase == Work::kChanges; });
  });
  state_->closed = true;
  state_->changed.notify_all();
  // Whoever tells is waited for: who is told is about to go.
  state_->changed.wait(lock, [&] { return state_->telling == 0; });
}

Result<void> StepExecutor::Launch(const Attempt& attempt) {
  TRY_ASSIGN(attempt::Order order, attempt::Open(attempt.order));
  io::fs::path folder = attempt::FolderOf(state_->folder, attempt.name);
  // As all that is left there, it need not outlast a power cut.
  std::error_code made;
  io::fs::create_directories(folder, made);
  if (made) return SystemError("create folder " + folder.string(), made.value());
  auto work = std::make_shared<Work>(attempt.name, std::move(order), std::move(folder));
  const State::Lock lock(state_->mutex);
  if (state_->threads >= kThreadsMax) {
    return Temporary(
        fmt::format("{} of Busker's own steps do not come to an end", state_->threads));
  }
  try {
    if (!state_->watched) std::thread([state = state_] { Watch(state); }).detach();
    state_->watched = true;
    if (state_->stopped.erase(attempt.name) > 0) {
      state_->Cancel(std::move(work));
      return {};
    }
    std::thread([state = state_, work] { Carry(state, work); }).detach();
  } catch (const std::system_error& error) {
    return Temporary(fmt::format("no thread can be started for a step: {}", error.what()));
  }
  ++state_->threads;
  state_->working.emplace(attempt.name, std::move(work));
  state_->changed.notify_all();
  return {};
}

Result<void> StepExecutor::Recover(const Attempt& attempt) {
  auto ended = attempt::ReadExit(attempt::FolderOf(state_->folder, attempt.name));
  // What is damaged says nothing; what the step did, the step finds.
  if (!ended || !*ended) return Launch(attempt);
  {
    const State::Lock lock(state_->mutex);
    state_->stopped.erase(attempt.name);
  }
  state_->on_ended(attempt.name, **std::move(ended));
  return {};
}

Result<void> StepExecutor::Stop(const attempt::Name& name) {
  const State::Lock lock(state_->mutex);
  const auto place = state_->working.find(name);
  if (place == state_->working.end()) {
    state_->stopped.insert(name);
  } else if (place->second->phase == Work::kLooks) {
    state_->Cancel(place->second);
  }  // else it ends soon
  return {};
}

Result<void> StepExecutor::Sweep(std::span<const attempt::Name>) { return {}; }

void StepExecutor::Carry(const std::shared_ptr<State>& state, const std::shared_ptr<Work>& work) {
  const MayChange may_change = [&]() -> Result<void> {
    const State::Lock lock(state->mutex);
    if (work->phase == Work::kEnded) return Temporary(kIsOver);
    work->phase = Work::kChanges;
    work->until = Clock::now() + state->change_max;
    state->changed.notify_all();
    return {};
  };
  Result<StepEnd> done = Temporary(kIsOver);
  try {
    done = state->carry_out(work->order, may_change);
  } catch (const std::exception& error) {
    done = tl::unexpected(Error{ErrorKind::kFailed, error.what()});
  }
  ExitRecord record =
      done ? EndedAs(work->begun, Ending::kSucceeded, "") : FailedBy(work->begun, done.error());
  if (done) record.result = std::move(done->result);
  NoteTimes(record);
  State::Lock lock(state->mutex);
  if (state->End(*work)) {
    state->Tell(lock, *work, std::move(record),
                done ? done->sentence : "busker: " + done.error().message);
  }
  --state->threads;
  state->changed.notify_all();
}

// The one thread that knows the time, and tells of what others ended.
void StepExecutor::Watch(const std::shared_ptr<State>& state) {
  State::Lock lock(state->mutex);
  while (!state->closed) {
    state->EndThoseTooLate();
    if (!state->to_tell.empty()) {
      const auto [work, record] = std::move(state->to_tell.front());
      state->to_tell.pop_front();
      state->Tell(lock, *work, record, "busker: " + record.message);
    } else if (const auto next = state->NextLimit()) {
      state->changed.wait_until(lock, *next);
    } else {
      state->changed.wait(lock);
    }
  }
}

}  // namespace busker::execute
