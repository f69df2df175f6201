// Answers verbs over the socket of a home (line_channel.h), a thread for each connection, at most
// 64 at once.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "daemon/line_channel.h"
#include "daemon/requests.h"

namespace busker::daemon {

class Server {
 public:
  // `requests` must outlive it.
  static Result<std::unique_ptr<Server>> Start(const io::fs::path& socket,
                                               const Requests& requests);
  // Breaks off what is being answered: at once when the conductor has ended, but for a client that
  // takes what it is sent too slowly (10 s). Removes its socket, and no other at that path.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  Server(io::fs::path socket, const struct stat& made, io::Descriptor listening,
         io::Descriptor wake, const Requests& requests)
      : socket_(std::move(socket)),
        device_(made.st_dev),
        inode_(made.st_ino),
        listening_(std::move(listening)),
        wake_(std::move(wake)),
        requests_(requests) {}

  struct Connection {
    explicit Connection(io::Descriptor fd) : channel(std::move(fd)) {}
    LineChannel channel;
    std::atomic<bool> done = false;
    std::jthread thread;
  };

  void Accept();
  void Begin(io::Descriptor fd);
  void Answer(LineChannel& channel, const std::stop_token& stop);
  void Stream(LineChannel& channel, Subscription& subscription, const std::stop_token& stop);

  const io::fs::path socket_;
  const dev_t device_;
  const ino_t inode_;
  io::Descriptor listening_, wake_;
  const Requests& requests_;
  std::list<Connection> connections_;  // of the accepting thread
  std::thread accepting_;
};

}  // namespace busker::daemon
