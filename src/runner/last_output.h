// What a program wrote that says why it failed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace busker::runner {

// Follows an output and keeps its end: some 32 KiB, and how the first line of that began.
class OutputTail {
 public:
  void Add(std::string_view bytes);

  // As a terminal would show them, the last 1,000 at most, without blank ones at the end.
  std::vector<std::string> Lines() const;

 private:
  void Drop(std::string_view bytes);

  std::string tail_;
  std::string begun_;            // of the line that tail_ goes on with, its first bytes
  std::size_t begun_bytes_ = 0;  // how many there were
};

// The error that it ended with (runner/error_lines.h); else the last line of `errors`, what it
// wrote to standard error; else the last line of `all`. At most about 1,000 bytes: of more, the
// beginning and the end, and how much was cut. Empty: it wrote nothing.
std::string LastOutput(const OutputTail& errors, const OutputTail& all);

}  // namespace busker::runner
