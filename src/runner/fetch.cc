#include "runner/fetch.h"

#include <signal.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "io/download.h"
#include "io/http_session.h"
#include "io/tls_context.h"

namespace busker::runner {
namespace {

constexpr int kRedirectsMax = 5;
constexpr Milliseconds kSilence = std::chrono::minutes(1);

struct Wanted {
  std::string url;
  io::fs::path file;
  std::string sha256;
  Milliseconds limit = std::chrono::hours(1);
};

bool IsSha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<Wanted> WantedOf(const std::vector<std::string>& arguments) {
  Wanted wanted;
  std::vector<std::string> plain;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const bool has_value = i + 1 < arguments.size();
    if (word == "--sha256" && has_value && IsSha256(arguments[i + 1])) {
      wanted.sha256 = arguments[++i];
    } else if (word == "--limit" && has_value) {
      TRY_ASSIGN(wanted.limit, ParseDuration(arguments[++i]));
    } else if (word.starts_with("--")) {
      return Invalid("what " + word + " says cannot be used");
    } else {
      plain.push_back(word);
    }
  }
  if (plain.size() != 2) {
    return Invalid("usage: busker-runner fetch URL FILE [--sha256 DIGEST] [--limit DURATION]");
  }
  wanted.url = plain[0];
  wanted.file = plain[1];
  return wanted;
}

// Can be read when the process is to end.
Result<io::Descriptor> EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  io::Descriptor fd(signalfd(-1, &signals, SFD_CLOEXEC));
  if (!fd.valid()) return SystemError("take signals", errno);
  return fd;
}

Result<io::FileDigest> Fetch(const Wanted& wanted) {
  io::ForgetTheContainersSettings();
  TRY_ASSIGN(const io::Descriptor end, EndSignals());
  io::Interrupt interrupt = io::Within(wanted.limit);
  interrupt.stop_descriptor = end.get();
  io::HttpRequest request;
  request.url = wanted.url;
  request.redirects_max = kRedirectsMax;
  request.silence_limit = kSilence;
  io::HttpSession http;
  return io::Download(http, std::move(request), wanted.file, wanted.sha256, interrupt);
}

}  // namespace

int FetchCommand(const std::vector<std::string>& arguments) {
  const auto wanted = WantedOf(arguments);
  const auto fetched = wanted ? Fetch(*wanted) : tl::unexpected(wanted.error());
  if (!fetched) {
    std::fprintf(stderr, "busker-runner: %s\n", fetched.error().message.c_str());
    return ExitCodeOf(fetched.error().kind);
  }
  std::printf("%s  %s\n", fetched->sha256.c_str(), wanted->file.c_str());
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace busker::runner
