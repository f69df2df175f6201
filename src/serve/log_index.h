// A log as a page shows it, piece by piece: where its lines begin, and which ones hold a text. What
// is read is kept no longer than a block. A log may have a gigabyte.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace busker::serve {

// Bytes count from the begin of what the log shows: a line that tells of a cut is part of it.
struct LogIndex {
  using Place = std::pair<std::uint64_t, std::uint64_t>;  // a line, from 0, and its first byte
  std::uint64_t bytes = 0, lines = 0;                     // the last may have no end yet
  std::uint64_t cut = 0;                                  // bytes that were not kept
  std::vector<Place> marks;    // of the first line, and at the most each 1,024 lines or 64 KiB
  std::vector<Place> matches;  // the first 2,000
  std::uint64_t matched = 0;   // lines, all of them
};

// `part` empty: nothing is searched. Letters of ASCII match large and small.
Result<LogIndex> IndexLog(const io::fs::path& attempt_folder, const std::string& part);

// The same without a search, of logs that are looked at again and again: what is known of the
// newest 32 is kept, and only what came since is read. Any thread.
class LogIndexes {
 public:
  LogIndexes();
  ~LogIndexes();
  Result<LogIndex> Of(const io::fs::path& attempt_folder);

 private:
  struct Known;
  std::shared_ptr<Known> Take(const std::string& folder);

  std::mutex mutex_;
  std::list<std::shared_ptr<Known>> known_;  // the one asked for last first
};

}  // namespace busker::serve
