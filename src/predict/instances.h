// The one typed reader behind every form of a request: JSON text, cells of CSV and elements of
// tensors to rows of floats, by the signature.
//
// Decimals are rounded to double, then to float (as numpy and pandas do). A number is taken for a
// boolean nowhere. null and NaN only where `missing`. A category by its text. A date as days since
// 1970-01-01.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "predict/json_pull.h"
#include "predict/signature.h"

namespace busker::predict {

struct Rows {
  std::vector<float> values;  // as Model::Predict takes them
  std::size_t size = 0;
};

// A value as a request has it, whichever form it came in.
struct Value {
  enum class Kind { kNull, kNumber, kBoolean, kText, kOther };
  Kind kind = Kind::kNull;
  double number = 0;           // of a boolean: 0 or 1
  std::string_view text = {};  // of a text: itself; of others: as it came, for the fault
};

// One value, into its place in a row. What all forms (JSON, CSV, v2's tensors) call, so that a
// value means the same in each. kInvalid: "field "age": a number is expected, got "abc"" (at most
// 40 characters of it). Quick. One thread.
class FieldReader {
 public:
  explicit FieldReader(const Signature& signature) : signature_(signature) {}

  Result<float> Read(std::size_t input, const Value& value);
  // The same of a cell of CSV: its type says what it is; an empty one is missing.
  Result<float> ReadCell(std::size_t input, std::string_view cell, bool quoted);

  // The place of an input; `likely` is looked at first. kNone: there is none of that name.
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t Find(std::string_view name, std::size_t likely);
  // A field that is no input: nothing where extra ones are ignored; else kInvalid, with the name
  // that may have been meant.
  Result<void> TakeExtra(std::string_view name) const;

  const Signature& signature() const { return signature_; }

 private:
  using Places = std::unordered_map<std::string_view, std::size_t>;

  Result<float> ReadCategory(std::size_t input, const Value& value);

  const Signature& signature_;
  Places places_;              // of names, once one was not where it was likely
  std::vector<Places> codes_;  // of categories, by input, once they were asked for
};

// What is wrong with an instance: names the instance (from 1), the field, what was expected, what
// came.
Error FaultOf(std::size_t instance, const Error& fault);

// 'field "age": a number is expected, got "abc"'.
Error WrongValue(const Input& input, const Value& value);

// Reads lists of instances out of a request that is being read. Its errors are kInvalid. What is
// wrong with the JSON itself is told with its place.
class InstanceReader {
 public:
  InstanceReader(const Signature& signature, std::size_t rows_max)
      : fields_(signature), rows_max_(rows_max) {}

  // A list of instances: objects by name, or lists in the signature's order (a lone value is a list
  // of one).
  Result<Rows> ReadRows(JsonPull& json);
  // Columns: an object of lists by name, all as long; or of one value each, which is one row.
  Result<Rows> ReadColumns(JsonPull& json);
  // Lists whose values are of the named columns, in that order.
  Result<Rows> ReadLists(JsonPull& json, const std::vector<std::string>& columns);

  // The place of each column, or kNone for one that is ignored; kInvalid when an input is not among
  // them, one is twice, or one is no input.
  Result<std::vector<std::size_t>> Order(const std::vector<std::string>& columns);

  FieldReader& fields() { return fields_; }
  std::size_t rows_max() const { return rows_max_; }

 private:
  const Signature& signature() const { return fields_.signature(); }
  Result<float> ReadValue(JsonPull& json, std::size_t input);
  Result<std::vector<float>> ReadColumn(JsonPull& json, std::size_t input);
  Result<void> ReadRow(JsonPull& json, Rows& rows);
  Result<void> ReadObject(JsonPull& json, float* row);
  Result<void> ReadList(JsonPull& json, const std::vector<std::size_t>* order, float* row);
  Result<float*> AddRow(Rows& rows) const;

  FieldReader fields_;
  const std::size_t rows_max_;
  std::vector<std::uint32_t> seen_;  // the row in which a field was last
  std::uint32_t row_ = 0;
};

// As ReadInstances, of a request with more rows than are taken.
Error TooManyRows(std::size_t rows_max);

// What is wrong with the JSON that was read, as a fault of the request.
Error FaultOfJson(const JsonPull& json);

// A JSON array of instances: objects by name, or arrays in the signature's order (a lone number is
// an array of one). At most `rows_max`.
Result<Rows> ReadInstances(std::string_view json_array, const Signature& signature,
                           std::size_t rows_max);

}  // namespace busker::predict
