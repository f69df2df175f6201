// Who may use a registry, found as Docker's own client finds it: config.json in $DOCKER_CONFIG or
// ~/.docker, with what `docker login` left there or the credential helper that it names.
// https://docs.docker.com/reference/cli/docker/login/#credential-stores
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/interrupt.h"

namespace busker::image {

struct Login {
  std::string user, password;
  std::string identity_token;  // in place of both: changed for a token by the registry's own server
};

// For a registry as references name it ("docker.io", "127.0.0.1:5000"); nullopt: nobody has logged
// in. `environment` is that of the person. A helper is docker-credential-NAME along PATH; it is
// asked on its standard input. kInvalid: the file, or what a helper says, makes no sense.
// kTimedOut: a helper that does not answer in 30 s.
Result<std::optional<Login>> FindLogin(const std::string& registry,
                                       const std::vector<std::string>& environment,
                                       const io::Interrupt& interrupt);

// For the Engine API's header X-Registry-Auth.
std::string EngineAuth(const Login& login, const std::string& registry);

}  // namespace busker::image
