#include "image/ignore_rules.h"

#include <fmt/core.h>
#include <fnmatch.h>

#include "base/text.h"

namespace busker::image {
namespace {

using Span = std::span<const std::string>;

// A pattern fits when it fits some leading parts of `path`. Bounded by the square of the parts for
// each "**".
bool FitsBegin(Span pattern, Span path) {
  if (pattern.empty()) return true;  // the path, or a folder above it
  if (pattern.front() == "**") {
    for (std::size_t skipped = 0; skipped <= path.size(); ++skipped) {
      if (pattern.size() == 1) return !path.empty();
      if (FitsBegin(pattern.subspan(1), path.subspan(skipped))) return true;
    }
    return false;
  }
  return !path.empty() && fnmatch(pattern.front().c_str(), path.front().c_str(), 0) == 0 &&
         FitsBegin(pattern.subspan(1), path.subspan(1));
}

std::vector<std::string> PartsOf(std::string_view text) {
  std::vector<std::string> parts;
  for (std::string& part : Split(text, '/')) {
    const bool repeats = part == "**" && !parts.empty() && parts.back() == "**";
    if (!part.empty() && part != "." && !repeats) parts.push_back(std::move(part));
  }
  return parts;
}

// Of a pattern that builders refuse: why. Here it would fit nothing, and keep nothing out.
std::string_view FaultOf(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      if (++i == pattern.size()) return "ends with a \"\\\"";
      continue;
    }
    if (pattern[i] != '[') continue;
    const std::size_t begin = ++i;
    while (i < pattern.size() && (pattern[i] != ']' || i == begin)) {
      i += pattern[i] == '\\' ? 2 : 1;
    }
    if (i >= pattern.size()) return "has a \"[\" without its \"]\"";
  }
  return "";
}

}  // namespace

std::string StandardRules(const std::string& program) {
  std::string text =
      "# What stays out of the image. \"!data\" would bring a folder back.\n"
      "**/.git\n"
      "**/.busker\n"
      "**/.venv\n"
      "**/.venv.unfinished\n"
      "**/__pycache__\n"
      "**/*.pyc\n"
      "# Secrets, by the names they usually have.\n"
      "**/.env\n"
      "**/.env.*\n"
      "**/.netrc\n"
      "**/.npmrc\n"
      "**/.pypirc\n"
      "**/.git-credentials\n"
      "**/.ssh\n"
      "**/.aws\n"
      "**/id_rsa\n"
      "**/id_ecdsa\n"
      "**/id_ed25519\n"
      "**/credentials.json\n"
      "secrets\n"
      "# Data.\n"
      "data\n"
      "output\n";
  if (program.empty()) return text;
  for (const char* const folder : {"secrets", "data", "output"}) {
    text += fmt::format("{}/{}\n", program, folder);
  }
  return text;
}

void IgnoreRules::AddStandard(const std::string& program) {
  (void)Read(StandardRules(program), "", {{}, {}, false, true});
}

Result<void> IgnoreRules::Add(std::string_view text, const std::string& file,
                              const std::string& below) {
  return Read(text, file, {PartsOf(below), {}, false, false});
}

Result<void> IgnoreRules::Read(std::string_view text, const std::string& file, const Rule& kind) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  int number = 0;
  for (const std::string& line : Split(text, '\n')) {
    ++number;
    std::string_view pattern = Trim(line);
    if (pattern.empty() || pattern.starts_with('#')) continue;
    Rule rule = kind;
    rule.keeps = pattern.starts_with('!');
    if (rule.keeps) pattern = Trim(pattern.substr(1));
    if (const std::string_view fault = FaultOf(pattern); !fault.empty()) {
      return Invalid(
          fmt::format("{}:{}: the pattern {} {}; write a \"\\\" before what stands for itself",
                      file, number, Printable(pattern), fault));
    }
    rule.parts = PartsOf(pattern);
    if (rule.parts.empty()) continue;
    brings_back_ |= rule.keeps;
    rules_.push_back(std::move(rule));
  }
  return {};
}

bool IgnoreRules::Fits(const Rule& rule, std::span<const std::string> path) {
  if (rule.below.empty()) return FitsBegin(rule.parts, path);
  Parts whole = rule.below;
  whole.insert(whole.end(), path.begin(), path.end());
  return FitsBegin(rule.parts, whole);
}

// How many leading parts of the path make the topmost that a standard rule names; 0: none does.
std::size_t IgnoreRules::StandardDepth(const Parts& path) const {
  for (std::size_t depth = 1; depth <= path.size(); ++depth) {
    for (const Rule& rule : rules_) {
      if (rule.is_standard && Fits(rule, std::span(path).first(depth))) return depth;
    }
  }
  return 0;
}

bool IgnoreRules::Ignores(const std::string& path) const {
  for (const std::string& kept : private_) {
    if (path == kept || path.starts_with(kept + "/")) return true;
  }
  const Parts parts = PartsOf(path);
  const std::size_t depth = StandardDepth(parts);
  bool ignored = false;
  for (const Rule& rule : rules_) {
    if (ignored != rule.keeps || !Fits(rule, parts)) continue;
    const bool is_of_above = depth > 1 && Fits(rule, std::span(parts).first(depth - 1));
    if (!rule.keeps || !is_of_above) ignored = !rule.keeps;
  }
  return ignored;
}

}  // namespace busker::image
