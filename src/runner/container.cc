#include "runner/container.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>

#include "attempt/folder.h"
#include "attempt/handed_secrets.h"

namespace busker::runner {
namespace {

constexpr char kUsualRoot[] = "/service";

}  // namespace

Result<void> SettleIn(const io::fs::path& attempt_folder) {
  const io::fs::path errors = attempt_folder / attempt::kErrorFile;
  const io::Descriptor file(
      ::open(errors.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return SystemError("write " + errors.string(), errno);
  if (dup2(file.get(), STDERR_FILENO) < 0) return SystemError("write " + errors.string(), errno);
  std::error_code error;
  if (!io::fs::exists(attempt::kSecretsInContainer, error)) return {};
  return attempt::TakeOverFrom(attempt::kSecretsInContainer, STDIN_FILENO);
}

namespace {

void PutRoot(const std::string& root, std::string& text) {
  constexpr std::string_view kRoot = attempt::kRootOfImage;
  for (auto at = text.find(kRoot); at != std::string::npos; at = text.find(kRoot, at)) {
    text.replace(at, kRoot.size(), root);
    at += root.size();
  }
}

}  // namespace

Result<void> FindRootInImage(const io::fs::path& working_directory, attempt::Order& order,
                             const io::fs::path& within) {
  const auto holds = [&](const io::fs::path& folder) {
    std::error_code error;  // what cannot be looked at is not there
    const io::fs::path wanted = order.config.empty() ? "configs" : order.config;
    return io::fs::exists(within / folder.relative_path() / wanted, error);
  };
  std::error_code error;
  const bool has_other = working_directory.is_absolute() && working_directory != "/" &&
                         working_directory != kUsualRoot;
  io::fs::path root = kUsualRoot;
  if (!holds(root) && has_other && holds(working_directory)) {
    root = working_directory;
  } else if (!io::fs::is_directory(within / root.relative_path(), error)) {
    return NotFound(fmt::format(
        "the image has no folder {}{}; copy the service's folder there, or make the folder that it "
        "is in the image's WORKDIR",
        kUsualRoot,
        has_other
            ? fmt::format(", and its working directory, {}, has no {}", working_directory.string(),
                          order.config.empty() ? "configs" : order.config)
            : ""));
  }
  const std::string put = (within / root.relative_path()).string();
  if (faccessat(AT_FDCWD, put.c_str(), R_OK | X_OK, AT_EACCESS) != 0 && errno == EACCES) {
    return Invalid(fmt::format(
        "the program runs as user {}, who may not read {} in the image; let everybody read it: RUN "
        "chmod -R a+rX {}",
        geteuid(), root.string(), root.string()));
  }
  PutRoot(put, order.root);
  for (std::string& word : order.command) PutRoot(put, word);
  for (std::string& entry : order.environment) PutRoot(put, entry);
  for (auto& [_, value] : order.placeholders) PutRoot(put, value);
  return {};
}

}  // namespace busker::runner
