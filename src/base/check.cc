#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace busker {

void CheckFailed(const char* file, int line, const char* condition, const char* why) {
  std::fprintf(stderr, "busker: bug at %s:%d: %s does not hold: %s\n", file, line, condition, why);
  std::abort();
}

}  // namespace busker
