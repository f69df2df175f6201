// Which versions nothing needs any more, by their age and by what refers to them.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "artifact/version.h"
#include "base/time.h"

namespace busker::model {

// `keys` of versions, and of all that went into them: inputs, and theirs.
std::set<std::string> WithInputs(std::set<std::string> keys,
                                 const std::vector<artifact::Manifest>& versions);

struct Retention {
  Instant saved_before{};  // what was saved later stays
  std::size_t newest = 0;  // so many of each action stay, whatever their age
};

// Those of `versions` that may go: too old, not among the newest of their action in their version
// of the service, and neither named by `needed`, a set of keys, nor an input of any that stays.
std::vector<artifact::Manifest> FindUnneeded(const std::vector<artifact::Manifest>& versions,
                                             const std::set<std::string>& needed,
                                             const Retention& retention);

}  // namespace busker::model
