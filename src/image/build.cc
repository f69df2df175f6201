#include "image/build.h"

#include <fmt/core.h>

#include <optional>

#include "base/text.h"
#include "image/packages.h"
#include "image/requirements.h"
#include "image/service_tree.h"
#include "io/temporary_folder.h"

namespace busker::image {
namespace {

constexpr char kPythonOtherwise[] = "3.13";
constexpr char kFolder[] = "service";

// One build from its base on.
class Builder {
 public:
  Builder(const BuildRequest& request, const Say& say, const io::Interrupt& interrupt)
      : request_(request), say_(say), interrupt_(interrupt), cache_(request.home / "images") {}

  Result<void> Begin() {
    TRY_ASSIGN(requirements_, ReadRequirements(request_.folder));
    TRY_ASSIGN(const Reference base, BaseReference());
    TRY_ASSIGN(const auto login, FindLogin(base.registry, request_.environment, interrupt_));
    from_.emplace(base.registry, login, say_);
    say_("looking at the base image " + base.Text());
    auto read = ReadBaseImage(*from_, base, OwnArchitecture(), interrupt_);
    if (!read) return BaseFault(base, std::move(read).error());
    base_ = *std::move(read);
    TellOtherPython();
    return {};
  }

  Result<Image> Make() {
    std::vector<OwnLayer> own;
    if (!requirements_.empty()) {
      TRY_ASSIGN(const CachedLayer packages, PackagesLayer());
      own.push_back({packages, "packages"});
    }
    TRY_ASSIGN(tree_, ReadServiceTree(request_.folder, kFolder, request_.home, interrupt_,
                                      request_.context, request_.private_paths));
    TRY_ASSIGN(const std::string diff_id, DiffIdOf(tree_.tree, interrupt_));
    const std::string key = diff_id.substr(diff_id.find(':') + 1);
    TRY_ASSIGN(auto folder, cache_.Find(key));
    if (!folder) {
      TRY_ASSIGN(folder, cache_.Keep(key, tree_.tree, interrupt_, diff_id));
    }
    own.push_back({*folder, "service"});
    return ComposeImage(base_, own, std::string("/") + kFolder,
                        {{"org.opencontainers.image.title", request_.name},
                         {"org.opencontainers.image.version", request_.version}});
  }

  Registry& from() { return *from_; }
  const LayerCache& cache() const { return cache_; }
  const ServiceTree& tree() const { return tree_; }

 private:
  Result<Reference> BaseReference() const {
    if (!request_.base.empty()) return ParseReference(request_.base);
    std::string python = PythonOf(request_.folder, request_.python);
    if (python.empty()) python = kPythonOtherwise;
    return ParseReference("docker.io/library/python:" + python + "-slim");
  }

  // A base that is named has the Python that it has, whatever the folder is developed with.
  void TellOtherPython() const {
    const std::string named = NamedPython(request_.folder);
    if (request_.base.empty() || named.empty() || base_.python.empty()) return;
    if (named == base_.python) return;
    say_(fmt::format(
        "the image has Python {}, that of its base; the {} of .python-version counts where "
        "[image] base is not said",
        base_.python, named));
  }

  // Which image it is about, and that another may be named where nobody has named this one.
  tl::unexpected<Error> BaseFault(const Reference& base, Error error) const {
    const bool is_away = error.kind == ErrorKind::kTemporary || error.kind == ErrorKind::kTimedOut;
    if (is_away && request_.base.empty()) {
      error.message +=
          "; one of a registry that can be reached is named in busker.toml: [image] base = "
          "\"registry.example/python:3.11-slim\"";
    }
    return Wrap("the base image " + base.Text(), std::move(error));
  }

  Result<CachedLayer> PackagesLayer() {
    Wheels wheels{request_.python.empty() ? base_.python : request_.python, base_.architecture};
    if (wheels.python.empty()) {
      return Invalid(fmt::format(
          "{} does not say which Python it has (PYTHON_VERSION); say it in busker.toml: [image] "
          "python = \"3.11\"",
          base_.reference.Name()));
    }
    if (!base_.python.empty() && wheels.python != base_.python) {
      return Invalid(fmt::format("{} has Python {}, and [image] python says {}",
                                 base_.reference.Name(), base_.python, wheels.python));
    }
    const std::string key = PackagesKey(requirements_, wheels);
    TRY_ASSIGN(const auto found, cache_.Find(key));
    if (found && !requirements_.has_more) return *found;
    say_(fmt::format("installing the packages of {} for Python {}",
                     requirements_.files.front().filename().string(), wheels.python));
    TRY_ASSIGN(const auto scratch, io::TemporaryFolder::Make(request_.home / "images", "packages"));
    TRY_ASSIGN(const Tree tree, InstallPackages(requirements_, wheels, scratch.path(),
                                                request_.environment, interrupt_));
    say_("compressing them");
    return cache_.Keep(key, tree, interrupt_);
  }

  const BuildRequest& request_;
  const Say& say_;
  const io::Interrupt& interrupt_;
  const LayerCache cache_;
  Requirements requirements_;
  std::optional<Registry> from_;
  BaseImage base_;
  ServiceTree tree_;
};

}  // namespace

std::string DigestTag(const std::string& digest) {
  return "busker-" + digest.substr(digest.find(':') + 1, 12);
}

std::string PythonOf(const io::fs::path& folder, const std::string& said) {
  if (!said.empty()) return said;
  if (std::string named = NamedPython(folder); !named.empty()) return named;
  const auto settings = io::ReadFile(folder / ".venv/pyvenv.cfg");
  if (!settings) return {};
  for (const std::string& line : Split(*settings, '\n')) {
    const std::vector<std::string> sides = Split(line, '=');
    const std::string name(Trim(sides[0]));
    if (sides.size() != 2 || (name != "version" && name != "version_info")) continue;
    const std::vector<std::string> parts = Split(Trim(sides[1]), '.');
    if (parts.size() >= 2) return parts[0] + "." + parts[1];
  }
  return {};
}

Result<Built> BuildAndPush(const BuildRequest& request, const Say& say,
                           const io::Interrupt& interrupt) {
  TRY_ASSIGN(const Reference target, ParseReference(request.image + ":" + request.version));
  Builder builder(request, say, interrupt);
  TRY(builder.Begin());
  TRY_ASSIGN(const Image image, builder.Make());
  TRY_ASSIGN(const auto login, FindLogin(target.registry, request.environment, interrupt));
  Registry to(target.registry, login, say);
  Built built;
  built.name = target.Text();
  built.digest = image.manifest.digest;
  TRY_ASSIGN(built.push,
             PushImage(image, builder.from(), to, target.repository,
                       {DigestTag(built.digest), target.tag}, builder.cache(), say, interrupt));
  built.files = builder.tree().files;
  built.left_out = builder.tree().left_out;
  TRY(builder.cache().Shrink());
  return built;
}

Result<Built> BuildArchive(const BuildRequest& request, const io::fs::path& to, const Say& say,
                           const io::Interrupt& interrupt) {
  Builder builder(request, say, interrupt);
  TRY(builder.Begin());
  TRY_ASSIGN(const Image image, builder.Make());
  Built built;
  built.name = request.image + ":" + request.version;
  built.digest = image.manifest.digest;
  TRY(WriteEngineArchive(image, builder.from(), built.name, builder.cache(), to, say, interrupt));
  built.files = builder.tree().files;
  built.left_out = builder.tree().left_out;
  TRY(builder.cache().Shrink());
  return built;
}

}  // namespace busker::image
