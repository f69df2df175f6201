#include "service/config_file.h"

#include <fmt/core.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "base/json_syntax.h"
#include "service/placeholders.h"

namespace busker::service {
namespace {

constexpr std::size_t kConfigBytesMax = 16u << 20;

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
  const auto path = std::filesystem::path(service.root) / config;
  std::error_code error;
  const auto size_bytes = std::filesystem::file_size(path, error);
  if (error) return;
  if (size_bytes > kConfigBytesMax) {
    faults.Add(config, {}, "larger than 16 MiB, which no config is");
    return;
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(size_bytes, '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size()))) {
    faults.Add(config, {}, "cannot be read");
    return;
  }
  CheckPlaceholders(text, config, faults);
  if (const auto fault = FindJsonFault(text)) {
    faults.Add(config, {fault->line, fault->column}, "not JSON: " + fault->reason);
  }
}

}  // namespace busker::service
