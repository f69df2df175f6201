#include "execute/docker_image.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace busker::execute {
namespace {

constexpr std::size_t kLayersMax = 1000;  // what tells of more is not followed
constexpr std::uint64_t kMegabyte = 1'000'000;

}  // namespace

// An engine calls what was made on it "localhost/churn", or "churn", which reads as one of Docker
// Hub's.
std::string DigestOf(const DockerImage& image, const image::Reference& reference) {
  for (const std::string& text : image.digests) {
    const auto digest = image::ParseReference(text);
    if (!digest) continue;
    const bool is_local =
        digest->registry == "localhost" && "library/" + digest->repository == reference.repository;
    if (is_local || digest->Name() == reference.Name()) return text;
  }
  return image.id;
}

void PullProgress::Take(std::string_view line) {
  using nlohmann::json;
  const json value = json::parse(line, nullptr, false);
  if (!value.is_object()) return;
  const auto text = [&](const char* name) {
    const auto found = value.find(name);
    return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (std::string error = text("error"); !error.empty()) fault_ = std::move(error);
  const std::string id = text("id"), status = text("status");
  const bool is_here = status == "Pull complete" || status == "Already exists";
  const bool comes = is_here || status == "Pulling fs layer" || status == "Waiting" ||
                     status == "Downloading" || status == "Verifying Checksum" ||
                     status == "Download complete" || status == "Extracting";
  if (id.empty() || !comes || (layers_.size() >= kLayersMax && !layers_.contains(id))) return;
  Layer& layer = layers_[id];
  layer.is_here = layer.is_here || is_here;
  if (status == "Download complete" || layer.is_here) layer.bytes = layer.bytes_total;
  const auto detail = value.find("progressDetail");
  if (status != "Downloading" || detail == value.end() || !detail->is_object()) return;
  const auto number = [&](const char* name) {
    const auto found = detail->find(name);
    return found != detail->end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
  };
  layer.bytes = number("current");
  layer.bytes_total = std::max(number("total"), layer.bytes);
}

std::string PullProgress::Text() const {
  if (layers_.empty()) return {};
  std::uint64_t bytes = 0, bytes_total = 0;
  std::size_t here = 0;
  for (const auto& [_, layer] : layers_) {
    bytes += layer.bytes;
    bytes_total += layer.bytes_total;
    here += layer.is_here ? 1 : 0;
  }
  std::string told = fmt::format("{} of {} layers", here, layers_.size());
  if (bytes_total >= kMegabyte) {
    told += fmt::format(", {} of {} MB", bytes / kMegabyte, bytes_total / kMegabyte);
  }
  return told;
}

}  // namespace busker::execute
