#include "artifact/store.h"

#include <fmt/core.h>

#include "artifact/directory_store.h"
#include "artifact/store_faults.h"
#include "base/text.h"

namespace busker::artifact {

Result<std::unique_ptr<Store>> OpenStore(const std::string& url) {
  // What follows file:// is the path as it is: nothing in it is decoded.
  constexpr std::string_view kFile = "file://";
  if (url.starts_with(kFile) && url.size() > kFile.size() && url[kFile.size()] == '/' &&
      url.find('\0') == std::string::npos) {
    return OpenDirectoryStore(url.substr(kFile.size()));
  }
  return Invalid(
      fmt::format("\"{}\" is no artifact store; there is file:///absolute/folder", Printable(url)));
}

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
