#include "execute/open.h"

#include <fmt/core.h>

#include <utility>

#include "execute/docker_executor.h"
#include "execute/process_executor.h"

namespace busker::execute {
namespace {

constexpr std::string_view kDocker = "docker://", kUnix = "unix://";
constexpr char kUsualSocket[] = "/var/run/docker.sock";

// The engine's socket: that of the place, else where Docker's own client looks.
Result<io::fs::path> SocketOf(std::string_view place, const std::vector<std::string>& environment) {
  if (place.size() > kDocker.size()) return io::fs::path(place.substr(kDocker.size()));
  constexpr std::string_view kVariable = "DOCKER_HOST=";
  for (const std::string& entry : environment) {
    if (!entry.starts_with(kVariable) || entry.size() == kVariable.size()) continue;
    const std::string host = entry.substr(kVariable.size());
    if (host.starts_with(kUnix)) return io::fs::path(host.substr(kUnix.size()));
    return Invalid(
        fmt::format("DOCKER_HOST is {}: an engine on another machine does not have this one's "
                    "folders; unset it, or "
                    "name a socket as docker:///run/docker.sock",
                    host));
  }
  return io::fs::path(kUsualSocket);
}

}  // namespace

Result<std::unique_ptr<Executor>> Open(const std::string& place, const Settings& settings,
                                       Executor::OnEnded on_ended) {
  if (place.empty()) {
    return ProcessExecutor::Start(settings.runner, settings.runs_folder, std::move(on_ended),
                                  settings.secret_of);
  }
  if (place.starts_with(kDocker)) {
    TRY_ASSIGN(io::fs::path socket, SocketOf(place, settings.environment));
    return DockerExecutor::Start({std::move(socket), settings.runner, settings.runs_folder,
                                  settings.home, settings.instance, settings.secret_of},
                                 std::move(on_ended));
  }
  if (place == attempt::kStepPlace) {
    return std::make_unique<StepExecutor>(settings.runs_folder, settings.carry_out,
                                          std::move(on_ended));
  }
  return Invalid(fmt::format(
      "there is no executor for {}; this version of Busker has process:// and docker://", place));
}

}  // namespace busker::execute
