#include "io/tls_context.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <nss.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace busker::io {
namespace {

// OpenSSL's own way to a socket raises SIGPIPE when the other side has hung up.
int WriteToSocket(BIO* bio, const char* bytes, int count) {
  BIO_clear_retry_flags(bio);
  const int socket = *static_cast<const int*>(BIO_get_data(bio));
  const ssize_t sent = send(socket, bytes, static_cast<std::size_t>(count), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int ReadFromSocket(BIO* bio, char* to, int count) {
  BIO_clear_retry_flags(bio);
  const int socket = *static_cast<const int*>(BIO_get_data(bio));
  const ssize_t got = recv(socket, to, static_cast<std::size_t>(count), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long ControlSocket(BIO* bio, int what, long, void*) {
  if (what == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return what == BIO_CTRL_FLUSH ? 1 : 0;  // nothing is kept back
}

int CreateSocketBio(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD* NewSocketMethod() {
  BIO_METHOD* const method =
      BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "a socket without SIGPIPE");
  const bool made = method != nullptr && BIO_meth_set_write(method, WriteToSocket) == 1 &&
                    BIO_meth_set_read(method, ReadFromSocket) == 1 &&
                    BIO_meth_set_ctrl(method, ControlSocket) == 1 &&
                    BIO_meth_set_create(method, CreateSocketBio) == 1;
  CHECK(made, "OpenSSL takes a way to a socket");
  return method;
}

// One for the process: OpenSSL numbers such ways, and behind the 127th the numbers mean other
// things.
const BIO_METHOD* SocketMethod() {
  static const BIO_METHOD* const method = NewSocketMethod();
  return method;
}

const char* Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? nullptr : value;
}

bool IsAddress(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

// The certificates of a PEM text; those that OpenSSL cannot read are left out.
int AddRoots(SSL_CTX* context, std::string_view pem) {
  BIO* const text = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  CHECK(text != nullptr, "there is memory");
  int added = 0;
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  while (X509* const certificate = PEM_read_bio_X509(text, nullptr, nullptr, nullptr)) {
    added += X509_STORE_add_cert(store, certificate);
    X509_free(certificate);
  }
  ERR_clear_error();  // that there is no further one
  BIO_free(text);
  return added;
}

Result<void> TrustFile(SSL_CTX* context, const std::string& path) {
  constexpr std::uint64_t kBytesMax = 16 << 20;
  auto pem = ReadFile(path, kBytesMax);
  if (!pem) return Unusable("the trusted certificates: " + pem.error().message);
  if (AddRoots(context, *pem) > 0) return {};
  return Unusable("the trusted certificates: there is none in " + Printable(path) +
                  "; it has to be a PEM file");
}

}  // namespace

fs::path SystemRoots() {
  constexpr std::array kPlaces{"/etc/ssl/certs/ca-certificates.crt",  // Debian, Alpine, Arch
                               "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL
                               "/etc/pki/tls/certs/ca-bundle.crt",
                               "/etc/ssl/ca-bundle.pem",  // SUSE
                               "/etc/ssl/cert.pem"};
  for (const fs::path place : kPlaces) {
    std::error_code error;
    if (fs::is_regular_file(place, error) && fs::file_size(place, error) > 0) return place;
  }
  return {};
}

TlsContext::TlsContext() : context_(SSL_CTX_new(TLS_client_method())) {
  CHECK(context_ != nullptr, "OpenSSL works");
  static constexpr unsigned char kHttp[] = "\x08http/1.1";
  CHECK(SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION) == 1 &&
            SSL_CTX_set_alpn_protos(context_, kHttp, sizeof kHttp - 1) == 0,
        "OpenSSL knows these");
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  // Whoever is named as trusted is, root or not: companies hand out the certificate below theirs.
  X509_STORE_set_flags(SSL_CTX_get_cert_store(context_), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<std::unique_ptr<TlsContext>> TlsContext::Make(const std::string& ca_file,
                                                     const std::vector<std::string>& more) {
  std::unique_ptr<TlsContext> context(new TlsContext());
  TRY(context->Trust(ca_file));
  for (const std::string& file : more) TRY(TrustFile(context->context_, file));
  return context;
}

Result<void> TlsContext::Trust(const std::string& ca_file) {
  if (!ca_file.empty()) return TrustFile(context_, ca_file);
  const char* const file = Variable("SSL_CERT_FILE");
  const char* const folder = Variable("SSL_CERT_DIR");
  if (file != nullptr) {
    TRY(TrustFile(context_, file));
  }
  if (folder != nullptr && SSL_CTX_load_verify_dir(context_, folder) != 1) {
    ERR_clear_error();
    return Unusable("the trusted certificates: SSL_CERT_DIR cannot be used");
  }
  if (file != nullptr || folder != nullptr) return {};
  if (const fs::path system = SystemRoots(); !system.empty()) {
    return TrustFile(context_, system.string());
  }
  CHECK(AddRoots(context_, BuiltInRoots()) > 0, "the built-in certificates are some");
  return {};
}

Result<ssl_st*> TlsContext::NewSession(const std::string& host, const int* socket) const {
  SSL* const session = SSL_new(context_);
  BIO* const bio = BIO_new(SocketMethod());
  CHECK(session != nullptr && bio != nullptr, "there is memory");
  BIO_set_data(bio, const_cast<int*>(socket));
  SSL_set_bio(session, bio, bio);
  SSL_set_connect_state(session);
  const std::string name = host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
  bool fine = false;
  if (IsAddress(name)) {
    fine = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str()) == 1;
  } else {
    SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    fine = SSL_set1_host(session, name.c_str()) == 1 &&
           SSL_set_tlsext_host_name(session, name.c_str()) == 1;
  }
  if (fine) return session;
  SSL_free(session);
  ERR_clear_error();
  return Invalid("no certificate can be made out to the host " + Printable(host));
}

void ForgetTheContainersSettings() {
  CHECK(__nss_configure_lookup("hosts", "files dns") == 0, "the C library knows files and dns");
  CHECK(OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1, "OpenSSL works");
}

}  // namespace busker::io
