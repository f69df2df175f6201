#include "serve/schedule_api.h"

#include <fmt/core.h>

#include <map>
#include <nlohmann/json.hpp>

#include "plan/preview.h"
#include "plan/timetable.h"
#include "serve/json_body.h"
#include "serve/paging.h"
#include "serve/problem.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;
using std::chrono::days;

constexpr Milliseconds kTick{1};
constexpr days kSpanMax{62}, kSpanUsual{7};
constexpr Instant kEndOfYears = std::chrono::sys_days(std::chrono::year(10'000) / 1 / 1);
constexpr std::size_t kGraphsMax = 500, kGraphsUsual = 200;  // a page
constexpr std::size_t kInstantsMax = 62;                     // of one graph; more are counted

// What is asked for, and the days in it: those of `zone`.
struct Asked {
  Instant from{}, to{};
  plan::Zone zone;
  std::string zone_name, graph, cursor;
  std::size_t graphs_max = kGraphsUsual;
  std::vector<Instant> midnights;  // between `from` and `to`, both of which are among them
};

Result<std::optional<Instant>> InstantIn(const Call& call, const char* name) {
  const std::string text = call.target.Query(name);
  if (text.empty()) return std::optional<Instant>();
  const auto instant = ParseRfc3339(text);
  if (instant) return std::optional(*instant);
  // A "+" in a query is a blank.
  return Invalid(fmt::format("\"{}\" is no RFC 3339 instant, such as 2026-03-29T01:00:00Z{}", name,
                             text.find(' ') == std::string::npos ? "" : "; write + as %2B"));
}

std::string DateIn(const plan::Zone& zone, Instant instant) {
  return plan::FormatLocal(instant, zone.At(instant).offset).substr(0, 10);
}

Instant NextMidnight(const plan::Zone& zone, Instant instant) {
  const auto day = std::chrono::floor<days>(zone.At(instant).Local(instant));
  // The day that begins twice, when clocks go back over midnight, begins once.
  for (auto next = day + days(1);; next += days(1)) {
    if (const Instant midnight = zone.FirstAt(next); midnight > instant) return midnight;
  }
}

Result<Asked> Read(const Call& call, Instant now) {
  const std::string zone_text = call.target.Query("zone");
  const std::string zone_name = zone_text.empty() ? "UTC" : zone_text;
  TRY_ASSIGN(const plan::Zone zone, plan::Zone::Find(zone_name));
  Asked asked{
      {},           {}, zone, zone_name, call.target.Query("graph"), call.target.Query("cursor"),
      kGraphsUsual, {}};
  TRY_ASSIGN(const auto from, InstantIn(call, "from"));
  TRY_ASSIGN(const auto to, InstantIn(call, "to"));
  asked.from = from.value_or(now);
  asked.to = to.value_or(asked.from + kSpanUsual);
  if (asked.to > kEndOfYears) return Invalid("\"to\" is beyond the year 9999");
  if (asked.from >= asked.to) return Invalid("\"from\" is not before \"to\"");
  if (asked.to - asked.from > kSpanMax) {
    return Invalid(fmt::format("ask for at most {} days at once", kSpanMax.count()));
  }
  TRY_ASSIGN(asked.graphs_max, LimitIn(call.target, kGraphsUsual, kGraphsMax));
  for (Instant at = asked.from; at < asked.to; at = NextMidnight(zone, at)) {
    asked.midnights.push_back(at);
  }
  asked.midnights.push_back(asked.to);
  return asked;
}

// The changes of the clocks in what is asked for, by zone: there are far fewer zones than graphs.
class Clocks {
 public:
  explicit Clocks(const Asked& asked) : asked_(asked) {}

  const std::vector<plan::ClockChange>& ChangesIn(const std::string& name, const plan::Zone& zone) {
    const auto known = zones_.find(name);
    if (known != zones_.end()) return known->second.changes;
    return zones_.emplace(name, Changed{zone, plan::ClockChanges(zone, asked_.from, asked_.to)})
        .first->second.changes;
  }

  ordered_json Describe() const {
    ordered_json list = ordered_json::array();
    for (const auto& [name, changed] : zones_) {
      for (const plan::ClockChange& change : changed.changes) {
        list.push_back({{"at", FormatRfc3339(change.at)},
                        {"time_zone", name},
                        {"date", DateIn(changed.zone, change.at)},
                        {"what", plan::DescribeChange(change)}});
      }
    }
    return list;
  }

 private:
  struct Changed {
    plan::Zone zone;
    std::vector<plan::ClockChange> changes;
  };
  const Asked& asked_;
  std::map<std::string, Changed> zones_;
};

// What a graph has in what is asked for: its runs from the first until before `end` (none, when
// that is not after it), and those that the clocks take from it.
struct Span {
  struct Lost {
    Instant at{};
    std::string note;
  };
  const plan::Graph* graph = nullptr;
  Instant first{}, end{};
  std::vector<Lost> lost;
};

// Where the graph's own bounds are not in the way.
std::vector<Span::Lost> LostIn(const plan::Graph& graph, Clocks& clocks) {
  std::vector<Span::Lost> lost;
  for (const auto& change : clocks.ChangesIn(graph.zone, graph.schedule->zone())) {
    if ((graph.start && change.at < *graph.start) || (graph.end && change.at > *graph.end))
      continue;
    std::string note = plan::LostBy(*graph.schedule, change);
    if (!note.empty()) lost.push_back({change.at, std::move(note)});
  }
  return lost;
}

// nullopt: it has nothing there.
std::optional<Span> SpanOf(const plan::Graph& graph, const Asked& asked, Clocks& clocks) {
  if (graph.once && graph.start && *graph.start >= asked.from && *graph.start < asked.to) {
    return Span{&graph, *graph.start, *graph.start + kTick, {}};
  }
  if (!graph.schedule) return std::nullopt;
  Span span{&graph, asked.to, asked.to, LostIn(graph, clocks)};
  if (const auto first = plan::FirstDue(graph, asked.from - kTick)) {
    span.first = std::min(*first, asked.to);
  }
  if (graph.end) {
    const auto last = plan::LastDue(graph, asked.to - kTick);
    span.end = last ? *last + kTick : asked.from;
  }
  if (span.first >= span.end && span.lost.empty()) return std::nullopt;
  return span;
}

// Of the part of a span that is in [from, to).
std::uint64_t Count(const Span& span, Instant from, Instant to) {
  if (span.graph->once) return span.first >= from && span.first < to ? 1 : 0;
  return plan::CountRuns(*span.graph->schedule, std::max(span.first, from), std::min(span.end, to));
}

// Of a graph that runs once.
ordered_json DescribeStart(const Span& span) {
  const auto zone = plan::Zone::Find(span.graph->zone);
  const auto offset = zone ? zone->At(span.first).offset : std::chrono::seconds(0);
  const std::string local = plan::FormatLocal(span.first, offset);
  return ordered_json::array({{{"utc", FormatRfc3339(span.first)},
                               {"local", local},
                               {"data_date", local.substr(0, 10)},
                               {"note", ""}}});
}

ordered_json DescribeInstants(const Span& span) {
  if (span.graph->once) return DescribeStart(span);
  const plan::ZonedCron& schedule = *span.graph->schedule;
  ordered_json list = ordered_json::array();
  if (span.first >= span.end) return list;
  for (const auto& run :
       plan::ComingRuns(schedule, span.first, kInstantsMax, std::nullopt, span.end - kTick)) {
    list.push_back({{"utc", FormatRfc3339(run.at)},
                    {"local", plan::FormatLocal(run.at, run.offset)},
                    {"data_date", DateIn(schedule.zone(), plan::DataInstant(*span.graph, run.at))},
                    {"note", run.note}});
  }
  return list;
}

ordered_json DescribeDays(const Span& span, const Asked& asked) {
  ordered_json list = ordered_json::array();
  for (std::size_t i = 0; i + 1 < asked.midnights.size(); ++i) {
    const Instant begin = asked.midnights[i], end = asked.midnights[i + 1];
    const std::uint64_t count = Count(span, begin, end);
    if (count == 0) continue;
    const auto first = span.graph->schedule->Next(std::max(span.first, begin) - kTick);
    const auto last = span.graph->schedule->Previous(std::min(span.end, end));
    list.push_back({{"date", DateIn(asked.zone, begin)},
                    {"count", count},
                    {"first", FormatRfc3339(first.value_or(begin))},
                    {"last", FormatRfc3339(last.value_or(begin))}});
  }
  return list;
}

ordered_json DescribeLost(const Span& span) {
  ordered_json list = ordered_json::array();
  for (const Span::Lost& lost : span.lost) {
    list.push_back({{"at", FormatRfc3339(lost.at)}, {"note", lost.note}});
  }
  return list;
}

ordered_json Describe(const Span& span, const Asked& asked, bool paused) {
  const plan::Graph& graph = *span.graph;
  const std::uint64_t count = Count(span, asked.from, asked.to);
  const auto pace = graph.schedule ? plan::PaceOf(graph.schedule->cron()) : std::nullopt;
  const bool listed = count <= kInstantsMax;
  return {{"graph", graph.key},
          {"schedule", graph.schedule_text},
          {"time_zone", graph.zone},
          {"paused", paused},
          {"count", count},
          {"every_minutes", pace ? ordered_json(pace->count()) : ordered_json()},
          {"instants", listed ? DescribeInstants(span) : ordered_json::array()},
          {"days", listed ? ordered_json::array() : DescribeDays(span, asked)},
          {"lost", DescribeLost(span)}};
}

// Of every graph, whatever the page.
class Totals {
 public:
  explicit Totals(const Asked& asked) : asked_(asked), days_(asked.midnights.size() - 1) {}

  void Add(const Span& span) {
    for (std::size_t i = 0; i < days_.size(); ++i) {
      const std::uint64_t count = Count(span, asked_.midnights[i], asked_.midnights[i + 1]);
      days_[i].runs += count;
      days_[i].graphs += count > 0;
    }
  }

  ordered_json DescribeDays() const {
    ordered_json list = ordered_json::array();
    for (std::size_t i = 0; i < days_.size(); ++i) {
      list.push_back({{"date", DateIn(asked_.zone, asked_.midnights[i])},
                      {"begins", FormatRfc3339(asked_.midnights[i])},
                      {"count", days_[i].runs},
                      {"graphs", days_[i].graphs}});
    }
    return list;
  }

 private:
  struct Day {
    std::uint64_t runs = 0, graphs = 0;
  };
  const Asked& asked_;
  std::vector<Day> days_;
};

}  // namespace

void ScheduleApi::AddRoutes(Router& router) {
  router.Add({Method::kGet, "/api/v1/instants", Scope::kViewer,
              "When what is scheduled runs: ?from= &to= (62 days at most) &graph= &zone= (whose "
              "days are counted) &limit= &cursor= (from \"next\").",
              [this](const Call& call) { return ListInstants(call); }, Reach::kOwn});
}

Response ScheduleApi::ListInstants(const Call& call) {
  const auto asked = Read(call, Now());
  if (!asked) return Problem(asked.error());
  const auto catalogue = daemon_.catalogue();
  if (!asked->graph.empty()) {
    if (!call.caller.Sees(asked->graph)) {
      return Problem(404, fmt::format("there is no {}", asked->graph));
    }
    if (const auto found = catalogue->Find(asked->graph); !found) return Problem(found.error());
  }
  auto listed = records_.With([&](record::Record& record) -> Result<ordered_json> {
    Totals totals(*asked);
    Clocks clocks(*asked);
    clocks.ChangesIn(asked->zone_name, asked->zone);
    ordered_json graphs = ordered_json::array(), next;
    for (const auto& [key, definition] : catalogue->definitions) {
      if (!asked->graph.empty() && key != asked->graph) continue;
      if (!call.caller.Sees(key)) continue;
      const auto span = SpanOf(definition->graph, *asked, clocks);
      if (!span) continue;
      totals.Add(*span);
      if (key <= asked->cursor) continue;
      if (graphs.size() < asked->graphs_max) {
        TRY_ASSIGN(const auto memory, record.FindGraph(key));
        graphs.push_back(Describe(*span, *asked, memory && memory->paused));
      } else if (next.is_null()) {
        next = graphs.back()["graph"];
      }
    }
    return ordered_json{{"from", FormatRfc3339(asked->from)},
                        {"to", FormatRfc3339(asked->to)},
                        {"zone", asked->zone_name},
                        {"days", totals.DescribeDays()},
                        {"changes", clocks.Describe()},
                        {"graphs", std::move(graphs)},
                        {"next", next}};
  });
  return listed ? JsonResponse(*listed) : Problem(listed.error());
}

}  // namespace busker::serve
