// The folder of a service as it goes into an image.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/ignore_rules.h"
#include "image/tree.h"
#include "io/interrupt.h"

namespace busker::image {

struct ServiceTree {
  Tree tree;
  std::uint64_t files = 0, bytes = 0;
  std::vector<std::string> left_out;  // what the rules name, the topmost of each, sorted
};

// What of `folder` stays out of the image that Busker writes: the standard rules, then those of the
// .dockerignore of `context`, a folder above, where one is given, and of the folder's own.
Result<IgnoreRules> RulesOf(const io::fs::path& folder, const io::fs::path& context);

// All of `folder` but what its rules leave out, below `inside` ("service").
// Busker's `home` (which need not exist) and private paths are left out whatever the rules say.
// kInvalid, naming it: a socket, a device, a name that is not UTF-8, a link that leads out, a
// malformed rule; a folder that is the home.
Result<ServiceTree> ReadServiceTree(const io::fs::path& folder, const std::string& inside,
                                    const io::fs::path& home, const io::Interrupt& interrupt,
                                    const io::fs::path& context = {},
                                    const std::vector<io::fs::path>& private_paths = {});

}  // namespace busker::image
