#include "artifact/store.h"

#include <fmt/core.h>

#include "artifact/directory_store.h"
#include "artifact/gcs_store.h"
#include "artifact/store_faults.h"
#include "base/text.h"
#include "cloud/google_access.h"

namespace busker::artifact {

namespace {

// What follows it is the path as it is: nothing in it is decoded.
constexpr std::string_view kFile = "file://";
constexpr std::string_view kGcs = "gs://";

}  // namespace

Result<void> CheckStoreUrl(const std::string& url) {
  if (url.starts_with(kGcs)) {
    auto place = ParseGcsUrl(url);
    if (!place) return Wrap(Printable(url), std::move(place).error());
    return {};
  }
  if (url.starts_with(kFile) && url.size() > kFile.size() && url[kFile.size()] == '/' &&
      url.find('\0') == std::string::npos) {
    return {};
  }
  return Invalid(
      fmt::format("\"{}\" is no artifact store; there is file:///absolute/folder and gs://BUCKET",
                  Printable(url)));
}

Result<std::unique_ptr<Store>> OpenStore(const std::string& url) {
  TRY(CheckStoreUrl(url));
  if (url.starts_with(kGcs)) return OpenGcsStore(url);
  return OpenDirectoryStore(url.substr(kFile.size()));
}

std::span<const char* const> StoreVariables() { return cloud::kGoogleVariables; }

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
