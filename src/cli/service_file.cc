// busker init, busker validate and busker schema: the service file and graph files.
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/plural.h"
#include "catalogue/search.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "cli/workspace.h"
#include "execute/docker_container.h"
#include "image/reference.h"
#include "image/virtual_environment.h"
#include "io/file.h"
#include "model/gate.h"
#include "prepare/cost.h"
#include "secret/store.h"
#include "service/conventions.h"
#include "service/graph_file.h"
#include "service/schedule_file.h"
#include "service/service.h"

namespace busker::cli {
Result<int> Init(const Common& common, const InitOptions& options) {
  std::error_code error;
  // In the program's folder of a whole repository, the service is the repository.
  const bool is_above =
      common.folder == "." && service::IsProgramFolder(io::fs::current_path(error));
  const std::string folder = is_above ? ".." : common.folder;
  const io::fs::path path = io::fs::path(folder) / service::kServiceFile;
  if (io::fs::exists(path, error) && !options.force) {
    return Invalid(path.string() + " is there already; --force replaces it");
  }
  if (options.force) io::fs::remove(path, error);
  TRY_ASSIGN(const service::Service service, service::LoadService(folder));
  TRY(io::WriteFileAtomically(path, service::InitialFile(service)));
  PrintLine(
      fmt::format("wrote {}; busker validate checks it, busker run ACTION runs it", path.string()));
  return 0;
}

namespace {

// The names of secrets that the service uses and nobody has set yet.
Result<std::set<std::string>> UnsetSecrets(const Common& common, const service::Service& service) {
  std::set<std::string> names;
  for (const auto& [_, action] : service.actions) {
    for (const auto& [variable, secret] : action.secrets) names.insert(secret.name);
  }
  if (names.empty()) return names;
  Common there = common;
  there.folder = service.root;
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(there));
  TRY_ASSIGN(const auto entries,
             secret::Store(place.home, common.installation->environment).List());
  for (const secret::Entry& entry : entries) names.erase(entry.name);
  return names;
}

// A sentence when a Python service lists requirements and has no environment with them.
std::string MissingEnvironment(const service::Service& service) {
  const bool in_python =
      std::any_of(service.actions.begin(), service.actions.end(), [](const auto& action) {
        const auto& command = action.second.command;
        return !command.empty() &&
               io::fs::path(command[0]).filename().string().starts_with("python");
      });
  return in_python ? image::EnvironmentWarning(service.ProgramRoot()) : "";
}

bool DeliversPartitions(const service::Service& service) {
  return std::any_of(service.actions.begin(), service.actions.end(), [](const auto& action) {
    const auto& deliveries = action.second.deliveries;
    return std::any_of(deliveries.begin(), deliveries.end(),
                       [](const auto& setting) { return setting.write == "partition"; });
  });
}

// Deliveries by partition into tables that were written as a whole, as the conventions write them:
// each would be refused. A warehouse elsewhere is not asked: that takes a login, and costs.
Result<std::vector<std::string>> WholeTables(const Common& common, const std::string& folder) {
  std::vector<std::string> faults;
  Common there = common;
  there.folder = folder;
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(there));
  const bool is_here = workspace.places.warehouse_url.starts_with("embedded:");
  if (!is_here || !DeliversPartitions(workspace.service)) return faults;
  TRY_ASSIGN(const auto warehouse, OpenWarehouse(there, workspace));
  std::vector<deliver::DamagedTable> damaged;  // busker fsck tells of them
  TRY_ASSIGN(const auto deliveries, warehouse->Deliveries("", &damaged));
  const service::Service& service = workspace.service;
  for (const auto& [name, action] : service.actions) {
    for (const auto& setting : action.deliveries) {
      if (setting.write != "partition") continue;
      const auto table = service::ExpandTable(
          setting.table, {{"NAME", service.name}, {"VERSION", service.version}, {"ACTION", name}});
      const auto whole = std::find_if(deliveries.rbegin(), deliveries.rend(), [&](const auto& d) {
        return table && d.current && d.table == *table && d.write != deliver::Write::kPartition;
      });
      if (whole == deliveries.rend()) continue;
      faults.push_back(
          fmt::format("[actions.{}.deliver.\"{}\"]: write = \"partition\", and delivery {} wrote "
                      "the table {} as a "
                      "whole. busker run {} --force puts the first partition in its place, busker "
                      "undo {} takes "
                      "its rows out first, or choose another table",
                      name, setting.file, whole->id, *table, name, whole->id));
    }
  }
  return faults;
}

// What runs in the containers of the target would be refused for, wherever these are.
Result<void> CheckContainers(const service::Target& target, const std::string& executor) {
  const bool are_here = executor.starts_with("docker://");
  if (!are_here && !executor.starts_with("compute-engine://")) return {};
  const auto told = [&](const char* setting, const Error& error) {
    const auto at = target.at.find(setting);
    return Invalid(service::ToString(
        {service::kServiceFile, at == target.at.end() ? service::Position{} : at->second,
         fmt::format("target \"{}\": {}", target.name, error.message)}));
  };
  if (const auto image = image::ParseReference(target.image); !image) {
    return told("image", image.error());
  }
  if (!are_here) return {};
  if (const auto settings = execute::ContainerSettingsIn(executor); !settings) {
    return told("executor", settings.error());
  }
  return {};
}

