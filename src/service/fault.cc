#include "service/fault.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace busker::service {
namespace {

constexpr std::size_t kQuotedBytesMax = 80;

// `text` up to a byte, without half a UTF-8 character at the end.
std::string_view Front(std::string_view text, std::size_t size) {
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

std::string ToString(const Fault& fault) {
  if (fault.at.line == 0) return fmt::format("{}: {}", fault.file, fault.message);
  return fmt::format("{}:{}:{}: {}", fault.file, fault.at.line, fault.at.column, fault.message);
}

void Faults::Add(std::string file, Position at, std::string message) {
  if (!full()) faults_.push_back({std::move(file), at, std::move(message)});
}

void Faults::Add(Position at, std::string message) { Add(main_file_, at, std::move(message)); }

std::vector<Fault> Faults::Sorted() const { return InOrder(faults_); }

std::vector<Fault> Faults::InOrder(const std::vector<Fault>& some) const {
  std::vector<Fault> sorted = some;
  const auto order = [&](const Fault& fault) {
    return std::make_tuple(fault.file != main_file_, std::string_view(fault.file), fault.at.line,
                           fault.at.column);
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const Fault& a, const Fault& b) { return order(a) < order(b); });
  return sorted;
}

void Faults::Warn(Position at, std::string message) {
  if (warnings_.size() < kFaultsMax) warnings_.push_back({main_file_, at, std::move(message)});
}

std::vector<std::string> Faults::Warnings() const {
  std::vector<std::string> sentences;
  for (const Fault& warning : InOrder(warnings_)) sentences.push_back(ToString(warning));
  return sentences;
}

std::vector<std::string> Faults::Sentences() const {
  std::vector<std::string> sentences;
  for (const Fault& fault : Sorted()) sentences.push_back(ToString(fault));
  return sentences;
}

std::string Quoted(std::string_view text) {
  std::string shown(text.size() > kQuotedBytesMax ? Front(text, kQuotedBytesMax) : text);
  if (text.size() > kQuotedBytesMax) shown += "...";
  for (std::size_t at = 0; (at = shown.find_first_of("\n\t", at)) != std::string::npos; at += 2) {
    shown.replace(at, 1, shown[at] == '\n' ? "\\n" : "\\t");
  }
  return "\"" + Printable(shown) + "\"";
}

}  // namespace busker::service
