#include "attempt/runner_copy.h"

#include <fmt/core.h>

#include <algorithm>

#include "attempt/remote.h"

namespace busker::attempt {
namespace {

constexpr std::size_t kSha256Letters = 64;

std::string FolderOfRunners() { return fmt::format("{}/runners", kRemoteRoot); }

bool IsRunnerKey(const std::string& key) {
  const std::string name = key.substr(key.rfind('/') + 1);
  return key == RunnerKeyOf(name) && name.size() == kSha256Letters &&
         name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// The same once more: who removes what it was does not remove what it is from now on.
Result<void> WriteAnew(artifact::Store& store, const std::string& key, const io::fs::path& runner,
                       const io::Interrupt& interrupt) {
  TRY_ASSIGN(const std::string bytes, io::ReadFile(runner));
  TRY_ASSIGN(const bool is_done, store.ReplaceText(key, bytes, bytes, interrupt));
  if (!is_done) return Temporary(key + " was changed by somebody else at that moment");
  return {};
}

}  // namespace

std::string RunnerKeyOf(const std::string& sha256) {
  return fmt::format("{}/{}", FolderOfRunners(), sha256);
}

Result<std::string> PutRunner(artifact::ClearableStore& store, const io::fs::path& runner,
                              Instant now, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const io::FileDigest digest, io::DigestFile(runner, interrupt));
  const std::string key = RunnerKeyOf(digest.sha256);
  TRY_ASSIGN(const auto copies, store.ListWritten(FolderOfRunners(), interrupt));
  const auto copy = std::find_if(copies.begin(), copies.end(),
                                 [&](const artifact::Written& one) { return one.key == key; });
  if (copy != copies.end()) {
    const auto whole = store.Verify(FolderOfRunners(), {{digest.sha256, digest}}, interrupt);
    if (whole && copy->at < now - kRunnerYoung) TRY(WriteAnew(store, key, runner, interrupt));
    if (whole) return digest.sha256;
    const bool is_damaged =
        whole.error().kind == ErrorKind::kNotFound || whole.error().kind == ErrorKind::kUnusable;
    if (!is_damaged) return tl::unexpected(whole.error());
  }
  TRY_ASSIGN(const io::FileDigest put, store.PutFile(key, runner, interrupt));
  if (put.sha256 != digest.sha256) {
    return Temporary(runner.string() + " was replaced by another at that moment");
  }
  return digest.sha256;
}

Result<std::vector<artifact::Written>> FindOldRunners(artifact::ClearableStore& store, Instant now,
                                                      const io::Interrupt& interrupt) {
  TRY_ASSIGN(auto copies, store.ListWritten(FolderOfRunners(), interrupt));
  std::erase_if(copies, [&](const artifact::Written& copy) {
    return !IsRunnerKey(copy.key) || copy.at >= now - kRunnerKept;
  });
  return copies;
}

}  // namespace busker::attempt
