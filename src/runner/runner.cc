#include "runner/runner.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <set>

#include "artifact/store.h"
#include "attempt/exit_record.h"
#include "attempt/folder.h"
#include "attempt/log.h"
#include "base/plural.h"
#include "base/text.h"
#include "home/place.h"
#include "io/boot.h"
#include "io/tls_context.h"
#include "runner/advice.h"
#include "runner/attempt_secrets.h"
#include "runner/command.h"
#include "runner/container.h"
#include "runner/exit_file.h"
#include "runner/process_tree.h"
#include "runner/python_environment.h"
#include "runner/saving.h"
#include "runner/start_marker.h"
#include "runner/working_folder.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;

constexpr Milliseconds kGitLimit(5000);
// With all that is escaped in it, it fits into a message to the executor
// (attempt::kAnswerBytesMax).
constexpr std::uint64_t kResultBytesMax = 16 * 1024;
constexpr Milliseconds kLogSyncAfter(1000);  // what took less is not worth a sync of its log

struct Verdict {
  attempt::Ending ending;
  std::string message;
  std::string last_output = {};  // of the command, which stands in the log already
  std::string advice = {};       // what to do about it
  bool told = false;             // the message stands in the log already
  bool permanent = false;        // see ExitRecord
};

std::string SentenceOf(const Verdict& verdict) {
  return verdict.message +
         (verdict.last_output.empty() ? "" : "; last output: " + verdict.last_output) +
         (verdict.advice.empty() ? "" : "; " + verdict.advice);
}

Result<attempt::Order> ReadOrder(const fs::path& folder) {
  TRY_ASSIGN(const std::string text, io::ReadFile(folder / attempt::kOrderFile));
  return attempt::Open(text);
}

// Makes the attempt's folder; true when it was not there.
Result<bool> MakeAttemptFolder(const fs::path& folder) {
  for (const fs::path& path : {folder, folder.parent_path(), folder}) {
    if (::mkdir(path.c_str(), 0700) == 0) {
      if (path == folder) return true;
    } else if (errno == EEXIST) {
      if (path == folder) return false;
    } else if (errno != ENOENT) {
      return SystemError("create folder " + path.string(), errno);
    }
  }
  return SystemError("create folder " + folder.string(), ENOENT);
}

std::string DescribeExitCode(int code) {
  if (code > 128 && code - 128 < NSIG && sigdescr_np(code - 128) != nullptr) {
    return fmt::format("the command ended with exit code {}, a shell's word for signal {} ({})",
                       code, code - 128, sigdescr_np(code - 128));
  }
  return fmt::format("the command ended with exit code {}", code);
}

std::string DescribeSignal(int signal) {
  const char* const name = sigdescr_np(signal);
  return fmt::format("the command was ended by signal {}{}", signal,
                     name != nullptr ? fmt::format(" ({})", name) : "");
}

// Was a process of the command killed for memory? A count of the command's own group is proof; one
// that is shared with others only together with a SIGKILL that we did not send.
bool RanOutOfMemory(const CommandEnd& end, MemoryGroup& group) {
  if (group.Kills() == 0) return false;
  const int status = end.wait_status;
  const bool killed = (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !end.killed) ||
                      (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGKILL);
  return group.own() || killed;
}

// One of Busker's own steps says itself what is wrong, and by its exit code whether that can pass.
Verdict JudgeExit(const attempt::Order& order, int code, const std::string& last_output) {
  constexpr std::string_view kSelf = "busker: ";
  constexpr int kInvalid = 2, kNotFound = 3;
  Verdict verdict{attempt::Ending::kExited, DescribeExitCode(code), last_output};
  if (!order.repeatable || !last_output.starts_with(kSelf)) return verdict;
  verdict.message = last_output.substr(kSelf.size());
  verdict.last_output.clear();
  verdict.told = true;
  verdict.permanent = code == kInvalid || code == kNotFound;
  return verdict;
}

