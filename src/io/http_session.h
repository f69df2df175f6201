// Calls to HTTP servers: the one way in which Busker's programs speak HTTP to others.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/http_message.h"
#include "io/interrupt.h"

namespace busker::io {

class Connection;
class TlsContext;

// Keeps connections to use them again: at most kIdleMax, each for at most kIdleFor. Any thread, and
// many at once, each on a connection of its own.
class HttpSession {
 public:
  static constexpr std::size_t kIdleMax = 32;
  static constexpr std::chrono::seconds kIdleFor{30};

  struct Settings {
    std::string ca_file;  // trusted certificates (PEM) alone; empty: as tls_context.h says
    std::vector<std::string> more_ca_files = {};  // trusted besides
    // Whether 169.254.169.254 may be called, where a cloud hands its machine credentials. Then no
    // proxy is used. For a session that calls nothing else.
    bool may_call_metadata = false;
  };

  HttpSession();
  explicit HttpSession(Settings settings);
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;
  ~HttpSession();  // no call is going on

  // Sends the request and reads the answer, whatever its status: an answer is no error, and a
  // redirect that is not followed is an answer. Certificates are always verified, and TLS is 1.2 or
  // newer; a proxy is taken from the environment (proxy.h). Link-local addresses are refused after
  // the name was looked up; behind a proxy it is the proxy that looks it up.
  //
  // A request goes out once. When it went by a kept connection that had ended before a byte of an
  // answer came, it goes out once more by a new one, if it may be repeated (HttpRequest).
  // An answer before the whole body was sent, such as a 413, is taken; the rest is not sent.
  //
  // kInvalid: a URL or header that cannot be sent, a refused address. kTemporary: no connection, or
  // one that broke; no answer of HTTP; stopped. kTimedOut: a limit, also for a server that goes on
  // and on, a byte a minute. kFailed: a certificate that is not trusted. kUnusable: the trusted
  // certificates cannot be read. Else what the source or the sink of the body said. Messages name
  // scheme, host and port of the URL alone, the rest may be secret.
  Result<HttpResponse> Send(const HttpRequest& request, const Interrupt& interrupt);

 private:
  struct Idle {
    std::string key;
    std::unique_ptr<Connection> connection;
    SteadyInstant since;
  };
  struct Route;

  Result<HttpResponse> SendOne(const HttpRequest& request, const Interrupt& interrupt);
  Result<HttpResponse> SendAlong(const Route& route, const HttpRequest& request,
                                 const Interrupt& interrupt);
  Result<Route> RouteOf(const HttpRequest& request) const;
  Result<std::unique_ptr<Connection>> Connect(const Route& route, const Interrupt& interrupt);
  Result<const TlsContext*> Tls();
  std::unique_ptr<Connection> TakeIdle(const std::string& key);
  void KeepIdle(const std::string& key, std::unique_ptr<Connection> connection);

  const Settings settings_;
  std::mutex tls_mutex_;
  std::unique_ptr<TlsContext> tls_;  // made at the first use; outlives the connections
  std::mutex mutex_;
  std::vector<Idle> idle_;  // the one that was used last is the last
};

}  // namespace busker::io
