#include "daemon/line_channel.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace busker::daemon {
namespace {

constexpr timeval kConnectLimit{10, 0};

struct KindName {
  ErrorKind kind;
  std::string_view name;
};
constexpr std::array<KindName, 6> kKindNames = {{{ErrorKind::kFailed, "failed"},
                                                 {ErrorKind::kInvalid, "invalid"},
                                                 {ErrorKind::kNotFound, "not_found"},
                                                 {ErrorKind::kTimedOut, "timed_out"},
                                                 {ErrorKind::kTemporary, "temporary"},
                                                 {ErrorKind::kUnusable, "unusable"}}};

// A socket's path has at most 107 bytes; a longer one is reached through its folder's descriptor.
struct Address {
  sockaddr_un address{};
  io::Descriptor folder;
};

Result<Address> AddressOf(const io::fs::path& socket) {
  Address made;
  made.address.sun_family = AF_UNIX;
  std::string path = socket.string();
  if (path.size() >= sizeof made.address.sun_path) {
    TRY_ASSIGN(made.folder, io::Open(socket.parent_path(), O_PATH | O_DIRECTORY));
    path = fmt::format("/proc/self/fd/{}/{}", made.folder.get(), socket.filename().string());
  }
  std::memcpy(made.address.sun_path, path.c_str(), path.size() + 1);
  return made;
}

Result<io::Descriptor> MakeSocket() {
  io::Descriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return SystemError("make a socket", errno);
  return fd;
}

// The end of a wait that may be interrupted.
class Deadline {
 public:
  explicit Deadline(std::optional<Milliseconds> limit) {
    if (limit) at_ = Clock::now() + std::min<Milliseconds>(*limit, std::chrono::hours(24 * 365));
  }

  // Whether the descriptor is ready for `events` before it.
  Result<void> Await(int fd, short events) const {
    pollfd wait{fd, events, 0};
    for (;;) {
      const int ready = poll(&wait, 1, Left());
      if (ready > 0) return {};
      if (ready < 0 && errno != EINTR) return SystemError("wait for the other side", errno);
      if (ready == 0 && Left() == 0) return TimedOut("the other side did not answer in time");
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  // As poll has it: milliseconds, at most a day of them; -1: for ever.
  int Left() const {
    if (!at_) return -1;
    const auto left = std::chrono::ceil<Milliseconds>(*at_ - Clock::now());
    return static_cast<int>(
        std::clamp<Milliseconds>(left, Milliseconds(0), std::chrono::hours(24)).count());
  }

  std::optional<Clock::time_point> at_;
};

}  // namespace

Result<LineChannel> LineChannel::Connect(const io::fs::path& socket) {
  TRY_ASSIGN(io::Descriptor fd, MakeSocket());
  TRY_ASSIGN(const Address to, AddressOf(socket));
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kConnectLimit, sizeof kConnectLimit);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.address), sizeof to.address) == 0) {
    return LineChannel(std::move(fd));
  }
  if (errno == ECONNREFUSED || errno == ENOENT)
    return NotFound("nobody listens at " + socket.string());
  return SystemError("connect to " + socket.string(), errno);
}

Result<void> LineChannel::Send(const std::string& line, Milliseconds limit) {
  const std::string text = line + "\n";
  const Deadline deadline(limit);
  std::size_t sent = 0;
  while (sent < text.size()) {
    TRY(deadline.Await(fd_.get(), POLLOUT));
    const ssize_t count =
        send(fd_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EPIPE || errno == ECONNRESET)) {
      return Temporary("the other side has gone");
    }
    if (count < 0 && errno != EINTR && errno != EAGAIN) return SystemError("send", errno);
    if (count > 0) sent += static_cast<std::size_t>(count);
  }
  return {};
}

Result<std::optional<std::string>> LineChannel::Receive(std::optional<Milliseconds> limit,
                                                        std::size_t line_bytes_max) {
  const Deadline deadline(limit);
  std::size_t looked_at = 0;
  for (;;) {
    const std::size_t end = read_.find('\n', std::exchange(looked_at, read_.size()));
    if (std::min(end, read_.size()) > line_bytes_max) {
      return Invalid(fmt::format("a line of more than {} MiB", line_bytes_max >> 20));
    }
    if (end != std::string::npos) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    TRY(deadline.Await(fd_.get(), POLLIN));
    char bytes[16 * 1024];
    const ssize_t count = recv(fd_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno == ECONNRESET)) return std::nullopt;
    if (count < 0 && errno != EINTR && errno != EAGAIN) return SystemError("receive", errno);
    if (count > 0) read_.append(bytes, static_cast<std::size_t>(count));
  }
}

void LineChannel::EndReceiving() { shutdown(fd_.get(), SHUT_RD); }

bool LineChannel::IsClosed() const {
  pollfd look{fd_.get(), 0, 0};
  return poll(&look, 1, 0) > 0 && (look.revents & (POLLHUP | POLLERR)) != 0;
}

void LineChannel::End() { shutdown(fd_.get(), SHUT_RDWR); }

Result<io::Descriptor> Listen(const io::fs::path& socket) {
  std::error_code error;
  io::fs::remove(socket, error);  // whoever listens there does not own the home any more
  TRY_ASSIGN(io::Descriptor fd, MakeSocket());
  TRY_ASSIGN(const Address at, AddressOf(socket));
  // What bind makes has the mode of the descriptor. (The umask is of all threads, and others make
  // folders at this moment.)
  if (fchmod(fd.get(), 0600) != 0 ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&at.address), sizeof at.address) != 0 ||
      listen(fd.get(), 64) != 0) {
    return SystemError("listen at " + socket.string(), errno);
  }
  return fd;
}

std::string_view NameOf(ErrorKind kind) {
  for (const KindName& known : kKindNames) {
    if (known.kind == kind) return known.name;
  }
  return "failed";
}

ErrorKind ParseErrorKind(std::string_view name) {
  for (const KindName& known : kKindNames) {
    if (known.name == name) return known.kind;
  }
  return ErrorKind::kFailed;
}

}  // namespace busker::daemon
