// Finding the runner of an attempt, by the lock that it holds.
#include "attempt/folder.h"
#include "execute/process_executor.h"
#include "io/subprocess.h"

namespace busker::execute {

Result<std::optional<LivingRunner>> FindRunner(const io::fs::path& attempt_folder) {
  const io::fs::path path = attempt_folder / attempt::kLockFile;
  const auto text = io::ReadFile(path, 64 << 10);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!text) return tl::unexpected(text.error());
  const pid_t process = attempt::HolderIn(*text);
  LivingRunner runner{process > 0 ? io::OpenProcess(process) : io::Descriptor(), process};
  // Only now ask for the lock: while it is held, its holder lives and the pidfd is the holder's,
  // for the id it wrote cannot have gone to another process.
  TRY_ASSIGN(const auto lock, io::FileLock::TryTake(path));
  if (lock) return std::nullopt;
  if (!runner.pidfd.valid()) {
    return Temporary("the attempt in " + attempt_folder.string() + " is just starting");
  }
  return runner;
}

}  // namespace busker::execute
