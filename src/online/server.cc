#include "online/server.h"

#include <algorithm>
#include <thread>

#include "online/answer.h"
#include "online/plain_api.h"
#include "online/v1_api.h"
#include "online/v2_api.h"

namespace busker::online {
namespace {

// More than the 60 that balancers keep a connection: it is theirs to end it, so no request meets
// one that was just closed.
constexpr std::chrono::seconds kSilenceMax(75);
constexpr std::size_t kThreadsMax = 256;

http::Response Page(const Models& models) {
  http::Response response;
  response.type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = FiguresPage(models);
  return response;
}

}  // namespace

Server::Server(const Models& models, const Settings& settings)
    : serving_{models, settings.rows_max, settings.busker_version,
               [this] { return ending_.load(); }} {
  AddV1Routes(routes_, serving_);
  AddV2Routes(routes_, serving_);
  AddPlainRoutes(routes_, serving_);
  AddVertexRoutes(routes_, serving_, settings.vertex_health, settings.vertex_predict);
  routes_.Add({http::Method::kGet, "/metrics", [&models](const Call& call) {
                 if (call.caller.confines.empty()) return Page(models);
                 return Fault(404, "there is nothing of that name");
               }});
  if (settings.add_routes) settings.add_routes(routes_);
  door_ = std::make_unique<Door>(Door::Settings{settings.tokens, settings.body_bytes_max}, routes_);
}

Result<std::unique_ptr<Server>> Server::Start(Settings settings, const Models& models,
                                              std::function<void(const std::string&)> say) {
  std::unique_ptr<Server> server(new Server(models, settings));
  if (!settings.certificate.empty()) {
    TRY_ASSIGN(server->certificate_, http::Certificate::Load({settings.certificate, settings.key},
                                                             std::move(say), Now()));
  }
  const std::size_t processors = std::max(1u, std::thread::hardware_concurrency());
  http::Listener::Options options;
  options.address = settings.address;
  options.port = settings.port;
  options.certificate = server->certificate_.get();
  options.insecure = settings.insecure;
  options.answering_threads = std::clamp<std::size_t>(
      settings.threads == 0 ? processors : settings.threads, 1, kThreadsMax);
  options.for_programs = true;
  options.body_bytes_max = settings.body_bytes_max;
  options.silence_max = kSilenceMax;
  TRY_ASSIGN(server->listener_, http::Listener::Bind(options));
  server->listener_->Run([door = server->door_.get()](const http::Request& request) {
    return door->Answer(request, Now());
  });
  return server;
}

Server::~Server() = default;  // the listener first

void Server::End(std::chrono::milliseconds grace, std::chrono::milliseconds limit) {
  ending_ = true;
  std::this_thread::sleep_for(grace);
  listener_->Drain(limit);
}

}  // namespace busker::online
