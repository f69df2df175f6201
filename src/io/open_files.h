// How many files a process may have open at once. Who starts many runners needs one for each of
// them, beyond the soft limit that a shell gives (1,024); the commands are to have that one again,
// since programs that use select(2) rely on it.
#pragma once

#include <sys/resource.h>

#include <string>

namespace busker::io {

// While it lives, this process may open as many files as the system lets it, at most 65,536.
class OpenFilesRaised {
 public:
  OpenFilesRaised();
  ~OpenFilesRaised();  // as before
  OpenFilesRaised(const OpenFilesRaised&) = delete;
  OpenFilesRaised& operator=(const OpenFilesRaised&) = delete;

  // For the environment of a runner, by which it knows the limit of before.
  std::string Entry() const;

 private:
  rlim_t before_ = 0;  // 0: nothing was raised
};

// In the runner: the limit of before.
void RestoreOpenFiles();

}  // namespace busker::io
