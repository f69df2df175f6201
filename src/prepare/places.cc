#include "prepare/places.h"

#include <fmt/core.h>

#include <algorithm>

#include "artifact/store.h"
#include "base/bytes.h"
#include "base/text.h"
#include "cloud/logging.h"
#include "cloud/machine_types.h"
#include "deliver/warehouse.h"
#include "home/place.h"
#include "image/built_images.h"
#include "image/dockerfile_build.h"
#include "image/reference.h"
#include "image/service_tree.h"
#include "io/file.h"
#include "prepare/machine_place.h"
#include "service/host_paths.h"

namespace busker::prepare {
namespace {

constexpr std::string_view kProcesses = "process://", kContainers = "docker://",
                           kMachines = "compute-engine://", kBuckets = "gs://";
constexpr int kMachinesAtOnceMax = 100;  // of one project and its zones

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

// That of the target, or of the home, if it can take what is in the store.
Result<std::string> WarehouseOf(const service::Target& target, const std::string& store,
                                const std::string& standard) {
  const std::string url = target.warehouse.empty() ? standard : target.warehouse;
  if (auto fine = deliver::CheckWarehouseUrl(url); !fine) {
    return Wrap(fmt::format("{}target \"{}\"", Place(target, "warehouse"), target.name),
                std::move(fine).error());
  }
  if (const auto fine = deliver::CheckWarehouseTakesFrom(url, store); !fine) {
    return Refused(target, "warehouse", url, ": " + fine.error().message);
  }
  return url;
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

bool IsOfMachines(const service::Target& target) { return target.executor.starts_with(kMachines); }

// The keys that only a machine of a cloud's own can honour.
constexpr std::string_view kMachineKeys[] = {"service_account", "network",      "subnetwork",
                                             "public_ip",       "disk",         "labels",
                                             "keep_on_failure", "spot_attempts"};

Result<void> CheckHasMachines(const service::Target& target) {
  if (IsOfMachines(target)) return {};
  for (const std::string_view key : kMachineKeys) {
    const auto at = target.at.find(std::string(key));
    if (at == target.at.end()) continue;
    return Invalid(service::ToString(
        {service::kServiceFile, at->second,
         fmt::format("target \"{}\" has {}, which the executor {} cannot honour; leave it out, or "
                     "say executor = \"{}\"",
                     target.name, key, target.executor.empty() ? kProcesses : target.executor,
                     "compute-engine://PROJECT/ZONE?machine_type=e2-standard-2")}));
  }
  return {};
}

std::vector<std::string> ZonesOf(const service::Target& target) {
  const auto place = MachinePlaceIn(target.executor);
  return place ? place->zones : std::vector<std::string>();
}

// A subnetwork is of one region.
Result<void> CheckSubnetwork(const service::Target& target) {
  constexpr std::string_view kRegions = "regions/";
  const std::string& subnetwork = target.machine.subnetwork;
  const std::size_t at = subnetwork.find(kRegions);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + kRegions.size();
  const std::string region = subnetwork.substr(begin, subnetwork.find('/', begin) - begin);
  for (const std::string& zone : ZonesOf(target)) {
    if (zone.starts_with(region + "-")) continue;
    return Refused(target, "subnetwork", subnetwork,
                   fmt::format(", which is not in the region of the zone {}; name the zones of one "
                               "region, or a subnetwork by its name alone, which each has",
                               zone));
  }
  return {};
}

// An action that needs more than its machine has, where that is known.
void CheckSize(const service::Service& service, const service::Target& target,
               service::Faults& faults) {
  constexpr double kGib = 1u << 30, kSharedVcpus = 2;  // machines with a part of one have two
  const auto place = MachinePlaceIn(target.executor);
  if (!place) return;
  const auto type = cloud::FindMachineType(place->machine_type, place->zones.front());
  if (!type) return;
  const auto add = [&](service::Position at, const char* key, const std::string& name,
                       const std::string& has) {
    faults.Add(at, fmt::format("\"{}\" in [actions.{}]: its machine at target \"{}\", {}, has {}; "
                               "name a larger machine_type",
                               key, name, target.name, place->machine_type, has));
  };
  for (const auto& [name, action] : service.actions) {
    if (static_cast<double>(action.memory_bytes) > type->memory_gib * kGib) {
      add(action.memory_at, "memory", name,
          FormatBytes(static_cast<std::uint64_t>(type->memory_gib * kGib)));
    }
    if (action.cpus_milli > 1000 * std::max(type->vcpus, kSharedVcpus)) {
      add(action.cpus_at, "cpus", name, fmt::format("{:g}", std::max(type->vcpus, kSharedVcpus)));
    }
  }
}

// What execute/compute_place.h reads.
Result<std::string> MachinesOf(const service::Target& target, const service::Service& service,
                               const Places& places) {
  if (target.image.empty()) {
    return Refused(target, "executor", target.executor,
                   " and says no image to run: image = "
                   "\"europe-west1-docker.pkg.dev/PROJECT/REPOSITORY/churn\", which busker build "
                   "makes");
  }
  if (!places.store_url.starts_with(kBuckets)) {
    return Refused(target, "executor", target.executor,
                   fmt::format(", whose machines reach no artifacts at {}; say artifacts = "
                               "\"gs://BUCKET\"",
                               places.store_url));
  }
  if (target.machine.service_account.empty()) {
    return Refused(target, "executor", target.executor,
                   " and says no service_account that its machines act as; the project's default "
                   "account, which may do everything, is not taken: gcloud iam service-accounts "
                   "create busker makes one");
  }
  TRY(CheckSubnetwork(target));
  TRY_ASSIGN(const std::string image, ImageOf(target, service, places.home));
  const service::MachineSetting& machine = target.machine;
  std::string place = fmt::format("{}&image={}&store={}", target.executor, image, places.store_url);
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) place += fmt::format("&{}={}", name, value);
  };
  add("service_account", machine.service_account);
  add("network", machine.network);
  add("subnetwork", machine.subnetwork);
  if (!machine.public_ip) add("public_ip", "false");
  if (machine.disk_gib > 0) add("disk_gb", std::to_string(machine.disk_gib));
  add("disk_type", machine.disk_type);
  for (const auto& [name, value] : machine.labels) add("label", name + ":" + value);
  if (machine.keep_on_failure.count() > 0) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(machine.keep_on_failure);
    add("keep_on_failure", fmt::format("{}s", seconds.count()));
  }
  if (machine.spot_attempts > 0) add("spot_attempts", std::to_string(machine.spot_attempts));
  return place;
}

