#include "predict/instances.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "base/text.h"
#include "base/time.h"

namespace busker::predict {
namespace {

using Kind = JsonPull::Kind;

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kToldBytesMax = 40;

// The first 40 characters or so, cut between two, in one line.
std::string Told(std::string_view text) {
  std::size_t end = std::min(text.size(), kToldBytesMax);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;
  }
  std::string told(text.substr(0, end));
  for (char& c : told) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return end < text.size() ? told + "..." : told;
}

std::string Got(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kText:
      return "\"" + Told(value.text) + "\"";
    case Value::Kind::kNull:
      return value.text.empty() ? "nothing" : Told(value.text);
    case Value::Kind::kNumber:
    case Value::Kind::kBoolean:
    case Value::Kind::kOther:
      return Told(value.text);
  }
  return "";
}

std::string_view Expected(const Input& input) {
  switch (input.type) {
    case Type::kNumber:
      return "a number is expected";
    case Type::kInteger:
      return "a whole number is expected";
    case Type::kBoolean:
      return "true or false is expected";
    case Type::kCategory:
      return "the text of a category is expected";
    case Type::kText:
      return "a text is expected, and no model that is served here takes one";
    case Type::kDate:
      return "a date is expected, as \"2026-11-30\"";
  }
  return "";
}

Error FieldFault(const Input& input, const std::string& what) {
  return {ErrorKind::kInvalid, fmt::format("field \"{}\": {}", Told(input.name), what)};
}

bool IsFloat(double number) {
  return std::isfinite(number) && std::isfinite(static_cast<float>(number));
}

std::optional<float> DaysOf(std::string_view text) {
  const auto date = ParseDate(text);
  if (!date) return std::nullopt;
  return static_cast<float>(std::chrono::sys_days(*date).time_since_epoch().count());
}

// As JSON has numbers, but for blanks around it.
std::optional<double> NumberOf(std::string_view cell) {
  JsonPull json(cell);
  const double number = json.Number(nullptr);
  if (!json.AtEnd()) return std::nullopt;
  return number;
}

}  // namespace

Error WrongValue(const Input& input, const Value& value) {
  return FieldFault(input, fmt::format("{}, got {}", Expected(input), Got(value)));
}

Result<float> FieldReader::Read(std::size_t input, const Value& value) {
  const Input& field = signature_.inputs[input];
  const bool is_missing = value.kind == Value::Kind::kNull ||
                          (value.kind == Value::Kind::kNumber && std::isnan(value.number));
  if (is_missing) {
    if (field.missing) return kMissing;
    return tl::unexpected(WrongValue(field, value));
  }
  switch (field.type) {
    case Type::kNumber:
    case Type::kInteger:
      if (value.kind == Value::Kind::kNumber && IsFloat(value.number) &&
          (field.type == Type::kNumber || std::trunc(value.number) == value.number)) {
        return static_cast<float>(value.number);
      }
      break;
    case Type::kBoolean:
      if (value.kind == Value::Kind::kBoolean) return static_cast<float>(value.number);
      break;
    case Type::kCategory:
      if (value.kind == Value::Kind::kText) return ReadCategory(input, value);
      break;
    case Type::kDate:
      if (value.kind != Value::Kind::kText) break;
      if (const auto days = DaysOf(value.text)) return *days;
      break;
    case Type::kText:
      break;
  }
  return tl::unexpected(WrongValue(field, value));
}

Result<float> FieldReader::ReadCategory(std::size_t input, const Value& value) {
  const Input& field = signature_.inputs[input];
  if (codes_.empty()) codes_.resize(signature_.inputs.size());
  Places& codes = codes_[input];
  if (codes.empty()) {
    for (std::size_t i = 0; i < field.categories.size(); ++i) {
      codes.emplace(field.categories[i], i);
    }
  }
  const auto found = codes.find(value.text);
  if (found != codes.end()) return static_cast<float>(found->second);
  if (field.unseen == Unseen::kMissing) return kMissing;
  const auto nearest = Nearest(
      value.text.substr(0, 100),
      std::span(field.categories).first(std::min<std::size_t>(field.categories.size(), 1000)));
  return tl::unexpected(FieldFault(
      field, fmt::format("{} is none of its {} categories{}", Got(value), field.categories.size(),
                         nearest ? "; did you mean \"" + Told(*nearest) + "\"?" : "")));
}

