#include "deliver/warehouse.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/text.h"

namespace busker::deliver {
namespace {

// BigQuery's other names for its types, as its documentation of data types lists them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kAliases{{
    {"BOOLEAN", "BOOL"},
    {"INT", "INT64"},
    {"SMALLINT", "INT64"},
    {"INTEGER", "INT64"},
    {"BIGINT", "INT64"},
    {"TINYINT", "INT64"},
    {"BYTEINT", "INT64"},
    {"FLOAT", "FLOAT64"},
    {"DECIMAL", "NUMERIC"},
    {"BIGDECIMAL", "BIGNUMERIC"},
    {"VARCHAR", "STRING"},  // not BigQuery's, but what everybody types
}};

}  // namespace

std::string_view NameOf(Write write) {
  switch (write) {
    case Write::kReplace:
      return "replace";
    case Write::kAppend:
      return "append";
    case Write::kPartition:
      return "partition";
  }
  return "";
}

Result<Write> ParseWrite(std::string_view name) {
  for (const Write write : {Write::kReplace, Write::kAppend, Write::kPartition}) {
    if (NameOf(write) == name) return write;
  }
  return Invalid(
      "\"" + std::string(name) +
      "\" is not a way to write a table; write \"replace\", \"append\" or \"partition\"");
}

const std::vector<std::string>& TypeNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = {"STRING",  "BYTES",    "BOOL",       "INT64",
                                    "FLOAT64", "NUMERIC",  "BIGNUMERIC", "DATE",
                                    "TIME",    "DATETIME", "TIMESTAMP",  "JSON"};
    for (const auto& [alias, _] : kAliases) all.emplace_back(alias);
    return all;
  }();
  return names;
}

Result<std::string> CanonicalType(std::string_view name) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  for (const auto& [alias, canonical] : kAliases) {
    if (upper == alias) return std::string(canonical);
  }
  const std::vector<std::string>& names = TypeNames();
  if (std::find(names.begin(), names.end(), upper) != names.end()) return upper;
  std::string message = "no type \"" + std::string(name) + "\"";
  if (const auto nearest = Nearest(upper, names)) {
    message += ", did you mean \"" + *nearest + "\"?";
  } else {
    message +=
        "; the types are " + Join(std::span(names).first(names.size() - kAliases.size()), ", ");
  }
  return Invalid(std::move(message));
}

}  // namespace busker::deliver
