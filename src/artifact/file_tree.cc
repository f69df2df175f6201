#include "artifact/file_tree.h"

#include <fmt/core.h>

#include <algorithm>

#include "artifact/key.h"
#include "base/text.h"

namespace busker::artifact {
namespace {

namespace fs = io::fs;

bool IsInside(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

class TreeLister {
 public:
  TreeLister(fs::path root, std::size_t entries_max)
      : root_(std::move(root)), entries_max_(entries_max) {}

  // `folder` is real, no link leads to it; what is in it is listed below `prefix`.
  Result<void> List(const fs::path& folder, const std::string& prefix) {
    bool is_empty = true;
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      is_empty = false;
      TRY(Add(folder, entry->path().filename().string(), prefix));
    }
    if (error) return SystemError("list " + folder.string(), error.value());
    if (is_empty && !prefix.empty())
      tree_.empty_folders.insert(prefix.substr(0, prefix.size() - 1));
    return {};
  }

  FileTree Take() {
    std::sort(tree_.files.begin(), tree_.files.end());
    return std::move(tree_);
  }

 private:
  Result<void> Add(const fs::path& folder, const std::string& name, const std::string& prefix) {
    if (++entries_ > entries_max_) {
      return Fault(prefix + name,
                   fmt::format("is one file, folder or link too many: {} are the most",
                               WithThousands(static_cast<long long>(entries_max_))));
    }
    TRY(CheckKey(prefix + name));
    std::error_code error;
    fs::path path = folder / name;
    fs::file_status status = fs::symlink_status(path, error);
    const bool is_link = fs::is_symlink(status);
    if (is_link) {
      path = fs::canonical(path, error);
      if (error) return Fault(prefix + name, "is a link that leads nowhere");
      if (!IsInside(path, root_)) return Fault(prefix + name, "is a link that leads out of it");
      status = fs::status(path, error);
    }
    if (fs::is_directory(status)) {
      if (!is_link) return List(path, prefix + name + "/");
      return FollowLink(folder, path, prefix + name);
    }
    if (!fs::is_regular_file(status)) {
      return Fault(prefix + name, "is neither a file nor a folder, nor a link to one");
    }
    tree_.files.push_back(prefix + name);
    const bool executable = (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
    if (executable) tree_.executables.insert(prefix + name);
    return {};
  }

  // The link stands in `folder`, as do, further up, those that led here. One that leads to a folder
  // around any of them would go in circles.
  Result<void> FollowLink(const fs::path& folder, const fs::path& target, const std::string& name) {
    standing_.push_back(folder);
    for (const fs::path& place : standing_) {
      if (IsInside(place, target)) return Fault(name, "is a link to a folder that it is in itself");
    }
    auto listed = List(target, name + "/");
    standing_.pop_back();
    return listed;
  }

  tl::unexpected<Error> Fault(const std::string& name, const std::string& what) const {
    return Invalid(fmt::format("list {}: {} {}", root_.string(), Printable(name), what));
  }

  const fs::path root_;
  const std::size_t entries_max_;
  FileTree tree_;
  std::vector<fs::path> standing_;  // where the links are that led to the folder that is listed
  std::size_t entries_ = 0;
};

}  // namespace

Result<FileTree> ListTree(const fs::path& folder, std::size_t entries_max) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(folder, error);
  if (!fs::exists(status)) {
    return NotFound("list " + folder.string() + ": there is no such folder");
  }
  if (!fs::is_directory(status)) {
    return Invalid("list " + folder.string() + ": it is a link or a file, not a folder");
  }
  const fs::path root = fs::canonical(folder, error);
  if (error) return SystemError("list " + folder.string(), error.value());
  TreeLister lister(root, entries_max);
  TRY(lister.List(root, ""));
  return lister.Take();
}

}  // namespace busker::artifact
