#include "image/base_image.h"

#include <fmt/core.h>
#include <sys/utsname.h>

#include "base/json_object.h"
#include "base/text.h"
#include "image/json.h"
#include "image/layer.h"

namespace busker::image {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kLayersMax = 120;  // 127 is as many as engines take

// The digest of the manifest for a platform; empty: there is none.
std::string ForPlatform(const ordered_json& index, const std::string& architecture) {
  for (const ordered_json& each : In(index, "manifests")) {
    const ordered_json& platform = In(each, "platform");
    const bool fits =
        TextIn(platform, "os") == "linux" && TextIn(platform, "architecture") == architecture;
    if (fits) return TextIn(each, "digest");
  }
  return {};
}

// Docker's names for what OCI has names of its own for: the bytes are the same.
std::string OciType(const std::string& type) {
  if (type == "application/vnd.docker.image.rootfs.diff.tar.gzip") return kLayerType;
  if (type == "application/vnd.docker.image.rootfs.diff.tar") {
    return "application/vnd.oci.image.layer.v1.tar";
  }
  return type;
}

// "3.11.9" -> "3.11".
std::string MinorOf(std::string_view version) {
  const std::size_t dot = version.find('.');
  if (dot == std::string_view::npos) return std::string(version);
  return std::string(version.substr(0, version.find('.', dot + 1)));
}

std::string PythonIn(const ordered_json& config) {
  constexpr std::string_view kVariable = "PYTHON_VERSION=";
  for (const ordered_json& entry : In(In(config, "config"), "Env")) {
    const std::string text = entry.is_string() ? entry.get<std::string>() : std::string();
    if (text.starts_with(kVariable)) return MinorOf(text.substr(kVariable.size()));
  }
  return {};
}

}  // namespace

std::string OwnArchitecture() {
  struct utsname name {};
  uname(&name);
  std::string machine = name.machine;
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return machine;
}

Result<BaseImage> ReadBaseImage(Registry& registry, const Reference& reference,
                                const std::string& architecture, const io::Interrupt& interrupt) {
  const std::string which = !reference.digest.empty() ? reference.digest
                            : !reference.tag.empty()  ? reference.tag
                                                      : "latest";
  TRY_ASSIGN(Registry::Manifest manifest,
             registry.GetManifest(reference.repository, which, interrupt));
  const std::string what = reference.Text();
  TRY_ASSIGN(ordered_json value, ParseJson(manifest.text, what));
  if (!In(value, "manifests").is_null()) {
    const std::string digest = ForPlatform(value, architecture);
    if (!IsDigest(digest))
      return NotFound(fmt::format("{} is not for linux/{}", what, architecture));
    TRY_ASSIGN(manifest, registry.GetManifest(reference.repository, digest, interrupt));
    TRY_ASSIGN(value, ParseJson(manifest.text, what));
  }
  const std::string config = TextIn(In(value, "config"), "digest");
  if (!IsDigest(config)) return Invalid(what + " is not an image that can be built on");
  TRY_ASSIGN(std::string text, registry.GetText(reference.repository, config, interrupt));
  return ParseBaseImage(reference, manifest, std::move(text), architecture);
}

Result<BaseImage> ParseBaseImage(const Reference& reference, const Registry::Manifest& manifest,
                                 std::string config, const std::string& architecture) {
  const std::string what = reference.Text();
  BaseImage base;
  base.reference = reference;
  base.reference.digest = manifest.digest;
  base.config = std::move(config);
  TRY_ASSIGN(const ordered_json value, ParseJson(manifest.text, what));
  TRY_ASSIGN(const ordered_json settings, ParseJson(base.config, what));
  base.architecture = TextIn(settings, "architecture");
  base.python = PythonIn(settings);
  if (base.architecture != architecture || TextIn(settings, "os") != "linux") {
    return Invalid(fmt::format("{} is for {}/{} and not for linux/{}", what,
                               Printable(TextIn(settings, "os")), Printable(base.architecture),
                               architecture));
  }
  for (const ordered_json& each : In(value, "layers")) {
    const ordered_json& size = In(each, "size");
    const bool is_whole = IsDigest(TextIn(each, "digest")) && size.is_number_unsigned();
    if (!is_whole) return Invalid(what + ": a layer of it is not understood");
    base.layers.push_back(
        {OciType(TextIn(each, "mediaType")), TextIn(each, "digest"), size.get<std::uint64_t>()});
  }
  const ordered_json& ids = In(In(settings, "rootfs"), "diff_ids");
  const bool adds_up = ids.is_array() && ids.size() == base.layers.size();
  if (adds_up && ids.size() <= kLayersMax) return base;
  return Invalid(what + " is not an image that can be built on: its layers do not add up");
}

}  // namespace busker::image
