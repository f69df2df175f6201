// The secrets of attempts in containers, on their way to the runners there: for each attempt a file
// in memory (attempt/handed_secrets.h), of this home and user alone, which is mounted.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "execute/executor.h"
#include "io/file.h"

namespace busker::execute {

// Any thread.
class ContainerSecrets {
 public:
  // `instance`: id of the home.
  explicit ContainerSecrets(const std::string& instance);

  // Of the container's name. Made with its folder, anew where it is there already.
  Result<void> Hand(const std::string& container, const std::vector<std::string>& secrets,
                    const Executor::SecretOf& secret_of) const;
  io::fs::path FileOf(const std::string& container) const { return folder_ / container; }

  // That there is none is fine.
  void Remove(const std::string& container) const;
  // All but those whose container's name `stays`.
  void Sweep(const std::function<bool(const std::string& container)>& stays) const;

 private:
  Result<void> MakeFolder() const;

  const io::fs::path folder_;
};

}  // namespace busker::execute
