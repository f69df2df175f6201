#include "serve/api.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "attempt/folder.h"
#include "attempt/log.h"
#include "attempt/usage.h"
#include "home/instance.h"
#include "http/json_body.h"
#include "http/paging.h"
#include "http/problem.h"
#include "serve/attempt_end.h"
#include "serve/describe.h"
#include "serve/graphs_api.h"
#include "serve/log_index.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;

constexpr std::uint64_t kLogBytesMax = 1u << 20, kLogTailBytes = 64u << 10;
constexpr std::size_t kSearchBytesMax = 1000;
constexpr std::int64_t kRunsLookedAt = 250'000;
constexpr char kAfter[] = "after";  // of a trigger that names a run

std::vector<std::string> NamesOfStates() {
  using enum plan::State;
  std::vector<std::string> names;
  for (const plan::State state : {kQueued, kRunning, kSucceeded, kFailed, kCancelled, kSkipped}) {
    names.emplace_back(NameOf(state));
  }
  return names;
}

struct Found {
  std::vector<record::RunRow> runs;
  std::optional<std::int64_t> next;  // where to go on
};

// Where one who looks from before `before`, or from the newest run on, stops looking.
Result<std::int64_t> EndOfLook(record::Record& record, std::optional<std::int64_t> before) {
  if (!before) {
    record::RunFilter newest;
    newest.count_max = 1;
    newest.with_tasks = false;
    TRY_ASSIGN(const auto runs, record.ListRuns(newest));
    before = runs.empty() ? 1 : runs.front().number + 1;
  }
  return std::max<std::int64_t>(0, *before - 1 - kRunsLookedAt);
}

// At most `limit`. For a trigger or a part of an id, which have no index, so many of the newest
// runs are gone through; who wants more goes on behind them.
Result<Found> FindRuns(record::Record& record, record::RunFilter filter, const Call& call,
                       std::uint64_t limit) {
  const std::string trigger = call.target.Query("trigger");
  filter.count_max = limit + 1;  // whether there are more
  if (!trigger.empty()) {
    // Of what some are not told, all that it may be: they see less of it.
    filter.trigger = trigger.starts_with(kAfter) ? kAfter : trigger;
  }
  if (!trigger.empty() || !filter.id_part.empty()) {
    TRY_ASSIGN(filter.behind, EndOfLook(record, filter.before));
  }
  Found found;
  for (;;) {
    TRY_ASSIGN(auto runs, record.ListRuns(filter));
    for (record::RunRow& run : runs) {
      if (found.runs.size() == limit) {
        found.next = found.runs.back().number;
        return found;
      }
      filter.before = run.number;
      if (!TextFor(call.caller, run.facts.trigger).starts_with(trigger)) continue;
      found.runs.push_back(std::move(run));
    }
    if (runs.size() < filter.count_max) break;
  }
  if (filter.behind && *filter.behind > 0) found.next = *filter.behind + 1;
  return found;
}

}  // namespace

