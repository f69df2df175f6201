// Figures for Prometheus, in its text format, version 0.0.4. Those of the conductor count from the
// start of this busker; times are seconds.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "daemon/daemon.h"
#include "home/home.h"
#include "record/readers.h"
#include "serve/route.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class Metrics {
 public:
  // `more`: lines that are added to the page; may be empty.
  Metrics(daemon::Daemon& daemon, const home::Home& home, std::string duckdb_library,
          std::function<std::string()> more)
      : daemon_(daemon),
        duckdb_library_(std::move(duckdb_library)),
        more_(std::move(more)),
        records_(home.RecordUrl()) {}

  void AddRoutes(Routes& routes);

 private:
  struct Outcomes;  // of promotions and deliveries

  http::Response Show();
  Result<std::shared_ptr<const Outcomes>> Look();
  std::shared_ptr<const Outcomes> Read(const Outcomes& as_of) const;

  daemon::Daemon& daemon_;
  const std::string duckdb_library_;
  const std::function<std::string()> more_;
  record::Readers records_;
  std::mutex mutex_;  // guards what follows
  std::shared_ptr<const Outcomes> known_;
  bool is_reading_ = false;  // somebody is, and others do with what is known
};

}  // namespace busker::serve