Result<float> FieldReader::ReadCell(std::size_t input, std::string_view cell, bool quoted) {
  const Input& field = signature_.inputs[input];
  const bool is_text = field.type == Type::kCategory || field.type == Type::kText;
  if (cell.empty() && !(quoted && is_text)) return Read(input, {});
  if (is_text || field.type == Type::kDate) return Read(input, {Value::Kind::kText, 0, cell});
  if (field.type == Type::kBoolean) {
    const bool yes = cell == "true" || cell == "True" || cell == "TRUE";
    const bool no = cell == "false" || cell == "False" || cell == "FALSE";
    if (yes || no) return Read(input, {Value::Kind::kBoolean, yes ? 1.0 : 0.0, cell});
  } else if (cell == "nan") {
    return Read(input, {Value::Kind::kNull, 0, cell});
  } else if (const auto number = NumberOf(cell)) {
    return Read(input, {Value::Kind::kNumber, *number, cell});
  }
  return Read(input, {Value::Kind::kText, 0, cell});
}

std::size_t FieldReader::Find(std::string_view name, std::size_t likely) {
  const auto& inputs = signature_.inputs;
  if (likely < inputs.size() && inputs[likely].name == name) return likely;
  if (places_.empty()) {
    places_.reserve(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) places_.emplace(inputs[i].name, i);
  }
  const auto found = places_.find(name);
  return found == places_.end() ? kNone : found->second;
}

Result<void> FieldReader::TakeExtra(std::string_view name) const {
  if (!signature_.refuses_extra) return {};
  std::vector<std::string> names;
  for (const Input& input : signature_.inputs) names.push_back(input.name);
  const auto nearest = Nearest(name.substr(0, 100), names);
  return Invalid(fmt::format("the model has no input \"{}\"{}", Told(name),
                             nearest ? "; did you mean \"" + Told(*nearest) + "\"?" : ""));
}

Error FaultOf(std::size_t instance, const Error& fault) {
  return {fault.kind, fmt::format("instance {}: {}", instance, fault.message)};
}

Error FaultOfJson(const JsonPull& json) {
  return {ErrorKind::kInvalid, "the JSON cannot be read: " + json.fault()};
}

Error TooManyRows(std::size_t rows_max) {
  return {ErrorKind::kInvalid,
          fmt::format("more than {} instances in one request; ask in parts", rows_max)};
}

Result<float> InstanceReader::ReadValue(JsonPull& json, std::size_t input) {
  Value value;
  switch (json.Peek()) {
    case Kind::kNumber:
      value.kind = Value::Kind::kNumber;
      value.number = json.Number(&value.text);
      break;
    case Kind::kText:
      value.kind = Value::Kind::kText;
      value.text = json.Text();
      break;
    case Kind::kTrue:
    case Kind::kFalse:
      value.kind = Value::Kind::kBoolean;
      value.number = json.Peek() == Kind::kTrue ? 1 : 0;
      value.text = value.number == 1 ? "true" : "false";
      json.Word();
      break;
    case Kind::kNull:
      value.text = "null";
      json.Word();
      break;
    case Kind::kObject:
    case Kind::kArray:
      value.kind = Value::Kind::kOther;
      value.text = json.Peek() == Kind::kObject ? "an object" : "a list";
      json.Skip();
      break;
    case Kind::kFault:
      break;
  }
  if (!json.ok()) return tl::unexpected(FaultOfJson(json));
  return fields_.Read(input, value);
}

