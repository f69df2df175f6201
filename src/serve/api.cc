#include "serve/api.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "daemon/messages.h"
#include "runner/capped_log.h"
#include "serve/describe.h"
#include "serve/json_body.h"
#include "serve/problem.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;

constexpr std::uint64_t kRunsMax = 200, kRunsDefault = 50;
constexpr std::uint64_t kLogBytesMax = 1u << 20, kLogTailBytes = 64u << 10;

Response Done(const Result<void>& result) {
  return result ? JsonResponse({{"done", true}}) : Problem(result.error());
}

// "churn:training" in a path is the graph "churn/training".
plan::GraphKey GraphIn(const Call& call) {
  std::string key = call.At("graph");
  if (const auto colon = key.find(':'); colon != std::string::npos) key[colon] = '/';
  return key;
}

std::optional<std::uint64_t> Number(const std::string& text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, fault] = std::from_chars(text.data(), end, number);
  if (text.empty() || fault != std::errc() || at != end) return std::nullopt;
  return number;
}

ordered_json DescribeGraph(const daemon::GraphStatus& graph,
                           const std::optional<record::RunRow>& last) {
  const auto slash = graph.graph.find('/');
  const bool is_file = slash == std::string::npos;
  ordered_json described = {
      {"graph", graph.graph},
      {"service", is_file ? ordered_json() : ordered_json(graph.graph.substr(0, slash))},
      {"action", is_file ? ordered_json() : ordered_json(graph.graph.substr(slash + 1))},
      {"schedule", graph.schedule.empty() ? ordered_json() : ordered_json(graph.schedule)},
      {"time_zone", graph.zone},
      {"next", Describe(graph.next)},
      {"paused", graph.paused},
      {"paused_by", graph.paused_by.empty() ? ordered_json() : ordered_json(graph.paused_by)},
      {"explained", graph.explained},
      {"last_run", last ? Describe(*last) : ordered_json()}};
  if (last) described["last_run"].erase("tasks");
  return described;
}

std::optional<record::RunRow> Newest(record::Record& record, const plan::GraphKey& graph) {
  auto run = record.NewestRun(graph);
  return run ? std::optional(std::move(*run)) : std::nullopt;
}

}  // namespace

void Api::AddRoutes(Router& router) {
  const auto get = [&](const char* pattern, const char* summary, auto handler) {
    router.Add({Method::kGet, pattern, Scope::kViewer, summary, std::move(handler)});
  };
  const auto post = [&](const char* pattern, const char* summary, auto handler) {
    router.Add({Method::kPost, pattern, Scope::kOperator, summary, std::move(handler)});
  };
  using Requests = daemon::Requests;
  get("/api/v1/me", "Who asks, and what they may do.", [](const Call& call) {
    return JsonResponse({{"name", call.caller.name}, {"scope", NameOf(call.caller.scope)}});
  });
  get("/api/v1/status", "Whether all is well: since when Busker is up, what is at fault.",
      [this](const Call&) { return ShowStatus(); });
  get("/api/v1/graphs", "Every action and graph file, with its last run and its next instant.",
      [this](const Call& call) { return ListGraphs(call); });
  get("/api/v1/graphs/{graph}", "One of them.",
      [this](const Call& call) { return ShowGraph(call); });
  post("/api/v1/graphs/{graph}/runs", "Starts a run: {date, force, key}, all of them optional.",
       [this](const Call& call) { return StartRun(call); });
  post("/api/v1/graphs/{graph}/pause", "Nothing of it starts by its schedule any more.",
       [this](const Call& call) { return Pause(call, true); });
  post("/api/v1/graphs/{graph}/resume", "Its schedule goes on.",
       [this](const Call& call) { return Pause(call, false); });
  post("/api/v1/graphs/{graph}/backfill",
       "One run for each instant: {from, to, dry_run, newest_first, retry_failed, runs_at_once}.",
       [this](const Call& call) { return Backfill(call); });
  get("/api/v1/runs", "Runs, newest first: ?graph= &state= &limit= &cursor= (from \"next\").",
      [this](const Call& call) { return ListRuns(call); });
  get("/api/v1/runs/{run}", "One run, with its tasks and attempts.",
      [this](const Call& call) { return ShowRun(call); });
  get("/api/v1/runs/{run}/events", "What was decided about it, and who asked for it.",
      [this](const Call& call) { return ShowEvents(call); });
  get("/api/v1/runs/{run}/explain", "Why it runs, waits or failed, in a sentence.",
      [this](const Call& call) { return Explain(call); });
  post("/api/v1/runs/{run}/cancel", "Ends it, with everything that it started.",
       [this](const Call& call) { return Steer(call, &Requests::Cancel); });
  post("/api/v1/runs/{run}/retry", "Takes it up again from what did not succeed.",
       [this](const Call& call) { return Steer(call, &Requests::Retry); });
  post("/api/v1/runs/{run}/tasks/{task}/skip", "Goes on without that task.",
       [this](const Call& call) { return Skip(call); });
  get("/api/v1/runs/{run}/tasks/{task}/attempts/{attempt}/log",
      "What it wrote: ?from= a byte (default: its last 64 KiB); X-Log-Next is where to go on.",
      [this](const Call& call) { return ShowLog(call); });
  get("/api/v1/live", "What happens from now on, as server-sent events.",
      [this](const Call&) { return Watch(); });
  get("/metrics", "Figures for Prometheus.", [this](const Call&) { return ShowMetrics(); });
  get("/api/v1/openapi.json", "This document.", [&router, version = version_](const Call&) {
    Response response;
    response.body = OpenApiOf(router, version);
    return response;
  });
}

