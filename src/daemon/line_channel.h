// Lines of JSON over the Unix socket of a home: how verbs speak to the process that owns it.
//
// A client connects, sends one request as an object on one line, and reads answers, a line each;
// the server closes when there are no more. The socket is for its owner alone (mode 0600).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::daemon {

// One connection; one thread at a time.
class LineChannel {
 public:
  explicit LineChannel(io::Descriptor fd) : fd_(std::move(fd)) {}

  // kNotFound: nobody listens there; kTemporary: whoever does has taken nobody in for 10 s.
  static Result<LineChannel> Connect(const io::fs::path& socket);

  // kTimedOut when the other side has not taken all of it within `limit`.
  Result<void> Send(const std::string& line, Milliseconds limit);

  // The next line; nullopt when the other side has closed. kTimedOut after `limit` (none: waits for
  // ever); kInvalid for a longer line than that.
  Result<std::optional<std::string>> Receive(std::optional<Milliseconds> limit,
                                             std::size_t line_bytes_max = kRequestBytesMax);

  // Any thread: what the other side sends from now on is not received, and a Receive that waits
  // ends as if it had closed.
  void EndReceiving();
  void End();  // nor is anything sent

  bool IsClosed() const;  // the other side has gone

  int fd() const { return fd_.get(); }

  static constexpr std::size_t kRequestBytesMax = 1u << 20;

 private:
  io::Descriptor fd_;
  std::string read_;  // beyond the last line
};

// Listens at `socket`, in place of what an earlier process left there.
Result<io::Descriptor> Listen(const io::fs::path& socket);

// Errors across the socket: {"error": {"kind": "not_found", "message": "..."}}.
std::string_view NameOf(ErrorKind kind);
ErrorKind ParseErrorKind(std::string_view name);

}  // namespace busker::daemon
