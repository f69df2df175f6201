// What a text in a CSV file looks like, and so what it may become where nobody said what it is.
//
// The rule: a text looks like a value only when the value, written back, is the text. "007" is
// text, as 7 lacks its zeros; so are "+7", "1_000", ".5", "yes", 9:5 and 2026-2-3.
#pragma once

#include <string_view>

namespace busker::deliver {

enum class Look {
  kText,
  kBool,          // true and false, in any case
  kInteger,       // of INT64, without a zero or a sign that it does not need
  kDecimal,       // has a point or an exponent, and its digits are those of a double
  kNegativeZero,  // "-0": among decimals alone, as an integer has no sign there
  kNotFinite,     // nan, inf and their spellings: among decimals alone
  kDate,          // 2026-02-03
  kTime,          // 10:00:00
  kDatetime,      // 2026-02-03 10:00:00, also without the seconds; a T may stand for the blank
  kTimestamp,     // the same with Z, " UTC" or an offset behind it
};

struct ValueLook {
  Look look = Look::kText;
  // kDecimal, kTime, kDatetime, kTimestamp: how many digits stand behind the point, 0: there is
  // none; and whether the last is a zero that could be left out ("0.10"; the one of "1.0" is the
  // point's).
  int decimals = 0;
  bool padded = false;
  // kDatetime, kTimestamp: which of the forms that cannot be told apart afterwards. 0 to 3.
  int form = 0;
  bool exact_as_double = true;  // kInteger
};

ValueLook LookAt(std::string_view text);

// How the texts that are not blank differ is another matter (column_judge.h); this is whether
// `text` looks like anything but text: a header whose names all do is none.
bool LooksLikeValue(std::string_view text);

}  // namespace busker::deliver
