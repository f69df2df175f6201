#include "artifact/store.h"

#include <fmt/core.h>

#include "artifact/store_faults.h"

namespace busker::artifact {

io::Interrupt ForAnswer(std::stop_token stop) {
  return io::Within(std::chrono::seconds(10), std::move(stop));
}

io::Interrupt ForDecision(std::stop_token stop) {
  return io::Within(std::chrono::minutes(1), std::move(stop));
}

io::Interrupt ForFiles(std::stop_token stop) {
  return io::Within(std::chrono::hours(24), std::move(stop));
}

tl::unexpected<Error> NothingUnder(const Store& store, const std::string& key) {
  return NotFound(fmt::format("there is no {} in {}", key, store.Url()));
}

tl::unexpected<Error> NotWhatWasStored(const Store& store, const std::string& key,
                                       std::string_view why) {
  return Unusable(fmt::format("{} in {} is not what was saved: {}", key, store.Url(), why));
}

}  // namespace busker::artifact
