#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace busker {
namespace {

// Levenshtein distance with swaps of neighbours (optimal string alignment), two rows kept.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(above.begin(), above.end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

// The length of the UTF-8 sequence that `lead` begins, and the bounds of its second byte, which
// rule out overlong forms, surrogates and what lies past U+10FFFF. Length 0: no sequence begins so.
struct Sequence {
  std::size_t length;
  unsigned char second_min, second_max;
};

Sequence SequenceOf(unsigned char lead) {
  if (lead < 0x80) return {1, 0, 0};
  if (lead < 0xC2) return {0, 0, 0};
  if (lead < 0xE0) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// The length of the character at the front of `text`; 0 when no well-formed one is there.
std::size_t CharacterLength(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const Sequence sequence = SequenceOf(byte(0));
  if (sequence.length > text.size()) return 0;
  for (std::size_t at = 1; at < sequence.length; ++at) {
    const unsigned char least = at == 1 ? sequence.second_min : 0x80;
    const unsigned char most = at == 1 ? sequence.second_max : 0xBF;
    if (byte(at) < least || byte(at) > most) return 0;
  }
  return sequence.length;
}

}  // namespace

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string Join(std::span<const std::string> parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts.begin(), parts.end(), separator));
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::optional<std::string> Nearest(std::string_view word, std::span<const std::string> candidates) {
  if (word.size() > 100) return std::nullopt;
  const std::size_t limit = std::clamp<std::size_t>(word.size() / 3, 1, 3);
  std::optional<std::string> nearest;
  std::size_t least = limit + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = EditDistance(word, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

namespace {

// Characters that turn the direction of what follows: text that does not say what it seems to.
bool TurnsDirection(std::string_view character) {
  if (!character.starts_with("\xE2")) return false;
  return character == "\xE2\x80\x8E" || character == "\xE2\x80\x8F" ||    // marks
         (character >= "\xE2\x80\xAA" && character <= "\xE2\x80\xAE") ||  // embeddings, overrides
         (character >= "\xE2\x81\xA6" && character <= "\xE2\x81\xA9");    // isolates
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const auto plain = static_cast<std::size_t>(
        std::find_if(text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7E; }) -
        text.begin());
    safe += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t length = CharacterLength(text);
    const auto c = static_cast<unsigned char>(text.front());
    const bool control = length == 1 && ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F);
    const bool c1_control = length == 2 && c == 0xC2 &&  // U+0080..U+009F
                            static_cast<unsigned char>(text[1]) < 0xA0;
    // A byte that is no UTF-8 is a control character to terminals of another encoding.
    const std::size_t taken = length == 0 ? 1 : length;
    const bool turns = length == 3 && TurnsDirection(text.substr(0, 3));
    for (const char byte : text.substr(0, taken)) {
      if (length == 0 || control || c1_control || turns) {
        safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      } else {
        safe += byte;
      }
    }
    text.remove_prefix(taken);
  }
  return safe;
}

std::string WithThousands(long long number) {
  std::string digits = fmt::format("{}", number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3;) {
    i -= 3;
    digits.insert(i, 1, ',');
  }
  return digits;
}

}  // namespace busker
