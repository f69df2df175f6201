#include "prepare/action_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "artifact/version.h"
#include "base/id.h"
#include "model/live.h"
#include "plan/cron.h"
#include "prepare/step.h"
#include "runner/attempt_file.h"

namespace busker::prepare {
namespace {

constexpr auto kStepLimit = std::chrono::hours(6);  // of a delivery: every wait has a limit

// What a program may inherit from the person or unit that started Busker.
constexpr std::array<std::string_view, 7> kInherited = {"PATH", "HOME",   "USER",       "LANG",
                                                        "TZ",   "TMPDIR", "VIRTUAL_ENV"};

using Placeholders = std::map<std::string, std::string>;
using Environment = std::map<std::string, std::string>;

std::string Find(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& entry : environment) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return entry.substr(name.size() + 1);
    }
  }
  return {};
}

std::vector<std::string> Entries(const Environment& environment) {
  std::vector<std::string> entries;
  for (const auto& [name, value] : environment) entries.push_back(name + "=" + value);
  return entries;
}

Environment Inherited(const std::vector<std::string>& environment) {
  Environment own;
  for (const std::string_view name : kInherited) {
    if (std::string value = Find(environment, name); !value.empty()) own[std::string(name)] = value;
  }
  own.try_emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
  return own;
}

struct DataDate {
  Instant instant;
  std::string date;  // in the schedule's zone
};

Result<DataDate> ReadDataDate(const std::optional<std::string>& text, const std::string& zone,
                              Instant now) {
  Instant instant = now;
  if (text && text->size() <= 10) {
    TRY_ASSIGN(const auto day, ParseDate(*text));
    TRY_ASSIGN(instant, plan::StartOfDay(day, zone));
  } else if (text) {
    TRY_ASSIGN(instant, ParseRfc3339(*text));
  }
  TRY_ASSIGN(std::string date, plan::LocalDate(instant, zone));
  return DataDate{instant, std::move(date)};
}

// Builds the tasks of one run.
class Builder {
 public:
  Builder(const service::Service& service, const service::Action& action, const RunRequest& request,
          const Places& places, PreparedRun& run)
      : service_(service), action_(action), request_(request), places_(places), run_(run) {
    const record::RunFacts& facts = run.facts;
    placeholders_ = {{"NAME", service.name},    {"VERSION", service.version},
                     {"ACTION", action.name},   {"CONFIG", action.config},
                     {"DATE", facts.data_date}, {"TIMESTAMP", facts.timestamp},
                     {"RUN", facts.id},         {"ROOT", service.root}};
    version_ =
        artifact::VersionName{service.name, service.version, action.name, facts.timestamp}.Key();
  }

  Result<void> AddProgram() {
    runner::AttemptOrder order = BareOrder(action_.name);
    for (const std::string& word : action_.command) {
      TRY_ASSIGN(std::string expanded, service::Expand(word, placeholders_));
      order.command.push_back(std::move(expanded));
    }
    TRY_ASSIGN(order.environment, ProgramEnvironment());
    order.root = service_.root;
    order.config = action_.config;
    order.placeholders = placeholders_;
    order.output = version_;
    if (!run_.facts.model_version.empty()) order.input = run_.facts.model_version;
    for (const auto& delivery : action_.deliveries) order.required_outputs.push_back(delivery.file);
    order.timeout = action_.timeout;
    order.source_commit = SourceCommit(service_.root, request_.environment);
    AddTask(order, {}, action_.retries, action_.retry_delay);
    return {};
  }

  Result<void> AddDelivery(const service::DeliverySetting& setting, std::size_t number) {
    const std::string name = number == 1 ? "deliver" : fmt::format("deliver-{}", number);
    DeliverStep step;
    step.store_url = places_.store_url;
    step.version = version_;
    step.file = setting.file;
    step.warehouse_folder = places_.warehouse_folder;
    deliver::Request& request = step.request;
    request.id = fmt::format("{}.{}", run_.facts.id, number);
    TRY_ASSIGN(request.table, service::ExpandTable(setting.table, placeholders_));
    for (const auto& [column, type] : setting.schema) request.schema.push_back({column, type});
    TRY_ASSIGN(request.write, deliver::ParseWrite(setting.write));
    request.data_date = run_.facts.data_date;
    request.scheduled_at = run_.facts.scheduled_at;
    request.force = request_.force;
    request.rows_min = setting.rows_min;
    request.run = run_.facts.id;
    request.service = service_.name;
    request.model_version = run_.facts.model_version.empty() ? version_ : run_.facts.model_version;
    AddStep(name, "deliver", ToJson(step));
    return {};
  }