void Api::AddRoutes(Routes& routes) {
  const auto get = [&](const char* pattern, const char* summary, auto handler) -> Route& {
    return routes.Add(
        {http::Method::kGet, pattern, access::Scope::kViewer, summary, std::move(handler)});
  };
  const auto post = [&](const char* pattern, const char* summary, auto handler) {
    routes.Add(
        {http::Method::kPost, pattern, access::Scope::kOperator, summary, std::move(handler)});
  };
  const auto own = [&](const char* pattern, const char* summary, auto handler) -> Route& {
    return routes.Add({http::Method::kGet, pattern, access::Scope::kViewer, summary,
                       std::move(handler), Reach::kOwn});
  };
  own("/api/v1/me", "Who asks, and what they may do.", [](const Call& call) {
    return http::JsonResponse({{"name", call.caller.name},
                               {"scope", NameOf(call.caller.scope)},
                               {"confines", call.caller.confines}});
  });
  own("/api/v1/status", "Whether all is well: since when Busker is up, what is at fault.",
      [this](const Call& call) { return ShowStatus(call); });
  own("/api/v1/runs",
      "Runs, newest first: ?graph= &state= &date= &trigger= &batch= &id= &tasks=true &limit= "
      "&cursor= (from \"next\").",
      [this](const Call& call) { return ListRuns(call); })
      .query = http::WithPage(
      {{"graph", http::Field::Kind::kText, "an action or a graph file"},
       {"state", http::Field::Kind::kChoice, "how it stands or has ended", false, NamesOfStates()},
       {"date", http::Field::Kind::kDate, "the data date"},
       {"trigger", http::Field::Kind::kText, "why it began: what that begins with"},
       {"batch", http::Field::Kind::kText, "those of this backfill"},
       {"id", http::Field::Kind::kText, "what their ids contain"},
       {"tasks", http::Field::Kind::kFlag, "each with its tasks and attempts"}});
  get("/api/v1/runs/{run}", "One run, with its tasks and attempts.",
      [this](const Call& call) { return ShowRun(call); });
  get("/api/v1/runs/{run}/neighbours", "The runs of the same action before and after it.",
      [this](const Call& call) { return ShowNeighbours(call); });
  get("/api/v1/runs/{run}/events", "What was decided about it, and who asked for it.",
      [this](const Call& call) { return ShowEvents(call); });
  get("/api/v1/runs/{run}/explain", "Why it runs, waits or failed, in a sentence.",
      [this](const Call& call) { return Explain(call); });
  get("/api/v1/runs/{run}/tasks/{task}/explain", "Why that task runs, waits or failed.",
      [this](const Call& call) { return ExplainTask(call); });
  post("/api/v1/runs/{run}/cancel", "Ends it, with everything that it started.",
       [this](const Call& call) { return Cancel(call); });
  post("/api/v1/runs/{run}/retry", "Takes it up again from what did not succeed.",
       [this](const Call& call) { return Retry(call); });
  post("/api/v1/runs/{run}/tasks/{task}/skip", "Goes on without that task.",
       [this](const Call& call) { return Skip(call); });
  get("/api/v1/runs/{run}/tasks/{task}/attempts/{attempt}/log",
      "What it wrote: ?from= a byte (default: its last 64 KiB) &bytes= (at most, up to 1 MiB); "
      "X-Log-Next is where to go on.",
      [this](const Call& call) { return ShowLog(call); })
      .query = {{"from", http::Field::Kind::kNumber, "the first byte that is wanted"},
                {"bytes", http::Field::Kind::kNumber, "how many at most"}};
  get("/api/v1/runs/{run}/tasks/{task}/attempts/{attempt}/log/lines",
      "How many lines and bytes it wrote, where lines begin, and which have a text: ?q=.",
      [this](const Call& call) { return ListLines(call); })
      .query = {{"q", http::Field::Kind::kText, "what is searched; letters large or small"}};
  get("/api/v1/runs/{run}/tasks/{task}/attempts/{attempt}/log/live",
      "Its last 64 KiB, and then what it writes, as server-sent events.",
      [this](const Call& call) { return FollowLog(call); });
  get("/api/v1/runs/{run}/tasks/{task}/attempts/{attempt}/usage",
      "What it uses at this moment: seconds of CPU so far, memory, processes; null when it does "
      "not run, or on a machine elsewhere.",
      [this](const Call& call) { return ShowUsage(call); });
  get("/api/v1/events",
      "Who did what, newest first: ?all=true (also what followed from it) &limit= &cursor=.",
      [this](const Call& call) { return ListEvents(call); })
      .query = http::WithPage(
      {{"all", http::Field::Kind::kFlag, "also what followed from what people did"}});
  own("/api/v1/live",
      "What happens from now on, as server-sent events; to who is confined, only that something "
      "does.",
      [this](const Call& call) { return Watch(call); });
  own("/api/v1/openapi.json", "This document.", [&routes, version = version_](const Call&) {
    http::Response response;
    response.body = OpenApiOf(routes, version);
    return response;
  });
}

http::Response Api::ShowStatus(const Call& call) {
  const daemon::Status status = requests_.Health();
  ordered_json faults = ordered_json::array();
  for (const catalogue::Fault& fault : status.faults) {
    if (!call.caller.confines.empty()) break;  // whose file it is, is not known
    // "shop/busker.toml": who looks knows it by that, and not where the owner keeps it.
    const io::fs::path file(fault.file);
    faults.push_back({{"file", (file.parent_path().filename() / file.filename()).string()},
                      {"message", http::WithoutPaths(fault.message)}});
  }
  ordered_json undelivered = ordered_json::array();
  for (const daemon::Undelivered& one : status.undelivered) {
    if (!call.caller.confines.empty()) break;  // nor whose notices they are
    undelivered.push_back(Describe(one));
  }
  ordered_json uncopied = ordered_json::array();
  for (const daemon::Uncopied& one : status.uncopied) {
    if (!call.caller.confines.empty()) break;  // nor whose logs
    uncopied.push_back(Describe(one));
  }
  ordered_json debts = ordered_json::array();
  for (const daemon::Debt& debt : status.debts) {
    if (!call.caller.confines.empty()) break;  // nor whose machines
    debts.push_back(Describe(debt));
  }
  ordered_json silences = ordered_json::array();
  for (const daemon::Silence& silence : status.silences) {
    if (!call.caller.confines.empty()) break;
    silences.push_back(Describe(silence));
  }
  ordered_json online = ordered_json::array();
  for (const daemon::Online& one : status.online) {
    if (!access::HoldsService(call.caller.confines, one.service)) continue;
    online.push_back({{"service", one.service}});
    online.back().update(Describe(one));
  }
  return http::JsonResponse(
      {{"version", version_},
       {"since", FormatRfc3339(status.since)},
       {"trouble",
        status.trouble.empty() ? ordered_json() : ordered_json(http::WithoutPaths(status.trouble))},
       {"faults", faults},
       {"undelivered", undelivered},
       {"uncopied", uncopied},
       {"debts", debts},
       {"silences", silences},
       {"online", online},
       {"runs_unfinished", requests_.figures().runs_unfinished.load()},
       {"attempts_running", status.attempts_running}});
}

