#include "service/config_file.h"

#include <fmt/core.h>

#include <filesystem>

#include "base/json_syntax.h"
#include "service/placeholders.h"
#include "service/text_file.h"

namespace busker::service {
namespace {

Position PositionOf(std::string_view text, std::size_t offset) {
  Position at{1, 1};
  for (char c : text.substr(0, offset)) {
    if (c == '\n') {
      ++at.line;
      at.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      ++at.column;
    }
  }
  return at;
}

// As the runner reads a config: "${" that no name and "}" follow is text like any other.
void CheckPlaceholders(const std::string& text, const std::string& config, Faults& faults) {
  constexpr std::string_view kNameCharacters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  for (std::size_t at = 0; (at = text.find("${", at)) != std::string::npos; at += 2) {
    const auto end = text.find_first_not_of(kNameCharacters, at + 2);
    if (end == std::string::npos || text[end] != '}' || end == at + 2) continue;
    const auto fault = FindPlaceholderFault(text.substr(at, end + 1 - at), PlaceholderUse::kValue);
    if (fault) faults.Add(config, PositionOf(text, at), *fault);
  }
}

}  // namespace

void CheckConfigFile(const Service& service, const std::string& config, Faults& faults) {
  const auto path = std::filesystem::path(service.ProgramRoot()) / config;
  const std::string shown = service.Shown(config);
  const auto read = ReadTextFile(path.string(), kConfigBytesMax);
  if (read && !*read) return;
  if (!read) {
    faults.Add(shown, {}, "cannot be read");
    return;
  }
  const std::string& text = **read;
  if (text.size() > kConfigBytesMax) {
    faults.Add(shown, {}, "larger than 16 MiB, which no config is");
    return;
  }
  CheckPlaceholders(text, shown, faults);
  if (const auto fault = FindJsonFault(text)) {
    faults.Add(shown, {fault->line, fault->column}, "not JSON: " + fault->reason);
  }
}

}  // namespace busker::service
