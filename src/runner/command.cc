#include "runner/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include "runner/last_output.h"
#include "runner/output_streams.h"
#include "runner/process_tree.h"

namespace busker::runner {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kSyncLag = milliseconds(1000);        // a log line is durable after
constexpr auto kStragglers = milliseconds(100);      // to end by themselves after the command
constexpr auto kGraceAfterEnd = milliseconds(5000);  // at most, for what the command left behind
constexpr auto kKillAgain = milliseconds(20);        // for who was being forked the last time
constexpr auto kGiveUp = milliseconds(10'000);       // with processes that SIGKILL does not end
constexpr auto kLongest = std::chrono::days(3650);   // still an instant of the clock
constexpr std::size_t kBlockBytes = 1 << 16;         // of output are taken between two looks around
constexpr std::size_t kLastBytes = 4 << 20;          // more than is in the pipes in the end

milliseconds Bounded(milliseconds duration) { return std::min<milliseconds>(duration, kLongest); }

class CommandRun {
 public:
  CommandRun(const Limits& limits, Signals& signals, const Patterns& secrets,
             attempt::LogWriter& log)
      : limits_(limits), signals_(signals), log_(log), masked_(secrets), masked_errors_(secrets) {}

  Result<void> Start(Launch launch, const MemoryGroup& group, const PendingMarker& marker) {
    TRY_ASSIGN(streams_, OutputStreams::Open());
    launch.output = streams_->output_end();
    launch.error = streams_->error_end();
    TRY_ASSIGN(main_, StartCommand(launch, group, marker));
    streams_->CloseWriteEnds();
    end_.started_at = Now();
    if (limits_.timeout) timeout_at_ = Clock::now() + Bounded(*limits_.timeout);
    return {};
  }

  CommandEnd ToItsEnd() {
    for (;;) {
      // Signals are taken before children are: a child that ends in between leaves its signal
      // there.
      const bool cancel = signals_.CancelRequested();
      if (Reap() || GaveUp()) break;
      Decide(Clock::now(), cancel);
      Wait();
    }
    // What is in the pipes; who still holds them may write no more.
    for (std::size_t left = kLastBytes; left > 0;) {
      const std::size_t taken = TakeOutput(left);
      if (taken == 0) break;
      left -= std::min(left, taken);
    }
    masked_.End([this](std::string_view bytes) {
      Keep(bytes);
      if (held_stream_ == Stream::kError) AddError(bytes);
    });
    masked_errors_.End([this](std::string_view bytes) { errors_.Add(bytes); });
    if (end_.stuck > 0 && !main_ended_) end_.ended_at = Now();
    end_.cpu_user = std::chrono::floor<milliseconds>(cpu_user_);
    end_.cpu_system = std::chrono::floor<milliseconds>(cpu_system_);
    if (end_.wait_status != 0) end_.last_output = LastOutput(errors_, all_);
    return end_;
  }

 private:
  // Takes the exit status of every child that has ended. True when there is none left.
  bool Reap() {
    for (;;) {
      int status = 0;
      rusage usage{};
      const pid_t pid = wait4(-1, &status, WNOHANG, &usage);
      if (pid < 0 && errno == EINTR) continue;
      if (pid < 0) return true;
      if (pid == 0) return false;
      Measure(usage);
      if (pid != main_) continue;
      main_ended_ = true;
      end_.wait_status = status;
      end_.ended_at = Now();
      stragglers_until_ = Clock::now() + kStragglers;
    }
  }

  void Decide(Clock::time_point now, bool cancel) {
    if (cancel && !end_.cancelled) {
      end_.cancelled = true;
      if (!ending_) EndAll(now, limits_.grace);
    }
    if (!ending_ && !main_ended_ && timeout_at_ && now >= *timeout_at_) {
      end_.timed_out = true;
      EndAll(now, limits_.grace);
    }
    if (!ending_ && main_ended_ && now >= stragglers_until_) {
      end_.left_behind = EndAll(now, std::min(limits_.grace, milliseconds(kGraceAfterEnd)));
    }
    if (ending_ && now >= kill_at_) KillAll(now);
    if (sync_at_ && now >= *sync_at_) SyncLog();
  }

  // Returns how many processes there are.
  std::size_t EndAll(Clock::time_point now, milliseconds grace) {
    ending_ = true;
    kill_at_ = now + Bounded(grace);
    const auto processes = Descendants();
    SignalAll(processes, SIGTERM);
    if (processes.empty() && !main_ended_) kill(-main_, SIGTERM);  // there is no /proc
    return processes.size();
  }

  // One round is not enough: a process can have been forked while the others were looked up.
  void KillAll(Clock::time_point now) {
    if (!std::exchange(killing_, true)) give_up_at_ = now + kGiveUp;
    end_.killed = end_.killed || !main_ended_;
    kill_at_ = now + kKillAgain;
    SignalAll(Descendants(), SIGKILL);
    if (!main_ended_) kill(-main_, SIGKILL);
  }

  bool GaveUp() {
    if (!killing_ || Clock::now() < give_up_at_) return false;
    end_.stuck = std::max<std::size_t>(1, Descendants().size());
    return true;
  }

  // Until something happens or is due.
  void Wait() {
    std::optional<Clock::time_point> due = sync_at_;
    const auto also = [&](Clock::time_point at) { due = due ? std::min(*due, at) : at; };
    if (!ending_ && !main_ended_ && timeout_at_) also(*timeout_at_);
    if (!ending_ && main_ended_) also(stragglers_until_);
    if (ending_) also(kill_at_);

    timespec timeout{};
    if (due) {
      const auto left = std::max(Clock::duration::zero(), *due - Clock::now());
      const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
      timeout = {seconds.count(), std::chrono::nanoseconds(left - seconds).count()};
    }
    const auto output = streams_->Waits();
    std::array<pollfd, 1 + OutputStreams::kWaits> waits{{{signals_.fd(), POLLIN, 0}}};
    std::copy(output.begin(), output.end(), waits.begin() + 1);
    const int ready = ppoll(waits.data(), waits.size(), due ? &timeout : nullptr, nullptr);
    const auto came = [](const pollfd& wait) { return wait.revents != 0; };
    if (ready > 0 && std::any_of(waits.begin() + 1, waits.end(), came)) TakeOutput(kBlockBytes);
  }

  // About `bytes_max` bytes of output at most, into the log.
  std::size_t TakeOutput(std::size_t bytes_max) {
    shown_.clear();
    const std::size_t taken = streams_->Take(
        bytes_max, [this](Stream stream, std::string_view bytes) { TakeWrite(stream, bytes); });
    if (!shown_.empty()) Keep(shown_);
    return taken;
  }

  // Masked as the log has it first, in which a secret may go over from one stream to the other: a
  // part of it must not come through because it is looked at by itself.
  void TakeWrite(Stream stream, std::string_view bytes) {
    end_.output_bytes += bytes.size();
    const std::size_t held = masked_.held_bytes();
    masked_.Add(bytes, [&](std::string_view shown) {
      shown_ += shown;
      // What was held back came by the stream before; where something was masked, the mask is for
      // both.
      const bool as_it_came = shown.size() + masked_.held_bytes() == held + bytes.size();
      const std::size_t before = as_it_came ? std::min(held, shown.size()) : 0;
      if (held_stream_ == Stream::kError) AddError(shown.substr(0, before));
      if (stream == Stream::kError) AddError(shown.substr(before));
    });
    held_stream_ = stream;
  }

  void AddError(std::string_view shown) {
    masked_errors_.Add(shown, [this](std::string_view bytes) { errors_.Add(bytes); });
  }

  void Keep(std::string_view bytes) {
    all_.Add(bytes);
    // What does not fit on the disk is counted as cut by the log itself; the command goes on.
    if (log_.Append(bytes) && !sync_at_) sync_at_ = Clock::now() + kSyncLag;
  }

  void SyncLog() {
    sync_at_.reset();
    (void)log_.Sync();  // as above: the log tells people, nothing depends on it
  }

  // Of a child that was reaped, with all that it had reaped itself.
  void Measure(const rusage& usage) {
    const auto time = [](const timeval& value) {
      return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
    };
    cpu_user_ += time(usage.ru_utime);
    cpu_system_ += time(usage.ru_stime);
    end_.memory_peak_bytes =
        std::max(end_.memory_peak_bytes, static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
  }

  const Limits limits_;
  Signals& signals_;
  attempt::LogWriter& log_;
  MaskedStream masked_, masked_errors_;
  std::optional<OutputStreams> streams_;  // once started
  pid_t main_ = 0;
  bool main_ended_ = false;
  bool ending_ = false;   // SIGTERM was sent to all
  bool killing_ = false;  // then SIGKILL
  std::optional<Clock::time_point> timeout_at_, sync_at_;
  Clock::time_point stragglers_until_, kill_at_, give_up_at_;
  std::chrono::microseconds cpu_user_{}, cpu_system_{};
  OutputTail errors_, all_;
  std::string shown_;                     // at once, of many writes
  Stream held_stream_ = Stream::kOutput;  // of what masked_ holds back
  CommandEnd end_;
};

}  // namespace

Result<CommandEnd> RunCommand(Launch launch, const MemoryGroup& group, const Limits& limits,
                              Signals& signals, const Patterns& secrets, attempt::LogWriter& log,
                              const PendingMarker& marker, const std::function<void()>& meanwhile) {
  CommandRun run(limits, signals, secrets, log);
  TRY(run.Start(std::move(launch), group, marker));
  meanwhile();
  return run.ToItsEnd();
}

}  // namespace busker::runner
