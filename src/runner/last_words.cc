#include "runner/last_words.h"

#include "base/text.h"

namespace busker::runner {
namespace {

constexpr std::size_t kBytesMax = 300;

bool IsBlank(std::string_view text) { return Trim(text).empty(); }

}  // namespace

// From the back, so that a flood of short lines costs no more than its newest one.
void LastWords::Add(std::string_view bytes) {
  const auto last_end = bytes.rfind('\n');
  if (last_end == std::string_view::npos) {
    if (unfinished_.size() < kBytesMax) unfinished_.append(bytes.substr(0, kBytesMax));
    return;
  }
  std::string_view finished = bytes.substr(0, last_end);
  for (bool more = true; more;) {
    const auto end_before = finished.rfind('\n');
    more = end_before != std::string_view::npos;
    const auto begin = more ? end_before + 1 : 0;
    const std::string line =
        (more ? std::string() : unfinished_) + std::string(finished.substr(begin, kBytesMax));
    if (!IsBlank(line)) {
      line_ = line.substr(0, kBytesMax);
      break;
    }
    finished = finished.substr(0, more ? end_before : 0);
  }
  unfinished_ = bytes.substr(last_end + 1, kBytesMax);
}

std::string LastWords::Line() const {
  const std::string_view newest = IsBlank(unfinished_) ? line_ : unfinished_;
  return std::string(Trim(newest.substr(0, kBytesMax)));
}

}  // namespace busker::runner
