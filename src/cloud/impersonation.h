// Somebody who may act as a service account, and does
// (cloud.google.com/iam/docs/reference/credentials/rest, generateAccessToken).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cloud/credentials.h"
#include "cloud/retry.h"
#include "io/http_session.h"

namespace busker::cloud {

struct Impersonation {
  std::string url;  // ".../serviceAccounts/EMAIL:generateAccessToken"
  std::vector<std::string> delegates;
  std::chrono::seconds lifetime{3600};
};

// kInvalid: its URL may not be called, or is no account's.
Result<Credentials::Source> TokensBy(Impersonation impersonation, std::shared_ptr<Credentials> who,
                                     std::shared_ptr<io::HttpSession> http,
                                     const RetryPolicy& policy);

}  // namespace busker::cloud
