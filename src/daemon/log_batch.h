// The lines that come next in the log of an attempt, as they are copied to another place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cloud/logging.h"
#include "io/file.h"

namespace busker::daemon {

struct LogLine {
  // Of the output, where it begins: a line is always the same one, whenever it is read.
  std::uint64_t offset = 0;
  std::string text;        // without the line end
  bool tells_cut = false;  // it stands for what was cut there
};

struct LogBatch {
  std::vector<LogLine> lines;  // those that hold nothing are left out
  std::uint64_t end = 0;       // of the output, where the next batch begins
  bool at_end = false;         // there was no more at that moment
};

// About 1 MiB of the log of the attempt in `folder` from `from` on, cut into lines, and those into
// pieces of cloud::kTextCostMax. `from` and `end` are where batches of it began and ended. A line
// that has no end yet is left for later, but for one that will get none: `is_over`, nothing more is
// written. A log that was begun anew, and is not that long any more, is read from its start.
//
// `end`: of a batch that was read before; it is the same one now, but for what was cut away since.
Result<LogBatch> ReadLogBatch(const io::fs::path& folder, std::uint64_t from, bool is_over,
                              std::optional<std::uint64_t> end = std::nullopt);

// The instant until which the log was written, at the latest: of that batch. None: it is not known.
std::optional<Instant> WrittenUntil(const io::fs::path& folder, const LogBatch& batch);

}  // namespace busker::daemon
