#include "cli/owner.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "cli/line_printer.h"
#include "cli/print.h"
#include "home/ownership.h"
#include "io/subprocess.h"
#include "model/gate.h"
#include "prepare/environment.h"

namespace busker::cli {
namespace {

constexpr Milliseconds kBackgroundLimit = std::chrono::seconds(15);

// What changes in a home from now on.
class HomeChanges {
 public:
  explicit HomeChanges(const home::Home& home) : fd_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    inotify_add_watch(fd_.get(), home.folder.c_str(), IN_CREATE | IN_DELETE | IN_MODIFY);
  }

  // Waits until something has changed, at most a second: an owner may die without a trace.
  void Await() const {
    pollfd wait{fd_.get(), POLLIN, 0};
    poll(&wait, 1, 1000);
    char buffer[4096];
    while (::read(fd_.get(), buffer, sizeof buffer) > 0) {
    }
  }

 private:
  const io::Descriptor fd_;
};

constexpr std::uint64_t kServedBytesMax = 1u << 20;

// One to a line.
std::vector<std::string> PathsIn(std::string_view served) {
  std::vector<std::string> paths;
  for (std::string& line : Split(served, '\n')) {
    if (!line.empty()) paths.push_back(std::move(line));
  }
  return paths;
}

}  // namespace

Result<void> WriteServed(const home::Home& home, const std::vector<std::string>& paths) {
  const std::string text = Join(paths, "\n") + "\n";
  if (text.size() > kServedBytesMax) return Invalid("these are too many folders to serve at once");
  if (PathsIn(text) != paths) {
    return Invalid("the path of a folder to serve has a line end in it; rename the folder");
  }
  return io::WriteFileAtomically(home.ServedFile(), text, 0600);
}

std::vector<std::string> ServedPaths(const home::Home& home, const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  const auto served = io::ReadFile(home.ServedFile(), kServedBytesMax);
  if (served) {
    for (const std::string& path : PathsIn(*served)) {
      if (io::fs::exists(path, error)) paths.push_back(path);
    }
  }
  // A home beside a service is that one's, also when it is named from elsewhere.
  if (paths.empty() && home.folder.filename() == home::kFolder) {
    paths.push_back(home.folder.parent_path().string());
  }
  if (std::find(paths.begin(), paths.end(), folder) == paths.end()) paths.push_back(folder);
  return paths;
}

daemon::Client ClientOf(const home::Home& home) { return daemon::Client(home.Socket()); }

daemon::DaemonOptions DaemonOptionsFor(const Common& common, std::vector<std::string> paths,
                                       bool schedules) {
  daemon::DaemonOptions options;
  options.paths = std::move(paths);
  options.schedules = schedules;
  options.busker = common.installation->busker;
  options.runner = common.installation->runner;
  options.environment = common.installation->environment;
  options.check_gate = model::CheckGate;
  const auto lines = std::make_shared<LinePrinter>([](const std::string& line) {
    std::fprintf(stderr, "busker: %s\n", Printable(line).c_str());
  });
  options.warn = [lines](const std::string& line) { lines->Add(line); };
  return options;
}

bool IsInTask(const Common& common) {
  return !prepare::FindVariable(common.installation->environment, "BUSKER_ATTEMPT").empty();
}

Result<void> CheckMayLeaveWork(const Common& common, const Place& place) {
  if (!IsInTask(common) || ClientOf(place.home).SomebodyListens()) return {};
  if (!home::OwnerOf(place.home).empty()) return {};
  return Failed(
      fmt::format("no busker is at work in {}, and one that this task left behind would end with "
                  "it; serve that "
                  "folder with busker up, or call busker run, which stays until its run has ended",
                  place.home.folder.string()));
}

Result<void> StartInBackground(const Common& common, const Place& place) {
  const Installation& installation = *common.installation;
  io::Command command;
  command.arguments = {installation.busker, "conduct", "-C",
                       place.folder,        "--home",  place.home.folder.string()};
  command.environment = installation.environment;
  TRY(io::SpawnDetached(command, place.home.BackgroundLog()));
  return {};
}

Result<daemon::Client> Reach(const Common& common, const Place& place) {
  TRY(home::MakeHome(place.home.folder));
  daemon::Client client = ClientOf(place.home);
  if (client.SomebodyListens()) return client;
  const HomeChanges changes(place.home);
  const auto begun = std::chrono::steady_clock::now();
  bool started = false;
  while (!client.SomebodyListens()) {
    const bool owned = !home::OwnerOf(place.home).empty();
    if (!owned && !started) {
      TRY(StartInBackground(common, place));
      started = true;
    }
    if (std::chrono::steady_clock::now() - begun > kBackgroundLimit) {
      const auto said = io::ReadFile(place.home.BackgroundLog(), 64 * 1024);
      const std::string why =
          said && !said->empty() ? std::string(Trim(*said)) : home::OwnerOf(place.home);
      return Temporary(fmt::format("no busker answers for {}: {}", place.home.folder.string(),
                                   why.substr(why.rfind('\n') + 1)));
    }
    changes.Await();
  }
  return client;
}

Result<void> AskOwner(const Common& common, const Place& place,
                      const std::function<Result<void>(const daemon::Owner&)>& ask) {
  TRY(home::MakeHome(place.home.folder));
  const auto begun = std::chrono::steady_clock::now();
  std::optional<HomeChanges> changes;  // which takes 10 ms to end: mostly there is nothing to await
  for (;;) {
    TRY_ASSIGN(const daemon::Client client, Reach(common, place));
    auto asked = ask(client);
    const bool again = !asked && daemon::WasEnding(asked.error()) &&
                       std::chrono::steady_clock::now() - begun < kBackgroundLimit;
    if (!again) return asked;
    if (changes) {
      changes->Await();
    } else {
      changes.emplace(place.home);
    }
  }
}

Result<OwnerOrClient> OwnOrReach(const Common& common, const Place& place, const std::string& doing,
                                 Milliseconds limit) {
  TRY(home::MakeHome(place.home.folder));
  std::optional<HomeChanges> changes;  // as in AskOwner
  const auto begun = std::chrono::steady_clock::now();
  bool said = common.json;
  for (;;) {
    daemon::Client client = ClientOf(place.home);
    if (client.SomebodyListens()) return OwnerOrClient{std::nullopt, std::move(client)};
    auto ownership = home::Ownership::Take(place.home, doing, Milliseconds(0));
    if (ownership) return OwnerOrClient{std::move(*ownership), std::move(client)};
    if (ownership.error().kind != ErrorKind::kTemporary) return tl::unexpected(ownership.error());
    if (!changes) {
      changes.emplace(place.home);
      continue;  // what has changed before
    }
    const auto waited = std::chrono::steady_clock::now() - begun;
    if (waited > limit) return tl::unexpected(ownership.error());
    if (!said && waited > std::chrono::milliseconds(300)) {
      PrintLine(
          fmt::format("waiting up to {}: {}", FormatDuration(limit), home::OwnerOf(place.home)));
      said = true;
    }
    changes->Await();
  }
}

}  // namespace busker::cli
