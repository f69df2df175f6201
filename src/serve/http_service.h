// The dashboard and the API, served: the guard before the routes, and the listener before both.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "daemon/daemon.h"
#include "home/home.h"
#include "http/certificate.h"
#include "http/listener.h"
#include "serve/admin_api.h"
#include "serve/api.h"
#include "serve/audit.h"
#include "serve/dates_api.h"
#include "serve/details_api.h"
#include "serve/door.h"
#include "serve/explainer.h"
#include "serve/graphs_api.h"
#include "serve/guard.h"
#include "serve/lineage_api.h"
#include "serve/live.h"
#include "serve/metrics.h"
#include "serve/predict_api.h"
#include "serve/schedule_api.h"
#include "serve/tables_api.h"
#include "serve/versions_api.h"
#include "service/daemon_setting.h"

namespace busker::serve {

// What this program is and has beside it.
struct Installed {
  std::string version, duckdb_library;
  std::function<std::string()> more_figures = {};  // for the page of figures; may be empty
  const online::Models* models = nullptr;  // that predictions are answered for; nullptr: of none
};

// Every request's way, without the network: guard, routes, handler. Any thread.
class Front {
 public:
  // `origins` as for http::SiteGuard. The collaborators outlive it.
  Front(
      daemon::Daemon& daemon, const home::Home& home, Live& live, const Installed& installed,
      std::vector<std::string> origins, Say say = [](const std::string&) {});

  http::Response Answer(const http::Request& request, Instant now);

  // An address that begins a session with that scope, once. It is as good as a token, so the record
  // notes who asked for it; when that fails, so does this, and there is no link.
  Result<std::string> MakeLink(access::Scope scope, const std::string& by, Instant now);

  // Makes what an overview asks for first. Until `stop`.
  void ReadAhead(const std::stop_token& stop) { versions_api_.ReadAhead(stop); }

  Guard& guard() { return guard_; }
  const Routes& routes() const { return routes_; }

 private:
  Result<plan::GraphKey> GraphOf(const std::string& run);

  Audit audit_;
  record::Readers records_;
  daemon::Requests requests_;  // of those who cannot wait for long
  Explainer explainer_;
  Guard guard_;  // before what has viewers, whose streams ask it whether they still may
  Api api_;
  GraphsApi graphs_api_;
  VersionsApi versions_api_;
  AdminApi admin_api_;
  Metrics metrics_;
  ScheduleApi schedule_api_;
  LineageApi lineage_api_;
  DatesApi dates_api_;
  DetailsApi details_api_;
  TablesApi tables_api_;
  PredictApi predict_api_;
  Routes routes_;
  const Door door_;
};

// All that a server is called that has this port, the name for links first.
std::vector<std::string> OriginsOf(const service::HttpSetting& setting, std::uint16_t port);

class HttpService {
 public:
  // The daemon and the announcer outlive it. `say` is told what is for the log; any thread.
  // kTemporary when the port that was asked for is taken; kUnusable: no certificate to show.
  static Result<std::unique_ptr<HttpService>> Start(const service::HttpSetting& setting,
                                                    daemon::Daemon& daemon, const home::Home& home,
                                                    const Installed& installed, Say say);
  ~HttpService();

  const std::string& origin() const {
    return front_->guard().site().origin();
  }  // "http://127.0.0.1:8321"
  std::uint16_t port() const { return port_; }
  Result<std::string> MakeLink(access::Scope scope, const std::string& by);  // as Front's

 private:
  HttpService(daemon::Announcer& announcer) : live_(std::make_unique<Live>(announcer)) {}

  std::unique_ptr<Live> live_;
  std::unique_ptr<Front> front_;
  std::unique_ptr<http::Certificate> certificate_;
  std::uint16_t port_ = 0;
  std::unique_ptr<http::Listener> listener_;
  std::jthread ahead_;
};

}  // namespace busker::serve
