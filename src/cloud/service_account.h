// The key of a service account, and tokens that are signed with it here, without asking anybody
// (RFC 7519; google.aip.dev/auth/4111).
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"
#include "cloud/credentials.h"
#include "io/file.h"

namespace busker::cloud {

struct ServiceAccount {
  std::string email;
  std::string key_id;
  std::string private_key;  // PEM
  std::string universe = "googleapis.com";
};

// The JSON file as Google hands it out. kNotFound; kUnusable for one that is no such key, with what
// it is instead when that can be told.
Result<ServiceAccount> ReadServiceAccount(const io::fs::path& file);

// A token that is good for an hour from `now` on. kUnusable: the key cannot sign.
Result<std::string> SignToken(const ServiceAccount& account, const std::string& scope, Instant now);

// Tokens of that account, for all of the cloud that its roles allow.
Credentials::Source TokensOf(ServiceAccount account);

}  // namespace busker::cloud
