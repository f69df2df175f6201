#include "execute/docker_socket.h"

#include <fmt/core.h>
#include <unistd.h>

#include "base/json_object.h"
#include "io/digest.h"

namespace busker::execute {
namespace {

constexpr std::string_view kUnix = "unix://";
constexpr std::size_t kFileBytesMax = 1u << 20;

std::string ValueOf(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& entry : environment) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return entry.substr(name.size() + 1);
    }
  }
  return {};
}

Result<io::fs::path> SocketIn(const std::string& host, const std::string& who) {
  const std::string path = host.starts_with(kUnix) ? host.substr(kUnix.size()) : "";
  if (path.starts_with('/')) return io::fs::path(path);
  return Invalid(
      fmt::format("{} is {}: an engine on another machine, or behind a port, does not have this "
                  "machine's folders; unset it, or name a socket as docker:///run/docker.sock",
                  who, host));
}

// Text of a file of Docker's client; empty: there is none.
Result<std::string> TextOf(const io::fs::path& path) {
  auto text = io::ReadFile(path, kFileBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::string();
  return text;
}

Result<std::string> CurrentContext(const io::fs::path& folder) {
  const io::fs::path file = folder / "config.json";
  TRY_ASSIGN(const std::string text, TextOf(file));
  if (text.empty()) return std::string();
  TRY_ASSIGN(const auto config, ParseJson(text, file.string()));
  const auto found = config.is_object() ? config.find("currentContext") : config.end();
  return found != config.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Docker's client keeps a context in a folder that is named by the digest of the context's name.
Result<io::fs::path> SocketOfContext(const std::string& name, const io::fs::path& folder) {
  const io::fs::path file = folder / "contexts" / "meta" / io::Sha256Of(name) / "meta.json";
  TRY_ASSIGN(const std::string text, TextOf(file));
  if (text.empty()) {
    return Invalid(fmt::format(
        "Docker's context \"{}\" is not there ({}); docker context ls lists those that are", name,
        file.string()));
  }
  TRY_ASSIGN(const auto meta, ParseJson(text, file.string()));
  const nlohmann::ordered_json* at = &meta;
  for (const char* const key : {"Endpoints", "docker", "Host"}) {
    const auto found = at->is_object() ? at->find(key) : at->end();
    at = found != at->end() ? &*found : nullptr;
    if (at == nullptr) break;
  }
  if (at != nullptr && at->is_string()) {
    return SocketIn(at->get<std::string>(), fmt::format("Docker's context \"{}\"", name));
  }
  return Invalid(fmt::format("{}: the context says no host for docker", file.string()));
}

io::fs::path UsualSocket(const std::vector<std::string>& environment, const io::fs::path& root) {
  const std::string own = ValueOf(environment, "XDG_RUNTIME_DIR");
  std::vector<io::fs::path> sockets = {root / "var/run/docker.sock"};
  if (!own.empty()) sockets.push_back(io::fs::path(own) / "docker.sock");
  sockets.push_back(root / "run/podman/podman.sock");
  if (!own.empty()) sockets.push_back(io::fs::path(own) / "podman" / "podman.sock");
  for (const int how : {R_OK | W_OK, F_OK}) {
    for (const io::fs::path& socket : sockets) {
      if (access(socket.c_str(), how) == 0) return socket;
    }
  }
  return sockets.front();
}

}  // namespace

Result<io::fs::path> FindDockerSocket(const std::vector<std::string>& environment,
                                      const io::fs::path& root) {
  const std::string host = ValueOf(environment, "DOCKER_HOST");
  if (!host.empty()) return SocketIn(host, "DOCKER_HOST");
  io::fs::path folder = ValueOf(environment, "DOCKER_CONFIG");
  if (const std::string home = ValueOf(environment, "HOME"); folder.empty() && !home.empty()) {
    folder = io::fs::path(home) / ".docker";
  }
  std::string context = ValueOf(environment, "DOCKER_CONTEXT");
  if (context.empty() && !folder.empty()) {
    TRY_ASSIGN(context, CurrentContext(folder));
  }
  if (context.empty() || context == "default") return UsualSocket(environment, root);
  return SocketOfContext(context, folder);
}

}  // namespace busker::execute
