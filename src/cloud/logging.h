// Cloud Logging: writing entries (logging/docs/reference/v2/rest/v2/entries/write).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cloud/google_access.h"
#include "cloud/log_severity.h"
#include "io/interrupt.h"

namespace busker::cloud {

inline constexpr char kLogScheme[] = "cloud-logging://";

// The project of "cloud-logging://PROJECT". kInvalid: the URL is of another scheme, has more than
// that, or PROJECT cannot be one.
Result<std::string> ProjectOfLog(const std::string& url);

struct LogEntry {
  std::string text;
  Instant at{};
  // Of two entries of a project with the same id and instant, queries show one.
  std::string id;
  Severity severity = Severity::kDefault;
};

// Entries of one log, in one request. Together they have at most 10 MiB as JSON.
struct LogEntries {
  std::string project, log;                   // "shop-1-training": what a URL cannot hold is coded
  std::map<std::string, std::string> labels;  // of each
  std::vector<LogEntry> entries;
};

// So long an entry's text may be, each byte counted as TextCost has it: the service takes 256 KiB
// of an entry, and the rest of it needs room, too.
inline constexpr std::size_t kTextCostMax = 240'000;

// What the byte may take as JSON, at most.
inline std::size_t TextCost(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  if (code < 0x20) return 6;
  return code >= 0x80 ? 3 : byte == '"' || byte == '\\' ? 2 : 1;
}

struct LogAnswer {
  std::size_t refused = 0;  // entries that are not written and never will be; the others are
  std::string why;          // the first was; empty: none
};

// One try; entries that were written by an earlier one are shown once, as their ids say. kTemporary
// and kTimedOut: it may succeed later; kNotFound and kFailed: once somebody has changed something
// there (a permission, the API of the project). `dry`: nothing is written, only looked whether it
// would be.
Result<LogAnswer> WriteEntries(const GoogleAccess& access, const LogEntries& entries,
                               const io::Interrupt& interrupt, bool dry = false);

}  // namespace busker::cloud
