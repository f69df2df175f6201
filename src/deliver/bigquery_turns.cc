#include "deliver/bigquery_turns.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

namespace busker::deliver {
namespace {

using nlohmann::json;

constexpr Milliseconds kOwnPatience{500};

// What uses up the id of a job that was never asked for: whoever asks for it later is told that it
// is another's.
BigQueryJob NothingInPlaceOf(const BigQueryJob& job) {
  return {job.id, job.location,
          json{{"query", {{"query", "SELECT 'abandoned'"}, {"useLegacySql", false}}}}.dump()};
}

}  // namespace

Result<Turn::State> BigQueryTurns::Outcome(const Turn& turn, bool wait, Milliseconds patience,
                                           const io::Interrupt& interrupt) const {
  const BigQueryJob nothing = NothingInPlaceOf(turn.job);
  TRY_ASSIGN(auto state, client_.Look(nothing, interrupt));
  if (!wait && (!state || !state->done)) return Turn::State::kBegun;
  const auto asked_by = std::chrono::steady_clock::now() + patience;
  for (io::Waiter waiter(interrupt); !state && std::chrono::steady_clock::now() < asked_by;) {
    const auto next = std::chrono::steady_clock::now() + std::max(patience / 20, Milliseconds(10));
    TRY(waiter.Wait({}, std::min(asked_by, next)));
    TRY_ASSIGN(state, client_.Look(nothing, interrupt));
  }
  if (!state) {
    TRY_ASSIGN(state, client_.Begin(nothing, interrupt));
  }
  TRY_ASSIGN(const BigQueryJobState ended, client_.Await(nothing, *std::move(state), interrupt));
  if (ended.is_ours && ended.failure && ended.digest.empty()) {
    return tl::unexpected(ErrorOf(*ended.failure));  // refused at once: the id is free still
  }
  if (ended.digest != turn.job_digest) return Turn::State::kAbandoned;  // the id is another's
  return ended.failure ? Turn::State::kFailed : Turn::State::kDone;
}

Result<std::map<std::string, TableTurns>> BigQueryTurns::ReadSettled(
    BigQueryLedger& ledger, const std::string& table, const std::string& delivery,
    const io::Interrupt& interrupt) const {
  for (std::map<std::string, std::uint64_t> ended;;) {  // the last turn, by table
    TRY(io::CheckStillWanted(interrupt));
    TRY_ASSIGN(auto all, ledger.Read(table, delivery, interrupt));
    bool settled = true;
    for (auto& [name, turns] : all) {
      if (turns.Pending() == nullptr) continue;
      Turn& turn = turns.turns.back();
      if (ended[name] == turn.change.number) return ledger.Lost(name, turn.change.number);
      // Of the delivery that is to be made now, it was an earlier try of ours that died.
      const bool is_own = !delivery.empty() &&
                          (turn.change.delivery.id == delivery || turn.change.undone == delivery);
      const Milliseconds patience =
          is_own ? std::min(kOwnPatience, settings_.abandoned_after) : settings_.abandoned_after;
      auto outcome = Outcome(turn, /*wait=*/true, patience, io::Within(wait_max_, interrupt));
      if (!outcome && outcome.error().kind == ErrorKind::kTimedOut) {
        return Temporary(fmt::format(
            "another change of table {} has been going on for {} (job {} of BigQuery); try again "
            "when it has ended",
            name, FormatDuration(wait_max_), turn.job.id));
      }
      TRY_ASSIGN(turn.state, std::move(outcome));
      // What the table was right after is not known: somebody may have changed it since.
      TRY(ledger.End(turn, interrupt));
      ended[name] = turn.change.number;
      settled = false;
    }
    if (settled) return all;
  }
}

Result<Turn> BigQueryTurns::CarryOut(BigQueryLedger& ledger, Turn turn,
                                     const Publishing& publishing, const TableName& name,
                                     const std::optional<BigQueryTable>& before,
                                     const io::Interrupt& interrupt) const {
  const auto over = [&](Turn::State state) {
    turn.state = state;
    return ledger.End(turn, interrupt);
  };
  if (!publishing.added.empty()) {
    if (auto added = client_.AddColumns(name, *before, publishing.added, interrupt); !added) {
      // The job's id has to be used up, for else nobody could say that it never comes.
      TRY_ASSIGN(const BigQueryJobState nothing, client_.Do(NothingInPlaceOf(turn.job), interrupt));
      if (nothing.is_ours) TRY(over(Turn::State::kAbandoned));
      return tl::unexpected(std::move(added).error());
    }
  }
  TRY_ASSIGN(const BigQueryJobState begun, client_.Begin(turn.job, interrupt));
  if (begun.is_new && begun.failure) {
    // Refused at once. The id is free still, and must not be.
    TRY_ASSIGN(const BigQueryJobState nothing, client_.Do(NothingInPlaceOf(turn.job), interrupt));
    if (nothing.is_ours) TRY(over(Turn::State::kAbandoned));
    return tl::unexpected(ErrorOf(*begun.failure));
  }
  TRY_ASSIGN(const BigQueryJobState ended, client_.Await(turn.job, begun, interrupt));
  if (!ended.is_ours) {
    // Somebody found this turn left behind.
    turn.state = Turn::State::kAbandoned;
    TRY(ledger.End(turn, interrupt));
    return turn;
  }
  if (ended.failure) {
    TRY(over(Turn::State::kFailed));
    if (MayPass(*ended.failure)) return turn;
    return tl::unexpected(ErrorOf(*ended.failure));
  }
  TRY_ASSIGN(const auto after, client_.Find(name, interrupt));
  turn.rows = after ? after->rows : 0;
  turn.modified_ms = after ? after->modified_ms : "";
  TRY(over(Turn::State::kDone));
  return turn;
}

}  // namespace busker::deliver
