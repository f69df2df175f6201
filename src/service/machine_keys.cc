#include "service/machine_keys.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "base/text.h"
#include "service/keys.h"

namespace busker::service {
namespace {

constexpr std::size_t kZonesMax = 20, kLabelsMax = 32;
constexpr std::uint64_t kGib = 1u << 30;
constexpr std::uint64_t kDiskGibMin = 10, kDiskGibMax = 65536;  // Google's own bounds
constexpr std::string_view kOwnLabels = "busker-";

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool HasOnly(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return IsLower(c) || IsDigit(c) || others.find(c) != std::string_view::npos;
  });
}

// "europe-west1-b": a region, which ends with a digit, and a letter or more behind it.
std::optional<std::string> FindZoneFault(const std::string& zone) {
  const auto parts = Split(zone, '-');
  const bool is_plain = HasOnly(zone, "-") &&
                        std::none_of(parts.begin(), parts.end(), [](auto& p) { return p.empty(); });
  if (is_plain && parts.size() == 2 && IsDigit(zone.back())) {
    return fmt::format("{} is a region; name zones of it, as {}-b", Quoted(zone), zone);
  }
  if (is_plain && parts.size() == 3 && IsDigit(parts[1].back()) && IsLower(parts[2].front())) {
    return std::nullopt;
  }
  return fmt::format("{} is not a zone such as europe-west1-b", Quoted(zone));
}

std::optional<std::string> FindZonesFault(const std::string& zones) {
  std::set<std::string> seen;
  for (const std::string& zone : Split(zones, ',')) {
    if (auto fault = FindZoneFault(zone)) return fault;
    if (!seen.insert(zone).second) return fmt::format("names {} twice", zone);
  }
  if (seen.size() > kZonesMax) return fmt::format("names more than {} zones", kZonesMax);
  return std::nullopt;
}

// What else may be meant is a key of its own.
std::optional<std::string> FindSettingFault(const std::string& name) {
  if (name == "accelerator") return std::string(kNoAccelerator);
  for (const Key<Target>& key : TargetKeys()) {
    if (key.info.name != name) continue;
    return fmt::format("{} is a key of its own in the target: {} = {}", Quoted(name), name,
                       key.info.example);
  }
  const std::vector<std::string> names = {"machine_type"};
  const auto nearest = Nearest(name, names);
  return fmt::format(
      "unknown setting {}, {}", Quoted(name),
      nearest ? fmt::format("did you mean \"{}\"?", *nearest) : "there is machine_type");
}

std::optional<std::string> FindQueryFault(std::string_view query) {
  bool has_type = false;
  for (const std::string& setting : Split(query, '&')) {
    const std::size_t equals = setting.find('=');
    const std::string name = setting.substr(0, equals);
    if (name != "machine_type") return FindSettingFault(name);
    const std::string type = equals == std::string::npos ? "" : setting.substr(equals + 1);
    if (type.empty() || !IsLower(type[0]) || !HasOnly(type, "-")) {
      return fmt::format("{} is not a machine type such as e2-standard-2", Quoted(type));
    }
    if (std::exchange(has_type, true)) return "says machine_type twice";
  }
  return std::nullopt;
}

// A name, or the path of a resource: nothing that would end it in a URL.
std::optional<std::string> Resource(Reader& reader, const Member& member) {
  auto text = reader.String(member);
  if (!text) return std::nullopt;
  const bool good = HasOnly(*text, "-/.:") && IsLower(text->front()) && text->back() != '/';
  if (good) return text;
  reader.MustBe(member, "a name, or the path of a resource from projects/ or regions/ on");
  return std::nullopt;
}

void Note(const Member& member, Target& target) { target.at[member.name] = member.value.at; }

struct Disk {
  int gib = 0;
  std::string type;
};

void ReadDiskSize(Reader& reader, const Member& member, Disk& disk) {
  const auto bytes = reader.Memory(member);
  if (!bytes) return;
  const std::uint64_t gib = *bytes / kGib;
  if (*bytes % kGib != 0 || gib < kDiskGibMin || gib > kDiskGibMax) {
    return reader.MustBe(member, "from 10GiB to 64TiB, in whole GiB");
  }
  disk.gib = static_cast<int>(gib);
}

void ReadDiskType(Reader& reader, const Member& member, Disk& disk) {
  auto type = reader.Choice(member, {"pd-standard", "pd-balanced", "pd-ssd", "hyperdisk-balanced"});
  if (type) disk.type = std::move(*type);
}

