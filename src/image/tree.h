// What is in a layer of an image: folders, files and links by their paths.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "io/file.h"

namespace busker::image {

struct Entry {
  enum class Kind : std::uint8_t { kFolder, kFile, kLink };
  Kind kind = Kind::kFolder;
  bool is_executable = false;
  io::fs::path source = {};  // of a file: where its bytes are; empty: they are `text`
  std::string text = {};     // of a link: where it leads
};

// By the path in the image, "service/configs/training.json": no "/" in front. Bytewise order is the
// order of the archive, and has each folder before what is in it.
using Tree = std::map<std::string, Entry>;

// Adds the folders above `path` that are not there yet.
inline void AddFoldersAbove(Tree& tree, const std::string& path) {
  for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    tree.try_emplace(path.substr(0, end));
  }
}

}  // namespace busker::image
