#include "io/open_files.h"

#include <algorithm>
#include <cstdlib>

namespace busker::io {
namespace {

constexpr char kVariable[] = "BUSKER_OPEN_FILES";
constexpr rlim_t kOpenFilesMax = 65'536;

bool SetSoft(rlim_t soft) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  limit.rlim_cur = std::min(soft, limit.rlim_max);
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

}  // namespace

OpenFilesRaised::OpenFilesRaised() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kOpenFilesMax) return;
  if (SetSoft(kOpenFilesMax)) before_ = limit.rlim_cur;
}

OpenFilesRaised::~OpenFilesRaised() {
  if (before_ > 0) SetSoft(before_);
}

std::string OpenFilesRaised::Entry() const {
  return std::string(kVariable) + "=" + std::to_string(before_);
}

void RestoreOpenFiles() {
  const char* const before = std::getenv(kVariable);
  const rlim_t soft = before == nullptr ? 0 : std::strtoull(before, nullptr, 10);
  if (soft > 0) SetSoft(soft);
}

}  // namespace busker::io
