// The route about when what is scheduled runs: its instants in a span of time, by the definitions
// alone, so the conductor is not asked. What is counted of all schedules is kept for the next who
// asks, for as long as the definitions are the same.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "daemon/daemon.h"
#include "home/home.h"
#include "record/readers.h"
#include "serve/route.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class ScheduleApi {
 public:
  ScheduleApi(daemon::Daemon& daemon, const home::Home& home)
      : daemon_(daemon), records_(home.RecordUrl()) {}

  void AddRoutes(Routes& routes);

 private:
  struct Whole;  // what an answer says of all graphs, whatever the page

  http::Response ListInstants(const Call& call);
  std::shared_ptr<const Whole> Kept(const std::string& question,
                                    const std::shared_ptr<const catalogue::Catalogue>& catalogue);
  void Keep(const std::string& question, std::shared_ptr<const Whole> whole);

  daemon::Daemon& daemon_;
  record::Readers records_;
  std::mutex mutex_;                                          // guards what follows
  std::map<std::string, std::shared_ptr<const Whole>> kept_;  // by what was asked; few
};

}  // namespace busker::serve
