#include "serve/describe.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "attempt/step_place.h"
#include "http/problem.h"
#include "serve/route.h"

namespace busker::serve {

using nlohmann::ordered_json;

namespace {

// Zero: it had no machine of its own, or nothing is known of that.
ordered_json SecondsOrNull(Milliseconds span) {
  return span.count() == 0 ? ordered_json()
                           : ordered_json(static_cast<double>(span.count()) / 1000.0);
}

ordered_json DescribeAttempt(const record::AttemptRow& attempt) {
  return {{"number", attempt.number},
          {"running", attempt.running},
          {"launched_at", FormatRfc3339(attempt.launched_at)},
          {"started_at", Describe(attempt.started_at)},
          {"command_started_at", Describe(attempt.command_started_at)},
          {"command_ended_at", Describe(attempt.command_ended_at)},
          {"ended_at", Describe(attempt.ended_at)},
          {"ending", TextOrNull(attempt.ending)},
          {"message", TextOrNull(attempt.message)},
          {"exit_code", attempt.exit_code},
          {"signal", attempt.signal},
          {"cpu_seconds", static_cast<double>(attempt.cpu.count()) / 1000.0},
          {"memory_peak_bytes", attempt.memory_peak_bytes},
          {"output_files", attempt.output_files},
          {"output_bytes", attempt.output_bytes},
          {"image", TextOrNull(attempt.image)},
          {"boot_seconds", SecondsOrNull(attempt.boot)},
          {"pull_seconds", SecondsOrNull(attempt.pull)},
          {"machine_seconds", SecondsOrNull(attempt.machine)}};
}

ordered_json DescribeGate(const model::Ruling* ruling) {
  if (ruling == nullptr) return {};
  ordered_json described = {{"passed", ruling->passed}, {"why", ruling->why}};
  if (ruling->NeededApproval()) {
    described["waits"] = ruling->waits;
    described["approved_by"] = TextOrNull(ruling->approved_by);
  }
  return described;
}

}  // namespace

ordered_json TextOrNull(std::string_view text) {
  return text.empty() ? ordered_json() : ordered_json(text);
}

ordered_json Describe(const std::optional<Instant>& instant) {
  return instant ? ordered_json(FormatRfc3339(*instant)) : ordered_json();
}

ordered_json Describe(const record::RunRow& run) {
  ordered_json tasks = ordered_json::array();
  for (const record::TaskRow& row : run.tasks) {
    ordered_json attempts = ordered_json::array();
    for (const auto& attempt : row.attempts) attempts.push_back(DescribeAttempt(attempt));
    tasks.push_back(
        {{"name", row.task.name},
         {"state", NameOf(row.task.state)},
         {"message", row.task.message},
         {"after", row.task.after},
         {"place", TextOrNull(row.task.place == attempt::kStepPlace ? "" : row.task.place)},
         {"attempts", attempts}});
  }
  return {{"id", run.facts.id},
          {run.facts.service.empty() ? "graph" : "action", run.facts.action},
          {"state", NameOf(run.state)},
          {"message", run.message},
          {"data_date", run.facts.data_date},
          {"scheduled_at", FormatRfc3339(run.facts.scheduled_at)},
          {"requested_at", FormatRfc3339(run.facts.requested_at)},
          {"started_at", Describe(run.started_at)},
          {"ended_at", Describe(run.ended_at)},
          {"trigger", run.facts.trigger},
          {"requested_by", run.facts.requested_by},
          {"due_at", Describe(run.facts.due)},
          {"batch", TextOrNull(run.facts.batch)},
          {"service", TextOrNull(run.facts.service)},
          {"service_version", run.facts.service_version},
          {"timestamp", run.facts.timestamp},
          {"model_version", TextOrNull(run.facts.model_version)},
          {"target", TextOrNull(run.facts.target)},
          {"tasks", tasks}};
}

ordered_json Describe(const record::RunRow& run, prepare::Rulings& rulings) {
  ordered_json described = Describe(run);
  const auto ruling = rulings.Of(run);
  described["gate"] = ruling ? DescribeGate(*ruling ? &**ruling : nullptr)
                             : ordered_json{{"passed", nullptr},
                                            {"why", http::WithoutPaths(ruling.error().message)}};
  return described;
}

ordered_json Describe(const record::EventRow& event) {
  return {{"number", event.number},
          {"at", FormatRfc3339(event.at)},
          {"graph", TextOrNull(event.graph)},
          {"run", TextOrNull(event.run)},
          {"task", TextOrNull(event.task)},
          {"what", event.what},
          {"actor", event.actor},
          {"detail", event.detail}};
}

ordered_json Describe(const daemon::Undelivered& notices) {
  return {{"to", notices.to},
          {"why", TextOrNull(notices.why)},
          {"notices", notices.notices},
          {"tries", notices.tries},
          {"next_try", FormatRfc3339(notices.next_try)}};
}

ordered_json Describe(const daemon::Uncopied& logs) {
  return {{"to", logs.to},
          {"why", TextOrNull(logs.why)},
          {"runs", logs.runs},
          {"tries", logs.tries},
          {"next_try", FormatRfc3339(logs.next_try)}};
}

ordered_json Describe(const daemon::Online& online) {
  const auto time = [](const std::string& key) {
    return TextOrNull(key.substr(key.rfind('/') + 1));
  };
  const bool behind = online.IsBehind();
  return {{"version", time(online.version)},
          {"wanted", time(online.wanted)},
          {"behind", behind},
          {"since", behind ? Describe(online.since) : ordered_json()},
          {"because", TextOrNull(http::WithoutPaths(online.because))}};
}

template <typename Elsewhere>  // a debt or a silence
ordered_json DescribeElsewhere(const Elsewhere& one) {
  return {{"what", one.what},
          {"where", one.where},
          {"why", one.why},
          {"since", FormatRfc3339(one.since)},
          {"run", TextOrNull(one.attempt.run)},
          {"task", TextOrNull(one.attempt.task)},
          {"attempt", one.attempt.number}};
}

ordered_json Describe(const daemon::Debt& debt) { return DescribeElsewhere(debt); }
ordered_json Describe(const daemon::Silence& silence) { return DescribeElsewhere(silence); }

ordered_json DescribeFor(const access::Caller& caller, const record::RunRow& run,
                         prepare::Rulings& rulings) {
  ordered_json described = Describe(run, rulings);
  described["trigger"] = TextFor(caller, run.facts.trigger);
  return described;
}

ordered_json DescribeFor(const access::Caller& caller, const record::EventRow& event) {
  ordered_json described = Describe(event);
  described["detail"] = TextFor(caller, event.detail);
  return described;
}

std::string TextFor(const access::Caller& caller, std::string text) {
  constexpr std::string_view kAfter = "after ", kRun = " (run ";
  if (caller.confines.empty()) return text;
  for (std::size_t at = text.find(kAfter); at != std::string::npos;
       at = text.find(kAfter, at + 1)) {
    const std::size_t blank = text.find(' ', at + kAfter.size());
    if (blank == std::string::npos || text.compare(blank, kRun.size(), kRun) != 0) continue;
    const std::size_t close = std::min(text.find(')', blank), text.size() - 1);
    text.erase(at + kAfter.size() - 1, close + 1 - (at + kAfter.size() - 1));
  }
  return text;
}

std::string ExplainedTo(const access::Caller& caller, const plan::Graph& graph,
                        std::string sentence) {
  constexpr std::string_view kAfter = " runs after a success of ";
  const std::size_t at = sentence.find(kAfter);
  const bool sees_all = std::all_of(graph.after.begin(), graph.after.end(),
                                    [&](const auto& key) { return caller.Sees(key.Text()); });
  if (at == std::string::npos || sees_all) return sentence;
  const std::size_t names = at + kAfter.size();
  return sentence.replace(names, std::min(sentence.find(';', names), sentence.size()) - names,
                          "others");
}

ordered_json Describe(const access::Token& token) {
  return {{"name", token.name},
          {"scope", NameOf(token.scope)},
          {"created_at", FormatRfc3339(token.created_at)},
          {"created_by", token.created_by},
          {"confines", token.confines}};
}

namespace {

// Without the packages, which may be hundreds: two that differ are told apart by the digest.
ordered_json DescribeEnvironment(const artifact::Manifest& version) {
  if (!version.environment) return nullptr;
  return {{"python", version.environment->python},
          {"packages", version.environment->packages.size()},
          {"sha256", version.environment->sha256}};
}

}  // namespace

ordered_json Describe(const artifact::Manifest& version, const model::Versions& all) {
  ordered_json described = Describe(version, all.IsLive(version));
  described["gate"] = DescribeGate(model::FindRuling(all.rulings, version.name));
  const model::Ruling* const waiting = all.Waiting();
  described["waits"] = waiting != nullptr && waiting->version == version.name;
  return described;
}

ordered_json DescribePin(const std::optional<model::LivePointer>& live) {
  if (!live || !live->pin) return nullptr;
  return {{"by", live->pin->by}, {"why", live->pin->why}, {"at", FormatRfc3339(live->pin->at)}};
}

ordered_json Describe(const artifact::Manifest& version, bool live) {
  ordered_json metrics = ordered_json::object();
  for (const auto& [name, value] : version.metrics) metrics[name] = value;
  std::uint64_t bytes = 0;
  for (const auto& [_, digest] : version.files) bytes += digest.size_bytes;
  return {{"version", version.name.timestamp},
          {"live", live},
          {"metrics", metrics},
          {"action", version.name.action},
          {"data_date", version.data_date},
          {"saved_at", FormatRfc3339(version.saved_at)},
          {"run", version.run},
          {"files", version.files.size()},
          {"bytes", bytes},
          {"source_commit", TextOrNull(version.source_commit)},
          {"image", TextOrNull(version.image)},
          {"folder_commit", TextOrNull(version.folder_commit)},
          {"environment", DescribeEnvironment(version)},
          {"key", version.name.Key()}};
}

ordered_json Describe(const deliver::Delivery& delivery) {
  ordered_json columns = ordered_json::object();
  for (const auto& column : delivery.columns) columns[column.name] = column.type;
  return {{"id", delivery.id},
          {"table", delivery.table},
          {"write", deliver::NameOf(delivery.write)},
          {"data_date", delivery.data_date},
          {"rows", delivery.rows},
          {"table_rows", delivery.table_rows},
          {"current", delivery.current},
          {"delivered_at", FormatRfc3339(delivery.delivered_at)},
          {"undone_at", Describe(delivery.undone_at)},
          {"run", delivery.run},
          {"model_version", delivery.model_version},
          {"file_sha256", delivery.file_sha256},
          {"columns", columns}};
}

}  // namespace busker::serve
