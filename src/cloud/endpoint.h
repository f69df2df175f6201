// Where Google's APIs are.
#pragma once

#include <string>

#include "base/result.h"

namespace busker::cloud {

// The domain of Google's own cloud; others run the same software under another.
inline constexpr char kUniverse[] = "googleapis.com";

enum class GoogleApi { kStorage, kBigQuery, kCompute, kLogging, kResourceManager, kIam };

// "https://storage.googleapis.com", of that universe, without '/' behind; or what gcloud's own
// variable for it names, CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE and its kin: what gcloud wants
// behind the host, such as "/storage/v1/", may be there and is left out. kUnusable: the variable
// names no place that may be called.
Result<std::string> EndpointOf(GoogleApi api, const std::string& universe);

// May a token or a key be sent there? By https://, and by http:// to this machine alone. kInvalid.
Result<void> CheckEndpoint(const std::string& url);

}  // namespace busker::cloud
