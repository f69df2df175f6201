// The owner of a home, asked in its own process: without a socket, a message or a thread of its
// own. Any thread but the conductor's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/announcer.h"
#include "daemon/glance.h"
#include "daemon/owner.h"
#include "dispatch/conductor.h"
#include "prepare/action_run.h"
#include "record/readers.h"

namespace busker::daemon {

class Requests : public Owner {
 public:
  struct Setup {
    dispatch::Conductor& conductor;
    Announcer& announcer;
    record::Readers& record;
    std::function<std::shared_ptr<const catalogue::Catalogue>()> catalogue;  // any thread
    // Of an action's runs at the target that was asked for (empty: none was).
    std::function<Result<prepare::Places>(const service::Service&, const std::string& action,
                                          const std::string& target)>
        places;
    Instant since;
    bool schedules = false;
    std::function<void()> yield;  // makes room for a daemon; empty: it is one
    std::function<Result<std::string>(const std::string& by)> make_link;  // empty: no dashboard
    std::function<std::vector<Undelivered>()> undelivered;                // any thread
    std::function<std::vector<Uncopied>()> uncopied = {};                 // any thread
    std::function<std::vector<Online>()> online = {};                     // any thread
    // A run that has ended is about to be taken up again; any thread.
    std::function<void(const std::string& run)> again = {};
  };
  explicit Requests(Setup setup, Milliseconds limit = std::chrono::seconds(60))
      : setup_(std::move(setup)), limit_(limit) {}

  // The same for who cannot wait that long for the conductor; then a call is kTemporary.
  Requests Within(Milliseconds limit) const { return Requests(setup_, limit); }

  Result<std::string> Start(const StartRequest& request) const override;
  Result<std::string> StartAndFollow(const StartRequest& request,
                                     const Follower& follower) const override;
  Result<void> Follow(const std::string& run, std::optional<Milliseconds> limit,
                      const Told& told) const override;
  Result<void> Cancel(const std::string& run, const std::string& by) const override;
  Result<std::string> Retry(const std::string& run, const std::string& by) const override;
  Result<void> Skip(const std::string& run, const std::string& task,
                    const std::string& by) const override;
  Result<void> Pause(const plan::GraphKey& graph, bool paused,
                     const std::string& by) const override;
  Result<std::vector<BackfillInstant>> Backfill(const BackfillRequest& request) const override;
  Result<std::string> Explain(const std::string& what, const std::string& task) const override;
  Result<Status> Ask() const override;
  Result<std::string> MakeLink(const std::string& by) const override;
  Result<void> Yield() const override;

  // For who listens to more than one run at a time. `heard` hears of all that is decided about the
  // run, from the beginning; of the run of an earlier request with the same key as Listen does.
  Result<std::string> Start(const StartRequest& request,
                            std::shared_ptr<Subscription>* heard) const;
  // Of a run that has not ended: what is decided from now on, after what describes where it stands.
  // nullptr: it has ended.
  Result<std::shared_ptr<Subscription>> Listen(const std::string& run) const;

  Status Health() const;  // as Ask, but for the graphs; costs the conductor nothing
  const dispatch::Figures& figures() const { return setup_.conductor.figures(); }
  bool Turns() const;  // the conductor takes part, within seconds

 private:
  using Decide = std::function<Result<std::vector<plan::Event>>(const dispatch::View&)>;
  // `check`: looks once all of it is on record, and says why it had no effect.
  using Check = std::function<Result<void>(const dispatch::View&)>;
  Result<void> Carry(Decide decide, Check check = {}) const;
  void Again(const std::string& run) const;
  Result<std::string> NoteOnRetry(const std::string& run) const;

  const Setup setup_;
  const std::shared_ptr<Glance> glance_ = std::make_shared<Glance>();
  const Milliseconds limit_;  // for a turn of the conductor
};

}  // namespace busker::daemon
