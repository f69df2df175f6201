#include "artifact/removal.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace busker::artifact {
namespace {

using nlohmann::ordered_json;

constexpr char kWord[] = "removal";  // no manifest has it

}  // namespace

std::string RemovalToJson(const Removal& removal) {
  return ordered_json{{kWord, removal.word}, {"done", removal.is_done}}.dump() + "\n";
}

std::optional<Removal> RemovalFromJson(const std::string& text) {
  if (text.size() > kRemovalBytesMax) return std::nullopt;
  const auto value = ordered_json::parse(text, nullptr, false);
  const auto member = [&](const char* name) {
    return value.is_object() && value.contains(name) ? value[name] : ordered_json();
  };
  if (!member(kWord).is_string() || !member("done").is_boolean()) return std::nullopt;
  return Removal{member(kWord).get<std::string>(), member("done").get<bool>()};
}

}  // namespace busker::artifact
