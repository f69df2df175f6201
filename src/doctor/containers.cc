#include "doctor/containers.h"

#include <fmt/core.h>

#include "execute/docker_engine.h"
#include "execute/docker_socket.h"
#include "image/credentials.h"
#include "image/reference.h"
#include "image/registry.h"

namespace busker::doctor {
namespace {

constexpr std::string_view kContainers = "docker://";
constexpr Milliseconds kEngineLimit{10'000}, kRegistryLimit{10'000};

// "docker:///run/docker.sock?network=none" names a socket.
Result<io::fs::path> SocketOf(const std::string& executor,
                              const std::vector<std::string>& environment) {
  if (executor.starts_with(kContainers)) {
    const std::string path = executor.substr(kContainers.size());
    if (path.starts_with('/')) return io::fs::path(path.substr(0, path.find('?')));
  }
  return execute::FindDockerSocket(environment);
}

Result<image::Reference> ImageOf(const service::Target& target, const std::string& version) {
  const bool names_it = image::WithoutTag(target.image) != target.image;
  return image::ParseReference(names_it ? target.image : target.image + ":" + version);
}

// Artifact Registry, or what was Container Registry before.
bool IsGoogles(const std::string& registry) {
  return registry.ends_with("-docker.pkg.dev") || registry == "gcr.io" ||
         registry.ends_with(".gcr.io");
}

Result<std::string> DigestInRegistry(const image::Reference& reference,
                                     const std::vector<std::string>& environment) {
  const auto limit = io::Within(kRegistryLimit);
  TRY_ASSIGN(auto login, image::FindLogin(reference.registry, environment, limit));
  image::Registry registry(reference.registry, std::move(login));
  TRY_ASSIGN(
      const auto manifest,
      registry.GetManifest(reference.repository,
                           reference.digest.empty() ? reference.tag : reference.digest, limit));
  return manifest.digest;
}

}  // namespace

void CheckEngine(const std::string& executor, bool needed,
                 const std::vector<std::string>& environment, Report& report) {
  const auto socket = SocketOf(executor, environment);
  Result<execute::DockerEngine::Facts> facts;
  if (socket) {
    facts = execute::DockerEngine(*socket).About(io::Within(kEngineLimit));
  } else {
    facts = tl::unexpected(socket.error());
  }
  if (facts) {
    return report.Good("container engine", fmt::format("{} at {}, version {} of its API",
                                                       facts->is_podman ? "Podman" : "Docker",
                                                       socket->string(), facts->newest));
  }
  if (!needed) {
    return report.Good("container engine",
                       fmt::format("none ({}); only targets with executor = \"docker://\" need one",
                                   facts.error().message));
  }
  report.Bad("container engine", facts.error().message,
             "sudo systemctl start docker; sudo usermod -aG docker $USER, and log in anew");
}

void CheckImage(const service::Target& target, const std::string& version, bool on_engine,
                const std::vector<std::string>& environment, Report& report) {
  if (target.image.empty()) {
    return report.Bad("image", fmt::format("target \"{}\" says no image", target.name),
                      "image = \"registry.example/churn\" in the target");
  }
  const auto reference = ImageOf(target, version);
  if (!reference) {
    return report.Bad("image", reference.error().message, "mend `image` in the target");
  }
  if (on_engine) {
    if (const auto socket = SocketOf(target.executor, environment)) {
      const auto found =
          execute::DockerEngine(*socket).FindImage(reference->Text(), io::Within(kEngineLimit));
      if (found && *found) {
        return report.Good("image", fmt::format("{} is on the engine", reference->Text()));
      }
    }
  }
  const std::string build = fmt::format("busker build --target {}", target.name);
  if (on_engine && !image::NamesRegistry(target.image)) {
    return report.Bad("image",
                      fmt::format("{} is not on the engine, and names no registry to fetch it from",
                                  reference->Text()),
                      build);
  }
  const auto digest = DigestInRegistry(*reference, environment);
  if (digest) return report.Good("image", fmt::format("{} is {}", reference->Text(), *digest));
  if (digest.error().kind == ErrorKind::kNotFound) {
    return report.Bad("image", digest.error().message, build);
  }
  report.Bad("image", digest.error().message,
             IsGoogles(reference->registry)
                 ? fmt::format("gcloud auth configure-docker {}", reference->registry)
                 : fmt::format("docker login {}", reference->registry));
}

}  // namespace busker::doctor
