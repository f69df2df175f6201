// The only file that knows which records there are.
#include "record/open.h"

#include "record/sqlite_record.h"

namespace busker::record {

Result<std::unique_ptr<Record>> OpenRecord(const std::string& url, const Opening& opening) {
  constexpr std::string_view kSqlite = "sqlite://";
  if (url.starts_with(kSqlite) && url.substr(kSqlite.size()).starts_with('/')) {
    return OpenSqliteRecord(url.substr(kSqlite.size()), opening.make, opening.stays);
  }
  // What stands behind the scheme may hold a password.
  const auto end = url.find("://");
  const std::string shown = end == std::string::npos ? url : url.substr(0, end) + "://...";
  return Invalid("\"" + shown + "\" is not a record; this version of Busker has sqlite:///FILE");
}

}  // namespace busker::record
