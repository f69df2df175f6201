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

Result<std::string> DateNamed(const std::string& text, const std::string& zone, Instant now) {
  if (text != "today" && text != "yesterday") {
    TRY(ParseDate(text));
    return text;
  }
  TRY_ASSIGN(const std::string today, plan::LocalDate(now, zone));
  if (text == "today") return today;
  TRY_ASSIGN(const auto date, ParseDate(today));
  return FormatDate(std::chrono::sys_days(date) - std::chrono::days(1));
}

Result<plan::DagRun> RequestRun(const plan::Graph& graph, const std::optional<std::string>& date,
                                Instant now) {
  Instant scheduled_at = now;
  if (date && date->size() <= 10) {
    TRY_ASSIGN(const std::string named, DateNamed(*date, graph.zone, now));
    TRY_ASSIGN(const auto day, ParseDate(named));
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
