#include "execute/docker_executor.h"

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "attempt/folder.h"
#include "attempt/handed_secrets.h"
#include "attempt/log.h"
#include "base/text.h"
#include "execute/exit_of.h"

namespace busker::execute {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Milliseconds kCallLimit = minutes(2);  // of a call that does something; disks may be slow
constexpr Milliseconds kLookLimit = seconds(20);  // of one that asks
constexpr Milliseconds kPullLimit = std::chrono::hours(2);
constexpr Milliseconds kTidyLimit = seconds(10);  // before it is told that an attempt has ended
constexpr Milliseconds kTellAgain = seconds(2);
constexpr Milliseconds kAgain = seconds(1), kAgainMax = minutes(5);
constexpr Milliseconds kBreath(100);  // after a bell that rang for nothing
constexpr int kStartsMax = 4;         // of one container: the first, and those that settle it

// Waits a moment; false when there is no use in going on.
bool Pause(Milliseconds length, const std::stop_token& quit) {
  io::Waiter waiter(io::Within(length, quit));
  const auto waited = waiter.Wait({});
  return waited || waited.error().kind == ErrorKind::kTimedOut;
}

bool Passes(const Error& error) {
  return error.kind == ErrorKind::kTemporary || error.kind == ErrorKind::kTimedOut;
}

attempt::ExitRecord Ended(const attempt::Name& name, attempt::Ending ending, std::string message) {
  attempt::ExitRecord exit;
  exit.run = name.run;
  exit.task = name.task;
  exit.number = name.number;
  exit.ending = ending;
  exit.message = std::move(message);
  exit.started_at = exit.ended_at = Now();
  return exit;
}

// Whether a runner is at work on the attempt, in whatever container.
bool RunnerLives(const io::fs::path& attempt_folder) {
  std::error_code error;
  const io::fs::path lock = attempt_folder / attempt::kLockFile;
  if (!io::fs::exists(lock, error)) return false;
  const auto taken = io::FileLock::TryTake(lock);
  return taken && !*taken;
}

// Whether `path` is below `folder`, or is that.
bool IsIn(const io::fs::path& path, const io::fs::path& folder) {
  const auto [_, rest] = std::mismatch(path.begin(), path.end(), folder.begin(), folder.end());
  return rest == folder.end();
}

// A link may lead anywhere: what is mounted is where it leads to.
Result<void> CheckMounts(const std::vector<Mount>& mounts, const io::fs::path& socket) {
  std::error_code unknown;
  const io::fs::path engine = io::fs::weakly_canonical(socket, unknown);
  for (const Mount& mount : mounts) {
    const std::string name = "mount=" + mount.path.string();
    std::error_code error = unknown;
    const io::fs::path folder = error ? "" : io::fs::weakly_canonical(mount.path, error);
    if (error) {
      return Invalid(
          fmt::format("{}: whether the container engine's socket is there cannot be "
                      "told: {}; mount the folder that the program reads",
                      name, error.message()));
    }
    if (IsIn(engine, folder)) {
      return Invalid(
          fmt::format("{}: the container engine's socket is there, and who has that has the "
                      "machine; mount the folder that the program reads",
                      name));
    }
    if (!MayBeMounted(folder)) {
      return Invalid(
          fmt::format("{}: it leads to {}, which would hand the container this machine, or "
                      "an engine; mount the folder that the program reads",
                      name, folder.string()));
    }
  }
  return {};
}

// Tells in the attempt's log how far an image is on its way, which may take longer than the
// command.
class PullTeller {
 public:
  PullTeller(const io::fs::path& attempt_folder, const std::string& reference)
      : reference_(reference),
        log_(attempt::LogWriter::GoOn(attempt_folder, kLogBytesMax, kLogBytesMax)) {
    Say(fmt::format("Fetching the image {}...", reference));
  }
  void Tell(const PullProgress& progress) {
    const auto now = std::chrono::steady_clock::now();
    std::string text = progress.Text();
    if (now < told_at_ + kTellEvery || text.empty() || text == told_) return;
    told_at_ = now;
    told_ = std::move(text);
    Say(fmt::format("Fetching the image {}: {}", reference_, told_));
  }
  void TellEnd(const Result<void>& pulled) {
    Say(pulled ? fmt::format("The image {} is here.", reference_)
               : Printable(pulled.error().message));
  }

