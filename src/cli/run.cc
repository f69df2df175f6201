// busker run: the conductor for one run, in the foreground.
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/describe.h"
#include "cli/follow.h"
#include "cli/print.h"
#include "cli/workspace.h"
#include "dispatch/conductor.h"

namespace busker::cli {
namespace {

// Shows a run as it goes: each task's log, and a line when a task or a run ends.
class Progress {
 public:
  Progress(bool show, bool show_logs) : show_(show), show_logs_(show && show_logs) {}

  void Follow(const dispatch::Conductor& conductor) { conductor_ = &conductor; }

  void Take(const plan::Decision& decision) {
    if (const auto* start = std::get_if<plan::StartAttempt>(&decision)) {
      Started(*start);
    } else if (const auto* task = std::get_if<plan::TaskChanged>(&decision)) {
      if (task->to != plan::State::kRunning) Ended(*task);
    } else if (const auto* retry = std::get_if<plan::RetryPlanned>(&decision)) {
      Say(fmt::format("  {}: attempt {} at {}", retry->task, retry->number,
                      FormatRfc3339(retry->at)));
    }
  }

  // After the conductor's loop: waits for the rest of the logs.
  void Finish() { logs_.clear(); }

 private:
  // A task's log on its way to the terminal, a line at a time.
  struct ShownLog {
    ShownLog(const io::fs::path& folder, std::function<void(std::string_view)> use)
        : lines(std::move(use)),
          follower(std::in_place, folder, [this](std::string_view bytes) { lines.Add(bytes); }) {}
    ~ShownLog() {
      follower.reset();
      lines.Flush();
    }
    LineCutter lines;
    std::optional<LogFollower> follower;
  };

  void Started(const plan::StartAttempt& start) {
    if (!show_logs_ || conductor_ == nullptr) return;
    const io::fs::path folder = conductor_->FolderOf({start.run, start.task, start.number});
    if (!io::MakeFolders(folder, 0700)) return;  // to be watched before the first line is written
    const std::string prefix = Dim(fmt::format("{:>12} | ", start.task));
    logs_[start.run + "/" + start.task] = std::make_unique<ShownLog>(
        folder, [prefix](std::string_view line) { PrintLine(prefix + Printable(line)); });
  }

  void Ended(const plan::TaskChanged& task) {
    logs_.erase(task.run + "/" + task.task);
    const bool retried = task.to == plan::State::kQueued;
    const plan::State state = retried ? plan::State::kFailed : task.to;
    Say(fmt::format("  {} {}{}", task.task, Coloured(state, NameOf(state)),
                    task.message.empty() ? "" : ": " + Printable(task.message)));
  }

  void Say(const std::string& line) const {
    if (show_) PrintLine(line);
  }

  const bool show_, show_logs_;
  const dispatch::Conductor* conductor_ = nullptr;
  std::map<std::string, std::unique_ptr<ShownLog>> logs_;
};

// Turns control-C and SIGTERM into a cancel; when there is nothing to cancel, and the second time,
// they end busker at once, and what runs goes on.
class SignalWatch {
 public:
  // `cancel` says whether there was something to cancel. The signals must be blocked already.
  SignalWatch(const sigset_t& signals, std::function<bool()> cancel)
      : thread_([this, signals, ask = std::move(cancel)] {
          for (int count = 0;; ++count) {
            int signal = 0;
            sigwait(&signals, &signal);
            if (done_) return;
            // Also when the terminal is gone: what runs is taken up by the next busker.
            if (signal == SIGHUP || count > 0 || !ask()) std::_Exit(128 + signal);
          }
        }) {}
  ~SignalWatch() {
    done_ = true;
    pthread_kill(thread_.native_handle(), SIGUSR2);
    thread_.join();
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // Blocks them in this thread, and so in every thread that it starts from now on.
  static sigset_t Block() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR2}) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
  }

