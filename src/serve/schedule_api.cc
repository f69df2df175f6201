#include "serve/schedule_api.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "http/json_body.h"
#include "http/paging.h"
#include "http/problem.h"
#include "plan/preview.h"
#include "plan/timetable.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;
using std::chrono::days;

constexpr Milliseconds kTick{1};
constexpr days kSpanMax{62}, kSpanUsual{7};
constexpr Instant kEndOfYears = std::chrono::sys_days(std::chrono::year(10'000) / 1 / 1);
constexpr std::size_t kGraphsMax = 500, kGraphsUsual = 200;  // a page
constexpr std::size_t kWholesMax = 16;                       // kept answers
constexpr std::size_t kInstantsMax = 62;                     // of one graph; more are counted
constexpr std::uint64_t kFailedMax = 2'000;  // failed runs, of which a day's are counted

// What is asked for, and the days in it: those of `zone`.
struct Asked {
  Instant from{}, to{};
  plan::Zone zone;
  std::string zone_name;
  plan::GraphKey graph, cursor;  // empty: all; from the beginning
  std::size_t graphs_max = kGraphsUsual;
  std::vector<Instant> midnights;  // between `from` and `to`, both of which are among them
};

// The route's fields say that it is an instant, if it is there.
std::optional<Instant> InstantIn(const Call& call, const char* name) {
  const auto instant = ParseRfc3339(call.target.Query(name));
  return instant ? std::optional(*instant) : std::nullopt;
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
  const auto zone_asked = call.target.query.find("zone");
  const std::string zone_name = zone_asked == call.target.query.end() ? "UTC" : zone_asked->second;
  TRY_ASSIGN(const plan::Zone zone, plan::Zone::Find(zone_name));
  const auto key = [&](const char* name) { return plan::GraphKey::Parse(call.target.Query(name)); };
  Asked asked{{}, {}, zone, zone_name, key("graph"), key("cursor"), kGraphsUsual, {}};
  asked.from = InstantIn(call, "from").value_or(now);
  asked.to = InstantIn(call, "to").value_or(asked.from + kSpanUsual);
  if (asked.to > kEndOfYears) return Invalid("\"to\" is beyond the year 9999");
  if (asked.from >= asked.to) return Invalid("\"from\" is not before \"to\"");
  if (asked.to - asked.from > kSpanMax) {
    return Invalid(fmt::format("ask for at most {} days at once", kSpanMax.count()));
  }
  TRY_ASSIGN(asked.graphs_max, http::LimitIn(call.target, kGraphsUsual, kGraphsMax));
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

// The runs of a graph in the span that is asked for: from `first` until before `end` (none when
// `end` is not later), and those that a change of the clocks removes.
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
  return {{"graph", graph.key.Text()},
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

// Calls use(key, graph) for each graph behind `after` that is asked for, until it returns false.
template <typename Use>
void ForEach(const catalogue::Catalogue& catalogue, const Asked& asked,
             const access::Caller& caller, const plan::GraphKey& after, const Use& use) {
  auto it = catalogue.definitions.upper_bound(after);
  auto end = catalogue.definitions.end();
  if (!asked.graph.empty()) {
    it = catalogue.definitions.find(asked.graph);
    end = it == end || it->first <= after ? it : std::next(it);
  }
  for (; it != end; ++it) {
    if (caller.Sees(it->first.Text()) && !use(it->first, it->second->graph)) return;
  }
}

struct Page {
  ordered_json graphs = ordered_json::array(), next;
};

Result<Page> ListPage(const catalogue::Catalogue& catalogue, const Asked& asked,
                      const access::Caller& caller, record::Record& record) {
  Page page;
  Clocks clocks(asked);
  std::optional<Error> error;
  ForEach(catalogue, asked, caller, asked.cursor,
          [&](const plan::GraphKey& key, const plan::Graph& graph) {
            const auto span = SpanOf(graph, asked, clocks);
            if (!span) return true;
            if (page.graphs.size() == asked.graphs_max) {
              page.next = page.graphs.back()["graph"];
              return false;
            }
            const auto memory = record.FindGraph(key);
            if (!memory) {
              error = memory.error();
              return false;
            }
            page.graphs.push_back(Describe(*span, asked, *memory && (*memory)->paused));
            return true;
          });
  if (error) return tl::unexpected(*std::move(error));
  return page;
}

// How many of those that were due on each day have failed, and not succeeded since; of the newest
// kFailedMax that have.
Result<std::vector<std::uint64_t>> CountFailed(record::Record& record, const Asked& asked,
                                               const access::Caller& caller) {
  std::vector<std::uint64_t> of_day(asked.midnights.size() - 1);
  if (asked.from > Now()) return of_day;
  record::RunFilter failed;
  failed.state = plan::State::kFailed;
  failed.within = caller.confines;
  failed.count_max = kFailedMax;
  failed.with_tasks = false;
  if (!asked.graph.empty()) failed.Only(asked.graph);
  TRY_ASSIGN(const auto runs, record.ListRuns(failed));
  for (const record::RunRow& run : runs) {
    const Instant due = run.facts.due.value_or(Instant::min());
    if (due < asked.from || due >= asked.to) continue;
    const auto next = std::upper_bound(asked.midnights.begin(), asked.midnights.end(), due);
    ++of_day[static_cast<std::size_t>(next - asked.midnights.begin()) - 1];
  }
  return of_day;
}

// What an answer depends on, but for the page.
std::string QuestionOf(const Asked& asked, const access::Caller& caller) {
  std::string question =
      fmt::format("{} {} {} {}", asked.from.time_since_epoch().count(),
                  asked.to.time_since_epoch().count(), asked.zone_name, asked.graph);
  for (const std::string& each : caller.confines) question += "\n" + each;
  return question;
}

}  // namespace

struct ScheduleApi::Whole {
  std::shared_ptr<const catalogue::Catalogue> catalogue;
  ordered_json days, changes;
};

std::shared_ptr<const ScheduleApi::Whole> ScheduleApi::Kept(
    const std::string& question, const std::shared_ptr<const catalogue::Catalogue>& catalogue) {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(question);
  return found != kept_.end() && found->second->catalogue == catalogue ? found->second : nullptr;
}

void ScheduleApi::Keep(const std::string& question, std::shared_ptr<const Whole> whole) {
  const std::lock_guard lock(mutex_);
  std::erase_if(kept_, [&](const auto& kept) {  // what was defined once is not held for nothing
    return kept.second->catalogue != whole->catalogue;
  });
  if (kept_.size() >= kWholesMax) kept_.clear();
  kept_[question] = std::move(whole);
}

void ScheduleApi::AddRoutes(Routes& routes) {
  routes.Add({http::Method::kGet, "/api/v1/instants", access::Scope::kViewer,
              "When what is scheduled runs: ?from= &to= (62 days at most) &graph= &zone= (whose "
              "days are counted) &limit= &cursor= (from \"next\").",
              [this](const Call& call) { return ListInstants(call); }, Reach::kOwn,
              http::WithPage(
                  {{"from", http::Field::Kind::kInstant, "the first; default: now"},
                   {"to", http::Field::Kind::kInstant, "where they end; default: 7 days later"},
                   {"graph", http::Field::Kind::kText, "only this one"},
                   {"zone", http::Field::Kind::kText, "an IANA zone, whose days are counted"}})});
}

http::Response ScheduleApi::ListInstants(const Call& call) {
  const auto asked = Read(call, Now());
  if (!asked) return http::Problem(asked.error());
  const auto catalogue = daemon_.catalogue();
  if (!asked->graph.empty()) {
    if (!call.caller.Sees(asked->graph.Text())) {
      return http::Problem(404, fmt::format("no {}", asked->graph));
    }
    if (const auto found = catalogue->Find(asked->graph); !found)
      return http::Problem(found.error());
  }
  const std::string question = QuestionOf(*asked, call.caller);
  auto whole = Kept(question, catalogue);
  if (!whole) {
    Totals totals(*asked);
    Clocks clocks(*asked);
    clocks.ChangesIn(asked->zone_name, asked->zone);
    ForEach(*catalogue, *asked, call.caller, "", [&](const auto&, const plan::Graph& graph) {
      if (const auto span = SpanOf(graph, *asked, clocks)) totals.Add(*span);
      return true;
    });
    whole =
        std::make_shared<const Whole>(Whole{catalogue, totals.DescribeDays(), clocks.Describe()});
    Keep(question, whole);
  }
  ordered_json in_days = whole->days;
  auto listed = records_.With([&](record::Record& record) -> Result<Page> {
    TRY_ASSIGN(const auto failed, CountFailed(record, *asked, call.caller));
    for (std::size_t i = 0; i < failed.size(); ++i) in_days[i]["failed"] = failed[i];
    return ListPage(*catalogue, *asked, call.caller, record);
  });
  if (!listed) return http::Problem(listed.error());
  return http::JsonResponse({{"from", FormatRfc3339(asked->from)},
                             {"to", FormatRfc3339(asked->to)},
                             {"zone", asked->zone_name},
                             {"days", std::move(in_days)},
                             {"changes", whole->changes},
                             {"graphs", std::move(listed->graphs)},
                             {"next", std::move(listed->next)}});
}

}  // namespace busker::serve