// What the service cannot have at the target.
Result<std::vector<std::string>> MisfitsAt(const Common& common, const service::Service& service,
                                           const std::string& target) {
  std::vector<std::string> misfits;
  Common there = common;
  there.folder = service.root;
  there.target = target;
  const auto workspace = OpenWorkspace(there);
  if (!workspace && workspace.error().kind != ErrorKind::kInvalid) {
    return tl::unexpected(workspace.error());
  }
  if (!workspace) misfits.push_back(workspace.error().message);
  if (const auto named = service.targets.find(target);
      workspace && named != service.targets.end()) {
    const auto checked = CheckContainers(named->second, workspace->places.executor);
    if (!checked) misfits.push_back(checked.error().message);
  }
  for (std::string& fault : prepare::FaultsAt(service, target)) {
    misfits.push_back(std::move(fault));
  }
  return misfits;
}

struct Misfits {
  std::vector<std::string> faults;    // at the targets that its runs are at
  std::vector<std::string> warnings;  // at others that its file names, unless one was asked for
};

Result<Misfits> MisfitsIn(const Common& common, const std::string& folder) {
  Misfits misfits;
  TRY_ASSIGN(const service::Service service, service::LoadService(folder));
  std::set<std::string> targets;
  for (const auto& [name, _] : service.actions) {
    targets.insert(prepare::TargetOf(service, name, common.target, ""));
  }
  for (const std::string& target : targets) {
    TRY_ASSIGN(const auto faults, MisfitsAt(common, service, target));
    misfits.faults.insert(misfits.faults.end(), faults.begin(), faults.end());
  }
  if (!common.target.empty()) return misfits;
  for (const auto& [target, _] : service.targets) {
    if (targets.contains(target)) continue;
    TRY_ASSIGN(const auto warnings, MisfitsAt(common, service, target));
    misfits.warnings.insert(misfits.warnings.end(), warnings.begin(), warnings.end());
  }
  return misfits;
}

// What is well with a service, and what it still needs.
Result<void> PrintService(const Common& common, const std::string& folder) {
  TRY_ASSIGN(const service::Service service, service::LoadService(folder));
  PrintLine(fmt::format("{} {}: all is well with {}", service.name, service.version,
                        Plural(service.actions.size(), "action")));
  for (const auto& [name, action] : service.actions) {
    if (!action.schedule) continue;
    PrintLine(fmt::format(
        "{} has the schedule \"{}\"{}, which busker up keeps; busker next {} shows it", name,
        *action.schedule, action.schedule_file.empty() ? "" : " of " + action.schedule_file, name));
  }
  for (const auto& file : service::FindScheduleFiles(service.root)) {
    const service::Action& action = service.actions.at(file.action);
    if (!action.schedule_file.empty()) continue;
    PrintLine(fmt::format("{} is not used: {} says when {} runs", file.shown, service::kServiceFile,
                          file.action));
  }
  for (const std::string& near : service::NearlySchedules(service.root)) Warn(near);
  for (const auto& [name, action] : service.actions) {
    const std::string target = prepare::TargetOf(service, name, common.target, "");
    const std::string cost = prepare::WorstCost(service, name, target);
    if (!cost.empty()) PrintLine(fmt::format("{} at target \"{}\" takes {}", name, target, cost));
  }
  for (const std::string& warning : service.warnings) Warn(warning);
  if (const std::string missing = MissingEnvironment(service); !missing.empty()) Warn(missing);
  TRY_ASSIGN(const auto unset, UnsetSecrets(common, service));
  for (const std::string& name : unset) {
    PrintLine(
        fmt::format("secret \"{}\" is not set yet; busker secret set {} sets it", name, name));
  }
  return {};
}

Result<void> PrintGraph(const std::string& path) {
  TRY_ASSIGN(const service::GraphFile graph, service::LoadGraphFile(path));
  PrintLine(fmt::format("{}: all is well with {}", graph.id, Plural(graph.tasks.size(), "task")));
  return {};
}

}  // namespace

Result<int> ValidateService(const Common& common) {
  TRY_ASSIGN(const catalogue::Found found, catalogue::Discover({common.folder}));
  std::vector<std::string> faults = catalogue::Validate(found, model::CheckGate), warnings;
  for (const std::string& folder :
       faults.empty() ? found.service_folders : std::vector<std::string>()) {
    TRY_ASSIGN(const auto misfits, MisfitsIn(common, folder));
    faults.insert(faults.end(), misfits.faults.begin(), misfits.faults.end());
    warnings.insert(warnings.end(), misfits.warnings.begin(), misfits.warnings.end());
    if (!misfits.faults.empty()) continue;
    TRY_ASSIGN(const auto whole, WholeTables(common, folder));
    faults.insert(faults.end(), whole.begin(), whole.end());
  }
  if (common.json) {
    for (const std::string& folder : found.service_folders) {
      const auto service = service::LoadService(folder);
      if (!service) continue;  // its fault is among them
      warnings.insert(warnings.end(), service->warnings.begin(), service->warnings.end());
      const auto near = service::NearlySchedules(service->root);
      warnings.insert(warnings.end(), near.begin(), near.end());
    }
    PrintJson({{"valid", faults.empty()}, {"faults", faults}, {"warnings", warnings}});
  } else if (faults.empty()) {
    for (const std::string& folder : found.service_folders) TRY(PrintService(common, folder));
    for (const std::string& path : found.graph_files) TRY(PrintGraph(path));
    for (const std::string& warning : warnings) Warn(warning);
  } else {
    for (const std::string& fault : faults) std::fprintf(stderr, "%s\n", fault.c_str());
  }
  return faults.empty() ? 0 : 2;
}

Result<int> PrintSchema(const Common&) {
  PrintLine(service::JsonSchema());
  return 0;
}

}  // namespace busker::cli
