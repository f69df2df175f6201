#include "access/known_tokens.h"

#include <sys/stat.h>

#include <ctime>

#include "access/secret_text.h"

namespace busker::access {
namespace {

// A file system tells times apart by some milliseconds: a file younger than this could change again
// and look the same.
constexpr std::int64_t kSettledNanoseconds = 100'000'000;

}  // namespace

std::optional<KnownTokens::Stamp> KnownTokens::StampOf(const io::fs::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return std::nullopt;
  const auto nanoseconds = [](const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  return Stamp{info.st_dev,
               info.st_ino,
               info.st_mode,
               info.st_uid,
               static_cast<std::uint64_t>(info.st_size),
               nanoseconds(info.st_mtim),
               nanoseconds(info.st_ctim)};
}

Result<KnownTokens::Tokens> KnownTokens::Read() {
  const auto stamp = StampOf(path_);
  {
    const std::lock_guard lock(mutex_);
    if (stamp && stamp == stamp_) return tokens_;
  }
  ++reads_;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  TRY_ASSIGN(std::vector<Token> read, file_.Read());
  auto tokens = std::make_shared<const std::vector<Token>>(std::move(read));
  const std::int64_t age =
      stamp ? std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec - stamp->changed : 0;
  const std::lock_guard lock(mutex_);
  // What was read may be newer than the stamp, which then fits no more, and never older.
  stamp_ = age > kSettledNanoseconds ? stamp : std::nullopt;
  tokens_ = tokens;
  return tokens;
}

// Every token is looked at, whichever it is.
Result<std::optional<Caller>> KnownTokens::Find(const std::string& sha256) {
  TRY_ASSIGN(const Tokens tokens, Read());
  std::optional<Caller> found;
  for (const Token& token : *tokens) {
    if (SameSecret(token.sha256, sha256)) found = Caller{token.name, token.scope, token.confines};
  }
  return found;
}

}  // namespace busker::access
