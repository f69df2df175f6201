// The attempts that this busker has begun in containers and not tidied up after, whichever engine
// they are at: two places may lead to one engine, and all have one folder of secrets. What is among
// them was not left by an earlier busker, and no sweep ends it.
#pragma once

#include <algorithm>
#include <mutex>
#include <set>

#include "attempt/name.h"

namespace busker::execute {

// Any thread.
class BegunAttempts {
 public:
  void Add(const attempt::Name& name) {
    const std::lock_guard lock(mutex_);
    names_.insert(name);
  }
  void Remove(const attempt::Name& name) {
    const std::lock_guard lock(mutex_);
    names_.erase(name);
  }
  template <typename Is>
  bool HasOneThat(const Is& is) const {
    const std::lock_guard lock(mutex_);
    return std::any_of(names_.begin(), names_.end(), is);
  }

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::set<attempt::Name> names_;
};

}  // namespace busker::execute
