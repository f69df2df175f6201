#include "base/bytes.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace busker {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};

constexpr std::uint64_t kKibi = 1024;
constexpr std::uint64_t kMost = kKibi * kKibi * kKibi * kKibi * kKibi;  // 1,024 TiB
constexpr std::array<Unit, 9> kUnits = {{{"B", 1},
                                         {"KB", 1000},
                                         {"MB", 1'000'000},
                                         {"GB", 1'000'000'000},
                                         {"TB", 1'000'000'000'000},
                                         {"KiB", kKibi},
                                         {"MiB", kKibi* kKibi},
                                         {"GiB", kKibi* kKibi* kKibi},
                                         {"TiB", kKibi* kKibi* kKibi* kKibi}}};

}  // namespace

Result<std::uint64_t> ParseBytes(std::string_view text) {
  const auto wrong = [&] {
    return Invalid(fmt::format("\"{}\" is not an amount of memory such as 512MiB, 2GiB or 1.5GB",
                               Printable(text.substr(0, 60))));
  };
  double count = 0;
  const auto digits = text.find_first_not_of("0123456789.");
  if (digits == std::string_view::npos || digits == 0) return wrong();
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + digits, count, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + digits) return wrong();
  std::string_view name = text.substr(digits);
  if (name.front() == ' ') name.remove_prefix(1);
  for (const Unit& unit : kUnits) {
    if (unit.name != name) continue;
    const double bytes = count * static_cast<double>(unit.bytes);
    if (bytes > static_cast<double>(kMost)) {
      return Invalid(fmt::format("\"{}\" is more than 1,024 TiB", Printable(text.substr(0, 60))));
    }
    return static_cast<std::uint64_t>(std::llround(bytes));
  }
  return wrong();
}

std::string FormatBytes(std::uint64_t bytes) {
  for (std::size_t i = kUnits.size() - 1; i >= 5; --i) {
    const Unit& unit = kUnits[i];
    if (bytes < unit.bytes) continue;
    if (bytes % unit.bytes == 0) return fmt::format("{}{}", bytes / unit.bytes, unit.name);
    return fmt::format("{:.1f}{}", static_cast<double>(bytes) / static_cast<double>(unit.bytes),
                       unit.name);
  }
  return fmt::format("{}B", bytes);
}

}  // namespace busker
