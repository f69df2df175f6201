#include "serve/graphs_api.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/messages.h"
#include "http/json_body.h"
#include "http/paging.h"
#include "http/problem.h"
#include "plan/timetable.h"
#include "prepare/step_result.h"
#include "serve/describe.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;

constexpr int kRunsAtOnceMax = 1000;  // as busker backfill has it
constexpr std::uint64_t kRecentMax = 30;
constexpr std::size_t kGraphsKnown = 500;  // their runs take some kilobytes each

// The newest that succeeded among them, if that delivered: what it said, as it was made.
Result<ordered_json> LastDelivery(record::Record& record, const std::vector<record::RunRow>& runs) {
  const auto newest = std::find_if(runs.begin(), runs.end(), [](const record::RunRow& run) {
    return run.state == plan::State::kSucceeded;
  });
  if (newest == runs.end() || newest->facts.service.empty()) return ordered_json();
  TRY_ASSIGN(const record::RunRow whole, record.FindRun(newest->facts.id));
  for (const record::TaskRow& task : whole.tasks) {
    const auto result = prepare::ResultOf(task);
    if (!result || !result->delivery) continue;
    return ordered_json{{"id", result->delivery->id},
                        {"table", result->delivery->table},
                        {"rows", result->delivery->rows},
                        {"data_date", result->delivery->data_date},
                        {"delivered_at", FormatRfc3339(result->delivery->delivered_at)}};
  }
  return ordered_json();
}

ordered_json DescribeRecent(const access::Caller& caller, const record::RunRow& run) {
  return {{"id", run.facts.id},
          {"state", NameOf(run.state)},
          {"message", run.message},
          {"data_date", run.facts.data_date},
          {"requested_at", FormatRfc3339(run.facts.requested_at)},
          {"started_at", Describe(run.started_at)},
          {"ended_at", Describe(run.ended_at)},
          {"trigger", TextFor(caller, run.facts.trigger)}};
}

}  // namespace

// Of a graph what its runs alone decide.
struct GraphsApi::Ran {
  std::uint64_t asked = 0;  // so many in `recent`
  ordered_json last_run, recent, last_delivery;
};

