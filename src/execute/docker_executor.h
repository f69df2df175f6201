// Attempts in containers of this machine's Docker or Podman, each surrounded by busker-runner,
// which is mounted into the container and started in place of the image's own entry point.
//
// The attempt's folder is the attempt, as with processes: it is mounted by its own path, the runner
// holds a lock in it, and its exit.json is how the attempt ended. What the engine says of a
// container is never more than a reason to look there. A container may be started again: its runner
// finds what an earlier one left, and does not start the command twice.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "attempt/home_place.h"
#include "execute/docker_container.h"
#include "execute/docker_engine.h"
#include "execute/executor.h"

namespace busker::execute {

class DockerExecutor : public Executor {
 public:
  struct Settings {
    io::fs::path socket;       // of the engine
    io::fs::path runner;       // busker-runner
    io::fs::path folder;       // attempts live in folder/RUN/TASK.NUMBER
    attempt::HomeFolder home;  // in which places are named
    std::string instance;      // id of the home: whose containers these are
    SecretOf secret_of;        // may be empty: there are none
  };

  // Asks the engine nothing yet.
  static Result<std::unique_ptr<DockerExecutor>> Start(Settings settings, OnEnded on_ended);
  ~DockerExecutor() override;

  // What the engine has to do is done on a thread of the attempt: these return at once.
  Result<void> Launch(const Attempt& attempt) override;
  Result<void> Recover(const Attempt& attempt) override;
  Result<void> Stop(const attempt::Name& name) override;
  Result<void> Sweep(std::span<const attempt::Name> unfinished) override;

 private:
  struct Carried {
    Attempt attempt;
    io::Descriptor stop;        // an eventfd, readable once the attempt is told to stop
    bool is_told = false;       // the runner was told so; of the attempt's thread
    bool is_recovered = false;  // an earlier Busker may have begun it
    bool is_done = false;
    std::jthread thread;
  };
  using End = Result<attempt::ExitRecord>;

  DockerExecutor(Settings settings, OnEnded on_ended)
      : settings_(std::move(settings)), on_ended_(std::move(on_ended)), engine_(settings_.socket) {}

  Result<void> Begin(const Attempt& attempt, bool is_recovered);
  End Carry(Carried& carried, const std::stop_token& quit);
  Result<bool> BringUp(Carried& carried, const std::string& name, const std::stop_token& quit);
  Result<void> CreateWithImage(Carried& carried, const std::string& name, const std::string& body,
                               const std::stop_token& quit);
  Result<void> AwaitEnd(Carried& carried, const std::string& name, const std::stop_token& quit);
  End GiveUp(Carried& carried, const std::string& name, Error error, const std::stop_token& quit);
  Result<std::string> BodyOf(const Attempt& attempt) const;
  Result<void> HandSecrets(const Attempt& attempt, const std::string& name) const;
  Result<io::fs::path> SecretsFolder() const;
  bool RemoveTraces(const attempt::Name& attempt, Milliseconds limit, const std::stop_token& quit);
  void RemoveLater(const attempt::Name& attempt, const std::stop_token& quit);
  Result<void> RemoveOurs(const std::string& name, const attempt::Name& attempt,
                          const io::Interrupt& interrupt);
  bool IsOurs(const ContainerState& container, const attempt::Name& attempt) const;
  void SweepNow(const std::set<attempt::Name>& unfinished, const std::stop_token& quit);
  void Reap();

  const Settings settings_;
  const OnEnded on_ended_;
  DockerEngine engine_;
  std::mutex mutex_;            // guards what follows
  std::list<Carried> carried_;  // and those that are done, until they are reaped
  std::map<attempt::Name, Carried*> attempts_;
  std::set<attempt::Name> stopped_;  // told to stop, and not ended yet
  std::jthread sweeping_;
};

}  // namespace busker::execute
