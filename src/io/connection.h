// One connection to a server, in the clear or by TLS. Nothing here blocks but by a Waiter.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/interrupt.h"
#include "io/tls_context.h"

namespace busker::io {

// Used by one thread at a time.
class Connection {
 public:
  explicit Connection(Descriptor socket);  // connected, and does not block
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();  // says goodbye, and waits for nothing

  // TLS from here on, with a server that proves to be `host`. kFailed for a certificate that is not
  // trusted, or is somebody else's; then nothing was sent but the greeting.
  Result<void> StartTls(const TlsContext& context, const std::string& host, Waiter& waiter);

  // How far a call came that does not wait.
  struct Progress {
    std::size_t bytes = 0;
    short wait_for = 0;  // when `bytes` is 0: POLLIN or POLLOUT; or 0: the other side has ended
  };

  // Some bytes, as there are. kTemporary when the connection broke; kTimedOut and stop as the
  // waiter has it, also when there would have been no need to wait. Read returns 0 at the end.
  Result<Progress> TryRead(std::span<char> to);
  Result<Progress> TryWrite(std::string_view bytes);
  Result<std::size_t> Read(std::span<char> to, Waiter& waiter);
  Result<void> WriteAll(std::string_view bytes, Waiter& waiter);

  // Between two exchanges: is the server still there, and has it said nothing out of turn?
  bool IsQuiet();

  int descriptor() const { return socket_.get(); }

 private:
  struct Free {
    void operator()(ssl_st* tls) const;
  };

  Result<Progress> ProgressOfTls(int result);

  const Descriptor socket_;
  const int fd_;  // what TLS reads and writes
  std::unique_ptr<ssl_st, Free> tls_;
  bool broken_ = false;  // TLS is, and cannot say goodbye
};

}  // namespace busker::io
