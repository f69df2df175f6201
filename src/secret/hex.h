// Bytes as hexadecimal digits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace busker::secret {

std::string ToHex(std::string_view bytes);
std::optional<std::string> FromHex(std::string_view digits);  // small or capital letters

}  // namespace busker::secret
