#include "online/v2_tensors.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "online/answer.h"

namespace busker::online {
namespace {

using predict::FieldReader;
using predict::InstanceReader;
using predict::JsonPull;
using predict::Value;
using Kind = JsonPull::Kind;

static_assert(std::endian::native == std::endian::little, "tensors are little-endian");

constexpr std::size_t kTensorsMax = 100'000;
constexpr std::size_t kDimensionsMax = 8;

enum class Datatype {
  kBool,
  kU8,
  kU16,
  kU32,
  kU64,
  kI8,
  kI16,
  kI32,
  kI64,
  kF16,
  kF32,
  kF64,
  kBytes
};
struct NamedType {
  std::string_view name;
  Datatype type;
  std::size_t bytes;  // of an element; 0: each says it
};
constexpr std::array<NamedType, 13> kTypes = {{
    {"BOOL", Datatype::kBool, 1},
    {"UINT8", Datatype::kU8, 1},
    {"UINT16", Datatype::kU16, 2},
    {"UINT32", Datatype::kU32, 4},
    {"UINT64", Datatype::kU64, 8},
    {"INT8", Datatype::kI8, 1},
    {"INT16", Datatype::kI16, 2},
    {"INT32", Datatype::kI32, 4},
    {"INT64", Datatype::kI64, 8},
    {"FP16", Datatype::kF16, 2},
    {"FP32", Datatype::kF32, 4},
    {"FP64", Datatype::kF64, 8},
    {"BYTES", Datatype::kBytes, 0},
}};

struct Tensor {
  std::string name, datatype;
  std::vector<std::uint64_t> shape;
  std::string_view json;    // its data; empty: it is in binary
  std::string_view binary;  // of the body
  std::optional<std::uint64_t> binary_bytes;
};

struct Parsed {
  V2Request request;
  std::vector<Tensor> tensors;
  bool all_binary = false;  // of the answer
};

tl::unexpected<Error> FaultIn(const JsonPull& json) {
  return tl::unexpected(predict::FaultOfJson(json));
}

// What came, in a fault: some of it, in one line.
std::string Told(std::string_view text) {
  std::string told = Printable(text.substr(0, 40));
  std::replace(told.begin(), told.end(), '\n', ' ');
  return told;
}

tl::unexpected<Error> FaultIn(const Tensor& tensor, std::string_view what) {
  return Invalid(fmt::format("tensor \"{}\": {}", Told(tensor.name), what));
}

// A whole number that is not negative.
Result<std::uint64_t> ReadCount(JsonPull& json) {
  const bool is_number = json.Peek() == Kind::kNumber;
  const double number = is_number ? json.Number(nullptr) : -1;
  if (!json.ok()) return FaultIn(json);
  if (number < 0 || number > 1e15 || std::trunc(number) != number) {
    return Invalid("a shape and a size are whole numbers that are not negative");
  }
  return static_cast<std::uint64_t>(number);
}

Result<bool> ReadBool(JsonPull& json, std::string_view name) {
  const Kind kind = json.Peek();
  if (kind != Kind::kTrue && kind != Kind::kFalse) {
    return json.ok() ? Result<bool>(Invalid(fmt::format("\"{}\" must be true or false", name)))
                     : FaultIn(json);
  }
  json.Word();
  return kind == Kind::kTrue;
}

// Each member of an object that is next, if it is one; `take` reads or skips its value.
template <typename Take>
Result<void> ForEach(JsonPull& json, std::string_view what, const Take& take) {
  if (json.Peek() != Kind::kObject) {
    return json.ok() ? Result<void>(Invalid(fmt::format("{} must be an object", what)))
                     : FaultIn(json);
  }
  bool first = true;
  for (json.Enter(); json.More(first);) {
    const std::string name(json.Name());
    json.Peek();
    if (!json.ok()) break;
    TRY(take(name));
  }
  return json.ok() ? Result<void>() : FaultIn(json);
}

template <typename Take>
Result<void> ForEachElement(JsonPull& json, std::string_view what, const Take& take) {
  if (json.Peek() != Kind::kArray) {
    return json.ok() ? Result<void>(Invalid(fmt::format("{} must be a list", what)))
                     : FaultIn(json);
  }
  bool first = true;
  for (json.Enter(); json.More(first);) TRY(take());
  return json.ok() ? Result<void>() : FaultIn(json);
}

Result<Tensor> ReadTensor(JsonPull& json) {
  Tensor tensor;
  TRY(ForEach(json, "each of \"inputs\"", [&](const std::string& name) -> Result<void> {
    if (name == "name") {
      tensor.name = json.Text();
    } else if (name == "datatype") {
      tensor.datatype = json.Text();
    } else if (name == "shape") {
      tensor.shape.clear();
      return ForEachElement(json, "\"shape\"", [&]() -> Result<void> {
        TRY_ASSIGN(const std::uint64_t size, ReadCount(json));
        if (tensor.shape.size() == kDimensionsMax) return Invalid("\"shape\" is too long");
        tensor.shape.push_back(size);
        return {};
      });
    } else if (name == "data") {
      tensor.json = json.Skip();
    } else if (name == "parameters") {
      return ForEach(json, "\"parameters\"", [&](const std::string& key) -> Result<void> {
        if (key != "binary_data_size") {
          json.Skip();
          return {};
        }
        TRY_ASSIGN(tensor.binary_bytes, ReadCount(json));
        return {};
      });
    } else {
      json.Skip();
    }
    return {};
  }));
  return tensor;
}

Result<V2Output> ReadOutput(JsonPull& json, bool is_binary) {
  V2Output output{"", is_binary};
  TRY(ForEach(json, "each of \"outputs\"", [&](const std::string& name) -> Result<void> {
    if (name == "name") {
      output.name = json.Text();
      return {};
    }
    if (name != "parameters") {
      json.Skip();
      return {};
    }
    return ForEach(json, "\"parameters\"", [&](const std::string& key) -> Result<void> {
      if (key == "binary_data") {
        TRY_ASSIGN(output.is_binary, ReadBool(json, key));
      } else {
        json.Skip();
      }
      return {};
    });
  }));
  return output;
}

Result<Parsed> Parse(std::string_view text) {
  JsonPull json(text);
  Parsed parsed;
  std::string_view outputs;
  TRY(ForEach(json, "a request", [&](const std::string& name) -> Result<void> {
    if (name == "id" && json.Peek() == Kind::kText) {
      parsed.request.id = json.Text();
    } else if (name == "parameters") {
      return ForEach(json, "\"parameters\"", [&](const std::string& key) -> Result<void> {
        if (key == "binary_data_output") {
          TRY_ASSIGN(parsed.all_binary, ReadBool(json, key));
        } else {
          json.Skip();
        }
        return {};
      });
    } else if (name == "inputs") {
      return ForEachElement(json, "\"inputs\"", [&]() -> Result<void> {
        if (parsed.tensors.size() == kTensorsMax) return Invalid("\"inputs\" is too long");
        TRY_ASSIGN(Tensor tensor, ReadTensor(json));
        parsed.tensors.push_back(std::move(tensor));
        return {};
      });
    } else if (name == "outputs") {
      outputs = json.Skip();
    } else {
      json.Skip();
    }
    return {};
  }));
  if (!json.AtEnd()) return FaultIn(json);
  if (!outputs.empty()) {
    JsonPull of_outputs(outputs);
    TRY(ForEachElement(of_outputs, "\"outputs\"", [&]() -> Result<void> {
      if (parsed.request.outputs.size() == kTensorsMax) return Invalid("\"outputs\" is too long");
      TRY_ASSIGN(V2Output output, ReadOutput(of_outputs, parsed.all_binary));
      parsed.request.outputs.push_back(std::move(output));
      return {};
    }));
  }
  return parsed;
}

// What follows the JSON, cut into the tensors that say that theirs is there.
Result<void> Cut(std::string_view binary, std::vector<Tensor>& tensors) {
  for (Tensor& tensor : tensors) {
    if (!tensor.binary_bytes) continue;
    if (!tensor.json.empty()) return FaultIn(tensor, "its data is there twice");
    if (*tensor.binary_bytes > binary.size()) {
      return FaultIn(tensor, fmt::format("{} bytes are expected behind the JSON, {} are left",
                                         *tensor.binary_bytes, binary.size()));
    }
    tensor.binary = binary.substr(0, *tensor.binary_bytes);
    binary.remove_prefix(*tensor.binary_bytes);
  }
  if (binary.empty()) return {};
  return Invalid(fmt::format("{} bytes behind the JSON are of no tensor", binary.size()));
}

template <typename T>
T At(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

double HalfToDouble(std::uint16_t bits) {
  const int exponent = bits >> 10 & 0x1F;
  const double fraction = bits & 0x3FF;
  const double size = exponent == 0    ? std::ldexp(fraction, -24)
                      : exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
                                       : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -size : size;
}

double NumberAt(Datatype type, std::string_view bytes) {
  switch (type) {
    case Datatype::kBool:
    case Datatype::kU8:
      return At<std::uint8_t>(bytes);
    case Datatype::kU16:
      return At<std::uint16_t>(bytes);
    case Datatype::kU32:
      return At<std::uint32_t>(bytes);
    case Datatype::kU64:
      return static_cast<double>(At<std::uint64_t>(bytes));
    case Datatype::kI8:
      return At<std::int8_t>(bytes);
    case Datatype::kI16:
      return At<std::int16_t>(bytes);
    case Datatype::kI32:
      return At<std::int32_t>(bytes);
    case Datatype::kI64:
      return static_cast<double>(At<std::int64_t>(bytes));
    case Datatype::kF16:
      return HalfToDouble(At<std::uint16_t>(bytes));
    case Datatype::kF32:
      return static_cast<double>(At<float>(bytes));
    case Datatype::kF64:
      return At<double>(bytes);
    case Datatype::kBytes:
      break;
  }
  return 0;
}

// Where the elements of a tensor go: those of each row into some places of it.
struct Places {
  std::size_t rows = 0, first = 0, count = 1;  // columns `first` to `first + count`
};

// Takes element after element; `Put` says what is wrong with one.
class Filler {
 public:
  Filler(const Tensor& tensor, const Places& places, InstanceReader& reader, predict::Rows& rows)
      : tensor_(tensor), places_(places), reader_(reader), rows_(rows) {}

  std::size_t wanted() const { return places_.rows * places_.count; }
  std::size_t taken() const { return row_ * places_.count + column_; }

  Result<void> Put(const Value& value) {
    if (row_ == places_.rows) return TooMany();
    const std::size_t input = places_.first + column_;
    auto read = reader_.fields().Read(input, value);
    if (!read) return tl::unexpected(predict::FaultOf(row_ + 1, read.error()));
    Set(*read);
    return {};
  }
  // A float for a number is what it is. False: it is for Put to say.
  bool PutPlain(float value) {
    if (row_ == places_.rows || !std::isfinite(value)) return false;
    const predict::Input& input = reader_.fields().signature().inputs[places_.first + column_];
    if (input.type != predict::Type::kNumber) return false;
    Set(value);
    return true;
  }
  tl::unexpected<Error> TooMany() const {
    return FaultIn(tensor_, fmt::format("it has more than the {} elements of its shape", wanted()));
  }

 private:
  void Set(float value) {
    const std::size_t columns = reader_.fields().signature().inputs.size();
    rows_.values[row_ * columns + places_.first + column_] = value;
    if (++column_ == places_.count) {
      column_ = 0;
      ++row_;
    }
  }

  const Tensor& tensor_;
  const Places places_;
  InstanceReader& reader_;
  predict::Rows& rows_;
  std::size_t row_ = 0, column_ = 0;  // that is next
};

// Flat, or lists in lists: row by row either way.
Result<void> FillFromJson(const Tensor& tensor, Filler& filler) {
  JsonPull json(tensor.json);
  std::size_t depth = 0;
  bool first = true;
  if (json.Peek() != Kind::kArray) return FaultIn(tensor, "\"data\" must be a list");
  json.Enter();
  ++depth;
  while (depth > 0) {
    if (!json.More(first)) {
      if (!json.ok()) return FaultIn(json);
      --depth;
      first = false;
      continue;
    }
    Value value;
    const Kind kind = json.Peek();
    if (kind == Kind::kArray) {
      if (!json.Enter()) return FaultIn(json);
      ++depth;
      first = true;
      continue;
    }
    if (kind == Kind::kNumber) {
      value.kind = Value::Kind::kNumber;
      value.number = json.Number(&value.text);
    } else if (kind == Kind::kText) {
      value.kind = Value::Kind::kText;
      value.text = json.Text();
    } else if (kind == Kind::kObject) {
      return FaultIn(tensor, "an element is a number, a text, true, false or null");
    } else {
      value.kind = kind == Kind::kNull ? Value::Kind::kNull : Value::Kind::kBoolean;
      value.number = kind == Kind::kTrue ? 1 : 0;
      value.text = kind == Kind::kNull ? "null" : kind == Kind::kTrue ? "true" : "false";
      json.Word();
    }
    if (!json.ok()) return FaultIn(json);
    TRY(filler.Put(value));
  }
  return {};
}

Result<void> FillFromBytes(const Tensor& tensor, Filler& filler) {
  std::string_view left = tensor.binary;
  while (!left.empty()) {
    if (left.size() < 4) return FaultIn(tensor, "its last element does not end");
    const auto size = At<std::uint32_t>(left);
    left.remove_prefix(4);
    if (size > left.size()) return FaultIn(tensor, "an element is longer than the tensor");
    TRY(filler.Put({Value::Kind::kText, 0, left.substr(0, size)}));
    left.remove_prefix(size);
  }
  return {};
}

Result<void> FillFromBinary(const Tensor& tensor, const NamedType& type, Filler& filler) {
  if (type.type == Datatype::kBytes) return FillFromBytes(tensor, filler);
  const std::uint64_t bytes = filler.wanted() * type.bytes;  // of some rows that are allowed
  if (tensor.binary.size() != bytes) {
    return FaultIn(
        tensor, fmt::format("its shape needs {} bytes, {} are there", bytes, tensor.binary.size()));
  }
  const bool is_bool = type.type == Datatype::kBool;
  for (std::size_t at = 0; at < bytes; at += type.bytes) {
    const std::string_view element = tensor.binary.substr(at, type.bytes);
    if (type.type == Datatype::kF32 && filler.PutPlain(At<float>(element))) continue;
    const double number = NumberAt(type.type, element);
    Value value{is_bool ? Value::Kind::kBoolean : Value::Kind::kNumber,
                is_bool && number != 0 ? 1 : number};
    if (filler.Put(value)) continue;
    // What is wrong is asked once more, with a text to tell it by.
    const std::string shown =
        is_bool ? (number == 0 ? "false" : "true") : fmt::format("{}", number);
    value.text = shown;
    TRY(filler.Put(value));
  }
  return {};
}

Result<Places> PlacesOf(const Tensor& tensor, std::size_t tensors, InstanceReader& reader) {
  const auto& inputs = reader.fields().signature().inputs;
  const auto& shape = tensor.shape;
  if (shape.empty()) return FaultIn(tensor, "it needs a \"shape\"");
  if (shape[0] > reader.rows_max()) return tl::unexpected(predict::TooManyRows(reader.rows_max()));
  Places places;
  places.rows = shape[0];
  const bool is_column = shape.size() == 1 || (shape.size() == 2 && shape[1] == 1);
  const bool is_table = tensors == 1 && shape.size() == 2 && shape[1] == inputs.size();
  if (is_table && !is_column) {  // its name is nobody's
    places.count = inputs.size();
    return places;
  }
  places.first = reader.fields().Find(tensor.name, 0);
  if (is_column && places.first != FieldReader::kNone) return places;
  if (is_table) {
    places.first = 0;
    return places;
  }
  if (places.first != FieldReader::kNone) return FaultIn(tensor, "its shape must be [n] or [n, 1]");
  if (tensors == 1 && !is_column) {
    return FaultIn(
        tensor, fmt::format("its shape must be [n, {}], a column for each input", inputs.size()));
  }
  TRY(reader.fields().TakeExtra(tensor.name));
  return places;
}

Result<void> Fill(const Tensor& tensor, const Places& places, InstanceReader& reader,
                  predict::Rows& rows) {
  if (places.first == FieldReader::kNone) return {};
  const auto type = std::find_if(kTypes.begin(), kTypes.end(), [&](const NamedType& each) {
    return each.name == tensor.datatype;
  });
  if (type == kTypes.end()) {
    return FaultIn(
        tensor, fmt::format("\"{}\" is not a datatype that is read here", Told(tensor.datatype)));
  }
  Filler filler(tensor, places, reader, rows);
  if (tensor.binary_bytes) {
    TRY(FillFromBinary(tensor, *type, filler));
  } else if (tensor.json.empty()) {
    return FaultIn(tensor, "it needs \"data\"");
  } else {
    TRY(FillFromJson(tensor, filler));
  }
  if (filler.taken() == filler.wanted()) return {};
  return FaultIn(tensor, fmt::format("its shape needs {} elements, {} are there", filler.wanted(),
                                     filler.taken()));
}

// Where each tensor goes. Every input is there once, and no tensor has fewer bytes than elements:
// so the rows are no larger than what came.
Result<std::vector<Places>> PlacesOf(const std::vector<Tensor>& tensors, InstanceReader& reader) {
  const auto& inputs = reader.fields().signature().inputs;
  std::vector<Places> all;
  std::vector<bool> there(inputs.size());
  for (const Tensor& tensor : tensors) {
    TRY_ASSIGN(const Places places, PlacesOf(tensor, tensors.size(), reader));
    if (!all.empty() && places.rows != all.front().rows) {
      return FaultIn(tensor, fmt::format("it has {} rows, the ones before it have {}", places.rows,
                                         all.front().rows));
    }
    if (places.rows * places.count > std::max(tensor.json.size(), tensor.binary.size())) {
      return FaultIn(tensor, fmt::format("its shape needs {} elements, fewer are there",
                                         places.rows * places.count));
    }
    all.push_back(places);
    if (places.first == FieldReader::kNone) continue;
    for (std::size_t i = places.first; i < places.first + places.count; ++i) {
      if (there[i]) return FaultIn(tensor, "it is there twice");
      there[i] = true;
    }
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (there[i]) continue;
    return Invalid(fmt::format("field \"{}\": it is not among the inputs", inputs[i].name));
  }
  return all;
}

Result<predict::Rows> RowsOf(const std::vector<Tensor>& tensors, InstanceReader& reader) {
  TRY_ASSIGN(const std::vector<Places> places, PlacesOf(tensors, reader));
  predict::Rows rows;
  rows.size = places.front().rows;
  rows.values.resize(rows.size * reader.fields().signature().inputs.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) TRY(Fill(tensors[i], places[i], reader, rows));
  return rows;
}

// As many as the model has, at most, and each once.
Result<void> CheckOutputs(const std::vector<V2Output>& outputs,
                          const predict::Signature& signature) {
  const auto& names = signature.outputs;
  std::vector<bool> there(names.size());
  for (const V2Output& output : outputs) {
    const auto place = static_cast<std::size_t>(std::find(names.begin(), names.end(), output.name) -
                                                names.begin());
    const std::string shown = Told(output.name);
    if (place == names.size()) {
      return Invalid(
          fmt::format("the model has no output \"{}\"; it has {}", shown, Join(names, ", ")));
    }
    if (there[place]) return Invalid(fmt::format("the output \"{}\" is asked for twice", shown));
    there[place] = true;
  }
  return {};
}

}  // namespace

std::string_view DatatypeOf(predict::Type type) {
  switch (type) {
    case predict::Type::kNumber:
      return "FP32";
    case predict::Type::kInteger:
      return "INT64";
    case predict::Type::kBoolean:
      return "BOOL";
    case predict::Type::kCategory:
    case predict::Type::kText:
    case predict::Type::kDate:
      return "BYTES";
  }
  return "";
}

Result<V2Request> ReadV2(std::string_view body, std::optional<std::size_t> json_bytes,
                         InstanceReader& reader) {
  if (json_bytes && *json_bytes > body.size()) {
    return Invalid(fmt::format("Inference-Header-Content-Length says {} bytes, and the body has {}",
                               *json_bytes, body.size()));
  }
  const std::size_t size = json_bytes.value_or(body.size());
  TRY_ASSIGN(Parsed parsed, Parse(body.substr(0, size)));
  if (parsed.tensors.empty()) return Invalid("a request needs \"inputs\", a list of tensors");
  TRY(Cut(body.substr(size), parsed.tensors));
  const predict::Signature& signature = reader.fields().signature();
  if (parsed.request.outputs.empty()) {
    for (const std::string& name : signature.outputs) {
      parsed.request.outputs.push_back({name, parsed.all_binary});
    }
  }
  TRY(CheckOutputs(parsed.request.outputs, signature));
  TRY_ASSIGN(parsed.request.rows, RowsOf(parsed.tensors, reader));
  return std::move(parsed.request);
}

V2Answer WriteV2(const V2Request& request, std::string_view model, std::string_view version,
                 const predict::Signature& signature, const std::vector<float>& values) {
  const std::size_t outputs = signature.outputs.size();
  V2Answer answer;
  std::string& text = answer.body;
  std::string binary;
  text = "{\"model_name\": ";
  AppendText(text, model);
  text += ", \"model_version\": ";
  AppendText(text, version);
  if (!request.id.empty()) {
    text += ", \"id\": ";
    AppendText(text, request.id);
  }
  text += ", \"outputs\": [";
  for (std::size_t k = 0; k < request.outputs.size(); ++k) {
    const V2Output& output = request.outputs[k];
    const auto place = static_cast<std::size_t>(
        std::find(signature.outputs.begin(), signature.outputs.end(), output.name) -
        signature.outputs.begin());
    text += k == 0 ? "{\"name\": " : ", {\"name\": ";
    AppendText(text, output.name);
    text += fmt::format(", \"datatype\": \"FP32\", \"shape\": [{}], ", request.rows.size);
    if (output.is_binary) {
      text += fmt::format("\"parameters\": {{\"binary_data_size\": {}}}}}",
                          request.rows.size * sizeof(float));
      for (std::size_t i = place; i < values.size(); i += outputs) {
        binary.append(reinterpret_cast<const char*>(&values[i]), sizeof(float));
      }
      continue;
    }
    text += "\"data\": [";
    for (std::size_t i = place; i < values.size(); i += outputs) {
      if (i != place) text += ", ";
      AppendNumber(text, values[i]);
    }
    text += "]}";
  }
  text += "]}";
  const bool any_binary = std::any_of(request.outputs.begin(), request.outputs.end(),
                                      [](const V2Output& output) { return output.is_binary; });
  if (any_binary) {
    answer.json_bytes = text.size();
    text += binary;
  }
  return answer;
}

}  // namespace busker::online
