// Whom this program trusts when it calls others by TLS, and how it speaks it: 1.2 or newer,
// HTTP/1.1 by ALPN, certificates always verified.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/file.h"

struct ssl_st;
struct ssl_ctx_st;

namespace busker::io {

// The file with the system's trusted certificates: the first that is there of those that Linux
// distributions have. Empty in a container without any.
fs::path SystemRoots();

// The certificates that Mozilla trusts, as they were when this program was built (PEM): for where
// the system has none.
std::string_view BuiltInRoots();

// Any thread, once it is made.
class TlsContext {
 public:
  // Trusts the certificates in `ca_file` (PEM) alone when it is not empty; else what SSL_CERT_FILE
  // and SSL_CERT_DIR name; else the system's; else the built-in ones. Those in `more` are trusted
  // besides. kUnusable when what is named cannot be read.
  static Result<std::unique_ptr<TlsContext>> Make(const std::string& ca_file,
                                                  const std::vector<std::string>& more = {});
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  // For one connection to `host` over the socket at `socket`, which outlives it, as this does: a
  // certificate is good when it is trusted and made out to this name or address. The caller frees
  // it (SSL_free).
  Result<ssl_st*> NewSession(const std::string& host, const int* socket) const;

 private:
  TlsContext();
  Result<void> Trust(const std::string& ca_file);

  ssl_ctx_st* const context_;
};

// In a program that runs in other people's containers, before anything else of this room: names are
// found by /etc/hosts and name servers alone, for the container's nsswitch.conf may name a module,
// which a static program loads into itself and dies of; and OpenSSL does not read the container's
// openssl.cnf, which may name modules, too.
void ForgetTheContainersSettings();

}  // namespace busker::io
