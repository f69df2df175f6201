// What a build by a Dockerfile must not take along: the folder is its context, and the rules that
// count are those of the file that the builder reads.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "image/programs.h"
#include "io/file.h"

namespace busker::image {

// "service/data" from /a to /a/service/data; empty: it is not below, or the same.
std::string WayDown(const io::fs::path& from, const io::fs::path& to);

struct Context {
  io::fs::path folder;
  io::fs::path dockerfile;
  std::string program;                      // the program's folder in it; empty: itself
  std::vector<io::fs::path> private_paths;  // never to be in an image: the home, files of secrets
  std::string builder;                      // "buildx", "docker" or "podman"
};

// Writes a .dockerignore with the standard rules where the builder would read no file, and says so;
// of a file that is there it says what the standard rules name and that one does not. kInvalid: a
// private path would be in the context, or a pattern is malformed.
Result<void> GuardContext(const Context& context, const Say& say);

}  // namespace busker::image
