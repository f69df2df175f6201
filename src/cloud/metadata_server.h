// The metadata server of a machine of Google's: tokens of the service account that the machine runs
// as (cloud.google.com/compute/docs/access/authenticate-workloads).
#pragma once

#include <optional>
#include <string>

#include "cloud/credentials.h"
#include "cloud/retry.h"

namespace busker::cloud {

// "169.254.169.254" where the firmware says that this is a machine of Google's, or what
// GCE_METADATA_HOST names; nullopt elsewhere: nobody is asked, for off Google that may take
// minutes.
std::optional<std::string> FindMetadataServer();

// Tokens from the server at `host`, which may not be ready yet in the first seconds of a machine.
// kUnusable: the machine has no service account.
Credentials::Source TokensOfMachine(const std::string& host, const RetryPolicy& policy = {});

// What the server at `host` has at `path`, as "instance/id" or "instance/?recursive=true"; nullopt:
// nothing. Waits for it until the interrupt says otherwise.
Result<std::optional<std::string>> AskMachine(const std::string& host, const std::string& path,
                                              const io::Interrupt& interrupt,
                                              const RetryPolicy& policy = {});

// The domain of the cloud that the machine is in: "googleapis.com", unless the server at `host`
// names another. Waits for it up to 10 s.
Result<std::string> UniverseOfMachine(const std::string& host, const RetryPolicy& policy = {});

}  // namespace busker::cloud
