// Where the manifest of a version is, for the room's own use.
#pragma once

#include <string>

#include "artifact/version.h"

namespace busker::artifact {

inline constexpr char kManifestFile[] = "manifest.json";

inline std::string ManifestKey(const VersionName& name) { return name.Key() + "/" + kManifestFile; }

}  // namespace busker::artifact
