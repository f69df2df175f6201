// The routes that show the tables that services deliver to: which there are, what is in one, and
// who wrote that.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "daemon/daemon.h"
#include "serve/route.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class TablesApi {
 public:
  TablesApi(daemon::Daemon& daemon, std::string duckdb_library)
      : daemon_(daemon), duckdb_library_(std::move(duckdb_library)) {}
  ~TablesApi();

  void AddRoutes(Routes& routes);

 private:
  struct Opened;
  Result<Opened> Open(const Call& call) const;
  http::Response ListTables(const Call& call);
  http::Response ShowTable(const Call& call);
  http::Response ShowColumns(const Call& call);
  http::Response ShowOrigin(const Call& call);

  // What was counted of a table, for as long as it consists of the same deliveries.
  struct Counted;
  std::shared_ptr<Counted> CountedOf(const std::string& table);

  daemon::Daemon& daemon_;
  const std::string duckdb_library_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Counted>> counted_;  // by warehouse and table
};

}  // namespace busker::serve