 private:
  static constexpr std::uint64_t kLogBytesMax = 1 << 20;
  static constexpr seconds kTellEvery{3};

  void Say(const std::string& line) {
    if (log_) (void)log_->Append(line + "\n");  // for people: nothing depends on it
  }

  const std::string reference_;
  Result<attempt::LogWriter> log_;
  std::string told_;
  io::SteadyInstant told_at_ = std::chrono::steady_clock::now();
};

}  // namespace

Result<std::unique_ptr<DockerExecutor>> DockerExecutor::Start(Settings settings, OnEnded on_ended) {
  TRY(io::MakeFolders(settings.folder, 0700));
  return std::unique_ptr<DockerExecutor>(
      new DockerExecutor(std::move(settings), std::move(on_ended)));
}

// Containers go on; the next executor finds them.
DockerExecutor::~DockerExecutor() {
  std::list<Carried> carried;
  {
    const std::lock_guard lock(mutex_);
    carried.swap(carried_);
    attempts_.clear();
  }
  for (Carried& one : carried) one.thread.request_stop();
  sweeping_.request_stop();
}

// A place that makes no sense is better told now.
Result<void> DockerExecutor::Launch(const Attempt& attempt) {
  TRY(ContainerSettingsIn(attempt.place));
  return Begin(attempt, false);
}

Result<void> DockerExecutor::Recover(const Attempt& attempt) { return Begin(attempt, true); }

Result<void> DockerExecutor::Begin(const Attempt& attempt, bool is_recovered) {
  TRY_ASSIGN(AttemptBell bell, AttemptBell::Make());
  Reap();
  const std::lock_guard lock(mutex_);
  Carried& carried = carried_.emplace_back();
  carried.attempt = attempt;
  carried.folder = attempt::FolderOf(settings_.folder, attempt.name);
  carried.name = ContainerName(settings_.instance, attempt.name);
  carried.bell = std::move(bell);
  carried.may_be_there = is_recovered;
  if (stopped_.contains(attempt.name)) carried.bell.TellStop();
  attempts_[attempt.name] = &carried;
  settings_.begun->Add(attempt.name);
  try {
    carried.thread = std::jthread([this, &carried](const std::stop_token& quit) {
      End end = Carry(carried, quit);
      if (quit.stop_requested()) return;
      {
        const std::lock_guard done(mutex_);
        attempts_.erase(carried.attempt.name);
        stopped_.erase(carried.attempt.name);
      }
      // An engine that ended the container by ending itself is back in a moment, as a rule.
      const auto until = std::chrono::steady_clock::now() + kTidyLimit;
      bool removed = RemoveTraces(carried, kTidyLimit, quit);
      while (!removed && std::chrono::steady_clock::now() < until && Pause(kBreath, quit)) {
        removed = RemoveTraces(carried, kTidyLimit, quit);
      }
      on_ended_(carried.attempt.name, std::move(end));
      if (!removed) RemoveLater(carried, quit);
      settings_.begun->Remove(carried.attempt.name);
      const std::lock_guard done(mutex_);
      carried.is_done = true;
    });
  } catch (const std::system_error& error) {
    attempts_.erase(attempt.name);
    settings_.begun->Remove(attempt.name);
    carried_.pop_back();
    return Temporary(fmt::format("no thread for {}: {}", attempt.name.Text(), error.what()));
  }
  return {};
}

// Those that are done are waited for outside of the lock: they end without it.
void DockerExecutor::Reap() {
  std::list<Carried> done;
  const std::lock_guard lock(mutex_);
  for (auto one = carried_.begin(); one != carried_.end();) {
    const auto next = std::next(one);
    if (one->is_done) done.splice(done.end(), carried_, one);
    one = next;
  }
}

