// What an engine tells of images, and of fetching one. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "image/reference.h"

namespace busker::execute {

struct DockerImage {
  std::string id;                        // of its content, as the engine has it: "sha256:..."
  std::vector<std::string> digests;      // "REPOSITORY@sha256:...", as registries have answered
  std::string working_folder;            // empty: none
  std::vector<std::string> environment;  // "NAME=value"
};

// By what the image under `reference` can be had again, whatever becomes of the tag: the registry's
// digest, "registry.example/churn@sha256:..."; the engine's id of one that was built here.
std::string DigestOf(const DockerImage& image, const image::Reference& reference);

// How far the engine is with fetching an image, from the lines of JSON that it writes meanwhile.
class PullProgress {
 public:
  void Take(std::string_view line);

  // The engine's words on why it failed; empty: so far it did not.
  const std::string& fault() const { return fault_; }
  // "2 of 5 layers, 31 of 120 MB"; empty while nothing is known.
  std::string Text() const;

 private:
  struct Layer {
    std::uint64_t bytes = 0, bytes_total = 0;
    bool is_here = false;
  };

  std::map<std::string, Layer> layers_;
  std::string fault_;
};

}  // namespace busker::execute
