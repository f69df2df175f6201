#include "cloud/google_access.h"

#include <cstdlib>
#include <string_view>

#include "cloud/metadata_server.h"
#include "cloud/service_account.h"
#include "io/url.h"

namespace busker::cloud {
namespace {

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<std::string> EmulatorAt(std::string place) {
  if (place.find("://") == std::string::npos) place = "http://" + place;
  while (place.ends_with('/')) place.pop_back();
  if (const auto fine = io::ParseHttpUrl(place); !fine) {
    return Wrap("STORAGE_EMULATOR_HOST", fine.error());
  }
  return place;
}

}  // namespace

Result<GoogleAccess> FindStorageAccess() {
  if (const std::string emulator = Variable("STORAGE_EMULATOR_HOST"); !emulator.empty()) {
    TRY_ASSIGN(std::string endpoint, EmulatorAt(emulator));
    return GoogleAccess{std::move(endpoint), std::make_unique<Credentials>()};
  }
  const std::string file = Variable("GOOGLE_APPLICATION_CREDENTIALS");
  const auto machine = file.empty() ? FindMetadataServer() : std::nullopt;
  if (machine) {
    return GoogleAccess{"https://storage.googleapis.com",
                        std::make_unique<Credentials>(TokensOfMachine(*machine))};
  }
  if (file.empty()) {
    return Unusable(
        "there are no credentials for Google Cloud; GOOGLE_APPLICATION_CREDENTIALS names the key "
        "file of a service account");
  }
  auto account = ReadServiceAccount(file);
  if (!account) return Unusable("GOOGLE_APPLICATION_CREDENTIALS: " + account.error().message);
  std::string endpoint = "https://storage." + account->universe;
  return GoogleAccess{std::move(endpoint),
                      std::make_unique<Credentials>(TokensOf(*std::move(account)))};
}

}  // namespace busker::cloud
