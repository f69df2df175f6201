// The record for those who only read, and so need not ask the conductor: a connection of their own.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/result.h"
#include "record/record.h"

namespace busker::daemon {

class RecordReader {
 public:
  // `file` is opened when somebody reads.
  explicit RecordReader(std::string file) : file_(std::move(file)) {}

  // Calls use(record), and returns what it returns, a Result<...>. Any thread, one at a time.
  template <typename Use>
  auto With(const Use& use) -> decltype(use(std::declval<record::Record&>())) {
    const std::lock_guard lock(mutex_);
    if (record_ == nullptr) {
      TRY_ASSIGN(record_, record::OpenSqliteRecord(file_, false));
    }
    return use(*record_);
  }

 private:
  const std::string file_;
  std::mutex mutex_;
  std::unique_ptr<record::Record> record_;
};

}  // namespace busker::daemon
