// A lock of the warehouse, which any thread may wait for.
#pragma once

#include <thread>

#include "io/file.h"

namespace busker::deliver {

// Looks again each 20 ms: io::FileLock::Take is for a main thread alone. kTimedOut after `limit`.
inline Result<io::FileLock> TakeLock(const io::fs::path& path, Milliseconds limit) {
  constexpr Milliseconds kPause{20};
  for (const auto end = std::chrono::steady_clock::now() + limit;;) {
    TRY_ASSIGN(auto lock, io::FileLock::TryTake(path));
    if (lock) return *std::move(lock);
    if (std::chrono::steady_clock::now() >= end) {
      return Fail(ErrorKind::kTimedOut, path.string() + " is locked by another program");
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace busker::deliver
