#include "daemon/backfill.h"

#include <fmt/core.h>

#include <algorithm>

#include "plan/cron.h"
#include "plan/timetable.h"
#include "prepare/foresight.h"
#include "prepare/requested_run.h"

namespace busker::daemon {
namespace {

constexpr std::size_t kBackfillMax = 10'000;

// What becomes of an instant of a backfill.
constexpr char kRun[] = "run", kRetry[] = "retry", kCannotRun[] = "cannot run";

// The instant that "2026-01-01" or an RFC 3339 text stands for; of a date, its first or its last.
Result<Instant> ReadBound(const std::string& text, const std::string& zone, bool last) {
  if (text.size() > 10) return ParseRfc3339(text);
  TRY_ASSIGN(const auto day, ParseDate(text));
  const std::chrono::sys_days days(day);
  if (!last) return plan::StartOfDay(day, zone);
  TRY_ASSIGN(const Instant next,
             plan::StartOfDay(std::chrono::year_month_day(days + std::chrono::days(1)), zone));
  return next - Milliseconds(1);
}

// The instants of the schedule for the data of [from, to], oldest first.
Result<std::vector<Instant>> DueInstants(plan::Graph graph, Instant from, Instant to) {
  graph.start.reset();  // who asks for a backfill knows better than the file
  graph.end.reset();
  std::vector<Instant> instants;
  Instant after = from - Milliseconds(1);
  for (;;) {
    const auto due = plan::FirstDue(graph, after);
    if (!due) return instants;
    const Instant data = plan::DataInstant(graph, *due);
    if (data > to) return instants;
    after = *due;
    if (data < from) continue;
    instants.push_back(*due);
    if (instants.size() > kBackfillMax) {
      return Invalid("these are more than 10,000 instants; ask for fewer at a time");
    }
  }
}

bool IsToRun(const BackfillInstant& instant) {
  return instant.what == kRun || instant.what == kRetry;
}

}  // namespace

bool CanBeRetried(plan::State state) {
  return state == plan::State::kFailed || state == plan::State::kCancelled;
}

Result<std::vector<Instant>> InstantsOfBackfill(const BackfillRequest& request,
                                                const plan::Graph& graph) {
  if (!graph.schedule) {
    return Invalid(
        fmt::format("{} has no schedule, so there are no instants to fill; busker run "
                    "--date runs it for one",
                    graph.key));
  }
  if (graph.depends_on_past && request.newest_first) {
    return Invalid(fmt::format(
        "{} has depends_on_past, so its runs go from the oldest on; leave out --newest-first",
        graph.key));
  }
  TRY_ASSIGN(const Instant from, ReadBound(request.from, graph.zone, false));
  TRY_ASSIGN(const Instant to, ReadBound(request.to, graph.zone, true));
  if (to < from) return Invalid("--to is before --from");
  TRY_ASSIGN(std::vector<Instant> dues, DueInstants(graph, from, to));
  if (request.newest_first) std::reverse(dues.begin(), dues.end());
  return dues;
}

Result<std::vector<BackfillInstant>> SurveyBackfill(const BackfillRequest& request,
                                                    const plan::Graph& graph,
                                                    std::span<const Instant> dues,
                                                    const plan::GraphMemory* memory, Instant now,
                                                    record::Record& record) {
  std::vector<BackfillInstant> instants;
  if (dues.empty()) return instants;
  const auto [first, last] = std::minmax_element(dues.begin(), dues.end());
  TRY_ASSIGN(const auto rows, record.DueRuns(graph.key, *first, *last));
  std::map<Instant, record::Record::DueRun> there;
  for (const auto& row : rows) there.emplace(row.due, row);
  const Instant dealt_with = memory != nullptr && memory->cursor ? *memory->cursor : now;
  for (const Instant due : dues) {
    BackfillInstant instant;
    instant.due = due;
    instant.scheduled_at = plan::DataInstant(graph, due);
    instant.what = kRun;
    if (const auto found = there.find(due); found != there.end()) {
      const record::Record::DueRun& row = found->second;
      instant.run = row.run;
      instant.ended_at = row.ended_at;
      const bool again = request.retry_failed && CanBeRetried(row.state);
      instant.what = again ? kRetry : fmt::format("has its run, {}", NameOf(row.state));
    } else if (due > now) {
      instant.what = "is still to come";
    } else if (due > dealt_with) {
      instant.what = "is run by the schedule itself";
    }
    instants.push_back(std::move(instant));
  }
  return instants;
}

Result<std::vector<BackfillInstant>> ForeseeBackfill(const BackfillRequest& request,
                                                     const catalogue::Definition& definition,
                                                     const prepare::Places& places,
                                                     std::vector<BackfillInstant> instants) {
  TRY_ASSIGN(auto foresight,
             prepare::Foresight::Read(*definition.service, definition.Action(), places));
  std::string why;
  bool any = false;
  for (BackfillInstant& instant : instants) {
    if (!IsToRun(instant)) continue;
    plan::DagRun run = prepare::RequestRunAt(definition.graph, instant.due, Now());
    run.force = request.force && instant.what == kRun;
    const prepare::Foreseen foreseen = foresight.Of(run, instant.what == kRetry);
    instant.version = foreseen.version;
    instant.version_date = foreseen.version_date;
    instant.warning = foreseen.warning;
    any |= foreseen.possible;
    if (foreseen.possible) continue;
    instant.what = kCannotRun;
    why = foreseen.warning;
  }
  if (!any && !why.empty()) return NotFound(why);
  return instants;
}

Result<std::map<std::string, plan::DagRun>> RunsToRetry(std::span<const BackfillInstant> instants,
                                                        record::Record& record) {
  std::map<std::string, plan::DagRun> runs;
  for (const BackfillInstant& instant : instants) {
    if (instant.what != kRetry) continue;
    TRY_ASSIGN(runs[instant.run], record.LoadRun(instant.run));
  }
  return runs;
}

Result<std::vector<plan::Event>> QueueBackfill(const BackfillRequest& request,
                                               const plan::Graph& graph, const std::string& batch,
                                               std::map<std::string, plan::DagRun>& ended,
                                               std::span<BackfillInstant> instants,
                                               const dispatch::View& view) {
  std::vector<Instant> dues;
  for (const BackfillInstant& instant : instants) dues.push_back(instant.due);
  TRY_ASSIGN(const auto now, SurveyBackfill(request, graph, dues, view.agenda.FindMemory(graph.key),
                                            view.now, view.record));
  std::vector<plan::Event> events;
  for (std::size_t i = 0; i < instants.size(); ++i) {
    BackfillInstant& instant = instants[i];
    if (!IsToRun(instant)) continue;
    const bool is_same = instant.run == now[i].run && instant.ended_at == now[i].ended_at;
    instant.what = now[i].what;
    instant.run = now[i].run;
    if (instant.what == kRetry && !is_same) {
      instant.what = "was taken up by somebody else in the meantime";
    } else if (instant.what == kRetry) {
      events.push_back(plan::RetryRequested{std::move(ended.at(instant.run)), request.by, ""});
    } else if (instant.what == kRun) {
      plan::DagRun run = prepare::RequestRunAt(graph, instant.due, view.now);
      run.batch = batch;
      run.batch_runs_at_once = request.runs_at_once;
      run.requested_by = request.by;
      run.target = request.target;
      run.force = request.force;
      instant.run = run.id;
      events.push_back(plan::RunRequested{std::move(run)});
    }
  }
  return events;
}

}  // namespace busker::daemon
