// Which socket the container engine of this machine answers at, as Docker's own client finds it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace busker::execute {

// The first of these that says something, by the "NAME=value" entries of `environment`:
//
// - DOCKER_HOST: a socket, as unix:///run/docker.sock
// - DOCKER_CONTEXT: the name of a context of Docker's client, below DOCKER_CONFIG or ~/.docker
// - currentContext in config.json there: the same
// - the usual sockets: Docker's, a rootless Docker's (XDG_RUNTIME_DIR), Podman's, a rootless
//   Podman's: the first that this user may use; else the first that is there; else Docker's, which
//   may come later
//
// kInvalid: an engine that is not of this machine, or a context that is not there or not
// understood. `root` is where the machine's folders are, for tests.
Result<io::fs::path> FindDockerSocket(const std::vector<std::string>& environment,
                                      const io::fs::path& root = "/");

}  // namespace busker::execute
