// One request and its answer over one connection.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/answer_reader.h"
#include "io/connection.h"
#include "io/http_message.h"

namespace busker::io {

// Used once. All that it is handed outlives it.
class HttpExchange {
 public:
  // Reads an answer to `request`; what is in its way to be sent, `head` says.
  HttpExchange(Connection& connection, const HttpRequest& request, Waiter& waiter);

  // Sends `head`, up to and with its empty line, and the request's body, and reads the answer.
  Result<HttpResponse> Run(const std::string& head);

  // After an error: the connection ended, and not a byte of an answer had come.
  bool was_unheard() const { return broke_ && !reader_.has_begun(); }

  // After an answer: the connection is good for the next request.
  bool may_go_on() const;

 private:
  Result<void> SendBody();
  Result<bool> Write(std::string_view bytes);
  Result<bool> WritePart(std::string_view part, bool in_chunks);
  Result<void> ReadSome(short& wait_for);
  Result<void> Take(std::string_view bytes);
  Result<short> Wait(short events);

  Connection& connection_;
  const HttpRequest& request_;
  Waiter& waiter_;
  AnswerReader reader_;
  HttpResponse response_;
  const std::unique_ptr<char[]> room_;
  std::string part_;                  // of the body, as it came
  std::optional<Error> write_fault_;  // the other side takes no more
  bool ended_ = false;                // the other side has
  bool broke_ = false;
  bool is_sent_ = false;  // all of the request
};

// What stands before the body: the request line and the headers. `target` is as the other side
// wants it; `place` is of the Host header. kInvalid for what cannot be sent.
Result<std::string> HeadOf(const HttpRequest& request, const std::string& target,
                           const std::string& place, const std::vector<HttpHeader>& more);

}  // namespace busker::io