Result<float*> InstanceReader::AddRow(Rows& rows) const {
  if (rows.size == rows_max_) return tl::unexpected(TooManyRows(rows_max_));
  const std::size_t columns = signature().inputs.size();
  rows.values.resize(rows.values.size() + columns);
  ++rows.size;
  return rows.values.data() + (rows.values.size() - columns);
}

Result<void> InstanceReader::ReadObject(JsonPull& json, float* row) {
  const auto& inputs = signature().inputs;
  if (seen_.empty()) seen_.assign(inputs.size(), 0);
  ++row_;
  std::size_t count = 0, likely = 0;
  bool first = true;
  for (json.Enter(); json.More(first);) {
    const std::string_view name = json.Name();
    const std::size_t input = json.ok() ? fields_.Find(name, likely) : 0;
    if (!json.ok()) break;
    if (input == FieldReader::kNone) {
      TRY(fields_.TakeExtra(name));
      json.Skip();
      continue;
    }
    if (seen_[input] == row_) return tl::unexpected(FieldFault(inputs[input], "it is there twice"));
    seen_[input] = row_;
    TRY_ASSIGN(row[input], ReadValue(json, input));
    ++count;
    likely = input + 1;
  }
  if (!json.ok()) return tl::unexpected(FaultOfJson(json));
  if (count == inputs.size()) return {};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (seen_[i] != row_) return tl::unexpected(FieldFault(inputs[i], "it is not there"));
  }
  return {};
}

Result<void> InstanceReader::ReadList(JsonPull& json, const std::vector<std::size_t>* order,
                                      float* row) {
  const std::size_t columns = order == nullptr ? signature().inputs.size() : order->size();
  std::size_t count = 0;
  bool first = true;
  for (json.Enter(); json.More(first); ++count) {
    const std::size_t input = count >= columns   ? FieldReader::kNone
                              : order == nullptr ? count
                                                 : (*order)[count];
    if (input == FieldReader::kNone) {
      json.Skip();
      continue;
    }
    TRY_ASSIGN(row[input], ReadValue(json, input));
  }
  if (!json.ok()) return tl::unexpected(FaultOfJson(json));
  if (count == columns) return {};
  return Invalid(fmt::format("{} values are expected, got {}", columns, count));
}

Result<void> InstanceReader::ReadRow(JsonPull& json, Rows& rows) {
  const Kind kind = json.Peek();
  TRY_ASSIGN(float* const row, AddRow(rows));
  if (kind == Kind::kObject) return ReadObject(json, row);
  if (kind == Kind::kArray) return ReadList(json, nullptr, row);
  if (kind != Kind::kFault && signature().inputs.size() != 1) {
    return Invalid(fmt::format("an object, or a list of {} values, is expected, got {}",
                               signature().inputs.size(), Told(json.Skip())));
  }
  TRY_ASSIGN(*row, ReadValue(json, 0));
  return {};
}

Result<Rows> InstanceReader::ReadRows(JsonPull& json) {
  if (json.Peek() != Kind::kArray) {
    if (!json.ok()) return tl::unexpected(FaultOfJson(json));
    return Invalid("a list of instances is expected, got " + Told(json.Skip()));
  }
  Rows rows;
  bool first = true;
  for (json.Enter(); json.More(first);) {
    const auto read = ReadRow(json, rows);
    if (json.ok() && !read) return tl::unexpected(FaultOf(rows.size, read.error()));
    if (!json.ok()) break;
  }
  if (!json.ok()) return tl::unexpected(FaultOfJson(json));
  return rows;
}

Result<std::vector<std::size_t>> InstanceReader::Order(const std::vector<std::string>& columns) {
  const auto& inputs = signature().inputs;
  std::vector<std::size_t> order;
  std::vector<bool> there(inputs.size());
  for (const std::string& name : columns) {
    const std::size_t input = fields_.Find(name, order.size());
    if (input == FieldReader::kNone) {
      TRY(fields_.TakeExtra(name));
    } else if (there[input]) {
      return tl::unexpected(FieldFault(inputs[input], "it is there twice"));
    } else {
      there[input] = true;
    }
    order.push_back(input);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!there[i]) return tl::unexpected(FieldFault(inputs[i], "it is not among the columns"));
  }
  return order;
}