Result<void> DockerExecutor::Stop(const attempt::Name& name) {
  const std::lock_guard lock(mutex_);
  stopped_.insert(name);  // for one that is yet to come
  const auto found = attempts_.find(name);
  if (found != attempts_.end()) found->second->bell.TellStop();
  return {};
}

bool DockerExecutor::WasToldToStop(const attempt::Name& name) {
  const std::lock_guard lock(mutex_);
  return stopped_.contains(name);
}

// All that happens to one attempt, on its own thread. The engine may be away, be replaced or lose
// the container at any moment: then it is looked at anew.
DockerExecutor::End DockerExecutor::Carry(Carried& carried, const std::stop_token& quit) {
  if (auto written = WriteOrder(carried); !written) return GiveUp(carried, written.error(), quit);
  carried.bell.Watch(carried.folder);
  bool rang = false;
  for (int starts = 0; !quit.stop_requested();) {
    auto ended = ReadExitOf(carried.attempt.name, carried.folder);
    if (!ended) return Unknown(ended.error());
    if (*ended) return Judged(carried, **std::move(ended));
    if (rang && !Pause(kBreath, quit)) break;
    if (starts == kStartsMax) {
      return GiveUp(carried, Failed("its runner ended and left no exit record").value(), quit);
    }
    if (!carried.may_be_there && WasToldToStop(carried.attempt.name)) {
      return GiveUp(carried, Temporary("it is to stop").value(), quit);
    }
    const auto started = BringUp(carried, quit);
    if (started) starts += *started ? 1 : 0;
    const auto waited = started ? AwaitEnd(carried, quit) : tl::unexpected(started.error());
    rang = waited.has_value();
    if (rang || (RunnerLives(carried.folder) && !carried.is_given_up)) {
      carried.away_since.reset();
    } else {
      const auto now = std::chrono::steady_clock::now();
      if (!carried.away_since) carried.away_since = now;
      const bool is_over = now - *carried.away_since > settings_.away_max;
      if (!Passes(waited.error()) || !carried.may_be_there || is_over) {
        return GiveUp(carried, waited.error(), quit);
      }
    }
    if (!rang && !Pause(kAgain, quit)) break;
  }
  return Temporary("this busker ends");  // nobody is told
}

// What is there may be less than was written, after a cut of power; but a disk that takes nothing
// is no reason to end a container that has read its order and runs.
Result<void> DockerExecutor::WriteOrder(Carried& carried) {
  const io::fs::path file = carried.folder / attempt::kOrderFile;
  const std::string& order = carried.attempt.order;
  std::error_code error;
  const bool is_there = carried.may_be_there && io::fs::exists(file, error);
  if (is_there && io::ReadFile(file).value_or("") == order) return {};
  TRY(io::MakeFolders(carried.folder, 0700));
  const auto written = io::WriteFileUnsynced(file, order, 0600);  // the record has it, synced
  if (!written && !is_there) return written;
  return {};
}

// There is a container of the attempt, and it was started. False: it runs already.
Result<bool> DockerExecutor::BringUp(Carried& carried, const std::stop_token& quit) {
  std::optional<ContainerState> found;
  if (carried.may_be_there) {
    TRY_ASSIGN(found, Find(carried, quit));
  }
  if (found && found->is_running) return false;
  if (found) carried.ran_out_of_memory |= found->out_of_memory;
  if (!carried.attempt.secrets.empty()) {
    TRY(secrets_.Hand(carried.name, carried.attempt.secrets, settings_.secret_of));
  }
  if (!found) TRY(Create(carried, quit));
  TRY(engine_.Start(carried.id, io::Within(kCallLimit, quit)));
  return true;
}

