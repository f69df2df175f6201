// Attempts in containers of this machine's Docker or Podman, each surrounded by busker-runner,
// which is mounted into the container and started in place of the image's own entry point.
//
// The attempt's folder is the attempt, as with processes: it is mounted by its own path, the runner
// holds a lock in it, and its exit.json is how the attempt ended. What the engine says of a
// container is never more than a reason to look there. A container may be started again: its runner
// finds what an earlier one left, and does not start the command twice.
//
// A container is found by our labels, whatever a person has called it since.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "execute/attempt_bell.h"
#include "execute/begun_attempts.h"
#include "execute/container_secrets.h"
#include "execute/docker_container.h"
#include "execute/docker_engine.h"
#include "execute/executor.h"
#include "home/place.h"

namespace busker::execute {

class DockerExecutor : public Executor {
 public:
  // What X-Registry-Auth says to a registry ("registry.example", "docker.io"); empty: nobody has
  // logged in there. Any thread.
  using LoginAt =
      std::function<Result<std::string>(const std::string& registry, const io::Interrupt&)>;

  struct Settings {
    io::fs::path socket;    // of the engine
    io::fs::path runner;    // busker-runner
    io::fs::path folder;    // attempts live in folder/RUN/TASK.NUMBER
    home::Folder home;      // in which places are named
    std::string instance;   // id of the home: whose containers these are
    SecretOf secret_of;     // may be empty: there are none
    LoginAt login_at = {};  // likewise
    // One for all executors of this busker.
    std::shared_ptr<BegunAttempts> begun = std::make_shared<BegunAttempts>();
    // Of a container that somebody has paused: then it is ended.
    Milliseconds paused_max = std::chrono::hours(1);
    // Of an engine, while no runner of the attempt lives: then the attempt is given up.
    Milliseconds away_max = std::chrono::minutes(10);
    Milliseconds look_after = std::chrono::minutes(1);  // at one that nothing is heard of
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
  // What is known of an attempt, by its own thread alone but for the bell's stop.
  struct Carried {
    Attempt attempt;
    io::fs::path folder;
    std::string name;           // of its container, when it is made
    std::string id;             // of its container, once it is known
    bool may_be_there = false;  // the engine was asked for the container, or an earlier Busker did
    bool is_told = false;       // the runner was told to stop
    bool is_given_up = false;   // it is not waited for any more
    bool was_pulled = false;    // the image
    bool ran_out_of_memory = false;  // its first process was killed so, says the engine
    std::optional<io::SteadyInstant> paused_since;
    std::optional<io::SteadyInstant> away_since;  // the engine, and no runner lives
    AttemptBell bell;
    bool is_done = false;
    std::jthread thread;
  };
  using End = Result<attempt::ExitRecord>;

  DockerExecutor(Settings settings, OnEnded on_ended)
      : settings_(std::move(settings)),
        on_ended_(std::move(on_ended)),
        engine_(settings_.socket),
        secrets_(settings_.instance) {}

  Result<void> Begin(const Attempt& attempt, bool is_recovered);
  End Carry(Carried& carried, const std::stop_token& quit);
  Result<void> WriteOrder(Carried& carried);
  Result<bool> BringUp(Carried& carried, const std::stop_token& quit);
  Result<void> Create(Carried& carried, const std::stop_token& quit);
  Result<DockerImage> HaveImage(Carried& carried, const ContainerSettings& settings,
                                const image::Reference& reference, const std::stop_token& quit);
  Result<void> AwaitEnd(Carried& carried, const std::stop_token& quit);
  Result<void> Look(Carried& carried, const std::stop_token& quit);
  Result<std::optional<ContainerState>> Find(Carried& carried, const std::stop_token& quit);
  End Judged(const Carried& carried, attempt::ExitRecord record);
  End GiveUp(Carried& carried, const Error& error, const std::stop_token& quit);
  Result<std::string> BodyOf(const Attempt& attempt, ContainerSettings settings,
                             const std::string& image, const std::string& working_folder,
                             const std::string& user) const;
  Result<std::string> UserInside(const std::stop_token& quit);
  bool RemoveTraces(Carried& carried, Milliseconds limit, const std::stop_token& quit);
  void RemoveLater(Carried& carried, const std::stop_token& quit);
  bool WasToldToStop(const attempt::Name& name);
  bool IsOurs(const ContainerState& container, const attempt::Name& attempt) const;
  void SweepNow(const std::set<attempt::Name>& unfinished, const std::stop_token& quit);
  void Reap();

  const Settings settings_;
  const OnEnded on_ended_;
  DockerEngine engine_;
  const ContainerSecrets secrets_;
  std::mutex mutex_;            // guards what follows
  std::list<Carried> carried_;  // and those that are done, until they are reaped
  std::map<attempt::Name, Carried*> attempts_;
  std::set<attempt::Name> stopped_;  // told to stop, and not ended yet
  std::jthread sweeping_;
};

}  // namespace busker::execute
