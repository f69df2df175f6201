// Where the command finds its secrets as files: a folder in memory, of its attempt alone.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file.h"

namespace busker::runner {

// Not $XDG_RUNTIME_DIR: another process, which may be started in another way, must find the same
// folder, and that one goes when its user logs out.
inline constexpr char kSecretsPlace[] = "/dev/shm";

// The name in the place is random: one that others could tell beforehand they could take. It is
// noted in the attempt's folder, for the runner that comes after one that was killed.
class SecretFolder {
 public:
  // That of the attempt, whose folder is there. Nothing is made.
  explicit SecretFolder(const io::fs::path& attempt_folder,
                        const io::fs::path& place = kSecretsPlace);

  // Empty when none was made, or it was removed.
  const io::fs::path& path() const { return path_; }

  // Makes it anew, mode 0700. Refuses a place that is not in memory.
  Result<void> Make();
  // A file of mode 0400 in it; returns its path. A second time with one name changes nothing.
  Result<io::fs::path> Put(const std::string& name, std::string_view value) const;
  // With all that is in it. That it is not there is fine.
  Result<void> Remove();

 private:
  io::fs::path place_, note_, path_;
};

inline constexpr char kSecretsNote[] = "secrets";  // in the attempt's folder: the name

}  // namespace busker::runner
