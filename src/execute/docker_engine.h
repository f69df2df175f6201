// The Engine API of Docker, which Podman speaks, too, over a Unix socket: the calls that attempts
// need. Version 1.41 to 1.44, whatever the engine takes; a newer one where it takes nothing older.
// https://docs.docker.com/reference/api/engine/
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "execute/docker_image.h"
#include "io/http_session.h"

namespace busker::execute {

struct ContainerState {
  std::string id;
  std::string home, attempt;  // our labels; empty: it has none
  bool is_running = false;    // or paused
  bool is_paused = false;
  bool out_of_memory = false;
};

// Any thread, many at once; connections are kept. Each call takes as long as its interrupt lets it.
// An engine that does not answer, or says that it cannot for now (5xx), is kTemporary. A container
// is named by its name or its id.
class DockerEngine {
 public:
  explicit DockerEngine(io::fs::path socket) : socket_(std::move(socket)) {}

  // What the engine says of itself. It is asked before the first call of all, and again when it was
  // away: it may be another by now. kUnusable: it speaks no version that we do.
  struct Facts {
    std::string version;     // of the API that is spoken with it: "v1.41"
    std::string newest;      // that it speaks: "v1.52"
    bool is_podman = false;  // as it says; else Docker, or what passes for it
  };
  Result<Facts> About(const io::Interrupt& interrupt);
  // Whether its containers' root is the user that it runs as (a rootless engine).
  Result<bool> IsRootless(const io::Interrupt& interrupt);

  // The container's id. kNotFound: the image is not there. kInvalid: the engine's words on what it
  // does not take. Whatever the error: it may be there.
  Result<std::string> Create(const std::string& name, const std::string& body,
                             const io::Interrupt& interrupt);
  // Also of one that runs. kInvalid: it cannot be started, in the engine's words.
  Result<void> Start(const std::string& name, const io::Interrupt& interrupt);
  // Until it does not run; at once when it does not by now. That is no news of how it ended: one
  // that was created and never started does not run either.
  Result<void> Wait(const std::string& name, const io::Interrupt& interrupt);
  // Sends SIGTERM to its first process; one that does not run is no error.
  Result<void> Terminate(const std::string& name, const io::Interrupt& interrupt);
  // One that is not paused is no error.
  Result<void> Unpause(const std::string& name, const io::Interrupt& interrupt);
  // nullopt: there is none.
  Result<std::optional<ContainerState>> Inspect(const std::string& name,
                                                const io::Interrupt& interrupt);
  // Ends it, too. That there is none is fine.
  Result<void> Remove(const std::string& name, const io::Interrupt& interrupt);
  // All containers with the label, running or not.
  struct Labelled {
    std::string id, value;  // of `and_label`
  };
  Result<std::vector<Labelled>> List(const std::string& label, const std::string& value,
                                     const std::string& and_label, const io::Interrupt& interrupt);

  // nullopt: it is not here.
  Result<std::optional<DockerImage>> FindImage(const std::string& reference,
                                               const io::Interrupt& interrupt);
  // Fetches an image. `authorization`: for X-Registry-Auth, empty for nobody's; `tell` hears how
  // far it is, now and then. kInvalid: there is none, or it may not be had; in the engine's words.
  Result<void> Pull(const image::Reference& reference, const std::string& authorization,
                    const std::function<void(const PullProgress&)>& tell,
                    const io::Interrupt& interrupt);

 private:
  Result<io::HttpResponse> Call(io::HttpRequest request, const std::string& path,
                                const io::Interrupt& interrupt);
  Result<io::HttpResponse> Call(const std::string& method, const std::string& path,
                                std::string body, const io::Interrupt& interrupt);
  Result<Facts> Ask(const io::Interrupt& interrupt);

  const io::fs::path socket_;
  io::HttpSession session_;
  std::mutex mutex_;                 // guards what follows
  std::optional<Facts> facts_;       // once they are known
  std::optional<bool> is_rootless_;  // likewise
};

}  // namespace busker::execute
