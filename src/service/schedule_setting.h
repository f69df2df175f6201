// What actions (busker.toml), graphs (graph_file.h) and the daemon (daemon_setting.h) have in
// common. Plain values.
#pragma once

#include <string>
#include <vector>

#include "plan/policy.h"

namespace busker::service {

// Who is told when something happens. All empty: nobody.
struct Notify {
  std::string webhook;               // http:// or https:// address; empty: none
  std::string webhook_secret_file;   // absolute; its content signs what is sent; empty: unsigned
  std::vector<std::string> command;  // words, run without a shell; empty: none
  std::vector<std::string> emails;   // addresses; needs [smtp] of the daemon
  // Of "failed", "recovered" (succeeded after having failed), "late" (not done by expected_by),
  // "never-started", "left-behind" (a machine that cannot be deleted), "behind" (another version
  // than the live one answers) and "approval" (a version waits for it); each once.
  std::vector<std::string> on = {"failed",      "recovered", "late",    "never-started",
                                 "left-behind", "behind",    "approval"};

  bool empty() const { return webhook.empty() && command.empty() && emails.empty(); }
};

inline constexpr int kRunsAtOnceMax = 1000;
inline constexpr int kRunsAtOnceAllowed = 16;  // with "allow", unless given

}  // namespace busker::service
