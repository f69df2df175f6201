#include "doctor/google.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "base/text.h"
#include "cloud/logging.h"
#include "deliver/bigquery_client.h"
#include "doctor/containers.h"
#include "doctor/google_calls.h"
#include "execute/compute_place.h"
#include "io/url.h"
#include "prepare/machine_place.h"

namespace busker::doctor {
namespace {

using cloud::GoogleApi;
using Permissions = std::vector<std::string>;

constexpr std::string_view kBucketScheme = "gs://", kWarehouseScheme = "bigquery://";
constexpr Milliseconds kClockDoubtful = std::chrono::seconds(30),
                       kClockBad = std::chrono::minutes(5);
constexpr Milliseconds kTokenLimit{30'000}, kLoggingLimit{30'000};

bool IsBucket(const service::Target& target) { return target.artifacts.starts_with(kBucketScheme); }
bool IsBigQuery(const service::Target& target) {
  return target.warehouse.starts_with(kWarehouseScheme);
}
bool IsLogging(const service::Target& target) { return target.log.starts_with(cloud::kLogScheme); }
bool IsComputeEngine(const service::Target& target) {
  return target.executor.starts_with(execute::kComputeEngine);
}

// What stands behind the scheme, to the first of '/' and '?'.
std::string FirstPart(const std::string& url) {
  const std::string rest = url.substr(url.find("://") + 3);
  return rest.substr(0, rest.find_first_of("/?"));
}

std::string Text(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

double Number(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

// Where a thing is: "EU", "EUROPE-WEST1"; empty: not known.
using Location = std::string;

std::string UpperCase(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

// Where a new bucket or data set is made: near the VMs.
std::string PlaceForNew(const service::Target& target) {
  const auto place = execute::ComputePlaceIn(target.executor);
  return place ? execute::RegionOf(place->zones.front()) : "EU";
}

class Checks {
 public:
  Checks(const service::Service& service, const service::Target& target,
         const std::vector<std::string>& environment, GoogleCalls& calls, Report& report)
      : service_(service),
        target_(target),
        environment_(environment),
        calls_(calls),
        report_(report) {}

  void Carry() {
    if (IsBucket(target_)) CheckBucket();
    if (IsBigQuery(target_)) CheckBigQuery();
    if (IsLogging(target_)) CheckLogging();
    if (IsComputeEngine(target_)) CheckCompute();
    CheckClock();
  }

 private:
  std::string ProjectBinding(const std::string& role) const {
    return fmt::format("gcloud projects add-iam-policy-binding {} --member={} --role={}",
                       calls_.project(), calls_.Member(), role);
  }

  // What a role gives, and is not held.
  void TellMissing(const std::string& what, const std::optional<Permissions>& missing,
                   const std::string& where, const std::string& binding, bool doubtful = false) {
    if (!missing) return;
    if (missing->empty()) return report_.Good(what, "all that is needed is permitted");
    const std::string message = fmt::format("not permitted on {}: {}", where, Join(*missing, ", "));
    if (doubtful) {
      report_.Doubt(what, message, binding);
    } else {
      report_.Bad(what, message, binding);
    }
  }

  void CheckBucket() {
    const std::string bucket = FirstPart(target_.artifacts);
    const std::string path = "/storage/v1/b/" + io::PercentEncoded(bucket);
    const auto found = calls_.Ask(GoogleApi::kStorage, "bucket", "GET", path);
    if (!found) return;
    if (found->status == 404) {
      return report_.Bad("bucket", fmt::format("there is no bucket gs://{}", bucket),
                         fmt::format("gcloud storage buckets create gs://{} --project={} "
                                     "--location={} --uniform-bucket-level-access",
                                     bucket, calls_.project(), PlaceForNew(target_)));
    }
    if (found->status == 200) {
      bucket_at_ = UpperCase(Text(found->body, "location"));
      report_.Good("bucket", fmt::format("gs://{} is in {}", bucket, bucket_at_));
    } else if (found->status != 403) {  // who may use a bucket need not be permitted to look at it
      report_.Bad("bucket", found->message, "mend what it says");
    }
    TellMissing(
        "bucket's rights",
        calls_.Missing(GoogleApi::kStorage, "bucket's rights", path + "/iam/testPermissions",
                       {"storage.objects.create", "storage.objects.get", "storage.objects.list",
                        "storage.objects.delete"}),
        "gs://" + bucket,
        fmt::format("gcloud storage buckets add-iam-policy-binding gs://{} --member={} "
                    "--role=roles/storage.objectUser",
                    bucket, calls_.Member()));
  }

  // The one that the target names, else those of the tables that actions deliver to, as far as the
  // file says them.
  std::set<std::string> DataSets() const {
    std::set<std::string> names;
    const std::string rest = target_.warehouse.substr(kWarehouseScheme.size());
    const std::string path = rest.substr(0, rest.find('?'));
    if (const auto slash = path.find('/'); slash != std::string::npos && slash + 1 < path.size()) {
      return {path.substr(slash + 1)};
    }
    for (const auto& [_, action] : service_.actions) {
      for (const service::DeliverySetting& delivery : action.deliveries) {
        const std::size_t dot = delivery.table.find('.');
        const std::string name = delivery.table.substr(0, dot);
        if (dot != std::string::npos && name.find("${") == std::string::npos) names.insert(name);
      }
    }
    return names;
  }

  void CheckBigQuery() {
    const std::string project = FirstPart(target_.warehouse);
    const std::string path = "/bigquery/v2/projects/" + io::PercentEncoded(project);
    const auto dry = calls_.Ask(GoogleApi::kBigQuery, "BigQuery", "POST", path + "/queries",
                                {{"query", "SELECT 1"}, {"useLegacySql", false}, {"dryRun", true}});
    if (!dry) return;
    if (dry->status == 403) {
      report_.Bad("BigQuery", "jobs are not permitted: " + dry->message,
                  ProjectBinding("roles/bigquery.jobUser"));
    } else if (dry->status != 200) {
      report_.Bad("BigQuery", dry->message, "mend what it says");
    } else {
      report_.Good("BigQuery", "jobs may be begun");
    }
    for (const std::string& name : DataSets()) CheckDataSet(project, path, name);
    TellMissing("tables' rights",
                calls_.Missing(
                    GoogleApi::kResourceManager, "tables' rights",
                    fmt::format("/v1/projects/{}:testIamPermissions", io::PercentEncoded(project)),
                    {"bigquery.datasets.get", "bigquery.tables.create", "bigquery.tables.get",
                     "bigquery.tables.getData", "bigquery.tables.update",
                     "bigquery.tables.updateData", "bigquery.tables.delete"}),
                "the whole project (a role on the data set would do, too)",
                ProjectBinding("roles/bigquery.dataEditor"), true);
  }

  void CheckDataSet(const std::string& project, const std::string& path, const std::string& name) {
    const auto found = calls_.Ask(GoogleApi::kBigQuery, "data set", "GET",
                                  path + "/datasets/" + io::PercentEncoded(name));
    if (!found) return;
    const std::string place = bucket_at_.empty() ? PlaceForNew(target_) : bucket_at_;
    if (found->status == 404) {
      return report_.Bad("data set", fmt::format("there is no data set {} in {}", name, project),
                         fmt::format("bq --location={} mk --dataset {}:{}", place, project, name));
    }
    if (found->status != 200) {
      return report_.Bad("data set", found->message, ProjectBinding("roles/bigquery.dataEditor"));
    }
    const Location at = UpperCase(Text(found->body, "location"));
    if (!deliver::CanLoad(bucket_at_, at)) {
      return report_.Bad(
          "data set",
          fmt::format("{} is in {} and the bucket in {}, from where BigQuery cannot "
                      "load it",
                      name, at, bucket_at_),
          fmt::format("bq --location={} mk --dataset {}:ANOTHER_NAME", bucket_at_, project));
    }
    report_.Good("data set", fmt::format("{} is in {}", name, at));
  }

  void CheckLogging() {
    const auto project = cloud::ProjectOfLog(target_.log);
    if (!project) return report_.Bad("Cloud Logging", project.error().message, "mend `log`");
    const auto entries = nlohmann::json::array(
        {{{"textPayload", "looked at by busker doctor"}, {"severity", "DEBUG"}}});
    const auto dry =
        calls_.Ask(GoogleApi::kLogging, "Cloud Logging", "POST", "/v2/entries:write",
                   {{"logName", fmt::format("projects/{}/logs/busker-doctor", *project)},
                    {"resource", {{"type", "global"}}},
                    {"entries", entries},
                    {"dryRun", true}});
    if (!dry) return;
    if (dry->status == 200) return report_.Good("Cloud Logging", "entries may be written");
    report_.Bad("Cloud Logging", dry->message,
                fmt::format("gcloud projects add-iam-policy-binding {} --member={} "
                            "--role=roles/logging.logWriter",
                            *project, calls_.Member()));
  }

  void CheckCompute() {
    const auto place = execute::ComputePlaceIn(target_.executor);
    if (!place) {
      return report_.Bad("Compute Engine", place.error().message, "mend `executor` in the target");
    }
    const auto machine = prepare::MachinePlaceIn(target_.executor);
    if (!machine) {
      return report_.Bad("Compute Engine", fmt::format("{} says no machine_type", target_.executor),
                         "compute-engine://PROJECT/ZONE?machine_type=e2-standard-2");
    }
    const std::string path = "/compute/v1/projects/" + io::PercentEncoded(place->project);
    std::set<std::string> regions;
    for (const std::string& zone : place->zones) {
      const auto cpus = CheckZone(path, zone, machine->machine_type);
      if (!cpus || !regions.insert(execute::RegionOf(zone)).second) continue;
      CheckQuota(path, execute::RegionOf(zone), machine->machine_type, *cpus);
    }
    Permissions needed = {"compute.instances.create",
                          "compute.instances.get",
                          "compute.instances.list",
                          "compute.instances.delete",
                          "compute.instances.setLabels",
                          "compute.instances.setMetadata",
                          "compute.instances.setServiceAccount",
                          "compute.instances.getSerialPortOutput",
                          "compute.disks.create",
                          "compute.disks.list",
                          "compute.disks.delete",
                          "compute.disks.setLabels",
                          "compute.zoneOperations.get",
                          "compute.zoneOperations.list",
                          "compute.subnetworks.use"};
    if (target_.machine.public_ip) needed.push_back("compute.subnetworks.useExternalIp");
    TellMissing("VMs' rights",
                calls_.Missing(GoogleApi::kResourceManager, "VMs' rights",
                               fmt::format("/v1/projects/{}:testIamPermissions",
                                           io::PercentEncoded(place->project)),
                               needed),
                calls_.project(), ProjectBinding("roles/compute.instanceAdmin.v1"));
    if (!target_.machine.service_account.empty()) CheckAccount(target_.machine.service_account);
    CheckImage(target_, service_.version, false, environment_, report_);
  }

  // How many CPUs the machine type has there; nullopt: it is not there.
  std::optional<double> CheckZone(const std::string& path, const std::string& zone,
                                  const std::string& machine_type) {
    const auto place = calls_.Ask(GoogleApi::kCompute, "zone", "GET", path + "/zones/" + zone);
    if (!place) return std::nullopt;
    if (place->status == 404) {
      report_.Bad("zone", fmt::format("there is no zone {}", zone), "gcloud compute zones list");
      return std::nullopt;
    }
    if (place->status != 200) {
      report_.Bad("zone", place->message, ProjectBinding("roles/compute.instanceAdmin.v1"));
      return std::nullopt;
    }
    if (const std::string status = Text(place->body, "status"); status != "UP") {
      report_.Doubt("zone", fmt::format("{} is {}", zone, status), "name another zone besides");
    }
    const auto type =
        calls_.Ask(GoogleApi::kCompute, "machine type", "GET",
                   fmt::format("{}/zones/{}/machineTypes/{}", path, zone, machine_type));
    if (!type) return std::nullopt;
    if (type->status != 200) {
      report_.Bad("machine type",
                  type->status == 404
                      ? fmt::format("{} has no machines of type {}", zone, machine_type)
                      : type->message,
                  fmt::format("gcloud compute machine-types list --zones={}", zone));
      return std::nullopt;
    }
    const double cpus = Number(type->body, "guestCpus");
    report_.Good("zone", fmt::format("{} has {} with {:.0f} CPUs and {:.0f} MiB", zone,
                                     machine_type, cpus, Number(type->body, "memoryMb")));
    return cpus;
  }

  // Most families have a quota of their own, N2_CPUS; E2 and N1 are counted as CPUS.
  void CheckQuota(const std::string& path, const std::string& region,
                  const std::string& machine_type, double cpus) {
    const auto found = calls_.Ask(GoogleApi::kCompute, "quota", "GET", path + "/regions/" + region);
    if (!found || found->status != 200) return;
    const std::string own = UpperCase(machine_type.substr(0, machine_type.find('-'))) + "_CPUS";
    const auto quotas = found->body.find("quotas");
    if (quotas == found->body.end() || !quotas->is_array()) return;
    for (const auto& quota : *quotas) {
      const std::string metric = quota.is_object() ? Text(quota, "metric") : "";
      if (metric != own && metric != "CPUS" && metric != "INSTANCES") continue;
      const double needed = metric == "INSTANCES" ? 1 : cpus;
      const double left = Number(quota, "limit") - Number(quota, "usage");
      if (left >= needed) continue;
      report_.Bad("quota",
                  fmt::format("{} in {} has {:.0f} left, and a VM needs {:.0f}", metric, region,
                              std::max(0.0, left), needed),
                  fmt::format("ask for more at https://console.cloud.google.com/iam-admin/"
                              "quotas?project={}, or name a zone of another region",
                              calls_.project()));
      return;
    }
    report_.Good("quota", fmt::format("there is room for a VM in {}", region));
  }

  void CheckAccount(const std::string& account) {
    const std::string what = "service account";
    const Permissions needed = {"iam.serviceAccounts.actAs"};
    const auto answer =
        calls_.Ask(GoogleApi::kIam, what, "POST",
                   fmt::format("/v1/projects/-/serviceAccounts/{}:testIamPermissions", account),
                   {{"permissions", needed}});
    if (!answer) return;
    if (answer->status == 404) {
      return report_.Bad(what, fmt::format("{} does not exist", account),
                         fmt::format("gcloud iam service-accounts create {} --project={}",
                                     account.substr(0, account.find('@')), calls_.project()));
    }
    TellMissing(what, calls_.MissingIn(*answer, what, needed), account,
                fmt::format("gcloud iam service-accounts add-iam-policy-binding {} --member={} "
                            "--role=roles/iam.serviceAccountUser",
                            account, calls_.Member()));
  }

  void CheckClock() {
    const auto ahead = calls_.ClockAhead();
    if (!ahead) return;
    const Milliseconds off = std::max(*ahead, -*ahead);
    if (off < kClockDoubtful) return report_.Good("clock", "as Google's");
    const std::string message = fmt::format("it is {} {} Google's", FormatDuration(off),
                                            ahead->count() > 0 ? "ahead of" : "behind");
    if (off < kClockBad) {
      report_.Doubt("clock", message, "sudo timedatectl set-ntp true");
    } else {
      report_.Bad("clock", message + ": credentials will not be taken",
                  "sudo timedatectl set-ntp true");
    }
  }

  const service::Service& service_;
  const service::Target& target_;
  const std::vector<std::string>& environment_;
  GoogleCalls& calls_;
  Report& report_;
  Location bucket_at_;
};

// For commands: that of the VMs, else of the warehouse or the log.
std::string ProjectOf(const service::Target& target) {
  for (const std::string* const url : {&target.executor, &target.warehouse, &target.log}) {
    if (url->starts_with(execute::kComputeEngine) || url->starts_with(kWarehouseScheme) ||
        url->starts_with(cloud::kLogScheme)) {
      return FirstPart(*url);
    }
  }
  return "PROJECT";
}

}  // namespace

bool IsInGoogleCloud(const service::Target& target) {
  return IsBucket(target) || IsBigQuery(target) || IsLogging(target) || IsComputeEngine(target);
}

void CheckGoogleCloud(const service::Service& service, const service::Target& target,
                      const std::vector<std::string>& environment, Report& report) {
  const GoogleApi first = IsBucket(target)     ? GoogleApi::kStorage
                          : IsBigQuery(target) ? GoogleApi::kBigQuery
                          : IsLogging(target)  ? GoogleApi::kLogging
                                               : GoogleApi::kCompute;
  const auto access = cloud::FindAccess(first);
  if (!access) {
    return report.Bad("credentials", access.error().message,
                      "gcloud auth application-default login");
  }
  const auto token = access->credentials->Authorization(io::Within(kTokenLimit));
  if (!token) {
    return report.Bad("credentials", token.error().message,
                      "gcloud auth application-default login");
  }
  const std::string quota = access->credentials->quota_project();
  report.Good("credentials",
              token->empty() ? "none, for a server that stands in for Google's"
                             : access->found + (quota.empty() ? "" : ", quota project " + quota));
  GoogleCalls calls(ProjectOf(target), *access, report);
  Checks(service, target, environment, calls, report).Carry();
}

}  // namespace busker::doctor
