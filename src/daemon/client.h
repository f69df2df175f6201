// The owner of a home, asked from another process: over the home's socket (line_channel.h), in
// messages of a line (messages.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/line_channel.h"
#include "daemon/owner.h"

namespace busker::daemon {

class Client : public Owner {
 public:
  // Nothing is connected before it is used; each call is a connection of its own.
  explicit Client(io::fs::path socket) : socket_(std::move(socket)) {}

  bool SomebodyListens() const;

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

 private:
  io::fs::path socket_;
};

}  // namespace busker::daemon
