// How a registry says that it wants to know who asks: its header WWW-Authenticate.
// https://distribution.github.io/distribution/spec/auth/token/
#pragma once

#include <string>
#include <string_view>

namespace busker::image {

struct Challenge {
  std::string scheme;          // "basic", "bearer": in lower case
  std::string realm, service;  // of a token server
};

// What is not understood is left empty.
Challenge ChallengeIn(std::string_view header);

}  // namespace busker::image
