// Somebody whom another identity provider knows: its token is exchanged for one of Google's
// (workload identity federation; RFC 8693, google.aip.dev/auth/4117).
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"
#include "cloud/credentials.h"
#include "cloud/retry.h"
#include "io/http_session.h"

namespace busker::cloud {

// Of a file of the type "external_account" whose credential_source is a file or a URL, read anew
// each time; with service_account_impersonation_url, as that account. Programs are not run.
// kInvalid: a member is missing, or asks for what is not done.
Result<Credentials::Source> TokensOfFederated(const nlohmann::ordered_json& file,
                                              const std::string& universe,
                                              std::shared_ptr<io::HttpSession> http,
                                              const RetryPolicy& policy);

}  // namespace busker::cloud
