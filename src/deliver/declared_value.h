// Whether a text of a CSV file is a value of the type that its column has.
//
// The rule: the value that the table gets is the one that the text says, or the file is refused. So
// 007 and 1e3 are INT64, as 7 and 1000 are what they say, and 1.5 is none; NUMERIC keeps 9
// decimals, so it takes 1.1234567890 and not 1.12345678901. FLOAT64 says that the nearest double
// will do.
#pragma once

#include <string>
#include <string_view>

namespace busker::deliver {

enum class Misfit {
  kNone,             // it is a value of the type
  kOtherKind,        // it is something else: "twelve" for a number
  kTooManyDecimals,  // some would be lost
  kOutOfRange,       // too large for the type, or too small
};

struct DeclaredType {
  std::string_view name;                   // as Column::type has it
  Misfit (*judge)(std::string_view text);  // of a text that is not empty
};

// The type of this name, which has to be a canonical one.
const DeclaredType& DeclaredTypeOf(std::string_view name);

// The same where nobody declared the type, and the table has it only because of what its column
// held: then the value, written back, has to be the text, too (value_look.h). An id 007 is no 7
// because the ids before it were numbers.
Misfit JudgeUndeclared(const DeclaredType& type, std::string_view text);

// What stands behind `"1.5" is no INT64`: what is wrong with it, and what to do.
std::string RemedyFor(const DeclaredType& type, Misfit misfit);

}  // namespace busker::deliver
