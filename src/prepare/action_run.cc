#include "prepare/action_run.h"

#include <fmt/core.h>

#include <algorithm>

#include "artifact/version.h"
#include "attempt/order.h"
#include "attempt/step_place.h"
#include "home/place.h"
#include "prepare/environment.h"
#include "prepare/input.h"
#include "prepare/recorded_order.h"
#include "prepare/step.h"

namespace busker::prepare {
namespace {

constexpr auto kStepLimit = std::chrono::hours(6);  // of a delivery: every wait has a limit

// What is called PATH in images as a rule.
constexpr char kPathInImages[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

constexpr std::string_view kFileTrigger = "file ";  // of a run that a file began

using Placeholders = std::map<std::string, std::string>;

// Builds the tasks of one run.
class Builder {
 public:
  Builder(const service::Service& service, const service::Action& action, const plan::DagRun& run,
          const Places& places, const std::vector<std::string>& environment, PreparedRun& prepared)
      : service_(service),
        action_(action),
        run_(run),
        places_(places),
        environment_(environment),
        prepared_(prepared),
        store_(home::NameOfPlace(places.store_url, places.home)),
        root_(places.executor.empty() ? service.ProgramRoot() : attempt::kRootOfImage) {
    const std::string& timestamp = prepared.row.timestamp;
    placeholders_ = {{"NAME", service.name},  {"VERSION", service.version},
                     {"ACTION", action.name}, {"CONFIG", action.config},
                     {"DATE", run.data_date}, {"TIMESTAMP", timestamp},
                     {"RUN", run.id},         {"ROOT", root_}};
    version_ = artifact::VersionName{service.name, service.version, action.name, timestamp}.Key();
  }

  Result<void> AddProgram() {
    attempt::Order order = BareOrder(action_.name);
    for (const std::string& word : action_.command) {
      TRY_ASSIGN(std::string expanded, service::Expand(word, placeholders_));
      order.command.push_back(std::move(expanded));
    }
    TRY_ASSIGN(order.environment, ProgramEnvironment());
    for (const auto& [variable, secret] : action_.secrets) {
      order.secrets.push_back({variable, secret.name, secret.as_environment});
    }
    order.root = root_;
    order.config = action_.config;
    order.placeholders = placeholders_;
    order.output = version_;
    if (!prepared_.row.model_version.empty()) order.input = prepared_.row.model_version;
    for (const auto& delivery : action_.deliveries) order.required_outputs.push_back(delivery.file);
    order.timeout = action_.timeout;
    KeepOfLog(action_.log_bytes_max, order);
    AddTask(order, {});
    return {};
  }

  Result<void> AddDelivery(const service::DeliverySetting& setting, std::size_t number) {
    const std::string name = number == 1 ? "deliver" : fmt::format("deliver-{}", number);
    DeliverStep step;
    step.store_url = store_;
    step.version = version_;
    step.file = setting.file;
    step.warehouse_url = home::NameOfPlace(places_.warehouse_url, places_.home);
    deliver::Request& request = step.request;
    request.id = fmt::format("{}.{}", run_.id, number);
    TRY_ASSIGN(request.table, service::ExpandTable(setting.table, placeholders_));
    for (const auto& [column, type] : setting.schema) request.schema.push_back({column, type});
    TRY_ASSIGN(request.write, deliver::ParseWrite(setting.write));
    request.data_date = run_.data_date;
    request.scheduled_at = run_.scheduled_at;
    request.force = run_.force;
    request.rows_min = setting.rows_min;
    request.run = run_.id;
    request.service = service_.name;
    request.model_version =
        prepared_.row.model_version.empty() ? version_ : prepared_.row.model_version;
    AddStep(name, "deliver", ToJson(step), Carried::kByAProcess);
    return {};
  }

  void AddPromotion() {
    AddStep("promote", "promote",
            ToJson(PromoteStep{store_, version_, action_.promote_when, run_.force, run_.id}),
            Carried::kByTheConductor);
  }

 private:
  attempt::Order BareOrder(const std::string& task) const {
    attempt::Order order;
    order.run = run_.id;
    order.task = task;
    order.store_url = store_;
    order.scheduled_at = run_.scheduled_at;
    order.data_date = run_.data_date;
    return order;
  }

  // A delivery loads an engine that may take gigabytes, or crash.
  enum class Carried { kByAProcess, kByTheConductor };

  void AddStep(const std::string& task, const std::string& step, std::string json, Carried by) {
    attempt::Order order = BareOrder(task);
    order.command = {places_.busker, "step", step, std::move(json)};
    Environment environment = Inherited(environment_);
    for (const char* const name : artifact::StoreVariables()) {
      if (std::string value = FindVariable(environment_, name); !value.empty()) {
        environment[name] = std::move(value);
      }
    }
    order.environment = Entries(environment);
    order.repeatable = true;
    order.timeout = kStepLimit;
    AddTask(order, {action_.name});
    if (by == Carried::kByAProcess) return;
    prepared_.tasks.back().place = attempt::kStepPlace;
    prepared_.tasks.back().place_tasks_max = attempt::kStepsAtOnceMax;
  }

  // The program is what takes room; Busker's own steps only wait for it.
  void AddTask(const attempt::Order& order, std::vector<std::string> after) {
    plan::Task task;
    task.name = order.task;
    task.after = std::move(after);
    task.retries = action_.retries;
    task.retry_delay = action_.retry_delay;
    task.exponential = action_.exponential;
    task.retry_delay_max = action_.retry_delay_max.value_or(task.retry_delay_max);
    if (!order.repeatable) {
      task.place = places_.executor;
      task.place_tasks_max = places_.tasks_max;
      task.pool = action_.pool;
      task.pool_slots = action_.pool_slots;
      task.cpus_milli = action_.cpus_milli;
      task.memory_bytes = action_.memory_bytes;
    }
    prepared_.tasks.push_back(std::move(task));
    prepared_.row.orders.push_back(ForRecord(order));
  }

  // What the program inherits, then what the service sets, then what Busker tells it.
  Result<std::vector<std::string>> ProgramEnvironment() const {
    const bool is_contained = !places_.executor.empty();
    // Of a container, the image says the rest (PATH, for one), and nothing of this machine does.
    Environment environment = is_contained ? InImages() : ForPrograms(environment_);
    for (const std::string& name : service_.pass_environment) {
      if (std::string value = FindVariable(environment_, name); !value.empty()) {
        environment[name] = value;
      }
    }
    Placeholders with_path = placeholders_;
    with_path["PATH"] = is_contained ? kPathInImages : environment["PATH"];
    for (const auto& [name, text] : service_.environment) {
      TRY_ASSIGN(environment[name], service::Expand(text, with_path));
    }
    environment["NAME"] = service_.name;
    environment["VERSION"] = service_.version;
    environment["ACTION"] = action_.name;
    environment["ZONE"] = "local";
    environment["BUSKER_RUN"] = run_.id;
    if (run_.trigger.starts_with(kFileTrigger)) {
      environment["BUSKER_FILE"] = run_.trigger.substr(kFileTrigger.size());
    }
    environment["BUSKER_DATE"] = run_.data_date;
    environment["BUSKER_SCHEDULED_AT"] = FormatRfc3339(run_.scheduled_at);
    return Entries(environment);
  }

  const service::Service& service_;
  const service::Action& action_;
  const plan::DagRun& run_;
  const Places& places_;
  const std::vector<std::string>& environment_;
  PreparedRun& prepared_;
  const std::string store_;  // as orders name it
  const std::string root_;   // the service's folder, where its program is
  Placeholders placeholders_;
  std::string version_;  // key of the version that the run saves
};

}  // namespace

Result<void> CheckRunnable(const service::Service& service, const service::Action& action,
                           artifact::Store& store, Instant data) {
  TRY_ASSIGN(const Input input, Input::Read(service, action, store));
  TRY(input.For(data));
  return {};
}

Result<PreparedRun> PrepareRun(const service::Service& service, const service::Action& action,
                               const plan::DagRun& run, const Places& places,
                               artifact::Store& store, const std::string& timestamp,
                               const std::vector<std::string>& environment) {
  PreparedRun prepared;
  prepared.row.run = run.id;
  prepared.row.service_version = service.version;
  prepared.row.timestamp = timestamp;
  prepared.row.definition = action.definition;
  prepared.row.target = places.target;
  prepared.timeout = action.run_timeout;
  TRY_ASSIGN(const Input input, Input::Read(service, action, store));
  TRY_ASSIGN(const artifact::Manifest* version, input.For(run.scheduled_at));
  if (version != nullptr) prepared.row.model_version = version->name.Key();
  Builder builder(service, action, run, places, environment, prepared);
  TRY(builder.AddProgram());
  for (std::size_t i = 0; i < action.deliveries.size(); ++i) {
    TRY(builder.AddDelivery(action.deliveries[i], i + 1));
  }
  if (action.promotes) builder.AddPromotion();
  return prepared;
}

}  // namespace busker::prepare