// Whatever is said of the creation, the container may be there: by another Busker before this one,
// or by a request whose answer was lost.
Result<void> DockerExecutor::Create(Carried& carried, const std::stop_token& quit) {
  TRY_ASSIGN(const ContainerSettings settings, ContainerSettingsIn(carried.attempt.place));
  TRY_ASSIGN(const image::Reference reference, image::ParseReference(settings.image));
  TRY_ASSIGN(const DockerImage image, HaveImage(carried, settings, reference, quit));
  TRY_ASSIGN(const std::string user, UserInside(quit));
  TRY_ASSIGN(const std::string body, BodyOf(carried.attempt, settings, DigestOf(image, reference),
                                            image.working_folder, user));
  carried.may_be_there = true;
  auto created = engine_.Create(carried.name, body, io::Within(kCallLimit, quit));
  if (created) {
    carried.id = *std::move(created);
    return {};
  }
  TRY_ASSIGN(const auto found, Find(carried, quit));
  if (found) return {};
  const Error& error = created.error();
  if (error.kind == ErrorKind::kNotFound) return Temporary(error.message);  // it was just here
  return tl::unexpected(error);
}

// The image, fetched where it is not here.
Result<DockerImage> DockerExecutor::HaveImage(Carried& carried, const ContainerSettings& settings,
                                              const image::Reference& reference,
                                              const std::stop_token& quit) {
  if (settings.gpus) {
    TRY_ASSIGN(const auto facts, engine_.About(io::Within(kLookLimit, quit)));
    if (facts.is_podman) {
      return Invalid(
          "gpus: Podman takes no request for GPUs this way and starts without; use a "
          "Docker engine for this target");
    }
  }
  TRY_ASSIGN(auto image, engine_.FindImage(settings.image, io::Within(kLookLimit, quit)));
  const bool may_have_moved = settings.always_pulls && reference.digest.empty();
  if (!image || (may_have_moved && !carried.was_pulled)) {
    io::Interrupt pulling = io::Within(kPullLimit, quit);
    pulling.stop_descriptor = carried.bell.stop();
    std::string login;
    if (settings_.login_at) {
      TRY_ASSIGN(login, settings_.login_at(reference.registry, pulling));
    }
    PullTeller teller(carried.folder, settings.image);
    auto pulled = engine_.Pull(
        reference, login, [&](const PullProgress& progress) { teller.Tell(progress); }, pulling);
    teller.TellEnd(pulled);
    TRY(pulled);
    carried.was_pulled = true;
    TRY_ASSIGN(image, engine_.FindImage(settings.image, io::Within(kLookLimit, quit)));
  }
  if (image) return *std::move(image);
  return Temporary(fmt::format("the image {} was fetched and is gone", settings.image));
}

// By its labels. A stranger of its name is told, and left alone.
Result<std::optional<ContainerState>> DockerExecutor::Find(Carried& carried,
                                                           const std::stop_token& quit) {
  TRY_ASSIGN(auto found, engine_.Inspect(carried.id.empty() ? carried.name : carried.id,
                                         io::Within(kLookLimit, quit)));
  const bool is_stranger = found && !IsOurs(*found, carried.attempt.name);
  if (!found || is_stranger) {
    TRY_ASSIGN(const auto all, engine_.List(kHomeLabel, settings_.instance, kAttemptLabel,
                                            io::Within(kLookLimit, quit)));
    const auto renamed = std::find_if(all.begin(), all.end(), [&](const auto& each) {
      return each.value == carried.attempt.name.Text();
    });
    if (renamed != all.end()) {
      TRY_ASSIGN(found, engine_.Inspect(renamed->id, io::Within(kLookLimit, quit)));
    } else if (is_stranger) {
      return Invalid(
          fmt::format("there is a container {} that is not Busker's; rename or remove "
                      "it, then busker retry",
                      carried.name));
    }
  }
  carried.id = found ? found->id : "";
  return found;
}

// Until the container does not run, or the record is there. Its runner is told when the attempt is
// to stop.
Result<void> DockerExecutor::AwaitEnd(Carried& carried, const std::stop_token& quit) {
  for (;;) {
    const AttemptBell& bell = carried.bell;
    io::Interrupt interrupt = io::Within(carried.is_told ? kTellAgain : settings_.look_after, quit);
    interrupt.stop_descriptor = carried.is_told ? bell.end() : bell.either();
    const auto waited = engine_.Wait(carried.id, interrupt);
    if (bell.TakeEnd()) return {};
    const bool timed_out = !waited && waited.error().kind == ErrorKind::kTimedOut;
    const bool is_new = bell.TakeStop();
    carried.is_told |= is_new;
    // Again and again: a runner that has just begun does not hear it, as the first process of a
    // container gets no signal that it does not wait for. Nor does one that is paused.
    if (is_new || (carried.is_told && timed_out)) {
      TRY(engine_.Unpause(carried.id, io::Within(kCallLimit, quit)));
      TRY(engine_.Terminate(carried.id, io::Within(kCallLimit, quit)));
    } else if (timed_out) {
      TRY(Look(carried, quit));
    } else if (waited || waited.error().kind == ErrorKind::kNotFound) {
      return {};
    } else {
      return waited;
    }
  }
}

