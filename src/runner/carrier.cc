#include "runner/carrier.h"

#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "artifact/store.h"
#include "attempt/exit_record.h"
#include "attempt/folder.h"
#include "attempt/handed_secrets.h"
#include "attempt/log.h"
#include "attempt/order.h"
#include "attempt/remote.h"
#include "attempt/sealed_secrets.h"
#include "base/text.h"
#include "io/boot.h"
#include "io/interrupt.h"
#include "io/subprocess.h"
#include "runner/console.h"
#include "runner/docker_command.h"
#include "runner/log_shipping.h"
#include "runner/signals.h"
#include "runner/start_marker.h"
#include "runner/vm_metadata.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::steady_clock;

// On Container-Optimized OS nothing else that lasts may hold programs.
constexpr char kFolder[] = "/var/lib/google/busker";
constexpr char kAttemptFolder[] = "/var/lib/google/busker/attempt";
constexpr char kInMemory[] = "/dev/shm";

constexpr Milliseconds kResumeWithin = minutes(5);
constexpr Milliseconds kEngineWithin = minutes(2);
constexpr Milliseconds kDockerLimit = minutes(1);  // of what docker answers at once
constexpr int kStartsMax = 4;                      // of one container
constexpr int kPullTriesMax = 3;
constexpr Milliseconds kPullPause = seconds(5);
constexpr Milliseconds kSecretsEach = seconds(2);
constexpr Milliseconds kShipLimit = minutes(1);  // of a part of the log, before it is tried again
constexpr Milliseconds kReportWithin = std::chrono::hours(1);
// A VM lives no longer than that (compute/docs/instances/limit-vm-runtime).
constexpr Milliseconds kVmLifeMax = std::chrono::hours(24 * 120);
// Once the VM is told to stop: a Spot VM has 30 s, and another 120 s, before its power goes.
constexpr Milliseconds kSpotEnd = seconds(18), kEnd = seconds(90);
constexpr Milliseconds kTellAgain{700}, kKillLimit = seconds(5);
constexpr Milliseconds kKilledWithin = seconds(3);
constexpr Milliseconds kReportAtEnd = seconds(4);
constexpr int kPartsAtOnce = 8;
constexpr std::uint64_t kOwnLogBytesMax = 1 << 20;

// One attempt whose start this machine in this boot owns.
class Carrier {
 public:
  Carrier(const VmMetadata& vm, artifact::Store& store, OwnedAttempt owned, Signals& signals)
      : vm_(vm),
        store_(store),
        keys_(vm.attempt),
        sealed_order_(std::move(owned.sealed_order)),
        key_(std::move(owned.key)),
        signals_(signals),
        folder_(kAttemptFolder),
        memory_folder_(fs::path(kInMemory) / ("busker-" + vm.id)),
        container_("busker-" + vm.id),
        shipper_(store, keys_, folder_) {
    record_.run = vm.attempt.attempt.run;
    record_.task = vm.attempt.attempt.task;
    record_.number = vm.attempt.attempt.number;
    record_.started_at = Now();
  }

  // To the end of the attempt, which is in the store then; an Error: it is not. `was_there`: an
  // earlier process of this boot had begun.
  Result<attempt::ExitRecord> CarryOut(bool was_there) {
    attempt::ExitRecord record = Run(was_there);
    RemoveSecrets();
    record.pull = pull_;
    if (stopped_) Explain(record);
    TRY(Report(record));
    return record;
  }

 private:
  attempt::ExitRecord Run(bool was_there) {
    if (auto made = MakeFolder(); !made) return NotStarted(made.error().message);
    if (was_there) {
      if (auto resumed = shipper_.Resume(Until(kResumeWithin)); !resumed) {
        return Lost("an earlier process on this VM had begun, and what it left cannot be read: " +
                    resumed.error().message);
      }
    }
    has_container_ = was_there && !Look("{{.Id}}").empty();
    auto ready = has_container_ ? Result<void>() : Prepare();
    if (!ready) return Unready(ready.error());
    return Judge(RunToEnd());
  }

