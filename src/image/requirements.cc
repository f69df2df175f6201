#include "image/requirements.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/text.h"

namespace busker::image {
namespace {

namespace fs = io::fs;

constexpr std::uint64_t kBytesMax = 1u << 20;
constexpr std::size_t kFilesMax = 32;

// "-r other.txt", "--constraint=c.txt" -> "other.txt"; empty: the line refers to no file.
std::string ReferredIn(std::string_view line) {
  for (const std::string_view option : {"--requirement", "--constraint", "-r", "-c"}) {
    if (!line.starts_with(option)) continue;
    std::string_view rest = line.substr(option.size());
    if (rest.starts_with('=')) rest.remove_prefix(1);
    return std::string(Trim(rest));
  }
  return {};
}

bool IsFromElsewhere(std::string_view line) {
  return line.starts_with("-e") || line.starts_with("--editable") || line.starts_with(".") ||
         line.starts_with("/") || line.starts_with("git+") ||
         line.find("@ git+") != std::string_view::npos;
}

bool NeedsMore(std::string_view line) {
  return line.starts_with("-f") || line.starts_with("--find-links") ||
         line.find("@ file:") != std::string_view::npos ||
         line.find("@file:") != std::string_view::npos ||
         ReferredIn(line).find("://") != std::string::npos;
}

class RequirementsReader {
 public:
  Result<void> Read(const fs::path& file) {
    if (!seen_.insert(file.lexically_normal()).second) return {};
    if (seen_.size() > kFilesMax) {
      return Invalid(
          fmt::format("{}: requirements refer to more than {} files", file.string(), kFilesMax));
    }
    TRY_ASSIGN(const std::string text, io::ReadFile(file, kBytesMax));
    for (const std::string& each : Split(text, '\n')) {
      const std::string_view line = Trim(std::string_view(each).substr(0, each.find(" #")));
      if (line.empty() || line.starts_with('#')) continue;
      found_.text += std::string(line) + "\n";
      found_.has_more = found_.has_more || NeedsMore(line);
      if (IsFromElsewhere(line)) found_.others.emplace_back(line);
      const std::string other = ReferredIn(line);
      if (!other.empty() && other.find("://") == std::string::npos) {
        if (auto read = Read(file.parent_path() / other); !read) {
          return Wrap(file.string(), read.error());
        }
      }
    }
    return {};
  }

  Requirements found_;

 private:
  std::set<fs::path> seen_;
};

}  // namespace

Result<Requirements> ReadRequirements(const fs::path& root) {
  RequirementsReader reader;
  for (const char* const name : {"requirements.txt", "source/requirements.txt"}) {
    std::error_code error;
    if (!fs::is_regular_file(root / name, error)) continue;
    reader.found_.files.push_back(root / name);
    TRY(reader.Read(root / name));
  }
  return std::move(reader.found_);
}

std::string NamedPython(const fs::path& root) {
  const auto text = io::ReadFile(root / ".python-version", kBytesMax);
  if (!text) return {};
  const std::string line(Trim(std::string_view(*text).substr(0, text->find('\n'))));
  const std::vector<std::string> parts = Split(line, '.');
  const auto is_number = [](const std::string& part) {
    return !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
  };
  if (parts.size() < 2 || !is_number(parts[0]) || !is_number(parts[1])) return {};
  return parts[0] + "." + parts[1];
}

}  // namespace busker::image
