// The artifact store in a local folder: a key is a path below it, a value a file.
#pragma once

#include <memory>

#include "artifact/store.h"

namespace busker::artifact {

// `folder` is absolute and is created when missing. Files are written under a temporary name, made
// durable, then renamed. Unfinished files (".tmp-...") that a crash left behind are never shown.
// Symbolic links to folders are not followed by the lists.
Result<std::unique_ptr<Store>> OpenDirectoryStore(const io::fs::path& folder);

}  // namespace busker::artifact
