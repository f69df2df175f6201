// What an attempt has to do with secrets: they are taken, given to the command, kept out of what is
// on record, and leave no trace.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attempt/order.h"
#include "base/result.h"
#include "io/file.h"
#include "runner/masker.h"
#include "runner/secret_folder.h"

namespace busker::runner {

class AttemptSecrets {
 public:
  // Takes what was handed over on standard input (attempt/handed_secrets.h), when the order names
  // any, and removes what an earlier runner of the attempt left. From then on nobody may look into
  // this process: no core, no debugger, nor /proc.
  AttemptSecrets(const attempt::Order& order, const io::fs::path& attempt_folder);
  ~AttemptSecrets();  // as Remove
  AttemptSecrets(const AttemptSecrets&) = delete;
  AttemptSecrets& operator=(const AttemptSecrets&) = delete;

  // The files are there, and the variables in `environment`, in place of others of their names. An
  // Error says why the command cannot be started: a secret is not set, for one.
  Result<void> Give(std::vector<std::string>& environment);

  // The files are gone.
  Result<void> Remove();

  // This process's oom_score_adj (runner/launch.h), opened before it was closed; -1: it was not.
  int oom_score() const { return oom_score_.get(); }

  // What must not be seen in anything that stems from the command. Empty without secrets.
  const Patterns& patterns() const { return patterns_; }

 private:
  Result<std::string> ValueOf(const attempt::SecretUse& use, const std::string& value);

  const std::vector<attempt::SecretUse> uses_;
  Result<std::vector<std::string>> values_;
  std::optional<SecretFolder> folder_;  // when there are secrets
  io::Descriptor oom_score_;
  Patterns patterns_;
};

}  // namespace busker::runner
