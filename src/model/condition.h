// The text of a gate as a tree, for the room's own use; the grammar is in gate.h.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace busker::model {

struct Token {
  // kWord: and or not true false; kFunction: min max abs, with "(" behind.
  enum class Kind { kNumber, kName, kWord, kFunction, kSign, kEnd };
  Kind kind = Kind::kEnd;
  std::string_view text;  // as it is written
  double number = 0;
  std::size_t at = 0;       // byte offset in the condition
  std::string_view metric;  // of a name: without "live." and quotes
  bool of_live = false;     // of a name: the live version's
};

struct ConditionNode {
  enum class Type { kNumber, kCondition };
  Type type = Type::kNumber;
  Token token;  // the operator, function, name, number or word
  // Of a unary operator and abs: only right. min(a, b, c) is min(min(a, b), c).
  std::unique_ptr<ConditionNode> left, right;
};

// A condition that parsed. All text in it points into the text that it was parsed from.
struct Condition {
  std::vector<Token> tokens;
  std::unique_ptr<ConditionNode> root;  // of type kCondition
};

// kInvalid with the character, from 1, and what was expected there.
Result<Condition> ParseCondition(std::string_view text);

// kInvalid: "condition, character 8: WHAT", for the byte `offset` of the condition's text.
tl::unexpected<Error> FaultAt(std::string_view text, std::size_t offset, std::string_view what);

}  // namespace busker::model
