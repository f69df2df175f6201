// busker run, busker graph run: one run now, followed to its end.
#include <fmt/core.h>
#include <unistd.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/id.h"
#include "base/text.h"
#include "cli/gate_word.h"
#include "cli/graph_names.h"
#include "cli/json.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/signal_watch.h"
#include "cli/versions.h"
#include "home/instance.h"
#include "home/ownership.h"
#include "image/virtual_environment.h"
#include "prepare/cost.h"
#include "prepare/input.h"
#include "service/schedule_file.h"

namespace busker::cli {
namespace {

constexpr auto kAgainLimit = std::chrono::seconds(15);
constexpr auto kAgainPause = std::chrono::milliseconds(50);
// Then who stays in the background goes on copying its log.
constexpr Milliseconds kCopiesLimit = std::chrono::seconds(5);

// Says how a run ended; returns the exit code.
Result<int> Conclude(const Common& common, const Place& place, record::Record& record,
                     const std::string& id, bool strict) {
  TRY_ASSIGN(const record::RunRow run, record.FindRun(id));
  prepare::Rulings rulings(record, home::FolderOf(place.home));
  const GateWord word = WordOf(run, rulings);
  if (common.json) {
    PrintJson(Describe(run, rulings));
  } else {
    // Its own time, as busker runs says it: it may have waited for others before.
    const Instant begun = run.started_at.value_or(run.facts.requested_at);
    const Milliseconds took = run.ended_at.value_or(begun) - begun;
    PrintLine(fmt::format("run {} {} in {}", id, Coloured(run.state, NameOf(run.state)),
                          FormatDuration(took)));
    if (word.refused || word.waited) PrintLine(Printable(word.why));
    if (word.waited) PrintLine("busker promote VERSION makes it live");
    if (const std::string cost = prepare::CostOf(run); !cost.empty()) {
      PrintLine(fmt::format("it took {}", cost));
    }
    if (run.state != plan::State::kSucceeded) {
      std::fprintf(stderr, "busker: run %s %s: %s\n", id.c_str(),
                   std::string(NameOf(run.state)).c_str(), Printable(run.message).c_str());
    }
  }
  return run.state == plan::State::kSucceeded && !(strict && word.refused) ? 0 : 1;
}

// "run ID: training of shop for 2019-08-01".
std::string TitleOf(const plan::DagRun& run) {
  const plan::GraphKey& graph = run.graph;
  return fmt::format("run {}: {}{}{} for {}", run.id, graph.name,
                     graph.service.empty() ? "" : " of ", graph.service, run.data_date);
}

// Who carries runs out: this process, when nobody owns the home, or the one that does.
struct Orchestra {
  std::optional<home::Ownership> ownership;
  std::unique_ptr<daemon::Daemon> own;
  daemon::Client client;

  const daemon::Owner& owner() const {
    return own ? static_cast<const daemon::Owner&>(own->requests()) : client;
  }
  // The process that owned the home has ended; for another one that did, only asking tells.
  bool HasEnded() const { return !own || own->WaitFor(Milliseconds(0)); }
  void Disband() {
    own.reset();
    ownership.reset();
  }
};
// `begun`: the run that this verb is about, if it has begun; whoever takes over finds it, too.
Result<Orchestra> Assemble(const Common& common, const Place& place, const std::string& doing,
                           const std::vector<std::string>& paths, Milliseconds limit,
                           const std::string& begun) {
  TRY_ASSIGN(OwnerOrClient owner, OwnOrReach(common, place, doing, limit));
  Orchestra orchestra{std::move(owner.ownership), nullptr, std::move(owner.client)};
  if (!orchestra.ownership) return orchestra;
  TRY_ASSIGN(orchestra.own,
             daemon::Daemon::Start(place.home, DaemonOptionsFor(common, paths, false)));
  std::vector<std::string> others = orchestra.own->recovered();
  std::erase(others, begun);
  if (!common.json && !others.empty()) {
    PrintLine(
        fmt::format("also going on with {}, which an earlier busker left", Join(others, ", ")));
  }
  return orchestra;
}

// The run that a control-C is about, and whom to ask: set by the main thread, cancelled by that of
// the signals.
class Cancellation {
 public:
  // `owner` must live until this is told of another.
  void Concerns(const daemon::Owner& owner, std::string run) {
    const std::lock_guard lock(mutex_);
    owner_ = &owner;
    run_ = std::move(run);
  }
  void ConcernsNothing() {
    const std::lock_guard lock(mutex_);
    run_.clear();
  }
  // Whether there was something to cancel.
  bool Cancel() {
    const std::lock_guard lock(mutex_);
    return !run_.empty() && owner_->Cancel(run_, "control-C").has_value();
  }

