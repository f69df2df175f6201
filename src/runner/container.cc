#include "runner/container.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "attempt/folder.h"
#include "attempt/handed_secrets.h"

namespace busker::runner {

Result<void> SettleIn(const io::fs::path& attempt_folder) {
  const io::fs::path errors = attempt_folder / attempt::kErrorFile;
  const io::Descriptor file(
      ::open(errors.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return SystemError("write " + errors.string(), errno);
  if (dup2(file.get(), STDERR_FILENO) < 0) return SystemError("write " + errors.string(), errno);
  std::error_code error;
  if (!io::fs::exists(attempt::kSecretsInContainer, error)) return {};
  return attempt::TakeOverFrom(attempt::kSecretsInContainer, STDIN_FILENO);
}

}  // namespace busker::runner
