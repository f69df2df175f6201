#include "cli/doctor.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/workspace.h"
#include "doctor/containers.h"
#include "doctor/google.h"
#include "doctor/machine.h"

namespace busker::cli {
namespace {

using nlohmann::ordered_json;

constexpr char kContainers[] = "docker://";

std::string_view NameOf(doctor::Verdict verdict) {
  switch (verdict) {
    case doctor::Verdict::kGood:
      return "ok";
    case doctor::Verdict::kDoubtful:
      return "doubt";
    case doctor::Verdict::kBad:
      return "fault";
  }
  return "";
}

Result<service::Target> FindTarget(const Place& place, const std::string& name) {
  if (!place.service) return NotFound("no service here, so no target");
  const auto& targets = place.service->targets;
  if (const auto found = targets.find(name); found != targets.end()) return found->second;
  if (name == "local") {
    service::Target local;
    local.name = name;
    return local;
  }
  return NotFound(fmt::format("no target \"{}\"; add [targets.{}] to busker.toml", name, name));
}

void CheckTarget(const Common& common, const Place& place, const service::Target& target,
                 doctor::Report& report) {
  const std::vector<std::string>& environment = common.installation->environment;
  if (const auto workspace = OpenWorkspace(common); !workspace) {
    report.Bad("target", workspace.error().message,
               fmt::format("mend it; busker validate --target {} looks again", target.name));
  }
  const bool has_containers = target.executor.starts_with(kContainers);
  doctor::CheckEngine(target.executor, has_containers, environment, report);
  if (has_containers) {
    doctor::CheckImage(target, place.service->version, true, environment, report);
  }
  if (doctor::IsInGoogleCloud(target)) {
    doctor::CheckGoogleCloud(*place.service, target, environment, report);
  }
}

void PrintFindings(const std::vector<doctor::Finding>& findings) {
  for (const doctor::Finding& one : findings) {
    PrintLine(Printable(fmt::format("{:<5} {}: {}{}{}", NameOf(one.verdict), one.what, one.message,
                                    one.remedy.empty() ? "" : "; to mend it: ", one.remedy)));
  }
}

ordered_json Describe(const std::vector<doctor::Finding>& findings) {
  ordered_json list = ordered_json::array();
  for (const doctor::Finding& one : findings) {
    list.push_back({{"check", one.what},
                    {"state", NameOf(one.verdict)},
                    {"message", one.message},
                    {"remedy", one.remedy.empty() ? ordered_json() : ordered_json(one.remedy)}});
  }
  return list;
}

}  // namespace

Result<int> Doctor(const Common& common) {
  doctor::Report report;
  auto place = OpenPlace(common);
  if (!place) {
    // Where there is no service yet, the machine can be looked at all the same.
    if (!common.target.empty()) return tl::unexpected(place.error());
    if (place.error().kind != ErrorKind::kNotFound) {
      report.Bad("service file", place.error().message, "mend it; busker validate looks again");
    }
    const io::fs::path folder = io::fs::absolute(common.folder);
    place = Place{folder.string(),
                  common.home.empty() ? home::Home::Beside(folder) : home::Home{common.home},
                  {}};
  }
  std::optional<service::Target> target;
  if (!common.target.empty()) {
    TRY_ASSIGN(target, FindTarget(*place, common.target));
  }
  const Installation& installation = *common.installation;
  doctor::CheckMachine(
      {installation.duckdb_library, place->home.folder, installation.environment, place->service},
      report);
  if (target) {
    CheckTarget(common, *place, *target, report);
  } else {
    doctor::CheckEngine("", false, installation.environment, report);
  }
  if (common.json) {
    PrintJson(Describe(report.findings()));
  } else {
    PrintFindings(report.findings());
  }
  const auto is_bad = [](const doctor::Finding& one) {
    return one.verdict == doctor::Verdict::kBad;
  };
  return std::any_of(report.findings().begin(), report.findings().end(), is_bad) ? 1 : 0;
}

}  // namespace busker::cli
