// What an image is built on: another image, by digest.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "image/reference.h"
#include "image/registry.h"

namespace busker::image {

struct BaseImage {
  Reference reference;       // with the digest of the manifest for the platform
  std::string config;        // JSON
  std::vector<Blob> layers;  // from the bottom up; media types as OCI names them
  std::string architecture;  // "amd64"
  std::string python;        // "3.11", as its PYTHON_VERSION says; empty: it does not
};

// "amd64", "arm64": this machine's, as images have it.
std::string OwnArchitecture();

// Reads manifest and config, and no layer. An index is followed to linux and `architecture`.
// kInvalid: not an image of layers that can be built on; kNotFound, as GetManifest.
Result<BaseImage> ReadBaseImage(Registry& registry, const Reference& reference,
                                const std::string& architecture, const io::Interrupt& interrupt);

// The same of what a registry has answered. `manifest` is none of an index.
Result<BaseImage> ParseBaseImage(const Reference& reference, const Registry::Manifest& manifest,
                                 std::string config, const std::string& architecture);

}  // namespace busker::image