 private:
  std::mutex mutex_;
  const daemon::Owner* owner_ = nullptr;
  std::string run_;
};

// "waiting for run ID (training, since 8 s)": what keeps a run from beginning; empty: it has begun.
std::string WhatItWaitsFor(record::Record& record, const daemon::Owner& owner,
                           const std::string& id) {
  const auto run = record.FindRun(id);
  if (!run || run->state != plan::State::kQueued) return {};
  record::RunFilter running;
  running.service = run->facts.service;
  running.action = run->facts.action;
  running.state = plan::State::kRunning;
  running.with_tasks = false;
  const auto others = record.ListRuns(running);
  if (others && !others->empty()) {
    const record::RunRow& other = others->back();  // the one that has run longest
    return fmt::format("waiting for run {} ({}, since {})", other.facts.id, other.facts.action,
                       FormatDuration(Now() - other.started_at.value_or(Now())));
  }
  const auto why = owner.Explain(id, "");
  return why ? "waiting: " + *why : std::string();
}

struct Wishes {
  bool quiet = false;
  Milliseconds wait{};  // for the home
  bool strict = false;
};

// One run from its start to its end, whoever carries it out.
class Performance {
 public:
  Performance(const Common& common, const Place& place, daemon::StartRequest request,
              std::vector<std::string> paths, const Wishes& wishes)
      : common_(common),
        place_(place),
        request_(std::move(request)),
        paths_(std::move(paths)),
        wishes_(wishes),
        doing_("runs " + request_.graph.Text()),
        progress_(place.home, !common.json, !wishes.quiet) {
    // Asked twice, of two owners, it is one run.
    request_.key = fmt::format("run {} {}", MakeRunId(Now()), getpid());
  }

  // The exit code.
  Result<int> Give() {
    const sigset_t blocked = SignalWatch::Block();  // before any thread begins
    TRY_ASSIGN(orchestra_, Assemble(common_, place_, doing_, paths_, wishes_.wait, ""));
    const SignalWatch signals(blocked, [&] { return cancellation_.Cancel(); });
    const auto given = FollowToItsEnd();
    cancellation_.ConcernsNothing();
    TRY(given);
    if (orchestra_->own) orchestra_->own->AwaitCopies(kCopiesLimit);
    if (orchestra_->own && !orchestra_->own->Idle()) {
      orchestra_->Disband();
      // Other runs are not done. What a task leaves behind ends with it: they wait for the next
      // busker.
      if (!IsInTask(common_)) TRY(StartInBackground(common_, place_));
    }
    TRY_ASSIGN(const int code, Read([&](record::Record& record) -> Result<int> {
                 if (missed_) {
                   TRY_ASSIGN(const record::RunRow ended, record.FindRun(run_));
                   progress_.CatchUp(ended);
                 }
                 return Conclude(common_, place_, record, run_, wishes_.strict);
               }));
    return code != 0 && signals.signal() != 0 ? 128 + signals.signal() : code;  // as a shell has it
  }

 private:
  // In the owner's process there is a connection already.
  template <typename Use>
  auto Read(const Use& use) -> decltype(use(std::declval<record::Record&>())) {
    if (orchestra_->own) return orchestra_->own->readers().With(use);
    TRY_ASSIGN(const auto record, OpenRecord(place_.home));
    return use(*record);
  }

  // The owner of the home may end; the run goes on, and so does whoever owns the home next.
  Result<void> FollowToItsEnd() {
    const auto begun = std::chrono::steady_clock::now();
    auto followed = Follow();
    while (!followed && MayGoOn(followed.error(), begun)) {
      if (run_.empty()) std::this_thread::sleep_for(kAgainPause);
      missed_ = true;
      if (orchestra_->HasEnded()) {
        cancellation_.ConcernsNothing();
        orchestra_->Disband();
        TRY_ASSIGN(orchestra_, Assemble(common_, place_, doing_, paths_, wishes_.wait, run_));
      }
      followed = Follow();
    }
    return followed;
  }

  // An owner that ended before it answered did nothing; if it did, the key finds the run.
  bool MayGoOn(const Error& error, std::chrono::steady_clock::time_point begun) const {
    return error.kind == ErrorKind::kTemporary &&
           (!run_.empty() || std::chrono::steady_clock::now() - begun < kAgainLimit);
  }

  Result<void> Follow() {
    const daemon::Owner& owner = orchestra_->owner();
    const daemon::Owner::Told told = [&](const plan::Decision& decision) {
      SayTitle(std::get_if<plan::RunQueued>(&decision));
      progress_.Take(decision);
      return true;
    };
    if (!run_.empty()) {
      cancellation_.Concerns(owner, run_);
      return owner.Follow(run_, std::nullopt, told);
    }
    TRY(owner.StartAndFollow(request_, {[&](const std::string& run) { Begin(owner, run); }, told,
                                        [&] { SayWhatItWaitsFor(owner); }}));
    return {};
  }

  void Begin(const daemon::Owner& owner, const std::string& run) {
    run_ = run;
    cancellation_.Concerns(owner, run);
    if (orchestra_->ownership) {
      (void)orchestra_->ownership->Say(fmt::format("{} (run {})", doing_, run));
    }
  }

