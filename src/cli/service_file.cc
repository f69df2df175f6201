// busker init, busker validate and busker schema: the service file.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/describe.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "io/file.h"
#include "model/gate.h"
#include "service/service.h"

namespace busker::cli {
Result<int> Init(const Common& common, const InitOptions& options) {
  const io::fs::path path = io::fs::path(common.folder) / "busker.toml";
  std::error_code error;
  if (io::fs::exists(path, error) && !options.force) {
    return Invalid(path.string() + " is there already; --force replaces it");
  }
  if (options.force) io::fs::remove(path, error);
  TRY_ASSIGN(const service::Service service, service::LoadService(common.folder));
  TRY(io::WriteFileAtomically(path, service::InitialFile(service)));
  PrintLine(
      fmt::format("wrote {}; busker validate checks it, busker run ACTION runs it", path.string()));
  return 0;
}

Result<int> ValidateService(const Common& common) {
  const std::vector<std::string> faults = service::Validate(common.folder, model::CheckGate);
  if (common.json) {
    PrintJson({{"valid", faults.empty()}, {"faults", faults}});
  } else if (faults.empty()) {
    TRY_ASSIGN(const service::Service service, service::LoadService(common.folder));
    PrintLine(fmt::format("{} {}: all is well with {} actions", service.name, service.version,
                          service.actions.size()));
    for (const auto& [name, action] : service.actions) {
      if (!action.schedule) continue;
      PrintLine(
          fmt::format("note: the schedule \"{}\" of {} is checked but not kept: this version "
                      "has no daemon; let cron call busker run {}",
                      *action.schedule, name, name));
    }
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