// How the command ended, before anything is saved.
Verdict Judge(const attempt::Order& order, const CommandEnd& end, MemoryGroup& group) {
  const int status = end.wait_status;
  if (end.cancelled) return {attempt::Ending::kCancelled, "the attempt was cancelled"};
  const bool out_of_memory = RanOutOfMemory(end, group);
  if (end.timed_out) {
    return {attempt::Ending::kTimedOut,
            fmt::format("the command did not end within its timeout of {}{}",
                        FormatDuration(*order.timeout),
                        out_of_memory ? "; a process of it had been killed for memory" : "")};
  }
  if (out_of_memory) {
    return {
        attempt::Ending::kOutOfMemory,
        fmt::format(
            "the kernel killed a process of the command for memory{}",
            WIFEXITED(status) ? fmt::format(" (its exit code was {})", WEXITSTATUS(status)) : "")};
  }
  if (WIFSIGNALED(status)) {
    return {attempt::Ending::kSignalled, DescribeSignal(WTERMSIG(status)), end.last_output};
  }
  if (WEXITSTATUS(status) != 0) {
    return JudgeExit(order, WEXITSTATUS(status), end.last_output);
  }
  if (end.stuck > 0) {
    return {attempt::Ending::kNotSaved,
            fmt::format("{} that the command left behind could not be ended",
                        Plural(end.stuck, "process", "processes"))};
  }
  return {attempt::Ending::kSucceeded, ""};
}

void Note(const CommandEnd& end, attempt::ExitRecord& record) {
  record.exit_code = WIFEXITED(end.wait_status) ? WEXITSTATUS(end.wait_status) : 0;
  record.signal = WIFSIGNALED(end.wait_status) ? WTERMSIG(end.wait_status) : 0;
  record.cpu_user = end.cpu_user;
  record.cpu_system = end.cpu_system;
  record.memory_peak_bytes = end.memory_peak_bytes;
  record.command_started_at = end.started_at;
  record.command_ended_at = end.ended_at;
  record.log_bytes = end.output_bytes;
}

// What `entries` has of variables that `environment` does not set.
void AddMissing(const std::vector<std::string>& entries, std::vector<std::string>& environment) {
  std::set<std::string_view> set;
  const auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  for (const std::string& entry : environment) set.insert(name_of(entry));
  std::vector<std::string> missing;
  for (const std::string& entry : entries) {
    if (!set.contains(name_of(entry))) missing.push_back(entry);
  }
  environment.insert(environment.end(), missing.begin(), missing.end());
}

// A bare task: nothing is loaded, linked, saved or synced.
bool MayUseScratch(const attempt::Order& order) {
  return !order.synced && order.root.empty() && !order.input && !order.output;
}

fs::path AttemptsFolderOf(const fs::path& attempt_folder) {
  return attempt_folder.parent_path().parent_path();
}

// One attempt whose order was read and whose lock is held.
class Attempt {
 public:
  Attempt(fs::path folder, bool is_new, attempt::Order order, PendingMarker::Durable durable,
          const AttemptLock& lock, Signals& signals, const std::optional<Contained>& contained,
          const std::function<MemoryGroup&()>& make_group, attempt::Scratch* scratch,
          ExitFile& exit_file, Instant started_at)
      : folder_(std::move(folder)),
        is_new_(is_new),
        order_(std::move(order)),
        durable_(durable),
        environment_(order_.environment),
        lock_(lock),
        signals_(signals),
        contained_(contained),
        make_group_(make_group),
        scratch_(scratch),
        exit_file_(exit_file),
        secrets_(order_, folder_),
        work_folder_(scratch != nullptr ? scratch->path() : folder_ / attempt::kWorkFolder) {
    record_.run = order_.run;
    record_.task = order_.task;
    record_.number = order_.number;
    record_.image = order_.image;
    record_.started_at = started_at;
  }

  attempt::ExitRecord CarryOut() {
    const bool is_contained = !order_.image.empty();  // its executor may have told something before
    auto log = is_contained ? attempt::LogWriter::GoOn(folder_, order_.log_head_bytes_max,
                                                       order_.log_tail_bytes_max)
                            : attempt::LogWriter::Create(folder_, order_.log_head_bytes_max,
                                                         order_.log_tail_bytes_max, !is_new_);
    if (!log) return End({attempt::Ending::kNotStarted, log.error().message});
    Say(*log, "Running the action...");
    Verdict verdict = RunAndSave(*log);
    // What it says may come from the program: its last output, the names of its files.
    for (std::string* const told : {&verdict.message, &verdict.last_output}) {
      if (!secrets_.patterns().empty()) *told = Masked(secrets_.patterns(), *told);
    }
    verdict.advice = AdviceOn(order_.root, SentenceOf(verdict), contained_.has_value());
    if (auto removed = secrets_.Remove(); !removed) {
      Say(*log, "Files with secrets stay: " + removed.error().message);
    }
    if (verdict.ending == attempt::Ending::kSucceeded) {
      RemoveWork(*log);
    } else if (scratch_ != nullptr) {
      scratch_->MoveTo(folder_ / attempt::kWorkFolder);
    }
    if (!verdict.told) {
      Verdict told = verdict;
      told.last_output.clear();  // it stands there already
      Say(*log, verdict.ending == attempt::Ending::kSucceeded ? "Well done."
                                                              : Printable(SentenceOf(told)));
    }
    // The log is for people; nothing depends on it.
    if (order_.synced || Now() - record_.started_at > kLogSyncAfter) (void)log->Sync();
    record_.log_bytes_cut = log->bytes_cut();
    return End(verdict);
  }

