// The prediction server: a port of its own, and threads that answer where they read. It knows no
// conductor and no record; busker up runs one beside them, busker serve one alone.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/certificate.h"
#include "http/listener.h"
#include "online/door.h"
#include "online/model_call.h"
#include "online/models.h"

namespace busker::online {

class Server {
 public:
  struct Settings {
    std::string address = "127.0.0.1";
    std::uint16_t port = 8080;     // 0: any that is free
    std::string certificate, key;  // files; empty: without TLS
    bool insecure = false;         // others than this machine may be talked to without TLS
    std::size_t threads = 0;       // 0: as many as there are processors
    std::size_t rows_max = kRowsMax;
    std::size_t body_bytes_max = 16 << 20;
    std::optional<io::fs::path> tokens;  // nullopt: whoever reaches the port may ask
    std::string busker_version;
    std::string vertex_health, vertex_predict;  // routes that Vertex AI asks for; empty: none
    std::function<void(Routes&)> add_routes;    // of others; may be empty
  };
  // `models` outlives it. `say` as http::Certificate's. kTemporary: the port is taken; kUnusable:
  // no certificate, or others can reach it without one.
  static Result<std::unique_ptr<Server>> Start(Settings settings, const Models& models,
                                               std::function<void(const std::string&)> say);
  ~Server();

  std::uint16_t port() const { return listener_->port(); }

  // Nothing is ready from now on, which those before it (a balancer) are given `grace` to see,
  // while all goes on; then what is being answered is, within `limit`.
  void End(std::chrono::milliseconds grace, std::chrono::milliseconds limit);

 private:
  Server(const Models& models, const Settings& settings);

  Serving serving_;
  std::atomic<bool> ending_ = false;
  Routes routes_;
  std::unique_ptr<Door> door_;
  std::unique_ptr<http::Certificate> certificate_;
  std::unique_ptr<http::Listener> listener_;
};

}  // namespace busker::online