http::Response Api::ListRuns(const Call& call) {
  record::RunFilter filter;
  if (const std::string graph = call.target.Query("graph"); !graph.empty()) {
    filter.Only(plan::GraphKey::Parse(graph));
  }
  filter.state = plan::ParseState(call.target.Query("state"));  // none: all
  const auto limit = http::LimitIn(call.target);
  if (!limit) return http::Problem(limit.error());
  const auto cursor = http::NumberCursorIn(call.target);
  if (!cursor) return http::Problem(cursor.error());
  filter.before = *cursor;
  filter.data_date = call.target.Query("date");
  filter.batch = call.target.Query("batch");
  filter.id_part = call.target.Query("id");
  filter.within = call.caller.confines;
  filter.with_tasks = call.target.Query("tasks") == "true";
  const auto page = records_.With([&](record::Record& record) -> Result<ordered_json> {
    TRY_ASSIGN(const Found found, FindRuns(record, filter, call, *limit));
    prepare::Rulings rulings(record, home::FolderOf(home_));
    ordered_json list = ordered_json::array();
    for (const record::RunRow& run : found.runs) {
      list.push_back(DescribeFor(call.caller, run, rulings));
      if (!filter.with_tasks) list.back().erase("tasks");
    }
    return ordered_json{
        {"runs", list},
        {"next", found.next ? ordered_json(std::to_string(*found.next)) : ordered_json()}};
  });
  return page ? http::JsonResponse(*page) : http::Problem(page.error());
}

http::Response Api::ShowRun(const Call& call) {
  const auto described = records_.With([&](record::Record& record) -> Result<ordered_json> {
    TRY_ASSIGN(const record::RunRow run, record.FindRun(call.At("run")));
    prepare::Rulings rulings(record, home::FolderOf(home_));
    return DescribeFor(call.caller, run, rulings);
  });
  return described ? http::JsonResponse(*described) : http::Problem(described.error());
}

http::Response Api::ShowNeighbours(const Call& call) {
  const auto described = records_.With([&](record::Record& record) -> Result<ordered_json> {
    TRY_ASSIGN(const record::RunRow run, record.FindRun(call.At("run")));
    record::RunFilter older, newer;
    older.Only(plan::GraphKey(run.facts.service, run.facts.action));
    older.count_max = 1;
    older.with_tasks = false;
    newer = older;
    newer.oldest_first = true;
    older.before = newer.behind = run.number;
    const auto describe = [&](const record::RunFilter& filter) -> Result<ordered_json> {
      TRY_ASSIGN(const auto found, record.ListRuns(filter));
      if (found.empty()) return ordered_json();
      const record::RunFacts& facts = found.front().facts;
      return ordered_json{{"id", facts.id}, {"data_date", facts.data_date}};
    };
    TRY_ASSIGN(ordered_json previous, describe(older));
    TRY_ASSIGN(ordered_json next, describe(newer));
    return ordered_json{{"previous", std::move(previous)}, {"next", std::move(next)}};
  });
  return described ? http::JsonResponse(*described) : http::Problem(described.error());
}

http::Response Api::ListEvents(const Call& call) {
  const auto limit = http::LimitIn(call.target);
  if (!limit) return http::Problem(limit.error());
  const auto cursor = http::NumberCursorIn(call.target);
  if (!cursor) return http::Problem(cursor.error());
  record::EventFilter filter;
  filter.count_max = *limit + 1;  // whether there are more
  filter.before = *cursor;
  filter.by_people = call.target.Query("all") != "true";
  auto events = records_.With([&](record::Record& record) { return record.ListEvents(filter); });
  if (!events) return http::Problem(events.error());
  const bool more = events->size() > *limit;
  if (more) events->pop_back();
  ordered_json list = ordered_json::array();
  for (const record::EventRow& event : *events) list.push_back(Describe(event));
  return http::JsonResponse(
      {{"events", list},
       {"next", more ? ordered_json(std::to_string(events->back().number)) : ordered_json()}});
}

