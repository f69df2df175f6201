#include "prepare/places.h"

#include <fmt/core.h>

#include "base/text.h"

namespace busker::prepare {
namespace {

// `url`, when its scheme is `scheme`; `standard` when it is empty.
Result<std::string> UrlOf(const service::Target& target, std::string_view setting,
                          const std::string& url, std::string_view scheme, std::string standard) {
  if (url.empty()) return standard;
  const std::string prefix = fmt::format("{}:///", scheme);
  if (url.starts_with(prefix)) return url;
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

Result<service::Target> FindTarget(const service::Service& service, const std::string& name) {
  const auto found = service.targets.find(name);
  if (found != service.targets.end()) return found->second;
  if (name == "local") return service::Target{"local", {}, {}, {}, {}, {}};
  std::vector<std::string> names = {"local"};
  for (const auto& [other, _] : service.targets) names.push_back(other);
  return NotFound(fmt::format("there is no target \"{}\"; there is {}", name, Join(names, ", ")));
}

}  // namespace

std::string TargetOf(const service::Service& service, const std::string& action,
                     const std::string& asked, const std::string& standing) {
  if (!asked.empty()) return asked;
  if (!standing.empty()) return standing;
  const auto own = service.actions.find(action);
  if (own != service.actions.end() && !own->second.target.empty()) return own->second.target;
  return service.target.empty() ? "local" : service.target;
}

Result<Places> PlacesOf(const service::Service& service, const std::string& target,
                        const HomePlaces& home) {
  TRY_ASSIGN(const service::Target found, FindTarget(service, target));
  TRY(CheckExecutor(found));
  Places places;
  places.target = target;
  places.busker = home.busker;
  places.home = home.home;
  TRY_ASSIGN(places.store_url, UrlOf(found, "artifacts", found.artifacts, "file", home.store_url));
  TRY_ASSIGN(places.warehouse_url,
             UrlOf(found, "warehouse", found.warehouse, "embedded", home.warehouse_url));
  return places;
}

}  // namespace busker::prepare
