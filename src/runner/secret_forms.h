// The shapes in which a program may write a secret without meaning to: as it is, or encoded for
// somewhere else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace busker::runner {

// What is shorter cannot be masked: it would be found everywhere.
inline constexpr std::size_t kSecretBytesMin = 6;

// The value; its lines and the value without blanks around it; and of each of them base64 (both
// alphabets; on its own, and inside something that is encoded at any of the three alignments),
// percent-encoding, JSON's escapes and hexadecimal, in small and capital letters, with and without
// blanks; long ones also as the lines into which tools wrap them, base64 of up to 192 bytes also
// where a line ends within it; as a shell traces or quotes it, as Python's repr, as HTML. Each at
// least kSecretBytesMin long, none twice.
std::vector<std::string> FormsOf(std::string_view secret);

}  // namespace busker::runner
