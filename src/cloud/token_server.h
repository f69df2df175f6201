// Servers that give bearer tokens in exchange for something else (RFC 6749, section 5).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cloud/credentials.h"
#include "cloud/retry.h"
#include "io/http_session.h"

namespace busker::cloud {

// All of Google's.
inline constexpr char kScope[] = "https://www.googleapis.com/auth/cloud-platform";
// Whoever needs a token waits no longer for it; others wait for who does.
inline constexpr Milliseconds kTokenLimit{30'000};

struct TokenRequest {
  std::string url;
  std::vector<std::pair<std::string, std::string>> form;
  std::string authorization;  // of the client, for the header; empty: none
  std::string remedy;         // what to do when the answer is no
};

// Asks again while that may help, until kTokenLimit. Errors tell what the server says, unless there
// is something of the form's in it that is a secret. kFailed: it says no.
Result<BearerToken> AskForToken(const std::shared_ptr<io::HttpSession>& http,
                                const TokenRequest& request, const RetryPolicy& policy,
                                const io::Interrupt& interrupt);

// {"access_token": ..., "expires_in": ...}, asked for at `asked`. kFailed: it is none.
Result<BearerToken> TokenIn(const std::string& body, io::SteadyInstant asked,
                            const std::string& place);

}  // namespace busker::cloud