  // Before all else that is said of the run. One of an earlier request with the same key is queued
  // already.
  void SayTitle(const plan::RunQueued* queued) {
    if (std::exchange(is_titled_, true) || common_.json) return;
    if (queued != nullptr) {
      PrintLine(TitleOf(queued->run));
      return SayWorstCost();
    }
    const auto run = Read([&](record::Record& record) { return record.FindRun(run_); });
    if (!run) return PrintLine(fmt::format("run {}", run_));  // what is wrong, it will say later
    plan::DagRun found;
    found.id = run_;
    found.graph = request_.graph;
    found.data_date = run->facts.data_date;
    PrintLine(TitleOf(found));
    SayWorstCost();
  }

  // Of a run that gets machines of a cloud.
  void SayWorstCost() const {
    if (!place_.service || request_.graph.service != place_.service->name) return;
    const std::string& action = request_.graph.name;
    const std::string cost = prepare::WorstCost(
        *place_.service, action, prepare::TargetOf(*place_.service, action, request_.target, ""));
    if (!cost.empty()) PrintLine("it takes " + cost);
  }

  void SayWhatItWaitsFor(const daemon::Owner& owner) {
    if (common_.json) return;
    SayTitle(nullptr);
    const auto why = Read([&](record::Record& record) -> Result<std::string> {
      return WhatItWaitsFor(record, owner, run_);
    });
    if (why && !why->empty()) PrintLine(*why);
  }

  const Common& common_;
  const Place& place_;
  daemon::StartRequest request_;
  const std::vector<std::string> paths_;
  const Wishes wishes_;
  const std::string doing_;
  Progress progress_;
  Cancellation cancellation_;
  std::optional<Orchestra> orchestra_;
  std::string run_;         // empty: it has not begun
  bool is_titled_ = false;  // it was said what runs
  bool missed_ = false;     // some of what was decided
};

// Starts a run and follows it, whoever carries it out.
Result<int> RunNow(const Common& common, const Place& place, daemon::StartRequest request,
                   const std::vector<std::string>& paths, bool quiet, const std::string& wait,
                   bool strict) {
  TRY_ASSIGN(const Milliseconds limit, ParseDuration(wait));
  return Performance(common, place, std::move(request), paths, {quiet, limit, strict}).Give();
}

// Where the program runs on this machine, in an environment that its requirements have left behind,
// or whose Python is gone.
void WarnOfOldEnvironment(const service::Service& service, const std::string& action,
                          const std::string& target) {
  if (prepare::TargetOf(service, action, target, "") != "local") return;
  const auto state = image::LookAtEnvironment(service.ProgramRoot());
  if (state &&
      (*state == image::EnvironmentState::kOlder || *state == image::EnvironmentState::kBroken)) {
    Warn(image::EnvironmentWarning(service.ProgramRoot()));
  }
}

std::vector<service::ScheduleFile> ScheduleFilesOf(const Place& place) {
  if (!place.service) return {};
  return service::FindScheduleFiles(place.service->root);
}

// Of a run that begins with this version.
Result<std::string> TriggerOf(const Common& common, const std::string& version) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  TRY_ASSIGN(const Versions versions, ReadVersions(workspace));
  TRY_ASSIGN(const artifact::VersionName name, FindVersion(workspace, versions, version));
  return std::string(prepare::kVersionTrigger) + name.Key();
}

}  // namespace

Result<int> Run(const Common& common, const RunOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlace(common));
  daemon::StartRequest request;
  TRY_ASSIGN(request.graph, FindGraph(place, options.action));
  if (place.service && !options.quiet) {
    for (const std::string& warning : place.service->warnings) Warn(warning);
    WarnOfOldEnvironment(*place.service, options.action, common.target);
  }
  if (!options.version.empty()) {
    TRY_ASSIGN(request.trigger, TriggerOf(common, options.version));
  }
  request.date = options.date;
  request.force = options.force;
  request.by = common.By();
  request.target = common.target;
  return RunNow(common, place, request, ServedPaths(place.home, place.folder), options.quiet,
                options.wait, options.strict);
}

Result<int> GraphRun(const Common& common, const GraphRunOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlaceOfFile(common));
  TRY_ASSIGN(const service::GraphFile file, service::LoadGraphFile(options.file));
  daemon::StartRequest request;
  request.graph = {"", file.id};
  // The schedule of an action and the action are one thing: were its tasks run, they would start a
  // run of the action, and one of them would wait for it in a slot.
  for (const auto& each : ScheduleFilesOf(place)) {
    std::error_code error;
    if (io::fs::equivalent(each.path, file.path, error)) request.graph = KeyOf(place, each.action);
  }
  request.date = options.date;
  request.by = common.By();
  return RunNow(common, place, request, ServedPaths(place.home, file.path), options.quiet,
                options.wait, false);
}

}  // namespace busker::cli
