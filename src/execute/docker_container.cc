#include "execute/docker_container.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "io/digest.h"

namespace busker::execute {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kNamePartMax = 40;  // of a run's id or a task's name

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
  if (mount.path.is_absolute() && mount.path == mount.path.lexically_normal() &&
      text.find(':') == std::string_view::npos) {
    return mount;
  }
  return Invalid(
      fmt::format("mount={}: a folder is mounted by its whole path, as /data or /data:rw", text));
}

}  // namespace

Result<ContainerSettings> ContainerSettingsIn(const std::string& place) {
  ContainerSettings settings;
  const std::size_t mark = place.find('?');
  const std::string query = mark == std::string::npos ? "" : place.substr(mark + 1);
  for (const std::string& part : Split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const std::string name = part.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    if (name == "image") {
      settings.image = value;
    } else if (name == "network" && !value.empty()) {
      settings.network = value;
    } else if (name == "store") {
      settings.store = value;
    } else if (name == "mount") {
      TRY_ASSIGN(Mount mount, MountIn(value));
      settings.mounts.push_back(std::move(mount));
    } else {
      return Invalid(fmt::format("{}: unknown setting \"{}\"; there are image, network and mount",
                                 place, name));
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
  return fmt::format("busker-{}-{}.{}-{}", attempt.run.substr(0, kNamePartMax),
                     attempt.task.substr(0, kNamePartMax), attempt.number, digest.substr(0, 12));
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
  const ordered_json body = {
      {"Image", container.settings.image},
      {"Entrypoint", {kRunnerInside}},
      {"Cmd", {"--in-container", container.attempt_folder.string()}},
      {"User", container.user},
      {"WorkingDir", "/"},
      {"Labels", {{kHomeLabel, container.instance}, {kAttemptLabel, container.attempt.Text()}}},
      {"HostConfig", host}};
  return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace busker::execute
