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
#include "dispatch/instance.h"

namespace busker::cli {
namespace {

constexpr auto kAgainLimit = std::chrono::seconds(15);
constexpr auto kAgainPause = std::chrono::milliseconds(50);

// Says how a run ended; returns the exit code.
Result<int> Conclude(const Common& common, const Place& place, record::Record& record,
                     const std::string& id, bool strict) {
  TRY_ASSIGN(const record::RunRow run, record.FindRun(id));
  prepare::Rulings rulings(record, dispatch::FolderOf(place.home));
  const GateWord word = WordOf(run, rulings);
  if (common.json) {
    PrintJson(Describe(run, rulings));
  } else {
    // Its own time, as busker runs says it: it may have waited for others before.
    const Instant begun = run.started_at.value_or(run.facts.requested_at);
    const Milliseconds took = run.ended_at.value_or(begun) - begun;
    PrintLine(fmt::format("run {} {} in {}", id, Coloured(run.state, NameOf(run.state)),
                          FormatDuration(took)));
    if (word.refused) PrintLine(Printable(word.why));
    if (run.state != plan::State::kSucceeded) {
      std::fprintf(stderr, "busker: run %s %s: %s\n", id.c_str(),
                   std::string(NameOf(run.state)).c_str(), Printable(run.message).c_str());
    }
  }
  return run.state == plan::State::kSucceeded && !(strict && word.refused) ? 0 : 1;
}

// "run ID: training of shop for 2019-08-01".
std::string Announce(const Place& place, const std::string& id) {
  const auto record = OpenRecord(place.home);
  const auto run =
      record ? (*record)->FindRun(id) : Result<record::RunRow>(tl::unexpected(record.error()));
  if (!run) return fmt::format("run {}", id);  // what is wrong with the record, it will say later
  const record::RunFacts& facts = run->facts;
  return fmt::format("run {}: {}{}{} for {}", id, facts.action, facts.service.empty() ? "" : " of ",
                     facts.service, facts.data_date);
}

// The run that a control-C is about: set by the main thread, cancelled by that of the signals.
class Cancellation {
 public:
  explicit Cancellation(daemon::Client client) : client_(std::move(client)) {}

  void Concerns(std::string run) {
    const std::lock_guard lock(mutex_);
    run_ = std::move(run);
  }
  // Whether there was something to cancel.
  bool Cancel() {
    const std::lock_guard lock(mutex_);
    return !run_.empty() && client_.Cancel(run_, "control-C").has_value();
  }

