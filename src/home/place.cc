#include "home/place.h"

#include <fmt/core.h>

#include <algorithm>

#include "home/home.h"

namespace busker::home {
namespace {

namespace fs = io::fs;

constexpr std::string_view kHome = "home:";
constexpr std::string_view kMark = "://";

bool IsIn(const fs::path& home, const std::string& folder) {
  return !home.empty() && folder.starts_with(home.string() + "/");
}

// Where an absolute path of an earlier version's order is now. Its places in the home were
// HOME/artifacts and HOME/warehouse, of the home as it was then.
Result<std::string> MapOld(const std::string& folder, const Folder& home) {
  if (IsIn(home.now, folder)) return folder;
  const fs::path path = folder;
  const fs::path then = path.parent_path();
  const std::string now = (home.now / path.filename()).string();
  if (std::find(home.before.begin(), home.before.end(), then.string()) != home.before.end()) {
    return now;
  }
  std::error_code error;
  if (fs::exists(Home{then}.RecordFile(), error)) {
    if (fs::equivalent(then, home.now, error)) return now;
    return Invalid(
        fmt::format("{} is in another home than {}: this run was decided there, and goes on there; "
                    "here, start it anew",
                    folder, home.now.string()));
  }
  const bool moved = then.filename() == kFolder && !fs::exists(then, error);
  return moved ? now : folder;
}

}  // namespace

std::string NameOfPlace(const std::string& url, const fs::path& home) {
  const auto mark = url.find(kMark);
  const std::string folder = mark == std::string::npos ? url : url.substr(mark + kMark.size());
  if (!IsIn(home, folder)) return url;
  return std::string(kHome) + folder.substr(home.string().size() + 1);
}

Result<std::string> UrlOfPlace(const std::string& name, const Folder& home,
                               std::string_view scheme) {
  const std::string prefix = std::string(scheme) + std::string(kMark);
  if (name.starts_with(kHome)) {
    return prefix + (home.now / name.substr(kHome.size())).string();
  }
  const bool is_url = name.starts_with(prefix);
  if (home.now.empty()) return name;  // an earlier version of Busker says where it is
  if (!is_url && !name.starts_with('/')) return name;  // none, or elsewhere
  TRY_ASSIGN(const std::string folder, MapOld(is_url ? name.substr(prefix.size()) : name, home));
  return prefix + folder;
}

}  // namespace busker::home
