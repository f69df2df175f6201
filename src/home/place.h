// What orders, and Busker's own steps in them, call a place in the home: "home:artifacts". The home
// may be moved or copied after an order was written, and the order is of the home that has it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace busker::home {

struct Folder {
  io::fs::path now;  // absolute
  // Where it was before it was moved, or copied from: orders of earlier versions of Busker have
  // absolute paths.
  std::vector<std::string> before = {};
};

// The name of a URL such as "file://FOLDER" or "embedded://FOLDER": "home:artifacts" when the
// folder is in the home, else the URL.
std::string NameOfPlace(const std::string& url, const io::fs::path& home);

// The URL that the name in an order means now, with the scheme that its places in the home have:
// "file" for stores, "embedded" for warehouses. Orders of earlier versions have a warehouse's
// folder for its name. kInvalid: it is in another home.
Result<std::string> UrlOfPlace(const std::string& name, const Folder& home,
                               std::string_view scheme = "file");

}  // namespace busker::home
