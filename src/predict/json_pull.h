// JSON (RFC 8259) read from the front, value by value, without building anything: for requests and
// the files of models, whose numbers go straight to where they belong. NaN, Infinity and -Infinity
// are read, too, which clients in Python and XGBoost write; whoever takes a number says what it
// thinks of them.
//
// After a fault nothing more is read: every call says kFault or false, and fault() says what was
// wrong and where.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace busker::predict {

class JsonPull {
 public:
  enum class Kind { kObject, kArray, kText, kNumber, kTrue, kFalse, kNull, kFault };

  // `text` outlives it.
  explicit JsonPull(std::string_view text) : text_(text) {}

  Kind Peek();  // what the next value is

  // Into the object or list that is next: if (Enter()) for (bool first = true; More(first);) {...}
  bool Enter();
  // Whether another member or element comes; when none does, it is left.
  bool More(bool& first);
  // The name of the member that comes, until the next call; its value is next.
  std::string_view Name();

  std::string_view Text();                   // of a text, decoded; until the next call
  double Number(std::string_view* as_came);  // as_came: may be nullptr
  std::string_view NumberText();             // the same, as it came
  void Word();                               // true, false or null
  std::string_view Skip();                   // any value: as it came

  bool AtEnd();  // nothing follows; else it is a fault
  bool ok() const { return fault_.empty(); }
  const std::string& fault() const { return fault_; }  // "byte 12: a value is expected"
  void Fault(std::string_view what);
  std::size_t at() const { return at_; }

 private:
  static constexpr int kDepthMax = 64;

  void Blanks() {
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
  }
  static bool IsBlank(char c) {
    return c <= ' ' && (c == ' ' || c == '\n' || c == '\r' || c == '\t');
  }
  bool TakePlainNumber(double& value);
  bool Take(char c);
  bool TakeWord(std::string_view word);
  bool Digits();
  std::string_view Quoted();
  bool Escape();
  bool Hex4(unsigned& code);

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  char closes_[kDepthMax] = {};
  std::string decoded_, fault_;
};

}  // namespace busker::predict
