// The routes about data dates: what became of each, and which ones are open.
#pragma once

#include "daemon/daemon.h"
#include "home/home.h"
#include "record/readers.h"
#include "serve/open_dates.h"
#include "serve/route.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class DatesApi {
 public:
  DatesApi(daemon::Daemon& daemon, const home::Home& home)
      : daemon_(daemon), records_(home.RecordUrl()) {}

  void AddRoutes(Routes& routes);

 private:
  http::Response ListDates(const Call& call);
  http::Response ListOpen(const Call& call);

  daemon::Daemon& daemon_;
  record::Readers records_;
  OpenDates open_;
};

}  // namespace busker::serve