// At a container that nothing was heard of for a while: a person may have paused it, and then its
// runner cannot even tell that its time is over.
Result<void> DockerExecutor::Look(Carried& carried, const std::stop_token& quit) {
  TRY_ASSIGN(const auto found, engine_.Inspect(carried.id, io::Within(kLookLimit, quit)));
  const auto now = std::chrono::steady_clock::now();
  if (!found || !found->is_paused) {
    carried.paused_since.reset();
  } else if (!carried.paused_since) {
    carried.paused_since = now;
  } else if (now - *carried.paused_since >= settings_.paused_max) {
    carried.is_given_up = true;
    return Failed(
        fmt::format("somebody paused its container, which was ended after {}; how far "
                    "the command came is not known, and it is not started a second time",
                    FormatDuration(settings_.paused_max)));
  }
  return {};
}

// What the record says, but for what it cannot know: who stopped the container, and who killed its
// first process.
DockerExecutor::End DockerExecutor::Judged(const Carried& carried, attempt::ExitRecord record) {
  if (record.ending == attempt::Ending::kCancelled && !carried.is_told &&
      !WasToldToStop(carried.attempt.name)) {
    record.ending = attempt::Ending::kSignalled;
    record.signal = SIGTERM;
    record.message =
        "somebody else than Busker stopped its container: docker stop, or an engine that ended "
        "without live-restore";
  } else if (record.ending == attempt::Ending::kLost && carried.ran_out_of_memory) {
    record.ending = attempt::Ending::kOutOfMemory;
    record.message = "the kernel killed the container's first process for memory";
  }
  return record;
}

// Of an attempt that cannot be carried out. Only when its container is known to be gone is it known
// that nothing of it will begin.
DockerExecutor::End DockerExecutor::GiveUp(Carried& carried, const Error& error,
                                           const std::stop_token& quit) {
  const attempt::Name& name = carried.attempt.name;
  const bool is_gone = !carried.may_be_there || RemoveTraces(carried, kCallLimit, quit);
  std::error_code missing;
  if (io::fs::exists(carried.folder / attempt::kLockFile, missing)) {
    return Ended(name, attempt::Ending::kLost, error.message);
  }
  if (!is_gone) {
    return Ended(name, attempt::Ending::kLost,
                 error.message +
                     "; whether the command was started there is not known, and it is "
                     "not started a second time");
  }
  if (WasToldToStop(name)) {
    return Ended(name, attempt::Ending::kCancelled,
                 "the attempt was cancelled before the command was started");
  }
  if (Passes(error)) return Temporary(error.message);
  return Ended(name, attempt::Ending::kNotStarted, error.message);
}

// Busker's own, as the engine has it: the root of a rootless engine is the user that it runs as.
Result<std::string> DockerExecutor::UserInside(const std::stop_token& quit) {
  std::string own = fmt::format("{}:{}", getuid(), getgid());
  if (getuid() == 0) return own;
  TRY_ASSIGN(const bool is_rootless, engine_.IsRootless(io::Within(kLookLimit, quit)));
  return is_rootless ? "0:0" : own;
}