  // Decided on in an earlier boot, or nobody knows when; and what an earlier runner noted may have
  // gone with the power.
  attempt::ExitRecord Lose() {
    return End({attempt::Ending::kLost,
                "the machine may have stopped after this attempt had begun, and how far it came "
                "is not known; the command is not started a second time"});
  }

  // No process is left, and this process is as it was before.
  bool clean() const { return clean_; }

  // What runs by that marker is another home's: this folder came here by copying.
  attempt::ExitRecord LeaveAlone() {
    clean_ = false;
    return End({attempt::Ending::kLost,
                "the folder of this attempt was copied from another home, where the attempt had "
                "begun; what it started there is left alone; busker retry begins the next one"});
  }

  // An earlier runner died after it had started the command. The command is not started again,
  // unless it may be; what the earlier one left tells how the attempt ended.
  attempt::ExitRecord Settle(const StartMarker& marker) {
    if (!marker.mark.empty() && marker.mark != order_.mark) return LeaveAlone();
    const int left = EndLeftovers(marker, order_.mark);
    if (MayUseScratch(order_)) {
      attempt::Scratch(AttemptsFolderOf(folder_), lock_.holder_before())
          .MoveTo(folder_ / attempt::kWorkFolder);
    }
    if (order_.repeatable && left == 0) return CarryOut();
    clean_ = false;
    if (order_.repeatable) {
      return End({attempt::Ending::kLost,
                  fmt::format("{} that an earlier runner of this attempt "
                              "left behind could not be ended, so it is not carried "
                              "out again beside them",
                              Plural(static_cast<std::uint64_t>(left), "process", "processes"))});
    }
    if (!marker.damaged) {
      record_.started_at = marker.started_at;
      record_.command_started_at = marker.command_started_at;
    }
    auto saved = FindSaved();
    if (!saved) {
      return End({attempt::Ending::kLost,
                  "an earlier runner of this attempt vanished, and whether it "
                  "had saved the output is not known: " +
                      saved.error().message});
    }
    if (!*saved && marker.damaged) {
      return End(
          {attempt::Ending::kLost,
           "what an earlier runner of this attempt noted in the file \"lock\" is damaged, and "
           "how far it came is not known; the command is not started a second time"});
    }
    if (!*saved) {
      return End({attempt::Ending::kLost,
                  "an earlier runner of this attempt vanished while the command "
                  "ran; it is not started a second time"});
    }
    NoteOutput(**saved, record_);
    record_.command_ended_at = (*saved)->saved_at;
    return End({attempt::Ending::kSucceeded, ""});
  }

 private:
  Verdict RunAndSave(attempt::LogWriter& log) {
    auto prepared = Prepare();
    if (!prepared && !signals_.CancelRequested()) {
      return {attempt::Ending::kNotStarted, prepared.error().message};
    }
    if (prepared && !order_.root.empty() && order_.output) {
      FindCommits(log);
      work_.environment = FindPythonEnvironment(order_.command, environment_, work_folder_);
    }
    if (signals_.CancelRequested()) {
      return {attempt::Ending::kCancelled,
              "the attempt was cancelled before the command was started"};
    }
    const Verdict verdict = Run(make_group_(), log);
    if (verdict.ending == attempt::Ending::kSucceeded && order_.repeatable) TakeResult(log);
    if (verdict.ending != attempt::Ending::kSucceeded || !order_.output) return verdict;
    if (signals_.CancelRequested()) {
      return {attempt::Ending::kCancelled, "the attempt was cancelled before its output was saved"};
    }
    return Save();
  }

  Result<void> Prepare() {
    if (contained_) {
      if (order_.root == attempt::kRootOfImage) {
        TRY(FindRootInImage(contained_->working_directory, order_));
      }
      environment_ = order_.environment;
      AddMissing(contained_->environment, environment_);
    }
    TRY(secrets_.Give(environment_));
    if (order_.input || order_.output) {
      TRY_ASSIGN(store_, OpenStore());
    }
    if (order_.output) TRY(RefuseExisting());
    if (scratch_ != nullptr) return scratch_->MakeReady();
    TRY_ASSIGN(work_, MakeWorkingFolder(order_, store_.get(), work_folder_, ForFiles(), !is_new_));
    return {};
  }

