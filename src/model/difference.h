// What differs between two versions: what they were made from, with and for, and how good they are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "artifact/version.h"

namespace busker::model {

struct Difference {
  std::string what;                 // "source_commit", "package", "metric", ...
  std::string name;                 // of the package or metric; empty: there is one of that kind
  std::optional<std::string> a, b;  // none: that version has none
  bool is_number = false;           // both texts are numbers, exact

  bool operator==(const Difference&) const = default;
};

// In that order: data_date, source_commit, folder_commit, config_sha256, command, input, image,
// python, package (by name), metric (by name), runner_version. What is the same is left out.
std::vector<Difference> Differences(const artifact::Manifest& a, const artifact::Manifest& b);

// What both versions say of themselves, of commits, config, packages and metrics; in that order.
std::vector<std::string> KnownOfBoth(const artifact::Manifest& a, const artifact::Manifest& b);

}  // namespace busker::model
