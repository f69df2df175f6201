// What the environment says of who we are to Google, and where its APIs are.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cloud/credentials.h"
#include "cloud/endpoint.h"
#include "io/http_session.h"

namespace busker::cloud {

// Who has the same credentials shares their tokens and connections.
struct GoogleAccess {
  std::string endpoint;  // "https://storage.googleapis.com": no '/' behind
  std::shared_ptr<Credentials> credentials;
  std::shared_ptr<io::HttpSession> http;
  // Of what type they are, and where they were found: "service_account in /home/me/key.json".
  std::string found = {};
  std::string account = {};  // the address of the service account; empty: it is a person's, or not
                             // told by what was found
};

// The variables of the environment that are looked at here and by the transport, for its trusted
// certificates: who starts a program that calls Google hands them on. None of them is a secret.
inline constexpr const char* kGoogleVariables[] = {"GOOGLE_APPLICATION_CREDENTIALS",
                                                   "GOOGLE_CLOUD_QUOTA_PROJECT",
                                                   "CLOUDSDK_CONFIG",
                                                   "HOME",
                                                   "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE",
                                                   "CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY",
                                                   "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE",
                                                   "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING",
                                                   "STORAGE_EMULATOR_HOST",
                                                   "BIGQUERY_EMULATOR_HOST",
                                                   "GCE_METADATA_HOST",
                                                   "SSL_CERT_FILE",
                                                   "SSL_CERT_DIR"};

// As Google's own clients find them (google.aip.dev/auth/4110): the file that
// GOOGLE_APPLICATION_CREDENTIALS names; else the one that `gcloud auth application-default login`
// writes, in CLOUDSDK_CONFIG or ~/.config/gcloud; else this is a machine of Google's, and its own
// account is asked for (metadata_server.h). Files are read each time, so that a new key counts at
// once; credentials that are known already in this process are the same object again.
//
// For Cloud Storage, STORAGE_EMULATOR_HOST ("127.0.0.1:4443" or with http:// before) comes first,
// for BigQuery, BIGQUERY_EMULATOR_HOST: a server that stands in for it and asks for no credentials.
//
// Any thread. kUnusable: there are none, or the file cannot be used, with what to do about it. On a
// machine of Google's the first call asks the metadata server, for up to 10 s; errors are its.
Result<GoogleAccess> FindAccess(GoogleApi api);

}  // namespace busker::cloud