  Result<std::unique_ptr<artifact::Store>> OpenStore() const {
    TRY_ASSIGN(const std::string url, home::UrlOfPlace(order_.store_url, order_.home));
    if (!url.starts_with("file:")) io::ForgetTheContainersSettings();  // it is called by a network
    return artifact::OpenStore(url);
  }

  // What waits for the store ends when the attempt is cancelled.
  io::Interrupt ForFiles() const {
    io::Interrupt interrupt = artifact::ForFiles();
    interrupt.stop_descriptor = signals_.cancel_fd();
    return interrupt;
  }

  // For the manifest. That they are not known fails nothing.
  void FindCommits(attempt::LogWriter& log) {
    auto commits = FindSourceCommits(order_.root, order_.environment, kGitLimit);
    if (commits) {
      work_.commits = *std::move(commits);
    } else if (commits.error().kind != ErrorKind::kNotFound) {
      Say(log, "The commit of the source is not recorded: " + Printable(commits.error().message));
    }
  }

  // Better now than after hours of training.
  Result<void> RefuseExisting() {
    TRY_ASSIGN(const artifact::VersionName name, artifact::ParseVersionName(*order_.output));
    auto manifest = artifact::ReadManifest(*store_, name, ForFiles());
    if (!manifest && manifest.error().kind == ErrorKind::kNotFound) return {};
    TRY(manifest);
    return Invalid(fmt::format("version {} exists already, saved by run {}, task {}, attempt {}",
                               name.Key(), manifest->run, manifest->task, manifest->attempt));
  }

  Verdict Run(MemoryGroup& group, attempt::LogWriter& log) {
    const auto marker = PendingMarker::Prepare(
        lock_, folder_, {record_.started_at, Now(), {}, group.folder(), order_.mark}, durable_);
    if (!marker) return {attempt::Ending::kNotStarted, marker.error().message};
    const Launch launch{order_.command, environment_, work_folder_, -1, -1, secrets_.oom_score()};
    auto end = RunCommand(launch, group, {order_.timeout, order_.grace}, signals_,
                          secrets_.patterns(), log, *marker, [&] {
                            if (!order_.synced) (void)exit_file_.Reserve();  // or written anew
                          });
    (void)secrets_.Remove();  // nobody reads them any more
    if (!end) return {attempt::Ending::kNotStarted, end.error().message};
    clean_ = end->left_behind == 0 && end->stuck == 0 && !end->timed_out;
    Note(*end, record_);
    if (end->left_behind > 0) {
      Say(log, fmt::format("{} that the command left behind {} ended.",
                           end->left_behind == 1 ? "A process"
                                                 : fmt::format("{} processes", end->left_behind),
                           end->left_behind == 1 ? "was" : "were"));
    }
    return Judge(order_, *end, group);
  }

  // For whoever asks later what the step came to. What it did, it did, whether this is there or
  // not.
  void TakeResult(attempt::LogWriter& log) {
    auto result = io::ReadFile(work_folder_ / attempt::kResultFile, kResultBytesMax);
    if (result) {
      record_.result = *std::move(result);
    } else if (result.error().kind != ErrorKind::kNotFound) {
      Say(log, "What it came to is not on record: " + Printable(result.error().message));
    }
  }

  Verdict Save() {
    auto manifest =
        SaveOutput(order_, *store_, folder_ / attempt::kWorkFolder, work_, Now(), ForFiles());
    if (!manifest && signals_.CancelRequested()) {
      return {attempt::Ending::kCancelled,
              "the attempt was cancelled while its output was saved" +
                  WhereItIs(folder_ / attempt::kWorkFolder / kOutputFolder)};
    }
    if (!manifest) {
      return {attempt::Ending::kNotSaved,
              "the output was not saved: " + manifest.error().message +
                  WhereItIs(folder_ / attempt::kWorkFolder / kOutputFolder)};
    }
    NoteOutput(*manifest, record_);
    return {attempt::Ending::kSucceeded, ""};
  }

  Result<std::optional<artifact::Manifest>> FindSaved() {
    if (!order_.output) return std::nullopt;
    TRY_ASSIGN(store_, OpenStore());
    return FindOwnOutput(order_, *store_, ForFiles());
  }

  // Only after success: after a failure a person wants to look at it.
  void RemoveWork(attempt::LogWriter& log) {
    if (scratch_ != nullptr) return scratch_->Clear();
    if (auto removed = io::RemoveTree(folder_ / attempt::kWorkFolder); !removed) {
      Say(log, "The working folder stays: " + removed.error().message);
    }
  }

