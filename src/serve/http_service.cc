#include "serve/http_service.h"

#include <fmt/core.h>

#include "serve/page.h"
#include "serve/problem.h"

namespace busker::serve {
namespace {

constexpr std::uint16_t kUsualPort = 8321;

Response Healthy() {
  Response response;
  response.type = "text/plain; charset=utf-8";
  response.body = "ok\n";
  return response;
}

// The port that was asked for; else the usual one, or another when some other busker has that.
Result<std::unique_ptr<Listener>> Listen(const service::HttpSetting& setting) {
  if (setting.port != 0) {
    return Listener::Bind(setting.address, static_cast<std::uint16_t>(setting.port));
  }
  auto usual = Listener::Bind(setting.address, kUsualPort);
  return usual ? std::move(usual) : Listener::Bind(setting.address, 0);
}

// All that this server is called, the name for links first.
std::vector<std::string> OriginsOf(const service::HttpSetting& setting, std::uint16_t port) {
  std::vector<std::string> origins;
  const bool v6 = setting.address.find(':') != std::string::npos;
  origins.push_back(
      fmt::format("http://{}{}{}:{}", v6 ? "[" : "", setting.address, v6 ? "]" : "", port));
  origins.push_back(fmt::format("http://localhost:{}", port));
  origins.insert(origins.end(), setting.names.begin(), setting.names.end());
  return origins;
}

}  // namespace

Front::Front(daemon::Daemon& daemon, const dispatch::Home& home, Live& live,
             const Installed& installed, std::vector<std::string> origins)
    : audit_(home.RecordFile().string()),
      records_(home.RecordFile().string()),
      api_(daemon.requests(), home, live, installed.version),
      graphs_api_(daemon, home),
      versions_api_(daemon, home, installed.duckdb_library, audit_),
      admin_api_(TokenFile(home.folder / "tokens.json"), audit_),
      metrics_(daemon, home, installed.duckdb_library),
      schedule_api_(daemon, home),
      lineage_api_(daemon, home, installed.duckdb_library),
      guard_(std::move(origins), home.folder / "tokens.json") {
  api_.AddRoutes(router_);
  graphs_api_.AddRoutes(router_);
  versions_api_.AddRoutes(router_);
  admin_api_.AddRoutes(router_);
  metrics_.AddRoutes(router_);
  schedule_api_.AddRoutes(router_);
  lineage_api_.AddRoutes(router_);
  AddPages(router_);
}

Response Front::Answer(const Request& request, Instant now) {
  if (auto refused = guard_.Refuse(request)) return *std::move(refused);
  if (request.method == Method::kGet && request.target == "/healthz") return Healthy();
  const auto target = ParseTarget(request.target);
  if (request.method == Method::kGet && target &&
      target->path == std::vector<std::string>{"login"} && target->query.contains("token")) {
    Response answer = guard_.Login(request, target->Query("token"), now);
    if (answer.status == 303) {
      audit_.Note(request.peer, "logged in", "by a link");
    } else {
      audit_.NoteRefused(request.peer, now);
    }
    return answer;
  }
  auto identified = guard_.Identify(request, now);
  if (auto* refused = std::get_if<Response>(&identified)) {
    if (!request.Header("authorization").empty()) audit_.NoteRefused(request.peer, now);
    return std::move(*refused);
  }
  const Caller caller = std::get<Caller>(std::move(identified));
  if (!target) return Problem(404, "there is nothing of that name");
  std::map<std::string, std::string, std::less<>> parameters;
  const Route* const route = router_.Find(request.method, target->path, &parameters);
  if (route == nullptr) {
    return router_.Knows(target->path) ? Problem(405, "what is there takes another method")
                                       : Problem(404, "there is nothing of that name");
  }
  if (!Allows(caller.scope, route->scope)) {
    return Problem(403, fmt::format("this takes the scope {}, and {} has {}", NameOf(route->scope),
                                    caller.name, NameOf(caller.scope)));
  }
  if (auto refused = Confine(caller, *route, parameters)) return *std::move(refused);
  if (route->method != Method::kGet) {
    if (auto refused = guard_.RefuseChange(request)) return *std::move(refused);
  }
  return route->handler({request, *target, caller, std::move(parameters)});
}

// Who is confined hears of what is beyond as of what is not there.
std::optional<Response> Front::Confine(
    const Caller& caller, const Route& route,
    const std::map<std::string, std::string, std::less<>>& named) {
  if (caller.confines.empty()) return std::nullopt;
  if (const auto graph = named.find("graph"); graph != named.end()) {
    if (caller.Sees(GraphNamed(graph->second))) return std::nullopt;
    return Problem(404, fmt::format("there is no {}", GraphNamed(graph->second)));
  }
  if (const auto service = named.find("service"); service != named.end()) {
    if (HoldsService(caller.confines, service->second)) return std::nullopt;
    return Problem(404, fmt::format("there is no service {}", service->second));
  }
  if (const auto run = named.find("run"); run != named.end()) {
    const auto found =
        records_.With([&](record::Record& record) { return record.FindRun(run->second); });
    if (!found) return Problem(found.error());
    const record::RunFacts& facts = found->facts;
    if (caller.Sees(facts.service.empty() ? facts.action : facts.service + "/" + facts.action))
      return std::nullopt;
    return Problem(record::NoRun(run->second));
  }
  if (route.reach == Reach::kOwn) return std::nullopt;
  return Problem(403, fmt::format("{} is confined to some services and graphs, and this is of all",
                                  caller.name));
}

Result<std::unique_ptr<HttpService>> HttpService::Start(const service::HttpSetting& setting,
                                                        daemon::Daemon& daemon,
                                                        const dispatch::Home& home,
                                                        const Installed& installed) {
  TRY_ASSIGN(auto listener, Listen(setting));
  std::unique_ptr<HttpService> service(new HttpService(daemon.announcer()));
  service->front_ = std::make_unique<Front>(daemon, home, *service->live_, installed,
                                            OriginsOf(setting, listener->port()));
  service->listener_ = std::move(listener);
  service->listener_->Run([front = service->front_.get()](const Request& request) {
    return front->Answer(request, Now());
  });
  return service;
}

HttpService::~HttpService() {
  listener_.reset();  // first: nobody asks any more
}

std::string HttpService::MakeLink(Scope scope, const std::string& by) {
  return front_->guard().MakeLink(scope, by, Now());
}

}  // namespace busker::serve
