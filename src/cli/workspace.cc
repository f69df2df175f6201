#include "cli/workspace.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "model/gate.h"

namespace busker::cli {
namespace {

// The folder that `url` names, when its scheme is `scheme`; `standard` when it is empty.
Result<std::string> LocalFolder(const service::Target& target, std::string_view setting,
                                const std::string& url, std::string_view scheme,
                                std::string standard) {
  if (url.empty()) return standard;
  const std::string prefix = fmt::format("{}:///", scheme);
  if (url.starts_with(prefix)) return url.substr(prefix.size() - 1);
  return Invalid(fmt::format("target \"{}\" has {} = \"{}\"; this version of Busker has only {}",
                             target.name, setting, url, prefix + "FOLDER"));
}

Result<void> CheckExecutor(const service::Target& target) {
  if (!target.executor.empty() && target.executor != "process://") {
    return Invalid(
        fmt::format("target \"{}\" has executor = \"{}\"; this version of Busker has only "
                    "process://",
                    target.name, target.executor));
  }
  for (const auto& [setting, value] : {std::pair("image", target.image), {"log", target.log}}) {
    if (value.empty()) continue;
    return Invalid(
        fmt::format("target \"{}\" has {} = \"{}\", which the executor process:// cannot "
                    "honour; leave it out",
                    target.name, setting, value));
  }
  return {};
}

// What would otherwise go wrong in the middle of something.
Result<void> CheckPlace(const Workspace& workspace) {
  if (!IsUtf8(workspace.service.root)) {
    return Invalid("the path of the service's folder is not UTF-8; rename the folder");
  }
  const io::fs::path& home = workspace.home.folder;
  if (access(home.c_str(), R_OK | X_OK) != 0 && errno == EACCES) {
    return Failed(home.string() + " cannot be read: it belongs to another user");
  }
  return {};
}

Result<service::Target> FindTarget(const service::Service& service, const std::string& name) {
  const auto found = service.targets.find(name);
  if (found != service.targets.end()) return found->second;
  if (name == "local") return service::Target{"local", {}, {}, {}, {}, {}};
  std::vector<std::string> names = {"local"};
  for (const auto& [other, _] : service.targets) names.push_back(other);
  return NotFound(fmt::format("there is no target \"{}\"; there is {}", name, Join(names, ", ")));
}

}  // namespace

Result<Workspace> OpenWorkspace(const Common& common) {
  Workspace workspace;
  auto service = service::LoadService(common.folder, model::CheckGate);
  if (!service) return Wrap("load the service in " + common.folder, service.error());
  workspace.service = std::move(*service);
  workspace.home.folder = io::fs::path(workspace.service.root) / ".busker";
  TRY(CheckPlace(workspace));
  TRY_ASSIGN(const service::Target target, FindTarget(workspace.service, common.target));
  TRY(CheckExecutor(target));
  TRY_ASSIGN(const std::string artifacts, LocalFolder(target, "artifacts", target.artifacts, "file",
                                                      workspace.home.ArtifactsFolder().string()));
  TRY_ASSIGN(workspace.places.warehouse_folder,
             LocalFolder(target, "warehouse", target.warehouse, "embedded",
                         workspace.home.WarehouseFolder().string()));
  workspace.places.store_url = "file://" + artifacts;
  workspace.places.busker = common.installation->busker;
  return workspace;
}

bool HasHome(const Workspace& workspace) {
  std::error_code error;
  return io::fs::exists(workspace.home.RecordFile(), error);
}

Result<std::unique_ptr<record::Record>> OpenRecord(const Workspace& workspace) {
  if (!HasHome(workspace)) {
    return NotFound(fmt::format("nothing was run yet in {}; busker run ACTION runs something",
                                workspace.service.root));
  }
  return record::OpenSqliteRecord(workspace.home.RecordFile().string(), false);
}

Result<std::unique_ptr<deliver::Warehouse>> OpenWarehouse(const Common& common,
                                                          const Workspace& workspace) {
  return deliver::OpenEmbeddedWarehouse(workspace.places.warehouse_folder,
                                        common.installation->duckdb_library);
}

void Note(const Common& common, const Workspace& workspace, const std::string& what,
          const std::string& detail) {
  if (!HasHome(workspace)) return;
  record::EventRow event;
  event.at = Now();
  event.what = what;
  event.actor = common.installation->user;
  event.detail = detail;
  const auto record = OpenRecord(workspace);
  const auto noted =
      record ? (*record)->AddEvent(event) : Result<void>(tl::unexpected(record.error()));
  if (noted) return;
  std::fprintf(stderr, "busker: done, but not noted in the record: %s\n",
               noted.error().message.c_str());
}

}  // namespace busker::cli
