// Writes JSON as JsonText does, byte for byte, without making a tree of it first: for what is
// written for every attempt. Light: no nlohmann.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace busker {

//   JsonWriter json;
//   json.BeginObject();
//   json.Key("run").Text(run);
//   json.Key("files").BeginArray();
//   json.EndArray();
//   json.EndObject();
//   std::string text = std::move(json).Take();
//
// Each value of an object comes behind its key. Nothing checks that.
class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Begin('{'); }
  JsonWriter& EndObject() { return End('}'); }
  JsonWriter& BeginArray() { return Begin('['); }
  JsonWriter& EndArray() { return End(']'); }

  JsonWriter& Key(std::string_view name);
  JsonWriter& Text(std::string_view text);    // what is no UTF-8 becomes U+FFFD
  JsonWriter& Bytes(std::string_view bytes);  // as JsonBytes (json_object.h)
  JsonWriter& Number(std::int64_t number);
  JsonWriter& Number(std::uint64_t number);
  JsonWriter& Number(int number) { return Number(std::int64_t{number}); }
  JsonWriter& Flag(bool flag) { return Raw(flag ? "true" : "false"); }
  JsonWriter& Null() { return Raw("null"); }

  std::string Take() && {
    text_ += '\n';
    return std::move(text_);
  }

 private:
  JsonWriter& Begin(char bracket);
  JsonWriter& End(char bracket);
  JsonWriter& Raw(std::string_view json);
  void Separate();
  void BreakLine();
  void Quote(std::string_view text);

  std::string text_;
  std::size_t depth_ = 0;
  bool is_first_ = true;    // of its object or array
  bool behind_key_ = true;  // or at the very beginning
};

}  // namespace busker
