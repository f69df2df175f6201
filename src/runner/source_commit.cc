#include "runner/source_commit.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "io/subprocess.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;
using Clock = std::chrono::steady_clock;

// The folder of the repository that `folder` is in; empty: none.
fs::path RepositoryOf(const fs::path& folder) {
  std::error_code error;
  for (fs::path above = fs::canonical(folder, error); !error; above = above.parent_path()) {
    if (fs::exists(fs::symlink_status(above / ".git", error))) return above;
    error.clear();  // one that may not be looked into has none
    if (above == above.parent_path()) break;
  }
  return {};
}

class Git {
 public:
  Git(const std::vector<std::string>& environment, Milliseconds limit)
      : until_(Clock::now() + limit) {
    for (const std::string& entry : environment) {
      if (entry.starts_with("PATH=") || entry.starts_with("HOME=")) environment_.push_back(entry);
    }
    // Nothing is written to the index, nothing fetched, nobody asked.
    environment_.insert(environment_.end(), {"GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1",
                                             "GIT_TERMINAL_PROMPT=0", "LC_ALL=C"});
  }

  // Of `folder`, with "-dirty" when something in it has changed; empty when it is at none.
  Result<std::string> CommitOf(const fs::path& folder) {
    TRY_ASSIGN(const auto head, Ask(folder, {}, {"rev-parse", "--verify", "--quiet", "HEAD"}));
    if (head.exit_code == 1) return std::string();  // nothing is committed yet
    if (head.exit_code != 0) {
      return Failed(std::string(Trim(head.errors.substr(0, head.errors.find('\n')))));
    }
    TRY_ASSIGN(const auto settings, WithoutFilters(folder));
    // Not `git diff`, which writes the index anew.
    TRY_ASSIGN(const auto status,
               Ask(folder, settings,
                   {"status", "--porcelain", "--untracked-files=no", "--no-renames", "--", "."}));
    const bool clean = status.exit_code == 0 && status.output.empty();
    return std::string(Trim(head.output)) + (clean ? "" : "-dirty");
  }

 private:
  // A file that looks changed is compared through the filters that the repository names, which are
  // programs (git-lfs is one). Without them such a file counts as changed.
  Result<std::vector<std::string>> WithoutFilters(const fs::path& folder) {
    TRY_ASSIGN(const auto filters,
               Ask(folder, {}, {"config", "--null", "--name-only", "--get-regexp", "^filter\\."}));
    std::vector<std::string> settings;
    for (const std::string& name : Split(filters.output, '\0')) {
      if (name.ends_with(".required")) settings.insert(settings.end(), {"-c", name + "=false"});
      if (name.ends_with(".clean") || name.ends_with(".process")) {
        settings.insert(settings.end(), {"-c", name + "="});
      }
    }
    return settings;
  }

  Result<io::Captured> Ask(const fs::path& folder, const std::vector<std::string>& settings,
                           const std::vector<std::string>& words) {
    std::vector<std::string> all = {"git",
                                    "-C",
                                    folder.string(),
                                    "-c",
                                    "core.fsmonitor=false",
                                    "-c",
                                    "core.hooksPath=/dev/null",
                                    "-c",
                                    "protocol.allow=never"};
    all.insert(all.end(), settings.begin(), settings.end());
    all.insert(all.end(), words.begin(), words.end());
    const auto left = std::chrono::duration_cast<Milliseconds>(until_ - Clock::now());
    return io::RunAndCapture({std::move(all), environment_, {}}, std::max(left, Milliseconds(0)));
  }

  const Clock::time_point until_;
  std::vector<std::string> environment_;
};

}  // namespace

Result<SourceCommits> FindSourceCommits(const fs::path& root,
                                        const std::vector<std::string>& environment,
                                        Milliseconds limit) {
  SourceCommits commits;
  const fs::path source = root / "source";
  const fs::path of_folder = RepositoryOf(root);
  const fs::path of_source = RepositoryOf(source);
  if (of_folder.empty() && of_source.empty()) return commits;
  Git git(environment, limit);
  if (!of_folder.empty()) {
    TRY_ASSIGN(commits.folder, git.CommitOf(root));
  }
  commits.source = commits.folder;
  if (!of_source.empty() && of_source != of_folder) {
    TRY_ASSIGN(commits.source, git.CommitOf(source));
  }
  return commits;
}

}  // namespace busker::runner
