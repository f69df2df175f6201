// busker conduct (hidden): what goes on with runs when nobody else does.
#include "cli/owner.h"
#include "cli/signal_watch.h"
#include "cli/verbs.h"
#include "home/ownership.h"

namespace busker::cli {
namespace {

constexpr int kQuietChecks = 3;  // a second apart, before it ends

}  // namespace

Result<int> Conduct(const Common& common) {
  Place place;
  place.folder = common.folder;
  place.home.folder = common.home;
  TRY_ASSIGN(std::optional<home::Ownership> ownership,
             home::Ownership::Take(place.home, "goes on with runs in the background",
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
