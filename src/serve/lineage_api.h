// The route about where what a run made came from, and where it went: data date -> input version ->
// version made -> deliveries -> rows.
#pragma once

#include <string>

#include "daemon/daemon.h"
#include "home/home.h"
#include "record/readers.h"
#include "serve/route.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread. No answer has a path of this machine.
class LineageApi {
 public:
  LineageApi(daemon::Daemon& daemon, const home::Home& home, std::string duckdb_library)
      : daemon_(daemon),
        duckdb_library_(std::move(duckdb_library)),
        home_warehouse_(home.WarehouseUrl()),
        records_(home.RecordUrl()) {}

  void AddRoutes(Routes& routes);

 private:
  http::Response Show(const Call& call);

  daemon::Daemon& daemon_;
  const std::string duckdb_library_;
  const std::string home_warehouse_;  // of a service that is not served any more
  record::Readers records_;
};

}  // namespace busker::serve