// Empty: processes of this machine.
Result<std::string> ExecutorOf(const service::Target& target, const service::Service& service,
                               const std::string& store, const std::string& home) {
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
                   "; this version of Busker has process://, docker:// and compute-engine://");
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

// What `busker build` would make of the program's folder for the target. Nothing is known of an
// image with a tag, which comes from elsewhere, nor where the rules cannot be read, of which the
// build tells.
service::ImageOfFolder FolderInImage(const service::Service& service,
                                     const service::Target& target) {
  if (image::WithoutTag(target.image) != target.image) return {};
  const auto rules = image::RulesOf(service.ProgramRoot(), service.root);
  if (!rules) return {};
  return {[rules = *rules](const std::string& path) { return rules.Ignores(path); },
          DockerfileOf(service).empty()};
}

// Where the logs of its runs are copied to, besides; empty: nowhere.
Result<std::string> LogOf(const service::Target& target) {
  if (target.log.empty()) return std::string();
  const auto project = cloud::ProjectOfLog(target.log);
  if (!project) return Refused(target, "log", target.log, "; " + project.error().message);
  return target.log;
}

Result<service::Target> FindTarget(const service::Service& service, const std::string& name) {
  const auto found = service.targets.find(name);
  if (found != service.targets.end()) return found->second;
  if (name == "local") return service::Target{"local", {}, {}, {}, {}, {}, {}};
  std::vector<std::string> names = {"local"};
  for (const auto& [other, _] : service.targets) names.push_back(other);
  return NotFound(fmt::format("no target \"{}\"; there is {}", name, Join(names, ", ")));
}

// Rows that are asked for by key where the target's warehouse has none such.
void CheckKeys(const service::Service& service, const service::Target& target,
               service::Faults& faults) {
  if (target.warehouse.empty()) return;
  const auto fine = deliver::CheckWarehouseTakesKeys(target.warehouse);
  if (fine) return;
  for (const auto& [name, action] : service.actions) {
    for (const service::DeliverySetting& delivery : action.deliveries) {
      if (delivery.key.empty()) continue;
      faults.Add(delivery.key_at,
                 fmt::format("\"key\" in [actions.{}.deliver.{}]: the warehouse of target \"{}\" "
                             "is {}: {}",
                             name, service::Quoted(delivery.file), target.name, target.warehouse,
                             fine.error().message));
    }
  }
}

}  // namespace

io::fs::path DockerfileOf(const service::Service& service) {
  const io::fs::path root = service.root;
  if (!service.image.dockerfile.empty()) return root / service.image.dockerfile;
  if (!service.image.base.empty()) return {};
  return image::FindDockerfile(root);
}

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
  if (found == service.targets.end()) return {};
  CheckKeys(service, found->second, faults);
  if (IsOfMachines(found->second)) {
    CheckSize(service, found->second, faults);
    service::CheckHostPaths(service, std::nullopt, FolderInImage(service, found->second), faults);
    return faults.Sentences();
  }
  if (!found->second.executor.starts_with(kContainers)) return faults.Sentences();
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
  service::CheckHostPaths(service, MountsOf(found->second), FolderInImage(service, found->second),
                          faults);
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
  TRY_ASSIGN(places.warehouse_url, WarehouseOf(found, places.store_url, home.warehouse_url));
  TRY_ASSIGN(places.log, LogOf(found));
  TRY(CheckHasMachines(found));
  if (IsOfMachines(found)) {
    TRY_ASSIGN(places.executor, MachinesOf(found, service, places));
    places.tasks_max = kMachinesAtOnceMax;
    places.preemptions_max = found.machine.spot_attempts;
    places.bounds_attempts = true;
    places.zone = Join(ZonesOf(found), ",");
    return places;
  }
  TRY_ASSIGN(
      places.executor,
      ExecutorOf(found, service, home::NameOfPlace(places.store_url, places.home), places.home));
  return places;
}

}  // namespace busker::prepare
