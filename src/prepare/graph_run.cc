#include "prepare/graph_run.h"

#include "attempt/order.h"
#include "prepare/environment.h"
#include "prepare/recorded_order.h"

namespace busker::prepare {
namespace {

plan::Task TaskOf(const service::GraphTask& setting) {
  plan::Task task;
  task.name = setting.name;
  task.after = setting.after;
  task.rule = setting.rule;
  task.retries = setting.retries;
  task.retry_delay = setting.retry_delay;
  task.exponential = setting.exponential;
  task.retry_delay_max = setting.retry_delay_max.value_or(task.retry_delay_max);
  task.pool = setting.pool;
  task.pool_slots = setting.pool_slots;
  task.priority = setting.priority;
  task.cpus_milli = setting.cpus_milli;
  task.memory_bytes = setting.memory_bytes;
  task.depends_on_past = setting.depends_on_past;
  return task;
}

}  // namespace

Result<PreparedRun> PrepareRun(const service::GraphFile& file, const plan::DagRun& run,
                               const std::vector<std::string>& environment) {
  PreparedRun prepared;
  prepared.row.run = run.id;
  prepared.timeout = file.run_timeout;
  prepared.row.definition = file.definition;

  Environment variables = ForPrograms(environment);
  variables["BUSKER_RUN"] = run.id;
  variables["BUSKER_DATE"] = run.data_date;
  variables["BUSKER_SCHEDULED_AT"] = FormatRfc3339(run.scheduled_at);
  attempt::Order order;
  order.run = run.id;
  order.synced = false;  // it saves nothing, and its end is recorded before anything follows
  order.environment = Entries(variables);
  order.scheduled_at = run.scheduled_at;
  order.data_date = run.data_date;
  for (const service::GraphTask& task : file.tasks) {
    order.task = task.name;
    order.command = service::CommandOf(task);
    order.timeout = task.timeout;
    KeepOfLog(task.log_bytes_max, order);
    prepared.tasks.push_back(TaskOf(task));
    prepared.row.orders.push_back(ForRecord(order));
  }
  return prepared;
}

}  // namespace busker::prepare
