// What masking a text comes to, the simple way: for tests and fuzz targets only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runner/masker.h"

namespace busker::runner {

// Every occurrence of every pattern is looked for on its own, and what overlaps is one.
inline std::string Judge(const std::vector<std::string>& patterns, std::string_view text) {
  std::vector<bool> covered(text.size(), false);
  std::vector<bool> joined(text.size(), false);  // with the byte before
  for (const std::string& pattern : patterns) {
    for (auto at = text.find(pattern); at != text.npos; at = text.find(pattern, at + 1)) {
      for (std::size_t i = at; i < at + pattern.size(); ++i) {
        covered[i] = true;
        if (i > at) joined[i] = true;
      }
    }
  }
  std::string masked;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!covered[i]) masked += text[i];
    if (covered[i] && !joined[i]) masked += kMask;
  }
  return masked;
}

}  // namespace busker::runner
