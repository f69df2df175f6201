// The only file that knows which warehouses there are.
#include "deliver/embedded_warehouse.h"
#include "deliver/warehouse.h"

namespace busker::deliver {

Result<std::unique_ptr<Warehouse>> OpenWarehouse(const std::string& url,
                                                 const io::fs::path& duckdb_library,
                                                 Milliseconds wait_max) {
  constexpr std::string_view kEmbedded = "embedded://";
  if (url.starts_with(std::string(kEmbedded) + "/")) {
    return OpenEmbedded(url.substr(kEmbedded.size()), duckdb_library, wait_max);
  }
  return Invalid("\"" + url + "\" is no warehouse; this version of Busker has embedded:///FOLDER");
}

}  // namespace busker::deliver
