#include "io/http_session.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "io/connection.h"
#include "io/host_address.h"
#include "io/http_exchange.h"
#include "io/proxy.h"
#include "io/tls_context.h"
#include "io/url.h"

namespace busker::io {
namespace {

bool MayBeRepeated(const HttpRequest& request) {
  constexpr std::array<std::string_view, 5> kMethods{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
  const bool may = request.is_repeatable ||
                   std::find(kMethods.begin(), kMethods.end(), request.method) != kMethods.end();
  return may && (!request.source || request.source->rewind);
}

bool IsFollowed(const HttpRequest& request, const HttpResponse& response) {
  constexpr std::array<int, 5> kRedirects{301, 302, 303, 307, 308};
  return (request.method == "GET" || request.method == "HEAD") &&
         std::find(kRedirects.begin(), kRedirects.end(), response.status) != kRedirects.end() &&
         !response.Header("location").empty();
}

// What is meant for one host alone.
bool IsSecret(const HttpHeader& header) {
  const std::string name = LowerCase(header.name);
  return name == "authorization" || name == "cookie";
}

bool IsAuthorized(const HttpRequest& request) {
  return std::any_of(request.headers.begin(), request.headers.end(), [](const HttpHeader& header) {
    return LowerCase(header.name) == "authorization";
  });
}

Result<HttpRequest> Redirected(HttpRequest request, std::string_view location) {
  std::string url = ResolveUrl(request.url, location);
  TRY_ASSIGN(const Url before, ParseHttpUrl(request.url));
  if (!before.user.empty() && !IsAuthorized(request)) {  // what leads on does not say it again
    request.headers.push_back({"Authorization", BasicAuthorization(before.user)});
  }
  if (request.url.starts_with("https:") && !url.starts_with("https:")) {
    return Failed(OriginOf(request.url) +
                  " redirects to where there is no TLS, which is not followed");
  }
  if (OriginOf(url) != OriginOf(request.url)) {
    std::erase_if(request.headers, IsSecret);
  }
  request.url = std::move(url);
  return request;
}

}  // namespace

// How a request comes to its server.
struct HttpSession::Route {
  Url url;
  std::string key;  // connections with one key lead to one place
  std::string head;
  std::optional<Proxy> proxy;
  fs::path unix_socket;
  Reach reach = Reach::kAll;
};

HttpSession::HttpSession() : HttpSession(Settings()) {}

HttpSession::HttpSession(Settings settings) : settings_(std::move(settings)) {}

HttpSession::~HttpSession() = default;

Result<HttpResponse> HttpSession::Send(const HttpRequest& request, const Interrupt& interrupt) {
  TRY_ASSIGN(HttpResponse response, SendOne(request, interrupt));
  if (request.redirects_max == 0 || !IsFollowed(request, response)) return response;
  HttpRequest next = request;
  for (int left = request.redirects_max; left > 0 && IsFollowed(next, response); --left) {
    TRY_ASSIGN(next, Redirected(std::move(next), response.Header("location")));
    TRY_ASSIGN(response, SendOne(next, interrupt));
  }
  return response;
}

Result<HttpResponse> HttpSession::SendOne(const HttpRequest& request, const Interrupt& interrupt) {
  TRY_ASSIGN(const Route route, RouteOf(request));
  auto response = SendAlong(route, request, interrupt);
  if (response) {
    response->url = request.url;
    return response;
  }
  std::string place = OriginOf(request.url);
  if (route.proxy) place += " by the proxy " + Printable(route.proxy->host);
  return Wrap(place, std::move(response).error());
}

Result<HttpSession::Route> HttpSession::RouteOf(const HttpRequest& request) const {
  CHECK(request.connect_limit.count() > 0, "a call has its limits");
  Route route;
  TRY_ASSIGN(route.url, ParseHttpUrl(request.url));
  route.unix_socket = request.unix_socket;
  if (settings_.may_call_metadata) {
    route.reach = Reach::kWithMetadata;
  } else if (route.unix_socket.empty()) {
    TRY_ASSIGN(route.proxy, ProxyFor(route.url));
  }
  std::vector<HttpHeader> more;
  if (!route.url.user.empty() && !IsAuthorized(request)) {
    more.push_back({"Authorization", BasicAuthorization(route.url.user)});
  }
  // By a proxy, in the clear: it is the proxy that is asked, for all of the URL.
  const bool asks_proxy = route.proxy && !route.url.is_safe;
  if (asks_proxy && !route.proxy->authorization.empty()) {
    more.push_back({"Proxy-Authorization", route.proxy->authorization});
  }
  const std::string target =
      asks_proxy ? "http://" + route.url.Place() + route.url.target : route.url.target;
  TRY_ASSIGN(route.head, HeadOf(request, target, route.url.Place(), more));
  route.key = (route.url.is_safe ? "https " : "http ") + route.unix_socket.string() + " " +
              (asks_proxy ? "" : route.url.PlaceWithPort()) + " " +
              (route.proxy ? route.proxy->host + ":" + std::to_string(route.proxy->port) + " " +
                                 route.proxy->authorization
                           : "");
  return route;
}

Result<HttpResponse> HttpSession::SendAlong(const Route& route, const HttpRequest& request,
                                            const Interrupt& interrupt) {
  Waiter waiter(interrupt);
  for (bool again = false;; again = true) {
    std::unique_ptr<Connection> connection = again ? nullptr : TakeIdle(route.key);
    const bool was_kept = connection != nullptr;
    if (!was_kept) {
      TRY_ASSIGN(connection, Connect(route, Within(request.connect_limit, interrupt)));
    }
    if (request.source && request.source->rewind) {
      TRY(request.source->rewind());
    }
    HttpExchange exchange(*connection, request, waiter);
    auto response = exchange.Run(route.head);
    if (response && exchange.may_go_on()) KeepIdle(route.key, std::move(connection));
    if (response || !was_kept || !exchange.was_unheard() || !MayBeRepeated(request)) {
      return response;
    }
  }
}

namespace {

// Asks a proxy to pass bytes on to the server, which TLS then runs through.
Result<void> OpenTunnel(Connection& connection, const Url& url, const Proxy& proxy,
                        Waiter& waiter) {
  HttpRequest request;
  request.method = "CONNECT";
  std::vector<HttpHeader> more;
  if (!proxy.authorization.empty()) more.push_back({"Proxy-Authorization", proxy.authorization});
  TRY_ASSIGN(const std::string head,
             HeadOf(request, url.PlaceWithPort(), url.PlaceWithPort(), more));
  HttpExchange exchange(connection, request, waiter);
  TRY_ASSIGN(const HttpResponse response, exchange.Run(head));
  if (response.status / 100 != 2) {
    return Temporary("the proxy does not lead there; it answered " +
                     std::to_string(response.status));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Connection>> HttpSession::Connect(const Route& route,
                                                         const Interrupt& interrupt) {
  Waiter waiter(interrupt);
  Descriptor socket;
  if (!route.unix_socket.empty()) {
    TRY_ASSIGN(socket, ConnectToUnixSocket(route.unix_socket, waiter));
  } else {
    TRY_ASSIGN(const auto addresses,
               route.proxy ? FindHost(route.proxy->host, route.proxy->port, route.reach, waiter)
                           : FindHost(route.url.host, route.url.port, route.reach, waiter));
    auto connected = ConnectToHost(addresses, waiter);
    if (!connected && connected.error().kind == ErrorKind::kTimedOut) {
      return TimedOut("no connection within the limit");
    }
    TRY_ASSIGN(socket, std::move(connected));
  }
  auto connection = std::make_unique<Connection>(std::move(socket));
  if (!route.url.is_safe) return connection;
  if (route.proxy) {
    TRY(OpenTunnel(*connection, route.url, *route.proxy, waiter));
  }
  TRY_ASSIGN(const TlsContext* const tls, Tls());
  TRY(connection->StartTls(*tls, route.url.host, waiter));
  return connection;
}

Result<const TlsContext*> HttpSession::Tls() {
  const std::lock_guard lock(tls_mutex_);
  if (!tls_) {
    TRY_ASSIGN(tls_, TlsContext::Make(settings_.ca_file, settings_.more_ca_files));
  }
  return tls_.get();
}

std::unique_ptr<Connection> HttpSession::TakeIdle(const std::string& key) {
  const SteadyInstant oldest = std::chrono::steady_clock::now() - kIdleFor;
  std::vector<Idle> over;  // closed without the lock
  for (;;) {
    std::unique_ptr<Connection> taken;
    {
      const std::lock_guard lock(mutex_);
      const auto kept = std::stable_partition(idle_.begin(), idle_.end(),
                                              [&](const Idle& one) { return one.since >= oldest; });
      std::move(kept, idle_.end(), std::back_inserter(over));
      idle_.erase(kept, idle_.end());
      const auto last = std::find_if(idle_.rbegin(), idle_.rend(),
                                     [&](const Idle& one) { return one.key == key; });
      if (last == idle_.rend()) return nullptr;
      taken = std::move(last->connection);
      idle_.erase(std::next(last).base());
    }
    if (taken->IsQuiet()) return taken;
  }
}

void HttpSession::KeepIdle(const std::string& key, std::unique_ptr<Connection> connection) {
  std::unique_ptr<Connection> oldest;  // closed without the lock
  const std::lock_guard lock(mutex_);
  if (idle_.size() >= kIdleMax) {
    oldest = std::move(idle_.front().connection);
    idle_.erase(idle_.begin());
  }
  idle_.push_back({key, std::move(connection), std::chrono::steady_clock::now()});
}

}  // namespace busker::io
