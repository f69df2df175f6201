// Making the rows by key of a part (row_index.h) from its Parquet file.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "deliver/duckdb_session.h"
#include "deliver/warehouse.h"
#include "io/digest.h"
#include "io/file.h"

namespace busker::deliver {

inline constexpr std::size_t kKeyColumnsMax = 16;

// That `key` names columns of these, once each, whose types can be of a key. A column without a
// type is any. kInvalid names the first that does not, with the remedy.
Result<void> CheckKey(const std::vector<std::string>& key, const std::vector<Column>& columns);

// What is made into rows by key, and how it is named.
struct PartToKey {
  io::fs::path parquet;
  std::string delivery;
  std::vector<Column> columns;  // of the file
  std::vector<std::string> key;
  std::uint64_t rows = 0;
};

// Writes `target`, a new file, durably but for its name. The same part gives the same bytes.
// kInvalid: a row has no value in a column of the key, or two have the same; it names the rows and
// the key.
Result<io::FileDigest> WriteRowsByKey(Session& session, const PartToKey& part,
                                      const io::fs::path& target);

}  // namespace busker::deliver
