#include "runner/orders.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "attempt/channel.h"
#include "attempt/folder.h"
#include "attempt/order.h"
#include "runner/output_streams.h"
#include "runner/runner.h"

namespace busker::runner {
namespace {

constexpr int kIdleMaxMs = 30'000;  // then it goes, and a next one is started when it is needed

// The next message; empty when there is none to come.
std::string NextMessage(int socket, Signals& signals, std::vector<char>& buffer) {
  for (;;) {
    // A SIGTERM between two attempts is for this process itself.
    if (signals.CancelRequested()) return "";
    pollfd waits[2] = {{socket, POLLIN, 0}, {signals.fd(), POLLIN, 0}};
    const int ready = poll(waits, 2, kIdleMaxMs);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return "";
    if (waits[0].revents == 0) continue;
    const ssize_t count = recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    return std::string(buffer.data(), static_cast<std::size_t>(count > 0 ? count : 0));
  }
}

Result<Runner::Done> CarryOut(Runner& runner, const io::fs::path& folder, const std::string& text) {
  if (text.empty()) return runner.CarryOut(folder, std::nullopt);
  TRY_ASSIGN(attempt::Order order, attempt::Open(text));
  return runner.CarryOut(folder, std::move(order));
}

// Where the executor looks for it. The disk may be full: then nobody can be told.
void LeaveError(const io::fs::path& folder, const std::string& message) {
  auto fd = io::Open(folder / attempt::kErrorFile, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd)
    (void)io::WriteAll(fd->get(), "busker-runner: " + message + "\n", folder / attempt::kErrorFile);
}

}  // namespace

Result<void> CarryOutOrders(int socket) {
  TRY_ASSIGN(Runner runner, Runner::Claim());
  runner.ExpectMany();
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  std::vector<char> buffer(attempt::kOrderBytesMax);
  Result<void> result;
  for (bool more = true; more && result;) {
    const std::string message = NextMessage(socket, runner.signals(), buffer);
    const auto received = attempt::ReadOrderMessage(message);
    if (!received) break;
    auto done = CarryOut(runner, received->folder, received->order);
    if (done) {
      more = done->clean;
      if (!more) runner.CleanUp();
      // Who is not there any more finds it in the folder.
      if (send(socket, done->text.data(), done->text.size(), MSG_NOSIGNAL) < 0) more = false;
      if (more) OutputStreams::OpenAhead();  // while whoever was answered decides what is next
    } else {
      LeaveError(received->folder, done.error().message);
      result = tl::unexpected(std::move(done).error());
    }
  }
  runner.CleanUp();
  return result;
}

}  // namespace busker::runner
