// The folder of a service as it goes into an image.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/tree.h"
#include "io/interrupt.h"

namespace busker::image {

struct ServiceTree {
  Tree tree;
  std::uint64_t files = 0, bytes = 0;
  std::vector<std::string> left_out;  // what the rules name, the topmost of each, sorted
};

// All of `folder` but what the rules leave out (ignore_rules.h; the folder's own .dockerignore is
// read) and busker's `home` (which need not exist), below `inside` ("service"). kInvalid, naming
// it: a socket, a device, a name that is not UTF-8, a link that leads out; a folder that is the
// home.
Result<ServiceTree> ReadServiceTree(const io::fs::path& folder, const std::string& inside,
                                    const io::fs::path& home, const io::Interrupt& interrupt);

}  // namespace busker::image
