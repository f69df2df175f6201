#include "artifact/key.h"

#include <fmt/core.h>

#include "base/text.h"

namespace busker::artifact {
namespace {

std::string_view FaultOf(std::string_view part) {
  if (part.empty()) return "it has an empty part";
  if (part == "." || part == "..") return "it has a part \".\" or \"..\"";
  if (part.starts_with(".tmp-")) return "names that begin with \".tmp-\" are Busker's own";
  if (part.size() > 255) return "a part of it is longer than 255 bytes";
  for (const char c : part) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return "it has a control character";
  }
  return {};
}

std::string_view FaultOfKey(std::string_view key) {
  if (key.empty()) return "it is empty";
  if (key.front() == '/') return "it is absolute";
  if (key.size() > 1024) return "it is longer than 1024 bytes";
  if (!IsUtf8(key)) return "it is not UTF-8";
  for (const std::string& part : Split(key, '/')) {
    if (const std::string_view fault = FaultOf(part); !fault.empty()) return fault;
  }
  return {};
}

}  // namespace

Result<void> CheckKey(std::string_view key) {
  const std::string_view fault = FaultOfKey(key);
  if (fault.empty()) return {};
  return Invalid(fmt::format("\"{}\" is not a name in an artifact store: {}",
                             Printable(key.substr(0, 200)), fault));
}

}  // namespace busker::artifact
