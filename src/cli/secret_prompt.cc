#include "cli/secret_prompt.h"

#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "secret/cipher.h"

namespace busker::cli {
namespace {

constexpr std::array<int, 4> kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

// What is typed is not shown while it lives, and an interruption ends WaitForLine instead of the
// process: it must not leave a terminal behind that shows nothing.
class Silence {
 public:
  Silence() {
    silent_ = tcgetattr(STDIN_FILENO, &before_) == 0;
    sigset_t blocked;  // but while it waits, so that none comes right before that
    sigemptyset(&blocked);
    for (const int signal : kSignals) sigaddset(&blocked, signal);
    sigprocmask(SIG_BLOCK, &blocked, &mask_);
    struct sigaction interrupt {};
    interrupt.sa_handler = [](int) {};
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      sigaction(kSignals[i], &interrupt, &actions_[i]);
    }
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ECHONL;
    silent_ = silent_ && tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~Silence() {
    if (silent_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      sigaction(kSignals[i], &actions_[i], nullptr);
    }
    sigprocmask(SIG_SETMASK, &mask_, nullptr);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

  bool silent() const { return silent_; }

  // Until a line was typed; false: interrupted.
  bool WaitForLine() const {
    pollfd wait{STDIN_FILENO, POLLIN, 0};
    return ppoll(&wait, 1, nullptr, &mask_) > 0;
  }

 private:
  termios before_{};
  sigset_t mask_{};
  std::array<struct sigaction, kSignals.size()> actions_{};
  bool silent_ = false;
};

Result<std::string> AskOnce(const Silence& silence, const std::string& question) {
  std::fprintf(stderr, "%s: ", question.c_str());
  std::fflush(stderr);
  char line[4096 + 1];  // more than a terminal keeps of a line
  if (!silence.WaitForLine()) {
    std::fputs("\n", stderr);
    return Failed("interrupted; nothing was set");
  }
  const ssize_t count = ::read(STDIN_FILENO, line, sizeof line);
  if (count <= 0) return Invalid("nothing was typed; nothing was set");
  std::string text(line, static_cast<std::size_t>(count));
  explicit_bzero(line, sizeof line);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

Result<std::string> AskTwice(const std::string& name) {
  const Silence silence;
  if (!silence.silent()) return Failed("the terminal cannot be kept from showing what is typed");
  TRY_ASSIGN(std::string first, AskOnce(silence, "value of " + name));
  auto second = AskOnce(silence, "once more");
  const bool same = second && first == *second;
  if (second) secret::Wipe(*second);
  if (same) return first;
  secret::Wipe(first);
  if (!second) return second;
  return Invalid("the two differ; nothing was set");
}

Result<std::string> ReadSecret(std::size_t bytes_max) {
  std::string text(bytes_max + 2, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = ::read(STDIN_FILENO, text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("read the secret from standard input", errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace busker::cli
