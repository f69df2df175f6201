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
  TRY_ASSIGN(static_cast<model::Versions&>(versions),
             model::ReadVersions(*versions.store, service.name, service.version,
                                 service::Promoting(service), artifact::ForDecision(),
                                 service::Testing(service)));
  return versions;
}

Result<artifact::VersionName> FindVersion(const Workspace& workspace, const Versions& versions,
                                          const std::string& text) {
  return model::FindVersion(versions, workspace.service.name, workspace.service.version, text);
}

Result<const artifact::Manifest*> FindShown(const Workspace& workspace, const Versions& versions,
                                            const std::string& text) {
  if (text == "live" && !versions.live) {
    return NotFound("no version is live; busker promote VERSION makes one live");
  }
  const std::string meant = text == "live" ? versions.live->now.version.Key() : text;
  TRY_ASSIGN(const artifact::VersionName name, FindVersion(workspace, versions, meant));
  return &*std::find_if(versions.all.begin(), versions.all.end(),
                        [&](const auto& version) { return version.name == name; });
}

std::string WaitingSentence(const model::Ruling& waiting) {
  const std::string& version = waiting.version.timestamp;
  return Printable(
      fmt::format("{} waits for approval since {}: {}; busker promote {} makes it live", version,
                  FormatRfc3339(waiting.at), waiting.why, version));
}

}  // namespace busker::cli
