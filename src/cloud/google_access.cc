#include "cloud/google_access.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "cloud/identity.h"
#include "cloud/metadata_server.h"
#include "io/digest.h"
#include "io/file.h"
#include "io/url.h"

namespace busker::cloud {
namespace {

constexpr std::uint64_t kFileBytesMax = 64 << 10;
constexpr char kLogin[] = "`gcloud auth application-default login`";

struct SharedIdentity {
  std::string universe;
  std::shared_ptr<Credentials> credentials;
  std::shared_ptr<io::HttpSession> http;
  std::string found, account;  // as GoogleAccess has them
};

// Those of this process that were found last, so that a store that is opened for each request does
// not ask for a token of its own each time. Who holds one that is forgotten here goes on with it.
class RecentIdentities {
 public:
  std::optional<SharedIdentity> Find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    return FindLocked(key);
  }

  // The one that was there first: of two who found the same at once, one asks for tokens.
  SharedIdentity Keep(const std::string& key, SharedIdentity made) {
    const std::lock_guard lock(mutex_);
    if (auto known = FindLocked(key)) return *std::move(known);
    if (recent_.size() >= kMax) recent_.erase(recent_.begin());
    recent_.emplace_back(key, made);
    return made;
  }

 private:
  static constexpr std::size_t kMax = 8;

  std::optional<SharedIdentity> FindLocked(const std::string& key) {
    const auto found = std::find_if(recent_.begin(), recent_.end(),
                                    [&](const auto& one) { return one.first == key; });
    if (found == recent_.end()) return std::nullopt;
    std::rotate(found, std::next(found), recent_.end());
    return recent_.back().second;
  }

  std::mutex mutex_;
  std::vector<std::pair<std::string, SharedIdentity>>
      recent_;  // the one that was used last is the last
};

// Never destroyed: at the end of the process a thread may still be at it.
RecentIdentities& Known() {
  static RecentIdentities& known = *new RecentIdentities;
  return known;
}

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

const char* EmulatorVariable(GoogleApi api) {
  if (api == GoogleApi::kStorage) return "STORAGE_EMULATOR_HOST";
  return api == GoogleApi::kBigQuery ? "BIGQUERY_EMULATOR_HOST" : nullptr;
}

Result<std::string> EmulatorAt(std::string place, const char* variable) {
  if (place.find("://") == std::string::npos) place = "http://" + place;
  while (place.ends_with('/')) place.pop_back();
  if (const auto fine = io::ParseHttpUrl(place); !fine) {
    return Wrap(variable, fine.error());
  }
  return place;
}

// Where gcloud leaves it; empty: nobody knows where that is.
io::fs::path LoginFile() {
  constexpr char kName[] = "application_default_credentials.json";
  if (const std::string folder = Variable("CLOUDSDK_CONFIG"); !folder.empty()) {
    return io::fs::path(folder) / kName;
  }
  const std::string home = Variable("HOME");
  return home.empty() ? io::fs::path() : io::fs::path(home) / ".config/gcloud" / kName;
}

Result<SharedIdentity> OfFile(const std::string& text) {
  const std::string quota_project = Variable("GOOGLE_CLOUD_QUOTA_PROJECT");
  const std::string key = "file " + io::Sha256Of(text) + " " + quota_project;
  if (auto known = Known().Find(key)) return *std::move(known);
  auto http = std::make_shared<io::HttpSession>();
  TRY_ASSIGN(Identity identity, ParseIdentity(text, http));
  if (!quota_project.empty()) identity.quota_project = quota_project;
  return Known().Keep(
      key, {identity.universe,
            std::make_shared<Credentials>(std::move(identity.source), identity.quota_project),
            std::move(http), identity.type, identity.account});
}

Result<SharedIdentity> OfMachine(const std::string& host) {
  const std::string quota_project = Variable("GOOGLE_CLOUD_QUOTA_PROJECT");
  const std::string key = "machine " + host + " " + quota_project;
  if (auto known = Known().Find(key)) return *std::move(known);
  TRY_ASSIGN(std::string universe, UniverseOfMachine(host));
  return Known().Keep(
      key,
      {std::move(universe), std::make_shared<Credentials>(TokensOfMachine(host), quota_project),
       std::make_shared<io::HttpSession>(), "the service account of this machine", ""});
}

// What is wrong with the file, and where it is.
Result<SharedIdentity> OfFileAt(const io::fs::path& file) {
  TRY_ASSIGN(const std::string text, io::ReadFile(file, kFileBytesMax));
  auto found = OfFile(text);
  if (!found) return Wrap(Printable(file.string()), found.error());
  found->found += " in " + file.string();
  return found;
}

Result<SharedIdentity> FindIdentity() {
  if (const std::string file = Variable("GOOGLE_APPLICATION_CREDENTIALS"); !file.empty()) {
    auto found = OfFileAt(file);
    if (found) return found;
    return Unusable(fmt::format(
        "GOOGLE_APPLICATION_CREDENTIALS: {}; let it name a file of Google's with credentials, or "
        "unset it and log in by {}",
        found.error().message, kLogin));
  }
  const io::fs::path login = LoginFile();
  std::error_code ignored;
  if (!login.empty() && io::fs::exists(login, ignored)) {
    auto found = OfFileAt(login);
    if (found) return found;
    return Unusable(fmt::format("{}; {} writes the file anew", found.error().message, kLogin));
  }
  if (const auto machine = FindMetadataServer()) return OfMachine(*machine);
  return Unusable(
      fmt::format("there are no credentials for Google Cloud; log in by {}, or let "
                  "GOOGLE_APPLICATION_CREDENTIALS name the key file of a service account",
                  kLogin));
}

}  // namespace

Result<GoogleAccess> FindAccess(GoogleApi api) {
  const char* const variable = EmulatorVariable(api);
  const std::string emulator = variable == nullptr ? "" : Variable(variable);
  if (!emulator.empty()) {
    TRY_ASSIGN(std::string endpoint, EmulatorAt(emulator, variable));
    return GoogleAccess{std::move(endpoint), std::make_shared<Credentials>(),
                        std::make_shared<io::HttpSession>()};
  }
  TRY_ASSIGN(const SharedIdentity found, FindIdentity());
  TRY_ASSIGN(std::string endpoint, EndpointOf(api, found.universe));
  return GoogleAccess{std::move(endpoint), found.credentials, found.http, found.found,
                      found.account};
}

}  // namespace busker::cloud
