// A folder that goes with whoever made it, and with what was put there.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "io/file.h"

namespace busker::io {

class TemporaryFolder {
 public:
  // Makes one, 0700, in `parent`, which is made when it is not there. What processes of this user
  // that were killed left of the same `stem` in there goes first; what one that lives has, stays.
  // Any thread and process.
  static Result<TemporaryFolder> Make(const fs::path& parent, std::string_view stem);
  // In the system's folder for such things (TMPDIR, else /tmp).
  static Result<TemporaryFolder> Make(std::string_view stem);

  // One that is not made yet: somebody makes it when it is needed, or nobody.
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}

  TemporaryFolder(TemporaryFolder&& other) noexcept
      : path_(std::exchange(other.path_, {})), held_(std::move(other.held_)) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    if (!path_.empty()) (void)RemoveTree(path_);
  }

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  Descriptor held_;  // locked: it is in use
};

}  // namespace busker::io
