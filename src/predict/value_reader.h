// Reads a model's file from its beginning to its end, value by value, in whichever format it is:
// JSON, or UBJSON as XGBoost writes it (https://ubjson.org, draft 12, with typed lists).
//
// The file is hostile until it has been read: no length in it is believed beyond the bytes that
// follow, nothing nests deeper than kDepthMax, and every list takes memory in proportion to its
// bytes. A fault is kInvalid and says at which byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace busker::predict {

class ValueReader {
 public:
  static constexpr int kDepthMax = 64;

  using OnMember = std::function<Result<void>(std::string_view name)>;
  using OnEntry = std::function<Result<void>(std::size_t place)>;

  virtual ~ValueReader() = default;

  // Each reads one value of that kind and stands behind it. `on` reads, or skips, the value of the
  // member or entry.
  virtual Result<void> Object(const OnMember& on) = 0;
  virtual Result<void> List(const OnEntry& on) = 0;
  virtual Result<std::string> Text() = 0;
  virtual Result<std::int64_t> Integer() = 0;
  // Lists of numbers, into vectors that are emptied first. Booleans are 0 and 1.
  virtual Result<void> Floats(std::vector<float>& to) = 0;
  virtual Result<void> Integers(std::vector<std::int64_t>& to) = 0;
  virtual Result<void> Skip() = 0;

  // Nothing is behind the value.
  virtual Result<void> End() = 0;
};

// By what the text begins with. It has to outlive the reader.
std::unique_ptr<ValueReader> MakeReader(std::string_view text);

std::unique_ptr<ValueReader> MakeJsonReader(std::string_view text);
std::unique_ptr<ValueReader> MakeUbjsonReader(std::string_view text);

}  // namespace busker::predict
