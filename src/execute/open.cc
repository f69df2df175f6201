#include "execute/open.h"

#include <fmt/core.h>

#include <utility>

#include "execute/compute_executor.h"
#include "execute/docker_executor.h"
#include "execute/docker_socket.h"
#include "execute/process_executor.h"
#include "image/credentials.h"

namespace busker::execute {
namespace {

constexpr std::string_view kDocker = "docker://";

// What stands between the scheme and the "?": the socket, or nothing.
std::string SocketIn(std::string_view place) {
  return std::string(place.substr(kDocker.size(), place.find('?') - kDocker.size()));
}

}  // namespace

Result<std::string> PlaceOnRecord(const std::string& place,
                                  const std::vector<std::string>& environment) {
  if (!place.starts_with(kDocker)) return place;
  io::fs::path socket = SocketIn(place);
  if (socket.empty()) {
    TRY_ASSIGN(socket, FindDockerSocket(environment));
  }
  std::error_code error;
  const io::fs::path real = io::fs::weakly_canonical(socket, error);
  const std::size_t mark = place.find('?');
  return fmt::format("{}{}{}", kDocker, error ? socket.string() : real.string(),
                     mark == std::string::npos ? "" : place.substr(mark));
}

Result<std::unique_ptr<Executor>> Open(const std::string& place, const Settings& settings,
                                       Executor::OnEnded on_ended) {
  if (place.empty()) {
    return ProcessExecutor::Start(settings.runner, settings.runs_folder, std::move(on_ended),
                                  settings.secret_of);
  }
  if (place.starts_with(kDocker)) {
    // Runs of earlier versions of Busker have a place without one on record.
    io::fs::path socket = SocketIn(place);
    if (socket.empty()) {
      TRY_ASSIGN(socket, FindDockerSocket(settings.environment));
    }
    const auto login_at = [environment = settings.environment](
                              const std::string& registry,
                              const io::Interrupt& interrupt) -> Result<std::string> {
      TRY_ASSIGN(const auto login, image::FindLogin(registry, environment, interrupt));
      return login ? image::EngineAuth(*login, registry) : std::string();
    };
    return DockerExecutor::Start(
        {std::move(socket), settings.runner, settings.runs_folder, settings.home, settings.instance,
         settings.secret_of, login_at, settings.begun},
        std::move(on_ended));
  }
  if (place.starts_with(kComputeEngine)) {
    TRY_ASSIGN(ComputePlace found, ComputePlaceIn(place));
    ComputeExecutor::Settings vms;
    vms.project = std::move(found.project);
    vms.place = place;
    vms.places_folder = settings.places_folder;
    vms.runner = settings.runner;
    vms.folder = settings.runs_folder;
    vms.instance = settings.instance;
    vms.secret_of = settings.secret_of;
    vms.environment = settings.environment;
    vms.begun = settings.begun;
    return ComputeExecutor::Start(std::move(vms), std::move(on_ended));
  }
  if (place == attempt::kStepPlace) {
    return std::make_unique<StepExecutor>(settings.runs_folder, settings.carry_out,
                                          std::move(on_ended));
  }
  return Invalid(fmt::format(
      "there is no executor for {}; this version of Busker has process://, docker:// and "
      "compute-engine://",
      place));
}

}  // namespace busker::execute
