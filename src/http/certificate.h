// The certificate that this server shows, and how it talks TLS: 1.2 or newer, no renegotiation, no
// compression, no session that outlives its connection. The files are looked at again by later
// handshakes, so that a renewed certificate is used without a restart.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

struct ssl_st;

namespace busker::http {

struct CertificateFiles {
  io::fs::path certificate;  // PEM: the server's own first, then those that lead to a root
  io::fs::path key;          // PEM, without a password; nobody else's to read
};

class Certificate {
 public:
  // `say` is told, in a line, of a certificate that is used instead of the one of before, or cannot
  // be; and of one that is no longer valid. kUnusable: no certificate, no key, not of each other,
  // or the key is open to others.
  static Result<std::unique_ptr<Certificate>> Load(CertificateFiles files,
                                                   std::function<void(const std::string&)> say,
                                                   Instant now);
  ~Certificate();

  // For one connection, which it is then the property of (SSL_free). Any thread. Looks at the files
  // when the last look was more than a second before; those that cannot be used leave all as it is.
  ssl_st* NewSession(Instant now);

 private:
  struct Context;
  // By which a file is known to be another, or to have been written to.
  struct Stamp {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t seconds = 0, nanoseconds = 0;
    bool operator==(const Stamp&) const = default;
  };
  struct Stamps {
    Stamp certificate, key;
    bool operator==(const Stamps&) const = default;
  };

  Certificate(CertificateFiles files, std::function<void(const std::string&)> say);
  static Stamp StampOf(const io::fs::path& path);
  Stamps LookAtFiles() const { return {StampOf(files_.certificate), StampOf(files_.key)}; }
  Result<std::unique_ptr<Context>> LoadContext(Instant now) const;
  void LookAgain(Instant now);

  const CertificateFiles files_;
  const std::function<void(const std::string&)> say_;
  std::mutex mutex_;  // guards what follows
  std::unique_ptr<Context> context_;
  Stamps tried_;  // of the files that were last loaded, or could not be
  Instant looked_at_{};
};

}  // namespace busker::http
