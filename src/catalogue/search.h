// What there is to run below some folders: services and graph files.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "plan/graph_key.h"
#include "service/service.h"

namespace busker::catalogue {

struct Found {  // absolute paths, sorted, each once
  std::vector<std::string> service_folders;
  std::vector<std::string> graph_files;
  std::vector<std::string> looked_in;  // folders in which something of the kind may yet come
  // Graph files that are schedules of the services' actions (service/schedule_file.h), and so no
  // graphs of their own.
  std::vector<std::string> schedule_files = {};
};

// Each path is
//   a graph file, or a busker.toml;
//   a folder that is a service (busker.toml, configs/*.json that are no graph files, or a whole
//   repository, service/conventions.h), or has graph files in configs/ or in scheduler/configs/
//   (several of these may hold);
//   or else a folder with such folders directly in it (hidden ones, build and the like left out).
// Nothing is checked but where things stand and whether a file in configs/ has "graph" and "tasks"
// at its top: a broken graph file is found. kNotFound names a path with nothing in it or that is
// not there; kInvalid when there is more than anybody means (20,000 entries of one folder).
Result<Found> Discover(const std::vector<std::string>& paths);

// Every fault of what was found, a sentence each: service::Validate of each service (with its
// folder in front when there are several), ValidateGraphFile of each graph file, and graphs of one
// dag_id.
std::vector<std::string> Validate(const Found& found, const service::GateCheck& check_gate = {});

// What the service's folder or the graph file, which is at fault, seems to define: a service (then
// of no name), or a graph; empty: it does not tell.
plan::GraphKey SeemsToDefine(const std::string& path);

}  // namespace busker::catalogue
