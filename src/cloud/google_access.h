// What the environment says of who we are to Google, and where its APIs are.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cloud/credentials.h"

namespace busker::cloud {

struct GoogleAccess {
  std::string endpoint;  // "https://storage.googleapis.com": no '/' behind
  std::unique_ptr<Credentials> credentials;
};

// The variables of the environment that are looked at here.
inline constexpr const char* kGoogleVariables[] = {"GOOGLE_APPLICATION_CREDENTIALS",
                                                   "STORAGE_EMULATOR_HOST", "GCE_METADATA_HOST"};

// Of Cloud Storage, as Google's own clients have it: STORAGE_EMULATOR_HOST ("127.0.0.1:4443" or
// with http:// before) names a server that stands in for it and asks for no credentials; else
// GOOGLE_APPLICATION_CREDENTIALS names the key file of a service account; else this is a machine of
// Google's, and its own account is asked for (metadata_server.h). kUnusable: none of these, or the
// file cannot be used.
Result<GoogleAccess> FindStorageAccess();

}  // namespace busker::cloud