  // Runs the container. One whose runner was killed is started again: what that one had noted tells
  // the next how the attempt ended, or that it may go on. One that goes on while docker itself was
  // restarted is waited for.
  Result<io::Captured> RunToEnd() {
    auto ran = Await(has_container_ ? Words{"docker", "wait", container_} : RunWords(), kVmLifeMax,
                     /*is_container=*/true);
    for (int starts = 1; starts < kStartsMax && !stopped_ && HasNoRecord(); ++starts) {
      if (!AwaitEngine()) return ran;
      const std::string state = Look("{{.State.Status}}");
      const bool runs = state == "running" || state == "paused";
      if (!runs && state != "exited") return ran;  // none was made, or it could not be started
      ran_out_of_memory_ = ran_out_of_memory_ || (!runs && Look("{{.State.OOMKilled}}") == "true");
      ran = Await(runs ? Words{"docker", "wait", container_}
                       : Words{"docker", "start", "--attach", container_},
                  kVmLifeMax, true);
    }
    return ran;
  }

  bool HasNoRecord() const {
    const auto own = attempt::ReadExit(folder_);
    return own && !*own;
  }

  // At the container; empty: there is none, or docker does not say.
  std::string Look(const std::string& format) const {
    const auto looked =
        Docker({"docker", "container", "inspect", "--format", format, container_}, kDockerLimit);
    return looked && looked->exit_code == 0 ? std::string(Trim(looked->output)) : std::string();
  }

  // All that the container needs is here.
  Result<void> Prepare() {
    TRY(AwaitEngine());
    TRY(FetchImage());
    TRY(AwaitSecrets());
    TRY_ASSIGN(const std::string order, attempt::SealInBoot(sealed_order_, io::BootId()));
    TRY(io::WriteFileAtomically(folder_ / attempt::kOrderFile, order, 0600));
    return GiveToUserInside();
  }

  Result<void> MakeFolder() {
    TRY(io::MakeFolders(folder_, 0700));
    // Where docker finds its logins.
    return io::MakeFolders(kFolder);
  }

