// Words of Airflow that a graph file may bring along and that Busker does not have.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace busker::service {

// Why an argument of Airflow's DAG, BaseOperator or BashOperator is refused, with what to do
// instead; nullopt: it is none, or Busker has it.
std::optional<std::string> AirflowRefusal(std::string_view key);

// A trigger rule of Airflow that Busker does not have.
bool IsForeignTriggerRule(std::string_view rule);

// The first of Airflow's templates in shell code, "{{ ds }}": Busker would hand it to the shell as
// it is. What else has two braces (docker's --format) is left alone.
std::optional<std::string> FindAirflowTemplate(std::string_view code);

}  // namespace busker::service
