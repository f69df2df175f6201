#include "cli/line_cutter.h"

namespace busker::cli {
namespace {

constexpr std::size_t kLineBytesMax = 64 * 1024;  // a longer line is handed on in pieces

}  // namespace

void LineCutter::Add(std::string_view bytes) {
  rest_ += bytes;
  std::size_t begin = 0;
  for (std::size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    use_(std::string_view(rest_).substr(begin, end - begin));
  }
  rest_.erase(0, begin);
  if (rest_.size() <= kLineBytesMax) return;
  // Of a progress bar only the last state is shown.
  const auto restart = rest_.find_last_not_of(" \t\r");
  const auto before = restart == std::string::npos ? restart : rest_.rfind('\r', restart);
  if (before == std::string::npos) return Flush();
  rest_.erase(0, before + 1);
  if (rest_.size() > kLineBytesMax) Flush();
}

void LineCutter::Flush() {
  if (!rest_.empty()) use_(rest_);
  rest_.clear();
}

}  // namespace busker::cli
