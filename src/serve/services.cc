#include "serve/services.h"

#include <fmt/core.h>

#include <set>

namespace busker::serve {

std::vector<SharedService> ServicesOf(const catalogue::Catalogue& catalogue) {
  std::vector<SharedService> services;
  std::set<const service::Service*> known;
  for (const auto& [_, definition] : catalogue.definitions) {
    const SharedService& service = definition->service;
    if (service && known.insert(service.get()).second) services.push_back(service);
  }
  return services;
}

Result<SharedService> FindService(const catalogue::Catalogue& catalogue, const std::string& name) {
  for (const SharedService& service : ServicesOf(catalogue)) {
    if (service->name == name) return service;
  }
  return NotFound(fmt::format("no service {}", name));
}

Result<std::vector<deliver::Delivery>> ReadDeliveries(const std::string& warehouse_url,
                                                      const std::string& duckdb_library) {
  TRY_ASSIGN(const auto warehouse, deliver::OpenWarehouse(warehouse_url, duckdb_library));
  std::vector<deliver::DamagedTable> damaged;  // busker fsck tells of them; the others are shown
  return warehouse->Deliveries("", &damaged);
}

}  // namespace busker::serve
