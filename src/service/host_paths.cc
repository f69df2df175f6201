#include "service/host_paths.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <system_error>

#include "service/config_file.h"
#include "service/json_document.h"
#include "service/text_file.h"

namespace busker::service {
namespace {

namespace fs = std::filesystem;

// What every image has of its own, or an engine puts there.
constexpr std::array<std::string_view, 14> kOfImages = {"bin",   "dev",    "etc", "lib",  "lib32",
                                                        "lib64", "libx32", "opt", "proc", "run",
                                                        "sbin",  "sys",    "tmp", "usr"};

bool IsBelow(const fs::path& path, const fs::path& folder) {
  const auto [end, _] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return end == folder.end();
}

// Without "." and a slash at its end.
fs::path PlainPath(const fs::path& written) {
  const fs::path path = written.lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

bool IsOfImages(const fs::path& path) {
  const fs::path below = path.relative_path();
  return below.empty() ||
         std::find(kOfImages.begin(), kOfImages.end(), below.begin()->string()) != kOfImages.end();
}

class Search {
 public:
  Search(const Service& service, const std::optional<std::vector<std::string>>& mounts,
         const ImageOfFolder& image, Faults& faults)
      : root_(service.ProgramRoot()),
        ignore_file_(service.Shown(".dockerignore")),
        is_elsewhere_(!mounts),
        image_(image),
        faults_(faults) {
    if (!mounts) return;
    for (const std::string& mount : *mounts) mounts_.push_back(PlainPath(mount));
  }

  void CheckConfig(const Service& service, const std::string& config) {
    const auto text = ReadTextFile((root_ / config).string(), kConfigBytesMax);
    if (!text || !*text) return;
    Faults others;  // of the JSON: told by who checks that
    const auto document = ParseJsonDocument(**text, kConfigBytesMax, others);
    if (document) CheckNode(*document, service.Shown(config));
  }

  void CheckCommand(const std::vector<std::string>& command, const std::string& file, Position at) {
    for (const std::string& word : command) {
      const std::size_t equals = word.starts_with('-') ? word.find('=') : std::string::npos;
      Check(equals == std::string::npos ? word : word.substr(equals + 1), file, at,
            "\"command\": ");
    }
  }

 private:
  void CheckNode(const Node& node, const std::string& file) {
    if (node.kind == Node::Kind::kString) Check(node.text, file, node.at, "");
    for (const Node& item : node.items) CheckNode(item, file);
    for (const Member& member : node.members) CheckNode(member.value, file);
  }

  void Check(const std::string& text, const std::string& file, Position at, std::string_view of) {
    if (text.empty() || text.size() > kPathBytesMax) return;
    std::string known = text;
    if (const auto placeholder = text.find("${"); placeholder != std::string::npos) {
      known = text.substr(0, text.rfind('/', placeholder) + 1);
    }
    const bool leaves =
        known.starts_with("../") || known == ".." || known.find("/../") != std::string::npos;
    if (known.find('/') == std::string::npos && !leaves) return;
    const fs::path path = PlainPath(root_ / known);
    const bool within = IsBelow(path, root_), is_whole = known.front() == '/';
    std::error_code error;  // what cannot be looked at is not there
    if (within && !is_whole) {
      if (!image_.is_written_by_busker || !IsLeftOut(path) || !fs::exists(path, error)) return;
      return faults_.Add(file, at, fmt::format("{}{} {}", of, Quoted(text), LeftOut(path)));
    }
    if (IsOfImages(path) || IsMounted(path) || !fs::exists(path, error)) return;
    faults_.Add(file, at, fmt::format("{}{} {}", of, Quoted(text), Remedy(path, within, known)));
  }

  std::string InFolder(const fs::path& path) const {
    return path == root_ ? "." : path.lexically_relative(root_).string();
  }

  // The run's own output/ is there, whatever the image has.
  bool IsLeftOut(const fs::path& path) const {
    const std::string inside = InFolder(path);
    const bool is_output = inside == "output" || inside.starts_with("output/");
    return image_.leaves_out && !is_output && image_.leaves_out(inside);
  }

  std::string LeftOut(const fs::path& path) const {
    return fmt::format("is left out of the image by busker build; a line !{} in {} brings it in",
                       InFolder(path), ignore_file_);
  }

  bool IsMounted(const fs::path& path) const {
    return std::any_of(mounts_.begin(), mounts_.end(),
                       [&](const fs::path& mount) { return IsBelow(path, mount); });
  }

  std::string Remedy(const fs::path& path, bool within, const std::string& known) const {
    if (within) {
      return fmt::format(
          "is in the service's folder on this machine, which is elsewhere in the "
          "container; write \"{}\"{}",
          InFolder(path), IsLeftOut(path) ? ", which " + LeftOut(path) : "");
    }
    if (is_elsewhere_) {
      return "is on this machine, and the program runs on another; put it into the service's "
             "folder, or let the program read it from a bucket";
    }
    std::error_code error;
    const fs::path folder = fs::is_directory(path, error) ? path : path.parent_path();
    const std::string mount = IsOfImages(folder) ? path.string() : folder.string();
    return fmt::format(
        "is on this machine and not in the container; {}list {} in the target's "
        "executor: docker://?mount={}",
        known.front() == '/' ? "" : fmt::format("write \"{}\", and ", path.string()), mount, mount);
  }

  static constexpr std::size_t kPathBytesMax = 4096;

  const fs::path root_;
  const std::string ignore_file_;  // of that folder, for people
  std::vector<fs::path> mounts_;
  const bool is_elsewhere_;
  const ImageOfFolder& image_;
  Faults& faults_;
};

}  // namespace

void CheckHostPaths(const Service& service, const std::optional<std::vector<std::string>>& mounts,
                    const ImageOfFolder& image, Faults& faults) {
  Search search(service, mounts, image, faults);
  std::set<std::string> configs;
  std::set<std::vector<std::string>> commands;
  for (const auto& [name, action] : service.actions) {
    if (!action.config.empty() && configs.insert(action.config).second) {
      search.CheckConfig(service, action.config);
    }
    if (service.has_file && commands.insert(action.command).second) {
      search.CheckCommand(action.command, kServiceFile, action.command_at);
    }
  }
}

}  // namespace busker::service
