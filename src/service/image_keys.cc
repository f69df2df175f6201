// The keys of [image]: what `busker build` makes an image of.
#include <fmt/core.h>

#include <array>

#include "service/keys.h"

namespace busker::service {
namespace {

void ReadBase(Reader& reader, const Member& member, ImageSetting& image) {
  auto base = reader.String(member);
  if (!base) return;
  if (!CanBeImage(*base)) {
    reader.Fault(
        member.value.at,
        fmt::format("\"base\": {} is not an image such as python:3.11-slim", Quoted(*base)));
    return;
  }
  image.base = std::move(*base);
}

void ReadPython(Reader& reader, const Member& member, ImageSetting& image) {
  auto python = reader.String(member);
  if (!python) return;
  const std::size_t dot = python->find('.');
  const bool good = dot != 0 && dot != std::string::npos && dot + 1 < python->size() &&
                    python->find_first_not_of("0123456789.") == std::string::npos &&
                    python->find('.', dot + 1) == std::string::npos;
  if (!good) {
    reader.Fault(member.value.at,
                 fmt::format("\"python\": {} is not a version such as \"3.11\"", Quoted(*python)));
    return;
  }
  image.python = std::move(*python);
}

void ReadDockerfile(Reader& reader, const Member& member, ImageSetting& image) {
  auto file = reader.String(member);
  if (!file) return;
  if (!IsPlainRelativePath(*file)) {
    reader.Fault(
        member.value.at,
        fmt::format("\"dockerfile\": {} must be a path below the service's folder", Quoted(*file)));
    return;
  }
  image.dockerfile = std::move(*file);
  image.dockerfile_at = member.value.at;
}

constexpr std::array<Key<ImageSetting>, 3> kImage = {{
    {{"base", R"("python:3.11-slim")",
      "The image that `busker build` builds on when there is no Dockerfile, by tag or digest; a "
      "slim "
      "Python unless given.",
      R"({"type":"string","minLength":1})"},
     ReadBase},
    {{"python", R"("3.11")",
      "The Python of a base that does not say which it has; without a base, that of the slim "
      "Python, as .python-version or .venv has it unless given.",
      R"({"type":"string","pattern":"^[0-9]+\\.[0-9]+$"})"},
     ReadPython},
    {{"dockerfile", R"("container/Dockerfile")",
      "The Dockerfile that `busker build` hands to Docker or Podman; container/Dockerfile or "
      "Dockerfile, when one is there, unless given.",
      R"({"type":"string","minLength":1})"},
     ReadDockerfile},
}};

}  // namespace

std::span<const Key<ImageSetting>> ImageKeys() { return kImage; }

void ReadImageTable(Reader& reader, const Member& member, ImageSetting& image) {
  const Node* table = reader.Table(member);
  if (table == nullptr) return;
  Reader(reader.faults(), "[image]").ReadTable(*table, ImageKeys(), image);
  if (image.base.empty() || image.dockerfile.empty()) return;
  reader.Fault(member.at,
               "[image] has \"base\", for an image that Busker writes, and \"dockerfile\", for one "
               "that Docker builds; leave one of them out");
}

}  // namespace busker::service
