#include "execute/docker_executor.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "attempt/folder.h"
#include "attempt/handed_secrets.h"
#include "execute/exit_of.h"
#include "execute/secret_values.h"
#include "io/digest.h"

namespace busker::execute {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Milliseconds kCallLimit = minutes(2);  // of a call that does something; disks may be slow
constexpr Milliseconds kLookLimit = seconds(20);  // of one that asks
constexpr Milliseconds kPullLimit = std::chrono::hours(2);
constexpr Milliseconds kWaitLimit = std::chrono::hours(1);  // then it is asked anew
constexpr Milliseconds kTidyLimit = seconds(10);  // before it is told that an attempt has ended
constexpr Milliseconds kTellAgain = seconds(2);
constexpr Milliseconds kAgain = seconds(1), kAgainMax = minutes(5);
constexpr Milliseconds kAwayMax = minutes(10);  // an engine that is away, and no runner lives
constexpr int kStartsMax = 4;  // of one container: the first, and those that settle it
constexpr char kSecretsPlace[] = "/dev/shm";

// Waits a moment; false when there is no use in going on.
bool Pause(Milliseconds length, const std::stop_token& quit) {
  io::Waiter waiter(io::Within(length, quit));
  const auto waited = waiter.Wait({});
  return waited || waited.error().kind == ErrorKind::kTimedOut;
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

Result<void> DockerExecutor::Launch(const Attempt& attempt) {
  TRY(BodyOf(attempt));  // a place that makes no sense is better told now
  const io::fs::path folder = attempt::FolderOf(settings_.folder, attempt.name);
  TRY(io::MakeFolders(folder, 0700));
  const io::fs::path order = folder / attempt::kOrderFile;
  TRY(attempt.synced ? io::WriteFileAtomically(order, attempt.order, 0600)
                     : io::WriteFileUnsynced(order, attempt.order, 0600));
  return Begin(attempt, false);
}

Result<void> DockerExecutor::Recover(const Attempt& attempt) {
  const io::fs::path folder = attempt::FolderOf(settings_.folder, attempt.name);
  std::error_code error;
  const io::fs::path order = folder / attempt::kOrderFile;
  if (!io::fs::exists(order, error)) {
    TRY(BodyOf(attempt));
    TRY(io::MakeFolders(folder, 0700));
    TRY(io::WriteFileAtomically(order, attempt.order, 0600));
  }
  return Begin(attempt, true);
}

Result<void> DockerExecutor::Begin(const Attempt& attempt, bool is_recovered) {
  io::Descriptor stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) return SystemError("wait for " + attempt.name.Text(), errno);
  Reap();
  const std::lock_guard lock(mutex_);
  if (stopped_.contains(attempt.name)) eventfd_write(stop.get(), 1);
  Carried& carried = carried_.emplace_back();
  carried.attempt = attempt;
  carried.stop = std::move(stop);
  carried.is_recovered = is_recovered;
  attempts_[attempt.name] = &carried;
  try {
    carried.thread = std::jthread([this, &carried](const std::stop_token& quit) {
      End end = Carry(carried, quit);
      if (quit.stop_requested()) return;
      {
        const std::lock_guard done(mutex_);
        attempts_.erase(carried.attempt.name);
        stopped_.erase(carried.attempt.name);
      }
      const bool removed = RemoveTraces(carried.attempt.name, kTidyLimit, quit);
      on_ended_(carried.attempt.name, std::move(end));
      if (!removed) RemoveLater(carried.attempt.name, quit);
      const std::lock_guard done(mutex_);
      carried.is_done = true;
    });
  } catch (const std::system_error& error) {
    attempts_.erase(attempt.name);
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
  if (found != attempts_.end()) eventfd_write(found->second->stop.get(), 1);
  return {};
}

// All that happens to one attempt, on its own thread. The engine may be away, be replaced or lose
// the container at any moment: then it is looked at anew.
DockerExecutor::End DockerExecutor::Carry(Carried& carried, const std::stop_token& quit) {
  const attempt::Name& attempt = carried.attempt.name;
  const io::fs::path folder = attempt::FolderOf(settings_.folder, attempt);
  const std::string name = ContainerName(settings_.instance, attempt);
  io::SteadyInstant answered = std::chrono::steady_clock::now();
  for (int starts = 0; !quit.stop_requested();) {
    auto ended = ReadExitOf(attempt, folder);
    if (!ended || *ended) {
      return ended ? End(**std::move(ended)) : Unknown(ended.error());
    }
    if (starts == kStartsMax) {
      return GiveUp(carried, name, Failed("its runner ended and left no exit record").value(),
                    quit);
    }
    const auto started = BringUp(carried, name, quit);
    if (started) starts += *started ? 1 : 0;
    const auto waited = started ? AwaitEnd(carried, name, quit) : tl::unexpected(started.error());
    if (waited) {
      answered = std::chrono::steady_clock::now();
      continue;
    }
    const Error& error = waited.error();
    const bool passes = error.kind == ErrorKind::kTemporary || error.kind == ErrorKind::kTimedOut;
    const auto now = std::chrono::steady_clock::now();
    const bool never_begun = starts == 0 && !carried.is_recovered;
    if (RunnerLives(folder)) {
      answered = now;
    } else if (!passes || never_begun || now - answered > kAwayMax) {
      return GiveUp(carried, name, error, quit);
    }
    if (!Pause(kAgain, quit)) break;
  }
  return Temporary("this busker ends");  // nobody is told
}

// There is a container of that name, and it was started. False: it runs already.
Result<bool> DockerExecutor::BringUp(Carried& carried, const std::string& name,
                                     const std::stop_token& quit) {
  TRY(engine_.Ping(io::Within(kLookLimit, quit)));
  TRY_ASSIGN(auto found, engine_.Inspect(name, io::Within(kLookLimit, quit)));
  if (found && !IsOurs(*found, carried.attempt.name)) {
    return Invalid(fmt::format(
        "there is a container {} that is not Busker's; rename or remove it, then busker retry",
        name));
  }
  if (found && found->is_running) return false;
  TRY(HandSecrets(carried.attempt, name));
  if (!found) {
    TRY_ASSIGN(const std::string body, BodyOf(carried.attempt));
    TRY(CreateWithImage(carried, name, body, quit));
  }
  TRY(engine_.Start(name, io::Within(kCallLimit, quit)));
  return true;
}

Result<void> DockerExecutor::CreateWithImage(Carried& carried, const std::string& name,
                                             const std::string& body, const std::stop_token& quit) {
  auto created = engine_.Create(name, body, io::Within(kCallLimit, quit));
  if (created || created.error().kind != ErrorKind::kNotFound) return created;
  TRY_ASSIGN(const ContainerSettings settings, ContainerSettingsIn(carried.attempt.place));
  io::Interrupt pulling = io::Within(kPullLimit, quit);
  pulling.stop_descriptor = carried.stop.get();
  TRY(engine_.Pull(settings.image, pulling));
  return engine_.Create(name, body, io::Within(kCallLimit, quit));
}

// Until the container does not run. Its runner is told when the attempt is to stop.
Result<void> DockerExecutor::AwaitEnd(Carried& carried, const std::string& name,
                                      const std::stop_token& quit) {
  for (;;) {
    io::Interrupt interrupt = io::Within(carried.is_told ? kTellAgain : kWaitLimit, quit);
    if (!carried.is_told) interrupt.stop_descriptor = carried.stop.get();
    const auto waited = engine_.Wait(name, interrupt);
    eventfd_t told = 0;
    const bool timed_out = !waited && waited.error().kind == ErrorKind::kTimedOut;
    const bool is_new = eventfd_read(carried.stop.get(), &told) == 0;
    carried.is_told |= is_new;
    // Again and again: a runner that has just begun does not hear it, as the first process of a
    // container gets no signal that it does not wait for.
    if (is_new || (carried.is_told && timed_out)) {
      TRY(engine_.Terminate(name, io::Within(kCallLimit, quit)));
      continue;
    }
    if (waited || waited.error().kind == ErrorKind::kNotFound) return {};
    if (!timed_out) return waited;
  }
}

// Of an attempt that cannot be carried out. Only when its container is known to be gone is it known
// that nothing of it will begin.
DockerExecutor::End DockerExecutor::GiveUp(Carried& carried, const std::string& name, Error error,
                                           const std::stop_token& quit) {
  const attempt::Name& attempt = carried.attempt.name;
  const io::fs::path folder = attempt::FolderOf(settings_.folder, attempt);
  std::error_code missing;
  const bool may_have_begun = io::fs::exists(folder / attempt::kLockFile, missing);
  const bool pinged = engine_.Ping(io::Within(kLookLimit, quit)).has_value();
  const bool removed =
      pinged && RemoveOurs(name, attempt, io::Within(kCallLimit, quit)).has_value();
  eventfd_t told = 0;
  const bool is_stopped = eventfd_read(carried.stop.get(), &told) == 0 || carried.is_told;
  const bool asked_nothing = !pinged && !carried.is_recovered && !may_have_begun;
  if (may_have_begun || !(removed || asked_nothing)) {
    return Unknown(error);
  }
  if (is_stopped) {
    return Ended(attempt, attempt::Ending::kCancelled,
                 "the attempt was cancelled before the command was started");
  }
  const bool passes = error.kind == ErrorKind::kTemporary || error.kind == ErrorKind::kTimedOut;
  if (passes) return Temporary(error.message);
  return Ended(attempt, attempt::Ending::kNotStarted, error.message);
}

Result<std::string> DockerExecutor::BodyOf(const Attempt& attempt) const {
  Container container;
  container.instance = settings_.instance;
  container.attempt = attempt.name;
  TRY_ASSIGN(container.settings, ContainerSettingsIn(attempt.place));
  container.runner = settings_.runner;
  container.attempt_folder = attempt::FolderOf(settings_.folder, attempt.name);
  container.user = fmt::format("{}:{}", getuid(), getgid());
  container.cpus_milli = attempt.cpus_milli;
  container.memory_bytes = attempt.memory_bytes;
  if (!container.settings.store.empty()) {
    constexpr std::string_view kFile = "file://";
    TRY_ASSIGN(const std::string url,
               attempt::UrlOfPlace(container.settings.store, settings_.home));
    if (url.starts_with(kFile)) {
      const io::fs::path store = url.substr(kFile.size());
      TRY(io::MakeFolders(store, 0700));  // the engine mounts what is there
      container.mounts.push_back({store, true});
    }
  }
  if (!attempt.secrets.empty()) {
    TRY_ASSIGN(const io::fs::path folder, SecretsFolder());
    container.mounts.push_back({folder / ContainerName(settings_.instance, attempt.name), false,
                                attempt::kSecretsInContainer});
  }
  return CreateBody(container);
}

// In memory; of this home and user alone.
Result<io::fs::path> DockerExecutor::SecretsFolder() const {
  const io::fs::path folder =
      io::fs::path(kSecretsPlace) /
      ("busker-" + io::Sha256Of(settings_.instance).substr(0, 16) + "-" + std::to_string(getuid()));
  if (mkdir(folder.c_str(), 0700) == 0) return folder;
  if (errno != EEXIST) return SystemError("make " + folder.string(), errno);
  struct stat is {};
  const bool ours = lstat(folder.c_str(), &is) == 0 && S_ISDIR(is.st_mode) &&
                    is.st_uid == geteuid() && (is.st_mode & 0077) == 0;
  if (ours) return folder;
  return Unusable(fmt::format("{} is not this user's alone; remove it", folder.string()));
}

Result<void> DockerExecutor::HandSecrets(const Attempt& attempt, const std::string& name) const {
  if (attempt.secrets.empty()) return {};
  auto values = ValuesOf(attempt.secrets, settings_.secret_of);
  TRY_ASSIGN(const io::fs::path folder, SecretsFolder());
  auto handed = attempt::HandOverIn(folder / name, values);
  if (values) {
    for (std::string& value : *values) attempt::Wipe(value);
  }
  return handed;
}

// The container and what was made for it; false: something stays.
bool DockerExecutor::RemoveTraces(const attempt::Name& attempt, Milliseconds limit,
                                  const std::stop_token& quit) {
  const std::string name = ContainerName(settings_.instance, attempt);
  if (const auto folder = SecretsFolder()) unlink((*folder / name).c_str());
  return RemoveOurs(name, attempt, io::Within(limit, quit)).has_value();
}

// Until it is gone. What is left when this busker ends, the next one sweeps.
void DockerExecutor::RemoveLater(const attempt::Name& attempt, const std::stop_token& quit) {
  for (Milliseconds pause = kAgain; Pause(pause, quit); pause = std::min(2 * pause, kAgainMax)) {
    if (RemoveTraces(attempt, kCallLimit, quit)) return;
  }
}

// Somebody else's container of that name stays.
Result<void> DockerExecutor::RemoveOurs(const std::string& name, const attempt::Name& attempt,
                                        const io::Interrupt& interrupt) {
  TRY_ASSIGN(const auto found, engine_.Inspect(name, interrupt));
  if (!found || !IsOurs(*found, attempt)) return {};
  return engine_.Remove(found->id, interrupt);
}

bool DockerExecutor::IsOurs(const ContainerState& container, const attempt::Name& attempt) const {
  return container.home == settings_.instance && container.attempt == attempt.Text();
}

Result<void> DockerExecutor::Sweep(std::span<const attempt::Name> unfinished) {
  sweeping_ =
      std::jthread([this, names = std::set<attempt::Name>(unfinished.begin(), unfinished.end())](
                       const std::stop_token& quit) { SweepNow(names, quit); });
  return {};
}

// Tried until the engine answers. What was launched since it listed them is not among them: a name
// is never launched twice.
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
      {
        const std::lock_guard lock(mutex_);
        const bool carried = std::any_of(attempts_.begin(), attempts_.end(), [&](const auto& each) {
          return each.first.Text() == one.value;
        });
        if (carried || kept.contains(one.value)) continue;
      }
      all &= engine_.Remove(one.name, io::Within(kCallLimit, quit)).has_value();
    }
    if (all || !Pause(pause, quit)) return;
    pause = std::min(2 * pause, kAgainMax);
  }
}

}  // namespace busker::execute