 private:
  const daemon::Client client_;
  std::mutex mutex_;
  std::string run_;
};

// Who carries runs out: this process, when nobody owns the home, or the one that does.
struct Orchestra {
  std::optional<dispatch::Ownership> ownership;
  std::unique_ptr<daemon::Daemon> own;
  daemon::Client client;
};
// `own`: the run that this verb is about, if it has begun; whoever takes over finds it, too.
Result<Orchestra> Assemble(const Common& common, const Place& place, const std::string& doing,
                           const std::vector<std::string>& paths, Milliseconds limit,
                           const std::string& own) {
  TRY_ASSIGN(OwnerOrClient owner, OwnOrReach(common, place, doing, limit));
  Orchestra orchestra{std::move(owner.ownership), nullptr, std::move(owner.client)};
  if (!orchestra.ownership) return orchestra;
  TRY_ASSIGN(orchestra.own,
             daemon::Daemon::Start(place.home, DaemonOptionsFor(common, paths, false)));
  std::vector<std::string> others = orchestra.own->recovered();
  std::erase(others, own);
  if (!common.json && !others.empty()) {
    PrintLine(
        fmt::format("also going on with {}, which an earlier busker left", Join(others, ", ")));
  }
  return orchestra;
}

// "waiting for run ID (training, since 8 s)": what keeps a run from beginning; empty: it has begun.
std::string WhatItWaitsFor(const Place& place, const daemon::Client& client,
                           const std::string& id) {
  const auto record = OpenRecord(place.home);
  const auto run = record ? (*record)->FindRun(id) : tl::unexpected(record.error());
  if (!run || run->state != plan::State::kQueued) return {};
  record::RunFilter running;
  running.service = run->facts.service;
  running.action = run->facts.action;
  running.state = plan::State::kRunning;
  running.with_tasks = false;
  const auto others = (*record)->ListRuns(running);
  if (others && !others->empty()) {
    const record::RunRow& other = others->back();  // the one that has run longest
    return fmt::format("waiting for run {} ({}, since {})", other.facts.id, other.facts.action,
                       FormatDuration(Now() - other.started_at.value_or(Now())));
  }
  const auto why = client.Explain(id, "");
  return why ? "waiting: " + *why : std::string();
}

// The owner of the home ended before it had answered; the next one may be asked.
bool MayAskAgain(const Error& error, std::chrono::steady_clock::time_point begun) {
  return error.kind == ErrorKind::kTemporary &&
         std::chrono::steady_clock::now() - begun < kAgainLimit;
}

// Starts a run and follows it, whoever carries it out.
Result<int> RunNow(const Common& common, const Place& place, daemon::StartRequest request,
                   const std::vector<std::string>& paths, bool quiet, const std::string& wait,
                   bool strict) {
  // Asked twice, of two owners, it is one run.
  request.key = fmt::format("run {} {}", MakeRunId(Now()), getpid());
  TRY_ASSIGN(const Milliseconds limit, ParseDuration(wait));
  const std::string doing = "runs " + request.graph;
  const sigset_t blocked = SignalWatch::Block();  // before any thread begins
  TRY_ASSIGN(Orchestra orchestra, Assemble(common, place, doing, paths, limit, ""));
  Cancellation cancellation(orchestra.client);
  const SignalWatch signals(blocked, [&] { return cancellation.Cancel(); });
  Progress progress(place.home, !common.json, !quiet);
  std::string run;
  const auto started = [&](const std::string& id) {
    run = id;
    cancellation.Concerns(run);
    if (orchestra.ownership) (void)orchestra.ownership->Say(fmt::format("{} (run {})", doing, run));
    if (!common.json) PrintLine(Announce(place, run));
  };
  const auto told = [&](const plan::Decision& decision) {
    progress.Take(decision);
    return true;
  };
  const auto silent = [&] {
    const std::string waits = common.json ? "" : WhatItWaitsFor(place, orchestra.client, run);
    if (!waits.empty()) PrintLine(waits);
  };
  const auto follow = [&]() -> Result<void> {
    if (!run.empty()) return orchestra.client.Follow(run, std::nullopt, told);
    TRY(orchestra.client.StartAndFollow(request, started, told, silent));
    return {};
  };
  const auto begun = std::chrono::steady_clock::now();
  auto followed = follow();
  bool missed = false;
  while (!followed && (run.empty() ? MayAskAgain(followed.error(), begun)
                                   : followed.error().kind == ErrorKind::kTemporary)) {
    if (run.empty()) std::this_thread::sleep_for(kAgainPause);
    missed = true;
    if (!orchestra.own || orchestra.own->WaitFor(Milliseconds(0))) {
      // The owner of the home has ended, and the run goes on: so does whoever owns the home next.
      orchestra.own.reset();
      orchestra.ownership.reset();
      TRY_ASSIGN(orchestra, Assemble(common, place, doing, paths, limit, run));
    }
    followed = follow();
  }
  TRY(followed);
  cancellation.Concerns("");
  if (orchestra.own && !orchestra.own->Idle()) {
    orchestra.own.reset();
    orchestra.ownership.reset();
    // Other runs are not done. What a task leaves behind ends with it: they wait for the next
    // busker.
    if (!IsInTask(common)) TRY(StartInBackground(common, place));
  }
  TRY_ASSIGN(const auto record, OpenRecord(place.home));
  if (missed) {
    TRY_ASSIGN(const record::RunRow ended, record->FindRun(run));
    progress.CatchUp(ended);
  }
  TRY_ASSIGN(const int code, Conclude(common, place, *record, run, strict));
  return code != 0 && signals.signal() != 0 ? 128 + signals.signal() : code;  // as a shell has it
}

}  // namespace

Result<int> Run(const Common& common, const RunOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlace(common));
  daemon::StartRequest request;
  TRY_ASSIGN(request.graph, FindGraph(place, options.action));
  if (place.service && !options.quiet) {
    for (const std::string& warning : place.service->warnings) Warn(warning);
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
  request.graph = file.id;
  request.date = options.date;
  request.by = common.By();
  return RunNow(common, place, request, ServedPaths(place.home, file.path), options.quiet,
                options.wait, false);
}

}  // namespace busker::cli
