// The embedded warehouse: Parquet files in a folder, a log per table, and DuckDB to make and read
// them. Its tables' logs are what `_busker_deliveries` is elsewhere (table_log.h).
#pragma once

#include <memory>

#include "base/result.h"
#include "base/time.h"
#include "deliver/warehouse.h"
#include "io/file.h"

namespace busker::deliver {

// As OpenWarehouse has it, for an absolute folder.
Result<std::unique_ptr<Warehouse>> OpenEmbedded(const io::fs::path& folder,
                                                const io::fs::path& duckdb_library,
                                                Milliseconds wait_max);

}  // namespace busker::deliver
