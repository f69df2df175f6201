// Turning control-C and SIGTERM into something that is done.
#pragma once

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>

namespace busker::cli {

// Turns control-C and SIGTERM into a cancel; when there is nothing to cancel, and the second time,
// they end busker at once, and what runs goes on.
class SignalWatch {
 public:
  // `cancel` says whether there was something to cancel. The signals must be blocked already.
  // `limit`: when this still lives so long after a cancel, something hangs that cannot be
  // interrupted, a disk or a terminal; then busker ends as by a second signal. 0: never.
  SignalWatch(const sigset_t& signals, std::function<bool()> cancel,
              std::chrono::seconds limit = std::chrono::seconds(0))
      : thread_([this, signals, ask = std::move(cancel), limit] {
          for (int count = 0;; ++count) {
            const int signal = Next(signals, count > 0 ? limit : std::chrono::seconds(0));
            if (done_) return;
            if (signal < 0) {
              constexpr char kHangs[] =
                  "busker: something hangs, a disk or a terminal; what runs goes on\n";
              pollfd takes{STDERR_FILENO, POLLOUT, 0};
              if (poll(&takes, 1, 0) > 0) (void)!write(STDERR_FILENO, kHangs, sizeof kHangs - 1);
              std::_Exit(128 + signal_);
            }
            signal_ = signal;
            // Also when the terminal is gone: what runs is taken up by the next busker.
            if (signal == SIGHUP || count > 0 || !ask()) std::_Exit(128 + signal);
          }
        }) {}
  ~SignalWatch() {
    done_ = true;
    pthread_kill(thread_.native_handle(), SIGUSR2);
    thread_.join();
  }
  int signal() const { return signal_; }  // the last that came; 0: none
  // Of what goes on until it is told to end: a service manager that does has what it asked for, and
  // a shell stops its script after a control-C.
  int ExitCode() const { return signal_ == SIGINT ? 128 + SIGINT : 0; }

  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // Blocks them in this thread, and so in every thread that it starts from now on.
  static sigset_t Block() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR2}) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
  }

 private:
  // The next signal; -1: none came within the limit, if there is one.
  static int Next(const sigset_t& signals, std::chrono::seconds limit) {
    const timespec time{limit.count(), 0};
    int signal = -1;
    do {
      signal = limit.count() > 0 ? sigtimedwait(&signals, nullptr, &time)
                                 : sigwaitinfo(&signals, nullptr);
    } while (signal < 0 && errno == EINTR);
    return signal;
  }

  std::atomic<bool> done_ = false;
  std::atomic<int> signal_ = 0;
  std::thread thread_;
};

}  // namespace busker::cli