namespace {

// With `recent` runs beside the last one; 0: without.
template <typename Ran>
Result<Ran> ReadRan(record::Record& record, const plan::GraphKey& graph,
                    const access::Caller& caller, prepare::Rulings& rulings, std::uint64_t recent) {
  record::RunFilter newest;
  newest.Only(graph);
  newest.count_max = std::max<std::uint64_t>(recent, 1);
  newest.with_tasks = false;
  TRY_ASSIGN(const auto runs, record.ListRuns(newest));
  Ran ran{recent, {}, {}, {}};
  if (!runs.empty()) {
    ran.last_run = DescribeFor(caller, runs.front(), rulings);
    ran.last_run.erase("tasks");
  }
  if (recent == 0) return ran;
  ran.recent = ordered_json::array();
  for (const record::RunRow& run : runs) ran.recent.push_back(DescribeRecent(caller, run));
  TRY_ASSIGN(ran.last_delivery, LastDelivery(record, runs));
  return ran;
}

template <typename Ran>
Result<ordered_json> DescribeGraph(record::Record& record, const plan::Graph& graph,
                                   const access::Caller& caller, Instant now, const Ran& ran) {
  TRY_ASSIGN(const auto remembered, record.FindGraph(graph.key));
  const plan::GraphMemory memory = remembered.value_or(plan::GraphMemory{});
  ordered_json after = ordered_json::array();
  for (const plan::GraphKey& key : graph.after) {
    if (caller.Sees(key.Text())) after.push_back(key.Text());
  }
  std::optional<Instant> next;
  if (!memory.paused && !graph.by_hand) {
    if (const auto coming = plan::Coming(graph, now, 1); !coming.empty()) next = coming.front();
  }
  const bool is_file = graph.key.service.empty();
  ordered_json described{{"graph", graph.key.Text()},
                         {"service", is_file ? ordered_json() : ordered_json(graph.key.service)},
                         {"action", is_file ? ordered_json() : ordered_json(graph.key.name)},
                         {"schedule", TextOrNull(graph.schedule_text)},
                         {"time_zone", graph.zone},
                         {"after", std::move(after)},
                         {"next", Describe(next)},
                         {"paused", memory.paused},
                         {"paused_by", TextOrNull(memory.paused_by)},
                         {"trouble", TextOrNull(NameOf(memory.trouble))},
                         {"last_success", Describe(memory.last_success)},
                         {"last_run", ran.last_run}};
  if (ran.asked == 0) return described;
  described["recent"] = ran.recent;
  described["last_delivery"] = ran.last_delivery;
  return described;
}

using Definitions = std::vector<std::shared_ptr<const catalogue::Definition>>;

// Those that are asked for and come after the cursor, sorted; one more than `count`, when there is.
Result<Definitions> Select(const catalogue::Catalogue& catalogue, record::Record& record,
                           const Call& call, std::size_t count) {
  const http::Target& target = call.target;
  const plan::GraphKey cursor = plan::GraphKey::Parse(target.Query("cursor"));
  const std::string part = target.Query("q"), trouble = target.Query("trouble"),
                    service = target.Query("service");
  Definitions selected;
  const auto consider = [&](const auto& entry) {
    const auto& [key, definition] = entry;
    const std::string text = key.Text();
    if (!call.caller.Sees(text)) return;
    if (!part.empty() && text.find(part) == std::string::npos) return;
    if (!service.empty() && key.service != service) return;
    selected.push_back(definition);
  };
  if (!trouble.empty()) {
    TRY_ASSIGN(const auto aside, record.GraphsAside());
    for (const auto& one : aside) {
      const auto found = catalogue.definitions.find(one.graph);
      const bool is_meant = one.trouble != plan::Trouble::kNone && one.graph > cursor;
      if (found == catalogue.definitions.end() || !is_meant) continue;
      consider(*found);
      if (selected.size() > count) break;
    }
    return selected;
  }
  for (auto it = catalogue.definitions.upper_bound(cursor);
       it != catalogue.definitions.end() && selected.size() <= count; ++it) {
    consider(*it);
  }
  return selected;
}

}  // namespace

plan::GraphKey GraphNamed(const std::string& part_of_path) {
  const auto colon = part_of_path.find(':');
  if (colon == std::string::npos) return plan::GraphKey::Parse(part_of_path);
  return {part_of_path.substr(0, colon), part_of_path.substr(colon + 1)};
}

plan::GraphKey GraphIn(const Call& call) { return GraphNamed(call.At("graph")); }

