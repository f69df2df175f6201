// A TOML or JSON document as a tree of plain values that know where they stand in the file. Tables
// keep the order of the file. The TOML library stays behind this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/fault.h"

namespace busker::service {

struct Member;

struct Node {
  // kTime is TOML's, kNull JSON's.
  enum class Kind { kString, kInteger, kFloat, kBool, kTime, kArray, kTable, kNull };

  Kind kind = Kind::kTable;
  Position at;
  std::string text;             // kString
  std::int64_t integer = 0;     // kInteger
  double number = 0;            // kFloat; may be infinite or no number
  bool boolean = false;         // kBool
  bool json = false;            // messages call a table an object
  std::vector<Node> items;      // kArray
  std::vector<Member> members;  // kTable

  const Member* Find(std::string_view name) const;
};

struct Member {
  std::string name;
  Position at;  // of the key
  Node value;
};

// "the integer 5", "a table", ...: what stands there instead of what should.
std::string Describe(const Node& node);

// Parses a whole document. A text that is no TOML is one fault and nullopt; so is one of
// more than kDocumentBytesMax or nested deeper than kDocumentDepthMax, found before anything
// recursive sees it.
std::optional<Node> ParseDocument(std::string_view text, Faults& faults);

inline constexpr std::size_t kDocumentBytesMax = 1u << 20;
inline constexpr int kDocumentDepthMax = 64;

}  // namespace busker::service
