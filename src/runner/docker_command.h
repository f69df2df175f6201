// What is asked of the Docker of a VM, by its command line, and how its answers are read. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attempt/remote.h"
#include "base/result.h"
#include "io/file.h"

namespace busker::runner {

using Words = std::vector<std::string>;

// Who the program is in its container: nobody, whoever the image would have it be.
inline constexpr unsigned kUserInside = 65532;

struct DockerImage {
  std::string name;            // by digest where a registry has told one, else the engine's id
  std::string working_folder;  // empty: none
};
Words LookAtImage(const std::string& reference);
Result<DockerImage> ImageIn(const std::string& inspected, const std::string& reference);

// The words that let docker log in at the registry of `reference` as the VM's account; none: it is
// no registry of Google's.
Words LogIn(const std::string& reference);

struct VmContainer {
  std::string name;
  attempt::RemoteName attempt;
  DockerImage image;
  io::fs::path runner;                   // busker-runner
  io::fs::path attempt_folder;           // the same path inside
  io::fs::path secrets;                  // empty: none
  std::vector<std::string> environment;  // besides the image's
};
// No capability, no new privilege, no path of the machine but those named; nothing is fetched.
Words RunContainer(const VmContainer& container);

// Of the environment of this process: what the runner inside needs to reach the store and the
// metadata server at `metadata_server`. Nothing of it names a file, or is a secret.
std::vector<std::string> EnvironmentInside(const std::vector<std::string>& own,
                                           const std::string& metadata_server);

// What docker had to say, in one line, and what to do about it where that is plain.
std::string DockersWords(std::string_view errors);
std::string WithRemedy(std::string words);

// Might the same be answered otherwise a little later?
bool MayPass(std::string_view words);

}  // namespace busker::runner
