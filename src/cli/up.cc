// busker up: the daemon.
#include <fmt/core.h>
#include <malloc.h>

#include <algorithm>
#include <condition_variable>

#include "base/terminal.h"
#include "base/text.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "cli/signal_watch.h"
#include "cli/trust.h"
#include "dispatch/pointer.h"
#include "serve/http_service.h"

namespace busker::cli {
namespace {

constexpr Milliseconds kTakeOverLimit = std::chrono::seconds(60);
constexpr std::chrono::seconds kAgain(1), kAgainMax(30), kPatience(600), kWellAfter(60);
constexpr int kQuietChecks = 3;  // a second apart, before a background conductor ends

std::string Plural(std::size_t count, const std::string& noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

// The home of the daemon: --home, else beside the one folder, else here.
Result<dispatch::Home> HomeFor(const Common& common, const std::vector<std::string>& paths) {
  if (!common.home.empty()) {
    return dispatch::MakeHome(io::fs::absolute(common.home).lexically_normal());
  }
  std::error_code error;
  const bool one = paths.size() == 1 && io::fs::is_directory(paths.front(), error);
  const io::fs::path beside = one ? io::fs::path(paths.front()) : io::fs::current_path(error);
  return dispatch::MakeHome(beside / ".busker");
}

// Lets verbs that are called in a served folder find the home.
void PointTo(const dispatch::Home& home, const std::vector<std::string>& folders) {
  std::error_code error;
  for (const std::string& folder : folders) {
    const io::fs::path own = io::fs::path(folder) / ".busker";
    if (io::fs::equivalent(own, home.folder, error) || io::fs::exists(own / "busker.db", error)) {
      continue;
    }
    // A folder that cannot be written to is served all the same; --home finds the home then.
    (void)dispatch::WritePointer(folder, home);
  }
}

std::vector<std::string> Folders(const std::vector<std::string>& paths,
                                 const daemon::Catalogue& catalogue) {
  std::vector<std::string> folders;
  std::error_code error;
  for (const std::string& path : paths) {
    if (io::fs::is_directory(path, error)) folders.push_back(path);
  }
  for (const auto& [_, definition] : catalogue.definitions) {
    if (definition->service) folders.push_back(definition->service->root);
  }
  std::sort(folders.begin(), folders.end());
  folders.erase(std::unique(folders.begin(), folders.end()), folders.end());
  return folders;
}

// Takes the home; a conductor in the background makes room for a daemon.
Result<dispatch::Ownership> TakeOver(const Place& place) {
  const auto begun = std::chrono::steady_clock::now();
  for (;;) {
    const daemon::Client client = ClientOf(place.home);
    (void)client.Yield();
    auto ownership = dispatch::Ownership::Take(place.home, "is up", std::chrono::seconds(2));
    if (ownership || ownership.error().kind != ErrorKind::kTemporary) return ownership;
    const bool tired = std::chrono::steady_clock::now() - begun > kTakeOverLimit;
    const auto status = client.Ask();
    if (tired || (status && status->schedules)) {
      return Temporary(fmt::format("{} in {}; one busker serves a home",
                                   dispatch::OwnerOf(place.home), place.home.folder.string()));
    }
  }
}

// What this busker takes for the word of who started it.
std::vector<std::string> FilesTrusted(const dispatch::Home& home,
                                      const daemon::Catalogue& catalogue) {
  std::vector<std::string> files;
  std::error_code error;
  const std::string settings = (home.folder / "daemon.toml").string();
  if (io::fs::exists(settings, error)) files.push_back(settings);
  for (const auto& [_, definition] : catalogue.definitions) {
    files.push_back(definition->file ? definition->file->path
                                     : definition->service->root + "/busker.toml");
  }
  return files;
}

// Beginning again after what was written could not be known to be written: a disk that is away for
// a while comes back, so it is tried for ten minutes, each time after a longer pause.
class Patience {
 public:
  // Whether to try again after this; then it has waited, or `stopped` has become true.
  bool Waits(const Error& error, const dispatch::Home& home, std::mutex& mutex,
             std::condition_variable& changed, const bool& stopped) {
    std::error_code ignored;
    // Where its disk is away there is a folder, and no record in it.
    const bool is_away = !io::fs::exists(home.RecordFile(), ignored);
    const bool passes =
        is_away || (error.kind != ErrorKind::kUnusable && error.kind != ErrorKind::kInvalid);
    const auto now = std::chrono::steady_clock::now();
    if (!since_) since_ = now;
    if (!passes || now - *since_ > kPatience) return false;
    if (said_ != error.message) {
      std::fprintf(stderr, "busker: %s; starting again from what is on record\n",
                   Printable(error.message).c_str());
      said_ = error.message;
    }
    std::unique_lock lock(mutex);
    changed.wait_for(lock, pause_, [&] { return stopped; });
    pause_ = std::min(2 * pause_, kAgainMax);
    return true;
  }
  void Ends() {
    since_.reset();
    pause_ = kAgain;
    said_.clear();
  }

 private:
  std::optional<std::chrono::steady_clock::time_point> since_;
  std::chrono::seconds pause_ = kAgain;
  std::string said_;
};

// What a file or a journal keeps is no place for what opens a session.
void TellDashboard(serve::HttpService& http, const std::string& by) {
  if (IsTerminal()) {
    const auto link = http.MakeLink(access::Scope::kAdmin, by);
    if (link) {
      PrintLine("dashboard: " + *link + "  (works once; busker token link makes another)");
      return;
    }
    std::fprintf(stderr, "busker: no link to the dashboard: %s\n",
                 Printable(link.error().message).c_str());
  }
  PrintLine(fmt::format("dashboard: {}  (busker token link opens it)", http.origin()));
}

// What starts at once, because its instant has passed: a line each, for the first few.
void TellCatchUps(daemon::Daemon& daemon, bool quiet) {
  constexpr std::size_t kLinesMax = 10;
  if (quiet || !daemon.requests().Turns()) return;  // one turn, and it is known
  const std::vector<daemon::CatchUp> all = daemon.catch_ups();
  for (std::size_t i = 0; i < std::min(all.size(), kLinesMax); ++i) {
    const daemon::CatchUp& one = all[i];
    PrintLine(fmt::format("catching up {}: {} for {}{}", Plural(one.runs, "run"), one.graph,
                          one.first, one.runs == 1 ? "" : " to " + one.last));
  }
  if (all.size() > kLinesMax) {
    PrintLine(fmt::format("and {} more; busker runs lists them", all.size() - kLinesMax));
  }
}

}  // namespace

Result<int> Up(const Common& common, const UpOptions& options) {
  const auto begun = std::chrono::steady_clock::now();
  mallopt(M_ARENA_MAX, 1);  // of its threads one works at a time: more only take memory
  std::vector<std::string> paths;
  std::error_code error;
  for (const std::string& folder :
       options.folders.empty() ? std::vector<std::string>{common.folder} : options.folders) {
    const io::fs::path path = io::fs::weakly_canonical(io::fs::absolute(folder), error);
    if (!io::fs::exists(path, error)) return NotFound(fmt::format("no file or folder {}", folder));
    paths.push_back(path.string());
  }
  Place place;
  place.folder = paths.front();
  TRY_ASSIGN(place.home, HomeFor(common, paths));
  TRY_ASSIGN(const dispatch::Ownership ownership, TakeOver(place));
  TRY(WriteServed(place.home, paths));

  const sigset_t blocked = SignalWatch::Block();
  std::mutex mutex;
  std::condition_variable stopping;
  Patience patience;
  bool was_up = false;
  daemon::Daemon* running = nullptr;
  bool stopped = false;
  serve::HttpService* dashboard = nullptr;
  const SignalWatch signals(blocked, [&] {
    const std::lock_guard lock(mutex);
    stopped = true;
    stopping.notify_all();
    if (running != nullptr) running->Stop();
    return true;
  });
  for (;;) {
    daemon::DaemonOptions daemon_options = DaemonOptionsFor(common, paths, true);
    const auto say = [quiet = options.quiet](const std::string& line) {
      if (!quiet) PrintLine(FormatRfc3339(Now()) + " " + LogLine(line));
    };
    daemon_options.say = say;
    daemon_options.target = common.target;
    if (options.paused) daemon_options.pauses = "up --paused";
    daemon_options.make_link = [&](const std::string& by) -> Result<std::string> {
      const std::lock_guard lock(mutex);
      if (dashboard == nullptr)
        return NotFound("the dashboard is off: [http] listen in daemon.toml");
      return dashboard->MakeLink(access::Scope::kAdmin, by);
    };
    std::error_code away;
    const bool may_begin = !was_up || io::fs::exists(place.home.RecordFile(), away);
    auto started =
        may_begin ? daemon::Daemon::Start(place.home, std::move(daemon_options))
                  : Result<std::unique_ptr<daemon::Daemon>>(Temporary(fmt::format(
                        "the record {} is not there any more", place.home.RecordFile().string())));
    if (!started && was_up &&
        patience.Waits(started.error(), place.home, mutex, stopping, stopped)) {
      const std::lock_guard lock(mutex);
      if (stopped) break;
      continue;
    }
    TRY_ASSIGN(const auto daemon, std::move(started));
    std::unique_ptr<serve::HttpService> http;
    if (daemon->settings().http.on) {
      TRY_ASSIGN(http,
                 serve::HttpService::Start(
                     daemon->settings().http, *daemon, place.home,
                     {common.installation->version, common.installation->duckdb_library}, say));
    }
    {
      const std::lock_guard lock(mutex);
      running = daemon.get();
      dashboard = http.get();
      if (stopped) daemon->Stop();
    }
    const auto catalogue = daemon->catalogue();
    PointTo(place.home, Folders(paths, *catalogue));
    if (!was_up) TellDoubts(FilesTrusted(place.home, *catalogue));
    was_up = true;
    const auto up_since = std::chrono::steady_clock::now();
    PrintLine(fmt::format("busker {} is up: {} and {}, home {}, ready in {}",
                          common.installation->version, Plural(catalogue->services, "service"),
                          Plural(catalogue->graph_files, "graph file"), place.home.folder.string(),
                          FormatDuration(std::chrono::duration_cast<Milliseconds>(
                              std::chrono::steady_clock::now() - begun))));
    if (http) {
      TellDashboard(*http, common.By());
    }
    TellCatchUps(*daemon, options.quiet);
    auto ended = daemon->Wait();
    if (std::chrono::steady_clock::now() - up_since > kWellAfter) patience.Ends();
    {
      const std::lock_guard lock(mutex);
      running = nullptr;
      dashboard = nullptr;
      if (stopped) break;
    }
    // What cannot be written is not known to be written: begin again from what is on disk.
    if (!ended && !patience.Waits(ended.error(), place.home, mutex, stopping, stopped)) {
      return tl::unexpected(ended.error());
    }
  }
  PrintLine("stopped; what runs goes on, and the next busker up takes it up");
  return 0;
}

Result<int> Conduct(const Common& common) {
  Place place;
  place.folder = common.folder;
  place.home.folder = common.home;
  TRY_ASSIGN(std::optional<dispatch::Ownership> ownership,
             dispatch::Ownership::Take(place.home, "goes on with runs in the background",
                                       std::chrono::seconds(10)));
  const sigset_t blocked = SignalWatch::Block();
  auto options = DaemonOptionsFor(common, ServedPaths(place.home, place.folder), false);
  options.yields = true;
  TRY_ASSIGN(auto daemon, daemon::Daemon::Start(place.home, std::move(options)));
  const SignalWatch signals(blocked, [conductor = daemon.get()] {
    conductor->Stop();
    return true;
  });
  for (int quiet = 0; quiet < kQuietChecks;) {
    if (const auto ended = daemon->WaitFor(std::chrono::seconds(1))) {
      TRY(*ended);
      return 0;
    }
    quiet = daemon->Idle() ? quiet + 1 : 0;
  }
  // Whoever asked for something until the socket closed is not forgotten.
  daemon->StopServing();
  const bool idle = daemon->Idle();
  daemon.reset();
  ownership.reset();
  if (!idle) TRY(StartInBackground(common, place));
  return 0;
}

}  // namespace busker::cli
