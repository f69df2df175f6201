#include "artifact/store.h"

#include <fmt/core.h>

#include "artifact/directory_store.h"
#include "base/text.h"

namespace busker::artifact {

Result<std::unique_ptr<Store>> OpenStore(const std::string& url) {
  // What follows file:// is the path as it is: nothing in it is decoded.
  constexpr std::string_view kFile = "file://";
  if (url.starts_with(kFile) && url.size() > kFile.size() && url[kFile.size()] == '/' &&
      url.find('\0') == std::string::npos) {
    return OpenDirectoryStore(url.substr(kFile.size()));
  }
  return Invalid(
      fmt::format("\"{}\" is no artifact store; there is file:///absolute/folder", Printable(url)));
}

}  // namespace busker::artifact
