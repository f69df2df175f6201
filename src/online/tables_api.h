// The rows of tables by key: the predictions that batch runs delivered, without a model being
// asked.
//
//   GET  /v1/tables/SCHEMA.TABLE/rows?customer_id=X[&as_of=2026-11-01]
//        {"rows": [{...}], "delivery", "model_version", "data_date", "age_seconds"}
//   POST /v1/tables/SCHEMA.TABLE/rows   {"keys": [{"customer_id": "X"}, ...], "as_of":
//   "2026-11-01"}
//        {"results": [as above, ...]}, in the order of the keys; one that there is no row of has
//        {"rows": []}
//
// 404: no such table, or (GET) no row of the key; 400: other columns than the key's, which are
// named; 503: older than max_age, with the age, or a file is damaged. All keys of a request see one
// state of the table.
#pragma once

#include <cstddef>
#include <string>

#include "deliver/table_rows.h"
#include "online/route.h"

namespace busker::online {

inline constexpr std::size_t kKeysMax = 1000;
inline constexpr std::size_t kKeysBytesMax = 1 << 20;

// Whose tables are answered from: those that only `service` delivers; empty: all.
struct TablesServed {
  deliver::TableReader& reader;  // outlives the routes
  std::string service = {};
};

// Who is confined to services sees the tables that only they deliver.
void AddTableRoutes(Routes& routes, const TablesServed& tables);

}  // namespace busker::online
