#include "prepare/requested_run.h"

#include "base/id.h"
#include "plan/timetable.h"

namespace busker::prepare {
namespace {

plan::DagRun Requested(const plan::Graph& graph, Instant scheduled_at, Instant now) {
  plan::DagRun run;
  run.id = MakeRunId(now);
  run.graph = graph.key;
  run.scheduled_at = scheduled_at;
  run.data_date = plan::LocalDate(scheduled_at, graph.zone).value_or(FormatDate(scheduled_at));
  run.requested_at = now;
  return run;
}

}  // namespace

Result<plan::DagRun> RequestRun(const plan::Graph& graph, const std::optional<std::string>& date,
                                Instant now) {
  Instant scheduled_at = now;
  if (date && (*date == "today" || *date == "yesterday")) {
    TRY_ASSIGN(const std::string today, plan::LocalDate(now, graph.zone));
    TRY_ASSIGN(const auto date_today, ParseDate(today));
    std::chrono::sys_days day = date_today;
    if (*date == "yesterday") day -= std::chrono::days(1);
    TRY_ASSIGN(scheduled_at, plan::StartOfDay(day, graph.zone));
  } else if (date && date->size() <= 10) {
    TRY_ASSIGN(const auto day, ParseDate(*date));
    TRY_ASSIGN(scheduled_at, plan::StartOfDay(day, graph.zone));
  } else if (date) {
    TRY_ASSIGN(scheduled_at, ParseRfc3339(*date));
  }
  plan::DagRun run = Requested(graph, scheduled_at, now);
  run.trigger = "manual";
  return run;
}

plan::DagRun RequestRunAt(const plan::Graph& graph, Instant due, Instant now) {
  plan::DagRun run = Requested(graph, plan::DataInstant(graph, due), now);
  run.due = due;
  run.trigger = "backfill";
  return run;
}

}  // namespace busker::prepare
