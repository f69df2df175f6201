#include "image/service_tree.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/text.h"
#include "image/context_rules.h"
#include "image/ignore_rules.h"

namespace busker::image {
namespace {

namespace fs = io::fs;

constexpr std::uint64_t kRulesBytesMax = 1u << 20;
constexpr std::uint64_t kEntriesMax = 200'000;

class TreeReader {
 public:
  TreeReader(fs::path root, std::string inside, fs::path home, const IgnoreRules& rules,
             const io::Interrupt& interrupt)
      : root_(std::move(root)),
        inside_(std::move(inside)),
        home_(std::move(home)),
        rules_(rules),
        interrupt_(interrupt) {}

  Result<ServiceTree> Read() {
    if (IsHome(root_)) {
      return Invalid(
          fmt::format("{} is busker's home, too, whose record and secrets would go into "
                      "the image; say another --home",
                      root_.string()));
    }
    found_.tree.try_emplace(inside_);
    std::vector<std::string> folders = {""};  // yet to be read
    while (!folders.empty()) {
      const std::string folder = std::move(folders.back());
      folders.pop_back();
      TRY(ReadFolder(folder, folders));
    }
    std::sort(found_.left_out.begin(), found_.left_out.end());
    return std::move(found_);
  }

 private:
  Result<void> ReadFolder(const std::string& folder, std::vector<std::string>& folders) {
    TRY(io::CheckStillWanted(interrupt_));
    std::error_code error;
    fs::directory_iterator entry(root_ / folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      TRY(ReadEntry(folder.empty() ? name : folder + "/" + name, folders));
    }
    if (error) return SystemError("read the folder " + (root_ / folder).string(), error.value());
    return {};
  }

  Result<void> ReadEntry(const std::string& path, std::vector<std::string>& folders) {
    struct stat is {};
    if (lstat((root_ / path).c_str(), &is) != 0) {
      return SystemError("look at " + (root_ / path).string(), errno);
    }
    if (S_ISDIR(is.st_mode) && IsHome(root_ / path)) {
      found_.left_out.push_back(path);
      return {};
    }
    const bool ignored = rules_.Ignores(path);
    if (S_ISDIR(is.st_mode) && (!ignored || rules_.BringsBack())) folders.push_back(path);
    if (ignored) {
      const std::size_t slash = path.rfind('/');
      const bool is_topmost = slash == std::string::npos || !rules_.Ignores(path.substr(0, slash));
      if (is_topmost) found_.left_out.push_back(path);
      return {};
    }
    if (!IsUtf8(path)) return Invalid(Printable(path) + ": the name is not UTF-8; rename it");
    if (found_.tree.size() > kEntriesMax) {
      return Invalid(fmt::format("{} holds more than {} files; name what is not needed in {}",
                                 root_.string(), kEntriesMax, kIgnoreFile));
    }
    return Add(path, is);
  }

  // By whatever name.
  bool IsHome(const fs::path& folder) const {
    std::error_code error;
    return !home_.empty() && fs::equivalent(folder, home_, error);
  }

  Result<void> Add(const std::string& path, const struct stat& is) {
    Entry entry;
    if (S_ISREG(is.st_mode)) {
      entry.kind = Entry::Kind::kFile;
      entry.is_executable = (is.st_mode & S_IXUSR) != 0;
      entry.source = root_ / path;
      ++found_.files;
      found_.bytes += static_cast<std::uint64_t>(is.st_size);
    } else if (S_ISLNK(is.st_mode)) {
      TRY_ASSIGN(entry.text, LinkOf(path));
      entry.kind = Entry::Kind::kLink;
    } else if (!S_ISDIR(is.st_mode)) {
      return Invalid(
          fmt::format("{} is neither a file, a folder nor a link, and cannot be in an image; name "
                      "it in {}",
                      (root_ / path).string(), kIgnoreFile));
    }
    const std::string inside = inside_ + "/" + path;
    AddFoldersAbove(found_.tree, inside);
    found_.tree[inside] = std::move(entry);
    return {};
  }

  Result<std::string> LinkOf(const std::string& path) {
    std::error_code error;
    const fs::path to = fs::read_symlink(root_ / path, error);
    if (error) return SystemError("read the link " + (root_ / path).string(), error.value());
    const fs::path leads = (fs::path(path).parent_path() / to).lexically_normal();
    if (to.is_relative() && *leads.begin() != "..") return to.string();
    return Invalid(
        fmt::format("{} leads out of the folder, to {}, which would not be there in the "
                    "image; name it in {}",
                    (root_ / path).string(), to.string(), kIgnoreFile));
  }

  const fs::path root_;
  const std::string inside_;
  const fs::path home_;
  const IgnoreRules& rules_;
  const io::Interrupt& interrupt_;
  ServiceTree found_;
};

}  // namespace

Result<IgnoreRules> RulesOf(const fs::path& folder, const fs::path& context) {
  IgnoreRules rules;
  rules.AddStandard();
  std::vector<fs::path> with_rules = {folder};
  const std::string below = context.empty() ? "" : WayDown(context, folder);
  if (!below.empty()) with_rules.insert(with_rules.begin(), context);
  for (const fs::path& each : with_rules) {
    auto text = io::ReadFile(each / kIgnoreFile, kRulesBytesMax);
    if (!text && text.error().kind != ErrorKind::kNotFound) return tl::unexpected(text.error());
    TRY(rules.Add(text.value_or(""), (each / kIgnoreFile).string(), each == folder ? "" : below));
  }
  return rules;
}

Result<ServiceTree> ReadServiceTree(const fs::path& folder, const std::string& inside,
                                    const fs::path& home, const io::Interrupt& interrupt,
                                    const fs::path& context,
                                    const std::vector<fs::path>& private_paths) {
  TRY_ASSIGN(IgnoreRules rules, RulesOf(folder, context));
  for (const fs::path& path : private_paths) {
    if (const std::string way = WayDown(folder, path); !way.empty()) rules.AddPrivate(way);
  }
  return TreeReader(folder, inside, home, rules, interrupt).Read();
}

}  // namespace busker::image
