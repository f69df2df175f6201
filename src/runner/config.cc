#include "runner/config.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/json_object.h"
#include "base/text.h"

namespace busker::runner {
namespace {

bool IsNameCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// The NAME when `text`, which begins behind "${", goes on with "NAME}"; empty when it does not.
std::string_view NameAt(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), IsNameCharacter);
  if (end == text.end() || *end != '}') return {};
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

std::string Place(std::string_view path, std::string_view before) {
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto line_begin = before.rfind('\n');
  const auto column =
      before.size() - (line_begin == std::string_view::npos ? 0 : line_begin + 1) + 1;
  return fmt::format("{}:{}:{}", path, line, column);
}

std::string NamesOf(const std::map<std::string, std::string>& placeholders) {
  std::vector<std::string> names;
  for (const auto& [name, _] : placeholders) names.push_back("${" + name + "}");
  return names.empty() ? "there are none" : "there are " + Join(names, " ");
}

// `value` as it stands between the quotes of a JSON string.
std::string Escaped(const std::string& value) {
  const std::string quoted = nlohmann::json(value).dump();
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

Result<std::string> ExpandConfig(std::string_view text, std::string_view path,
                                 const std::map<std::string, std::string>& placeholders) {
  if (!IsUtf8(text)) return Invalid(fmt::format("{}: it is not UTF-8", path));
  TRY(CheckJson(text, path));
  std::string expanded;
  std::size_t done = 0;
  for (auto at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 2)) {
    const std::string_view name = NameAt(text.substr(at + 2));
    if (name.empty()) continue;
    const auto value = placeholders.find(std::string(name));
    if (value == placeholders.end()) {
      return Invalid(fmt::format("{}: unknown placeholder ${{{}}}; {}",
                                 Place(path, text.substr(0, at)), name, NamesOf(placeholders)));
    }
    if (!IsUtf8(value->second)) {
      return Invalid(fmt::format("{}: the value of ${{{}}} is not UTF-8",
                                 Place(path, text.substr(0, at)), name));
    }
    expanded.append(text.substr(done, at - done)).append(Escaped(value->second));
    done = at + name.size() + 3;
    if (expanded.size() > kConfigBytesMax) {
      return Invalid(
          fmt::format("{}: larger than the limit of {} bytes once its placeholders are "
                      "replaced",
                      path, kConfigBytesMax));
    }
  }
  expanded.append(text.substr(done));
  TRY(CheckJson(expanded, path));
  return expanded;
}

}  // namespace busker::runner
