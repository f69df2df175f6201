// The routes about what a service has made: versions of its model, and deliveries of predictions.
#pragma once

#include <string>

#include "daemon/daemon.h"
#include "serve/audit.h"
#include "serve/router.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class VersionsApi {
 public:
  VersionsApi(daemon::Daemon& daemon, std::string duckdb_library, Audit& audit)
      : daemon_(daemon), duckdb_library_(std::move(duckdb_library)), audit_(audit) {}

  void AddRoutes(Router& router);

 private:
  Response ListServices(const Call& call);
  Response ListVersions(const Call& call);
  Response Promote(const Call& call);
  Response Rollback(const Call& call);
  Response ListDeliveries(const Call& call);
  Response Undo(const Call& call);

  daemon::Daemon& daemon_;
  const std::string duckdb_library_;
  Audit& audit_;
};

}  // namespace busker::serve
