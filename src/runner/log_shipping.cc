#include "runner/log_shipping.h"

#include <algorithm>

namespace busker::runner {
namespace {

// The reader may hand a block more than it is asked for.
constexpr std::uint64_t kAskedBytesMax = attempt::kLogPartBytesMax - (128 << 10);

}  // namespace

Result<void> LogShipper::Resume(const io::Interrupt& interrupt) {
  TRY_ASSIGN(const auto parts, store_.List(keys_.log, interrupt));
  std::uint64_t shipped = 0;
  for (const std::string& part : parts) {
    TRY_ASSIGN(const std::string text, store_.GetText(part, interrupt));
    shipped += text.size();
  }
  number_ = parts.size();
  // The reader hands the same bytes again, as far as they are kept.
  while (shipped > 0) {
    std::uint64_t read = 0;
    TRY(reader_.ReadNew(
        [&](std::string_view bytes) {
          read += bytes.size();
          const auto known =
              static_cast<std::size_t>(std::min<std::uint64_t>(shipped, bytes.size()));
          shipped -= known;
          part_ += bytes.substr(known);
        },
        std::min(shipped, kAskedBytesMax)));
    if (read == 0) break;
  }
  return {};
}

Result<void> LogShipper::ShipNew(const io::Interrupt& interrupt, int parts_max) {
  for (int i = 0; i < parts_max; ++i) {
    if (part_.empty()) {
      TRY(reader_.ReadNew([this](std::string_view bytes) { part_ += bytes; }, kAskedBytesMax));
    }
    if (part_.empty()) return {};
    // One that is there already is this one: an earlier call was not told that it had come.
    TRY(store_.CreateText(keys_.LogPart(number_), part_, interrupt));
    ++number_;
    part_.clear();
  }
  return {};
}

}  // namespace busker::runner
