#include "dispatch/record_file.h"

#include <fmt/core.h>

#include <algorithm>

namespace busker::dispatch {
namespace {

namespace fs = io::fs;

bool HasFolder(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    const bool hidden = entry->path().filename().string().starts_with('.');
    if (!hidden && entry->is_directory(ignored)) return true;
  }
  return false;
}

// What is there only after a record was: its name, or an empty text.
std::string TraceIn(const home::Home& home) {
  for (const fs::path& folder :
       {home.RunsFolder(), home.ArtifactsFolder(), home.WarehouseFolder()}) {
    if (HasFolder(folder)) return folder.filename().string() + "/";
  }
  std::error_code error;
  return fs::exists(home.InstanceFile(), error) ? home.InstanceFile().filename().string() : "";
}

bool IsThere(const fs::path& file) {
  std::error_code error;
  return fs::symlink_status(file, error).type() != fs::file_type::not_found;
}

tl::unexpected<Error> Lost(const home::Home& home, const std::string& how,
                           const std::string& trace) {
  return Unusable(
      fmt::format("the record {} is {}, although {} beside it is not: restore it from a backup, or "
                  "move what is left away to begin anew (docs/backup.md)",
                  home.RecordFile().string(), how, trace));
}

// Of a file that is there. SQLite takes one of less than a header for a new one.
bool IsEmpty(const home::Home& home) {
  constexpr std::uintmax_t kHeaderBytes = 100;
  std::error_code error;
  const std::uintmax_t size = fs::file_size(home.RecordFile(), error);
  return !error && size < kHeaderBytes;
}

Result<void> CheckThere(const home::Home& home) {
  const std::string trace = TraceIn(home);
  const bool is_there = IsThere(home.RecordFile());
  if (!trace.empty() && !is_there) return Lost(home, "missing", trace);
  if (!trace.empty() && IsEmpty(home)) return Lost(home, "empty", trace);
  if (is_there && !IsEmpty(home)) return {};
  return NotFound(fmt::format("nothing was run yet in {}; busker run ACTION runs something",
                              home.folder.parent_path().string()));
}

}  // namespace

bool WasUsed(const home::Home& home) {
  return (IsThere(home.RecordFile()) && !IsEmpty(home)) || !TraceIn(home).empty();
}

Result<std::unique_ptr<record::Record>> OpenRecord(const home::Home& home) {
  TRY(CheckThere(home));
  // One that its first owner is just making is laid out by whoever comes first.
  return record::OpenRecord(home.RecordUrl(), {TraceIn(home).empty(), false});
}

Result<std::unique_ptr<record::Record>> OpenOrMakeRecord(const home::Home& home, bool stays) {
  const bool is_new = TraceIn(home).empty();
  if (!is_new) TRY(CheckThere(home));
  return record::OpenRecord(home.RecordUrl(), {is_new, stays});
}

}  // namespace busker::dispatch
