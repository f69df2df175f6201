// The HTTP API: what each route does, as plain functions from request to response. All that changes
// something goes through daemon::Requests, as the command line does; all that is looked at comes
// from it or from the record. Here are the routes about runs; those of graphs, of versions and of
// figures have files of their own.
#pragma once

#include <string>

#include "attempt/name.h"
#include "daemon/requests.h"
#include "home/home.h"
#include "record/readers.h"
#include "serve/explainer.h"
#include "serve/live.h"
#include "serve/log_feed.h"
#include "serve/log_index.h"
#include "serve/route.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class Api {
 public:
  Api(daemon::Requests& requests, Explainer& explainer, const home::Home& home, Live& live,
      std::string version)
      : requests_(requests),
        explainer_(explainer),
        home_(home),
        live_(live),
        version_(std::move(version)),
        records_(home.RecordUrl()) {}

  void AddRoutes(Routes& routes);

 private:
  http::Response ListRuns(const Call& call);
  http::Response ShowRun(const Call& call);
  http::Response ShowNeighbours(const Call& call);
  http::Response ListEvents(const Call& call);
  http::Response ShowEvents(const Call& call);
  http::Response Explain(const Call& call);
  http::Response ExplainTask(const Call& call);
  http::Response Cancel(const Call& call);
  http::Response Retry(const Call& call);
  http::Response Skip(const Call& call);
  // An attempt that is on record, and the folder of what it left.
  struct Written {
    attempt::Name name;
    io::fs::path folder;
  };
  Result<Written> FindAttempt(const Call& call);
  http::Response ShowLog(const Call& call);
  http::Response ListLines(const Call& call);
  http::Response FollowLog(const Call& call);
  http::Response ShowUsage(const Call& call);
  http::Response Watch(const Call& call);
  http::Response ShowStatus(const Call& call);

  daemon::Requests& requests_;
  Explainer& explainer_;
  const home::Home home_;
  Live& live_;
  const std::string version_;
  record::Readers records_;
  LogIndexes log_indexes_;
  LogFeed log_feed_;  // last: it asks the record
};

// The OpenAPI 3.1 document of the routes.
std::string OpenApiOf(const Routes& routes, const std::string& version);

}  // namespace busker::serve
