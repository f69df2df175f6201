#include "cloud/endpoint.h"

#include <fmt/core.h>

#include <cstdlib>
#include <string_view>

#include "io/url.h"

namespace busker::cloud {
namespace {

struct Known {
  const char* name;  // in its host
  const char* variable;
  std::string_view path;
};

Known KnownOf(GoogleApi api) {
  switch (api) {
    case GoogleApi::kStorage:
      return {"storage", "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", "/storage/v1"};
    case GoogleApi::kBigQuery:
      return {"bigquery", "CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY", "/bigquery/v2"};
    case GoogleApi::kCompute:
      return {"compute", "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", "/compute/v1"};
    case GoogleApi::kLogging:
      return {"logging", "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING", "/v2"};
    case GoogleApi::kResourceManager:
      return {"cloudresourcemanager", "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER",
              "/v1"};
    case GoogleApi::kIam:
      return {"iam", "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM", "/v1"};
  }
  return {};
}

}  // namespace

Result<std::string> EndpointOf(GoogleApi api, const std::string& universe) {
  const Known known = KnownOf(api);
  const char* const value = std::getenv(known.variable);
  if (value == nullptr || *value == '\0') {
    return fmt::format("https://{}.{}", known.name, universe);
  }
  std::string place = value;
  if (const auto fine = CheckEndpoint(place); !fine) {
    return Unusable(fmt::format("{}: {}", known.variable, fine.error().message));
  }
  while (place.ends_with('/')) place.pop_back();
  if (place.ends_with(known.path)) place.resize(place.size() - known.path.size());
  while (place.ends_with('/')) place.pop_back();
  return place;
}

Result<void> CheckEndpoint(const std::string& url) {
  TRY_ASSIGN(const io::Url parsed, io::ParseHttpUrl(url));
  if (parsed.is_safe || io::IsLoopbackHost(parsed.host)) return {};
  return Invalid("http:// goes no further than this machine (127.0.0.1, ::1); write https://");
}

}  // namespace busker::cloud
