#include "image/programs.h"

#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "io/subprocess.h"

namespace busker::image {
namespace {

constexpr std::chrono::seconds kLookLimit{30};
constexpr std::chrono::hours kRunLimit{6};
constexpr off_t kShownBytesMax = 16'384;  // of what a silent run printed before it failed

void ShowEndOf(int file) {
  const off_t size = lseek(file, 0, SEEK_END);
  std::string end(static_cast<std::size_t>(std::clamp<off_t>(size, 0, kShownBytesMax)), '\0');
  const ssize_t count = pread(file, end.data(), end.size(), size - std::ssize(end));
  if (count > 0) std::fwrite(end.data(), 1, static_cast<std::size_t>(count), stderr);
}

}  // namespace

bool Works(const std::vector<std::string>& words, const std::vector<std::string>& environment) {
  const auto said = io::RunAndCapture({words, environment, {}}, kLookLimit);
  return said && said->exit_code == 0;
}

Result<void> Run(std::vector<std::string> words, const std::vector<std::string>& environment,
                 const Say& say, const io::Interrupt& interrupt) {
  const std::string line = Join(words, " ");
  say(line);
  const io::Descriptor kept(say.is_silent() ? memfd_create("output", MFD_CLOEXEC) : -1);
  if (say.is_silent() && !kept.valid()) return SystemError("make a file in memory", errno);
  TRY_ASSIGN(const int code,
             io::RunAndShow({std::move(words), environment, {}}, io::Within(kRunLimit, interrupt),
                            kept.valid() ? kept.get() : STDERR_FILENO));
  if (code == 0) return {};
  if (kept.valid()) ShowEndOf(kept.get());
  return Failed(fmt::format("{} ended with exit code {}", line, code));
}

}  // namespace busker::image
