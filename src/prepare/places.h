// Where the things of a service are: the set of places that a target names.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "service/service.h"

namespace busker::prepare {

struct Places {
  std::string busker;     // this program, for Busker's own steps
  std::string store_url;  // of the artifact store
  std::string warehouse_url;
  std::string home = {};         // orders name what is in it relative to it (home/place.h)
  std::string target = "local";  // its name
  // URL of the executor of its programs, with what it needs to know behind a "?"; empty: they are
  // processes here.
  std::string executor = {};
  std::string log = {};     // "cloud-logging://PROJECT", to which logs are copied; empty: nowhere
  int tasks_max = 0;        // of programs at once there; 0: they take room on this machine
  int preemptions_max = 0;  // plan::Task
  bool bounds_attempts = false;  // the executor is to know the timeout of an attempt: "timeout_s"
  std::string zone = "local";    // that programs are told: of several, as the target names them
};

// What a target leaves out is in the home.
struct HomePlaces {
  std::string busker, store_url, warehouse_url, home;
};

// The name of the target that runs of the action are at, and what belongs to the service as a whole
// if no action is named: `asked` for with the run, else the one that this busker was started with
// (`standing`), else the action's or the service's own, else "local". Each may be empty.
std::string TargetOf(const service::Service& service, const std::string& action,
                     const std::string& asked, const std::string& standing);

// What `busker build` builds the service's image by; empty: Busker writes it itself.
io::fs::path DockerfileOf(const service::Service& service);

// The folders of this machine that the target's containers have, by the same path.
std::vector<std::string> MountsOf(const service::Target& target);

// What the service says that its program would not find at the target, or that the target cannot
// honour, a sentence each with its place. It can be told before a run, and is by busker validate.
std::vector<std::string> FaultsAt(const service::Service& service, const std::string& target);

// kNotFound: the service has no such target ("local" is built in); kInvalid: the target asks for
// something that this version does not have, or that is not there; with the place in the file.
Result<Places> PlacesOf(const service::Service& service, const std::string& target,
                        const HomePlaces& home);

}  // namespace busker::prepare
