// busker start, busker wait and busker check: a run in three steps, for Makefiles and other
// schedulers.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/gate_word.h"
#include "cli/graph_names.h"
#include "cli/json.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "home/instance.h"

namespace busker::cli {
namespace {

// The run that the words mean: --run, else the newest of the action.
Result<record::RunRow> FindMeant(const Place& place, const std::string& action,
                                 const std::string& run) {
  TRY_ASSIGN(const auto record, OpenRecord(place.home));
  return FindRun(place, *record, run.empty() ? action : run);
}

Result<void> PrintStarted(const Common& common, const std::string& run) {
  if (common.json) {
    PrintJson({{"id", run}});
  } else {
    PrintLine(run);
  }
  return {};
}

}  // namespace

Result<int> Start(const Common& common, const StartOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlace(common));
  TRY(CheckMayLeaveWork(common, place));
  daemon::StartRequest request;
  TRY_ASSIGN(request.graph, FindGraph(place, options.action));
  request.date = options.date;
  request.force = options.force;
  request.key = options.key;
  request.by = common.By();
  request.target = common.target;
  std::string run;
  const auto asked = AskOwner(common, place, [&](const daemon::Owner& owner) -> Result<void> {
    TRY_ASSIGN(run, owner.Start(request));
    return {};
  });
  TRY(asked);
  TRY(PrintStarted(common, run));
  return 0;
}

Result<int> Wait(const Common& common, const WaitOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(common));
  std::optional<Milliseconds> limit;
  if (!options.limit.empty()) {
    TRY_ASSIGN(limit, ParseDuration(options.limit));
  }
  const auto begun = std::chrono::steady_clock::now();
  TRY_ASSIGN(record::RunRow run, FindMeant(place, options.action, options.run));
  while (!IsFinal(run.state)) {
    std::optional<Milliseconds> left;
    if (limit) {
      left = std::max(Milliseconds(1), *limit - std::chrono::duration_cast<Milliseconds>(
                                                    std::chrono::steady_clock::now() - begun));
    }
    TRY_ASSIGN(const daemon::Client client, Reach(common, place));
    const auto followed =
        client.Follow(run.facts.id, left, [](const plan::Decision&) { return true; });
    // Whoever owned the home may have ended; the next one goes on with the run.
    if (!followed && followed.error().kind == ErrorKind::kTimedOut) {
      return TimedOut(fmt::format("run {} has not ended within {}; it goes on", run.facts.id,
                                  FormatDuration(*limit)));
    }
    if (!followed && followed.error().kind != ErrorKind::kTemporary &&
        followed.error().kind != ErrorKind::kNotFound) {
      return tl::unexpected(followed.error());
    }
    TRY_ASSIGN(run, FindMeant(place, "", run.facts.id));
  }
  TRY_ASSIGN(const auto record, OpenRecord(place.home));
  prepare::Rulings rulings(*record, home::FolderOf(place.home));
  if (common.json) {
    PrintJson(Describe(run, rulings));
    return 0;
  }
  PrintLine(fmt::format("run {} {}", run.facts.id, Coloured(run.state, NameOf(run.state))));
  const GateWord word = WordOf(run, rulings);
  if (word.refused || word.waited) PrintLine(Printable(word.why));
  return 0;
}

Result<int> Check(const Common& common, const CheckOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(common));
  TRY_ASSIGN(const record::RunRow run, FindMeant(place, options.action, options.run));
  TRY_ASSIGN(const auto record, OpenRecord(place.home));
  prepare::Rulings rulings(*record, home::FolderOf(place.home));
  if (common.json) PrintJson(Describe(run, rulings));
  if (!IsFinal(run.state)) {
    return Temporary(fmt::format("run {} has not ended; busker wait waits for it", run.facts.id));
  }
  if (run.state != plan::State::kSucceeded) {
    return Failed(fmt::format("run {} {}{}{}", run.facts.id, NameOf(run.state),
                              run.message.empty() ? "" : ": ", run.message));
  }
  const GateWord word = WordOf(run, rulings);
  if (word.refused && options.strict) return Failed(word.why);
  if (!common.json) PrintLine(word.refused ? Printable(word.why) : "Well done.");
  return 0;
}

}  // namespace busker::cli
