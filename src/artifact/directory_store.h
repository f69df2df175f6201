// The artifact store in a local folder: a key is a path below it, a value a file.
#pragma once

#include <memory>

#include "artifact/store.h"

namespace busker::artifact {

// `folder` is absolute and is created when missing. Files are written under a temporary name, made
// durable, then renamed. Unfinished files (".tmp-...") that a crash left behind are never shown.
// Symbolic links to folders are not followed by the lists.
Result<std::unique_ptr<Store>> OpenDirectoryStore(const io::fs::path& folder);

// At "file:///absolute/folder": what follows the scheme is the path as it is, nothing in it is
// decoded. kInvalid: it is no such URL.
Result<void> CheckDirectoryUrl(const std::string& url);
Result<std::unique_ptr<Store>> OpenDirectoryUrl(const std::string& url);

}  // namespace busker::artifact
