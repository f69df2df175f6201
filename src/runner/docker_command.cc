#include "runner/docker_command.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "attempt/handed_secrets.h"
#include "attempt/runner_environment.h"
#include "base/json_object.h"
#include "base/text.h"

namespace busker::runner {
namespace {

constexpr char kRunnerInside[] = "/busker/busker-runner";
// From SIGTERM to SIGKILL where the engine itself is stopped.
constexpr char kStopSeconds[] = "60";

std::string RegistryOf(const std::string& reference) {
  const std::size_t slash = reference.find('/');
  const std::string host = slash == std::string::npos ? "" : reference.substr(0, slash);
  return host.find_first_of(".:") == std::string::npos ? "" : host;
}

// Without tag and digest.
std::string RepositoryOf(const std::string& reference) {
  std::string name = reference.substr(0, reference.find('@'));
  const std::size_t colon = name.rfind(':');
  if (colon != std::string::npos && name.find('/', colon) == std::string::npos) name.resize(colon);
  return name;
}

std::string Bind(const io::fs::path& from, const std::string& to, bool is_writable) {
  return fmt::format("type=bind,source={},target={}{}", from.string(), to,
                     is_writable ? "" : ",readonly");
}

bool NamesAFile(std::string_view entry) {
  constexpr std::string_view kOfFiles[] = {"GOOGLE_APPLICATION_CREDENTIALS=", "CLOUDSDK_CONFIG=",
                                           "HOME=", "SSL_CERT_FILE=", "SSL_CERT_DIR="};
  return std::any_of(std::begin(kOfFiles), std::end(kOfFiles),
                     [&](std::string_view name) { return entry.starts_with(name); });
}

struct Remedy {
  std::string_view sign;  // in docker's words, in small letters
  std::string_view text;
  bool may_pass = false;
};
constexpr Remedy kRemedies[] = {
    {"no space left on device", "; give the VM a larger disk (disk in the target)"},
    {"manifest unknown", "; is it pushed? busker build makes and pushes it"},
    {"name unknown",
     "; the registry has no repository of that name: make it (`gcloud artifacts repositories "
     "create`), or mend the image's name"},
    {"not found", "; is it pushed? busker build makes and pushes it"},
    {"does not exist", "; is it pushed, and may the VM's account read it?"},
    {"denied",
     "; give the VM's service account roles/artifactregistry.reader on the image's repository"},
    {"no basic auth credentials",
     "; give the VM's service account roles/artifactregistry.reader on the image's repository"},
    {"unauthorized",
     "; give the VM's service account roles/artifactregistry.reader on the image's repository"},
    {"forbidden",
     "; give the VM's service account roles/artifactregistry.reader on the image's repository"},
    {"no matching manifest", "; the image is for another kind of processor than the VM's"},
    {"exec format error", "; the image is for another kind of processor than the VM's"},
    {"invalid reference format", "; the name of the image is none"},
    {"timeout",
     "; can the VM reach the registry? Without a public address its subnetwork needs "
     "Private Google Access",
     true},
    {"deadline exceeded",
     "; can the VM reach the registry? Without a public address its "
     "subnetwork needs Private Google Access",
     true},
    {"connection refused", "; can the VM reach the registry?", true},
};

const Remedy* RemedyFor(std::string_view words) {
  const std::string small = LowerCase(words);
  for (const Remedy& remedy : kRemedies) {
    if (small.find(remedy.sign) != std::string::npos) return &remedy;
  }
  return nullptr;
}

}  // namespace

Words LookAtImage(const std::string& reference) {
  return {"docker", "image", "inspect", "--format", "{{json .}}", reference};
}

Result<DockerImage> ImageIn(const std::string& inspected, const std::string& reference) {
  constexpr char kWhat[] = "what docker tells of the image";
  TRY_ASSIGN(const nlohmann::ordered_json value, ParseJson(inspected, kWhat));
  DockerImage image;
  JsonObject in(value, kWhat);
  in.Get("Id", image.name);
  const nlohmann::ordered_json& digests = in.Member("RepoDigests");
  const nlohmann::ordered_json& config = in.Member("Config");
  TRY(in.Done());
  if (config.is_object()) image.working_folder = config.value("WorkingDir", "");
  if (reference.find('@') != std::string::npos) {
    image.name = reference;
    return image;
  }
  for (const nlohmann::ordered_json& digest : digests) {
    if (!digest.is_string()) continue;
    const auto text = digest.get<std::string>();
    if (RepositoryOf(text) == RepositoryOf(reference)) image.name = text;
  }
  return image;
}

Words LogIn(const std::string& reference) {
  const std::string host = RegistryOf(reference);
  const bool is_googles =
      host.ends_with(".pkg.dev") || host == "gcr.io" || host.ends_with(".gcr.io");
  if (!is_googles) return {};
  return {"docker-credential-gcr", "configure-docker", "--registries", host};
}

Words RunContainer(const VmContainer& container) {
  Words words = {"docker", "run", "--pull", "never", "--name", container.name};
  const auto add = [&](std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
  };
  add({"--label", "busker.home=" + container.attempt.home});
  add({"--label", "busker.attempt=" + container.attempt.attempt.Text()});
  add({"--cap-drop", "ALL", "--security-opt", "no-new-privileges"});
  add({"--log-driver", "none", "--stop-timeout", kStopSeconds});
  add({"--user", fmt::format("{0}:{0}", kUserInside), "--workdir", "/"});
  add({"--mount", Bind(container.runner, kRunnerInside, false)});
  add({"--mount", Bind(container.attempt_folder, container.attempt_folder.string(), true)});
  if (!container.secrets.empty()) {
    add({"--mount", Bind(container.secrets, attempt::kSecretsInContainer, false)});
  }
  for (const std::string& entry : container.environment) add({"--env", entry});
  add({"--entrypoint", kRunnerInside, container.image.name});
  add({"--in-container", container.attempt_folder.string(), container.image.name});
  if (!container.image.working_folder.empty()) add({container.image.working_folder});
  return words;
}

std::vector<std::string> EnvironmentInside(const std::vector<std::string>& own,
                                           const std::string& metadata_server) {
  std::vector<std::string> inside = attempt::RunnerEnvironment(own);
  std::erase_if(inside, [](const std::string& entry) {
    return NamesAFile(entry) || entry.starts_with("GCE_METADATA_HOST=");
  });
  inside.push_back("GCE_METADATA_HOST=" + metadata_server);
  return inside;
}

std::string DockersWords(std::string_view errors) {
  std::string words;
  for (const std::string& line : Split(errors, '\n')) {
    const std::string_view said = Trim(line);
    const bool is_advice = said.starts_with("See 'docker") || said.starts_with("Run 'docker");
    if (said.empty() || is_advice) continue;
    words = said;
  }
  for (const std::string_view prefix : {"docker: ", "Error response from daemon: "}) {
    if (words.starts_with(prefix)) words.erase(0, prefix.size());
  }
  while (words.ends_with('.')) words.pop_back();
  return Printable(words);
}

std::string WithRemedy(std::string words) {
  const Remedy* const remedy = RemedyFor(words);
  if (remedy != nullptr) words += remedy->text;
  return words;
}

bool MayPass(std::string_view words) {
  const Remedy* const remedy = RemedyFor(words);
  return remedy == nullptr || remedy->may_pass;
}

}  // namespace busker::runner
