// HTTP/1.1, over TLS or not: connections, limits, and answers from worker threads. What is a
// request is request_reader.h's to say, and what the answers are is http_service.h's.
//
// Limits: 4,096 connections, or half of the files that this process may have open; 10 seconds for
// the handshake of TLS and 10 for a header of 16 KiB and 100 fields; 60 for a body of 1 MiB; 256
// MiB of bodies that come and answers that go, of all connections; 60 seconds of silence between
// requests, and 5 when three quarters of the connections are taken; 256 requests that wait for a
// worker. Whatever is beyond is refused at once, with the status that says so; but a connection
// over TLS is just closed, since to say anything would take a handshake. What changes something may
// wait, for the disk or for others who change the same: it has workers, and 256 that wait for them,
// of its own, so that who only looks is always answered.
//
// Where answers take microseconds, handing them to a worker costs more than they do: then each of
// some threads reads its share of the connections and answers where it read, nothing waits for
// another thread, and no answer may wait for anything.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/certificate.h"
#include "http/message.h"

namespace busker::http {

class Listener {
 public:
  // Called on one of the threads; several at once.
  using Answer = std::function<Response(const Request&)>;

  struct Options {
    std::string address;                 // of this machine
    std::uint16_t port = 0;              // 0: any that is free
    Certificate* certificate = nullptr;  // nullptr: without TLS; outlives the listener
    bool insecure = false;               // others than this machine may be talked to without TLS
    std::size_t answering_threads = 0;   // that answer where they read; 0: workers answer
    bool for_programs =
        false;  // answers without the headers for browsers, faults as {"error": ...}
    std::uint64_t body_bytes_max = 1 << 20;
    std::uint64_t held_bytes_max = 256 << 20;  // of bodies and answers; at least four bodies
    std::size_t connections_max = 4096;        // or half of the files that may be open
    std::chrono::seconds silence_max{60};      // between requests
  };
  // kInvalid for what is no address; kUnusable for one that others can reach, without TLS and
  // without `insecure`; kTemporary when the port is taken.
  static Result<std::unique_ptr<Listener>> Bind(const Options& options);
  ~Listener();  // closes what is open; waits for handlers that are at work

  void Run(Answer answer);  // once

  // No connection is taken any more, and each that is open ends with the answer that it waits for.
  // Returns when the last is written, or after the limit.
  void Drain(std::chrono::milliseconds limit);

  std::uint16_t port() const;

 private:
  struct State;
  explicit Listener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace busker::http
