#include "base/id.h"

#include <sys/random.h>

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
