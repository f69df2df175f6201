// What the parts of an attempt on a VM have in common (vm_attempt.cc, vm_asking.cc, vm_ending.cc,
// vm_removal.cc): the limits of their calls, and words for how they ended.
#pragma once

#include <cstdint>

#include "attempt/exit_record.h"
#include "base/result.h"
#include "base/time.h"

namespace busker::execute {

inline constexpr Milliseconds kCallLimit = std::chrono::seconds(20);
inline constexpr Milliseconds kFileLimit = std::chrono::minutes(5);
inline constexpr std::uint64_t kLogBytesMax = 8u << 20;  // of the head, and of the tail
inline constexpr std::uint64_t kSmallBytesMax = 1u << 20;
inline constexpr std::uint64_t kLogPartsAtOnceMax = 4;
inline constexpr char kConsoleFile[] = "console";

inline bool IsPassing(const Error& error) {
  return error.kind == ErrorKind::kTemporary || error.kind == ErrorKind::kTimedOut;
}

// After these a person has something to look at on the VM.
inline bool IsFailure(const attempt::ExitRecord& record) {
  using attempt::Ending;
  return record.ending != Ending::kSucceeded && record.ending != Ending::kCancelled &&
         record.ending != Ending::kPreempted && record.ending != Ending::kLost;
}

}  // namespace busker::execute
