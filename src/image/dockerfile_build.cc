#include "image/dockerfile_build.h"

#include <fmt/core.h>

#include "base/text.h"
#include "image/context_rules.h"
#include "image/programs.h"
#include "io/subprocess.h"
#include "io/url.h"

namespace busker::image {
namespace {

constexpr std::chrono::hours kLoadLimit{6};
constexpr char kWithoutTls[] = "--tls-verify=false";

// What the registry made of what was pushed, and a tag for it.
Result<std::string> TagByDigest(const BuildRequest& request, const Reference& target,
                                const Say& say, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const auto login, FindLogin(target.registry, request.environment, interrupt));
  Registry registry(target.registry, login, say);
  TRY_ASSIGN(const Registry::Manifest manifest,
             registry.GetManifest(target.repository, target.tag, interrupt));
  return registry.PutManifest(target.repository, DigestTag(manifest.digest), manifest, interrupt);
}

}  // namespace

io::fs::path FindDockerfile(const io::fs::path& folder) {
  for (const char* const name : {"container/Dockerfile", "Dockerfile"}) {
    std::error_code error;
    if (io::fs::is_regular_file(folder / name, error)) return folder / name;
  }
  return {};
}

Result<std::vector<std::string>> FindBuilder(const std::vector<std::string>& environment) {
  if (Works({"docker", "buildx", "version"}, environment)) {
    return std::vector<std::string>{"docker", "buildx"};
  }
  for (const char* const program : {"docker", "podman"}) {
    if (Works({program, "--version"}, environment)) return std::vector<std::string>{program};
  }
  return NotFound(
      "the Dockerfile needs docker or podman, and neither is installed; without a Dockerfile "
      "busker build writes the image itself");
}

Result<Built> BuildDockerfile(const BuildRequest& request, const io::fs::path& dockerfile,
                              const Say& say, const io::Interrupt& interrupt) {
  TRY_ASSIGN(std::vector<std::string> words, FindBuilder(request.environment));
  const std::string program = words.front();
  Built built;
  built.name = request.image + ":" + request.version;
  const bool has_buildx = words.size() > 1;
  TRY(GuardContext({request.context, dockerfile, WayDown(request.context, request.folder),
                    request.private_paths, words.back()},
                   say));
  words.push_back("build");
  if (has_buildx) words.push_back("--load");
  words.insert(words.end(),
               {"--file", dockerfile.string(), "--tag", built.name, request.context.string()});
  TRY(Run(std::move(words), request.environment, say, interrupt));
  if (!NamesRegistry(request.image)) return built;
  TRY_ASSIGN(const Reference target, ParseReference(built.name));
  // Docker speaks plain HTTP to a registry of this machine, as busker does; podman has to be told,
  // for this push alone.
  const bool is_told =
      program == "podman" && io::IsLoopbackHost(io::HostOf("https://" + target.registry));
  std::vector<std::string> push = {program, "push", built.name};
  if (is_told) push.insert(push.end() - 1, kWithoutTls);
  TRY(Run(std::move(push), request.environment, say, interrupt));
  TRY_ASSIGN(built.digest, TagByDigest(request, target, say, interrupt));
  if (!is_told) return built;
  // It has what it built by a digest of its own, and a run would fetch the registry's, by TLS.
  TRY(Run({program, "pull", kWithoutTls, request.image + "@" + built.digest}, request.environment,
          say, interrupt));
  return built;
}

Result<void> LoadIntoEngine(const io::fs::path& archive,
                            const std::vector<std::string>& environment,
                            const io::Interrupt& interrupt) {
  for (const char* const program : {"docker", "podman"}) {
    if (!Works({program, "--version"}, environment)) continue;
    TRY_ASSIGN(const io::Captured said,
               io::RunAndCapture({{program, "load", "--input", archive.string()}, environment, {}},
                                 kLoadLimit, 1u << 20, {}, interrupt.stop));
    if (said.exit_code == 0) return {};
    return Failed(fmt::format("{} load ended with exit code {}: {}", program, said.exit_code,
                              Printable(Trim(said.errors))));
  }
  return NotFound(
      "a name without a registry is for the engine of this machine, and neither docker nor podman "
      "is installed; name a registry, as in image = \"registry.example/churn\"");
}

}  // namespace busker::image
