#include "io/boot.h"

#include "base/text.h"
#include "io/file.h"

namespace busker::io {

const std::string& BootId() {
  static const std::string id(
      Trim(ReadFile("/proc/sys/kernel/random/boot_id", 256).value_or(std::string())));
  return id;
}

}  // namespace busker::io
