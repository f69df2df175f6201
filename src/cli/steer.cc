// busker cancel, retry and skip; pause and resume: what a person does to runs and schedules.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/graph_names.h"
#include "cli/json.h"
#include "cli/owner.h"
#include "cli/print.h"

namespace busker::cli {
namespace {

constexpr Milliseconds kCancelLimit = std::chrono::minutes(2);

// The run, by its id or as the newest of an action, and who answers for it.
struct Meant {
  Place place;
  std::string run;
};
Result<Meant> FindMeant(const Common& common, const std::string& what) {
  Meant meant;
  TRY_ASSIGN(meant.place, OpenPlaceAnyway(common));
  TRY_ASSIGN(const auto record, OpenRecord(meant.place.home));
  TRY_ASSIGN(const record::RunRow run, FindRun(meant.place, *record, what));
  meant.run = run.facts.id;
  return meant;
}

// Prints the run as it is now.
Result<int> Show(const Common& common, const Meant& meant, const std::string& line) {
  if (!common.json) {
    PrintLine(line);
    return 0;
  }
  TRY_ASSIGN(const auto record, OpenRecord(meant.place.home));
  TRY_ASSIGN(const record::RunRow run, record->FindRun(meant.run));
  PrintJson(Describe(run));
  return 0;
}

Result<int> SetPaused(const Common& common, const std::string& action, bool paused) {
  TRY_ASSIGN(const Place place, OpenPlace(common));
  TRY_ASSIGN(const plan::GraphKey key, FindGraph(place, action));
  TRY(AskOwner(common, place,
               [&](const daemon::Owner& owner) { return owner.Pause(key, paused, common.By()); }));
  if (common.json) {
    PrintJson({{"graph", key.Text()}, {"paused", paused}});
  } else {
    PrintLine(paused ? fmt::format("{} is paused: nothing of it starts by itself", key)
                     : fmt::format("{} is resumed", key));
  }
  return 0;
}

std::optional<plan::State> StateOf(const Meant& meant) {
  const auto record = OpenRecord(meant.place.home);
  const auto run = record ? (*record)->FindRun(meant.run) : tl::unexpected(record.error());
  return run ? std::optional(run->state) : std::nullopt;
}

}  // namespace

Result<int> Cancel(const Common& common, const RunVerbOptions& options) {
  TRY_ASSIGN(const Meant meant, FindMeant(common, options.run));
  bool again = false;
  const auto asked = AskOwner(common, meant.place, [&](const daemon::Owner& owner) -> Result<void> {
    // An owner that was ending may have cancelled it with its last deed, without an answer.
    if (again && StateOf(meant) == plan::State::kCancelled) return {};
    again = true;
    TRY(owner.Cancel(meant.run, common.By()));
    return owner.Follow(meant.run, kCancelLimit, [](const plan::Decision&) { return true; });
  });
  TRY(asked);
  return Show(common, meant, fmt::format("run {} was cancelled; nothing of it runs", meant.run));
}

Result<int> Retry(const Common& common, const RunVerbOptions& options) {
  TRY_ASSIGN(const Meant meant, FindMeant(common, options.run));
  TRY(CheckMayLeaveWork(common, meant.place));
  std::string note;
  TRY(AskOwner(common, meant.place, [&](const daemon::Owner& owner) -> Result<void> {
    TRY_ASSIGN(note, owner.Retry(meant.run, common.By()));
    return {};
  }));
  if (!note.empty()) std::fprintf(stderr, "busker: %s\n", Printable(note).c_str());
  return Show(common, meant,
              fmt::format("run {} goes on from what did not succeed; busker logs {} -f follows it",
                          meant.run, meant.run));
}

Result<int> Skip(const Common& common, const RunVerbOptions& options) {
  TRY_ASSIGN(const Meant meant, FindMeant(common, options.run));
  TRY(AskOwner(common, meant.place, [&](const daemon::Owner& owner) {
    return owner.Skip(meant.run, options.task, common.By());
  }));
  return Show(common, meant, fmt::format("task {} of run {} is skipped", options.task, meant.run));
}

Result<int> Pause(const Common& common, const PauseOptions& options) {
  return SetPaused(common, options.action, true);
}

Result<int> Resume(const Common& common, const PauseOptions& options) {
  return SetPaused(common, options.action, false);
}

}  // namespace busker::cli
