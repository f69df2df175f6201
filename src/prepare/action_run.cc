#include "prepare/action_run.h"

#include <fmt/core.h>

#include <algorithm>

#include "artifact/version.h"
#include "attempt/order.h"
#include "attempt/step_place.h"
#include "home/place.h"
#include "model/gate.h"
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

// Of the version that a test saves in the run of a training, "20190801T000000Z-of-training": a run
// of the test itself may be of the same second, and has a number behind it then.
std::string TestStamp(const std::string& timestamp, const std::string& training) {
  constexpr std::size_t kBehindStampMax = std::string_view("20190801T000000Z-").size() + 63;
  return (timestamp + "-of-" + training).substr(0, kBehindStampMax);
}

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
    placeholders_ = PlaceholdersOf(action, prepared.row.timestamp);
    version_ = KeyOf(action, prepared.row.timestamp);
  }

  Result<void> AddProgram() {
    TRY_ASSIGN(attempt::Order order, ProgramOrder(action_, placeholders_));
    order.output = version_;
    if (!prepared_.row.model_version.empty()) order.input = prepared_.row.model_version;
    for (const auto& delivery : action_.deliveries) order.required_outputs.push_back(delivery.file);
    AddTask(action_, order, {});
    return {};
  }

  // What tests the version that the program saves, before its gate.
  Result<void> AddTest(const service::Action& test) {
    const std::string timestamp = TestStamp(prepared_.row.timestamp, action_.name);
    TRY_ASSIGN(attempt::Order order, ProgramOrder(test, PlaceholdersOf(test, timestamp)));
    order.output = KeyOf(test, timestamp);
    order.input = version_;
    if (action_.promote_when) {
      TRY_ASSIGN(const model::Needed needed, model::MetricsNeeded(*action_.promote_when));
      // The version brings the metrics of its training: a test that leaves these has found none.
      if (model::NamesTest(needed.of_new, test.name)) order.required_outputs = {"metrics.json"};
    }
    tests_[test.name] = *order.output;
    AddTask(test, order, {action_.name});
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
    if (!setting.key.empty()) {
      if (auto fine = deliver::CheckWarehouseTakesKeys(places_.warehouse_url); !fine) {
        return Wrap(fmt::format("key of {} at target \"{}\"", setting.file, places_.target),
                    std::move(fine).error());
      }
    }
    request.key = setting.key;
    request.max_age = setting.max_age;
    request.run = run_.id;
    request.service = service_.name;
    request.model_version =
        prepared_.row.model_version.empty() ? version_ : prepared_.row.model_version;
    AddStep(name, "deliver", ToJson(step), {action_.name}, Carried::kByAProcess);
    return {};
  }

  void AddPromotion() {
    std::vector<std::string> after = {action_.name};
    for (const auto& [test, _] : tests_) after.push_back(test);
    AddStep("promote", "promote",
            ToJson(PromoteStep{store_, version_, action_.promote_when, run_.force, run_.id,
                               action_.require_approval, tests_}),
            std::move(after), Carried::kByTheConductor);
  }

 private:
  Placeholders PlaceholdersOf(const service::Action& action, const std::string& timestamp) const {
    return {{"NAME", service_.name},  {"VERSION", service_.version},
            {"ACTION", action.name},  {"CONFIG", action.config},
            {"DATE", run_.data_date}, {"TIMESTAMP", timestamp},
            {"RUN", run_.id},         {"ROOT", root_}};
  }

  std::string KeyOf(const service::Action& action, const std::string& timestamp) const {
    return artifact::VersionName{service_.name, service_.version, action.name, timestamp}.Key();
  }

  Result<attempt::Order> ProgramOrder(const service::Action& action,
                                      const Placeholders& placeholders) const {
    attempt::Order order = BareOrder(action.name);
    for (const std::string& word : action.command) {
      TRY_ASSIGN(std::string expanded, service::Expand(word, placeholders));
      order.command.push_back(std::move(expanded));
    }
    TRY_ASSIGN(order.environment, ProgramEnvironment(action, placeholders));
    for (const auto& [variable, secret] : action.secrets) {
      order.secrets.push_back({variable, secret.name, secret.as_environment});
    }
    order.root = root_;
    order.config = action.config;
    order.placeholders = placeholders;
    order.timeout = action.timeout;
    KeepOfLog(action.log_bytes_max, order);
    return order;
  }

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

  void AddStep(const std::string& task, const std::string& step, std::string json,
               std::vector<std::string> after, Carried by) {
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
    AddTask(action_, order, std::move(after));
    if (by == Carried::kByAProcess) return;
    prepared_.tasks.back().place = attempt::kStepPlace;
    prepared_.tasks.back().place_tasks_max = attempt::kStepsAtOnceMax;
  }

  // The program is what takes room; Busker's own steps only wait for it.
  void AddTask(const service::Action& action, const attempt::Order& order,
               std::vector<std::string> after) {
    plan::Task task;
    task.name = order.task;
    task.after = std::move(after);
    task.retries = action.retries;
    task.retry_delay = action.retry_delay;
    task.exponential = action.exponential;
    task.retry_delay_max = action.retry_delay_max.value_or(task.retry_delay_max);
    if (!order.repeatable) {
      task.place = places_.executor;
      if (places_.bounds_attempts && order.timeout) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(*order.timeout);
        task.place += fmt::format("&timeout_s={}", seconds.count());
      }
      task.place_tasks_max = places_.tasks_max;
      task.preemptions_max = places_.preemptions_max;
      task.pool = action.pool;
      task.pool_slots = action.pool_slots;
      task.cpus_milli = action.cpus_milli;
      task.memory_bytes = action.memory_bytes;
    }
    prepared_.tasks.push_back(std::move(task));
    prepared_.row.orders.push_back(ForRecord(order));
  }

  // What the program inherits, then what the service sets, then what Busker tells it.
  Result<std::vector<std::string>> ProgramEnvironment(const service::Action& action,
                                                      const Placeholders& placeholders) const {
    const bool is_contained = !places_.executor.empty();
    // Of a container, the image says the rest (PATH, for one), and nothing of this machine does.
    Environment environment = is_contained ? InImages() : ForPrograms(environment_);
    for (const std::string& name : service_.pass_environment) {
      if (std::string value = FindVariable(environment_, name); !value.empty()) {
        environment[name] = value;
      }
    }
    Placeholders with_path = placeholders;
    with_path["PATH"] = is_contained ? kPathInImages : environment["PATH"];
    for (const auto& [name, text] : service_.environment) {
      TRY_ASSIGN(environment[name], service::Expand(text, with_path));
    }
    environment["NAME"] = service_.name;
    environment["VERSION"] = service_.version;
    environment["ACTION"] = action.name;
    environment["ZONE"] = places_.zone;
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
  std::string version_;                       // key of the version that the run saves
  std::map<std::string, std::string> tests_;  // by action: key of what it saves
};

}  // namespace

Result<void> CheckRunnable(const service::Service& service, const service::Action& action,
                           artifact::Store& store, const plan::DagRun& run) {
  TRY_ASSIGN(const Input input, Input::Read(service, action, run, store));
  TRY(input.For(run.scheduled_at));
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
  TRY_ASSIGN(const Input input, Input::Read(service, action, run, store));
  TRY_ASSIGN(const artifact::Manifest* version, input.For(run.scheduled_at));
  if (version != nullptr) prepared.row.model_version = version->name.Key();
  Builder builder(service, action, run, places, environment, prepared);
  TRY(builder.AddProgram());
  for (std::size_t i = 0; i < action.deliveries.size(); ++i) {
    TRY(builder.AddDelivery(action.deliveries[i], i + 1));
  }
  if (!action.promotes) return prepared;
  for (const std::string& test : service::Testing(service)) {
    TRY(builder.AddTest(service.actions.at(test)));
  }
  builder.AddPromotion();
  return prepared;
}

}  // namespace busker::prepare
