#include "catalogue/plan_graph.h"

#include <fmt/core.h>

#include "plan/cron.h"

namespace busker::catalogue {
namespace {

Result<plan::ZonedCron> CronOf(const std::string& text, const std::string& zone) {
  TRY_ASSIGN(const plan::Cron cron, plan::ParseCron(text));
  return plan::ZonedCron::Make(cron, zone);
}

}  // namespace

Result<plan::Graph> GraphOf(const service::Service& service, const service::Action& action) {
  plan::Graph graph;
  graph.key = {service.name, action.name};
  graph.zone = action.time_zone;
  if (action.schedule) {
    graph.schedule_text = *action.schedule;
    TRY_ASSIGN(graph.schedule, CronOf(*action.schedule, action.time_zone));
  }
  graph.start = action.start;
  graph.end = action.end;
  graph.catch_up = action.catch_up;
  graph.catch_up_window = action.catch_up_window;
  graph.overlap = action.overlap;
  graph.runs_at_once = action.runs_at_once;
  graph.depends_on_past = action.depends_on_past;
  for (const std::string& other : action.after) graph.after.emplace_back(service.name, other);
  graph.priority = action.priority;
  graph.run_timeout = action.run_timeout;
  if (action.expected_by) {
    const std::string& time = *action.expected_by;  // "08:00"
    TRY_ASSIGN(graph.expected_by,
               CronOf(fmt::format("{} {} * * *", time.substr(3), time.substr(0, 2)), graph.zone));
  }
  return graph;
}

Result<plan::Graph> GraphOf(const service::GraphFile& file) {
  plan::Graph graph;
  graph.key = {"", file.id};
  graph.zone = file.time_zone;
  if (file.schedule) {
    graph.schedule_text = *file.schedule;
    TRY_ASSIGN(graph.schedule, CronOf(*file.schedule, file.time_zone));
    graph.interval = true;
  } else if (file.once) {
    graph.schedule_text = "@once";
    graph.once = true;
  }
  graph.start = file.start;
  graph.end = file.end;
  graph.catch_up = file.catch_up;
  graph.overlap = file.overlap;
  graph.runs_at_once = file.runs_at_once;
  for (const service::GraphTask& task : file.tasks) {
    if (task.after.empty()) graph.past_roots.push_back(task.name);
    if (!task.after.empty() || task.depends_on_past) continue;
    graph.past_roots.clear();
    break;
  }
  graph.run_timeout = file.run_timeout;
  return graph;
}

}  // namespace busker::catalogue
