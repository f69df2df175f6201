#include "cloud/credentials.h"

namespace busker::cloud {
namespace {

constexpr char kBearer[] = "Bearer ";
constexpr Milliseconds kLookAgain{100};  // whether the token is still wanted

}  // namespace

Result<std::string> Credentials::Authorization(const io::Interrupt& interrupt) {
  if (!source_) return std::string();
  std::unique_lock lock(mutex_);
  while (is_fetching_) {
    TRY(io::CheckStillWanted(interrupt));
    fetched_.wait_for(lock, kLookAgain);
  }
  const auto needed_until = std::chrono::steady_clock::now() + kSpare;
  if (!token_.text.empty() && token_.good_until >= needed_until) return kBearer + token_.text;
  is_fetching_ = true;
  lock.unlock();
  auto token = source_(interrupt);
  lock.lock();
  is_fetching_ = false;
  fetched_.notify_all();
  if (!token) return tl::unexpected(std::move(token).error());
  token_ = *std::move(token);
  return kBearer + token_.text;
}

bool Credentials::Refuse(const std::string& authorization) {
  if (!source_ || authorization.empty()) return false;
  const std::lock_guard lock(mutex_);
  if (kBearer + token_.text == authorization) token_ = {};
  return true;
}

}  // namespace busker::cloud
