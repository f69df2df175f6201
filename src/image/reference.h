// The name of a container image: "registry.example:5000/team/churn:2026-11@sha256:...".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace busker::image {

struct Reference {
  std::string registry;    // "registry.example:5000"; "docker.io" for a name without a registry
  std::string repository;  // "team/churn"; "library/python" for Docker Hub's "python"
  std::string tag;         // empty: none
  std::string digest;      // "sha256:..."; empty: none

  std::string Name() const;  // "registry.example:5000/team/churn"
  std::string Text() const;  // with tag and digest, as far as there are any
};

// As Docker reads it. kInvalid: what no registry takes.
Result<Reference> ParseReference(std::string_view text);

// "registry.example/churn" of "registry.example/churn:1", else as it is written; also of what is no
// name.
std::string WithoutTag(std::string_view text);

// Whether the name says a registry. "churn" and "team/churn" do not: they are names on an engine.
bool NamesRegistry(std::string_view text);

bool IsDigest(std::string_view text);  // "sha256:" and 64 lower-case hexadecimal digits
bool IsTag(std::string_view text);

}  // namespace busker::image
