#include "daemon/server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "daemon/verbs.h"

namespace busker::daemon {
namespace {

constexpr std::size_t kConnectionsMax = 64;
constexpr Milliseconds kRequestLimit = std::chrono::seconds(10);  // for a client to say what
constexpr Milliseconds kSendLimit = std::chrono::seconds(10);     // for it to take an answer
constexpr Milliseconds kListenLimit = std::chrono::milliseconds(500);
constexpr std::size_t kSendBytes = 64 << 10;

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(const io::fs::path& socket,
                                              const Requests& requests) {
  TRY_ASSIGN(io::Descriptor listening, Listen(socket));
  io::Descriptor wake(eventfd(0, EFD_CLOEXEC));
  if (!wake.valid()) return SystemError("serve verbs", errno);
  struct stat made {};
  if (lstat(socket.c_str(), &made) != 0) return SystemError("look at " + socket.string(), errno);
  std::unique_ptr<Server> server(
      new Server(socket, made, std::move(listening), std::move(wake), requests));
  server->accepting_ = std::thread([raw = server.get()] { raw->Accept(); });
  return server;
}

Server::~Server() {
  eventfd_write(wake_.get(), 1);
  if (accepting_.joinable()) accepting_.join();
  // One that listens there by now owns the home: this process was stopped, and has lost it.
  struct stat there {};
  if (lstat(socket_.c_str(), &there) != 0) return;
  if (there.st_dev == device_ && there.st_ino == inode_) ::unlink(socket_.c_str());
}

void Server::Accept() {
  for (;;) {
    pollfd waits[2] = {{listening_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (poll(waits, 2, -1) < 0) continue;
    if (waits[1].revents != 0) break;
    io::Descriptor fd(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (fd.valid()) {
      Begin(std::move(fd));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      poll(&waits[1], 1, 100);  // whoever knocks goes on doing so
    }
  }
  for (Connection& connection : connections_) {
    connection.thread.request_stop();
    connection.channel.EndReceiving();
  }
  connections_.clear();  // waits for each
}

void Server::Begin(io::Descriptor fd) {
  connections_.remove_if([](const Connection& connection) { return connection.done.load(); });
  if (connections_.size() == kConnectionsMax) {
    LineChannel channel(std::move(fd));
    (void)channel.Send(
        ToJson(Error{ErrorKind::kTemporary, "64 verbs are being answered already; try again"})
            .dump(),
        Milliseconds(100));
    return;
  }
  Connection& connection = connections_.emplace_back(std::move(fd));
  try {
    connection.thread = std::jthread([this, &connection](const std::stop_token& stop) {
      Answer(connection.channel, stop);
      connection.channel.End();
      connection.done = true;
    });
  } catch (const std::system_error&) {
    connections_.pop_back();  // no more threads: the client finds that nobody answers
  }
}

// One request and its answers. That the client has gone ends the answers, nothing else.
void Server::Answer(LineChannel& channel, const std::stop_token& stop) {
  const auto line = channel.Receive(kRequestLimit);
  if (!line || !*line) return;
  // Who asked has given up while this process was stopped, or too busy: then it is not done behind
  // their back.
  if (channel.IsClosed()) return;
  const auto fail = [&](const Error& error) {
    (void)channel.Send(TextOf(ToJson(error)), kSendLimit);
  };
  const auto message = ParseMessage(**line);
  if (!message) return fail(message.error());
  const auto answer = AnswerTo(*message, requests_);
  if (!answer) return fail(answer.error());
  if (!channel.Send(answer->message, kSendLimit) || !answer->heard) return;
  Stream(channel, *answer->heard, stop);
}

void Server::Stream(LineChannel& channel, Subscription& subscription, const std::stop_token& stop) {
  // Who was too slow for what happened is not told the rest as if that were all: it follows anew.
  while (!stop.stop_requested() && !subscription.Ended() && !subscription.Lost()) {
    auto decision = subscription.Next(kListenLimit);
    if (!decision) {
      pollfd gone{channel.fd(), POLLRDHUP, 0};
      if (poll(&gone, 1, 0) > 0) return;
      continue;
    }
    // What is there already goes out at once: each time, whoever listens is woken.
    std::string lines;
    for (; decision; decision = lines.size() < kSendBytes ? subscription.Next({}) : std::nullopt) {
      const auto message = ToJson(*decision);
      if (message) lines += (lines.empty() ? "" : "\n") + TextOf(*message);
    }
    if (!lines.empty() && !channel.Send(lines, kSendLimit)) return;
  }
}

}  // namespace busker::daemon
