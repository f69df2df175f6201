// Reading what registries and helpers write, of which little is needed.
// Heavy (nlohmann): for .cc files only.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace busker::image {

// The member when it is there and text; else empty.
inline std::string TextIn(const nlohmann::ordered_json& value, const std::string& name) {
  if (!value.is_object()) return {};
  const auto found = value.find(name);
  return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The member; null when it is not there.
inline const nlohmann::ordered_json& In(const nlohmann::ordered_json& value,
                                        const std::string& name) {
  static const nlohmann::ordered_json kNone;
  if (!value.is_object()) return kNone;
  const auto found = value.find(name);
  return found == value.end() ? kNone : *found;
}

}  // namespace busker::image