  // A line of our own in the log, which begins on a line of its own.
  void Say(attempt::LogWriter& log, std::string_view line) {
    (void)log.Append(fmt::format("{}{}\n", log.at_line_begin() ? "" : "\n", line));
  }

  attempt::ExitRecord End(const Verdict& verdict) {
    record_.ending = verdict.ending;
    record_.message = SentenceOf(verdict);
    record_.permanent = verdict.permanent;
    record_.ended_at = Now();
    return record_;
  }

  const fs::path folder_;
  const bool is_new_;  // the folder
  attempt::Order order_;
  const PendingMarker::Durable durable_;
  std::vector<std::string> environment_;  // the order's, and secrets
  const AttemptLock& lock_;
  Signals& signals_;
  const std::optional<Contained>& contained_;  // none: it is in no container
  const std::function<MemoryGroup&()>& make_group_;
  attempt::Scratch* const
      scratch_;  // where the command works; null: in a folder of the attempt's own
  ExitFile& exit_file_;
  AttemptSecrets secrets_;
  const fs::path work_folder_;
  bool clean_ = true;
  attempt::ExitRecord record_;
  std::unique_ptr<artifact::Store> store_;  // when something is loaded or saved
  WorkingFolder work_;
};

}  // namespace

Result<Runner> Runner::Claim() {
  TRY_ASSIGN(Signals signals, Signals::Claim());
  TRY(BecomeSubreaper());
  return Runner(std::move(signals));
}

Result<Runner::Done> Runner::CarryOut(const fs::path& attempt_folder,
                                      std::optional<attempt::Order> order) {
  const Instant started_at = Now();
  const fs::path folder = fs::absolute(attempt_folder);
  bool is_new = false;
  if (order) {
    TRY_ASSIGN(is_new, MakeAttemptFolder(folder));
  }
  TRY_ASSIGN(const AttemptLock lock, AttemptLock::Take(folder));
  if (!is_new) {
    TRY_ASSIGN(const auto ended, attempt::ReadExit(folder));
    if (ended) return Invalid("this attempt has ended already");
  }
  if (!order) {
    TRY_ASSIGN(order, ReadOrder(folder));
  }
  if (contained_) order->image = contained_->image;
  // Of an unsynced one while the command runs: it does not wait for it.
  ExitFile exit_file(folder, order->synced);
  if (order->synced) TRY(exit_file.Reserve());
  std::optional<StartMarker> marker;
  if (!is_new) {
    TRY_ASSIGN(marker, ReadStartMarker(folder));
  }
  const std::function<MemoryGroup&()> make_group = [&]() -> MemoryGroup& {
    if (group_ && many_) {
      group_->Restart();
    } else {
      group_ =
          many_ ? MemoryGroup::MakeForProcess() : MemoryGroup::Make(folder, contained_.has_value());
    }
    return *group_;
  };
  const bool may_begin = order->synced || order->repeatable || order->boot == io::BootId();

  attempt::Scratch* scratch = nullptr;
  if (many_ && MayUseScratch(*order)) {
    if (!scratch_) scratch_.emplace(AttemptsFolderOf(folder), getpid());
    scratch = &*scratch_;
  }

  // Outside of a container nobody but this runner sees to the folder's own place.
  using Durable = PendingMarker::Durable;
  const Durable durable = !order->synced ? Durable::kNothing
                          : contained_   ? Durable::kInFolder
                                         : Durable::kWithPath;
  Attempt attempt(folder, is_new, *std::move(order), durable, lock, signals_, contained_,
                  make_group, scratch, exit_file, started_at);
  attempt::ExitRecord record = marker      ? attempt.Settle(*marker)
                               : may_begin ? attempt.CarryOut()
                                           : attempt.Lose();
  if (!many_) RemoveGroup();
  std::string text = ExitText(record);
  Result<void> saved = exit_file.Write(text);
  const bool clean = saved && attempt.clean() && !signals_.CancelRequested();
  return Done{std::move(record), std::move(text), std::move(saved), clean};
}

void Runner::CleanUp() {
  RemoveGroup();
  if (scratch_) scratch_->Remove();
}

void Runner::RemoveGroup() {
  if (group_ && !group_->folder().empty()) MemoryGroup::Remove(group_->folder());
  group_.reset();
}

Result<attempt::ExitRecord> RunAttempt(const fs::path& attempt_folder,
                                       std::optional<Contained> contained) {
  TRY_ASSIGN(Runner runner, Runner::Claim());
  if (contained) runner.BeContained(*std::move(contained));
  TRY_ASSIGN(Runner::Done done, runner.CarryOut(attempt_folder, std::nullopt));
  TRY(done.saved);
  return std::move(done.record);
}

}  // namespace busker::runner
