// What a version's model takes and gives: the names, types and order of its inputs and outputs.
//
// It is read from the model itself where that says enough (XGBoost's feature_names, feature_types
// and cats), and from `signature.json` in the version, which goes over it:
//
//   {
//     "model": "model.ubj",                  the file; default: the only *.ubj or *.json of a model
//     "inputs": [
//       {"name": "age", "type": "number"},   number | integer | boolean | category | text | date
//       {"name": "plan", "type": "category", "categories": ["free", "paid"], "unseen": "refuse"},
//       {"name": "visits", "type": "number", "missing": true}
//     ],
//     "missing": -999,                       a value that the model takes as missing, beside NaN
//     "iterations": 120,                     rounds of trees used, from the first; default: all
//     "outputs": ["probability"],
//     "extra": "refuse"                      fields that are no input: refuse (default) | ignore
//   }
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace busker::predict {

enum class Type : std::uint8_t { kNumber, kInteger, kBoolean, kCategory, kText, kDate };
std::string_view NameOf(Type type);

enum class Unseen : std::uint8_t { kRefuse, kMissing };

struct Input {
  std::string name;
  Type type = Type::kNumber;
  bool missing = false;                 // null is taken, as a value that is missing
  std::vector<std::string> categories;  // of kCategory: the code of each is its place here
  Unseen unseen = Unseen::kRefuse;      // what becomes of a category that is not among them
};

struct Signature {
  std::string model;          // file within the version
  std::vector<Input> inputs;  // in the order of the model's columns
  std::optional<float> missing_value;
  std::optional<std::uint32_t> iterations;
  std::vector<std::string> outputs;  // a name each; one or more
  bool refuses_extra = true;

  // The place of the input, nullopt: there is none of that name. Not for hot paths (linear).
  std::optional<std::size_t> Find(std::string_view name) const;
};

inline constexpr char kSignatureFile[] = "signature.json";

std::string ToJson(const Signature& signature);

// `text` of signature.json over `of_model`, what the model says of itself. kInvalid names the key
// and what is wrong with it; an unknown key is wrong.
Result<Signature> ParseSignature(const std::string& text, const Signature& of_model);

}  // namespace busker::predict