http::Response Api::ShowEvents(const Call& call) {
  const auto events =
      records_.With([&](record::Record& record) -> Result<std::vector<record::EventRow>> {
        TRY(record.FindRun(call.At("run")));
        return record.Events(call.At("run"));
      });
  if (!events) return http::Problem(events.error());
  ordered_json list = ordered_json::array();
  for (const record::EventRow& event : *events) list.push_back(DescribeFor(call.caller, event));
  return http::JsonResponse({{"events", list}});
}

http::Response Api::Explain(const Call& call) {
  const auto run =
      records_.With([&](record::Record& record) { return record.FindRun(call.At("run")); });
  if (!run) return http::Problem(run.error());
  if (IsFinal(run->state)) {
    return http::JsonResponse(
        {{"explained",
          fmt::format("it {}{}{}{}",
                      run->state == plan::State::kCancelled || run->state == plan::State::kSkipped
                          ? "was "
                          : "",
                      NameOf(run->state), run->message.empty() ? "" : ": ", run->message)}});
  }
  const auto sentence = explainer_.Explain(call.At("run"), "");
  return sentence ? http::JsonResponse({{"explained", TextFor(call.caller, *sentence)}})
                  : http::Problem(sentence.error());
}

http::Response Api::ExplainTask(const Call& call) {
  const auto run =
      records_.With([&](record::Record& record) { return record.FindRun(call.At("run")); });
  if (!run) return http::Problem(run.error());
  const auto row = std::find_if(run->tasks.begin(), run->tasks.end(), [&](const auto& each) {
    return each.task.name == call.At("task");
  });
  if (row == run->tasks.end()) return http::Problem(404, "the run has no such task");
  const plan::Task& task = row->task;
  if (IsFinal(task.state)) {
    const std::string why = task.message.empty() ? "" : ": " + task.message;
    return http::JsonResponse(
        {{"explained", fmt::format("{} {}{}", task.name, NameOf(task.state), why)}});
  }
  const auto sentence = explainer_.Explain(call.At("run"), task.name);
  return sentence ? http::JsonResponse({{"explained", TextFor(call.caller, *sentence)}})
                  : http::Problem(sentence.error());
}

http::Response Api::Cancel(const Call& call) {
  return http::Done(requests_.Cancel(call.At("run"), call.caller.name));
}

http::Response Api::Retry(const Call& call) {
  const auto note = requests_.Retry(call.At("run"), call.caller.name);
  return note ? http::Done({}) : http::Problem(note.error());
}

http::Response Api::Skip(const Call& call) {
  return http::Done(requests_.Skip(call.At("run"), call.At("task"), call.caller.name));
}

// No part of a path that a client wrote becomes one of ours before the record knows it.
Result<Api::Written> Api::FindAttempt(const Call& call) {
  TRY_ASSIGN(const record::RunRow run,
             records_.With([&](record::Record& record) { return record.FindRun(call.At("run")); }));
  const auto task = std::find_if(run.tasks.begin(), run.tasks.end(),
                                 [&](const auto& row) { return row.task.name == call.At("task"); });
  if (task == run.tasks.end()) return NotFound("the run has no such task");
  const auto asked = http::ParseNumber(call.At("attempt"));
  if (!asked || *asked < 1 || *asked > static_cast<std::uint64_t>(task->task.attempts)) {
    return NotFound("the task has no such attempt");
  }
  const auto number = static_cast<int>(*asked);
  const attempt::Name name = {run.facts.id, task->task.name, number};
  return Written{name, attempt::FolderOf(home_.RunsFolder(), name)};
}

http::Response Api::ShowLog(const Call& call) {
  const auto written = FindAttempt(call);
  if (!written) return http::Problem(written.error());
  const auto from = http::ParseNumber(call.target.Query("from"));
  const auto asked = http::ParseNumber(call.target.Query("bytes"));
  if (call.target.query.contains("bytes") && (!asked || *asked < 1 || *asked > kLogBytesMax)) {
    return http::Problem(400, "\"bytes\" must be from 1 to 1,048,576");
  }
  const auto log = attempt::WholeLog::Look(written->folder);
  if (!log) return http::Problem(404, "nothing is kept of what it wrote");
  const std::uint64_t first =
      from.value_or(log->size() - std::min<std::uint64_t>(log->size(), kLogTailBytes));
  std::string text;
  const auto read = log->Read(first, asked.value_or(kLogBytesMax),
                              [&](std::string_view bytes) { text.append(bytes); });
  if (!read) return http::Problem(404, "nothing is kept of what it wrote");
  const std::uint64_t next = std::min(log->size(), first + text.size());
  http::Response response;
  response.type = "text/plain; charset=utf-8";
  response.body = std::move(text);
  response.headers = {{"X-Log-Next", std::to_string(next)},
                      {"X-Log-First", std::to_string(next - response.body.size())}};
  return response;
}

