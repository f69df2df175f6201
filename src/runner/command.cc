#include "runner/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <utility>

#include "runner/last_words.h"
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
constexpr int kPipeBytes = 1 << 20;                  // of who writes much
constexpr int kBlockBytes = 1 << 16;                 // what a new pipe holds

milliseconds Bounded(milliseconds duration) { return std::min<milliseconds>(duration, kLongest); }

class CommandRun {
 public:
  CommandRun(const Limits& limits, Signals& signals, const Patterns& secrets, LogWriter& log)
      : limits_(limits),
        signals_(signals),
        log_(log),
        masked_(secrets),
        block_(new char[kBlockBytes]) {}

  Result<void> Start(Launch launch, const MemoryGroup& group, const PendingMarker& marker) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("make a pipe", errno);
    output_ = io::Descriptor(ends[0]);
    const io::Descriptor input(ends[1]);
    fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    launch.output = input.get();
    TRY_ASSIGN(main_, StartCommand(launch, group, marker));
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
    TakeOutput(2 * kPipeBytes);  // what is in the pipe; who still holds it may write no more
    masked_.End([this](std::string_view bytes) { Keep(bytes); });
    if (end_.stuck > 0 && !main_ended_) end_.ended_at = Now();
    end_.cpu_user = std::chrono::floor<milliseconds>(cpu_user_);
    end_.cpu_system = std::chrono::floor<milliseconds>(cpu_system_);
    end_.last_words = last_words_.Line();
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
    pollfd waits[2] = {{signals_.fd(), POLLIN, 0}, {output_.get(), POLLIN, 0}};
    const int ready = ppoll(waits, 2, due ? &timeout : nullptr, nullptr);
    if (ready > 0 && waits[1].revents != 0) TakeOutput(kBlockBytes);
  }

  // At most `bytes_max` bytes of output into the log.
  void TakeOutput(int bytes_max) {
    while (bytes_max > 0 && output_.valid()) {
      const ssize_t count = ::read(output_.get(), block_.get(), kBlockBytes);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) return output_.Close();
      const std::string_view bytes(block_.get(), static_cast<std::size_t>(count));
      bytes_max -= static_cast<int>(count);
      if (count == kBlockBytes && !std::exchange(grown_, true)) {
        fcntl(output_.get(), F_SETPIPE_SZ, kPipeBytes);  // a wish only: room while the disk is slow
      }
      end_.output_bytes += bytes.size();
      masked_.Add(bytes, [this](std::string_view shown) { Keep(shown); });
    }
  }

  void Keep(std::string_view bytes) {
    last_words_.Add(bytes);
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
  LogWriter& log_;
  MaskedStream masked_;
  const std::unique_ptr<char[]> block_;  // not touched before it is used
  io::Descriptor output_;                // the end of the pipe that we read
  pid_t main_ = 0;
  bool main_ended_ = false;
  bool ending_ = false;   // SIGTERM was sent to all
  bool killing_ = false;  // then SIGKILL
  bool grown_ = false;    // the pipe
  std::optional<Clock::time_point> timeout_at_, sync_at_;
  Clock::time_point stragglers_until_, kill_at_, give_up_at_;
  std::chrono::microseconds cpu_user_{}, cpu_system_{};
  LastWords last_words_;
  CommandEnd end_;
};

}  // namespace

Result<CommandEnd> RunCommand(Launch launch, const MemoryGroup& group, const Limits& limits,
                              Signals& signals, const Patterns& secrets, LogWriter& log,
                              const PendingMarker& marker, const std::function<void()>& meanwhile) {
  CommandRun run(limits, signals, secrets, log);
  TRY(run.Start(std::move(launch), group, marker));
  meanwhile();
  return run.ToItsEnd();
}

}  // namespace busker::runner
