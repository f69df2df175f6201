// The key of a service account, and tokens that are signed with it here, without asking anybody
// (RFC 7519; google.aip.dev/auth/4111).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "cloud/credentials.h"

namespace busker::cloud {

struct ServiceAccount {
  std::string email;
  std::string key_id;
  std::string private_key;  // PEM
};

// Of a file of that type. kInvalid: a member is missing, or the key cannot sign.
Result<ServiceAccount> ServiceAccountIn(const nlohmann::ordered_json& file);

// A token that is good for an hour from `now` on. kInvalid: the key cannot sign.
Result<std::string> SignToken(const ServiceAccount& account, const std::string& scope, Instant now);

// Tokens of that account, for all of the cloud that its roles allow.
Credentials::Source TokensOf(ServiceAccount account);

}  // namespace busker::cloud
