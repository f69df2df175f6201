// What a folder holds that becomes a version: files, which of them are programs, empty folders.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace busker::artifact {

// Of files, folders and links. Links can make an endless one of a small folder.
inline constexpr std::size_t kTreeEntriesMax = 500'000;

struct FileTree {
  std::vector<std::string> files;     // relative paths with '/', sorted
  std::set<std::string> executables;  // those of the files that their owner may execute
  std::set<std::string> empty_folders;
};

// What is below `folder`. Symbolic links to files and folders below `folder` itself count as what
// they lead to. An error (kInvalid) that names the entry: other links, a link to a folder that it
// stands in itself, sockets, devices, more than `entries_max`; `folder` itself being a link. A
// missing folder is kNotFound.
Result<FileTree> ListTree(const io::fs::path& folder, std::size_t entries_max = kTreeEntriesMax);

}  // namespace busker::artifact
