// The routes about what a service has made: versions of its model, and deliveries of predictions.
#pragma once

#include <string>

#include "daemon/daemon.h"
#include "serve/audit.h"
#include "serve/route.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class VersionsApi {
 public:
  VersionsApi(daemon::Daemon& daemon, std::string duckdb_library, Audit& audit)
      : daemon_(daemon), duckdb_library_(std::move(duckdb_library)), audit_(audit) {}

  void AddRoutes(Routes& routes);

 private:
  http::Response ListServices(const Call& call);
  http::Response ListVersions(const Call& call);
  http::Response Promote(const Call& call);
  http::Response Rollback(const Call& call);
  http::Response ListDeliveries(const Call& call);
  http::Response Undo(const Call& call);

  daemon::Daemon& daemon_;
  const std::string duckdb_library_;
  Audit& audit_;
};

}  // namespace busker::serve
