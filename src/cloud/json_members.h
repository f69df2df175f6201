// The members of JSON objects in answers of APIs; 64-bit numbers of Google's come as texts. What is
// not there, or of another kind, is empty.
// Heavy (nlohmann): for .cc files only.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace busker::cloud {

template <typename Json>  // also the ordered kind
std::string TextIn(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  const bool is_text = found != object.end() && found->is_string();
  return is_text ? found->template get<std::string>() : std::string();
}

// A 64-bit number in its digits, whether it came as a text or as a number.
inline std::string DigitsIn(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  const bool is_number = found != object.end() && found->is_number_unsigned();
  return is_number ? std::to_string(found->get<std::uint64_t>()) : TextIn(object, name);
}

inline std::uint64_t NumberIn(const nlohmann::json& object, const char* name) {
  const std::string text = DigitsIn(object, name);
  const bool is_number = !text.empty() && text.size() < 20 &&
                         text.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? std::stoull(text) : 0;
}

}  // namespace busker::cloud
