// Any bytes as the answers of a server: how they are cut into pieces changes nothing, and what is
// kept of them has a bound.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "io/answer_reader.h"

namespace {

using busker::io::AnswerReader;

std::string Described(std::string_view bytes, std::size_t piece, bool is_to_head) {
  AnswerReader reader(is_to_head);
  std::string body;
  while (!bytes.empty()) {
    if (const auto taken = reader.Add(bytes.substr(0, piece), body); !taken) {
      // What of the body came with the fault is for nobody.
      return taken.error().message;
    }
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  std::string text = std::string(reader.has_head() ? "head" : "") +
                     (reader.is_done() ? reader.may_go_on() ? "+" : "-" : "...");
  if (!reader.has_head()) return text;
  CHECK(reader.status() >= 200 && reader.status() <= 999, "an answer has a status");
  text += std::to_string(reader.status()) + "\n";
  for (const auto& header : reader.headers()) {
    CHECK(busker::io::IsHttpToken(header.name), "a header has a name");
    CHECK(header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
          "a header's value is on one line");
    text += header.name + ": " + header.value + "\n";
  }
  CHECK(!is_to_head || body.empty(), "an answer to HEAD has no body");
  return text + body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > AnswerReader::kHeadBytesMax / 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const bool is_to_head : {false, true}) {
    const std::string whole = Described(bytes, size + 1, is_to_head);
    CHECK(Described(bytes, 1, is_to_head) == whole, "pieces change nothing");
    CHECK(Described(bytes, 1 + size % 7, is_to_head) == whole, "pieces change nothing");
  }
  return 0;
}
