// What orders, and Busker's own steps in them, call a place in the home: "home:artifacts". The home
// may be moved or copied after an order was written, and the order is of the home that has it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace busker::attempt {

struct HomeFolder {
  io::fs::path now;  // absolute
  // Where it was before it was moved, or copied from: orders of earlier versions of Busker have
  // absolute paths.
  std::vector<std::string> before = {};
};

// The name of a folder, or of a URL "file://FOLDER": "home:artifacts" when it is in the home, else
// itself.
std::string NameOfPlace(const std::string& place, const io::fs::path& home);

// The folder that the name in an order means now; without a home, the name itself. kInvalid: it is
// in another home.
Result<std::string> FolderOfPlace(const std::string& name, const HomeFolder& home);

// The same for a store: a URL.
Result<std::string> UrlOfPlace(const std::string& name, const HomeFolder& home);

}  // namespace busker::attempt
