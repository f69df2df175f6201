#include "runner/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "runner/output_streams.h"

namespace busker::runner {
namespace {

constexpr int kIgnored[] = {SIGHUP, SIGINT, SIGPIPE, SIGXFSZ};

}  // namespace

Result<Signals> Signals::Claim() {
  // Were SIGCHLD ignored, as a parent may have left it, no exit status would be kept for us.
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  for (const int signal : kIgnored) ::signal(signal, SIG_IGN);
  sigset_t taken;
  sigemptyset(&taken);
  sigaddset(&taken, SIGTERM);
  sigaddset(&taken, SIGCHLD);
  sigprocmask(SIG_SETMASK, &taken, nullptr);
  BlockOutputSignals();
  sigset_t cancel;
  sigemptyset(&cancel);
  sigaddset(&cancel, SIGTERM);
  io::Descriptor fd(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  io::Descriptor cancel_fd(signalfd(-1, &cancel, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid() || !cancel_fd.valid()) return SystemError("make a signalfd", errno);
  return Signals(std::move(fd), std::move(cancel_fd));
}

bool Signals::CancelRequested() {
  signalfd_siginfo info{};
  while (::read(fd_.get(), &info, sizeof info) == sizeof info) {
    cancel_ = cancel_ || info.ssi_signo == SIGTERM;
  }
  return cancel_;
}

void ResetSignals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (const int signal : kIgnored) sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace busker::runner
