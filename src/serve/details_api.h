// The route that shows a version whole, with its files and packages.
#pragma once

#include "daemon/daemon.h"
#include "serve/route.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class DetailsApi {
 public:
  explicit DetailsApi(daemon::Daemon& daemon) : daemon_(daemon) {}

  void AddRoutes(Routes& routes);

 private:
  http::Response ShowVersion(const Call& call);

  daemon::Daemon& daemon_;
};

}  // namespace busker::serve
