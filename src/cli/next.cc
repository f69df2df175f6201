// busker next: the coming runs of a schedule, in UTC and in local time, and what daylight saving
// does to them.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/graph_names.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "plan/cron_fault.h"
#include "plan/preview.h"
#include "plan/timetable.h"

namespace busker::cli {
namespace {

// Changes between two runs of a rare schedule, such as a yearly one: shown at most.
constexpr std::size_t kChangesShown = 4;

struct Asked {
  std::string expression, zone;
  std::shared_ptr<const catalogue::Definition> definition;  // of an action or graph
};

bool IsExpression(const std::string& text) {
  return text.starts_with('@') || text.find_first_of(" \t") != std::string::npos ||
         plan::FindCronFault(text).has_value();
}

std::string NoSchedule(const catalogue::Definition& definition, const std::string& name) {
  const auto& after = definition.graph.after;
  if (!after.empty()) {
    return fmt::format("{} has no schedule: it runs after a success of {}", name,
                       Join(plan::TextsOf(after), ", "));
  }
  if (!definition.service) return name + " has no schedule: it runs when somebody starts it";
  return fmt::format(
      "{} has no schedule; give it one, such as schedule = \"0 7 * * *\", in [actions.{}] of "
      "busker.toml",
      name, definition.action);
}

Result<Asked> FindSchedule(const Common& common, const NextOptions& options) {
  if (IsExpression(options.what)) return Asked{options.what, options.zone.value_or("UTC"), nullptr};
  const auto place = OpenPlace(common);
  const auto found = place ? FindDefinition(*place, options.what) : tl::unexpected(place.error());
  if (!found && found.error().kind == ErrorKind::kNotFound) {
    return NotFound(
        fmt::format("\"{}\" is not a cron expression (five fields with blanks between them, or "
                    "@daily), and there is {}",
                    options.what, found.error().message));
  }
  TRY(found);
  const catalogue::Definition& definition = **found;
  const std::string name = definition.service ? fmt::format("the action \"{}\"", definition.action)
                                              : fmt::format("the graph \"{}\"", options.what);
  if (definition.graph.once) {
    const auto start = definition.graph.start;
    return Invalid(fmt::format("{} runs once{}, so nothing comes next", name,
                               start ? ", at " + FormatRfc3339(*start) : ""));
  }
  if (!definition.graph.schedule) return Invalid(NoSchedule(definition, name));
  if (options.zone) {
    return Invalid(fmt::format("--zone is for an expression; the zone of {} is {}, set by its {}",
                               name, definition.graph.zone,
                               definition.service ? "time_zone" : "file"));
  }
  return Asked{definition.graph.schedule_text, definition.graph.zone, *found};
}

Result<Instant> ReadFrom(const std::optional<std::string>& text, const std::string& zone) {
  if (!text) return Now();
  if (text->size() <= 10) {
    const auto day = ParseDate(*text);
    if (!day) return Wrap("--from", day.error());
    return plan::StartOfDay(*day, zone);
  }
  const auto instant = ParseRfc3339(*text);
  if (!instant) return Wrap("--from", instant.error());
  return *instant;
}

std::string ChangeLine(const plan::ClockChange& change) {
  return fmt::format("{} at {}", plan::DescribeChange(change), FormatRfc3339(change.at));
}

std::vector<std::string> ChangeLines(const plan::ComingRun& run) {
  std::vector<std::string> lines;
  for (const auto& change : run.changes) {
    if (lines.size() < kChangesShown) lines.push_back(ChangeLine(change));
  }
  if (run.changes.size() > kChangesShown) {
    lines.push_back(fmt::format("and {} changes more", run.changes.size() - kChangesShown));
  }
  return lines;
}

void PrintRuns(const std::vector<plan::ComingRun>& runs, const std::string& zone) {
  if (runs.empty()) return PrintLine("no run comes any more");
  PrintLine(fmt::format("{:<22}{}", "UTC", zone == "UTC" ? "LOCAL" : "LOCAL, " + zone));
  for (const auto& run : runs) {
    for (const std::string& line : ChangeLines(run)) PrintLine("-- " + line);
    PrintLine(fmt::format("{:<22}{}{}{}", FormatRfc3339(run.at),
                          plan::FormatLocal(run.at, run.offset), run.note.empty() ? "" : "  ",
                          run.note));
  }
}

void PrintRunsAsJson(const std::vector<plan::ComingRun>& runs) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& run : runs) {
    list.push_back({{"utc", FormatRfc3339(run.at)},
                    {"local", plan::FormatLocal(run.at, run.offset)},
                    {"note", run.note.empty() ? Join(ChangeLines(run), "; ") : run.note}});
  }
  PrintJson(list);
}

}  // namespace

Result<int> Next(const Common& common, const NextOptions& options) {
  TRY_ASSIGN(const Asked asked, FindSchedule(common, options));
  TRY_ASSIGN(const plan::Cron cron, plan::ParseCron(asked.expression));
  TRY_ASSIGN(const auto schedule, plan::ZonedCron::Make(cron, asked.zone));
  TRY_ASSIGN(const Instant from, ReadFrom(options.from, asked.zone));
  std::vector<plan::ComingRun> runs;
  if (asked.definition == nullptr) {
    runs = plan::ComingRuns(schedule, from, options.count);
  } else {
    // Only from its start to its end.
    const auto dues = plan::Coming(asked.definition->graph, from - Milliseconds(1), options.count);
    if (!dues.empty()) runs = plan::ComingRuns(schedule, dues.front(), dues.size());
  }
  if (common.json) {
    PrintRunsAsJson(runs);
  } else {
    PrintRuns(runs, asked.zone);
  }
  return 0;
}

}  // namespace busker::cli
