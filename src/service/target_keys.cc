// The keys of [targets.NAME], and the places that each may name.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "service/keys.h"
#include "service/machine_keys.h"

namespace busker::service {
namespace {

struct Scheme {
  std::string_view name;
  std::string_view example;
  int parts_min;  // how many parts the rest must have: PROJECT/ZONE has two
};

constexpr Scheme kExecutors[] = {
    {"process", "process://", 0},
    {"docker", "docker://", 0},
    {"compute-engine", kMachinePlace, 2},
    {"kubernetes", "kubernetes://NAMESPACE", 0},
};
constexpr Scheme kArtifacts[] = {
    {"file", "file:///srv/artifacts", 1}, {"gs", "gs://BUCKET", 1}, {"s3", "s3://BUCKET", 1}};
constexpr Scheme kWarehouses[] = {{"embedded", "embedded:///srv/warehouse", 0},
                                  {"postgresql", "postgresql://HOST/DATABASE", 0},
                                  {"bigquery", "bigquery://PROJECT", 1}};
constexpr Scheme kLogs[] = {{"file", "file:///srv/log", 1},
                            {"cloud-logging", "cloud-logging://PROJECT", 1}};

bool IsLocalPath(std::string_view scheme) { return scheme == "file" || scheme == "embedded"; }

// How many leading parts of "a/b/c?x=y" are not empty.
int PartsOf(std::string_view rest) {
  int parts = 0;
  for (const std::string& part : Split(rest.substr(0, rest.find('?')), '/')) {
    if (part.empty()) break;
    ++parts;
  }
  return parts;
}

// What may stand behind the "?" of docker://; execute/docker_container.h says what each means.
constexpr std::array<std::string_view, 4> kContainerSettings = {"network", "mount", "gpus", "pull"};

std::optional<std::string> FindSettingFault(std::string_view rest) {
  const std::size_t mark = rest.find('?');
  if (mark == std::string_view::npos) return std::nullopt;
  const std::vector<std::string> names(kContainerSettings.begin(), kContainerSettings.end());
  for (const std::string& setting : Split(rest.substr(mark + 1), '&')) {
    const std::size_t equals = setting.find('=');
    const std::string name = setting.substr(0, equals);
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      const auto nearest = Nearest(name, names);
      return fmt::format("unknown setting {}, {}", Quoted(name),
                         nearest ? fmt::format("did you mean \"{}\"?", *nearest)
                                 : "there are " + Join(names, ", "));
    }
    const bool has_value = equals != std::string::npos && equals + 1 < setting.size();
    if (!has_value) return fmt::format("{} has no value", Quoted(name));
    if (name == "mount" && setting[equals + 1] != '/') {
      return fmt::format("{}: a folder is mounted by its whole path, as mount=/data",
                         Quoted(setting));
    }
  }
  return std::nullopt;
}

std::optional<std::string> FindPlaceFault(std::string_view place, std::span<const Scheme> schemes) {
  std::vector<std::string> names, examples;
  for (const Scheme& scheme : schemes) {
    names.emplace_back(scheme.name);
    examples.emplace_back(scheme.example);
  }
  for (char c : place) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) return "a place has no blanks";
  }
  if (place.find("${") != std::string_view::npos) return "placeholders are not replaced in targets";
  const auto end = place.find("://");
  if (end == std::string_view::npos) return "is not a place; write " + Join(examples, " or ");
  for (const Scheme& scheme : schemes) {
    if (place.substr(0, end) != scheme.name) continue;
    const auto rest = place.substr(end + 3);
    if (scheme.name == "docker" && !rest.empty() && rest[0] != '/' && rest[0] != '?') {
      return "names the socket of an engine by its whole path: docker:///run/docker.sock";
    }
    const bool good = IsLocalPath(scheme.name)
                          ? (rest.empty() && scheme.parts_min == 0) || rest.starts_with('/')
                          : PartsOf(rest) >= scheme.parts_min;
    if (good && scheme.name == "docker") return FindSettingFault(rest);
    if (good && scheme.name == "compute-engine") return FindMachineFault(rest);
    if (good) return std::nullopt;
    return fmt::format("is not whole; write it like {}", scheme.example);
  }
  if (const auto nearest = Nearest(place.substr(0, end), names)) {
    return fmt::format("unknown scheme, did you mean \"{}://\"?", *nearest);
  }
  return "unknown scheme; write " + Join(examples, " or ");
}

