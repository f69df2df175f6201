// CHECK(condition, "why it must hold"): a bug in Busker ends the program at once, in every build.
#pragma once

namespace busker {

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition, const char* why);

}  // namespace busker

#define CHECK(condition, why)                                                     \
  do {                                                                            \
    if (!(condition)) ::busker::CheckFailed(__FILE__, __LINE__, #condition, why); \
  } while (false)