constexpr std::array<Key<Disk>, 2> kDisk = {{
    {{"size", R"("50GiB")", "", ""}, ReadDiskSize},
    {{"type", R"("pd-ssd")", "", ""}, ReadDiskType},
}};

std::optional<std::string> FindLabelFault(const std::string& name, const std::string& value) {
  constexpr std::size_t kLengthMax = 63;
  if (name.starts_with(kOwnLabels)) {
    return fmt::format("labels that begin with {} are Busker's own", kOwnLabels);
  }
  if (name.empty() || name.size() > kLengthMax || !IsLower(name[0]) || !HasOnly(name, "_-")) {
    return "is not a valid name of a label: a-z, 0-9, \"_\" and \"-\", a letter first, at most 63";
  }
  if (value.size() > kLengthMax || !HasOnly(value, "_-")) {
    return "is not a valid value of a label: a-z, 0-9, \"_\" and \"-\", at most 63";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> FindMachineFault(std::string_view rest) {
  const std::size_t mark = std::min(rest.find('?'), rest.size());
  const auto parts = Split(rest.substr(0, mark), '/');
  const std::string& project = parts[0];
  if (parts.size() != 2) return fmt::format("is not whole; write it like {}", kMachinePlace);
  if (!IsLower(project[0]) || !HasOnly(project, "-.:")) {
    return fmt::format("{} is not a project's id such as example-project", Quoted(project));
  }
  if (auto fault = FindZonesFault(parts[1])) return fault;
  if (mark == rest.size()) {
    return fmt::format("says no machine type; write {}://{}?machine_type=e2-standard-2",
                       "compute-engine", rest);
  }
  return FindQueryFault(rest.substr(mark + 1));
}

void ReadServiceAccount(Reader& reader, const Member& member, Target& target) {
  auto account = reader.String(member);
  if (!account) return;
  if (!IsEmail(*account) || !HasOnly(*account, "-.@")) {
    reader.MustBe(member, "the address of a service account");
    return;
  }
  target.machine.service_account = std::move(*account);
  Note(member, target);
}

void ReadNetwork(Reader& reader, const Member& member, Target& target) {
  auto network = Resource(reader, member);
  if (!network) return;
  target.machine.network = std::move(*network);
  Note(member, target);
}

void ReadSubnetwork(Reader& reader, const Member& member, Target& target) {
  auto subnetwork = Resource(reader, member);
  if (!subnetwork) return;
  target.machine.subnetwork = std::move(*subnetwork);
  Note(member, target);
}

void ReadPublicIp(Reader& reader, const Member& member, Target& target) {
  const auto has_one = reader.Bool(member);
  if (!has_one) return;
  target.machine.public_ip = *has_one;
  Note(member, target);
}

void ReadDisk(Reader& reader, const Member& member, Target& target) {
  const Node* table = reader.Table(member);
  if (table == nullptr) return;
  Disk disk;
  Reader(reader.faults(), fmt::format("\"disk\" in [targets.{}]", target.name), {})
      .ReadTable(*table, std::span<const Key<Disk>>(kDisk), disk);
  target.machine.disk_gib = disk.gib;
  target.machine.disk_type = disk.type;
  Note(member, target);
}

void ReadLabels(Reader& reader, const Member& member, Target& target) {
  const Node* table = reader.Table(member);
  if (table == nullptr) return;
  if (table->members.size() > kLabelsMax) {
    return reader.MustBe(member, fmt::format("a table of at most {} labels", kLabelsMax));
  }
  for (const Member& label : table->members) {
    const auto value =
        reader.String(label.value, fmt::format("\"labels\": {}", Quoted(label.name)));
    if (!value) continue;
    if (const auto fault = FindLabelFault(label.name, *value)) {
      reader.Fault(label.at, fmt::format("\"labels\": {} = {}: {}", Quoted(label.name),
                                         Quoted(*value), *fault));
      continue;
    }
    target.machine.labels[label.name] = *value;
  }
  Note(member, target);
}

void ReadKeepOnFailure(Reader& reader, const Member& member, Target& target) {
  const auto span = reader.Limit(member);
  if (!span) return;
  target.machine.keep_on_failure = *span;
  Note(member, target);
}

void ReadSpotAttempts(Reader& reader, const Member& member, Target& target) {
  constexpr int kSpotAttemptsMax = 10;
  const auto attempts = reader.Integer(member, 1, kSpotAttemptsMax);
  if (!attempts) return;
  target.machine.spot_attempts = static_cast<int>(*attempts);
  Note(member, target);
}

}  // namespace busker::service
