// Turning control-C and SIGTERM into something that is done.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <thread>

namespace busker::cli {

// Turns control-C and SIGTERM into a cancel; when there is nothing to cancel, and the second time,
// they end busker at once, and what runs goes on.
class SignalWatch {
 public:
  // `cancel` says whether there was something to cancel. The signals must be blocked already.
  SignalWatch(const sigset_t& signals, std::function<bool()> cancel)
      : thread_([this, signals, ask = std::move(cancel)] {
          for (int count = 0;; ++count) {
            int signal = 0;
            sigwait(&signals, &signal);
            if (done_) return;
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
  std::atomic<bool> done_ = false;
  std::atomic<int> signal_ = 0;
  std::thread thread_;
};

}  // namespace busker::cli
