#include "deliver/column_judge.h"

#include <bit>

namespace busker::deliver {
namespace {

constexpr std::uint32_t BitOf(Look look) { return 1u << static_cast<unsigned>(look); }

constexpr std::uint32_t kNumbers = BitOf(Look::kInteger) | BitOf(Look::kDecimal) |
                                   BitOf(Look::kNegativeZero) | BitOf(Look::kNotFinite);

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool AreDigits(std::string_view text) {
  for (const char c : text) {
    if (!IsDigit(c)) return false;
  }
  return true;
}

std::string_view TakeDigits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && IsDigit(text[count])) ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

// Finite for certain, and read by DuckDB as it is written.
bool IsPlainDecimal(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::size_t whole = TakeDigits(text).size();
  if (whole == 0 || whole > 200) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    TakeDigits(text);
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    const std::size_t digits = TakeDigits(text).size();
    if (digits == 0 || digits > 2) return false;
  }
  return text.empty();
}

bool IsPlainInteger(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.size() <= 18 && AreDigits(text);
}

bool IsPlainNumeric(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  TakeDigits(text);
  if (text.starts_with('.')) text.remove_prefix(1);
  return AreDigits(text);
}

bool IsPlainDate(std::string_view text) {
  return text.size() == 10 && text[4] == '-' && text[7] == '-' && AreDigits(text.substr(0, 4)) &&
         AreDigits(text.substr(5, 2)) && AreDigits(text.substr(8, 2)) &&
         text.substr(0, 4) != "0000";
}

}  // namespace

ColumnJudge::ColumnJudge(std::string_view type, bool undeclared)
    : is_held_(!type.empty()), is_undeclared_(undeclared) {
  if (!is_held_) return;
  if (type == "INT64") {
    held_ = Held::kInteger;
    way_ = Way::kInteger;
  } else if (type == "FLOAT64") {
    held_ = Held::kDecimal;
    way_ = Way::kDecimal;
  } else if (type == "NUMERIC" || type == "BIGNUMERIC") {
    held_ = Held::kNumeric;
    way_ = Way::kDecimal;
  } else if (type == "DATE") {
    held_ = Held::kDate;
  } else if (type == "BOOL" && undeclared) {
    held_ = Held::kBool;
    way_ = Way::kBool;
  } else {
    way_ = Way::kSettled;  // read as text and checked there (csv_load.cc), or always right
  }
}

void ColumnJudge::Take(std::string_view text) {
  if (text.empty() || way_ == Way::kSettled) return;
  if (is_held_) {
    TakeHeld(text);
  } else {
    Note(LookAt(text));
  }
}

void ColumnJudge::TakeHeld(std::string_view text) {
  switch (held_) {
    case Held::kInteger:
      is_plain_ = is_undeclared_ ? LookAt(text).look == Look::kInteger : IsPlainInteger(text);
      break;
    case Held::kDecimal:
      is_plain_ = IsPlainDecimal(text) || LookAt(text).look == Look::kNotFinite;
      break;
    case Held::kNumeric:
      is_plain_ = IsPlainNumeric(text);
      break;
    case Held::kDate:
      is_plain_ = IsPlainDate(text);
      break;
    case Held::kBool:
      is_plain_ = LookAt(text).look == Look::kBool;
      break;
    case Held::kAny:
      break;
  }
  if (!is_plain_) way_ = Way::kSettled;  // one is enough: all are looked at again
}

void ColumnJudge::Note(const ValueLook& look) {
  seen_ |= BitOf(look.look);
  all_exact_ = all_exact_ && look.exact_as_double;
  NoteDecimals(look.decimals, look.padded);
  if (look.look == Look::kDatetime || look.look == Look::kTimestamp) forms_ |= 1u << look.form;
  // A decimal that comes may make FLOAT64 of 1 and nan; of all else that is text, it stays.
  const bool is_open = (seen_ & ~kNumbers) == 0 && !Saw(Look::kDecimal);
  if (Type() == "STRING" && !is_open) {
    way_ = Way::kSettled;
  } else if (look.look == Look::kBool) {
    way_ = Way::kBool;
  } else if (look.look == Look::kInteger && !Saw(Look::kDecimal)) {
    way_ = Way::kInteger;
  } else if (Saw(Look::kDecimal)) {
    way_ = Way::kDecimal;
  } else {
    way_ = Way::kLook;
  }
}

std::string ColumnJudge::Type() const {
  if (seen_ == 0) return "";
  if (seen_ == BitOf(Look::kBool)) return "BOOL";
  if (seen_ == BitOf(Look::kInteger)) return "INT64";
  // Zeros that nobody needs can be had back when all have as many decimals: 0.10 and 0.25, not 1.10
  // and 1.9.
  const bool decimals_are_well = !padded_ || !decimals_vary_;
  if (Saw(Look::kDecimal) && (seen_ & ~kNumbers) == 0) {
    return decimals_are_well && all_exact_ ? "FLOAT64" : "STRING";
  }
  if (seen_ == BitOf(Look::kDate)) return "DATE";
  if (!decimals_are_well || std::popcount(forms_) > 1) return "STRING";
  if (seen_ == BitOf(Look::kTime)) return "TIME";
  if (seen_ == BitOf(Look::kDatetime)) return "DATETIME";
  if (seen_ == BitOf(Look::kTimestamp)) return "TIMESTAMP";
  return "STRING";
}

}  // namespace busker::deliver
