#include "cli/supervisor.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

#include "access/scope.h"
#include "base/plural.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/owner.h"
#include "cli/port_taken.h"
#include "cli/print.h"
#include "cli/trust.h"
#include "home/pointer.h"

namespace busker::cli {
namespace {

constexpr std::chrono::seconds kWellAfter(60);

// Lets verbs that are called in a served folder find the home.
void PointTo(const home::Home& home, const std::vector<std::string>& folders) {
  std::error_code error;
  for (const std::string& folder : folders) {
    const home::Home own = home::Home::Beside(folder);
    if (io::fs::equivalent(own.folder, home.folder, error) ||
        io::fs::exists(own.RecordFile(), error)) {
      continue;
    }
    // A folder that cannot be written to is served all the same; --home finds the home then.
    (void)home::WritePointer(folder, home);
  }
}

std::vector<std::string> Folders(const std::vector<std::string>& paths,
                                 const catalogue::Catalogue& catalogue) {
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

// What this busker takes for the word of who started it.
std::vector<std::string> FilesTrusted(const home::Home& home,
                                      const catalogue::Catalogue& catalogue) {
  std::vector<std::string> files;
  std::error_code error;
  const std::string settings = home.SettingsFile().string();
  if (io::fs::exists(settings, error)) files.push_back(settings);
  for (const auto& [_, definition] : catalogue.definitions) {
    files.push_back(definition->file ? definition->file->path
                                     : definition->service->root + "/busker.toml");
  }
  return files;
}

// What a file or a journal keeps is no place for what opens a session.
void TellDashboard(serve::HttpService& http, const std::string& by) {
  if (IsTerminal()) {
    const auto link = http.MakeLink(access::Scope::kAdmin, by);
    if (link) {
      PrintLine("dashboard: " + *link + "  (works once; busker open opens it again)");
      return;
    }
    std::fprintf(stderr, "busker: no link to the dashboard: %s\n",
                 Printable(link.error().message).c_str());
  }
  PrintLine(fmt::format("dashboard: {}  (busker open opens it)", http.origin()));
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

Supervisor::Supervisor(const Common& common, UpOptions options, home::Home home,
                       std::vector<std::string> paths, Clock::time_point begun)
    : common_(common),
      options_(std::move(options)),
      home_(std::move(home)),
      paths_(std::move(paths)),
      begun_(begun) {}

Result<void> Supervisor::Run() {
  while (!IsStopped()) {
    auto daemon = StartDaemon();
    if (!daemon) {
      if (!was_up_ || !WaitsAfter(daemon.error())) return tl::unexpected(daemon.error());
      continue;
    }
    TRY(StartPredictions(**daemon));
    TRY_ASSIGN(const auto dashboard, StartDashboard(**daemon));
    Show(daemon->get(), dashboard.get());
    Tell(**daemon, dashboard.get());
    was_up_ = true;
    auto ended = Await(**daemon);
    Show(nullptr, nullptr);
    if (predictions_ != nullptr) predictions_->Attach(nullptr);
    if (!ended && !IsStopped() && !WaitsAfter(ended.error())) return ended;
  }
  return {};
}

void Supervisor::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  stopping_.notify_all();
  if (daemon_ != nullptr) daemon_->Stop();
}

Result<std::unique_ptr<daemon::Daemon>> Supervisor::StartDaemon() {
  std::error_code away;
  if (was_up_ && !io::fs::exists(home_.RecordFile(), away)) {
    return Temporary(
        fmt::format("the record {} is not there any more", home_.RecordFile().string()));
  }
  daemon::DaemonOptions options = DaemonOptionsFor(common_, paths_, true);
  options.say = [this](const std::string& line) { Say(line); };
  options.target = common_.target;
  if (options_.paused) options.pauses = "up --paused";
  options.make_link = [this](const std::string& by) { return MakeLink(by); };
  options.online = [this] { return Online(); };
  return daemon::Daemon::Start(home_, std::move(options));
}

Result<void> Supervisor::StartPredictions(daemon::Daemon& daemon) {
  const service::ServingSetting& setting = daemon.settings().serving;
  if (!setting.on) return {};
  if (predictions_ == nullptr) {
    TRY_ASSIGN(predictions_, OnlineService::Start(setting, home_, common_.installation->version,
                                                  [this](const std::string& line) { Say(line); }));
    const std::lock_guard lock(mutex_);
    online_ = predictions_.get();
  }
  predictions_->Attach(&daemon);
  return {};
}

// nullptr where it is off.
Result<std::unique_ptr<serve::HttpService>> Supervisor::StartDashboard(daemon::Daemon& daemon) {
  service::HttpSetting setting = daemon.settings().http;
  if (options_.port) {
    setting.on = true;
    setting.port = *options_.port;
    setting.any_port = *options_.port == 0;
  }
  if (!setting.on) return nullptr;
  const auto start = [&] {
    return serve::HttpService::Start(
        setting, daemon, home_,
        {common_.installation->version, common_.installation->duckdb_library,
         [this] { return predictions_ == nullptr ? std::string() : predictions_->Figures(); },
         predictions_ == nullptr ? nullptr : &predictions_->models()},
        [this](const std::string& line) { Say(line); });
  };
  const int wanted = setting.port;
  // Pages that are open come back to where they were, if nobody else is there by now.
  if (wanted == 0) setting.port = port_;
  auto started = start();
  if (!started && setting.port != wanted) {
    setting.port = wanted;
    started = start();
  }
  if (started) {
    port_ = (*started)->port();
  } else if (started.error().kind == ErrorKind::kTemporary) {
    return tl::unexpected(
        PortTaken(wanted, "busker up --port N takes another, and --port 0 one that is free"));
  }
  return started;
}

void Supervisor::Show(daemon::Daemon* daemon, serve::HttpService* dashboard) {
  const std::lock_guard lock(mutex_);
  daemon_ = daemon;
  dashboard_ = dashboard;
  if (stopped_ && daemon != nullptr) daemon->Stop();
}

void Supervisor::Tell(daemon::Daemon& daemon, serve::HttpService* dashboard) {
  const auto catalogue = daemon.catalogue();
  PointTo(home_, Folders(paths_, *catalogue));
  if (!was_up_) TellDoubts(FilesTrusted(home_, *catalogue));
  PrintLine(
      fmt::format("busker {} is up: {} and {}, home {}, ready in {}", common_.installation->version,
                  Plural(catalogue->services, "service"),
                  Plural(catalogue->graph_files, "graph file"), home_.folder.string(),
                  FormatDuration(std::chrono::duration_cast<Milliseconds>(Clock::now() - begun_))));
  if (dashboard != nullptr) TellDashboard(*dashboard, common_.By());
  if (predictions_ != nullptr) PrintLine("predictions: " + predictions_->Address());
  TellCatchUps(daemon, options_.quiet);
}

Result<void> Supervisor::Await(daemon::Daemon& daemon) {
  const auto up_since = Clock::now();
  auto ended = daemon.Wait();
  if (Clock::now() - up_since > kWellAfter) {
    patience_.Forget();
    said_.clear();
  }
  return ended;
}

// Whether it is to begin again after this error; then it has waited for a while, or was stopped.
bool Supervisor::WaitsAfter(const Error& error) {
  std::error_code ignored;
  // Where its disk is away there is a folder, and no record in it.
  const bool is_away = !io::fs::exists(home_.RecordFile(), ignored);
  const bool passes =
      is_away || (error.kind != ErrorKind::kUnusable && error.kind != ErrorKind::kInvalid);
  if (!passes) return false;
  const auto pause = patience_.PauseAfterFault(Clock::now());
  if (!pause) return false;
  if (said_ != error.message) {
    std::fprintf(stderr, "busker: %s; starting again from what is on record\n",
                 Printable(error.message).c_str());
    said_ = error.message;
  }
  std::unique_lock lock(mutex_);
  stopping_.wait_for(lock, *pause, [this] { return stopped_; });
  return true;
}

Result<std::string> Supervisor::MakeLink(const std::string& by) {
  const std::lock_guard lock(mutex_);
  if (dashboard_ == nullptr) return NotFound("the dashboard is off: [http] listen in daemon.toml");
  return dashboard_->MakeLink(access::Scope::kAdmin, by);
}

std::vector<daemon::Online> Supervisor::Online() {
  const OnlineService* online = nullptr;
  {
    const std::lock_guard lock(mutex_);
    online = online_;
  }
  return online == nullptr ? std::vector<daemon::Online>() : online->Stand();
}

void Supervisor::Say(const std::string& line) {
  if (!options_.quiet) lines_.Add(FormatRfc3339(Now()) + " " + LogLine(line));
}

bool Supervisor::IsStopped() {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

}  // namespace busker::cli
