// busker up: the daemon.
#include <fmt/core.h>
#include <malloc.h>

#include <cstdlib>

#include "cli/line_printer.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "cli/signal_watch.h"
#include "cli/supervisor.h"
#include "home/ownership.h"

namespace busker::cli {
namespace {

constexpr Milliseconds kTakeOverLimit = std::chrono::seconds(60);
constexpr std::chrono::seconds kEndLimit(30);

// The folders and files that are to be served; kNotFound for one that is not there.
Result<std::vector<std::string>> PathsToServe(const Common& common, const UpOptions& options) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const std::string& folder :
       options.folders.empty() ? std::vector<std::string>{common.folder} : options.folders) {
    const io::fs::path path = io::fs::weakly_canonical(io::fs::absolute(folder), error);
    if (!io::fs::exists(path, error)) return NotFound(fmt::format("no file or folder {}", folder));
    paths.push_back(path.string());
  }
  return paths;
}

// The home of the daemon: --home, else beside the one folder, else here.
Result<home::Home> HomeFor(const Common& common, const std::vector<std::string>& paths) {
  if (!common.home.empty()) {
    return home::MakeHome(io::fs::absolute(common.home).lexically_normal());
  }
  std::error_code error;
  const bool one = paths.size() == 1 && io::fs::is_directory(paths.front(), error);
  const io::fs::path beside = one ? io::fs::path(paths.front()) : io::fs::current_path(error);
  return home::MakeHome(home::Home::Beside(beside).folder);
}

// Takes the home; a conductor in the background makes room for a daemon.
Result<home::Ownership> TakeOver(const home::Home& home) {
  const auto begun = std::chrono::steady_clock::now();
  for (;;) {
    const daemon::Client client = ClientOf(home);
    (void)client.Yield();
    auto ownership = home::Ownership::Take(home, "is up", std::chrono::seconds(2));
    if (ownership || ownership.error().kind != ErrorKind::kTemporary) return ownership;
    const bool tired = std::chrono::steady_clock::now() - begun > kTakeOverLimit;
    const auto status = client.Ask();
    if (tired || (status && status->schedules)) {
      return Temporary(fmt::format("{} in {}; one busker serves a home", home::OwnerOf(home),
                                   home.folder.string()));
    }
  }
}

}  // namespace

Result<int> Up(const Common& common, const UpOptions& options) {
  const auto begun = std::chrono::steady_clock::now();
  mallopt(M_ARENA_MAX, 1);  // of its threads one works at a time: more only take memory
  // What is large is gone soon. It would be kept among small things that stay, once some was given
  // back: the threshold follows what is freed, if nobody says what it is.
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  TRY_ASSIGN(const std::vector<std::string> paths, PathsToServe(common, options));
  TRY_ASSIGN(const home::Home home, HomeFor(common, paths));
  TRY_ASSIGN(const home::Ownership ownership, TakeOver(home));
  TRY(WriteServed(home, paths));
  const sigset_t blocked = SignalWatch::Block();
  Supervisor supervisor(common, options, home, paths, begun);
  const SignalWatch signals(
      blocked,
      [&supervisor] {
        supervisor.Stop();
        return true;
      },
      kEndLimit);
  TRY(supervisor.Run());
  LinePrinter last(PrintLine);
  last.Add("stopped; what runs goes on, and the next busker up takes it up");
  const int code = signals.ExitCode();
  if (!last.Finish()) std::_Exit(code);  // nor would exit come back, which writes what is left
  return code;
}

}  // namespace busker::cli
