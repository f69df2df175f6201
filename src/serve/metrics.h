// Figures for Prometheus, in its text format, version 0.0.4. Those of the conductor count from the
// start of this busker; times are seconds.
#pragma once

#include <string>

#include "daemon/daemon.h"
#include "record/readers.h"
#include "serve/route.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class Metrics {
 public:
  Metrics(daemon::Daemon& daemon, const dispatch::Home& home, std::string duckdb_library)
      : daemon_(daemon), duckdb_library_(std::move(duckdb_library)), records_(home.RecordUrl()) {}

  void AddRoutes(Routes& routes);

 private:
  http::Response Show();

  daemon::Daemon& daemon_;
  const std::string duckdb_library_;
  record::Readers records_;
};

}  // namespace busker::serve
