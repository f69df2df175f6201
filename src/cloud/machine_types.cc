#include "cloud/machine_types.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <span>

namespace busker::cloud {
namespace {

// A price is that of its processors and its memory; in other regions than Iowa by a factor that is
// nearly the same for all of these families.
struct Family {
  std::string_view name;
  double dollars_a_vcpu, dollars_a_gib;  // an hour, in Iowa
  std::span<const int> vcpus;
  double standard_gib, highmem_gib, highcpu_gib;  // for each vCPU
};

constexpr int kE2[] = {2, 4, 8, 16, 32};
constexpr int kN1[] = {1, 2, 4, 8, 16, 32, 64, 96};
constexpr int kN2[] = {2, 4, 8, 16, 32, 48, 64, 80, 96, 128};

constexpr Family kFamilies[] = {
    {"e2", 0.02181159, 0.00292353, kE2, 4, 8, 1},
    {"n1", 0.031611, 0.004237, kN1, 3.75, 6.5, 0.9},
    {"n2", 0.031611, 0.004237, kN2, 4, 8, 1},
    {"n2d", 0.027502, 0.003686, kN2, 4, 8, 1},
};

// Parts of a vCPU of E2; in bursts they have two.
struct Shared {
  std::string_view name;
  double vcpus, memory_gib;
};
constexpr Shared kShared[] = {{"e2-micro", 0.25, 1}, {"e2-small", 0.5, 2}, {"e2-medium", 1, 4}};

struct Region {
  std::string_view name;
  double factor;
};
constexpr Region kRegions[] = {
    {"us-central1", 1.00},
    {"us-east1", 1.00},
    {"us-east5", 1.00},
    {"us-west1", 1.00},
    {"us-east4", 1.13},
    {"us-west4", 1.13},
    {"us-south1", 1.18},
    {"us-west2", 1.20},
    {"us-west3", 1.20},
    {"northamerica-northeast1", 1.10},
    {"northamerica-northeast2", 1.10},
    {"northamerica-south1", 1.09},
    {"southamerica-east1", 1.59},
    {"southamerica-west1", 1.43},
    {"europe-north2", 1.05},
    {"europe-north1", 1.10},
    {"europe-west1", 1.10},
    {"europe-west4", 1.10},
    {"europe-west8", 1.16},
    {"europe-west9", 1.16},
    {"europe-southwest1", 1.18},
    {"europe-central2", 1.29},
    {"europe-west2", 1.29},
    {"europe-west3", 1.29},
    {"europe-west12", 1.29},
    {"europe-west6", 1.40},
    {"europe-west10", 1.54},
    {"me-west1", 1.10},
    {"me-central1", 1.22},
    {"me-central2", 1.60},
    {"africa-south1", 1.31},
    {"asia-east1", 1.16},
    {"asia-south1", 1.20},
    {"asia-south2", 1.20},
    {"australia-southeast2", 1.21},
    {"asia-southeast1", 1.23},
    {"asia-northeast1", 1.28},
    {"asia-northeast2", 1.28},
    {"asia-northeast3", 1.28},
    {"asia-southeast2", 1.34},
    {"asia-east2", 1.40},
    {"australia-southeast1", 1.42},
};

double FactorIn(const std::string& zone) {
  const std::string_view region = std::string_view(zone).substr(0, zone.rfind('-'));
  const auto found = std::find_if(std::begin(kRegions), std::end(kRegions),
                                  [&](const Region& one) { return one.name == region; });
  return found == std::end(kRegions) ? 0 : found->factor;
}

double GibOf(const Family& family, std::string_view kind) {
  if (kind == "standard") return family.standard_gib;
  if (kind == "highmem") return family.highmem_gib;
  if (kind == "highcpu") return family.highcpu_gib;
  return 0;
}

MachineType Priced(const Family& family, double vcpus, double gib, const std::string& zone) {
  const double dollars = vcpus * family.dollars_a_vcpu + gib * family.dollars_a_gib;
  return {vcpus, gib, dollars * FactorIn(zone)};
}

}  // namespace

std::optional<MachineType> FindMachineType(const std::string& name, const std::string& zone) {
  for (const Shared& shared : kShared) {
    if (shared.name == name) return Priced(kFamilies[0], shared.vcpus, shared.memory_gib, zone);
  }
  // "n2-standard-4"
  const std::size_t first = name.find('-'), last = name.rfind('-');
  if (first == std::string::npos || first == last) return std::nullopt;
  int vcpus = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + last + 1, end, vcpus);
  if (error != std::errc() || stop != end) return std::nullopt;
  const std::string_view kind = std::string_view(name).substr(first + 1, last - first - 1);
  for (const Family& family : kFamilies) {
    if (family.name != std::string_view(name).substr(0, first)) continue;
    const double gib = GibOf(family, kind);
    const bool is_one =
        std::find(family.vcpus.begin(), family.vcpus.end(), vcpus) != family.vcpus.end();
    if (gib == 0 || !is_one) return std::nullopt;
    return Priced(family, vcpus, vcpus * gib, zone);
  }
  return std::nullopt;
}

}  // namespace busker::cloud
