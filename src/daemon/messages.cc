#include "daemon/messages.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/line_channel.h"

namespace busker::daemon {
namespace {

std::string Written(const std::optional<Instant>& instant) {
  return instant ? FormatRfc3339(*instant) : "";
}

std::optional<Instant> InstantIn(const Json& message, const char* name) {
  const auto instant = ParseRfc3339(TextOf(message, name));
  if (!instant) return std::nullopt;
  return *instant;
}

int NumberIn(const Json& message, const char* name, int otherwise) {
  const auto found = message.find(name);
  if (found == message.end() || !found->is_number_integer()) return otherwise;
  const auto number = found->get<std::int64_t>();
  return std::in_range<int>(number) ? static_cast<int>(number) : otherwise;
}

std::optional<std::string> MaybeTextOf(const Json& message, const char* name) {
  std::string text = TextOf(message, name);
  if (text.empty()) return std::nullopt;
  return text;
}

plan::State StateIn(const Json& message, const char* name) {
  return plan::ParseState(TextOf(message, name)).value_or(plan::State::kQueued);
}

}  // namespace

Result<Json> ParseMessage(const std::string& line) {
  Json message = Json::parse(line, nullptr, false);
  if (!message.is_object()) return Invalid("a message that is not a JSON object");
  return message;
}

std::string TextOf(const Json& message) {
  return message.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string TextOf(const Json& message, const char* name) {
  const auto found = message.find(name);
  return found != message.end() && found->is_string() ? found->get<std::string>() : "";
}

bool FlagOf(const Json& message, const char* name) {
  const auto found = message.find(name);
  return found != message.end() && found->is_boolean() && found->get<bool>();
}

plan::GraphKey GraphIn(const Json& message) {
  return plan::GraphKey::Parse(TextOf(message, "graph"));
}

Json ToJson(const Error& error) {
  return {{"error", {{"kind", NameOf(error.kind)}, {"message", error.message}}}};
}

std::optional<Error> ErrorIn(const Json& message) {
  const auto found = message.find("error");
  if (found == message.end() || !found->is_object()) return std::nullopt;
  return Error{ParseErrorKind(TextOf(*found, "kind")), TextOf(*found, "message")};
}

Json ToJson(const StartRequest& request) {
  return {{"verb", "start"},
          {"graph", request.graph.Text()},
          {"date", request.date.value_or("")},
          {"force", request.force},
          {"key", request.key},
          {"by", request.by},
          {"trigger", request.trigger},
          {"target", request.target}};
}

StartRequest StartRequestFrom(const Json& message) {
  StartRequest request;
  request.graph = GraphIn(message);
  request.date = MaybeTextOf(message, "date");
  request.force = FlagOf(message, "force");
  request.key = TextOf(message, "key");
  request.by = TextOf(message, "by");
  request.target = TextOf(message, "target");
  if (const std::string trigger = TextOf(message, "trigger"); !trigger.empty()) {
    request.trigger = trigger;
  }
  return request;
}

Json ToJson(const BackfillRequest& request) {
  return {{"verb", "backfill"},
          {"graph", request.graph.Text()},
          {"from", request.from},
          {"to", request.to},
          {"newest_first", request.newest_first},
          {"retry_failed", request.retry_failed},
          {"runs_at_once", request.runs_at_once},
          {"dry_run", request.dry_run},
          {"force", request.force},
          {"by", request.by},
          {"target", request.target}};
}

BackfillRequest BackfillRequestFrom(const Json& message) {
  BackfillRequest request;
  request.graph = GraphIn(message);
  request.from = TextOf(message, "from");
  request.to = TextOf(message, "to");
  request.newest_first = FlagOf(message, "newest_first");
  request.retry_failed = FlagOf(message, "retry_failed");
  request.runs_at_once = NumberIn(message, "runs_at_once", 1);
  request.dry_run = FlagOf(message, "dry_run");
  request.force = FlagOf(message, "force");
  request.by = TextOf(message, "by");
  request.target = TextOf(message, "target");
  return request;
}

Json ToJson(const BackfillInstant& instant) {
  return {{"due", FormatRfc3339(instant.due)},
          {"scheduled_at", FormatRfc3339(instant.scheduled_at)},
          {"run", instant.run},
          {"what", instant.what},
          {"version", instant.version},
          {"version_data_date", instant.version_date},
          {"warning", instant.warning}};
}

BackfillInstant BackfillInstantFrom(const Json& message) {
  return {InstantIn(message, "due").value_or(Instant{}),
          InstantIn(message, "scheduled_at").value_or(Instant{}),
          TextOf(message, "run"),
          TextOf(message, "what"),
          TextOf(message, "version"),
          TextOf(message, "version_data_date"),
          TextOf(message, "warning")};
}

Json ToJson(const Status& status) {
  Json faults = Json::array();
  for (const catalogue::Fault& fault : status.faults) {
    faults.push_back({{"file", fault.file}, {"message", fault.message}});
  }
  Json undelivered = Json::array();
  for (const Undelivered& one : status.undelivered) {
    undelivered.push_back({{"to", one.to},
                           {"why", one.why},
                           {"notices", one.notices},
                           {"tries", one.tries},
                           {"next_try", FormatRfc3339(one.next_try)}});
  }
  Json uncopied = Json::array();
  for (const Uncopied& one : status.uncopied) {
    uncopied.push_back({{"to", one.to},
                        {"why", one.why},
                        {"runs", one.runs},
                        {"tries", one.tries},
                        {"next_try", FormatRfc3339(one.next_try)}});
  }
  Json debts = Json::array();
  for (const Debt& debt : status.debts) {
    debts.push_back({{"what", debt.what},
                     {"where", debt.where},
                     {"why", debt.why},
                     {"since", FormatRfc3339(debt.since)},
                     {"run", debt.attempt.run},
                     {"task", debt.attempt.task},
                     {"attempt", debt.attempt.number}});
  }
  Json silences = Json::array();
  for (const Silence& silence : status.silences) {
    silences.push_back({{"what", silence.what},
                        {"where", silence.where},
                        {"why", silence.why},
                        {"since", FormatRfc3339(silence.since)},
                        {"run", silence.attempt.run},
                        {"task", silence.attempt.task},
                        {"attempt", silence.attempt.number}});
  }
  Json online = Json::array();
  for (const Online& one : status.online) {
    online.push_back({{"service", one.service},
                      {"version", one.version},
                      {"wanted", one.wanted},
                      {"since", Written(one.since)},
                      {"because", one.because}});
  }
  Json graphs = Json::array();
  for (const GraphStatus& graph : status.graphs) {
    graphs.push_back({{"graph", graph.graph.Text()},
                      {"schedule", graph.schedule},
                      {"zone", graph.zone},
                      {"next", Written(graph.next)},
                      {"paused", graph.paused},
                      {"paused_by", graph.paused_by},
                      {"explained", graph.explained}});
  }
  return {{"since", FormatRfc3339(status.since)},
          {"schedules", status.schedules},
          {"trouble", status.trouble},
          {"attempts_running", status.attempts_running},
          {"faults", std::move(faults)},
          {"undelivered", std::move(undelivered)},
          {"uncopied", std::move(uncopied)},
          {"debts", std::move(debts)},
          {"silences", std::move(silences)},
          {"online", std::move(online)},
          {"graphs", std::move(graphs)}};
}

Status StatusFrom(const Json& message) {
  Status status;
  status.since = InstantIn(message, "since").value_or(Instant{});
  status.schedules = FlagOf(message, "schedules");
  status.trouble = TextOf(message, "trouble");
  status.attempts_running = static_cast<std::size_t>(NumberIn(message, "attempts_running", 0));
  for (const Json& fault : message.value("faults", Json::array())) {
    status.faults.push_back({TextOf(fault, "file"), TextOf(fault, "message")});
  }
  for (const Json& one : message.value("undelivered", Json::array())) {
    status.undelivered.push_back({TextOf(one, "to"), TextOf(one, "why"),
                                  static_cast<std::uint64_t>(NumberIn(one, "notices", 0)),
                                  static_cast<int>(NumberIn(one, "tries", 0)),
                                  InstantIn(one, "next_try").value_or(Instant{})});
  }
  for (const Json& one : message.value("uncopied", Json::array())) {
    status.uncopied.push_back({TextOf(one, "to"), TextOf(one, "why"),
                               static_cast<std::uint64_t>(NumberIn(one, "runs", 0)),
                               NumberIn(one, "tries", 0),
                               InstantIn(one, "next_try").value_or(Instant{})});
  }
  for (const Json& debt : message.value("debts", Json::array())) {
    status.debts.push_back({{TextOf(debt, "run"), TextOf(debt, "task"),
                             static_cast<int>(NumberIn(debt, "attempt", 0))},
                            TextOf(debt, "what"),
                            TextOf(debt, "where"),
                            TextOf(debt, "why"),
                            InstantIn(debt, "since").value_or(Instant{})});
  }
  for (const Json& silence : message.value("silences", Json::array())) {
    status.silences.push_back({{TextOf(silence, "run"), TextOf(silence, "task"),
                                static_cast<int>(NumberIn(silence, "attempt", 0))},
                               TextOf(silence, "what"),
                               TextOf(silence, "where"),
                               TextOf(silence, "why"),
                               InstantIn(silence, "since").value_or(Instant{})});
  }
  for (const Json& one : message.value("online", Json::array())) {
    status.online.push_back({TextOf(one, "service"), TextOf(one, "version"), TextOf(one, "wanted"),
                             InstantIn(one, "since"), TextOf(one, "because")});
  }
  for (const Json& graph : message.value("graphs", Json::array())) {
    status.graphs.push_back({GraphIn(graph), TextOf(graph, "schedule"), TextOf(graph, "zone"),
                             InstantIn(graph, "next"), FlagOf(graph, "paused"),
                             TextOf(graph, "paused_by"), TextOf(graph, "explained")});
  }
  return status;
}

std::optional<Json> ToJson(const plan::Decision& decision) {
  if (const auto* queued = std::get_if<plan::RunQueued>(&decision)) {
    return Json{{"decision", "queued"},
                {"run", queued->run.id},
                {"graph", queued->run.graph.Text()},
                {"data_date", queued->run.data_date}};
  }
  if (const auto* start = std::get_if<plan::StartAttempt>(&decision)) {
    return Json{{"decision", "attempt"},
                {"run", start->run},
                {"task", start->task},
                {"number", start->number}};
  }
  if (const auto* task = std::get_if<plan::TaskChanged>(&decision)) {
    return Json{{"decision", "task"},         {"run", task->run},       {"task", task->task},
                {"from", NameOf(task->from)}, {"to", NameOf(task->to)}, {"message", task->message}};
  }
  if (const auto* run = std::get_if<plan::RunChanged>(&decision)) {
    return Json{{"decision", "run"},
                {"run", run->run},
                {"from", NameOf(run->from)},
                {"to", NameOf(run->to)},
                {"message", run->message}};
  }
  if (const auto* retry = std::get_if<plan::RetryPlanned>(&decision)) {
    return Json{{"decision", "retry"},
                {"run", retry->run},
                {"task", retry->task},
                {"number", retry->number},
                {"at", FormatRfc3339(retry->at)},
                {"message", retry->message}};
  }
  return std::nullopt;
}

std::optional<plan::Decision> DecisionFrom(const Json& message) {
  const std::string what = TextOf(message, "decision");
  const std::string run = TextOf(message, "run");
  const std::string task = TextOf(message, "task");
  const std::string why = TextOf(message, "message");
  if (what == "queued") {
    plan::RunQueued queued;
    queued.run.id = run;
    queued.run.graph = GraphIn(message);
    queued.run.data_date = TextOf(message, "data_date");
    return queued;
  }
  if (what == "attempt") return plan::StartAttempt{run, task, NumberIn(message, "number", 1)};
  if (what == "task") {
    return plan::TaskChanged{run, task, StateIn(message, "from"), StateIn(message, "to"), why};
  }
  if (what == "run") {
    return plan::RunChanged{run, StateIn(message, "from"), StateIn(message, "to"), why};
  }
  if (what == "retry") {
    return plan::RetryPlanned{run, task, NumberIn(message, "number", 1),
                              InstantIn(message, "at").value_or(Instant{}), why};
  }
  return std::nullopt;
}

}  // namespace busker::daemon
