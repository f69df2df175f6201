// busker run, busker graph run: one run now, followed to its end.
#include <fmt/core.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/json.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/signal_watch.h"

namespace busker::cli {
namespace {

// The last words about a run, and the exit code.
Result<int> Conclude(const Common& common, record::Record& record, const std::string& id) {
  TRY_ASSIGN(const record::RunRow run, record.FindRun(id));
  if (common.json) {
    PrintJson(Describe(run));
  } else {
    const Milliseconds took =
        run.ended_at.value_or(run.facts.requested_at) - run.facts.requested_at;
    PrintLine(fmt::format("run {} {} in {}", id, Coloured(run.state, NameOf(run.state)),
                          FormatDuration(took)));
    if (run.state != plan::State::kSucceeded) {
      std::fprintf(stderr, "busker: run %s %s: %s\n", id.c_str(),
                   std::string(NameOf(run.state)).c_str(), Printable(run.message).c_str());
    }
  }
  return run.state == plan::State::kSucceeded ? 0 : 1;
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
Result<Orchestra> Assemble(const Common& common, const Place& place, const std::string& doing,
                           const std::vector<std::string>& paths, Milliseconds limit) {
  TRY_ASSIGN(OwnerOrClient owner, OwnOrReach(place, doing, limit, common.json));
  Orchestra orchestra{std::move(owner.ownership), nullptr, std::move(owner.client)};
  if (!orchestra.ownership) return orchestra;
  TRY_ASSIGN(orchestra.own,
             daemon::Daemon::Start(place.home, DaemonOptionsFor(common, paths, false)));
  if (!common.json && !orchestra.own->recovered().empty()) {
    PrintLine(fmt::format("also going on with {}, which an earlier busker left",
                          Join(orchestra.own->recovered(), ", ")));
  }
  return orchestra;
}

// Starts a run and follows it, whoever carries it out.
Result<int> RunNow(const Common& common, const Place& place, const daemon::StartRequest& request,
                   const std::vector<std::string>& paths, bool quiet, const std::string& wait) {
  TRY_ASSIGN(const Milliseconds limit, ParseDuration(wait));
  const std::string doing = "runs " + request.graph;
  const sigset_t blocked = SignalWatch::Block();  // before any thread begins
  TRY_ASSIGN(Orchestra orchestra, Assemble(common, place, doing, paths, limit));
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
  const auto begun = orchestra.client.StartAndFollow(request, started, told);
  auto followed = begun ? Result<void>() : Result<void>(tl::unexpected(begun.error()));
  // The daemon has ended, and the run goes on: so does whoever owns the home next.
  while (!followed && !run.empty() && followed.error().kind == ErrorKind::kTemporary) {
    orchestra.own.reset();
    orchestra.ownership.reset();
    TRY_ASSIGN(orchestra, Assemble(common, place, doing, paths, limit));
    followed = orchestra.client.Follow(run, std::nullopt, told);
  }
  TRY(followed);
  progress.Finish();
  cancellation.Concerns("");
  if (orchestra.own && !orchestra.own->Idle()) {
    orchestra.own.reset();
    orchestra.ownership.reset();
    TRY(StartInBackground(common, place));  // other runs are not done
  }
  TRY_ASSIGN(const auto record, OpenRecord(place.home));
  return Conclude(common, *record, run);
}

}  // namespace

Result<int> Run(const Common& common, const RunOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlace(common));
  daemon::StartRequest request;
  request.graph = KeyOf(place, options.action);
  request.date = options.date;
  request.force = options.force;
  request.by = common.By();
  return RunNow(common, place, request, ServedPaths(place.home, place.folder), options.quiet,
                options.wait);
}

Result<int> GraphRun(const Common& common, const GraphRunOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlace(common));
  TRY_ASSIGN(const service::GraphFile file, service::LoadGraphFile(options.file));
  daemon::StartRequest request;
  request.graph = file.id;
  request.date = options.date;
  request.by = common.By();
  return RunNow(common, place, request, ServedPaths(place.home, file.path), options.quiet,
                options.wait);
}

}  // namespace busker::cli
