#include "cli/owner.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "cli/print.h"
#include "io/subprocess.h"
#include "model/gate.h"

namespace busker::cli {
namespace {

constexpr Milliseconds kBackgroundLimit = std::chrono::seconds(15);

// Waits until something changes in the folder, at most a second: an owner may die without a trace.
void AwaitChange(const io::fs::path& folder, const io::Descriptor& changes) {
  inotify_add_watch(changes.get(), folder.c_str(), IN_CREATE | IN_DELETE | IN_MODIFY);
  pollfd wait{changes.get(), POLLIN, 0};
  poll(&wait, 1, 1000);
  char buffer[4096];
  while (::read(changes.get(), buffer, sizeof buffer) > 0) {
  }
}

}  // namespace

std::vector<std::string> ServedPaths(const dispatch::Home& home, const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  const auto served = io::ReadFile(home.folder / "served", 1u << 20);
  if (served) {
    for (const std::string& line : Split(*served, '\n')) {
      if (!line.empty() && io::fs::exists(line, error)) paths.push_back(line);
    }
  }
  if (std::find(paths.begin(), paths.end(), folder) == paths.end()) paths.push_back(folder);
  return paths;
}

daemon::Client ClientOf(const dispatch::Home& home) {
  return daemon::Client(home.folder / "socket");
}

daemon::DaemonOptions DaemonOptionsFor(const Common& common, std::vector<std::string> paths,
                                       bool schedules) {
  daemon::DaemonOptions options;
  options.paths = std::move(paths);
  options.schedules = schedules;
  options.target = common.target;
  options.busker = common.installation->busker;
  options.runner = common.installation->runner;
  options.environment = common.installation->environment;
  options.check_gate = model::CheckGate;
  options.warn = [](const std::string& line) {
    std::fprintf(stderr, "busker: %s\n", Printable(line).c_str());
  };
  return options;
}

Result<void> StartInBackground(const Common& common, const Place& place) {
  const Installation& installation = *common.installation;
  io::Command command;
  command.arguments = {installation.busker,        "conduct",  "-C",         place.folder, "--home",
                       place.home.folder.string(), "--target", common.target};
  command.environment = installation.environment;
  TRY(io::SpawnDetached(command, place.home.folder / "conduct.err"));
  return {};
}

Result<daemon::Client> Reach(const Common& common, const Place& place) {
  TRY(dispatch::MakeHome(place.home.folder));
  daemon::Client client = ClientOf(place.home);
  if (client.SomebodyListens()) return client;
  const io::Descriptor changes(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const auto begun = std::chrono::steady_clock::now();
  bool started = false;
  while (!client.SomebodyListens()) {
    const bool owned = !dispatch::OwnerOf(place.home).empty();
    if (!owned && !started) {
      TRY(StartInBackground(common, place));
      started = true;
    }
    if (std::chrono::steady_clock::now() - begun > kBackgroundLimit) {
      const auto said = io::ReadFile(place.home.folder / "conduct.err", 64 * 1024);
      const std::string why =
          said && !said->empty() ? std::string(Trim(*said)) : dispatch::OwnerOf(place.home);
      return Temporary(fmt::format("no busker answers for {}: {}", place.home.folder.string(),
                                   why.substr(why.rfind('\n') + 1)));
    }
    AwaitChange(place.home.folder, changes);
  }
  return client;
}

Result<OwnerOrClient> OwnOrReach(const Place& place, const std::string& doing, Milliseconds limit,
                                 bool quiet) {
  TRY(dispatch::MakeHome(place.home.folder));
  const io::Descriptor changes(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const auto begun = std::chrono::steady_clock::now();
  bool said = quiet;
  for (;;) {
    daemon::Client client = ClientOf(place.home);
    if (client.SomebodyListens()) return OwnerOrClient{std::nullopt, std::move(client)};
    auto ownership = dispatch::Ownership::Take(place.home, doing, Milliseconds(0));
    if (ownership) return OwnerOrClient{std::move(*ownership), std::move(client)};
    if (ownership.error().kind != ErrorKind::kTemporary) return tl::unexpected(ownership.error());
    const auto waited = std::chrono::steady_clock::now() - begun;
    if (waited > limit) return tl::unexpected(ownership.error());
    if (!said && waited > std::chrono::milliseconds(300)) {
      PrintLine(fmt::format("waiting up to {}: {}", FormatDuration(limit),
                            dispatch::OwnerOf(place.home)));
      said = true;
    }
    AwaitChange(place.home.folder, changes);
  }
}

}  // namespace busker::cli