http::Response Api::ListLines(const Call& call) {
  const auto written = FindAttempt(call);
  if (!written) return http::Problem(written.error());
  const std::string part = call.target.Query("q");
  if (part.size() > kSearchBytesMax) return http::Problem(400, "\"q\" is longer than 1,000 bytes");
  const auto index =
      part.empty() ? log_indexes_.Of(written->folder) : IndexLog(written->folder, part);
  if (!index) return http::Problem(404, "nothing is kept of what it wrote");
  return http::JsonResponse({{"bytes", index->bytes},
                             {"lines", index->lines},
                             {"cut", index->cut},
                             {"marks", index->marks},
                             {"matches", index->matches},
                             {"matched", index->matched}});
}

http::Response Api::FollowLog(const Call& call) {
  const auto written = FindAttempt(call);
  if (!written) return http::Problem(written.error());
  http::Response response;
  response.type = "text/event-stream";
  response.events = log_feed_.Follow(written->folder, [this, name = written->name] {
    const auto run =
        records_.With([&](record::Record& record) { return record.FindRun(name.run); });
    return run && IsOver(*run, name);
  });
  if (!response.events) return http::Problem(503, "too many follow logs already");
  return response;
}

http::Response Api::ShowUsage(const Call& call) {
  const auto written = FindAttempt(call);
  if (!written) return http::Problem(written.error());
  const auto usage = attempt::UsageOf(written->name, written->folder);
  if (!usage) {
    return http::JsonResponse({{"at", FormatRfc3339(Now())},
                               {"cpu_seconds", nullptr},
                               {"memory_bytes", nullptr},
                               {"processes", nullptr}});
  }
  return http::JsonResponse({{"at", FormatRfc3339(Now())},
                             {"cpu_seconds", static_cast<double>(usage->cpu.count()) / 1000.0},
                             {"memory_bytes", usage->memory_bytes},
                             {"processes", usage->processes}});
}

http::Response Api::Watch(const Call& call) {
  http::Response response;
  response.type = "text/event-stream";
  response.events = live_.Watch(call.caller.confines.empty());
  if (!response.events) return http::Problem(503, "2,000 watch already");
  return response;
}

namespace {

ordered_json SchemaOf(const http::Field& field) {
  switch (field.kind) {
    case http::Field::Kind::kText:
      return {{"type", "string"}};
    case http::Field::Kind::kTexts:
      return {{"type", "array"}, {"items", {{"type", "string"}}}};
    case http::Field::Kind::kFlag:
      return {{"type", "boolean"}};
    case http::Field::Kind::kNumber:
      return {{"type", "integer"}};
    case http::Field::Kind::kObject:
      return {{"type", "object"}};
    case http::Field::Kind::kDate:
      return {{"type", "string"}, {"format", "date"}};
    case http::Field::Kind::kInstant:
      return {{"type", "string"}, {"format", "date-time"}};
    case http::Field::Kind::kChoice:
      return {{"type", "string"}, {"enum", field.choices}};
  }
  return {};
}

ordered_json DescribeBody(const http::Fields& fields) {
  ordered_json properties = ordered_json::object(), required = ordered_json::array();
  for (const http::Field& field : fields) {
    properties[field.name] = SchemaOf(field);
    properties[field.name]["description"] = field.what;
    if (field.required) required.push_back(field.name);
  }
  const ordered_json schema = {{"type", "object"},
                               {"properties", properties},
                               {"required", required},
                               {"additionalProperties", false}};
  return {{"required", !required.empty()},
          {"content", {{"application/json", {{"schema", schema}}}}}};
}

}  // namespace

std::string OpenApiOf(const Routes& routes, const std::string& version) {
  ordered_json paths = ordered_json::object();
  for (const Route& route : routes.all()) {
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
    for (const http::Field& field : route.query) {
      parameters.push_back({{"name", field.name},
                            {"in", "query"},
                            {"required", field.required},
                            {"description", field.what},
                            {"schema", SchemaOf(field)}});
    }
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
    if (route.method == http::Method::kPost) described["requestBody"] = DescribeBody(route.body);
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
