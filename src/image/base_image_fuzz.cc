// What a registry answers: who asks, a manifest, a line end, and a config. Whatever it is, an image
// is composed of it or it is refused.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/text.h"
#include "image/challenge.h"
#include "image/image.h"
#include "io/digest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace busker;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const image::Challenge challenge = image::ChallengeIn(text);
  CHECK(challenge.scheme == LowerCase(challenge.scheme), "a scheme is in lower case");
  (void)image::ParseReference(text);
  const std::size_t end = text.find('\n');
  if (end == std::string::npos) return 0;
  image::Registry::Manifest manifest;
  manifest.text = text.substr(0, end);
  manifest.digest = "sha256:" + io::Sha256Of(manifest.text);
  const auto base = image::ParseBaseImage({"r.example", "base", "1", ""}, manifest,
                                          text.substr(end + 1), "amd64");
  if (!base) return 0;
  image::OwnLayer layer;
  layer.made.layer = {manifest.digest, manifest.digest, 1};
  layer.what = "service";
  const auto one = image::ComposeImage(*base, {layer}, "/service", {{"a", "b"}});
  const auto two = image::ComposeImage(*base, {layer}, "/service", {{"a", "b"}});
  CHECK(one && two, "what was read can be built on");
  CHECK(one->manifest.digest == two->manifest.digest, "the same input is the same digest");
  return 0;
}
