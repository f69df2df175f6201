// From a queued run to its tasks and orders, as the definitions are when its turn comes: what the
// conductor's preparer calls.
//
// It owns all that it touches, and is shared with the threads that it is called on: a store that
// does not answer keeps such a thread, even when the daemon that started it has gone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalogue/catalogue.h"
#include "daemon/copied_run.h"
#include "dispatch/mailbox.h"
#include "prepare/places.h"
#include "record/readers.h"

namespace busker::daemon {

class RunPreparation {
 public:
  // `target`: that runs are at for which none was asked for; empty: their service says.
  // `environment`: of the person or unit that
  // started the daemon.
  // `expect`: told of each run whose log is to be copied, before it begins; may be empty.
  RunPreparation(std::shared_ptr<record::Readers> record, prepare::HomePlaces home,
                 std::string target, std::vector<std::string> environment,
                 std::function<void(const std::string& run, const CopyTo&)> expect = {})
      : home_(std::move(home)),
        expect_(std::move(expect)),
        target_(std::move(target)),
        environment_(std::move(environment)),
        record_(std::move(record)) {}

  // What runs are prepared from, from now on. Any thread.
  void Use(std::shared_ptr<const catalogue::Catalogue> catalogue);

  // Any threads; at most one at a time for the runs of one service.
  Result<dispatch::Prepared> Prepare(const plan::DagRun& run);

 private:
  std::shared_ptr<const catalogue::Catalogue> catalogue() const;
  Result<std::string> ReserveTimestamp(const plan::GraphKey& graph, const service::Service& service,
                                       const std::string& action);

  const prepare::HomePlaces home_;
  const std::function<void(const std::string& run, const CopyTo&)> expect_;
  const std::string target_;
  const std::vector<std::string> environment_;

  mutable std::mutex catalogue_mutex_;
  std::shared_ptr<const catalogue::Catalogue> catalogue_;

  const std::shared_ptr<record::Readers> record_;
  std::mutex stamps_mutex_;
  std::map<plan::GraphKey, std::string> stamps_;  // the last of each action that was given
};

}  // namespace busker::daemon
