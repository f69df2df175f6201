// The record for those who only read, and so need not ask the conductor: connections of their own.
// One thread uses one at a time, and they are kept for the next.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "record/open.h"

namespace busker::record {

// Any thread.
class Readers {
 public:
  // What is at `url` is opened when somebody reads.
  explicit Readers(std::string url) : url_(std::move(url)) {}

  // Calls use(record) with one that nobody else has, and returns what it returns, a Result<...>.
  template <typename Use>
  auto With(const Use& use) -> decltype(use(std::declval<Record&>())) {
    TRY_ASSIGN(std::unique_ptr<Record> record, Take());
    auto result = use(*record);
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(record));
    return result;
  }

 private:
  Result<std::unique_ptr<Record>> Take() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        auto record = std::move(free_.back());
        free_.pop_back();
        return record;
      }
    }
    return OpenRecord(url_);
  }

  const std::string url_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Record>> free_;  // never more than there are threads
};

}  // namespace busker::record