Response Api::ShowStatus() {
  const auto status = requests_.Ask();
  if (!status) return Problem(status.error());
  ordered_json faults = ordered_json::array();
  for (const daemon::Fault& fault : status->faults) {
    // "shop/busker.toml": who looks knows it by that, and not where the owner keeps it.
    const io::fs::path file(fault.file);
    faults.push_back({{"file", (file.parent_path().filename() / file.filename()).string()},
                      {"message", WithoutPaths(fault.message)}});
  }
  return JsonResponse(
      {{"version", version_},
       {"since", FormatRfc3339(status->since)},
       {"trouble", status->trouble.empty() ? ordered_json() : ordered_json(status->trouble)},
       {"faults", faults},
       {"graphs", status->graphs.size()},
       {"attempts_running", status->attempts_running}});
}

Response Api::ListGraphs(const Call&) {
  const auto status = requests_.Ask();
  if (!status) return Problem(status.error());
  const auto listed = records_.With([&](record::Record& record) -> Result<ordered_json> {
    ordered_json list = ordered_json::array();
    for (const auto& graph : status->graphs)
      list.push_back(DescribeGraph(graph, Newest(record, graph.graph)));
    return list;
  });
  if (!listed) return Problem(listed.error());
  return JsonResponse({{"graphs", *listed}});
}

Response Api::ShowGraph(const Call& call) {
  const plan::GraphKey key = GraphIn(call);
  const auto status = requests_.Ask();
  if (!status) return Problem(status.error());
  const auto found = std::find_if(status->graphs.begin(), status->graphs.end(),
                                  [&](const auto& graph) { return graph.graph == key; });
  if (found == status->graphs.end()) return Problem(404, fmt::format("there is no {}", key));
  const auto described = records_.With([&](record::Record& record) -> Result<ordered_json> {
    return DescribeGraph(*found, Newest(record, key));
  });
  return described ? JsonResponse(*described) : Problem(described.error());
}

Response Api::StartRun(const Call& call) {
  daemon::StartRequest request;
  std::string date;
  auto body = JsonBody::Of(call.request);
  if (!body) return Problem(body.error());
  body->Get("date", date);
  body->Get("force", request.force);
  body->Get("key", request.key);
  if (const auto fine = body->Finish(); !fine) return Problem(fine.error());
  if (!date.empty()) request.date = date;
  request.graph = GraphIn(call);
  request.by = call.caller.name;
  const auto run = requests_.Start(request);
  return run ? JsonResponse({{"run", *run}}, 201) : Problem(run.error());
}

Response Api::Pause(const Call& call, bool paused) {
  return Done(requests_.Pause(GraphIn(call), paused, call.caller.name));
}

Response Api::Backfill(const Call& call) {
  daemon::BackfillRequest request;
  auto body = JsonBody::Of(call.request);
  if (!body) return Problem(body.error());
  body->Get("from", request.from);
  body->Get("to", request.to);
  body->Get("dry_run", request.dry_run);
  body->Get("newest_first", request.newest_first);
  body->Get("retry_failed", request.retry_failed);
  body->Get("runs_at_once", request.runs_at_once);
  if (const auto fine = body->Finish(); !fine) return Problem(fine.error());
  if (request.runs_at_once < 1) return Problem(400, "\"runs_at_once\" is below 1");
  request.graph = GraphIn(call);
  request.by = call.caller.name;
  const auto instants = requests_.Backfill(request);
  if (!instants) return Problem(instants.error());
  ordered_json list = ordered_json::array();
  for (const auto& instant : *instants) list.push_back(daemon::ToJson(instant));
  return JsonResponse({{"instants", list}});
}

