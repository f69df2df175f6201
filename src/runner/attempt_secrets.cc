#include "runner/attempt_secrets.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/prctl.h>

#include <algorithm>
#include <set>

#include "attempt/handed_secrets.h"
#include "runner/secret_forms.h"

namespace busker::runner {
namespace {

Patterns PatternsOf(const std::vector<std::string>& values) {
  std::vector<std::string> all;
  for (const std::string& value : std::set<std::string>(values.begin(), values.end())) {
    for (std::string& form : FormsOf(value)) all.push_back(std::move(form));
  }
  return Patterns(all);
}

bool Sets(const std::string& entry, const std::string& variable) {
  return entry.size() > variable.size() && entry[variable.size()] == '=' &&
         entry.starts_with(variable);
}

}  // namespace

AttemptSecrets::AttemptSecrets(const attempt::Order& order, const io::fs::path& attempt_folder)
    : uses_(order.secrets) {
  if (uses_.empty()) return;
  if (auto file = io::Open("/proc/self/oom_score_adj", O_WRONLY)) oom_score_ = *std::move(file);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  folder_.emplace(attempt_folder);
  (void)folder_->Remove();
  values_ = attempt::TakeHanded(0, uses_.size());
  if (values_) patterns_ = PatternsOf(*values_);
}

AttemptSecrets::~AttemptSecrets() {
  (void)Remove();
  if (!values_) return;
  for (std::string& value : *values_) attempt::Wipe(value);
}

Result<void> AttemptSecrets::Give(std::vector<std::string>& environment) {
  if (uses_.empty()) return {};
  if (!values_) return tl::unexpected(values_.error());
  const bool files = std::any_of(uses_.begin(), uses_.end(),
                                 [](const attempt::SecretUse& use) { return !use.as_environment; });
  if (files) TRY(folder_->Make());
  for (std::size_t i = 0; i < uses_.size(); ++i) {
    TRY_ASSIGN(const std::string value, ValueOf(uses_[i], (*values_)[i]));
    const std::string& variable = uses_[i].variable;
    std::erase_if(environment, [&](const std::string& entry) { return Sets(entry, variable); });
    environment.push_back(variable + "=" + value);
  }
  return {};
}

// What the variable is to hold.
Result<std::string> AttemptSecrets::ValueOf(const attempt::SecretUse& use,
                                            const std::string& value) {
  if (!use.as_environment) {
    TRY_ASSIGN(const io::fs::path path, folder_->Put(use.name, value));
    return path.string();
  }
  if (value.find('\0') == std::string::npos) return value;
  return Failed(
      fmt::format("secret \"{}\" has a NUL byte, which no environment variable can hold; "
                  "take it as a file",
                  use.name));
}

Result<void> AttemptSecrets::Remove() {
  if (!folder_) return {};
  return folder_->Remove();
}

}  // namespace busker::runner