  void AddPromotion() {
    AddStep("promote", "promote",
            ToJson(PromoteStep{places_.store_url, version_, action_.promote_when, request_.force,
                               run_.facts.id}));
  }

 private:
  runner::AttemptOrder BareOrder(const std::string& task) const {
    runner::AttemptOrder order;
    order.run = run_.facts.id;
    order.task = task;
    order.store_url = places_.store_url;
    order.scheduled_at = run_.facts.scheduled_at;
    order.data_date = run_.facts.data_date;
    return order;
  }

  void AddStep(const std::string& task, const std::string& step, std::string json) {
    runner::AttemptOrder order = BareOrder(task);
    order.command = {places_.busker, "step", step, std::move(json)};
    order.environment = Entries(Inherited(request_.environment));
    order.repeatable = true;
    order.timeout = kStepLimit;
    AddTask(order, {action_.name}, action_.retries, action_.retry_delay);
  }

  void AddTask(const runner::AttemptOrder& order, std::vector<std::string> after, int retries,
               Milliseconds retry_delay) {
    plan::Task task;
    task.name = order.task;
    task.after = std::move(after);
    task.retries = retries;
    task.retry_delay = retry_delay;
    run_.tasks.push_back({std::move(task), runner::OrderToJson(order)});
  }

  // What the program inherits, then what the service sets, then what Busker tells it.
  Result<std::vector<std::string>> ProgramEnvironment() const {
    Environment environment = Inherited(request_.environment);
    for (const std::string& name : service_.pass_environment) {
      if (std::string value = Find(request_.environment, name); !value.empty()) {
        environment[name] = value;
      }
    }
    Placeholders with_path = placeholders_;
    with_path["PATH"] = environment["PATH"];
    for (const auto& [name, text] : service_.environment) {
      TRY_ASSIGN(environment[name], service::Expand(text, with_path));
    }
    const record::RunFacts& facts = run_.facts;
    environment["NAME"] = service_.name;
    environment["VERSION"] = service_.version;
    environment["ACTION"] = action_.name;
    environment["ZONE"] = "local";
    environment["BUSKER_RUN"] = facts.id;
    environment["BUSKER_DATE"] = facts.data_date;
    environment["BUSKER_SCHEDULED_AT"] = FormatRfc3339(facts.scheduled_at);
    return Entries(environment);
  }

  const service::Service& service_;
  const service::Action& action_;
  const RunRequest& request_;
  const Places& places_;
  PreparedRun& run_;
  Placeholders placeholders_;
  std::string version_;  // key of the version that the run saves
};

}  // namespace

Result<PreparedRun> PrepareRun(const service::Service& service, const service::Action& action,
                               const RunRequest& request, const Places& places,
                               artifact::Store& store, Instant timestamp, Instant now) {
  PreparedRun run;
  TRY_ASSIGN(const DataDate data_date, ReadDataDate(request.date, action.time_zone, now));
  run.facts = {MakeRunId(now),
               service.name,
               service.version,
               action.name,
               FormatStamp(timestamp),
               data_date.date,
               data_date.instant,
               request.trigger,
               request.requested_by,
               "",
               now};
  if (action.input_live) {
    TRY_ASSIGN(const auto live, model::ReadLive(store, service.name, service.version));
    if (!live) {
      return NotFound(
          fmt::format("action {} applies the live version of {} {}, and none is live "
                      "yet; run the training first, or busker promote a version",
                      action.name, service.name, service.version));
    }
    run.facts.model_version = live->now.version.Key();
  }
  Builder builder(service, action, request, places, run);
  TRY(builder.AddProgram());
  for (std::size_t i = 0; i < action.deliveries.size(); ++i) {
    TRY(builder.AddDelivery(action.deliveries[i], i + 1));
  }
  if (action.promotes) builder.AddPromotion();
  return run;
}

}  // namespace busker::prepare
