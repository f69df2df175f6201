// busker serve: predictions over HTTP, from the live version of one service.
#include <fmt/core.h>
#include <malloc.h>

#include <charconv>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "base/bytes.h"
#include "base/text.h"
#include "cli/port_taken.h"
#include "cli/signal_watch.h"
#include "cli/workspace.h"
#include "deliver/table_rows.h"
#include "online/server.h"
#include "online/tables_api.h"

namespace busker::cli {
namespace {

constexpr std::uint16_t kUsualPort = 8080;
// For balancers to see that nothing is ready any more; a person who types control-C waits for none.
constexpr Milliseconds kGrace{5000};
constexpr Milliseconds kAnswerLimit = std::chrono::seconds(20);
constexpr std::chrono::seconds kEndLimit(30);
constexpr Milliseconds kLookEvery{200};

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What nobody reads any more is no reason to end: others are answered.
void Say(const std::string& line) {
  std::printf("%s\n", Printable(line).c_str());
  std::fflush(stdout);
}

// What is served, and whose tokens let in.
struct Subject {
  predict::LiveModel::Settings live;
  io::fs::path tokens;
  std::unique_ptr<deliver::TableReader> tables;  // of its rows by key; nullptr: they are not here
};

Result<Subject> SubjectOf(const Common& common, const ServeOptions& options) {
  Subject subject;
  std::error_code error;
  subject.live.scratch = io::fs::temp_directory_path(error);
  subject.tokens = options.tokens;
  if (options.store.empty()) {
    if (!options.model.empty()) {
      return Invalid(
          fmt::format("{} is looked for in a store: --store URL says which; without, "
                      "-C names the folder of the service",
                      Printable(options.model)));
    }
    TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
    subject.live.store_url = workspace.places.store_url;
    subject.live.service = workspace.service.name;
    subject.live.service_version = workspace.service.version;
    if (subject.tokens.empty()) subject.tokens = workspace.home.TokensFile();
    if (const auto folder = deliver::FolderOfWarehouse(workspace.places.warehouse_url)) {
      subject.tables = std::make_unique<deliver::TableReader>(*folder);
    }
    return subject;
  }
  const std::vector<std::string> parts = Split(options.model, '/');
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) {
    return Invalid("with --store, say which service: NAME/VERSION, as in its busker.toml");
  }
  subject.live.store_url = options.store;
  subject.live.service = parts[0];
  subject.live.service_version = parts[1];
  if (subject.tokens.empty() && !options.without_tokens) {
    return Invalid(
        "with --store, say who may ask: --tokens FILE, a home's tokens.json, or --without-tokens");
  }
  return subject;
}

Result<std::uint16_t> PortOf(const ServeOptions& options) {
  if (options.any_port || options.port != 0) return options.port;
  const std::string text = Variable("AIP_HTTP_PORT");
  if (text.empty()) return kUsualPort;
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [at, fault] = std::from_chars(text.data(), end, port);
  if (fault != std::errc() || at != end || port == 0) {
    return Invalid(fmt::format("AIP_HTTP_PORT is {}, which is not a port", Printable(text)));
  }
  return port;
}

// Says what changes, a line each, until it is to end.
class Watcher {
 public:
  explicit Watcher(const predict::LiveModel& live) : live_(live) {}

  void Stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  void Run() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      Tell(live_.Look());
      changed_.wait_for(lock, kLookEvery);
    }
  }

 private:
  void Tell(const predict::LiveModel::State& state) {
    if (state.serving != serving_) {
      serving_ = state.serving;
      Say(serving_.empty() ? "nothing is live any more"
                           : fmt::format("serving {} ({})", serving_, state.model));
    }
    const bool waits = state.looked && state.wanted.empty() && state.behind_because.empty();
    const std::string because =
        waits ? "no version is live yet; busker promote makes one live" : state.behind_because;
    if (because == because_) return;
    because_ = because;
    if (!because.empty()) std::fprintf(stderr, "busker: %s\n", Printable(because).c_str());
  }

  const predict::LiveModel& live_;
  std::string serving_, because_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
};

Result<online::Server::Settings> SettingsOf(const Common& common, const ServeOptions& options,
                                            const Subject& subject) {
  online::Server::Settings settings;
  settings.address = options.address;
  TRY_ASSIGN(settings.port, PortOf(options));
  settings.certificate = options.certificate;
  settings.key = options.key;
  if (options.certificate.empty() != options.key.empty()) {
    return Invalid("--certificate and --key go together");
  }
  settings.insecure = options.insecure_i_know;
  settings.threads = options.threads;
  settings.rows_max = options.rows_max;
  TRY_ASSIGN(settings.body_bytes_max, ParseBytes(options.body_max));
  if (settings.body_bytes_max < 1024 || settings.body_bytes_max > (1u << 30)) {
    return Invalid("--body-max is 1KiB to 1GiB");
  }
  if (!options.without_tokens) settings.tokens = subject.tokens;
  settings.busker_version = common.installation->version;
  settings.vertex_health = Variable("AIP_HEALTH_ROUTE");
  settings.vertex_predict = Variable("AIP_PREDICT_ROUTE");
  if (subject.tables != nullptr) {
    settings.add_routes = [&](online::Routes& routes) {
      online::AddTableRoutes(routes, {*subject.tables, subject.live.service});
    };
  }
  return settings;
}

}  // namespace

Result<int> Serve(const Common& common, const ServeOptions& options) {
  // What a version is read into may be large, and is gone soon: 32 MB of one that was refused
  // stayed, as the threshold follows what is freed, if nobody says what it is.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  TRY_ASSIGN(const Subject subject, SubjectOf(common, options));
  TRY_ASSIGN(auto settings, SettingsOf(common, options, subject));
  const sigset_t blocked = SignalWatch::Block();
  signal(SIGPIPE, SIG_IGN);
  online::Models models;
  TRY(models.Serve({subject.live}));
  const auto served = models.Find(subject.live.service);
  const std::string where =
      fmt::format("{}://{}", settings.certificate.empty() ? "http" : "https",
                  settings.address.find(':') == std::string::npos ? settings.address
                                                                  : "[" + settings.address + "]");
  const std::uint16_t port = settings.port;
  auto started = online::Server::Start(std::move(settings), models, [](const std::string& line) {
    std::fprintf(stderr, "busker: %s\n", Printable(line).c_str());
  });
  if (!started && started.error().kind == ErrorKind::kTemporary) {
    return tl::unexpected(
        PortTaken(port, "busker serve --port N takes another, and --port 0 one that is free"));
  }
  TRY_ASSIGN(const auto server, std::move(started));
  Say(fmt::format("predictions of {}: POST {}:{}/v1/models/{}:predict", subject.live.service, where,
                  server->port(), subject.live.service));
  Watcher watcher(*served->live());
  const SignalWatch signals(
      blocked,
      [&watcher] {
        watcher.Stop();
        return true;
      },
      kEndLimit);
  watcher.Run();
  server->End(signals.signal() == SIGINT ? Milliseconds(0) : kGrace, kAnswerLimit);
  return signals.ExitCode();
}

}  // namespace busker::cli
