#include "serve/http_service.h"

#include <fmt/core.h>

#include <mutex>

#include "http/paging.h"
#include "io/file.h"
#include "serve/page.h"

namespace busker::serve {
namespace {

// Those behind it are below what the kernel gives to connections, which might have taken such a one
// by the next start.
constexpr std::uint16_t kUsualPort = 8321, kLastUsualPort = 8399;

// For a turn of the conductor: a browser waits no longer, and others wait behind it.
constexpr Milliseconds kRequestLimit = std::chrono::seconds(20);

// Requests that go wrong may be many: so many lines of a minute are said, the rest is not.
constexpr int kLinesMax = 60;

Say NotTooOften(Say say) {
  struct Said {
    std::mutex mutex;
    Instant since{};
    int count = 0;
  };
  return [say = std::move(say), said = std::make_shared<Said>()](const std::string& line) {
    const std::lock_guard lock(said->mutex);
    if (const Instant now = Now();
        now - said->since > std::chrono::minutes(1) || now < said->since) {
      said->since = now;
      said->count = 0;
    }
    if (++said->count <= kLinesMax) say(line);
  };
}

// The port that this home had last; none: it had none, or it was told which to take.
std::optional<std::uint16_t> LastPort(const home::Home& home) {
  const auto text = io::ReadFile(home.PortFile(), 16);
  const auto port = text ? http::ParseNumber(text->substr(0, text->find('\n'))) : std::nullopt;
  if (!port || *port == 0 || *port > UINT16_MAX) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

// The port that was asked for. Else that which the home had last, so that an address which somebody
// keeps leads to the same home; else the usual one, or the next that is free.
Result<std::unique_ptr<http::Listener>> Listen(const service::HttpSetting& setting,
                                               const home::Home& home,
                                               http::Certificate* certificate) {
  http::Listener::Options options;
  options.address = setting.address;
  options.certificate = certificate;
  options.insecure = setting.insecure_i_know;
  const auto bind = [&](int port) {
    options.port = static_cast<std::uint16_t>(port);
    return http::Listener::Bind(options);
  };
  if (setting.port != 0 || setting.any_port) return bind(setting.port);
  const auto last = LastPort(home);
  auto listener = bind(last.value_or(kUsualPort));
  for (int port = kUsualPort; !listener && port <= kLastUsualPort; ++port) listener = bind(port);
  if (!listener) listener = bind(0);
  // Where that cannot be written, the next start looks for a port anew.
  if (listener && (*listener)->port() != last) {
    (void)io::WriteFileAtomically(home.PortFile(), fmt::format("{}\n", (*listener)->port()));
  }
  return listener;
}

// In small letters, without the port that goes without saying: as browsers write it.
std::string Plain(std::string origin) {
  for (char& c : origin) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const std::string usual = origin.starts_with("https:") ? ":443" : ":80";
  if (origin.ends_with(usual)) origin.resize(origin.size() - usual.size());
  return origin;
}

}  // namespace

std::vector<std::string> OriginsOf(const service::HttpSetting& setting, std::uint16_t port) {
  std::vector<std::string> origins = setting.names;
  const std::string scheme = setting.certificate.empty() ? "http" : "https";
  const bool v6 = setting.address.find(':') != std::string::npos;
  const bool everywhere = setting.address == "0.0.0.0" || setting.address == "::";
  const std::string address = v6 ? "[" + setting.address + "]" : setting.address;
  origins.push_back(fmt::format("{}://{}:{}", scheme, everywhere ? "127.0.0.1" : address, port));
  if (everywhere || setting.IsLocal()) {
    origins.push_back(fmt::format("{}://localhost:{}", scheme, port));
  }
  for (std::string& origin : origins) origin = Plain(std::move(origin));
  return origins;
}

Front::Front(daemon::Daemon& daemon, const home::Home& home, Live& live, const Installed& installed,
             std::vector<std::string> origins, Say say)
    : audit_(home.RecordUrl(), say),
      records_(home.RecordUrl()),
      requests_(daemon.requests().Within(kRequestLimit)),
      explainer_(requests_),
      guard_(std::move(origins), home.TokensFile(), home.folder / "sessions.json"),
      api_(requests_, explainer_, home, live, installed.version),
      graphs_api_(daemon, requests_, explainer_, home),
      versions_api_(daemon, home, installed.duckdb_library, audit_),
      admin_api_(access::TokenFile(home.TokensFile()), audit_),
      metrics_(daemon, home, installed.duckdb_library, installed.more_figures),
      schedule_api_(daemon, home),
      lineage_api_(daemon, home, installed.duckdb_library),
      dates_api_(daemon, home),
      details_api_(daemon),
      tables_api_(daemon, installed.duckdb_library),
      predict_api_(daemon, installed.models),
      door_{guard_, routes_, std::move(say),
            [this](const std::string& peer, bool let_in, Instant now) {
              if (let_in) {
                audit_.Note(peer, "logged in", "by a link");
              } else {
                audit_.NoteRefused(peer, now);
              }
            },
            [this](const std::string& run) { return GraphOf(run); }} {
  api_.AddRoutes(routes_);
  graphs_api_.AddRoutes(routes_);
  versions_api_.AddRoutes(routes_);
  admin_api_.AddRoutes(routes_);
  metrics_.AddRoutes(routes_);
  schedule_api_.AddRoutes(routes_);
  lineage_api_.AddRoutes(routes_);
  dates_api_.AddRoutes(routes_);
  details_api_.AddRoutes(routes_);
  tables_api_.AddRoutes(routes_);
  predict_api_.AddRoutes(routes_);
  AddPages(routes_);
}

http::Response Front::Answer(const http::Request& request, Instant now) {
  return AnswerAtDoor(door_, request, now);
}

Result<std::string> Front::MakeLink(access::Scope scope, const std::string& by, Instant now) {
  record::Deed deed{by, "token link", "token link made", std::string(NameOf(scope))};
  return daemon::Do(audit_.ledger(), deed,
                    [&]() -> Result<std::string> { return guard_.MakeLink(scope, by, now); });
}

Result<plan::GraphKey> Front::GraphOf(const std::string& run) {
  TRY_ASSIGN(const record::RunRow row,
             records_.With([&](record::Record& record) { return record.FindRun(run); }));
  return row.facts.Graph();
}

Result<std::unique_ptr<HttpService>> HttpService::Start(const service::HttpSetting& setting,
                                                        daemon::Daemon& daemon,
                                                        const home::Home& home,
                                                        const Installed& installed, Say say) {
  std::unique_ptr<HttpService> service(new HttpService(daemon.announcer()));
  const bool tls = !setting.certificate.empty();
  if (tls) {
    TRY_ASSIGN(service->certificate_,
               http::Certificate::Load({setting.certificate, setting.key}, say, Now()));
  }
  TRY_ASSIGN(auto listener, Listen(setting, home, service->certificate_.get()));
  service->front_ =
      std::make_unique<Front>(daemon, home, *service->live_, installed,
                              OriginsOf(setting, listener->port()), NotTooOften(std::move(say)));
  service->ahead_ = std::jthread(
      [front = service->front_.get()](const std::stop_token& stop) { front->ReadAhead(stop); });
  service->port_ = listener->port();
  service->listener_ = std::move(listener);
  service->listener_->Run([tls, front = service->front_.get()](const http::Request& request) {
    http::Response response = front->Answer(request, Now());
    // "localhost" is many servers, which are not to be asked for TLS because of this one.
    if (tls && !request.Header("host").starts_with("localhost")) {
      response.headers.emplace_back("Strict-Transport-Security", "max-age=31536000");
    }
    return response;
  });
  return service;
}

HttpService::~HttpService() {
  ahead_ = {};
  listener_.reset();  // first: nobody asks any more
  live_->End();       // before the guard, which it asks whether viewers still may
}

Result<std::string> HttpService::MakeLink(access::Scope scope, const std::string& by) {
  return front_->MakeLink(scope, by, Now());
}

}  // namespace busker::serve
