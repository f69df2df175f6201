// The route about when what is scheduled runs: its instants in a span of time, by the definitions
// alone, so the conductor is not asked.
#pragma once

#include <string>

#include "daemon/daemon.h"
#include "serve/records.h"
#include "serve/router.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class ScheduleApi {
 public:
  ScheduleApi(daemon::Daemon& daemon, const dispatch::Home& home)
      : daemon_(daemon), records_(home.RecordFile().string()) {}

  void AddRoutes(Router& router);

 private:
  Response ListInstants(const Call& call);

  daemon::Daemon& daemon_;
  Records records_;
};

}  // namespace busker::serve
