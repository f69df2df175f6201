#include "cloud/credentials.h"

namespace busker::cloud {
namespace {

constexpr char kBearer[] = "Bearer ";

}  // namespace

Result<std::string> Credentials::Authorization(const io::Interrupt& interrupt) {
  if (!source_) return std::string();
  std::unique_lock fetching(fetching_, std::defer_lock);
  while (!fetching.try_lock_for(std::chrono::milliseconds(100))) {
    TRY(io::CheckStillWanted(interrupt));
  }
  const auto needed_until = std::chrono::steady_clock::now() + kSpare;
  {
    const std::lock_guard lock(mutex_);
    if (!token_.text.empty() && token_.good_until >= needed_until) return kBearer + token_.text;
  }
  TRY_ASSIGN(BearerToken fetched, source_(interrupt));
  const std::lock_guard lock(mutex_);
  token_ = std::move(fetched);
  return kBearer + token_.text;
}

bool Credentials::Refuse(const std::string& authorization) {
  if (!source_ || authorization.empty()) return false;
  const std::lock_guard lock(mutex_);
  if (kBearer + token_.text == authorization) token_ = {};
  return true;
}

}  // namespace busker::cloud
