#include "prepare/places.h"

#include <fmt/core.h>

#include "artifact/store.h"
#include "attempt/home_place.h"
#include "base/text.h"

namespace busker::prepare {
namespace {

constexpr std::string_view kProcesses = "process://", kContainers = "docker://";

// `url`, when its scheme is `scheme`; `standard` when it is empty.
Result<std::string> UrlOf(const service::Target& target, std::string_view setting,
                          const std::string& url, std::string_view scheme, std::string standard) {
  if (url.empty()) return standard;
  const std::string prefix = fmt::format("{}:///", scheme);
  if (url.starts_with(prefix)) return url;
  return Invalid(fmt::format("target \"{}\" has {} = \"{}\"; this version of Busker has only {}",
                             target.name, setting, url, prefix + "FOLDER"));
}

// The image that runs: of the service's own version, unless the target names another.
std::string ImageOf(const service::Target& target, const service::Service& service) {
  const std::string last = target.image.substr(target.image.rfind('/') + 1);
  const bool names_it = last.find_first_of(":@") != std::string::npos;
  return names_it ? target.image : target.image + ":" + service.version;
}

// Empty: processes of this machine.
Result<std::string> ExecutorOf(const service::Target& target, const service::Service& service,
                               const std::string& store) {
  if (!target.log.empty()) {
    return Invalid(
        fmt::format("target \"{}\" has log = \"{}\", which this version of Busker cannot honour; "
                    "leave it out",
                    target.name, target.log));
  }
  if (target.executor.empty() || target.executor == kProcesses) {
    if (target.image.empty()) return std::string();
    return Invalid(
        fmt::format("target \"{}\" has image = \"{}\", which the executor process:// cannot "
                    "honour; leave it out, or say executor = \"docker://\"",
                    target.name, target.image));
  }
  if (!target.executor.starts_with(kContainers)) {
    return Invalid(fmt::format(
        "target \"{}\" has executor = \"{}\"; this version of Busker has process:// and docker://",
        target.name, target.executor));
  }
  if (target.image.empty()) {
    return Invalid(fmt::format("target \"{}\" has executor = \"{}\" and says no image to run",
                               target.name, target.executor));
  }
  if (target.artifacts.find("://") != std::string::npos && !target.artifacts.starts_with("file:")) {
    return Invalid(fmt::format(
        "target \"{}\" has executor = \"{}\" and artifacts = \"{}\": this version of "
        "Busker gives containers no credentials for a store elsewhere; leave one of them "
        "out",
        target.name, target.executor, target.artifacts));
  }
  return fmt::format("{}{}image={}&store={}", target.executor,
                     target.executor.find('?') == std::string::npos ? "?" : "&",
                     ImageOf(target, service), store);
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
  Places places;
  places.target = target;
  places.busker = home.busker;
  places.home = home.home;
  places.store_url = found.artifacts.empty() ? home.store_url : found.artifacts;
  if (auto fine = artifact::CheckStoreUrl(places.store_url); !fine) {
    return Wrap(fmt::format("target \"{}\"", found.name), std::move(fine).error());
  }
  TRY_ASSIGN(places.warehouse_url,
             UrlOf(found, "warehouse", found.warehouse, "embedded", home.warehouse_url));
  TRY_ASSIGN(places.executor,
             ExecutorOf(found, service, attempt::NameOfPlace(places.store_url, places.home)));
  return places;
}

}  // namespace busker::prepare
