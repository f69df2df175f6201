// What who asks shows: a token, a link, a session. Kept is only what it is known again by.
#pragma once

#include <string>
#include <string_view>

namespace busker::access {

// 256 random bits, as 64 hexadecimal digits.
std::string MakeSecret();

// Compares in a time that does not tell where two texts of one length differ.
bool SameSecret(std::string_view a, std::string_view b);

}  // namespace busker::access
