// The Engine API of Docker, which Podman speaks, too, over a Unix socket: the calls that attempts
// need. Version 1.41 to 1.44, whatever the engine takes.
// https://docs.docker.com/reference/api/engine/
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/http_session.h"

namespace busker::execute {

struct ContainerState {
  std::string id;
  std::string home, attempt;  // our labels; empty: it has none
  bool is_running = false;    // or paused
  bool was_started = false;   // ever
  bool out_of_memory = false;
  int exit_code = 0;
};

// Any thread, many at once. Each call takes as long as its interrupt lets it. An engine that does
// not answer, or says that it cannot for now (5xx), is kTemporary.
class DockerEngine {
 public:
  explicit DockerEngine(io::fs::path socket) : socket_(std::move(socket)) {}

  // That it answers, in a version that we speak; kUnusable in none. Every other call asks that
  // first, once.
  Result<void> Ping(const io::Interrupt& interrupt);

  // kNotFound: the image is not there. kInvalid: the engine's words on what it does not take.
  Result<void> Create(const std::string& name, const std::string& body,
                      const io::Interrupt& interrupt);
  // Also of one that runs. kInvalid: it cannot be started, in the engine's words.
  Result<void> Start(const std::string& name, const io::Interrupt& interrupt);
  // Until it does not run. That it runs no more is no news of how it ended: one that was created
  // and never started does not run either.
  Result<void> Wait(const std::string& name, const io::Interrupt& interrupt);
  // Sends SIGTERM to its first process; one that does not run is no error.
  Result<void> Terminate(const std::string& name, const io::Interrupt& interrupt);
  // nullopt: there is none.
  Result<std::optional<ContainerState>> Inspect(const std::string& name,
                                                const io::Interrupt& interrupt);
  // Ends it, too. That there is none is fine.
  Result<void> Remove(const std::string& name, const io::Interrupt& interrupt);
  // Names of all containers with that label, running or not.
  struct Labelled {
    std::string name, value;  // of `and_label`
  };
  Result<std::vector<Labelled>> List(const std::string& label, const std::string& value,
                                     const std::string& and_label, const io::Interrupt& interrupt);
  // Fetches an image. kInvalid: there is none, or it may not be had; in the engine's words.
  Result<void> Pull(const std::string& image, const io::Interrupt& interrupt);

 private:
  Result<io::HttpResponse> Call(const std::string& method, const std::string& path,
                                std::string body, const io::Interrupt& interrupt);
  Result<std::string> Version(const io::Interrupt& interrupt);

  const io::fs::path socket_;
  io::HttpSession session_;
  std::mutex mutex_;
  std::string version_;  // "v1.41", once it is known
};

}  // namespace busker::execute
