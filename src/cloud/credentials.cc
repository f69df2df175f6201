#include "cloud/credentials.h"

namespace busker::cloud {
namespace {

constexpr char kBearer[] = "Bearer ";

}  // namespace

Result<std::string> Credentials::Authorization(const io::Interrupt& interrupt) {
  if (!source_) return std::string();
  std::unique_lock lock(mutex_, std::defer_lock);
  while (!lock.try_lock_for(std::chrono::milliseconds(100))) {
    TRY(io::CheckStillWanted(interrupt));
  }
  const auto needed_until = std::chrono::steady_clock::now() + kSpare;
  if (token_.text.empty() || token_.good_until < needed_until) {
    TRY_ASSIGN(token_, source_(interrupt));
  }
  return kBearer + token_.text;
}

bool Credentials::Refuse(const std::string& authorization) {
  if (!source_ || authorization.empty()) return false;
  const std::lock_guard lock(mutex_);
  if (kBearer + token_.text == authorization) token_ = {};
  return true;
}

}  // namespace busker::cloud
