#include "cli/online_service.h"
#include "cli/port_taken.h"

#include <fmt/core.h>

#include <condition_variable>

#include "artifact/version.h"
#include "cli/print.h"
#include "online/tables_api.h"
#include "serve/services.h"

namespace busker::cli {
namespace {

constexpr Milliseconds kLookEvery{500};
// For balancers to see that nothing is ready any more; who sits before it need not wait.
constexpr Milliseconds kGrace{5000};
constexpr Milliseconds kAnswerLimit = std::chrono::seconds(20);

// What passes by itself within this is nothing to call people for: a version that cannot be loaded
// is tried again, and a store elsewhere may be away for a moment.
constexpr Milliseconds kTellAfter = std::chrono::seconds(5);
constexpr Milliseconds kTellOfStoreAfter = std::chrono::seconds(60);

daemon::Online OnlineOf(const predict::LiveModel::State& state, const std::string& service) {
  return {service, state.serving, state.wanted, state.behind_since, state.behind_because};
}

// For the log: what is asked, or why not what is live.
std::string StandOf(const daemon::Online& online) {
  if (online.IsBehind()) return SentenceOf(online);
  return online.version.empty() ? "" : fmt::format("{} is served online", online.version);
}

}  // namespace

Result<std::unique_ptr<OnlineService>> OnlineService::Start(const service::ServingSetting& setting,
                                                            const home::Home& home,
                                                            const std::string& busker_version,
                                                            Say say) {
  std::unique_ptr<OnlineService> service(new OnlineService(home, say));
  online::Server::Settings settings;
  settings.address = setting.address;
  settings.port = static_cast<std::uint16_t>(setting.port);
  settings.certificate = setting.certificate;
  settings.key = setting.key;
  settings.insecure = setting.insecure_i_know;
  settings.threads = static_cast<std::size_t>(setting.threads);
  settings.rows_max = setting.rows_max;
  settings.body_bytes_max = setting.body_bytes_max;
  settings.tokens = home.TokensFile();
  settings.busker_version = busker_version;
  settings.add_routes = [&tables = service->tables_](online::Routes& routes) {
    online::AddTableRoutes(routes, {tables});
  };
  auto started = online::Server::Start(std::move(settings), service->models_, say);
  if (!started && started.error().kind == ErrorKind::kTemporary) {
    return tl::unexpected(PortTaken(setting.port, "[serving] listen in daemon.toml says another"));
  }
  TRY_ASSIGN(service->server_, std::move(started));
  service->address_ =
      fmt::format("{}://{}:{}", setting.certificate.empty() ? "http" : "https",
                  setting.address.find(':') == std::string::npos ? setting.address
                                                                 : "[" + setting.address + "]",
                  service->server_->port());
  service->thread_ = std::jthread([raw = service.get()](const std::stop_token& stop) {
    std::condition_variable_any wake;
    std::unique_lock lock(raw->mutex_);
    while (!stop.stop_requested()) {
      raw->Follow();
      raw->Tell();
      wake.wait_for(lock, stop, kLookEvery, [] { return false; });
    }
  });
  return service;
}

OnlineService::~OnlineService() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  if (server_ != nullptr) server_->End(IsTerminal() ? Milliseconds(0) : kGrace, kAnswerLimit);
}

void OnlineService::Attach(daemon::Daemon* daemon) {
  const std::lock_guard lock(mutex_);
  daemon_ = daemon;
  followed_ = nullptr;
  behind_.clear();  // what the one before was told may not have come on record
  Follow();
}

std::vector<daemon::Online> OnlineService::Stand() const {
  std::vector<daemon::Online> all;
  for (const auto& [service, served] : *models_.All()) {
    all.push_back(OnlineOf(served->Look(), service));
  }
  return all;
}

void OnlineService::Follow() {
  if (daemon_ == nullptr) return;
  const auto catalogue = daemon_->catalogue();
  if (catalogue == followed_) return;
  followed_ = catalogue;
  std::vector<predict::LiveModel::Settings> all;
  for (const serve::SharedService& service : serve::ServicesOf(*catalogue)) {
    if (service::Promoting(*service).empty()) continue;  // nothing of it is ever live
    const auto places = daemon_->PlacesOf(*service);
    if (!places) continue;  // validate and doctor say why
    predict::LiveModel::Settings settings;
    settings.store_url = places->store_url;
    settings.service = service->name;
    settings.service_version = service->version;
    settings.scratch = scratch_;
    all.push_back(std::move(settings));
  }
  if (const auto served = models_.Serve(all); !served) say_(served.error().message);
}

void OnlineService::Tell() {
  for (const daemon::Online& online : Stand()) {
    std::string stand = StandOf(online);
    if (std::string& before = told_[online.service]; !stand.empty() && before != stand) {
      say_(stand);
      before = std::move(stand);
    }
    if (daemon_ != nullptr) TellPeople(online);
  }
}

// Once of each version, and once when the live one is asked again.
void OnlineService::TellPeople(const daemon::Online& online) {
  const auto told = behind_.find(online.service);
  const bool knows_live = !online.wanted.empty() && online.wanted != online.version;
  if (online.IsBehind()) {
    const Milliseconds limit = knows_live ? kTellAfter : kTellOfStoreAfter;
    if (!online.since || Now() - *online.since < limit) return;
    if (told != behind_.end() && told->second == online.wanted) return;
  } else if (told == behind_.end() || online.wanted != online.version) {
    return;  // all is well, as it was; or the version is being loaded
  }
  const auto service = serve::FindService(*followed_, online.service);
  if (!service) return;  // its definition has gone this very moment
  plan::NotifyPeople tell;
  tell.graph = {online.service, service::Promoting(**service).front()};
  if (const auto wanted = artifact::ParseVersionName(online.wanted)) {
    tell.graph.name = wanted->action;
    tell.version = wanted->timestamp;
  }
  if (online.IsBehind()) {
    tell.kind = plan::NotifyPeople::Kind::kBehind;
    tell.message = SentenceOf(online);
    behind_[online.service] = online.wanted;
  } else {
    tell.kind = plan::NotifyPeople::Kind::kRecovered;
    tell.message =
        online.version.empty()
            ? fmt::format("nothing of {} is live any more", online.service)
            : fmt::format("{} serves its live version again: {}", online.service, tell.version);
    behind_.erase(told);
  }
  daemon_->Tell(std::move(tell));
}

}  // namespace busker::cli