void GraphsApi::AddRoutes(Routes& routes) {
  const auto get = [&](const char* pattern, const char* summary, auto handler) {
    routes.Add({http::Method::kGet, pattern, access::Scope::kViewer, summary, std::move(handler)});
  };
  const auto post = [&](const char* pattern, const char* summary, auto handler) -> Route& {
    return routes.Add(
        {http::Method::kPost, pattern, access::Scope::kOperator, summary, std::move(handler)});
  };
  const auto list = [&](const char* pattern, const char* summary, auto handler) -> Route& {
    return routes.Add({http::Method::kGet, pattern, access::Scope::kViewer, summary,
                       std::move(handler), Reach::kOwn});
  };
  using enum http::Field::Kind;
  list("/api/v1/graphs",
       "Actions and graph files by name, with the last run and the next instant of each: "
       "?trouble=any (those that failed, are late or never started) &service= &q= (a part of the "
       "name) &runs= (so many of the newest, and the last delivery) &limit= &cursor=.",
       [this](const Call& call) { return ListGraphs(call); })
      .query = http::WithPage(
      {{"trouble", kChoice, "those that failed, are late or never started", false, {"any"}},
       {"service", kText, "those of this service"},
       {"q", kText, "those with this in their name"},
       {"runs", kNumber, "each with so many of its newest runs, 30 at most"}});
  get("/api/v1/graphs/{graph}", "One of them, with a sentence on where it stands.",
      [this](const Call& call) { return ShowGraph(call); });
  post("/api/v1/graphs/{graph}/runs",
       "Starts a run: {date, force, key, target}, all of them optional.",
       [this](const Call& call) { return StartRun(call); })
      .body = {{"date", kText, "of the data: a date, or an RFC 3339 instant; default: now"},
               {"force", kFlag, "lets older data replace newer"},
               {"key", kText, "a second request with the same key is the first one"},
               {"target", kText, "of a service's run; default: as the daemon or the service says"}};
  post("/api/v1/graphs/{graph}/pause", "Nothing of it starts by its schedule any more.",
       [this](const Call& call) { return Pause(call, true); });
  post("/api/v1/graphs/{graph}/resume", "Its schedule goes on.",
       [this](const Call& call) { return Pause(call, false); });
  post("/api/v1/graphs/{graph}/backfill",
       "One run for each instant: {from, to, dry_run, newest_first, retry_failed, runs_at_once, "
       "force, target}; each with the version that it begins with, and what to be warned of.",
       [this](const Call& call) { return Backfill(call); })
      .body = {{"from", kText, "the first date or instant of the data", true},
               {"to", kText, "the last", true},
               {"dry_run", kFlag, "only tells what would run"},
               {"newest_first", kFlag, "the last instant first"},
               {"retry_failed", kFlag, "also those that have failed or were cancelled"},
               {"runs_at_once", kNumber, "from 1, the default, to 1,000"},
               {"force", kFlag, "lets an older data date replace a newer one"},
               {"target", kText, "of a service's runs, as for one run"}};
}

GraphsApi::~GraphsApi() = default;

Result<void> GraphsApi::ForgetWhatChanged(record::Record& record) {
  TRY_ASSIGN(const WhatChanged::Since since, changed_.Ask(record));
  if (since.everything || since.deeds || known_.size() >= kGraphsKnown) known_.clear();
  for (const plan::GraphKey& graph : since.graphs) known_.erase(graph);
  return {};
}

// What one who is confined may read of a run is not what all may.
std::shared_ptr<const GraphsApi::Ran> GraphsApi::Recall(const access::Caller& caller,
                                                        const plan::GraphKey& graph,
                                                        std::uint64_t recent) const {
  const auto known = known_.find(graph);
  const bool is_it = known != known_.end() && known->second->asked == recent;
  return is_it && caller.confines.empty() ? known->second : nullptr;
}

http::Response GraphsApi::ListGraphs(const Call& call) {
  const auto limit = http::LimitIn(call.target);
  if (!limit) return http::Problem(limit.error());
  const auto recent = http::ParseNumber(call.target.Query("runs"));
  if (call.target.query.contains("runs") && (!recent || *recent > kRecentMax)) {
    return http::Problem(400, "\"runs\" must be from 0 to 30");
  }
  const auto catalogue = daemon_.catalogue();
  const auto listed = records_.With([&](record::Record& record) -> Result<ordered_json> {
    TRY_ASSIGN(Definitions selected, Select(*catalogue, record, call, *limit));
    const bool more = selected.size() > *limit;
    if (more) selected.resize(*limit);
    ordered_json list = ordered_json::array();
    const Instant now = Now();
    prepare::Rulings rulings(record, home_);
    const std::lock_guard lock(known_mutex_);
    TRY(ForgetWhatChanged(record));
    for (const auto& definition : selected) {
      const plan::Graph& graph = definition->graph;
      std::shared_ptr<const Ran> ran = Recall(call.caller, graph.key, recent.value_or(0));
      if (!ran) {
        TRY_ASSIGN(Ran read,
                   ReadRan<Ran>(record, graph.key, call.caller, rulings, recent.value_or(0)));
        ran = std::make_shared<const Ran>(std::move(read));
        if (call.caller.confines.empty() && known_.size() < kGraphsKnown) known_[graph.key] = ran;
      }
      TRY_ASSIGN(ordered_json one, DescribeGraph(record, graph, call.caller, now, *ran));
      list.push_back(std::move(one));
    }
    return ordered_json{
        {"graphs", std::move(list)},
        {"all", std::count_if(catalogue->definitions.begin(), catalogue->definitions.end(),
                              [&](const auto& one) { return call.caller.Sees(one.first.Text()); })},
        {"next", more ? ordered_json(selected.back()->graph.key.Text()) : ordered_json()}};
  });
  return listed ? http::JsonResponse(*listed) : http::Problem(listed.error());
}

