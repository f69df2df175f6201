#include "cli/versions.h"

namespace busker::cli {

Result<Versions> ReadVersions(const Workspace& workspace) {
  const service::Service& service = workspace.service;
  Versions versions;
  if (!HasHome(workspace.home)) return versions;
  TRY_ASSIGN(versions.store, artifact::OpenStore(workspace.places.store_url));
  TRY_ASSIGN(static_cast<model::Versions&>(versions),
             model::ReadVersions(*versions.store, service.name, service.version,
                                 service::Promoting(service), artifact::ForDecision()));
  return versions;
}

Result<artifact::VersionName> FindVersion(const Workspace& workspace, const Versions& versions,
                                          const std::string& text) {
  return model::FindVersion(versions, workspace.service.name, workspace.service.version, text);
}

}  // namespace busker::cli
