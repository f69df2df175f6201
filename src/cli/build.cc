// busker build: the image of a service, or its environment on this machine.
#include <fmt/core.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/text.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/signal_watch.h"
#include "cli/verbs.h"
#include "cli/workspace.h"
#include "image/build.h"
#include "image/built_images.h"
#include "image/dockerfile_build.h"
#include "image/reference.h"
#include "image/virtual_environment.h"

namespace busker::cli {
namespace {

constexpr std::chrono::hours kBuildLimit{6};

// The target that the image is for: the one that is asked for, or that runs are at, or the only one
// that names an image. kInvalid: none does, or several do.
Result<service::Target> TargetWithImage(const service::Service& service, const std::string& asked) {
  const std::string name = prepare::TargetOf(service, "", asked, "");
  const auto found = service.targets.find(name);
  if (found == service.targets.end() && !asked.empty() && name != "local") {
    return NotFound(fmt::format("no target \"{}\"", name));
  }
  if (found != service.targets.end() && !found->second.image.empty()) return found->second;
  std::vector<std::string> names;
  for (const auto& [other, target] : service.targets) {
    if (!target.image.empty()) names.push_back(other);
  }
  if (asked.empty() && names.size() == 1) return service.targets.at(names.front());
  if (asked.empty() && names.size() > 1) {
    return Invalid(fmt::format("several targets name an image: {}; say which with --target",
                               Join(names, ", ")));
  }
  return Invalid(fmt::format(
      "what the image is called, and where it goes, is in no target; say it in busker.toml: "
      "[targets.{}], with executor = \"docker://\" and image = \"registry.example/{}\"",
      name == "local" ? "docker" : name, service.name));
}

// An engine that the target names by its socket is the one that gets the image.
std::vector<std::string> EnvironmentFor(const service::Target& target,
                                        std::vector<std::string> environment) {
  constexpr std::string_view kDocker = "docker://";
  if (!target.executor.starts_with(kDocker)) return environment;
  std::string socket = target.executor.substr(kDocker.size());
  socket = socket.substr(0, socket.find('?'));
  if (socket.empty()) return environment;
  std::erase_if(environment, [](const auto& entry) { return entry.starts_with("DOCKER_HOST="); });
  environment.push_back("DOCKER_HOST=unix://" + socket);
  return environment;
}

// What the image is called. The tag is the service's version, and runs would ask for another one.
Result<std::string> NameOf(const service::Target& target) {
  const std::string& image = target.image;
  const std::string name = image::WithoutTag(image);
  if (name.size() == image.size()) return image;
  const auto at = target.at.find("image");
  const std::string place =
      at == target.at.end() ? "" : service::ToString({service::kServiceFile, at->second, ""});
  return Invalid(
      fmt::format("{}target \"{}\" has image = \"{}\", and runs there ask for just that: busker "
                  "build tags what "
                  "it makes with the service's version; leave \"{}\" out",
                  place, target.name, Printable(image), Printable(image.substr(name.size()))));
}

Result<image::Built> MakeImage(const image::BuildRequest& request, const io::fs::path& dockerfile,
                               const image::Say& say, const io::Interrupt& interrupt) {
  if (!dockerfile.empty()) {
    say(fmt::format("building by {}", dockerfile.string()));
    return image::BuildDockerfile(request, dockerfile, say, interrupt);
  }
  say(request.base.empty()
          ? "no Dockerfile: writing the image layer by layer"
          : "[image] base is set: writing the image layer by layer on " + request.base);
  if (image::NamesRegistry(request.image)) return image::BuildAndPush(request, say, interrupt);
  const io::fs::path folder = request.home / "images";
  TRY(io::MakeFolders(folder, 0700));
  const io::fs::path archive = io::TemporaryPath(folder, "archive");
  auto built = image::BuildArchive(request, archive, say, interrupt);
  if (built) {
    say(fmt::format("loading {} into the engine of this machine", built->name));
    if (auto loaded = image::LoadIntoEngine(archive, request.environment, interrupt); !loaded) {
      built = tl::unexpected(loaded.error());
    }
  }
  std::error_code ignored;
  io::fs::remove(archive, ignored);
  return built;
}

void Tell(const Common& common, const image::Built& built, const std::string& reference) {
  if (common.json) {
    PrintJson({{"image", built.name},
               {"digest", built.digest.empty() ? nullptr : nlohmann::ordered_json(built.digest)},
               {"reference", reference},
               {"layers_sent", built.push.sent},
               {"layers_mounted", built.push.mounted},
               {"layers_there", built.push.there},
               {"bytes_sent", built.push.sent_bytes},
               {"files", built.files},
               {"left_out", built.left_out}});
    return;
  }
  if (!built.left_out.empty()) {
    PrintLine("left out: " + Printable(Join(built.left_out, ", ")));
  }
  if (built.push.sent + built.push.mounted + built.push.there > 0) {
    PrintLine(fmt::format("layers: {} sent ({}), {} mounted, {} there already", built.push.sent,
                          FormatBytes(built.push.sent_bytes), built.push.mounted,
                          built.push.there));
  }
  PrintLine("built " + built.name);
  if (reference != built.name) PrintLine("what runs from now on: " + reference);
}

Result<int> MakeEnvironment(const Common& common, const service::Service& service,
                            const image::Say& say, const io::Interrupt& interrupt) {
  const std::string folder = service.ProgramRoot();
  TRY_ASSIGN(const image::Refreshed refreshed,
             image::RefreshEnvironment(folder, image::PythonOf(folder, service.image.python),
                                       common.installation->environment, say, interrupt));
  if (common.json) {
    PrintJson({{"environment", folder + "/.venv"},
               {"made", refreshed == image::Refreshed::kMade},
               {"installed", refreshed != image::Refreshed::kNothing}});
    return 0;
  }
  switch (refreshed) {
    case image::Refreshed::kNothing:
      PrintLine(folder + "/.venv is as requirements.txt has it");
      break;
    case image::Refreshed::kMade:
      PrintLine("made " + folder + "/.venv");
      break;
    case image::Refreshed::kInstalled:
      PrintLine("installed what requirements.txt names into " + folder + "/.venv");
      break;
  }
  return 0;
}

}  // namespace

Result<int> Build(const Common& common, const BuildOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlace(common));
  if (!place.service) return NotFound(place.folder + " holds no service to build");
  const service::Service& service = *place.service;
  image::Say say;
  if (!options.quiet) {
    say = image::Say(
        [](const std::string& line) { std::fprintf(stderr, "%s\n", Printable(line).c_str()); });
  }
  std::stop_source stop;
  const SignalWatch signals(SignalWatch::Block(), [&] { return stop.request_stop(); });
  const io::Interrupt interrupt = io::Within(kBuildLimit, stop.get_token());
  const auto as_a_shell_has_it = [&] { return 128 + signals.signal(); };
  if (common.target == "local" && !service.targets.contains("local")) {
    const auto made = MakeEnvironment(common, service, say, interrupt);
    return !made && signals.signal() != 0 ? as_a_shell_has_it() : made;
  }
  TRY_ASSIGN(const service::Target target, TargetWithImage(service, common.target));
  TRY_ASSIGN(const std::string image_name, NameOf(target));
  TRY_ASSIGN(const home::Home home, home::MakeHome(place.home.folder));
  std::vector<io::fs::path> private_paths = {home.folder};
  if (const std::string& file = service.notify.webhook_secret_file; !file.empty()) {
    private_paths.emplace_back(file);
  }
  const image::BuildRequest request{service.name,
                                    service.version,
                                    service.ProgramRoot(),
                                    service.root,
                                    service.image.base,
                                    service.image.python,
                                    image_name,
                                    home.folder,
                                    EnvironmentFor(target, common.installation->environment),
                                    std::move(private_paths)};
  const auto made = MakeImage(request, prepare::DockerfileOf(service), say, interrupt);
  if (!made && signals.signal() != 0) return as_a_shell_has_it();
  TRY_ASSIGN(const image::Built built, made);
  const bool is_pushed = image::NamesRegistry(request.image);
  const std::string reference = is_pushed ? request.image + "@" + built.digest : built.name;
  TRY(image::BuiltImages(home.folder).Add(built.name, is_pushed ? reference : ""));
  Tell(common, built, reference);
  return 0;
}

}  // namespace busker::cli
