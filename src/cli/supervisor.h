// Keeps the daemon of a home up, and its dashboard, until it is told to stop (busker up).
//
// What could not be written is not known to be written. So the daemon ends then, and another begins
// from what is on disk, after pauses that grow, for as long as there is patience.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/line_printer.h"
#include "cli/online_service.h"
#include "cli/patience.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "daemon/daemon.h"
#include "home/home.h"
#include "serve/http_service.h"

namespace busker::cli {

class Supervisor {
 public:
  // Of the services and graph files in `paths`. `common` outlives it; whoever calls owns the home.
  Supervisor(const Common& common, UpOptions options, home::Home home,
             std::vector<std::string> paths, std::chrono::steady_clock::time_point begun);

  // Returns when it was stopped; or the error by which it could not begin, or not begin again.
  Result<void> Run();

  // Any thread: Run returns soon. What runs goes on.
  void Stop();

 private:
  using Clock = std::chrono::steady_clock;

  Result<std::unique_ptr<daemon::Daemon>> StartDaemon();
  Result<std::unique_ptr<serve::HttpService>> StartDashboard(daemon::Daemon& daemon);
  Result<void> StartPredictions(daemon::Daemon& daemon);
  void Show(daemon::Daemon* daemon, serve::HttpService* dashboard);  // to Stop, and for links
  void Tell(daemon::Daemon& daemon, serve::HttpService* dashboard);
  Result<void> Await(daemon::Daemon& daemon);
  bool WaitsAfter(const Error& error);
  Result<std::string> MakeLink(const std::string& by);
  std::vector<daemon::Online> Online();
  void Say(const std::string& line);
  bool IsStopped();

  const Common& common_;
  const UpOptions options_;
  const home::Home home_;
  const std::vector<std::string> paths_;
  const Clock::time_point begun_;
  LinePrinter lines_{PrintLine};
  bool was_up_ = false;
  Patience patience_;
  std::string said_;  // why it began again, last
  int port_ = 0;      // of the dashboard; 0: it has had none
  // Goes on while the daemon begins again: what is live is in the store.
  std::unique_ptr<OnlineService> predictions_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable stopping_;
  bool stopped_ = false;
  daemon::Daemon* daemon_ = nullptr;
  serve::HttpService* dashboard_ = nullptr;
  const OnlineService* online_ = nullptr;  // `predictions_`, once it is there
};

}  // namespace busker::cli
