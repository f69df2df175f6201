// A listener on a port of its own, and connections to it: for tests only.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "http/event_queue.h"
#include "http/listener.h"
#include "io/file.h"

namespace busker::http {

class ListenerFixture : public testing::Test {
 protected:
  ListenerFixture() {
    listener_ = Listener::Bind({.address = "127.0.0.1"}).value();
    listener_->Run([this](const Request& request) { return Answer(request); });
  }

  Response Answer(const Request& request) {
    if (++asked_ == 1) first_ = request;
    Response response;
    response.type = "text/plain";
    if (request.target == "/events") {
      response.events = events_ = std::make_shared<EventQueue>();
      response.type = "text/event-stream";
    } else if (request.target == "/throws") {
      throw std::runtime_error("a library does");
    } else if (request.target == "/slow") {
      while (!released_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    } else {
      response.body =
          std::string(NameOf(request.method)) + " " + request.target + " " + request.body + "\n";
    }
    return response;
  }

  io::Descriptor Connect() const {
    io::Descriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(listener_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  static void Send(const io::Descriptor& fd, std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  // What comes until `wanted` is in it, the other side closes, or ten seconds have passed.
  static std::string Receive(const io::Descriptor& fd, const std::string& wanted = "\x01never") {
    std::string text;
    char bytes[4096];
    while (text.find(wanted) == std::string::npos) {
      pollfd wait{fd.get(), POLLIN, 0};
      if (poll(&wait, 1, 10'000) <= 0) return text + "(nothing came)";
      const ssize_t count = recv(fd.get(), bytes, sizeof bytes, 0);
      if (count <= 0) return text + "(closed)";
      text.append(bytes, static_cast<std::size_t>(count));
    }
    return text;
  }
  std::string Ask(const std::string& text) const {
    const io::Descriptor fd = Connect();
    Send(fd, text);
    return Receive(fd);
  }

  std::atomic<int> asked_ = 0;
  Request first_;                       // that was asked
  std::atomic<bool> released_ = false;  // those that ask for /slow are answered
  std::shared_ptr<EventQueue> events_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace busker::http