 private:
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

Result<dispatch::Ownership> Own(const Workspace& workspace, const RunOptions& options, bool quiet) {
  TRY_ASSIGN(const Milliseconds limit, ParseDuration(options.wait));
  if (!quiet) {
    if (const std::string owner = dispatch::OwnerOf(workspace.home); !owner.empty()) {
      PrintLine(fmt::format("waiting up to {}: {}", FormatDuration(limit), owner));
    }
  }
  return dispatch::Ownership::Take(workspace.home, "runs " + options.action, limit);
}

// The runs that a control-C is about: set by the main thread, cancelled by that of the signals.
class Cancellation {
 public:
  void Concerns(std::vector<std::string> runs) {
    const std::lock_guard lock(mutex_);
    runs_ = std::move(runs);
  }
  // Whether there was something to cancel.
  bool Cancel(dispatch::Conductor& conductor) {
    const std::lock_guard lock(mutex_);
    for (const std::string& run : runs_) conductor.Cancel(run, "control-C");
    was_asked_ = !runs_.empty();
    return was_asked_;
  }
  bool WasAsked() {
    const std::lock_guard lock(mutex_);
    return was_asked_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> runs_;
  bool was_asked_ = false;
};

// Ends what an earlier busker left unfinished, before anything new begins.
Result<void> FinishOldRuns(dispatch::Conductor& conductor, Cancellation& cancellation,
                           const RunOptions& options, bool quiet) {
  TRY_ASSIGN(const Milliseconds limit, ParseDuration(options.wait));
  TRY_ASSIGN(const std::vector<std::string> ids, conductor.Recover());
  if (ids.empty()) return {};
  cancellation.Concerns(ids);
  const std::string names = Join(ids, ", ");
  if (!quiet) {
    PrintLine(fmt::format("first finishing {}, which an earlier busker left; control-C cancels it",
                          names));
  }
  TRY_ASSIGN(const bool finished, conductor.RunToEnd(Now() + limit));
  cancellation.Concerns({});
  if (!finished) {
    return Temporary(
        fmt::format("run {} of an earlier busker still goes on (busker logs {} -f shows "
                    "it); try again when it has ended, or wait longer with --wait",
                    names, ids.front()));
  }
  if (cancellation.WasAsked()) return Temporary("stopped by control-C");
  return {};
}

Result<prepare::PreparedRun> Prepare(const Common& common, const Workspace& workspace,
                                     const service::Action& action, const RunOptions& options,
                                     record::Record& record) {
  TRY_ASSIGN(const auto store, artifact::OpenStore(workspace.places.store_url));
  const Instant now = Now();
  const service::Service& service = workspace.service;
  TRY_ASSIGN(const Instant timestamp,
             record.FreeTimestamp(service.name, service.version, action.name, now));
  prepare::RunRequest request;
  request.date = options.date;
  request.force = options.force;
  request.requested_by = common.installation->user;
  request.environment = common.installation->environment;
  return prepare::PrepareRun(service, action, request, workspace.places, *store, timestamp, now);
}

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

}  // namespace

Result<int> Run(const Common& common, const RunOptions& options) {
  TRY_ASSIGN(Workspace workspace, OpenWorkspace(common));
  TRY_ASSIGN(const service::Action* action, service::FindAction(workspace.service, options.action));
  TRY(dispatch::MakeHome(workspace.home.folder));
  TRY_ASSIGN(const dispatch::Ownership ownership, Own(workspace, options, common.json));
  TRY_ASSIGN(const auto record,
             record::OpenSqliteRecord(workspace.home.RecordFile().string(), true));

  Cancellation cancellation;
  const sigset_t blocked = SignalWatch::Block();  // before any thread begins
  Progress progress(!common.json, !options.quiet);
  TRY_ASSIGN(
      const auto conductor,
      dispatch::Conductor::Start(*record, common.installation->runner, workspace.home.RunsFolder(),
                                 [&](const plan::Decision& decision) { progress.Take(decision); }));
  progress.Follow(*conductor);
  const SignalWatch signals(blocked, [&] { return cancellation.Cancel(*conductor); });
  TRY(FinishOldRuns(*conductor, cancellation, options, common.json));

  TRY_ASSIGN(const prepare::PreparedRun run, Prepare(common, workspace, *action, options, *record));
  if (!common.json) {
    PrintLine(fmt::format("run {}: {} of {} for {}", run.facts.id, options.action,
                          workspace.service.name, run.facts.data_date));
  }
  TRY(conductor->Add(run.facts, run.tasks));
  cancellation.Concerns({run.facts.id});
  TRY(ownership.Say(fmt::format("runs {} (run {})", options.action, run.facts.id)));
  TRY(conductor->RunToEnd());
  progress.Finish();
  return Conclude(common, *record, run.facts.id);
}

}  // namespace busker::cli
