// Which deliveries the rows of a table came with, for who looks at a row and wonders who wrote it.
// Of the embedded warehouse, straight from the parts that its tables are made of.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "deliver/warehouse.h"
#include "io/file.h"

namespace busker::deliver {

// A row as Warehouse::Query shows it: texts by column; nullopt: NULL. Columns may be left out.
using RowText = std::map<std::string, std::optional<std::string>>;

struct Origin {
  std::string delivery;
  std::uint64_t rows = 0;  // that are like that
};

// The deliveries that brought rows with these values, among those that the table consists of now,
// newest first. `warehouse`: its folder. kNotFound: there is no such table; kInvalid: it has no
// such column, or a value is none of its column's type, or no column is named.
Result<std::vector<Origin>> FindOrigins(const io::fs::path& warehouse,
                                        const io::fs::path& duckdb_library,
                                        const std::string& table, const RowText& row);

}  // namespace busker::deliver
