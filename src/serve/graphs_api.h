// The routes about what there is to run. They are answered from the definitions and the record: the
// conductor is asked nothing, however many graphs there are, but for the sentence about one.
//
// A graph is named in a path as it is everywhere, with ":" for "/": "churn:training".
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "daemon/daemon.h"
#include "home/instance.h"
#include "home/place.h"
#include "record/readers.h"
#include "serve/explainer.h"
#include "serve/route.h"
#include "serve/what_changed.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class GraphsApi {
 public:
  GraphsApi(daemon::Daemon& daemon, daemon::Requests& requests, Explainer& explainer,
            const home::Home& home)
      : daemon_(daemon),
        requests_(requests),
        explainer_(explainer),
        home_(home::FolderOf(home)),
        records_(home.RecordUrl()) {}

  ~GraphsApi();

  void AddRoutes(Routes& routes);

 private:
  struct Ran;
  Result<void> ForgetWhatChanged(record::Record& record);
  std::shared_ptr<const Ran> Recall(const access::Caller& caller, const plan::GraphKey& graph,
                                    std::uint64_t recent) const;
  http::Response ListGraphs(const Call& call);
  http::Response ShowGraph(const Call& call);
  http::Response StartRun(const Call& call);
  http::Response Pause(const Call& call, bool paused);
  http::Response Backfill(const Call& call);

  daemon::Daemon& daemon_;
  daemon::Requests& requests_;
  Explainer& explainer_;
  const home::Folder home_;  // for what orders name in it
  record::Readers records_;
  std::mutex known_mutex_;  // guards what follows
  WhatChanged changed_;
  std::map<plan::GraphKey, std::shared_ptr<const Ran>> known_;  // what callers without confines see
};

// Those of the graph, for Record::ListRuns.

// The graph that a path names.
plan::GraphKey GraphIn(const Call& call);
plan::GraphKey GraphNamed(const std::string& part_of_path);  // "churn:training" is "churn/training"

}  // namespace busker::serve
