// ColumnJudge::TakeQuickly, for csv_fields.cc, which calls it for every value of a file: a few
// nanoseconds.
#pragma once

#include <emmintrin.h>

#include <bit>
#include <cstring>

#include "deliver/column_judge.h"

namespace busker::deliver {

// A bit for each of the 16 bytes at `at` that is a digit.
inline std::uint32_t DigitsAt(const char* at) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i values = _mm_xor_si128(bytes, _mm_set1_epi8('0'));
  const __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
  return static_cast<std::uint32_t>(_mm_movemask_epi8(is_digit));
}

inline bool EndsValue(char c) { return c == ',' || c == '\n' || c == '\r'; }

// Without an exponent, of 15 digits at most, so exact as it stands; nullptr for all else.
inline const char* EndOfShortInteger(const char* at) {
  const char* const digits = at + (*at == '-' ? 1 : 0);
  const auto count = static_cast<unsigned>(std::countr_one(DigitsAt(digits)));
  if (count == 0 || count > 15 || (*digits == '0' && (count > 1 || digits != at))) return nullptr;
  return digits + count;
}

inline bool Begins(const char* at, std::uint32_t word) {
  std::uint32_t there = 0;
  std::memcpy(&there, at, sizeof there);
  return there == word;
}

constexpr std::uint32_t WordOf(const char (&text)[5]) {
  std::uint32_t word = 0;
  for (int i = 3; i >= 0; --i) word = word << 8 | static_cast<unsigned char>(text[i]);
  return word;
}

inline const char* EndOfBool(const char* at) {
  if (Begins(at, WordOf("true")) || Begins(at, WordOf("True"))) return at + 4;
  const bool is_false = (Begins(at, WordOf("fals")) || Begins(at, WordOf("Fals"))) && at[4] == 'e';
  return is_false ? at + 5 : nullptr;
}

inline const char* ColumnJudge::TakeQuickly(const char* at, const char* to) {
  const char* end = nullptr;
  switch (way_) {
    case Way::kLook:
    case Way::kSettled:
      return nullptr;
    case Way::kBool:
      end = EndOfBool(at);
      break;
    case Way::kInteger:
      end = EndOfShortInteger(at);
      break;
    case Way::kDecimal:
      end = EndOfShortInteger(at);
      if (end != nullptr && *end == '.') return TakeDecimal(at, end, to);
      if (end != nullptr && end < to && EndsValue(*end)) TookInteger();
      break;
  }
  return end != nullptr && end < to && EndsValue(*end) ? end : nullptr;
}

// `point` is behind the digits that begin at `at`.
inline const char* ColumnJudge::TakeDecimal(const char* at, const char* point, const char* to) {
  const auto decimals = static_cast<unsigned>(std::countr_one(DigitsAt(point + 1)));
  const char* const end = point + 1 + decimals;
  if (decimals == 0 || decimals > decimals_max_ || end - at > 16 || end >= to || !EndsValue(*end)) {
    return nullptr;
  }
  if (type_ == nullptr) NoteDecimals(static_cast<int>(decimals), decimals > 1 && end[-1] == '0');
  return end;
}

}  // namespace busker::deliver
