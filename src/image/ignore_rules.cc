#include "image/ignore_rules.h"

#include <fnmatch.h>

#include <span>

#include "base/text.h"

namespace busker::image {
namespace {

using Parts = std::span<const std::string>;

// How many leading parts of `path` do not matter: a pattern fits when it fits some of them from the
// start. Bounded by the square of the parts for each "**".
bool Fits(Parts pattern, Parts path) {
  if (pattern.empty()) return true;  // the path, or a folder above it
  if (pattern.front() == "**") {
    for (std::size_t skipped = 0; skipped <= path.size(); ++skipped) {
      if (pattern.size() == 1) return !path.empty();
      if (Fits(pattern.subspan(1), path.subspan(skipped))) return true;
    }
    return false;
  }
  return !path.empty() && fnmatch(pattern.front().c_str(), path.front().c_str(), 0) == 0 &&
         Fits(pattern.subspan(1), path.subspan(1));
}

std::vector<std::string> PartsOf(std::string_view text) {
  std::vector<std::string> parts;
  for (std::string& part : Split(text, '/')) {
    const bool repeats = part == "**" && !parts.empty() && parts.back() == "**";
    if (!part.empty() && part != "." && !repeats) parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace

std::string_view StandardRules() {
  return "# What stays out of the image. \"!data\" would bring a folder back.\n"
         "**/.git\n"
         "**/.busker\n"
         "**/.venv\n"
         "**/__pycache__\n"
         "**/*.pyc\n"
         "**/.env\n"
         "data\n"
         "output\n";
}

IgnoreRules::IgnoreRules(std::string_view text) {
  Add(StandardRules());
  Add(text);
}

void IgnoreRules::Add(std::string_view text) {
  for (const std::string& line : Split(text, '\n')) {
    std::string_view pattern = Trim(line);
    if (pattern.empty() || pattern.starts_with('#')) continue;
    Rule rule;
    rule.keeps = pattern.starts_with('!');
    if (rule.keeps) pattern = Trim(pattern.substr(1));
    rule.parts = PartsOf(pattern);
    if (rule.parts.empty()) continue;
    brings_back_ |= rule.keeps;
    rules_.push_back(std::move(rule));
  }
}

bool IgnoreRules::Ignores(const std::string& path) const {
  const std::vector<std::string> parts = PartsOf(path);
  bool ignored = false;
  for (const Rule& rule : rules_) {
    if (ignored == rule.keeps && Fits(rule.parts, parts)) ignored = !rule.keeps;
  }
  return ignored;
}

}  // namespace busker::image
