#include "base/json_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json_object.h"

namespace busker {
namespace {

// What stands between quotes as it is.
bool IsPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c < 0x7F && c != '"' && c != '\\'; });
}

}  // namespace

JsonWriter& JsonWriter::Key(std::string_view name) {
  Separate();
  Quote(name);
  text_ += ": ";
  behind_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::Text(std::string_view text) {
  Separate();
  Quote(text);
  return *this;
}

JsonWriter& JsonWriter::Bytes(std::string_view bytes) {
  if (IsPlain(bytes)) return Text(bytes);
  const nlohmann::ordered_json value = JsonBytes(std::string(bytes));
  if (value.is_string()) return Text(bytes);
  BeginObject();
  for (const auto& [name, hex] : value.items()) Key(name).Text(hex.get<std::string>());
  return EndObject();
}

JsonWriter& JsonWriter::Number(std::int64_t number) { return Raw(fmt::format_int(number).c_str()); }

JsonWriter& JsonWriter::Number(std::uint64_t number) {
  return Raw(fmt::format_int(number).c_str());
}

JsonWriter& JsonWriter::Begin(char bracket) {
  Separate();
  text_ += bracket;
  ++depth_;
  is_first_ = true;
  return *this;
}

// An empty one has nothing between its brackets.
JsonWriter& JsonWriter::End(char bracket) {
  --depth_;
  if (!is_first_) BreakLine();
  text_ += bracket;
  is_first_ = false;
  return *this;
}

JsonWriter& JsonWriter::Raw(std::string_view json) {
  Separate();
  text_ += json;
  return *this;
}

// From the value before.
void JsonWriter::Separate() {
  if (std::exchange(behind_key_, false)) return;
  if (!std::exchange(is_first_, false)) text_ += ',';
  BreakLine();
}

void JsonWriter::BreakLine() {
  text_ += '\n';
  text_.append(2 * depth_, ' ');
}

void JsonWriter::Quote(std::string_view text) {
  if (!IsPlain(text)) {
    text_ += nlohmann::ordered_json(text).dump(-1, ' ', false,
                                               nlohmann::ordered_json::error_handler_t::replace);
    return;
  }
  text_ += '"';
  text_ += text;
  text_ += '"';
}

}  // namespace busker
