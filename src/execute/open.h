// Which executors there are, by the scheme of their place's URL: the one file that knows them all.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execute/begun_attempts.h"
#include "execute/executor.h"
#include "execute/step_executor.h"
#include "home/place.h"
#include "io/file.h"

namespace busker::execute {

// What every executor of a home is given.
struct Settings {
  io::fs::path runner;                   // busker-runner
  io::fs::path runs_folder;              // of attempts, on this machine
  home::Folder home;                     // in which places are named
  std::string instance;                  // id of the home
  std::vector<std::string> environment;  // of this process
  Executor::SecretOf secret_of;
  CarryOut carry_out;          // the steps at attempt::kStepPlace
  io::fs::path places_folder;  // of PlacesInUse
  // Copies of this have one, as all executors of a busker must.
  std::shared_ptr<BegunAttempts> begun = std::make_shared<BegunAttempts>();
};

// The place as it goes on record with a run: "docker://?..." names no socket, and becomes
// "docker:///run/docker.sock?..." of the engine in use now (docker_socket.h), so that whoever takes
// the run up later finds that engine, whatever its own environment says. One engine has one name:
// links to its socket are followed.
Result<std::string> PlaceOnRecord(const std::string& place,
                                  const std::vector<std::string>& environment);

// Opens the executor at `place`, "" being this machine. kInvalid: there is none of that scheme, and
// the message says which there are.
Result<std::unique_ptr<Executor>> Open(const std::string& place, const Settings& settings,
                                       Executor::OnEnded on_ended);

}  // namespace busker::execute