  Result<void> GiveToUserInside() {
    std::vector<fs::path> paths = {folder_};
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder_, error)) paths.push_back(entry.path());
    if (key_) paths.push_back(SecretsFile());
    for (const fs::path& path : paths) {
      if (::lchown(path.c_str(), kUserInside, kUserInside) != 0) {
        return SystemError("give " + path.string() + " to the user of the container", errno);
      }
    }
    return {};
  }

  // The engine's service may still be on its way.
  Result<void> AwaitEngine() {
    const auto deadline = steady_clock::now() + kEngineWithin;
    for (;;) {
      const auto answer =
          Docker({"docker", "version", "--format", "{{.Server.Version}}"}, kDockerLimit);
      if (answer && answer->exit_code == 0) return {};
      const std::string why = answer ? DockersWords(answer->errors) : answer.error().message;
      if (steady_clock::now() > deadline) return Failed("docker does not answer: " + why);
      TRY(Pause(seconds(1)));
    }
  }

  Result<void> FetchImage() {
    const auto begin = steady_clock::now();
    if (FindImage()) {
      pull_ = Milliseconds(0);
      return {};
    }
    Tell(fmt::format("Fetching the image {}...", vm_.image));
    if (const Words login = LogIn(vm_.image); !login.empty()) {
      const auto logged_in = Docker(login, kDockerLimit);
      if (!logged_in || logged_in->exit_code != 0) {
        return Failed(
            fmt::format("docker cannot log in at the registry of {}: {}", vm_.image,
                        logged_in ? DockersWords(logged_in->errors) : logged_in.error().message));
      }
    }
    TRY(Pull());
    pull_ = std::chrono::ceil<Milliseconds>(steady_clock::now() - begin);
    if (FindImage()) {
      Tell(fmt::format("The image {} is here.", vm_.image));
      return {};
    }
    return Failed(fmt::format("the image {} was fetched and is gone", vm_.image));
  }

  Result<void> Pull() {
    const auto deadline = steady_clock::now() + attempt::kPullWithin;
    for (int tries = 1;; ++tries) {
      const auto left = std::chrono::ceil<Milliseconds>(deadline - steady_clock::now());
      const auto pulled =
          Await({"docker", "pull", "--quiet", vm_.image}, std::max(left, Milliseconds(1)), false);
      if (pulled && pulled->exit_code == 0) return {};
      if (stopped_) return Temporary("the VM was stopped while the image was fetched");
      const std::string words = pulled ? DockersWords(pulled->errors) : pulled.error().message;
      if (!pulled || tries >= kPullTriesMax || !MayPass(words)) {
        return Failed(fmt::format("the image {} cannot be had: {}", vm_.image, words));
      }
      TRY(Pause(kPullPause * tries));
    }
  }

  // Is the image here?
  bool FindImage() {
    const auto looked = Docker(LookAtImage(vm_.image), kDockerLimit);
    if (!looked || looked->exit_code != 0) return false;
    auto image = ImageIn(looked->output, vm_.image);
    if (!image) return false;
    image_ = *std::move(image);
    return true;
  }

  // They come once the executor has seen whose the start is.
  Result<void> AwaitSecrets() {
    if (!key_) return {};
    const auto deadline = steady_clock::now() + attempt::kSecretsWithin;
    for (;;) {
      const auto sealed = store_.GetText(keys_.secrets, Until(kShipLimit));
      if (sealed) return TakeSecrets(*sealed);
      if (steady_clock::now() > deadline) {
        return Failed(fmt::format(
            "the secrets of this attempt did not come within {}{}; is busker up on the machine "
            "that "
            "started it?",
            FormatDuration(attempt::kSecretsWithin),
            sealed.error().kind == ErrorKind::kNotFound ? "" : ": " + sealed.error().message));
      }
      TRY(Pause(kSecretsEach));
    }
  }

  Result<void> TakeSecrets(const std::string& sealed) {
    auto values = key_->Open(sealed, vm_.attempt);
    if (::mkdir(memory_folder_.c_str(), 0700) != 0 && errno != EEXIST) {
      return SystemError("make " + memory_folder_.string(), errno);
    }
    auto handed = attempt::HandOverIn(SecretsFile(), values);
    if (values) {
      for (std::string& value : *values) attempt::Wipe(value);
    }
    return handed;
  }

  fs::path SecretsFile() const { return memory_folder_ / "secrets"; }

  void RemoveSecrets() {
    ::unlink(SecretsFile().c_str());
    ::rmdir(memory_folder_.c_str());
  }

  Words RunWords() const {
    VmContainer container;
    container.name = container_;
    container.attempt = vm_.attempt;
    container.image = image_;
    std::error_code error;  // there is /proc
    container.runner = fs::read_symlink("/proc/self/exe", error);
    container.attempt_folder = folder_;
    if (key_) container.secrets = SecretsFile();
    container.environment = EnvironmentInside(io::OwnEnvironment(), vm_.server);
    return RunContainer(container);
  }

  // What the container came to. Its own word counts before docker's, but for what it cannot know.
  attempt::ExitRecord Judge(const Result<io::Captured>& ran) {
    auto own = attempt::ReadExit(folder_);
    if (own && *own) return Corrected(**std::move(own));
    const std::string words = !ran ? ran.error().message : DockersWords(ran->errors);
    const auto marker = ReadStartMarker(folder_);
    if (!marker || *marker) {
      if (marker && !(*marker)->damaged) record_.command_started_at = (*marker)->command_started_at;
      return Corrected(
          Lost("the container ended while the command ran" + (words.empty() ? "" : ": " + words)));
    }
    if (!own) return NotStarted(own.error().message);
    return NotStarted("docker did not run the container" + Because(words));
  }

  // Who stopped the container, and what was killed for memory.
  attempt::ExitRecord Corrected(attempt::ExitRecord record) const {
    if (record.ending == attempt::Ending::kCancelled && !stopped_) {
      record.ending = attempt::Ending::kSignalled;
      record.signal = SIGTERM;
      record.message = "somebody else than Busker stopped its container";
    } else if (record.ending == attempt::Ending::kLost && ran_out_of_memory_) {
      record.ending = attempt::Ending::kOutOfMemory;
      record.message =
          "the kernel killed the container's first process for memory; take a machine_type with "
          "more";
    }
    return record;
  }

  std::string Because(const std::string& words) const {
    if (!words.empty()) return ": " + words;
    // The runner inside, which says nothing to docker.
    const auto said = io::ReadFile(folder_ / attempt::kErrorFile, 64 << 10);
    const std::string last = said ? DockersWords(*said) : std::string();
    return last.empty() ? "" : ": " + last;
  }

  attempt::ExitRecord Unready(const Error& why) {
    if (!stopped_) return NotStarted(why.message);
    return Ended(attempt::Ending::kNotStarted, "the VM was stopped before the command was started");
  }
  attempt::ExitRecord NotStarted(const std::string& why) {
    const std::string message = WithRemedy(why);
    Tell(message);
    return Ended(attempt::Ending::kNotStarted, message);
  }
  attempt::ExitRecord Lost(const std::string& why) {
    return Ended(attempt::Ending::kLost,
                 stopped_ ? "the VM was stopped while the command ran" : why);
  }
  attempt::ExitRecord Ended(attempt::Ending ending, const std::string& message) {
    attempt::ExitRecord record = record_;
    record.ending = ending;
    record.message = Printable(message);
    record.image = image_.name;
    record.ended_at = Now();
    return record;
  }

  // The VM was told to stop: was it the cloud that took it back? What had ended by then had.
  void Explain(attempt::ExitRecord& record) {
    const bool is_cut_short = record.ending == attempt::Ending::kCancelled ||
                              record.ending == attempt::Ending::kLost ||
                              record.ending == attempt::Ending::kNotStarted;
    if (!is_cut_short || !IsPreempted(vm_, io::Within(seconds(2)))) return;
    record.message =
        fmt::format("the cloud took the Spot VM back {}", record.command_started_at == Instant{}
                                                              ? "before the command was started"
                                                              : "while the command ran");
    record.ending = attempt::Ending::kPreempted;
  }

  // The rest of the log, and then the exit record, which says that it is whole.
  Result<void> Report(const attempt::ExitRecord& record) {
    auto deadline = steady_clock::now() + (stopped_ ? kReportAtEnd : kReportWithin);
    const auto shipped =
        Persist(deadline, [&] { return shipper_.ShipNew(Before(deadline), INT_MAX); });
    if (!shipped) Say("the log in the store lacks its end: " + shipped.error().message);
    const std::string text = attempt::ExitToJson(record);
    bool created = false;
    TRY(Persist(deadline, [&]() -> Result<void> {
      TRY_ASSIGN(created, store_.CreateText(keys_.exit, text, Before(deadline)));
      return {};
    }));
    if (!created) Say("how this attempt ended was in the store already");
    return {};
  }

  // Also when the VM is told to stop meanwhile, if not for long then.
  Result<void> Persist(steady_clock::time_point& deadline,
                       const std::function<Result<void>()>& deed) {
    for (;;) {
      auto done = deed();
      if (done || steady_clock::now() >= deadline) return done;
      if (HearSignal()) deadline = std::min(deadline, steady_clock::now() + kReportAtEnd);
      if (!stopped_ && done.error().kind != ErrorKind::kTemporary) return done;
      std::this_thread::sleep_for(Milliseconds(200));
    }
  }

  io::Interrupt Before(steady_clock::time_point deadline) const {
    io::Interrupt interrupt{deadline};
    if (!stopped_) interrupt.stop_descriptor = signals_.cancel_fd();
    return interrupt;
  }
  io::Interrupt Until(Milliseconds limit) const { return Before(steady_clock::now() + limit); }

  // A line of the attempt's log, before the runner inside goes on with it.
  void Tell(const std::string& line) {
    auto log = attempt::LogWriter::GoOn(folder_, kOwnLogBytesMax, kOwnLogBytesMax);
    if (log) (void)log->Append(Printable(line) + "\n");
  }

  bool HearSignal() {
    if (!stopped_ && signals_.CancelRequested()) {
      stopped_ = true;
      Say("the VM is told to stop");
    }
    return stopped_;
  }

  Result<void> Pause(Milliseconds pause) {
    pollfd told{signals_.cancel_fd(), POLLIN, 0};
    poll(&told, 1, static_cast<int>(pause.count()));
    if (HearSignal()) return Temporary("the VM was stopped");
    return {};
  }

  // A program that answers soon.
  static Result<io::Captured> Docker(const Words& words, Milliseconds limit,
                                     const std::stop_token& stop = {}) {
    io::Command command{words, io::OwnEnvironment(), {}};
    std::erase_if(command.environment,
                  [](const std::string& entry) { return entry.starts_with("HOME="); });
    command.environment.push_back(std::string("HOME=") + kFolder);
    return io::RunAndCapture(command, limit, 4u << 20, {}, stop);
  }

  // One that takes its time. Meanwhile the log goes on its way, and the VM may be told to stop:
  // then the program is, too; or the container that it is about.
  Result<io::Captured> Await(const Words& words, Milliseconds limit, bool is_container) {
    const io::Descriptor done(eventfd(0, EFD_CLOEXEC));
    if (!done.valid()) return SystemError("make an event", errno);
    Result<io::Captured> ended;
    std::jthread thread([&](const std::stop_token& stop) {
      ended = Docker(words, limit, stop);
      eventfd_write(done.get(), 1);
    });
    auto ship_at = steady_clock::now();
    while (!stopped_ && !Ready(done, ship_at)) {
      if (HearSignal()) break;
      if (steady_clock::now() < ship_at) continue;
      // What does not go now goes later.
      (void)shipper_.ShipNew(Until(kShipLimit), kPartsAtOnce);
      ship_at = steady_clock::now() + attempt::kLogPartEach;
    }
    if (stopped_ && is_container) EndContainer(done);
    if (stopped_) thread.request_stop();
    thread.join();
    return ended;
  }

  // Waits until it is, a signal is there, or `until` has come.
  bool Ready(const io::Descriptor& done, steady_clock::time_point until) const {
    pollfd fds[2] = {{done.get(), POLLIN, 0}, {stopped_ ? -1 : signals_.cancel_fd(), POLLIN, 0}};
    const auto left = std::chrono::ceil<Milliseconds>(until - steady_clock::now());
    poll(fds, 2, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    return fds[0].revents != 0;
  }

  // Tells the runner inside, which ends its command, again and again: there may be no container
  // yet, and the first process of one gets no signal that it does not wait for. Kills it in the
  // end.
  void EndContainer(const io::Descriptor& done) {
    const auto now = steady_clock::now();
    const auto kill_at = now + (vm_.is_spot ? kSpotEnd : kEnd);
    while (steady_clock::now() < kill_at) {
      Kill("TERM");
      if (Ready(done, std::min(steady_clock::now() + kTellAgain, kill_at))) return;
    }
    Kill("KILL");
    Ready(done, steady_clock::now() + kKilledWithin);
  }

  void Kill(const std::string& signal) {
    (void)Docker({"docker", "kill", "--signal", signal, container_}, kKillLimit);
  }

  const VmMetadata& vm_;
  artifact::Store& store_;
  const attempt::RemoteKeys keys_;
  const std::string sealed_order_;
  const std::optional<attempt::SecretsKey> key_;  // when it has secrets
  Signals& signals_;
  const fs::path folder_, memory_folder_;
  const std::string container_;     // its name
  bool has_container_ = false;      // of an earlier process
  bool ran_out_of_memory_ = false;  // its first process was killed for it
  DockerImage image_;
  std::optional<Milliseconds> pull_;
  LogShipper shipper_;
  attempt::ExitRecord record_;
  bool stopped_ = false;  // the VM was told to stop
};

}  // namespace

Result<attempt::ExitRecord> Carry(const VmMetadata& vm, artifact::Store& store, OwnedAttempt owned,
                                  Signals& signals) {
  const bool was_there = owned.was_there;
  return Carrier(vm, store, std::move(owned), signals).CarryOut(was_there);
}

}  // namespace busker::runner
