// CRC-32C (Castagnoli; RFC 3720, appendix B.4): what object stores know of a value's bytes.
#pragma once

#include <cstdint>
#include <string_view>

namespace busker::io {

// Feed it bytes; the value is that of all of them so far.
class Crc32c {
 public:
  void Add(std::string_view bytes);
  std::uint32_t value() const { return ~state_; }

 private:
  std::uint32_t state_ = ~std::uint32_t{0};
};

std::uint32_t Crc32cOf(std::string_view bytes);

// The same without the processor's instruction for it: what judges the quick one, and what machines
// without it use.
std::uint32_t PlainCrc32cOf(std::string_view bytes);

}  // namespace busker::io
