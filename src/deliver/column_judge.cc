#include "deliver/column_judge.h"

#include <bit>

namespace busker::deliver {
namespace {

constexpr std::uint32_t BitOf(Look look) { return 1u << static_cast<unsigned>(look); }

constexpr std::uint32_t kNumbers = BitOf(Look::kInteger) | BitOf(Look::kDecimal) |
                                   BitOf(Look::kNegativeZero) | BitOf(Look::kNotFinite);

}  // namespace

ColumnJudge::ColumnJudge(std::string_view type, bool undeclared) : is_undeclared_(undeclared) {
  if (type.empty()) return;
  type_ = &DeclaredTypeOf(type);
  if (type == "INT64") {
    way_ = Way::kInteger;
  } else if (type == "FLOAT64" || type == "NUMERIC" || type == "BIGNUMERIC") {
    way_ = Way::kDecimal;
    if (type == "NUMERIC") decimals_max_ = 9;
  } else if (type == "BOOL") {
    way_ = Way::kBool;
  } else if (type == "STRING") {
    way_ = Way::kSettled;
  }
}

void ColumnJudge::Take(std::string_view text) {
  if (text.empty() || way_ == Way::kSettled) return;
  if (type_ != nullptr) {
    Hold(text);
  } else {
    Note(LookAt(text));
  }
}

void ColumnJudge::Hold(std::string_view text) {
  const Misfit misfit = is_undeclared_ ? JudgeUndeclared(*type_, text) : type_->judge(text);
  fits_ = misfit == Misfit::kNone;
  if (!fits_) way_ = Way::kSettled;  // one is enough to refuse the file
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
