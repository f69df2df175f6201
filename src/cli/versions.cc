#include "cli/versions.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"

namespace busker::cli {

Result<Versions> ReadVersions(const Workspace& workspace) {
  const service::Service& service = workspace.service;
  Versions versions;
  if (!HasHome(workspace.home)) return versions;
  TRY_ASSIGN(versions.store, artifact::OpenStore(workspace.places.store_url));
  for (const auto& [name, action] : service.actions) {
    if (!action.promotes) continue;
    TRY_ASSIGN(auto some, artifact::ListVersions(*versions.store, service.name, service.version,
                                                 name, &versions.unreadable));
    std::move(some.begin(), some.end(), std::back_inserter(versions.all));
  }
  std::stable_sort(versions.all.begin(), versions.all.end(), [](const auto& a, const auto& b) {
    return a.name.timestamp < b.name.timestamp;
  });
  TRY_ASSIGN(versions.live, model::ReadLive(*versions.store, service.name, service.version));
  return versions;
}

Result<artifact::VersionName> FindVersion(const Workspace& workspace, const Versions& versions,
                                          const std::string& text) {
  std::vector<artifact::VersionName> found;
  std::vector<std::string> timestamps;
  for (const auto& manifest : versions.all) {
    const artifact::VersionName& name = manifest.name;
    timestamps.push_back(name.timestamp);
    if (text == name.timestamp || text == name.action + "/" + name.timestamp ||
        text == name.Key()) {
      found.push_back(name);
    }
  }
  if (found.size() == 1) return found.front();
  if (found.size() > 1) {
    return Invalid(
        fmt::format("{} is a version of more than one action; say ACTION/{}", text, text));
  }
  const auto nearest = Nearest(text, timestamps);
  return NotFound(fmt::format("{} {} has no version {}{}; busker models lists them",
                              workspace.service.name, workspace.service.version, text,
                              nearest ? ", did you mean " + *nearest + "?" : ""));
}

}  // namespace busker::cli
