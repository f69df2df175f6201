// Calls to Google's APIs by which something is looked at, and what is to be said when they are
// refused. Heavy (nlohmann): for .cc files only.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cloud/google_access.h"
#include "doctor/report.h"

namespace busker::doctor {

class GoogleCalls {
 public:
  // `project`: of what is looked at, for commands. `access`: to any API; who asks.
  GoogleCalls(std::string project, cloud::GoogleAccess access, Report& report)
      : project_(std::move(project)), access_(std::move(access)), report_(report) {}

  const std::string& project() const { return project_; }
  // Who asks, as policies have it: "serviceAccount:robot@...", "user:YOUR-ADDRESS".
  std::string Member() const;

  struct Answer {
    int status = 0;
    nlohmann::json body;  // an object
    std::string message;  // of an answer that is no success
  };
  // nullopt: there is none, or the API is not enabled: that is in the report.
  std::optional<Answer> Ask(cloud::GoogleApi api, const std::string& what,
                            const std::string& method, const std::string& path,
                            const nlohmann::json& body = nullptr);

  // Which of the permissions are not held. nullopt: that could not be looked at, and is reported.
  std::optional<std::vector<std::string>> Missing(cloud::GoogleApi api, const std::string& what,
                                                  const std::string& path,
                                                  const std::vector<std::string>& permissions);
  // The same of an answer that tells it.
  std::optional<std::vector<std::string>> MissingIn(
      const Answer& answer, const std::string& what,
      const std::vector<std::string>& permissions) const;

  // By how much this machine's clock is ahead of Google's; nullopt: nothing has answered yet.
  std::optional<Milliseconds> ClockAhead() const { return clock_ahead_; }

 private:
  bool IsNotEnabled(const Answer& answer, cloud::GoogleApi api, const std::string& what);

  const std::string project_;
  const cloud::GoogleAccess access_;
  Report& report_;
  std::optional<Milliseconds> clock_ahead_;
  std::map<cloud::GoogleApi, bool> told_;  // that it is not enabled, or does not answer
};

}  // namespace busker::doctor