Response Api::ListRuns(const Call& call) {
  record::RunFilter filter;
  if (const std::string graph = call.target.Query("graph"); !graph.empty()) {
    const auto slash = graph.find('/');
    filter.service = slash == std::string::npos ? "" : graph.substr(0, slash);
    filter.action = slash == std::string::npos ? graph : graph.substr(slash + 1);
  }
  if (const std::string state = call.target.Query("state"); !state.empty()) {
    filter.state = plan::ParseState(state);
    if (!filter.state) return Problem(400, "there is no such state");
  }
  const std::string limit = call.target.Query("limit"), cursor = call.target.Query("cursor");
  filter.count_max = limit.empty() ? kRunsDefault : Number(limit).value_or(0);
  if (filter.count_max < 1 || filter.count_max > kRunsMax) {
    return Problem(400, fmt::format("\"limit\" is a number from 1 to {}", kRunsMax));
  }
  if (!cursor.empty()) {
    const auto before = Number(cursor);
    if (!before || *before > INT64_MAX) return Problem(400, "that is no cursor");
    filter.before = static_cast<std::int64_t>(*before);
  }
  const auto runs = records_.With([&](record::Record& record) { return record.ListRuns(filter); });
  if (!runs) return Problem(runs.error());
  ordered_json list = ordered_json::array();
  for (const record::RunRow& run : *runs) list.push_back(Describe(run));
  const bool more = runs->size() == filter.count_max;
  return JsonResponse(
      {{"runs", list},
       {"next", more ? ordered_json(std::to_string(runs->back().number)) : ordered_json()}});
}

Response Api::ShowRun(const Call& call) {
  const auto run =
      records_.With([&](record::Record& record) { return record.FindRun(call.At("run")); });
  return run ? JsonResponse(Describe(*run)) : Problem(run.error());
}

Response Api::ShowEvents(const Call& call) {
  const auto events =
      records_.With([&](record::Record& record) -> Result<std::vector<record::EventRow>> {
        TRY(record.FindRun(call.At("run")));
        return record.Events(call.At("run"));
      });
  if (!events) return Problem(events.error());
  ordered_json list = ordered_json::array();
  for (const record::EventRow& event : *events) {
    list.push_back({{"number", event.number},
                    {"at", FormatRfc3339(event.at)},
                    {"task", event.task.empty() ? ordered_json() : ordered_json(event.task)},
                    {"what", event.what},
                    {"actor", event.actor},
                    {"detail", event.detail}});
  }
  return JsonResponse({{"events", list}});
}

Response Api::Explain(const Call& call) {
  const auto run =
      records_.With([&](record::Record& record) { return record.FindRun(call.At("run")); });
  if (!run) return Problem(run.error());
  if (IsFinal(run->state)) {
    return JsonResponse(
        {{"explained",
          fmt::format("it {}{}{}{}",
                      run->state == plan::State::kCancelled || run->state == plan::State::kSkipped
                          ? "was "
                          : "",
                      NameOf(run->state), run->message.empty() ? "" : ": ", run->message)}});
  }
  const auto sentence = requests_.Explain(call.At("run"), "");
  return sentence ? JsonResponse({{"explained", *sentence}}) : Problem(sentence.error());
}

Response Api::Steer(const Call& call, Result<void> (daemon::Requests::*verb)(const std::string&,
                                                                             const std::string&)) {
  return Done((requests_.*verb)(call.At("run"), call.caller.name));
}

Response Api::Skip(const Call& call) {
  return Done(requests_.Skip(call.At("run"), call.At("task"), call.caller.name));
}

