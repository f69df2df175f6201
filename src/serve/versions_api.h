// The routes about what a service has made: versions of its model, and deliveries of predictions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>

#include "daemon/daemon.h"
#include "home/home.h"
#include "record/readers.h"
#include "serve/audit.h"
#include "serve/known_services.h"
#include "serve/route.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class VersionsApi {
 public:
  VersionsApi(daemon::Daemon& daemon, const home::Home& home, std::string duckdb_library,
              Audit& audit)
      : daemon_(daemon),
        duckdb_library_(std::move(duckdb_library)),
        audit_(audit),
        records_(home.RecordUrl()) {}
  ~VersionsApi();

  void AddRoutes(Routes& routes);

  // Makes what the list of all services has, so that whoever asks first does not wait for it. Until
  // `stop`.
  void ReadAhead(const std::stop_token& stop);

 private:
  struct Listed;  // what the list of all has of one
  Listed MakeListed(const SharedService& service, const std::stop_token& stop = {}) const;
  http::Response ListServices(const Call& call);
  http::Response ListVersions(const Call& call);
  http::Response Promote(const Call& call);
  http::Response Rollback(const Call& call);
  http::Response Pin(const Call& call);
  http::Response Unpin(const Call& call);
  http::Response ListDeliveries(const Call& call);
  http::Response Undo(const Call& call);

  daemon::Daemon& daemon_;
  const std::string duckdb_library_;
  Audit& audit_;
  record::Readers records_;
  KnownServices<Listed> known_;
};

}  // namespace busker::serve
