#include "dispatch/conductor.h"

#include <fmt/core.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "attempt/folder.h"
#include "attempt/order.h"
#include "base/id.h"
#include "home/place.h"
#include "io/boot.h"

namespace busker::dispatch {
namespace {

record::AttemptRow RowOf(const attempt::Name& name, const attempt::ExitRecord& exit) {
  const auto known = [](Instant instant) -> std::optional<Instant> {
    if (instant == Instant{}) return std::nullopt;
    return instant;
  };
  record::AttemptRow row;
  row.run = name.run;
  row.task = name.task;
  row.number = name.number;
  row.started_at = known(exit.started_at);
  row.command_started_at = known(exit.command_started_at);
  row.command_ended_at = known(exit.command_ended_at);
  row.ended_at = exit.ended_at;
  row.ending = attempt::NameOf(exit.ending);
  row.message = exit.message;
  row.exit_code = exit.exit_code;
  row.signal = exit.signal;
  row.cpu = exit.cpu_user + exit.cpu_system;
  row.memory_peak_bytes = exit.memory_peak_bytes;
  row.output_files = exit.output_files;
  row.output_bytes = exit.output_bytes;
  row.result = exit.result;
  row.image = exit.image;
  row.boot = exit.boot.value_or(Milliseconds(0));
  row.pull = exit.pull.value_or(Milliseconds(0));
  row.machine = exit.machine.value_or(Milliseconds(0));
  return row;
}

// The exit record of an attempt that could not be started at all.
attempt::ExitRecord NotStarted(std::string message) {
  attempt::ExitRecord exit;
  exit.ending = attempt::Ending::kNotStarted;
  exit.message = std::move(message);
  exit.started_at = exit.ended_at = Now();
  return exit;
}

Ended EndOf(const attempt::Name& name, const attempt::ExitRecord& exit) {
  return {plan::AttemptEnded{name.run, name.task, name.number,
                             exit.ending == attempt::Ending::kSucceeded,
                             exit.ending == attempt::Ending::kCancelled, exit.message,
                             exit.permanent, exit.ending == attempt::Ending::kPreempted},
          RowOf(name, exit)};
}

// Of an attempt of which nothing was begun. What may pass is no end.
Ended RefusalOf(const attempt::Name& name, const Error& error) {
  const attempt::ExitRecord exit = NotStarted(error.message);
  if (error.kind != ErrorKind::kTemporary) return EndOf(name, exit);
  return {plan::AttemptNotBegun{name.run, name.task, name.number, error.message},
          RowOf(name, exit)};
}

// "VM busker-3fa9 in europe-west1-b of example"
std::string PlaceOf(const execute::Debt& debt) {
  return fmt::format("{} in {}", debt.what, debt.where);
}

// A wall clock that moves by more than this against the steady one was set.
constexpr Milliseconds kStepMin{1000};
// The clock is looked at so often even when nothing happens.
constexpr Milliseconds kLongestWait = std::chrono::seconds(5);
// Less than this, and the disk counts as full.
constexpr std::uint64_t kSpaceMinBytes = 1u << 20;
constexpr std::uint64_t kFilesMin = 64;
constexpr char kDiskIsFull[] = "the disk is full";
constexpr Milliseconds kAppendAgain = std::chrono::seconds(1);
// What the executor could not do is tried again after that.
constexpr Milliseconds kSettleAgain = std::chrono::seconds(5);

Milliseconds SteadyNow() {
  return std::chrono::duration_cast<Milliseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace

Conductor::Conductor(record::Record& record, io::fs::path runs_folder, plan::Capacity capacity,
                     Deeds deeds, home::Instance instance)
    : record_(record),
      deeds_(std::move(deeds)),
      agenda_(MakeRunId, capacity),
      runs_folder_(std::move(runs_folder)),
      capacity_(std::move(capacity)),
      instance_(std::move(instance)) {}

Result<std::unique_ptr<Conductor>> Conductor::Start(record::Record& record,
                                                    execute::OpenExecutor open_executor,
                                                    io::fs::path runs_folder,
                                                    plan::Capacity capacity, Deeds deeds,
                                                    home::Instance instance) {
  std::unique_ptr<Conductor> conductor(new Conductor(
      record, std::move(runs_folder), std::move(capacity), std::move(deeds), std::move(instance)));
  TRY_ASSIGN(conductor->epoch_, record.TakeLead(record::kOwnerOfHome, Now(), std::nullopt));
  conductor->executors_.emplace(
      std::move(open_executor),
      [raw = conductor.get()](const attempt::Name& name, Result<attempt::ExitRecord> exit) {
        raw->TakeEnd(name, std::move(exit));
      });
  TRY(conductor->executors_->At(""));
  conductor->preparer_ = std::make_unique<Preparer>(
      conductor->deeds_.prepare, [raw = conductor.get()](Preparation preparation) {
        (void)raw->mailbox_.Post(std::move(preparation));
      });
  return conductor;
}

// Whoever posts does not wait for room in a mailbox that nobody empties any more.
Conductor::~Conductor() { (void)mailbox_.Close(); }

Result<std::vector<std::string>> Conductor::Recover() {
  TRY_ASSIGN(std::vector<plan::GraphMemory> graphs, record_.Graphs());
  TRY_ASSIGN(std::vector<plan::DagRun> runs, record_.Unfinished());
  std::vector<std::string> ids;
  std::vector<std::pair<attempt::Name, bool>> running;  // true: to be cancelled
  for (const plan::DagRun& run : runs) {
    ids.push_back(run.id);
    for (const plan::Task& task : run.tasks) {
      if (task.attempt_running) {
        running.push_back({{run.id, task.name, task.attempts}, run.cancel_requested});
      }
    }
  }
  TRY_ASSIGN(auto ahead, record_.RunsAhead(Now()));
  for (const plan::GraphMemory& graph : graphs) {
    if (!graph.ran_until || !graph.cursor) continue;
    TRY_ASSIGN(const auto dues, record_.DueRuns(graph.key, *graph.cursor, *graph.ran_until));
    for (const auto& one : dues) ahead.push_back({graph.key, one.due});
  }
  agenda_.Restore(std::move(graphs), std::move(runs), ahead);
  CountUnfinished();  // who looks before the first turn is told the same as after it
  std::vector<attempt::Name> unfinished;
  for (const auto& [name, cancelled] : running) unfinished.push_back(name);
  TRY(executors_->Sweep(std::move(unfinished), deeds_.places_in_use));
  for (const auto& [name, cancelled] : running) {
    // What ends here is not posted to the mailbox: nobody takes from it yet.
    const home::Launcher launcher =
        home::LauncherFrom(record_.LauncherOf(name.run, name.task, name.number).value_or(""));
    if (launcher.instance.empty() ? instance_.renewed : launcher.instance != instance_.id) {
      next_.push_back(EndOf(name, EndOfAnothers(name)));
      continue;
    }
    if (cancelled) Settle({name, Unsettled::kStop, {}});
    Settle({name, Unsettled::kRecover, launcher});
  }
  return ids;
}

Result<void> Conductor::Recover(const attempt::Name& name, const home::Launcher& launcher) {
  TRY_ASSIGN(const execute::Attempt attempt, AttemptOf(name, launcher));
  TRY_ASSIGN(execute::Executor * executor, executors_->At(attempt.place));
  return executor->Recover(attempt);
}

// What cannot be done for now is done later. An attempt that cannot be found may live: it is not
// given up while the reason may pass.
void Conductor::Settle(Unsettled one) {
  const bool stops = one.what == Unsettled::kStop;
  const auto settled = stops ? Stop(one.name) : Recover(one.name, one.launcher);
  if (settled) return;
  if (!stops && settled.error().kind != ErrorKind::kTemporary) {
    next_.push_back(EndOf(one.name, NotStarted(settled.error().message)));
    return;
  }
  if (!std::exchange(one.is_told, true) && deeds_.warn) {
    deeds_.warn(fmt::format("attempt {} cannot be {}, which is tried again: {}", one.name.Text(),
                            stops ? "told to stop" : "taken up", settled.error().message));
  }
  if (unsettled_.empty()) settle_at_ = std::chrono::steady_clock::now() + kSettleAgain;
  unsettled_.push_back(std::move(one));
}

void Conductor::SettleAgain() {
  if (unsettled_.empty() || std::chrono::steady_clock::now() < settle_at_) return;
  for (Unsettled& one : std::exchange(unsettled_, {})) {
    if (RunningTask(one.name) != nullptr) Settle(std::move(one));
  }
}

// The task whose attempt this is, while that runs; nullptr: it does not.
const plan::Task* Conductor::RunningTask(const attempt::Name& name) const {
  const plan::DagRun* run = agenda_.FindRun(name.run);
  if (run == nullptr) return nullptr;
  const auto task = std::find_if(run->tasks.begin(), run->tasks.end(),
                                 [&](const plan::Task& one) { return one.name == name.task; });
  const bool runs =
      task != run->tasks.end() && task->attempt_running && task->attempts == name.number;
  return runs ? &*task : nullptr;
}

// One that has ended meanwhile needs no stop.
Result<void> Conductor::Stop(const attempt::Name& name) {
  const plan::Task* task = RunningTask(name);
  if (task == nullptr) return {};
  TRY_ASSIGN(execute::Executor * executor, executors_->At(task->place));
  return executor->Stop(name);
}

attempt::ExitRecord Conductor::EndOfAnothers(const attempt::Name& name) const {
  if (auto ended = attempt::ReadExit(attempt::FolderOf(runs_folder_, name)); ended && *ended)
    return **std::move(ended);
  attempt::ExitRecord exit;
  exit.ending = attempt::Ending::kLost;
  exit.message =
      "this home is a copy of another, or was restored, and the attempt began there; what became "
      "of it is not known here, and nothing of it was ended; busker retry begins the next one";
  exit.ended_at = Now();
  return exit;
}

void Conductor::Ask(Request request) {
  auto refused = mailbox_.Post(std::move(request));
  if (refused) Refuse({std::move(*refused)});
}

// What became of a notice after the end is not on record: it is sent again by the next conductor.
void Conductor::Tell(record::NoticeOutcome outcome) { (void)mailbox_.Post(std::move(outcome)); }

void Conductor::Tell(plan::NotifyPeople tell) { (void)mailbox_.Post(std::move(tell)); }

void Conductor::Cancel(const std::string& run, const std::string& by) {
  Ask({[run, by](const View&) {
         return std::vector<plan::Event>{plan::CancelRequested{run, by}};
       },
       {}});
}

void Conductor::Stop() {
  stopped_ = true;
  mailbox_.Wake();
}

Result<bool> Conductor::Run(Until until, std::optional<Instant> limit) {
  auto ran = Loop(until, limit);
  if (!ran || stopped_) Refuse(mailbox_.Close());
  return ran;
}

// Who asks must have an answer, even that there will be none. Whatever else has happened is found
// again by the next conductor.
void Conductor::Refuse(std::vector<Happened> happened) {
  for (Happened& one : happened) {
    const auto* request = std::get_if<Request>(&one);
    if (request == nullptr || !request->answer) continue;
    request->answer(Temporary(kIsEnding), {agenda_, record_, Now()});
  }
}

Result<bool> Conductor::Loop(Until until, std::optional<Instant> limit) {
  std::optional<Instant> wake_at = Now();
  for (;;) {
    if (!next_.empty()) wake_at = Now();
    if (limit) wake_at = std::min(wake_at.value_or(*limit), *limit);
    std::vector<Happened> happened = mailbox_.TakeAll(wake_at, kLongestWait);
    if (stopped_) {
      Refuse(std::move(happened));
      return true;
    }
    SettleAgain();
    TRY_ASSIGN(wake_at, Turn(std::move(happened)));
    if (stopped_) return true;
    if (until == Until::kIdle && agenda_.Idle() && next_.empty()) return true;
    if (limit && Now() >= *limit) return false;
  }
}

// Takes in what happened, records what follows, and does it. Returns when to look again.
Result<std::optional<Instant>> Conductor::Turn(std::vector<Happened> happened) {
  const Instant now = Now();
  const auto begun = std::chrono::steady_clock::now();
  happened.insert(happened.begin(), std::make_move_iterator(next_.begin()),
                  std::make_move_iterator(next_.end()));
  next_.clear();
  Intake intake = Sort(std::move(happened), now);
  plan::Advanced advanced = agenda_.Advance(intake.events, now);
  for (plan::NotifyPeople& tell : intake.news) advanced.decisions.emplace_back(std::move(tell));
  for (plan::NotifyPeople& tell : NoticeDebts()) advanced.decisions.emplace_back(std::move(tell));
  std::vector<record::NoticeRow> notices;
  for (const plan::Decision& decision : advanced.decisions) {
    const auto* tell = std::get_if<plan::NotifyPeople>(&decision);
    if (tell == nullptr || !deeds_.notices) continue;
    for (record::NoticeRow& notice : deeds_.notices(*tell, now))
      notices.push_back(std::move(notice));
  }
  const record::Turn turn{now,     advanced.decisions, intake.ended,          intake.prepared,
                          notices, intake.outcomes,    ToText(OwnLauncher()), epoch_};
  auto appended = Append(turn);
  if (!appended) {
    for (const Request& request : intake.answers) request.answer(appended, {agenda_, record_, now});
    return tl::unexpected(std::move(appended).error());
  }
  for (const plan::Decision& decision : advanced.decisions) CarryOut(decision);
  figures_.turn.Add(std::chrono::duration_cast<Histogram::Microseconds>(
      std::chrono::steady_clock::now() - begun));
  Count(turn);
  if (deeds_.observe) {  // last: whoever is told wants the processor, and what starts does not wait
    for (const plan::Decision& decision : advanced.decisions) deeds_.observe(decision);
  }
  if (!notices.empty() && deeds_.send) deeds_.send(notices);
  for (const Request& request : intake.answers) request.answer({}, {agenda_, record_, now});
  return advanced.wake_at;
}

Conductor::Intake Conductor::Sort(std::vector<Happened> happened, Instant now) {
  Intake intake;
  if (const auto step = NoticeStep(now)) intake.events.push_back(*step);
  for (Happened& one : happened) {
    if (auto* ended = std::get_if<Ended>(&one)) {
      if (auto tell = NewsOf(ended->row)) intake.news.push_back(std::move(*tell));
      intake.events.push_back(std::move(ended->event));
      intake.ended.push_back(std::move(ended->row));
    } else if (auto* preparation = std::get_if<Preparation>(&one)) {
      Take(std::move(*preparation), intake);
    } else if (auto* outcome = std::get_if<record::NoticeOutcome>(&one)) {
      intake.outcomes.push_back(std::move(*outcome));
    } else if (auto* tell = std::get_if<plan::NotifyPeople>(&one)) {
      intake.news.push_back(std::move(*tell));
    } else if (auto* request = std::get_if<Request>(&one)) {
      const View view{agenda_, record_, now, intake.events};
      auto events = request->decide(view);
      if (!events) {
        if (request->answer) request->answer(tl::unexpected(events.error()), view);
        continue;
      }
      for (plan::Event& event : *events) intake.events.push_back(std::move(event));
      if (request->answer) intake.answers.push_back(std::move(*request));
    }
  }
  if (auto space = NoticeSpace()) intake.events.push_back(std::move(*space));
  return intake;
}

// A full disk passes: until it does, nothing is started, and what happens waits in the mailbox.
Result<void> Conductor::Append(const record::Turn& turn) {
  for (;;) {
    auto appended = record_.Append(turn);
    if (appended || appended.error().kind != ErrorKind::kTemporary) {
      SetTrouble(!appended ? appended.error().message : disk_is_full_ ? kDiskIsFull : "");
      return appended;
    }
    SetTrouble(appended.error().message);
    if (stopped_) return appended;
    std::this_thread::sleep_for(kAppendAgain);
  }
}

// What cannot leave a record of its end is better not started: while the disk is full there are no
// slots.
std::optional<plan::CapacityChanged> Conductor::NoticeSpace() {
  struct statvfs disk {};
  if (statvfs(runs_folder_.c_str(), &disk) != 0) return std::nullopt;
  const bool full = std::uint64_t{disk.f_bavail} * disk.f_frsize < kSpaceMinBytes ||
                    (disk.f_files > 0 && disk.f_favail < kFilesMin);
  if (full == disk_is_full_) return std::nullopt;
  disk_is_full_ = full;
  plan::Capacity capacity = capacity_;
  if (full) capacity.slots = 0;
  return plan::CapacityChanged{std::move(capacity)};
}

// What was not known before is for people to know, once: the events of its run remember.
std::vector<plan::NotifyPeople> Conductor::NoticeDebts() {
  std::vector<execute::Debt> debts = executors_->Debts();
  std::vector<plan::NotifyPeople> news;
  std::set<std::pair<std::string, std::string>> known;
  for (const execute::Debt& debt : debts) {
    const bool is_new = !known_debts_.contains({debt.what, debt.where});
    if (!known.emplace(debt.what, debt.where).second || !is_new) continue;
    if (!deeds_.notices || WasTold(debt)) continue;  // without people, nothing was told
    const auto run = record_.FindRun(debt.attempt.run);
    news.push_back({plan::NotifyPeople::Kind::kLeftBehind,
                    run ? run->facts.Graph() : plan::GraphKey(), debt.attempt.run,
                    run ? run->facts.data_date : "",
                    fmt::format("{} is left behind and costs money: {}; deleting it is tried again",
                                PlaceOf(debt), debt.why)});
  }
  known_debts_ = std::move(known);
  std::vector<execute::Silence> silences = executors_->Silences();
  const std::lock_guard lock(debts_mutex_);
  debts_ = std::move(debts);
  silences_ = std::move(silences);
  return news;
}

// Of one that is still on record as running: it ends but once.
std::optional<plan::NotifyPeople> Conductor::NewsOf(const record::AttemptRow& ended) const {
  if (!deeds_.news || !deeds_.notices) return std::nullopt;
  const plan::DagRun* run = agenda_.FindRun(ended.run);
  if (run == nullptr || RunningTask({ended.run, ended.task, ended.number}) == nullptr) {
    return std::nullopt;
  }
  auto tell = deeds_.news(ended);
  if (!tell) return std::nullopt;
  tell->graph = run->graph;
  tell->run = run->id;
  tell->data_date = run->data_date;
  return tell;
}

bool Conductor::WasTold(const execute::Debt& debt) {
  if (debt.attempt.run.empty()) return false;
  const auto events = record_.Events(debt.attempt.run);
  const std::string what = fmt::format("told: {}", NameOf(plan::NotifyPeople::Kind::kLeftBehind));
  const std::string begin = PlaceOf(debt) + " ";
  return events && std::any_of(events->begin(), events->end(), [&](const record::EventRow& event) {
           return event.what == what && event.detail.starts_with(begin);
         });
}

std::vector<execute::Debt> Conductor::Debts() const {
  const std::lock_guard lock(debts_mutex_);
  return debts_;
}

std::vector<execute::Silence> Conductor::Silences() const {
  const std::lock_guard lock(debts_mutex_);
  return silences_;
}

// By how much the wall clock was set since the last turn.
std::optional<plan::ClockStepped> Conductor::NoticeStep(Instant now) {
  const Milliseconds offset = now.time_since_epoch() - SteadyNow();
  const Milliseconds before = clock_offset_.value_or(offset);
  clock_offset_ = offset;
  if (offset - before > -kStepMin && offset - before < kStepMin) return std::nullopt;
  plan::ClockStepped step{offset - before};
  // What cannot be read now is read by the next conductor: the record is in trouble then.
  if (offset < before) step.ahead = record_.RunsAhead(now).value_or(step.ahead);
  return step;
}

void Conductor::TakeEnd(const attempt::Name& name, Result<attempt::ExitRecord> exit) {
  if (!exit && exit.error().kind == ErrorKind::kTemporary) {
    (void)mailbox_.Post(RefusalOf(name, exit.error()));
    return;
  }
  attempt::ExitRecord record = exit ? *exit : NotStarted(exit.error().message);
  if (!exit)
    record.ending = attempt::Ending::kLost;  // it may have been, and how it ended is not known
  (void)mailbox_.Post(EndOf(name, record));
}

void Conductor::CarryOut(const plan::Decision& decision) {
  if (const auto* start = std::get_if<plan::StartAttempt>(&decision)) {
    const attempt::Name name{start->run, start->task, start->number};
    if (auto launched = Launch(name); !launched) {
      next_.push_back(RefusalOf(name, launched.error()));
    }
  } else if (const auto* stop = std::get_if<plan::StopAttempt>(&decision)) {
    Settle({{stop->run, stop->task, stop->number}, Unsettled::kStop, {}});
  } else if (const auto* prepare = std::get_if<plan::PrepareRun>(&decision)) {
    Prepare(*prepare);
  } else if (const auto* run = std::get_if<plan::RunChanged>(&decision)) {
    const auto preparing = IsFinal(run->to) ? preparing_.find(run->run) : preparing_.end();
    if (preparing == preparing_.end()) return;
    preparer_->Drop(preparing->second);
    preparing_.erase(preparing);
  }
}

void Conductor::Prepare(const plan::PrepareRun& decision) {
  const plan::DagRun* run = agenda_.FindRun(decision.run);
  if (run == nullptr) return;
  auto number = preparer_->Begin(*run);
  preparing_[decision.run] = number.value_or(0);
  if (!number) next_.push_back(Preparation{0, decision.run, tl::unexpected(number.error())});
}

// One that nobody waits for any more is dropped: its run has ended since.
void Conductor::Take(Preparation preparation, Intake& intake) {
  const auto awaited = preparing_.find(preparation.run);
  if (awaited == preparing_.end() || awaited->second != preparation.number) return;
  preparing_.erase(awaited);
  if (preparation.result) {
    intake.events.push_back(std::move(preparation.result->event));
    intake.prepared.push_back(std::move(preparation.result->row));
    return;
  }
  // No program has run yet: what failed is the system's, and may pass.
  const ErrorKind kind = preparation.result.error().kind;
  const bool passing =
      kind == ErrorKind::kTemporary || kind == ErrorKind::kTimedOut || kind == ErrorKind::kFailed;
  intake.events.push_back(plan::RunNotPrepared{
      std::move(preparation.run), std::move(preparation.result.error().message), passing});
}

Result<void> Conductor::Launch(const attempt::Name& name) {
  TRY_ASSIGN(const execute::Attempt attempt, AttemptOf(name, OwnLauncher()));
  TRY_ASSIGN(execute::Executor * executor, executors_->At(attempt.place));
  return executor->Launch(attempt);
}

home::Launcher Conductor::OwnLauncher() const { return {instance_.id, io::BootId()}; }

// The order as it was when the run was prepared, with what depends on the attempt round it.
Result<execute::Attempt> Conductor::AttemptOf(const attempt::Name& name,
                                              const home::Launcher& launcher) {
  TRY_ASSIGN(record::Order order, record_.OrderOf(name.run, name.task));
  std::string sealed =
      attempt::Seal({name.number, launcher.instance, launcher.boot, instance_.home}, order.text);
  execute::Attempt attempt{name, std::move(sealed), order.synced, std::move(order.secrets)};
  if (const plan::Task* task = RunningTask(name)) {
    attempt.place = task->place;
    attempt.cpus_milli = task->cpus_milli;
    attempt.memory_bytes = task->memory_bytes;
    attempt.preemptions = task->preemptions;
  }
  return attempt;
}

void Conductor::Count(const record::Turn& turn) {
  std::set<attempt::Name> undone;
  for (const plan::Decision& decision : turn.decisions) {
    if (const auto* change = std::get_if<plan::RunChanged>(&decision)) {
      if (IsFinal(change->to)) ++figures_.runs_ended[static_cast<std::size_t>(change->to)];
    } else if (const auto* queued = std::get_if<plan::RunQueued>(&decision)) {
      const plan::DagRun& run = queued->run;
      if (run.due && run.batch.empty()) figures_.schedule_lag.Add(turn.now - *run.due);
    } else if (const auto* never = std::get_if<plan::AttemptUndone>(&decision)) {
      undone.insert({never->run, never->task, never->number});
    }
  }
  for (const record::AttemptRow& row : turn.ended) {
    if (undone.contains({row.run, row.task, row.number})) continue;
    ++(row.ending == attempt::NameOf(attempt::Ending::kSucceeded) ? figures_.attempts_succeeded
                                                                  : figures_.attempts_failed);
    if (!row.started_at || !row.command_started_at || !row.command_ended_at) continue;
    figures_.overhead.Add(*row.command_started_at - *row.started_at + *row.ended_at -
                          *row.command_ended_at);
  }
  CountUnfinished();
}

void Conductor::CountUnfinished() {
  figures_.runs_unfinished = agenda_.runs_unfinished();
  figures_.attempts_running = agenda_.attempts_running();
  figures_.tasks_ready = agenda_.tasks_ready();
}

void Conductor::SetTrouble(std::string why) {
  {
    const std::lock_guard lock(trouble_mutex_);
    if (trouble_ == why) return;
    trouble_ = why;
  }
  if (deeds_.trouble) deeds_.trouble(why);
}

std::string Conductor::Trouble() const {
  const std::lock_guard lock(trouble_mutex_);
  return trouble_;
}

}  // namespace busker::dispatch
