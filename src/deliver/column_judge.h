// What the values of a column are, judged from all of their texts while the file is digested.
// DuckDB loads the same file meanwhile; what it takes a text for is never the judge.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "deliver/declared_value.h"
#include "deliver/value_look.h"

namespace busker::deliver {

class ColumnJudge {
 public:
  // With a `type`: whether each text is a value of it, by the rule of declared_value.h. Without:
  // what type the column has, by the rule of value_look.h. `undeclared`: nobody said that the
  // column is of the type, so that both rules hold.
  explicit ColumnJudge(std::string_view type = "", bool undeclared = false);

  // A value's text. An empty one is no value, whatever the type.
  void Take(std::string_view text);

  // Takes the value that begins at `at` and returns its end, where a comma or a line end is, when
  // it is of the kind that this column had before; else nullptr, and nothing is taken. kSlackBytes
  // from `at` on can be read; those from `to` on are none of the file's.
  static constexpr std::size_t kSlackBytes = 64;
  const char* TakeQuickly(const char* at, const char* to);

  // Whether nothing that comes can change the judgement: only the ends of values have to be found.
  bool is_settled() const { return way_ == Way::kSettled; }

  // Without a type given: the column's; empty while it has no values.
  std::string Type() const;

  // With a type given: false when a text is no value of it.
  bool fits() const { return fits_; }

 private:
  enum class Way { kLook, kInteger, kDecimal, kBool, kSettled };
  static constexpr unsigned kDecimalsQuick = 15;  // more are not taken quickly

  void Hold(std::string_view text);
  void Note(const ValueLook& look);
  bool Saw(Look look) const { return (seen_ & (1u << static_cast<unsigned>(look))) != 0; }
  const char* TakeDecimal(const char* at, const char* point, const char* to);
  void TookInteger() {
    seen_ |= type_ != nullptr ? 0 : 1u << static_cast<unsigned>(Look::kInteger);
  }
  void NoteDecimals(int decimals, bool padded) {
    if (decimals == 0) return;
    if (decimals_ == 0) decimals_ = decimals;
    decimals_vary_ = decimals_vary_ || decimals != decimals_;
    padded_ = padded_ || padded;
  }

  const DeclaredType* type_ = nullptr;  // the one that was given
  bool is_undeclared_ = false;
  unsigned decimals_max_ = kDecimalsQuick;
  Way way_ = Way::kLook;
  bool fits_ = true;
  std::uint32_t seen_ = 0;   // a bit for each Look
  std::uint32_t forms_ = 0;  // a bit for each form of a DATETIME or TIMESTAMP
  int decimals_ = 0;         // of the values that have a point; 0: none had
  bool decimals_vary_ = false, padded_ = false;
  bool all_exact_ = true;  // the integers, as doubles
};

}  // namespace busker::deliver
