#include "deliver/csv_fields.h"

#include <emmintrin.h>

#include <bit>
#include <cstring>

#include "deliver/column_judge_quick.h"

namespace busker::deliver {
namespace {

// The comma or line end at which a value without quotes ends; `to` when it goes on behind it.
const char* EndOfPlain(const char* at, const char* to) {
  const __m128i comma = _mm_set1_epi8(','), feed = _mm_set1_epi8('\n'), back = _mm_set1_epi8('\r');
  for (; at < to; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i ends =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, comma), _mm_cmpeq_epi8(bytes, feed)),
                     _mm_cmpeq_epi8(bytes, back));
    const auto found = static_cast<std::uint32_t>(_mm_movemask_epi8(ends));
    if (found == 0) continue;
    const char* const end = at + std::countr_zero(found);
    return end < to ? end : to;
  }
  return to;
}

}  // namespace

void CsvFields::Take(std::string_view text) {
  if (column_ < judges_.size()) judges_[column_].Take(text);
}

void CsvFields::Add(const char* from, const char* to) {
  for (const char* at = from; at < to;) {
    if (state_ != State::kBegin || *at == '"') {
      at = AddPart(at, to);
      continue;
    }
    const char* end = nullptr;
    if (column_ < judges_.size()) end = judges_[column_].TakeQuickly(at, to);
    if (end == nullptr) {
      end = EndOfPlain(at, to);
      if (end == to) {
        state_ = State::kPlain;
        part_.assign(at, end);
        return;
      }
      Take({at, static_cast<std::size_t>(end - at)});
    }
    if (*end == ',') {
      ++column_;
    } else if (*end == '\n') {
      column_ = 0;
    }
    at = end + 1;
  }
}

// One byte or more of a value with quotes, or of one that began in the block before.
const char* CsvFields::AddPart(const char* at, const char* to) {
  const char c = *at;
  switch (state_) {
    case State::kBegin:
      part_.clear();
      state_ = State::kQuoted;
      return at + 1;
    case State::kQuoted: {
      const void* const quote = std::memchr(at, '"', static_cast<std::size_t>(to - at));
      const char* const end = quote != nullptr ? static_cast<const char*>(quote) : to;
      part_.append(at, end);
      if (end == to) return to;
      state_ = State::kAfterQuote;
      return end + 1;
    }
    case State::kAfterQuote:
      if (c == '"') {
        part_ += '"';
        state_ = State::kQuoted;
        return at + 1;
      }
      state_ = State::kPlain;
      return at;
    case State::kPlain:
      if (c != ',' && c != '\n' && c != '\r') {
        part_ += c;
        return at + 1;
      }
      Take(part_);
      state_ = State::kBegin;
      if (c == ',') {
        ++column_;
      } else if (c == '\n') {
        column_ = 0;
      }
      return at + 1;
  }
  return to;
}

void CsvFields::Finish() {
  if (state_ != State::kBegin) Take(part_);
}

}  // namespace busker::deliver