Result<std::string> DockerExecutor::BodyOf(const Attempt& attempt, ContainerSettings settings,
                                           const std::string& image,
                                           const std::string& working_folder,
                                           const std::string& user) const {
  Container container;
  container.instance = settings_.instance;
  container.attempt = attempt.name;
  container.settings = std::move(settings);
  TRY(CheckMounts(container.settings.mounts, settings_.socket));
  container.image = image;
  container.image_folder = working_folder;
  container.runner = settings_.runner;
  container.attempt_folder = attempt::FolderOf(settings_.folder, attempt.name);
  container.user = user;
  container.cpus_milli = attempt.cpus_milli;
  container.memory_bytes = attempt.memory_bytes;
  if (!container.settings.store.empty()) {
    constexpr std::string_view kFile = "file://";
    TRY_ASSIGN(const std::string url, home::UrlOfPlace(container.settings.store, settings_.home));
    if (url.starts_with(kFile)) {
      const io::fs::path store = url.substr(kFile.size());
      TRY(io::MakeFolders(store, 0700));  // the engine mounts what is there
      container.mounts.push_back({store, true});
    }
  }
  if (!attempt.secrets.empty()) {
    const std::string name = ContainerName(settings_.instance, attempt.name);
    container.mounts.push_back({secrets_.FileOf(name), false, attempt::kSecretsInContainer});
  }
  return CreateBody(container);
}

// The container and what was made for it; false: something stays.
bool DockerExecutor::RemoveTraces(Carried& carried, Milliseconds limit,
                                  const std::stop_token& quit) {
  if (!carried.attempt.secrets.empty()) secrets_.Remove(carried.name);
  if (!carried.may_be_there) return true;
  if (carried.id.empty()) {
    const auto found = Find(carried, quit);
    if (!found && found.error().kind == ErrorKind::kInvalid) return true;  // a stranger's
    if (!found) return false;
    if (!*found) return true;
  }
  return engine_.Remove(carried.id, io::Within(limit, quit)).has_value();
}

// Until it is gone. What is left when this busker ends, the next one sweeps.
void DockerExecutor::RemoveLater(Carried& carried, const std::stop_token& quit) {
  for (Milliseconds pause = kAgain; Pause(pause, quit); pause = std::min(2 * pause, kAgainMax)) {
    if (RemoveTraces(carried, kCallLimit, quit)) return;
  }
}

bool DockerExecutor::IsOurs(const ContainerState& container, const attempt::Name& attempt) const {
  return container.home == settings_.instance && container.attempt == attempt.Text();
}

// `unfinished` is as old as this busker, and this executor may be much younger: what others have
// begun since is not among them.
Result<void> DockerExecutor::Sweep(std::span<const attempt::Name> unfinished) {
  std::set<attempt::Name> names(unfinished.begin(), unfinished.end());
  std::set<std::string> files;
  for (const attempt::Name& name : names) files.insert(ContainerName(settings_.instance, name));
  secrets_.Sweep([&](const std::string& container) {
    return files.contains(container) || settings_.begun->HasOneThat([&](const auto& name) {
      return ContainerName(settings_.instance, name) == container;
    });
  });
  sweeping_ = std::jthread(
      [this, names = std::move(names)](const std::stop_token& quit) { SweepNow(names, quit); });
  return {};
}

// Tried until the engine answers. What is begun while it lists them is among those begun, or has
// ended by then: a name is never launched twice.
void DockerExecutor::SweepNow(const std::set<attempt::Name>& unfinished,
                              const std::stop_token& quit) {
  std::set<std::string> kept;
  for (const attempt::Name& name : unfinished) kept.insert(name.Text());
  Milliseconds pause = kAgain;
  while (!quit.stop_requested()) {
    const auto found =
        engine_.List(kHomeLabel, settings_.instance, kAttemptLabel, io::Within(kLookLimit, quit));
    bool all = found.has_value();
    for (const DockerEngine::Labelled& one :
         found.value_or(std::vector<DockerEngine::Labelled>())) {
      const bool stays =
          kept.contains(one.value) ||
          settings_.begun->HasOneThat([&](const auto& name) { return name.Text() == one.value; });
      if (!stays) all &= engine_.Remove(one.id, io::Within(kCallLimit, quit)).has_value();
    }
    if (all || !Pause(pause, quit)) return;
    pause = std::min(2 * pause, kAgainMax);
  }
}

}  // namespace busker::execute
