#include "base/id.h"

#include <sys/random.h>

#include <algorithm>

#include "base/check.h"

namespace busker {

bool IsName(std::string_view text) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (text.empty() || text.size() > 63 || !alphanumeric(text.front())) return false;
  for (char c : text) {
    if (!alphanumeric(c) && c != '.' && c != '_' && c != '-') return false;
  }
  return true;
}

bool IsGraphName(std::string_view text) {
  const auto word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && text.size() <= 200 && word(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return word(c) || c == '.' || c == '-'; });
}

std::string RandomHex(std::size_t bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string random(bytes, '\0');
  CHECK(getrandom(random.data(), bytes, 0) == static_cast<ssize_t>(bytes),
        "the kernel has random bytes");
  std::string hex;
  for (const char c : random) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::string MakeRunId(Instant now) {
  // Base 32 without the letters that are read as digits.
  static constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  unsigned char random[6];
  CHECK(getrandom(random, sizeof random, 0) == sizeof random, "the kernel has random bytes");
  std::string stamp = FormatStamp(now);  // 20190801T070000Z
  stamp[8] = '-';
  stamp.back() = '-';
  for (unsigned char byte : random) stamp += kAlphabet[byte % kAlphabet.size()];
  return stamp;
}

}  // namespace busker
