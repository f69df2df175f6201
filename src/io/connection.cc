#include "io/connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace busker::io {
namespace {

constexpr std::size_t kTlsBytesMax = 1 << 30;  // of a call, which counts in int

tl::unexpected<Error> Broken(const char* what, int errno_value) {
  return Temporary(std::string(what) + ": " + std::strerror(errno_value));
}

// In OpenSSL's words: the first of what it piled up.
std::string Reason(int errno_value) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return errno_value != 0 ? std::strerror(errno_value) : "the other side hung up";
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? "an error without a name" : reason;
}

}  // namespace

void Connection::Free::operator()(ssl_st* tls) const { SSL_free(tls); }

Connection::Connection(Descriptor socket) : socket_(std::move(socket)), fd_(socket_.get()) {}

Connection::~Connection() {
  if (!tls_ || broken_ || SSL_is_init_finished(tls_.get()) != 1) return;
  ERR_clear_error();
  SSL_shutdown(tls_.get());
  ERR_clear_error();
}

Result<void> Connection::StartTls(const TlsContext& context, const std::string& host,
                                  Waiter& waiter) {
  TRY_ASSIGN(ssl_st* const tls, context.NewSession(host, &fd_));
  tls_.reset(tls);
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const int done = SSL_do_handshake(tls);
    if (done == 1) return {};
    const int why = SSL_get_error(tls, done);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) break;
    pollfd fd{fd_, static_cast<short>(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0};
    if (auto waited = waiter.Wait({&fd, 1}); !waited) {
      return Wrap("the TLS handshake", std::move(waited).error());
    }
  }
  broken_ = true;
  const int errno_value = errno;
  const long verified = SSL_get_verify_result(tls);
  if (verified != X509_V_OK) {
    ERR_clear_error();
    return Failed(std::string("its certificate is not trusted: ") +
                  X509_verify_cert_error_string(verified));
  }
  return Temporary("the TLS handshake failed: " + Printable(Reason(errno_value)));
}

Result<Connection::Progress> Connection::ProgressOfTls(int result) {
  const int errno_value = errno;
  if (result > 0) return Progress{static_cast<std::size_t>(result), 0};
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Progress{0, POLLIN};
    case SSL_ERROR_WANT_WRITE:
      return Progress{0, POLLOUT};
    case SSL_ERROR_ZERO_RETURN:
      return Progress{};
    default:
      broken_ = true;
      return Temporary("the connection broke: " + Printable(Reason(errno_value)));
  }
}

Result<Connection::Progress> Connection::TryRead(std::span<char> to) {
  errno = 0;
  if (tls_) {
    ERR_clear_error();
    const auto room = static_cast<int>(std::min(to.size(), kTlsBytesMax));
    return ProgressOfTls(SSL_read(tls_.get(), to.data(), room));
  }
  const ssize_t got = recv(fd_, to.data(), to.size(), 0);
  if (got >= 0) return Progress{static_cast<std::size_t>(got), 0};
  if (errno == EAGAIN || errno == EINTR) return Progress{0, POLLIN};
  return Broken("the connection broke", errno);
}

Result<Connection::Progress> Connection::TryWrite(std::string_view bytes) {
  errno = 0;
  if (tls_) {
    ERR_clear_error();
    const auto count = static_cast<int>(std::min(bytes.size(), kTlsBytesMax));
    return ProgressOfTls(SSL_write(tls_.get(), bytes.data(), count));
  }
  const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent > 0) return Progress{static_cast<std::size_t>(sent), 0};
  if (errno == EAGAIN || errno == EINTR) return Progress{0, POLLOUT};
  return Broken("the connection broke", errno);
}

Result<std::size_t> Connection::Read(std::span<char> to, Waiter& waiter) {
  for (;;) {
    TRY(waiter.Check());
    TRY_ASSIGN(const Progress progress, TryRead(to));
    if (progress.bytes > 0 || progress.wait_for == 0) return progress.bytes;
    pollfd fd{fd_, progress.wait_for, 0};
    TRY(waiter.Wait({&fd, 1}));
  }
}

Result<void> Connection::WriteAll(std::string_view bytes, Waiter& waiter) {
  while (!bytes.empty()) {
    TRY(waiter.Check());
    TRY_ASSIGN(const Progress progress, TryWrite(bytes));
    bytes.remove_prefix(progress.bytes);
    if (progress.bytes > 0) continue;
    if (progress.wait_for == 0) return Temporary("the other side hung up");
    pollfd fd{fd_, progress.wait_for, 0};
    TRY(waiter.Wait({&fd, 1}));
  }
  return {};
}

// By TLS what can be read may be a ticket, which is nothing to us.
bool Connection::IsQuiet() {
  char byte = 0;
  const auto progress = TryRead({&byte, 1});
  return progress && progress->bytes == 0 && progress->wait_for == POLLIN;
}

}  // namespace busker::io
