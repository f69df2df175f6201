// A file of Google's with credentials, of whichever type.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cloud/credentials.h"
#include "cloud/retry.h"
#include "io/http_session.h"

namespace busker::cloud {

struct Identity {
  Credentials::Source source;
  std::string quota_project;  // empty: none is named
  std::string universe;       // "googleapis.com"
  std::string type = {};      // "service_account"
  std::string account = {};   // its address, where the file tells it
};

// Of the types authorized_user, service_account, external_account and impersonated_service_account.
// `http`: by which the source asks for tokens. kInvalid, with the type or the member, for others.
Result<Identity> ParseIdentity(const std::string& text,
                               const std::shared_ptr<io::HttpSession>& http,
                               const RetryPolicy& policy = {});

}  // namespace busker::cloud
