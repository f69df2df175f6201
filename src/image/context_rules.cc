#include "image/context_rules.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"
#include "image/ignore_rules.h"

namespace busker::image {
namespace {

namespace fs = io::fs;

constexpr std::uint64_t kRulesBytesMax = 1u << 20;
constexpr std::uint64_t kEntriesMax = 200'000;
constexpr std::size_t kNamedMax = 10;

// The file that the builder reads; empty: none is there.
fs::path FileWithRules(const Context& context) {
  const fs::path own = context.dockerfile.string() + kIgnoreFile;
  std::vector<fs::path> files = {own, context.folder / kIgnoreFile};
  if (context.builder == "docker") files.erase(files.begin());  // without BuildKit
  if (context.builder == "podman") {
    files.insert(files.begin(), context.dockerfile.string() + ".containerignore");
    files.insert(files.begin() + 2, context.folder / ".containerignore");
  }
  const auto found = std::find_if(files.begin(), files.end(), [](const fs::path& file) {
    std::error_code error;
    return fs::exists(file, error);
  });
  return found == files.end() ? fs::path() : *found;
}

// The topmost of what the standard rules name and `rules` do not.
std::vector<std::string> LeftIn(const Context& context, const IgnoreRules& rules) {
  IgnoreRules standard;
  standard.AddStandard(context.program);
  std::vector<std::string> found;
  std::error_code error;
  std::uint64_t entries = 0;
  fs::recursive_directory_iterator entry(context.folder, error);
  for (; !error && entry != fs::recursive_directory_iterator() && entries < kEntriesMax;
       entry.increment(error), ++entries) {
    const std::string path = entry->path().lexically_relative(context.folder).string();
    const bool is_named = standard.Ignores(path);
    const bool stays_out = rules.Ignores(path);
    if (is_named && !stays_out) found.push_back(Printable(path));
    if (is_named || (stays_out && !rules.BringsBack())) entry.disable_recursion_pending();
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::string WayDown(const fs::path& from, const fs::path& to) {
  std::string way = to.lexically_normal().lexically_relative(from.lexically_normal()).string();
  if (way == "." || way == ".." || way.starts_with("../")) return "";
  return way;
}

Result<void> GuardContext(const Context& context, const Say& say) {
  const fs::path file = FileWithRules(context);
  if (file.empty()) {
    const fs::path own = context.folder / kIgnoreFile;
    TRY(io::CreateFileAtomically(own, StandardRules(context.program)));
    say(fmt::format("wrote {}: what it names stays out of the image", own.string()));
    return GuardContext(context, say);
  }
  TRY_ASSIGN(const std::string text, io::ReadFile(file, kRulesBytesMax));
  IgnoreRules rules;
  TRY(rules.Add(text, file.string()));
  for (const fs::path& path : context.private_paths) {
    const std::string way = WayDown(context.folder, path);
    std::error_code error;
    if (way.empty() || !fs::exists(path, error) || rules.Ignores(way)) continue;
    return Invalid(fmt::format(
        "{} does not keep {} out of the image, and there are secrets in it; write a line {} there",
        file.string(), Printable(way), Printable(way)));
  }
  std::vector<std::string> left_in = LeftIn(context, rules);
  if (left_in.empty()) return {};
  const std::size_t count = left_in.size();
  left_in.resize(std::min(count, kNamedMax));
  say(fmt::format("{} does not name {}{}: a COPY of the whole folder takes them along",
                  file.string(), Join(left_in, ", "),
                  count > kNamedMax ? fmt::format(" and {} more", count - kNamedMax) : ""));
  return {};
}

}  // namespace busker::image
