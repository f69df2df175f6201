// A lock that any thread may wait for.
#pragma once

#include <thread>

#include "io/file.h"

namespace busker::io {

// Looks again each 20 ms: FileLock::Take is for a main thread alone. kTimedOut after `limit`.
inline Result<FileLock> WaitForLock(const fs::path& path, std::chrono::milliseconds limit) {
  constexpr std::chrono::milliseconds kPause{20};
  for (const auto end = std::chrono::steady_clock::now() + limit;;) {
    TRY_ASSIGN(auto lock, FileLock::TryTake(path));
    if (lock) return *std::move(lock);
    if (std::chrono::steady_clock::now() >= end) {
      return Fail(ErrorKind::kTimedOut, path.string() + " is locked by another program");
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace busker::io
