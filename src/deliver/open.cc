// The only file that knows which warehouses there are.
#include "base/text.h"
#include "deliver/bigquery_warehouse.h"
#include "deliver/embedded_warehouse.h"
#include "deliver/table_rows.h"
#include "deliver/warehouse.h"

namespace busker::deliver {
namespace {

constexpr std::string_view kEmbedded = "embedded://", kBigQuery = "bigquery://";

bool IsEmbedded(const std::string& url) { return url.starts_with(std::string(kEmbedded) + "/"); }

}  // namespace

Result<void> CheckWarehouseUrl(const std::string& url) {
  if (IsEmbedded(url)) return {};
  if (url.starts_with(kBigQuery)) return ParseBigQueryUrl(url).map([](const auto&) {});
  return Invalid("\"" + Printable(url) +
                 "\" is not a warehouse; there is embedded:///FOLDER and bigquery://PROJECT");
}

Result<void> CheckWarehouseTakesFrom(const std::string& url, const std::string& store_url) {
  if (!url.starts_with(kBigQuery) || store_url.starts_with("gs://")) return {};
  return Invalid(
      "BigQuery loads from Cloud Storage alone; let artifacts be in a bucket: artifacts = "
      "\"gs://BUCKET\"");
}

std::optional<io::fs::path> FolderOfWarehouse(const std::string& url) {
  if (!IsEmbedded(url)) return std::nullopt;
  return io::fs::path(url.substr(kEmbedded.size()));
}

Result<void> CheckWarehouseTakesKeys(const std::string& url) {
  if (IsEmbedded(url)) return {};
  return Invalid(
      "rows are asked for by key in the embedded warehouse alone; leave key out, or let the "
      "warehouse be embedded:///FOLDER");
}

Result<std::unique_ptr<Warehouse>> OpenWarehouse(const std::string& url,
                                                 const io::fs::path& duckdb_library,
                                                 Milliseconds wait_max) {
  TRY(CheckWarehouseUrl(url));
  if (IsEmbedded(url)) return OpenEmbedded(url.substr(kEmbedded.size()), duckdb_library, wait_max);
  return OpenBigQuery(url, wait_max);
}

}  // namespace busker::deliver
