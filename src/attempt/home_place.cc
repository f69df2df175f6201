#include "attempt/home_place.h"

#include <fmt/core.h>

#include <algorithm>

namespace busker::attempt {
namespace {

namespace fs = io::fs;

constexpr std::string_view kHome = "home:";
constexpr std::string_view kFile = "file://";

// Where an absolute path of an earlier version's order is now. Its places in the home were
// HOME/artifacts and HOME/warehouse, of the home as it was then.
Result<std::string> MapOld(const std::string& folder, const HomeFolder& home) {
  if (NameOfPlace(folder, home.now) != folder) return folder;
  const fs::path path = folder;
  const fs::path then = path.parent_path();
  const std::string now = (home.now / path.filename()).string();
  if (std::find(home.before.begin(), home.before.end(), then.string()) != home.before.end()) {
    return now;
  }
  std::error_code error;
  if (fs::exists(then / "busker.db", error)) {
    if (fs::equivalent(then, home.now, error)) return now;
    return Invalid(
        fmt::format("{} is in another home than {}: this run was decided there, and goes on there; "
                    "here, start it anew",
                    folder, home.now.string()));
  }
  const bool moved = then.filename() == ".busker" && !fs::exists(then, error);
  return moved ? now : folder;
}

}  // namespace

std::string NameOfPlace(const std::string& place, const fs::path& home) {
  const bool is_url = place.starts_with(kFile);
  const std::string folder = is_url ? place.substr(kFile.size()) : place;
  const std::string prefix = home.string() + "/";
  if (home.empty() || !folder.starts_with(prefix)) return place;
  return std::string(kHome) + folder.substr(prefix.size());
}

Result<std::string> FolderOfPlace(const std::string& name, const HomeFolder& home) {
  if (home.now.empty()) return name;  // an earlier version of Busker says where it is
  if (!name.starts_with(kHome)) return MapOld(name, home);
  return (home.now / name.substr(kHome.size())).string();
}

Result<std::string> UrlOfPlace(const std::string& name, const HomeFolder& home) {
  const bool is_url = name.starts_with(kFile);
  if (!is_url && !name.starts_with(kHome)) return name;  // none, or elsewhere
  TRY_ASSIGN(const std::string folder,
             FolderOfPlace(is_url ? name.substr(kFile.size()) : name, home));
  return std::string(kFile) + folder;
}

}  // namespace busker::attempt
