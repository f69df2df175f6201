#include "base/text.h"
#include "io/subprocess.h"
#include "prepare/action_run.h"

namespace busker::prepare {
namespace {

constexpr auto kLimit = std::chrono::seconds(5);

bool IsInRepository(io::fs::path folder) {
  std::error_code error;
  for (;; folder = folder.parent_path()) {
    if (io::fs::exists(folder / ".git", error)) return true;
    if (folder == folder.parent_path()) return false;
  }
}

}  // namespace

std::string SourceCommit(const std::string& folder, const std::vector<std::string>& environment) {
  if (!IsInRepository(folder)) return {};
  const auto git = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"git", "-C", folder});
    return io::RunAndCapture({std::move(words), environment, {}}, kLimit);
  };
  const auto head = git({"rev-parse", "--verify", "--quiet", "HEAD"});
  if (!head || head->exit_code != 0) return {};
  const auto changed = git({"diff", "--quiet", "HEAD", "--", "."});
  const bool dirty = !changed || changed->exit_code != 0;
  return std::string(Trim(head->output)) + (dirty ? "-dirty" : "");
}

}  // namespace busker::prepare
