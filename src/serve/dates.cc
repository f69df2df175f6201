#include "serve/dates.h"

#include <algorithm>
#include <map>

#include "plan/preview.h"
#include "plan/timetable.h"

namespace busker::serve {
namespace {

constexpr std::size_t kMissingMax = 1000;
constexpr std::chrono::minutes kDay = std::chrono::hours(24);

using Dates = std::map<std::string, DataDate, std::greater<>>;

bool RunsWithinADay(const plan::Graph& graph) {
  const auto pace = graph.schedule ? plan::PaceOf(graph.schedule->cron()) : std::nullopt;
  return pace && *pace < kDay;
}

// What is worse to overlook, of two instants of one date.
int RankOf(plan::State state) {
  switch (state) {
    case plan::State::kFailed:
      return 5;
    case plan::State::kRunning:
      return 4;
    case plan::State::kQueued:
      return 3;
    case plan::State::kCancelled:
      return 2;
    case plan::State::kSkipped:
      return 1;
    case plan::State::kSucceeded:
      return 0;
  }
  return 0;
}

DataDate Of(const record::RunRow& run) {
  return {run.facts.data_date, run.state, run.facts.id, run.message, run.facts.trigger, 1};
}

void AddMissing(const plan::Graph& graph, const std::vector<record::RunRow>& runs, Dates& dates) {
  if (!graph.schedule || RunsWithinADay(graph)) return;
  std::optional<Instant> first, last;
  for (const record::RunRow& run : runs) {
    if (run.state != plan::State::kSucceeded || !run.facts.due) continue;
    first = std::min(first.value_or(*run.facts.due), *run.facts.due);
    last = std::max(last.value_or(*run.facts.due), *run.facts.due);
  }
  if (!first) return;
  const plan::ZonedCron& schedule = *graph.schedule;
  for (const plan::ComingRun& due :
       plan::ComingRuns(schedule, *first, kMissingMax, std::nullopt, *last)) {
    const Instant data = plan::DataInstant(graph, due.at);
    const auto offset = schedule.zone().At(data).offset;
    const std::string date = plan::FormatLocal(data, offset).substr(0, 10);
    dates.try_emplace(date, DataDate{date, std::nullopt, "", "", "", 0});
  }
}

}  // namespace

bool IsOpen(const DataDate& date) { return !date.state || *date.state == plan::State::kFailed; }

std::vector<DataDate> DatesOf(const plan::Graph& graph, const std::vector<record::RunRow>& runs) {
  const bool by_instant = RunsWithinADay(graph);
  // By date and instant; where a date is one piece of work, by date alone.
  std::map<std::pair<std::string, Instant>, DataDate> pieces;
  for (const record::RunRow& run : runs) {
    const Instant instant = by_instant ? run.facts.scheduled_at : Instant{};
    const auto [place, is_new] = pieces.try_emplace({run.facts.data_date, instant}, Of(run));
    if (is_new) continue;
    DataDate& piece = place->second;
    ++piece.runs;
    if (run.state != plan::State::kSucceeded || piece.state == plan::State::kSucceeded) continue;
    if (IsFinal(*piece.state))
      piece = {Of(run).date, run.state, run.facts.id, run.message, run.facts.trigger, piece.runs};
  }
  Dates dates;
  for (auto& [_, piece] : pieces) {
    const auto [place, is_new] = dates.try_emplace(piece.date, piece);
    if (is_new) continue;
    DataDate& known = place->second;
    const std::uint64_t all = known.runs + piece.runs;
    if (RankOf(*piece.state) >= RankOf(*known.state)) known = std::move(piece);
    known.runs = all;
  }
  AddMissing(graph, runs, dates);
  std::vector<DataDate> list;
  list.reserve(dates.size());
  for (auto& [_, date] : dates) list.push_back(std::move(date));
  return list;
}

}  // namespace busker::serve
