// From a service's folder to an image by its Dockerfile: with the builder that this machine has, as
// a child process.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "image/build.h"

namespace busker::image {

// container/Dockerfile or Dockerfile in the folder; empty: neither is there.
io::fs::path FindDockerfile(const io::fs::path& folder);

// The program that builds and keeps images here, as the words before its own: {"docker", "buildx"},
// {"docker"} or {"podman"}. kNotFound: none of them.
Result<std::vector<std::string>> FindBuilder(const std::vector<std::string>& environment);

// Builds `dockerfile` with the folder as its context, its output on our standard error, and tags it
// `image`:VERSION. What stays out is guarded first (context_rules.h). With a registry in the name
// it is pushed, also as :busker-DIGEST12. kFailed: the builder failed.
Result<Built> BuildDockerfile(const BuildRequest& request, const io::fs::path& dockerfile,
                              const Say& say, const io::Interrupt& interrupt);

// Hands an archive of BuildArchive to the engine.
Result<void> LoadIntoEngine(const io::fs::path& archive,
                            const std::vector<std::string>& environment,
                            const io::Interrupt& interrupt);

}  // namespace busker::image
