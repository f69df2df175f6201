// Connections to the record for those who answer requests: one thread uses one at a time, and they
// are kept for the next.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "record/record.h"

namespace busker::serve {

class Records {
 public:
  explicit Records(std::string path) : path_(std::move(path)) {}

  // Calls use(record) with one that nobody else has, and returns what it returns.
  template <typename Use>
  auto With(const Use& use) -> decltype(use(std::declval<record::Record&>())) {
    TRY_ASSIGN(std::unique_ptr<record::Record> record, Take());
    auto result = use(*record);
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(record));
    return result;
  }

 private:
  Result<std::unique_ptr<record::Record>> Take() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        auto record = std::move(free_.back());
        free_.pop_back();
        return record;
      }
    }
    return record::OpenSqliteRecord(path_, false);
  }

  const std::string path_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<record::Record>> free_;  // never more than there are threads
};

}  // namespace busker::serve
