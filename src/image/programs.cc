#include "image/programs.h"

#include <fmt/core.h>

#include "base/text.h"
#include "io/subprocess.h"

namespace busker::image {
namespace {

constexpr std::chrono::seconds kLookLimit{30};
constexpr std::chrono::hours kRunLimit{6};

}  // namespace

bool Works(const std::vector<std::string>& words, const std::vector<std::string>& environment) {
  const auto said = io::RunAndCapture({words, environment, {}}, kLookLimit);
  return said && said->exit_code == 0;
}

Result<void> Run(std::vector<std::string> words, const std::vector<std::string>& environment,
                 const Say& say, const io::Interrupt& interrupt) {
  const std::string line = Join(words, " ");
  say(line);
  TRY_ASSIGN(const int code,
             io::RunAndShow({std::move(words), environment, {}}, io::Within(kRunLimit, interrupt)));
  if (code == 0) return {};
  return Failed(fmt::format("{} ended with exit code {}", line, code));
}

}  // namespace busker::image
