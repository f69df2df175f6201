// The working folder of bare tasks: one for each runner that waits for orders, empty again before
// each attempt. Making and removing one per attempt costs more than all else that is written for
// it, and on ext4 each removed folder makes the next files dearer.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/result.h"
#include "io/file.h"

namespace busker::attempt {

class Scratch {
 public:
  // That of `process`, for attempts in attempts_folder/RUN/TASK.NUMBER. Nothing is made yet.
  Scratch(const io::fs::path& attempts_folder, pid_t process);
  const io::fs::path& path() const { return path_; }

  // It is there, as this made it, and empty if Clear or MoveTo was called after its last use.
  Result<void> MakeReady();

  // What a command left in it: gone, or kept as `to` for a person to look at. When it is empty
  // nothing happens.
  void Clear();
  void MoveTo(const io::fs::path& to);

  // Its runner ends, or has ended.
  void Remove();

  // Removes those of runners that live no more.
  static void RemoveOfTheDead(const io::fs::path& attempts_folder);

 private:
  io::fs::path path_;
  std::optional<ino_t> made_;
};

}  // namespace busker::attempt
