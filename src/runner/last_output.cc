#include "runner/last_output.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/terminal.h"
#include "base/text.h"
#include "runner/error_lines.h"

namespace busker::runner {
namespace {

constexpr std::size_t kTailBytes = 32 << 10;
constexpr std::size_t kBegunBytes = 1 << 10;
constexpr std::size_t kLinesMax = 1000;
constexpr std::size_t kBytesMax = 1000, kFirstBytes = 600, kLastBytes = 300;

std::string CutMark(std::size_t bytes) {
  return fmt::format("[... {} bytes cut ...]", WithThousands(static_cast<long long>(bytes)));
}

bool ContinuesCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The beginning says what, the end often why.
std::string Bounded(const std::string& text) {
  if (text.size() <= kBytesMax) return text;
  std::size_t first = kFirstBytes, last = text.size() - kLastBytes;
  while (ContinuesCharacter(text[first])) --first;
  while (last < text.size() && ContinuesCharacter(text[last])) ++last;
  return text.substr(0, first) + " " + CutMark(last - first) + " " + text.substr(last);
}

std::string LastLine(const std::vector<std::string>& lines) {
  return lines.empty() ? "" : std::string(Trim(lines.back()));
}

}  // namespace

void OutputTail::Add(std::string_view bytes) {
  if (bytes.size() >= kTailBytes) {
    Drop(tail_);
    Drop(bytes.substr(0, bytes.size() - kTailBytes));
    tail_ = bytes.substr(bytes.size() - kTailBytes);
    return;
  }
  tail_ += bytes;
  if (tail_.size() < 2 * kTailBytes) return;
  const std::size_t dropped = tail_.size() - kTailBytes;
  Drop(std::string_view(tail_).substr(0, dropped));
  tail_.erase(0, dropped);
}

void OutputTail::Drop(std::string_view bytes) {
  if (const auto line_end = bytes.rfind('\n'); line_end != std::string_view::npos) {
    bytes.remove_prefix(line_end + 1);
    begun_.clear();
    begun_bytes_ = 0;
  }
  begun_ += bytes.substr(0, kBegunBytes - std::min(kBegunBytes, begun_.size()));
  begun_bytes_ += bytes.size();
}

std::vector<std::string> OutputTail::Lines() const {
  std::string text = begun_;
  if (begun_bytes_ > begun_.size()) text += " " + CutMark(begun_bytes_ - begun_.size()) + " ";
  text += tail_;
  std::vector<std::string> lines;
  for (std::size_t end = text.size(); lines.size() < kLinesMax;) {
    const auto line_end = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
    const std::size_t begin = line_end == std::string::npos ? 0 : line_end + 1;
    std::string line =
        ShownLine(std::string_view(text).substr(begin, end - begin), Colours::kDropped);
    if (!lines.empty() || !Trim(line).empty()) lines.push_back(std::move(line));
    if (begin == 0) break;
    end = begin - 1;
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

std::string LastOutput(const OutputTail& errors, const OutputTail& all) {
  const std::vector<std::string> error_lines = errors.Lines(), all_lines = all.Lines();
  for (const auto* lines : {&error_lines, &all_lines}) {
    const std::vector<std::string> error = ErrorAtTheEnd(*lines);
    if (!error.empty()) return Bounded(Join(error, "\n"));
  }
  return Bounded(error_lines.empty() ? LastLine(all_lines) : LastLine(error_lines));
}

}  // namespace busker::runner
