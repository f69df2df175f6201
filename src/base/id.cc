#include "base/id.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"

namespace busker {
namespace {

// Of this thread: a call for each of ten thousand runs that come due at once costs more than all
// else about their names. For names, not for secrets. Nobody shares them: what this process starts
// is another program, with memory of its own.
struct RandomBytes {
  std::array<unsigned char, 252> bytes;
  std::size_t used = bytes.size();
};

// The next `count` of them, which `bytes` is a multiple of.
template <std::size_t count>
const unsigned char* TakeRandom() {
  thread_local RandomBytes random;
  static_assert(random.bytes.size() % count == 0);
  if (random.used == random.bytes.size()) {
    CHECK(getrandom(random.bytes.data(), random.bytes.size(), 0) ==
              static_cast<ssize_t>(random.bytes.size()),
          "the kernel has random bytes");
    random.used = 0;
  }
  return random.bytes.data() + std::exchange(random.used, random.used + count);
}

}  // namespace

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
  constexpr std::size_t kLetters = 6;
  const unsigned char* const random = TakeRandom<kLetters>();
  std::string stamp = FormatStamp(now);  // 20190801T070000Z
  stamp[8] = '-';
  stamp.back() = '-';
  for (std::size_t i = 0; i < kLetters; ++i) stamp += kAlphabet[random[i] % kAlphabet.size()];
  return stamp;
}

}  // namespace busker
