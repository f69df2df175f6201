// HTTP/1.1 on a loopback address: connections, limits, and answers from worker threads. What the
// answers are is none of its business (http_service.h).
//
// Limits: 1,024 connections; a header of 16 KiB and 100 fields within 10 seconds; a body of 1 MiB
// within 60; 60 seconds of silence between requests; 256 requests that wait for a worker. Whatever
// is beyond is refused at once, with the status that says so. Requests whose length is told in two
// ways are refused, and so is what RFC 9112 calls malformed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "serve/message.h"

namespace busker::serve {

class Listener {
 public:
  // Called on one of the workers' threads; several at once.
  using Answer = std::function<Response(const Request&)>;

  // `address`: an IP address of the loopback interface; `port` 0: any that is free. kInvalid for
  // another address, kTemporary when the port is taken.
  static Result<std::unique_ptr<Listener>> Bind(const std::string& address, std::uint16_t port);
  ~Listener();  // closes what is open; waits for handlers that are at work

  void Run(Answer answer);  // once

  std::uint16_t port() const;

 private:
  struct State;
  explicit Listener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace busker::serve