http::Response GraphsApi::ShowGraph(const Call& call) {
  const auto definition = daemon_.catalogue()->Find(GraphIn(call));
  if (!definition)
    return http::Problem(404, fmt::format("no action or graph \"{}\"", GraphIn(call)));
  auto described = records_.With([&](record::Record& record) {
    prepare::Rulings rulings(record, home_);
    const plan::Graph& graph = (*definition)->graph;
    return ReadRan<Ran>(record, graph.key, call.caller, rulings, 0).and_then([&](const Ran& ran) {
      return DescribeGraph(record, graph, call.caller, Now(), ran);
    });
  });
  if (!described) return http::Problem(described.error());
  const auto explained = explainer_.Explain((*definition)->graph.key.Text(), "");
  if (!explained && explained.error().kind != ErrorKind::kTemporary) {
    return http::Problem(explained.error());
  }
  (*described)["explained"] =
      explained ? ExplainedTo(call.caller, (*definition)->graph, TextFor(call.caller, *explained))
                : http::WithoutPaths(explained.error().message);
  return http::JsonResponse(*described);
}

http::Response GraphsApi::StartRun(const Call& call) {
  daemon::StartRequest request;
  auto body = http::JsonBody::Of(call.request);
  if (!body) return http::Problem(body.error());
  body->Get("date", request.date);
  body->Get("force", request.force);
  body->Get("key", request.key);
  body->Get("target", request.target);
  if (const auto fine = body->Finish(); !fine) return http::Problem(fine.error());
  request.graph = GraphIn(call);
  request.by = call.caller.name;
  const auto run = requests_.Start(request);
  return run ? http::JsonResponse({{"run", *run}}, 201) : http::Problem(run.error());
}

http::Response GraphsApi::Pause(const Call& call, bool paused) {
  return http::Done(requests_.Pause(GraphIn(call), paused, call.caller.name));
}

http::Response GraphsApi::Backfill(const Call& call) {
  daemon::BackfillRequest request;
  auto body = http::JsonBody::Of(call.request);
  if (!body) return http::Problem(body.error());
  body->Get("from", request.from);
  body->Get("to", request.to);
  body->Get("dry_run", request.dry_run);
  body->Get("newest_first", request.newest_first);
  body->Get("retry_failed", request.retry_failed);
  body->Get("runs_at_once", request.runs_at_once);
  body->Get("force", request.force);
  body->Get("target", request.target);
  if (const auto fine = body->Finish(); !fine) return http::Problem(fine.error());
  if (request.runs_at_once < 1 || request.runs_at_once > kRunsAtOnceMax) {
    return http::Problem(400, "\"runs_at_once\" must be from 1 to 1,000");
  }
  request.graph = GraphIn(call);
  request.by = call.caller.name;
  const auto instants = requests_.Backfill(request);
  if (!instants) return http::Problem(instants.error());
  ordered_json list = ordered_json::array();
  for (const auto& instant : *instants) list.push_back(daemon::ToJson(instant));
  return http::JsonResponse({{"instants", list}});
}

}  // namespace busker::serve
