// The HTTP API: what each route does, as plain functions from request to response. All that changes
// something goes through daemon::Requests, as the command line does; all that is looked at comes
// from it or from the record.
//
// A graph is named in a path as it is everywhere, with ":" for "/": "churn:training".
#pragma once

#include <string>

#include "daemon/requests.h"
#include "dispatch/home.h"
#include "serve/live.h"
#include "serve/records.h"
#include "serve/router.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class Api {
 public:
  Api(daemon::Requests& requests, const dispatch::Home& home, Live& live, std::string version)
      : requests_(requests),
        home_(home),
        live_(live),
        version_(std::move(version)),
        records_(home.RecordFile().string()) {}

  void AddRoutes(Router& router);

 private:
  Response ListGraphs(const Call& call);
  Response ShowGraph(const Call& call);
  Response StartRun(const Call& call);
  Response Pause(const Call& call, bool paused);
  Response Backfill(const Call& call);
  Response ListRuns(const Call& call);
  Response ShowRun(const Call& call);
  Response ShowEvents(const Call& call);
  Response Explain(const Call& call);
  Response Steer(const Call& call,
                 Result<void> (daemon::Requests::*verb)(const std::string&, const std::string&));
  Response Skip(const Call& call);
  Response ShowLog(const Call& call);
  Response Watch();
  Response ShowStatus();
  Response ShowMetrics();

  daemon::Requests& requests_;
  const dispatch::Home home_;
  Live& live_;
  const std::string version_;
  Records records_;
};

// The OpenAPI 3.1 document of the routes.
std::string OpenApiOf(const Router& router, const std::string& version);

}  // namespace busker::serve
