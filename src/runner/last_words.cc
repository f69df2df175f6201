#include "runner/last_words.h"

#include <algorithm>

#include "base/text.h"

namespace busker::runner {
namespace {

constexpr std::size_t kBytesMax = 300;

bool IsBlank(std::string_view text) { return Trim(text).empty(); }

}  // namespace

void LastWords::Add(std::string_view bytes) {
  for (std::size_t end; (end = bytes.find('\n')) != std::string_view::npos;
       bytes.remove_prefix(end + 1)) {
    unfinished_.append(bytes.substr(0, std::min(end, kBytesMax)));
    if (!IsBlank(unfinished_)) line_ = unfinished_.substr(0, kBytesMax);
    unfinished_.clear();
  }
  if (unfinished_.size() < kBytesMax) unfinished_.append(bytes.substr(0, kBytesMax));
}

std::string LastWords::Line() const {
  const std::string_view newest = IsBlank(unfinished_) ? line_ : unfinished_;
  return std::string(Trim(newest.substr(0, kBytesMax)));
}

}  // namespace busker::runner