Result<Rows> InstanceReader::ReadLists(JsonPull& json, const std::vector<std::string>& columns) {
  TRY_ASSIGN(const std::vector<std::size_t> order, Order(columns));
  Rows rows;
  bool first = true;
  if (!json.Enter()) return tl::unexpected(FaultOfJson(json));
  while (json.More(first)) {
    TRY_ASSIGN(float* const row, AddRow(rows));
    Result<void> read;
    if (json.Peek() == Kind::kArray) {
      read = ReadList(json, &order, row);
    } else if (json.ok()) {
      read = Invalid("a list is expected, got " + Told(json.Skip()));
    }
    if (json.ok() && !read) return tl::unexpected(FaultOf(rows.size, read.error()));
    if (!json.ok()) break;
  }
  if (!json.ok()) return tl::unexpected(FaultOfJson(json));
  return rows;
}

// A list of values of the input, or one value.
Result<std::vector<float>> InstanceReader::ReadColumn(JsonPull& json, std::size_t input) {
  std::vector<float> column;
  const auto take = [&]() -> Result<void> {
    if (column.size() == rows_max_) return tl::unexpected(TooManyRows(rows_max_));
    const auto value = ReadValue(json, input);
    if (!json.ok()) return tl::unexpected(FaultOfJson(json));
    if (!value) return tl::unexpected(FaultOf(column.size() + 1, value.error()));
    column.push_back(*value);
    return {};
  };
  if (json.Peek() != Kind::kArray) {
    TRY(take());
    return column;
  }
  bool first = true;
  for (json.Enter(); json.More(first);) TRY(take());
  if (!json.ok()) return tl::unexpected(FaultOfJson(json));
  return column;
}

Result<Rows> InstanceReader::ReadColumns(JsonPull& json) {
  const auto& inputs = signature().inputs;
  std::vector<std::string> names;
  std::vector<std::pair<std::size_t, std::vector<float>>> columns;
  bool first = true;
  for (json.Enter(); json.More(first);) {
    std::string name(json.Name());
    if (!json.ok()) break;
    const std::size_t input = fields_.Find(name, names.size());
    if (input == FieldReader::kNone) {
      TRY(fields_.TakeExtra(name));
      json.Skip();
      continue;
    }
    names.push_back(std::move(name));
    TRY_ASSIGN(auto column, ReadColumn(json, input));
    if (!columns.empty() && column.size() != columns.front().second.size()) {
      return tl::unexpected(FieldFault(
          inputs[input], fmt::format("{} values are expected, as many as the one before it has, "
                                     "got {}",
                                     columns.front().second.size(), column.size())));
    }
    columns.emplace_back(input, std::move(column));
  }
  if (!json.ok()) return tl::unexpected(FaultOfJson(json));
  TRY(Order(names));  // all are there, each once: so the rows are no larger than what came
  Rows rows;
  rows.size = columns.empty() ? 0 : columns.front().second.size();
  rows.values.resize(rows.size * inputs.size());
  for (const auto& [input, column] : columns) {
    for (std::size_t i = 0; i < rows.size; ++i) rows.values[i * inputs.size() + input] = column[i];
  }
  return rows;
}

Result<Rows> ReadInstances(std::string_view json_array, const Signature& signature,
                           std::size_t rows_max) {
  JsonPull json(json_array);
  InstanceReader reader(signature, rows_max);
  TRY_ASSIGN(Rows rows, reader.ReadRows(json));
  if (!json.AtEnd()) return tl::unexpected(FaultOfJson(json));
  return rows;
}

}  // namespace busker::predict
