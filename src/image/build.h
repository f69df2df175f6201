// From a service's folder to an image in a registry, without Docker: a base by digest, a layer with
// the packages, a layer with the folder as /service.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "image/image.h"

namespace busker::image {

struct BuildRequest {
  std::string name, version;                // of the service
  io::fs::path folder;                      // of the program: what is /service in the image
  io::fs::path context;                     // of the service, with its Dockerfile; may be the same
  std::string base;                         // reference; empty: a slim Python
  std::string python;                       // "3.11"; empty: as the folder or the base says
  std::string image;                        // what it shall be called, without a tag
  io::fs::path home;                        // layers are kept in its images/
  std::vector<std::string> environment;     // of the person: logins, pip's settings
  std::vector<io::fs::path> private_paths;  // never in an image: the home, files of secrets
};

struct Built {
  std::string name;  // "registry.example/churn:1"
  // As the registry answered it; of the manifest that it would be, for an engine.
  std::string digest;
  Push push;
  std::uint64_t files = 0;            // of the folder
  std::vector<std::string> left_out;  // of the folder
};

// Pushes as `image`:VERSION and `image`:busker-DIGEST12. kInvalid: what cannot be in an image, or
// needs a Dockerfile. Else as Registry and InstallPackages have it.
Result<Built> BuildAndPush(const BuildRequest& request, const Say& say,
                           const io::Interrupt& interrupt);

// The same into a file that an engine loads as `image`:VERSION.
Result<Built> BuildArchive(const BuildRequest& request, const io::fs::path& to, const Say& say,
                           const io::Interrupt& interrupt);

// "busker-" and the first 12 digits: a tag for each image, by which cleaning up can spare it.
std::string DigestTag(const std::string& digest);

// The Python of the folder: of `said`, .python-version, or the .venv it is developed with.
std::string PythonOf(const io::fs::path& folder, const std::string& said);

}  // namespace busker::image
