// Any text as a schedule: what is taken has instants that go on, and are its own.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "plan/zoned_cron.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace busker;
  if (size < 1 || size > 1000) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto cron = plan::ParseCron(text);
  if (!cron) {
    CHECK(!cron.error().message.empty(), "what is refused is refused with a sentence");
    return 0;
  }
  static const char* const kZones[] = {"UTC", "Europe/Stockholm", "America/New_York",
                                       "Australia/Lord_Howe", "Pacific/Apia"};
  const auto zoned = plan::ZonedCron::Make(*cron, kZones[data[0] % std::size(kZones)]);
  CHECK(zoned, "the zone is known");
  Instant at{std::chrono::seconds(1'300'000'000 + 1'000'003 * data[0])};
  for (int i = 0; i < 5; ++i) {
    const auto next = zoned->Next(at);
    if (!next) return 0;
    CHECK(*next > at, "the next instant is later");
    const auto previous = zoned->Previous(*next + Milliseconds(1));
    CHECK(previous && *previous == *next, "the way back leads to it");
    at = *next;
  }
  return 0;
}
