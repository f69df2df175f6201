#include "http/certificate.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "base/check.h"

namespace busker::http {
namespace {

constexpr Milliseconds kLookAgain = std::chrono::seconds(1);
constexpr char kCiphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";  // of TLS 1.2; those of 1.3 are well

// Why OpenSSL said no, in its words: the first of what it piled up.
std::string Reason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "it cannot be used" : reason;
}

// A key of root's, or of whoever runs Busker; a group may read it, as Debian's ssl-cert does.
Result<void> CheckKeyIsPrivate(const io::fs::path& key) {
  struct stat info {};
  if (stat(key.c_str(), &info) != 0) {
    return Unusable(fmt::format("[http] key: {}: {}", key.string(), std::strerror(errno)));
  }
  if (!S_ISREG(info.st_mode)) {
    return Unusable(fmt::format("[http] key: {} is not a file", key.string()));
  }
  if (info.st_uid != 0 && info.st_uid != geteuid()) {
    return Unusable(fmt::format("[http] key: {} belongs to somebody else", key.string()));
  }
  if ((info.st_mode & (S_IWGRP | S_IRWXO)) != 0) {
    return Unusable(
        fmt::format("[http] key: others may read or write {}; chmod 600 it", key.string()));
  }
  return {};
}

// Of what a client offers, "http/1.1" alone: what speaks another protocol gets no further.
int SelectProtocol(SSL*, const unsigned char** out, unsigned char* out_bytes,
                   const unsigned char* in, unsigned in_bytes, void*) {
  static constexpr unsigned char kHttp[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_bytes, kHttp, sizeof kHttp - 1, in, in_bytes) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::string UntilWhen(const X509* certificate) {
  tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return "an unknown day";
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

}  // namespace

struct Certificate::Context {
  Context() : ssl(SSL_CTX_new(TLS_server_method())) { CHECK(ssl != nullptr, "OpenSSL works"); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { SSL_CTX_free(ssl); }
  SSL_CTX* const ssl;
  std::string until;  // the day after which it is no longer valid
  bool is_over = false;
};

Result<std::unique_ptr<Certificate>> Certificate::Load(CertificateFiles files,
                                                       std::function<void(const std::string&)> say,
                                                       Instant now) {
  std::unique_ptr<Certificate> certificate(new Certificate(std::move(files), std::move(say)));
  certificate->tried_ = certificate->LookAtFiles();
  certificate->looked_at_ = now;
  TRY_ASSIGN(certificate->context_, certificate->LoadContext(now));
  if (certificate->context_->is_over) {
    certificate->say_(fmt::format("the certificate {} has not been valid since {}",
                                  certificate->files_.certificate.string(),
                                  certificate->context_->until));
  }
  return certificate;
}

Certificate::Certificate(CertificateFiles files, std::function<void(const std::string&)> say)
    : files_(std::move(files)), say_(std::move(say)) {}

Certificate::~Certificate() = default;

Certificate::Stamp Certificate::StampOf(const io::fs::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, static_cast<std::uint64_t>(info.st_size), info.st_mtim.tv_sec,
          info.st_mtim.tv_nsec};
}

Result<std::unique_ptr<Certificate::Context>> Certificate::LoadContext(Instant now) const {
  TRY(CheckKeyIsPrivate(files_.key));
  ERR_clear_error();
  auto context = std::make_unique<Context>();
  SSL_CTX* const ssl = context->ssl;
  CHECK(SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
            SSL_CTX_set_cipher_list(ssl, kCiphers) == 1 && SSL_CTX_set_num_tickets(ssl, 0) == 1,
        "OpenSSL knows these");
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  // As asio's own contexts have it; and viewers that wait hold no buffers.
  SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(ssl, SelectProtocol, nullptr);
  SSL_CTX_set_default_passwd_cb(ssl, [](char*, int, int, void*) { return 0; });  // nobody is asked
  // By its descriptor: OpenSSL would wait for a pipe that stands in the file's place.
  const auto chain = io::Open(files_.certificate, O_RDONLY);
  if (!chain) return Unusable("[http] certificate: " + chain.error().message);
  const std::string by_descriptor = fmt::format("/proc/self/fd/{}", chain->get());
  if (SSL_CTX_use_certificate_chain_file(ssl, by_descriptor.c_str()) != 1) {
    return Unusable(
        fmt::format("[http] certificate: {}: {}", files_.certificate.string(), Reason()));
  }
  if (SSL_CTX_use_PrivateKey_file(ssl, files_.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(ssl) != 1) {
    return Unusable(fmt::format("[http] key: {}: {}", files_.key.string(), Reason()));
  }
  const X509* const own = SSL_CTX_get0_certificate(ssl);
  std::time_t seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  context->until = UntilWhen(own);
  context->is_over = X509_cmp_time(X509_get0_notAfter(own), &seconds) < 0;
  return context;
}

// The two files are seldom replaced at one moment: a pair that does not fit is looked at again when
// either has changed once more.
void Certificate::LookAgain(Instant now) {
  if (now - looked_at_ < kLookAgain && now >= looked_at_) return;
  looked_at_ = now;
  const Stamps stamps = LookAtFiles();
  if (stamps == tried_) return;
  tried_ = stamps;
  auto loaded = LoadContext(now);
  if (!loaded) {
    say_("the new certificate is not used, and the old one is: " + loaded.error().message);
    return;
  }
  context_ = std::move(*loaded);
  say_(fmt::format("a new certificate is used, of {}; it is valid until {}",
                   files_.certificate.string(), context_->until));
}

ssl_st* Certificate::NewSession(Instant now) {
  const std::lock_guard lock(mutex_);
  LookAgain(now);
  SSL* const session = SSL_new(context_->ssl);  // which keeps what it needs of the context
  CHECK(session != nullptr, "there is memory");
  return session;
}

}  // namespace busker::http
