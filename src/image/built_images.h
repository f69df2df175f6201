// Which digest a registry answered for each image that was built here: what runs from then on,
// until it is built again. In the home: images/built.json.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "io/file.h"

namespace busker::image {

class BuiltImages {
 public:
  explicit BuiltImages(const io::fs::path& home) : folder_(home / "images") {}

  // What runs for "registry.example/churn:1", however that is written ("docker.io/churn:1" is
  // "index.docker.io/library/churn:1"): "registry.example/churn@sha256:..."; empty when it was not
  // built here.
  Result<std::string> Find(const std::string& name) const;
  // Durable once this returns. Of a damaged file only this one is in the new one.
  Result<void> Add(const std::string& name, const std::string& reference) const;

 private:
  Result<std::map<std::string, std::string>> Read() const;

  const io::fs::path folder_;
};

}  // namespace busker::image
