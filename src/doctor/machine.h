// Whether this machine has what Busker needs on it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doctor/report.h"
#include "io/file.h"
#include "service/service.h"

namespace busker::doctor {

struct Machine {
  io::fs::path duckdb_library;
  io::fs::path home;                        // that is there, or will be
  std::vector<std::string> environment;     // of this process
  std::optional<service::Service> service;  // of the folder, if it is one
};

// Looks at libraries, time zones, disk, limits and programs. Changes nothing.
void CheckMachine(const Machine& machine, Report& report);

}  // namespace busker::doctor
