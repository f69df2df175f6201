// The route by which a person tries one prediction of the live version, on the page of its service:
// what the model wants, its answer, and beside that the rows that batch runs delivered for the same
// key. Programs ask the prediction server (online/).
#pragma once

#include "daemon/daemon.h"
#include "online/models.h"
#include "serve/route.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class PredictApi {
 public:
  // `models`: that this process answers for; nullptr: it answers no predictions.
  PredictApi(daemon::Daemon& daemon, const online::Models* models)
      : daemon_(daemon), models_(models) {}

  void AddRoutes(Routes& routes);

 private:
  http::Response ShowForm(const Call& call);
  http::Response Predict(const Call& call);
  Result<std::shared_ptr<const online::Served>> FindServed(const Call& call) const;

  daemon::Daemon& daemon_;
  const online::Models* const models_;
};

}  // namespace busker::serve
