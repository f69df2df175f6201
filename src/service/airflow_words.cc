// Source: the arguments of DAG, BaseOperator and BashOperator of Airflow 1.10 to 3.
#include "service/airflow_words.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "service/fault.h"

namespace busker::service {
namespace {

struct Word {
  std::string_view name;
  std::string_view remedy = "leave it out";
};

constexpr std::string_view kToldByNotify =
    "leave it out; [notify] of the daemon tells how a run ended";
constexpr std::string_view kUsePool = "leave it out, or give the tasks a \"pool\"";
constexpr std::string_view kDescribe = "leave it out, or use \"description\" of \"graph\"";

constexpr Word kWords[] = {
    // of tasks
    {"task_id", "call it \"name\""},
    {"bash_command", "call it \"code\""},
    {"env", "set the variables in \"code\""},
    {"append_env"},
    {"cwd", "begin \"code\" with cd"},
    {"output_encoding"},
    {"output_processor"},
    {"skip_exit_code"},
    {"skip_on_exit_code"},
    {"ignore_first_depends_on_past"},
    {"wait_for_past_depends_before_skipping"},
    {"wait_for_downstream"},
    {"dag"},
    {"params", "leave it out, and write the values in \"code\""},
    {"weight_rule", "leave it out; \"priority_weight\" is taken as it is"},
    {"queue"},
    {"sla", "leave it out; \"dagrun_timeout\" and \"execution_timeout\" limit how long it takes"},
    {"on_execute_callback"},
    {"on_failure_callback", kToldByNotify},
    {"on_success_callback", kToldByNotify},
    {"on_retry_callback", kToldByNotify},
    {"on_skipped_callback", kToldByNotify},
    {"pre_execute"},
    {"post_execute"},
    {"resources", "use \"cpus\" and \"memory\""},
    {"run_as_user"},
    {"task_concurrency", kUsePool},
    {"max_active_tis_per_dag", kUsePool},
    {"max_active_tis_per_dagrun", kUsePool},
    {"map_index_template"},
    {"executor"},
    {"executor_config"},
    {"do_xcom_push"},
    {"multiple_outputs"},
    {"inlets"},
    {"outlets"},
    {"task_group"},
    {"doc", kDescribe},
    {"doc_md", kDescribe},
    {"doc_json", kDescribe},
    {"doc_yaml", kDescribe},
    {"doc_rst", kDescribe},
    {"task_display_name"},
    {"logger_name"},
    {"allow_nested_operators"},
    {"start_trigger_args"},
    {"start_from_trigger"},
    {"provide_context"},
    {"adhoc"},
    {"operator", "leave it out; every task is shell code"},
    {"upstream_task_ids", "use \"dependencies\""},
    {"downstream_task_ids", "use \"dependencies\""},
    // of graphs
    {"timetable", "use \"schedule\" with a cron text"},
    {"full_filepath"},
    {"template_searchpath"},
    {"template_undefined"},
    {"user_defined_macros"},
    {"user_defined_filters"},
    {"concurrency", kUsePool},
    {"max_active_tasks", kUsePool},
    {"max_consecutive_failed_dag_runs"},
    {"sla_miss_callback", kToldByNotify},
    {"default_view"},
    {"orientation"},
    {"access_control"},
    {"is_paused_upon_creation"},
    {"jinja_environment_kwargs"},
    {"render_template_as_native_obj"},
    {"owner_links"},
    {"auto_register"},
    {"fail_stop"},
    {"fail_fast"},
    {"dag_display_name"},
    {"allowed_run_types"},
    {"deadline"},
    {"disable_bundle_versioning"},
};

constexpr std::string_view kForeignRules[] = {"all_failed",
                                              "one_success",
                                              "one_done",
                                              "none_skipped",
                                              "all_skipped",
                                              "always",
                                              "dummy",
                                              "none_failed_min_one_success",
                                              "none_failed_or_skipped",
                                              "all_done_setup_success",
                                              "all_done_min_one_success"};

constexpr std::string_view kTemplates[] = {"ds",
                                           "ds_nodash",
                                           "ts",
                                           "ts_nodash",
                                           "ts_nodash_with_tz",
                                           "execution_date",
                                           "logical_date",
                                           "data_interval_start",
                                           "data_interval_end",
                                           "next_ds",
                                           "next_ds_nodash",
                                           "prev_ds",
                                           "prev_ds_nodash",
                                           "next_execution_date",
                                           "prev_execution_date",
                                           "yesterday_ds",
                                           "tomorrow_ds",
                                           "dag",
                                           "dag_run",
                                           "run_id",
                                           "task",
                                           "task_instance",
                                           "ti",
                                           "macros",
                                           "params",
                                           "var",
                                           "conn",
                                           "conf",
                                           "inlets",
                                           "outlets",
                                           "prev_data_interval_start_success",
                                           "prev_data_interval_end_success",
                                           "prev_start_date_success",
                                           "test_mode"};

template <std::size_t N>
bool Holds(const std::string_view (&words)[N], std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

}  // namespace

std::optional<std::string> AirflowRefusal(std::string_view key) {
  for (const Word& word : kWords) {
    if (word.name == key) {
      return fmt::format("Airflow's {} is not known to Busker; {}", Quoted(key), word.remedy);
    }
  }
  return std::nullopt;
}

bool IsForeignTriggerRule(std::string_view rule) { return Holds(kForeignRules, rule); }

std::optional<std::string> FindAirflowTemplate(std::string_view code) {
  for (std::size_t at = 0; (at = code.find("{{", at)) != std::string_view::npos; at += 2) {
    const auto begin = code.find_first_not_of("- \t", at + 2);
    if (begin == std::string_view::npos) break;
    const auto end =
        std::min(code.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", begin), code.size());
    const auto close = code.find("}}", end);
    if (close == std::string_view::npos) break;
    if (Holds(kTemplates, code.substr(begin, end - begin))) {
      return std::string(code.substr(at, close + 2 - at));
    }
  }
  return std::nullopt;
}

}  // namespace busker::service
