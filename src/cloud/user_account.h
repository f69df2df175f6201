// A person who logged in: `gcloud auth application-default login` leaves a refresh token
// (RFC 6749, section 6).
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "cloud/credentials.h"
#include "cloud/retry.h"
#include "io/http_session.h"

namespace busker::cloud {

// Of a file of the type "authorized_user". kInvalid: a member is missing.
Result<Credentials::Source> TokensOfUser(const nlohmann::ordered_json& file,
                                         std::shared_ptr<io::HttpSession> http,
                                         const RetryPolicy& policy);

}  // namespace busker::cloud