template <std::string Target::*Field, const auto& Schemes>
void ReadPlace(Reader& reader, const Member& member, Target& target) {
  auto place = reader.String(member);
  if (!place) return;
  if (const auto fault = FindPlaceFault(*place, Schemes)) {
    reader.Fault(member.value.at,
                 fmt::format("\"{}\": {}: {}", member.name, Quoted(*place), *fault));
    return;
  }
  target.*Field = std::move(*place);
  target.at[member.name] = member.value.at;
}

void ReadImage(Reader& reader, const Member& member, Target& target) {
  auto image = reader.String(member);
  if (!image) return;
  if (!CanBeImage(*image)) {
    reader.Fault(
        member.value.at,
        fmt::format("\"image\": {} is not a container image such as registry.example/churn",
                    Quoted(*image)));
    return;
  }
  target.image = std::move(*image);
  target.at[member.name] = member.value.at;
}

constexpr std::string_view kPlaceSchema = R"({"type":"string","pattern":"^[a-z0-9-]+://"})";

constexpr std::array<Key<Target>, 13> kTarget = {{
    {{"executor", R"("docker://")",
      "Where attempts run: process:// (the default), docker://, "
      "compute-engine://PROJECT/ZONE[,ZONE...]?machine_type=TYPE or kubernetes://NAMESPACE.",
      kPlaceSchema},
     ReadPlace<&Target::executor, kExecutors>},
    {{"image", R"("registry.example/churn")",
      "The container image, without a tag, that the executor runs and `busker build` makes.",
      R"({"type":"string","minLength":1})"},
     ReadImage},
    {{"artifacts", R"("gs://example-bucket")",
      "Where versions are kept: file:///FOLDER, gs://BUCKET or s3://BUCKET.", kPlaceSchema},
     ReadPlace<&Target::artifacts, kArtifacts>},
    {{"warehouse", R"("bigquery://example-project")",
      "Where predictions are delivered: embedded:///FOLDER, postgresql://HOST/DATABASE or "
      "bigquery://PROJECT.",
      kPlaceSchema},
     ReadPlace<&Target::warehouse, kWarehouses>},
    {{"log", R"("cloud-logging://example-project")",
      "Where logs go: file:///FOLDER or cloud-logging://PROJECT.", kPlaceSchema},
     ReadPlace<&Target::log, kLogs>},
    {{"service_account", R"("training@example-project.iam.gserviceaccount.com")",
      "The account that a machine of compute-engine:// acts as; it needs one.",
      R"({"type":"string","minLength":1})"},
     ReadServiceAccount},
    {{"network", R"("default")",
      "The network of such a machine, by its name or as projects/PROJECT/global/networks/NAME.",
      R"({"type":"string","minLength":1})"},
     ReadNetwork},
    {{"subnetwork", R"("training")",
      "The subnetwork of such a machine, by its name or as regions/REGION/subnetworks/NAME.",
      R"({"type":"string","minLength":1})"},
     ReadSubnetwork},
    {{"public_ip", "false", "Whether such a machine has an address of the internet.",
      R"({"type":"boolean","default":true})"},
     ReadPublicIp},
    {{"disk", R"({ size = "50GiB", type = "pd-ssd" })",
      "The disk of such a machine, which also holds the image: its size, its type or both.",
      kDiskSchema},
     ReadDisk},
    {{"labels", R"({ team = "forecasts" })",
      "Labels of such a machine and its disk, beside Busker's own: for the bill.", kLabelsSchema},
     ReadLabels},
    {{"keep_on_failure", R"("30m")",
      "How long such a machine stays when its attempt failed, for a look at it.",
      R"({"type":"string"})"},
     ReadKeepOnFailure},
    {{"spot_attempts", "2",
      "How many attempts of a task may be preempted on a Spot machine before it gets another; "
      "without it none is a Spot machine.",
      R"({"type":"integer","minimum":1,"maximum":10})"},
     ReadSpotAttempts},
}};

}  // namespace

std::span<const Key<Target>> TargetKeys() { return kTarget; }

std::optional<std::string> RefusedTargetKey(std::string_view key) {
  if (key == "machine_type") {
    return fmt::format("\"machine_type\" stands behind the place: executor = \"{}\"",
                       kMachinePlace);
  }
  if (key == "spot" || key == "preemptible") {
    return fmt::format("{}: Spot machines are asked for by spot_attempts = 2", Quoted(key));
  }
  if (key == "accelerator") return std::string(kNoAccelerator);
  if (key == "boot_ahead") {
    return "\"boot_ahead\": this version of Busker makes a machine when its attempt begins; leave "
           "it "
           "out, and let the schedule begin earlier";
  }
  return std::nullopt;
}

}  // namespace busker::service
