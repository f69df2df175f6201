#include "runner/console.h"

#include <cstdio>

#include "base/text.h"

namespace busker::runner {

void Say(const std::string& line) {
  std::printf("busker: %s\n", Printable(line).c_str());
  (void)std::fflush(stdout);
}

}  // namespace busker::runner
