#include "prepare/places.h"

#include <fmt/core.h>

#include "artifact/store.h"
#include "base/text.h"
#include "home/place.h"
#include "image/built_images.h"
#include "image/reference.h"
#include "io/file.h"
#include "service/host_paths.h"

namespace busker::prepare {
namespace {

constexpr std::string_view kProcesses = "process://", kContainers = "docker://";

// "busker.toml:12:8: ", where the file says it.
std::string Place(const service::Target& target, const std::string& setting) {
  const auto at = target.at.find(setting);
  if (at == target.at.end()) return {};
  return service::ToString({service::kServiceFile, at->second, ""});
}

// A setting that this target, or this version of Busker, cannot honour.
tl::unexpected<Error> Refused(const service::Target& target, const std::string& setting,
                              const std::string& value, const std::string& why) {
  return Invalid(fmt::format("{}target \"{}\" has {} = \"{}\"{}", Place(target, setting),
                             target.name, setting, value, why));
}

// `url`, when its scheme is `scheme`; `standard` when it is empty.
Result<std::string> UrlOf(const service::Target& target, const std::string& setting,
                          const std::string& url, std::string_view scheme, std::string standard) {
  if (url.empty()) return standard;
  const std::string prefix = fmt::format("{}:///", scheme);
  if (url.starts_with(prefix)) return url;
  return Refused(target, setting, url,
                 fmt::format("; this version of Busker has only {}FOLDER", prefix));
}

// The image that runs: of the service's own version, unless the target names another; by digest,
// when it was built here.
Result<std::string> ImageOf(const service::Target& target, const service::Service& service,
                            const std::string& home) {
  const bool names_it = image::WithoutTag(target.image) != target.image;
  const std::string name = names_it ? target.image : target.image + ":" + service.version;
  if (home.empty() || target.image.find('@') != std::string::npos) return name;
  TRY_ASSIGN(const std::string built, image::BuiltImages(home).Find(name));
  return built.empty() ? name : built;
}

// Empty: processes of this machine.
Result<std::string> ExecutorOf(const service::Target& target, const service::Service& service,
                               const std::string& store, const std::string& home) {
  if (!target.log.empty()) {
    return Refused(target, "log", target.log,
                   ", which this version of Busker cannot honour; leave it out");
  }
  if (target.executor.empty() || target.executor == kProcesses) {
    if (target.image.empty()) return std::string();
    return Refused(target, "image", target.image,
                   ", which the executor process:// cannot honour; leave it out, or say executor = "
                   "\"docker://\"");
  }
  if (target.executor.starts_with(kProcesses)) {
    return Refused(target, "executor", target.executor,
                   "; process:// has nothing that can be set: leave the rest out");
  }
  if (!target.executor.starts_with(kContainers)) {
    return Refused(target, "executor", target.executor,
                   "; this version of Busker has process:// and docker://");
  }
  if (target.image.empty()) {
    return Refused(target, "executor", target.executor,
                   " and says no image to run: image = \"registry.example/churn\"");
  }
  if (target.artifacts.find("://") != std::string::npos && !target.artifacts.starts_with("file:")) {
    return Refused(target, "artifacts", target.artifacts,
                   fmt::format(" and executor = \"{}\": this version of Busker gives containers no "
                               "credentials for a store elsewhere; leave one of them out",
                               target.executor));
  }
  for (const std::string& mount : MountsOf(target)) {
    std::error_code error;
    if (io::fs::exists(mount, error)) continue;
    return Refused(target, "executor", target.executor,
                   fmt::format(", and there is no folder {} on this machine to mount", mount));
  }
  TRY_ASSIGN(const std::string image, ImageOf(target, service, home));
  return fmt::format("{}{}image={}&store={}", target.executor,
                     target.executor.find('?') == std::string::npos ? "?" : "&", image, store);
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

std::vector<std::string> MountsOf(const service::Target& target) {
  std::vector<std::string> mounts;
  const std::size_t mark = target.executor.find('?');
  if (mark == std::string::npos) return mounts;
  constexpr std::string_view kMount = "mount=", kWritable = ":rw";
  for (std::string setting : Split(target.executor.substr(mark + 1), '&')) {
    if (!setting.starts_with(kMount)) continue;
    if (setting.ends_with(kWritable)) setting.erase(setting.size() - kWritable.size());
    mounts.push_back(setting.substr(kMount.size()));
  }
  return mounts;
}

std::vector<std::string> FaultsAt(const service::Service& service, const std::string& target) {
  const auto found = service.targets.find(target);
  service::Faults faults;
  if (found == service.targets.end() || !found->second.executor.starts_with(kContainers)) return {};
  constexpr std::uint64_t kMemoryMin = 6u << 20;  // engines take no less
  constexpr int kCpusMilliMin = 10;
  for (const auto& [name, action] : service.actions) {
    if (action.memory_bytes > 0 && action.memory_bytes < kMemoryMin) {
      faults.Add(action.memory_at, fmt::format("\"memory\" in [actions.{}]: a container needs 6MiB "
                                               "at least, and target \"{}\" runs it in one",
                                               name, target));
    }
    if (action.cpus_milli > 0 && action.cpus_milli < kCpusMilliMin) {
      faults.Add(action.cpus_at, fmt::format("\"cpus\" in [actions.{}]: a container needs 0.01 at "
                                             "least, and target \"{}\" runs it in one",
                                             name, target));
    }
  }
  service::CheckHostPaths(service, MountsOf(found->second), faults);
  return faults.Sentences();
}

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
    return Wrap(fmt::format("{}target \"{}\"", Place(found, "artifacts"), found.name),
                std::move(fine).error());
  }
  TRY_ASSIGN(places.warehouse_url,
             UrlOf(found, "warehouse", found.warehouse, "embedded", home.warehouse_url));
  TRY_ASSIGN(
      places.executor,
      ExecutorOf(found, service, home::NameOfPlace(places.store_url, places.home), places.home));
  return places;
}

}  // namespace busker::prepare