// No part of a path that a client wrote becomes one of ours before the record knows it.
Response Api::ShowLog(const Call& call) {
  const auto run =
      records_.With([&](record::Record& record) { return record.FindRun(call.At("run")); });
  if (!run) return Problem(run.error());
  const auto task = std::find_if(run->tasks.begin(), run->tasks.end(),
                                 [&](const auto& row) { return row.task.name == call.At("task"); });
  if (task == run->tasks.end()) return Problem(404, "the run has no such task");
  const auto attempt = Number(call.At("attempt"));
  if (!attempt || *attempt < 1 || *attempt > static_cast<std::uint64_t>(task->task.attempts)) {
    return Problem(404, "the task has no such attempt");
  }
  const std::string from_text = call.target.Query("from");
  const auto from = Number(from_text);
  if (!from_text.empty() && !from) return Problem(400, "\"from\" is no number of a byte");
  const io::fs::path folder =
      home_.RunsFolder() / run->facts.id / fmt::format("{}.{}", task->task.name, *attempt);
  std::string text;
  std::uint64_t at = 0;
  runner::LogReader reader(folder);
  const auto read = reader.ReadNew([&](std::string_view bytes) {
    const std::uint64_t begin = at;
    at += bytes.size();
    if (from) {
      const std::uint64_t skip =
          *from > begin ? std::min<std::uint64_t>(*from - begin, bytes.size()) : 0;
      bytes.remove_prefix(static_cast<std::size_t>(skip));
      text.append(bytes.substr(0, static_cast<std::size_t>(kLogBytesMax) - text.size()));
    } else {
      text.append(bytes);
      if (text.size() > 2 * kLogTailBytes) text.erase(0, text.size() - kLogTailBytes);
    }
  });
  if (!read) return Problem(404, "nothing is kept of what it wrote");
  if (!from && text.size() > kLogTailBytes) text.erase(0, text.size() - kLogTailBytes);
  const std::uint64_t next = from ? std::min(at, *from + text.size()) : at;
  Response response;
  response.type = "text/plain; charset=utf-8";
  response.body = std::move(text);
  response.headers = {{"X-Log-Next", std::to_string(next)},
                      {"X-Log-First", std::to_string(next - response.body.size())}};
  return response;
}

Response Api::Watch() {
  Response response;
  response.type = "text/event-stream";
  response.events = live_.Watch();
  if (!response.events) return Problem(503, "2,000 watch already");
  return response;
}

Response Api::ShowMetrics() {
  const auto status = requests_.Ask();
  if (!status) return Problem(status.error());
  const auto paused = std::count_if(status->graphs.begin(), status->graphs.end(),
                                    [](const auto& graph) { return graph.paused; });
  Response response;
  response.type = "text/plain; version=0.0.4; charset=utf-8";
  const auto gauge = [&](const char* name, const char* help, auto value) {
    response.body += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{0} {2}\n", name, help, value);
  };
  gauge("busker_up_since_seconds", "When this busker was started, in seconds since 1970.",
        std::chrono::floor<std::chrono::seconds>(status->since).time_since_epoch().count());
  gauge("busker_graphs", "Actions and graph files that are served.", status->graphs.size());
  gauge("busker_graphs_paused", "Those of them that are paused.", paused);
  gauge("busker_attempts_running", "Attempts that run now.", status->attempts_running);
  gauge("busker_faults", "Definitions that cannot be read.", status->faults.size());
  gauge("busker_trouble", "1 while nothing new starts, because it could not be recorded.",
        status->trouble.empty() ? 0 : 1);
  return response;
}

std::string OpenApiOf(const Router& router, const std::string& version) {
  ordered_json paths = ordered_json::object();
  for (const Route& route : router.routes()) {
    std::string method(NameOf(route.method));
    std::transform(method.begin(), method.end(), method.begin(),
                   [](char c) { return static_cast<char>(c - 'A' + 'a'); });
    ordered_json parameters = ordered_json::array();
    for (std::size_t open = route.pattern.find('{'); open != std::string::npos;
         open = route.pattern.find('{', open + 1)) {
      const std::size_t close = route.pattern.find('}', open);
      parameters.push_back({{"name", route.pattern.substr(open + 1, close - open - 1)},
                            {"in", "path"},
                            {"required", true},
                            {"schema", {{"type", "string"}}}});
    }
    ordered_json& described = paths[route.pattern][method];
    described = {{"summary", route.summary},
                 {"x-scope", NameOf(route.scope)},
                 {"parameters", parameters},
                 {"responses",
                  {{"200", {{"description", "done, or found"}}},
                   {"default",
                    {{"description", "no, and why"},
                     {"content",
                      {{"application/problem+json",
                        {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}}}}}};
  }
  const ordered_json document = {
      {"openapi", "3.1.0"},
      {"info", {{"title", "Busker"}, {"version", version}}},
      {"security", ordered_json::array({{{"token", ordered_json::array()}}})},
      {"paths", paths},
      {"components",
       {{"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}},
        {"schemas",
         {{"Problem",
           {{"type", "object"},
            {"properties",
             {{"type", {{"type", "string"}}},
              {"title", {{"type", "string"}}},
              {"status", {{"type", "integer"}}},
              {"detail", {{"type", "string"}}}}}}}}}}}};
  return document.dump(2) + "\n";
}

}  // namespace busker::serve
