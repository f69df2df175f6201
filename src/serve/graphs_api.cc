#include "serve/graphs_api.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/messages.h"
#include "http/json_body.h"
#include "http/paging.h"
#include "http/problem.h"
#include "plan/timetable.h"
#include "serve/describe.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;

constexpr int kRunsAtOnceMax = 1000;  // as busker backfill has it

Result<ordered_json> DescribeGraph(record::Record& record, const plan::Graph& graph,
                                   const access::Caller& caller, Instant now,
                                   prepare::Rulings& rulings) {
  TRY_ASSIGN(const auto remembered, record.FindGraph(graph.key));
  const plan::GraphMemory memory = remembered.value_or(plan::GraphMemory{});
  record::RunFilter newest;
  newest.Only(graph.key);
  newest.count_max = 1;
  newest.with_tasks = false;
  TRY_ASSIGN(const auto runs, record.ListRuns(newest));
  ordered_json after = ordered_json::array();
  for (const plan::GraphKey& key : graph.after) {
    if (caller.Sees(key.Text())) after.push_back(key.Text());
  }
  std::optional<Instant> next;
  if (!memory.paused && !graph.by_hand) {
    if (const auto coming = plan::Coming(graph, now, 1); !coming.empty()) next = coming.front();
  }
  const bool is_file = graph.key.service.empty();
  ordered_json last = runs.empty() ? ordered_json() : DescribeFor(caller, runs.front(), rulings);
  if (!runs.empty()) last.erase("tasks");
  return ordered_json{{"graph", graph.key.Text()},
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
                      {"last_run", std::move(last)}};
}

using Definitions = std::vector<std::shared_ptr<const catalogue::Definition>>;

// Those that are asked for and come after the cursor, sorted; one more than `count`, when there is.
Result<Definitions> Select(const catalogue::Catalogue& catalogue, record::Record& record,
                           const Call& call, std::size_t count) {
  const http::Target& target = call.target;
  const plan::GraphKey cursor = plan::GraphKey::Parse(target.Query("cursor"));
  const std::string part = target.Query("q"), trouble = target.Query("trouble"),
                    service = target.Query("service");
  if (!trouble.empty() && trouble != "any")
    return Invalid("\"trouble\" must be \"any\", or left out");
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
       "name) &limit= &cursor=.",
       [this](const Call& call) { return ListGraphs(call); })
      .query =
      http::WithPage({{"trouble", kText, "\"any\": those that failed, are late or never started"},
                      {"service", kText, "those of this service"},
                      {"q", kText, "those with this in their name"}});
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

http::Response GraphsApi::ListGraphs(const Call& call) {
  const auto limit = http::LimitIn(call.target);
  if (!limit) return http::Problem(limit.error());
  const auto catalogue = daemon_.catalogue();
  const auto listed = records_.With([&](record::Record& record) -> Result<ordered_json> {
    TRY_ASSIGN(Definitions selected, Select(*catalogue, record, call, *limit));
    const bool more = selected.size() > *limit;
    if (more) selected.resize(*limit);
    ordered_json list = ordered_json::array();
    const Instant now = Now();
    prepare::Rulings rulings(record, home_);
    for (const auto& definition : selected) {
      TRY_ASSIGN(ordered_json one,
                 DescribeGraph(record, definition->graph, call.caller, now, rulings));
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
    return DescribeGraph(record, (*definition)->graph, call.caller, Now(), rulings);
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
  std::string date;
  auto body = http::JsonBody::Of(call.request);
  if (!body) return http::Problem(body.error());
  body->Get("date", date);
  body->Get("force", request.force);
  body->Get("key", request.key);
  body->Get("target", request.target);
  if (const auto fine = body->Finish(); !fine) return http::Problem(fine.error());
  if (!date.empty()) request.date = date;
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
