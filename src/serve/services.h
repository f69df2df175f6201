// The services that there are, and what the warehouse has of them: for the routes that show both.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalogue/catalogue.h"
#include "deliver/warehouse.h"
#include "service/service.h"

namespace busker::serve {

using SharedService = std::shared_ptr<const service::Service>;

// Each once, in the order of their names.
std::vector<SharedService> ServicesOf(const catalogue::Catalogue& catalogue);

Result<SharedService> FindService(const catalogue::Catalogue& catalogue, const std::string& name);

// All deliveries ever, oldest first; none while there is no warehouse, which is not made for this.
Result<std::vector<deliver::Delivery>> ReadDeliveries(const std::string& warehouse_url,
                                                      const std::string& duckdb_library);

}  // namespace busker::serve
