#include "execute/docker_container.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "io/digest.h"

namespace busker::execute {
namespace {

using nlohmann::ordered_json;

// Below /run, engines' own: their sockets are there, under whatever name.
constexpr std::string_view kFoldersOfEngines[] = {"docker", "podman", "containerd", "crio", "k3s"};
constexpr std::string_view kSockets[] = {"docker.sock", "podman.sock", "containerd.sock",
                                         "crio.sock"};

// From SIGTERM to SIGKILL where somebody stops the container: the runner's time to end its command
// and to say so. Podman gives none unless told.
constexpr int kStopSeconds = 60;
constexpr std::size_t kNamePartMax = 40;  // of a run's id or a task's name

template <typename List>
bool Contains(const List& list, std::string_view text) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

ordered_json Bind(const Mount& mount) {
  return {{"Type", "bind"},
          {"Source", mount.path.string()},
          {"Target", mount.at.empty() ? mount.path.string() : mount.at},
          {"ReadOnly", !mount.is_writable}};
}

Result<Mount> MountIn(std::string_view text) {
  Mount mount;
  mount.is_writable = text.ends_with(":rw");
  if (mount.is_writable) text.remove_suffix(3);
  mount.path = text;
  const bool is_whole = mount.path.is_absolute() && mount.path == mount.path.lexically_normal() &&
                        text.find(':') == std::string_view::npos;
  if (!is_whole) {
    return Invalid(
        fmt::format("mount={}: a folder is mounted by its whole path, as /data or /data:rw", text));
  }
  if (!MayBeMounted(mount.path)) {
    return Invalid(fmt::format(
        "mount={}: that would hand the container this machine, or its engine; mount the folder "
        "that the program reads",
        text));
  }
  return mount;
}

Result<Gpus> GpusIn(const std::string& text) {
  constexpr std::string_view kDevice = "device=";
  if (text == "all") return Gpus{Gpus::kAll};
  if (text.starts_with(kDevice)) {
    Gpus gpus{0, Split(text.substr(kDevice.size()), ',')};
    const bool named = std::none_of(gpus.ids.begin(), gpus.ids.end(),
                                    [](const std::string& id) { return id.empty(); });
    if (named) return gpus;
  }
  int count = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool whole = fault == std::errc() && end == text.data() + text.size();
  if (whole && count > 0) return Gpus{count};
  return Invalid(fmt::format(
      "gpus={}: write gpus=all, a number of them, or gpus=device=0,1 with their ids", text));
}

ordered_json RequestFor(const Gpus& gpus) {
  ordered_json request = {{"Driver", ""},
                          {"Capabilities", ordered_json::array({ordered_json::array({"gpu"})})}};
  if (gpus.ids.empty()) {
    request["Count"] = gpus.count;
  } else {
    request["DeviceIDs"] = gpus.ids;
  }
  return request;
}

}  // namespace

bool MayBeMounted(const io::fs::path& path) {
  std::vector<std::string> parts;  // "/var/run" is "/run"
  for (const io::fs::path& part : path.lexically_normal()) {
    if (part != "/" && !part.empty()) parts.push_back(part.string());
  }
  if (parts.size() >= 2 && parts[0] == "var" && parts[1] == "run") parts.erase(parts.begin());
  if (parts.empty() || Contains(kSockets, parts.back())) return false;
  if (parts[0] == "proc" || parts[0] == "sys" || parts[0] == "dev") return false;
  if (parts[0] == "var") return parts.size() > 1;
  if (parts[0] != "run") return true;
  // A user's engines are below /run/user/ID.
  if (parts.size() >= 2 && parts[1] == "user") {
    parts.erase(parts.begin() + 1, parts.begin() + std::min<std::ptrdiff_t>(3, std::ssize(parts)));
  }
  return parts.size() > 1 && !Contains(kFoldersOfEngines, parts[1]);
}

Result<ContainerSettings> ContainerSettingsIn(const std::string& place) {
  ContainerSettings settings;
  const auto unknown = [&](const std::string& part) {
    return Invalid(fmt::format(
        "{}: unknown setting \"{}\"; there are network=NAME, mount=FOLDER, gpus=all and "
        "pull=always",
        place, part));
  };
  const std::size_t mark = place.find('?');
  const std::string query = mark == std::string::npos ? "" : place.substr(mark + 1);
  for (const std::string& part : Split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const std::string name = part.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    if (name == "image") {
      settings.image = value;
    } else if (name == "store") {
      settings.store = value;
    } else if (!Contains(kContainerSettings, name)) {
      return unknown(part);
    } else if (name == "network" && !value.empty()) {
      settings.network = value;
    } else if (name == "pull" && (value == "always" || value == "missing")) {
      settings.always_pulls = value == "always";
    } else if (name == "gpus") {
      TRY_ASSIGN(settings.gpus, GpusIn(value));
    } else if (name == "mount") {
      TRY_ASSIGN(Mount mount, MountIn(value));
      settings.mounts.push_back(std::move(mount));
    } else {
      return unknown(part);
    }
  }
  if (settings.image.empty()) return Invalid(place + " names no image to run");
  // Another container's network is another program's.
  if (settings.network.starts_with("container:")) {
    return Invalid(fmt::format("{}: a container's network cannot be shared", place));
  }
  return settings;
}

std::string ContainerName(const std::string& instance, const attempt::Name& attempt) {
  const std::string digest = io::Sha256Of(instance + "/" + attempt.Text());
  std::string name =
      fmt::format("busker-{}-{}.{}-{}", attempt.run.substr(0, kNamePartMax),
                  attempt.task.substr(0, kNamePartMax), attempt.number, digest.substr(0, 12));
  for (char& c : name) {  // engines take no others
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
    if (!good) c = '-';
  }
  return name;
}

std::string CreateBody(const Container& container) {
  ordered_json mounts = ordered_json::array();
  mounts.push_back(Bind({container.runner, false, kRunnerInside}));
  mounts.push_back(Bind({container.attempt_folder, true}));
  for (const Mount& mount : container.mounts) mounts.push_back(Bind(mount));
  for (const Mount& mount : container.settings.mounts) mounts.push_back(Bind(mount));
  ordered_json host = {{"Mounts", mounts},
                       {"NetworkMode", container.settings.network},
                       {"RestartPolicy", {{"Name", "no"}}},
                       {"AutoRemove", false},
                       {"CapDrop", {"ALL"}},
                       {"SecurityOpt", {"no-new-privileges"}},
                       {"LogConfig", {{"Type", "none"}}}};
  if (container.cpus_milli > 0) {
    host["NanoCpus"] = std::int64_t{container.cpus_milli} * 1'000'000;
  }
  if (container.memory_bytes > 0) {
    host["Memory"] = container.memory_bytes;
    host["MemorySwap"] = container.memory_bytes;  // both together: none of it is swapped
  }
  if (container.settings.gpus) {
    host["DeviceRequests"] = ordered_json::array({RequestFor(*container.settings.gpus)});
  }
  // What the runner is told of the image, for the manifest and to find the service's folder.
  ordered_json words = {"--in-container", container.attempt_folder.string(), container.image};
  if (!container.image_folder.empty()) words.push_back(container.image_folder);
  const ordered_json body = {
      {"Image", container.image},
      {"Entrypoint", {kRunnerInside}},
      {"Cmd", words},
      {"User", container.user},
      {"WorkingDir", "/"},
      {"StopTimeout", kStopSeconds},
      {"Labels", {{kHomeLabel, container.instance}, {kAttemptLabel, container.attempt.Text()}}},
      {"HostConfig", host}};
  return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace busker::execute
