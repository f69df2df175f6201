#include "image/image.h"

#include <fmt/core.h>

#include "base/bytes.h"
#include "base/json_object.h"
#include "io/digest.h"

namespace busker::image {
namespace {

using nlohmann::ordered_json;

constexpr char kCreated[] = "1980-01-01T00:00:00Z";
constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";
constexpr char kConfigType[] = "application/vnd.oci.image.config.v1+json";

std::string DigestOfText(const std::string& text) { return "sha256:" + io::Sha256Of(text); }

// Whether the history of a base tells of each of its layers; else nothing can be added to it.
bool TellsOfAll(const ordered_json& config, std::size_t layers) {
  if (!config.contains("history") || !config["history"].is_array()) return false;
  std::size_t told = 0;
  for (const ordered_json& each : config["history"]) {
    if (!each.is_object()) return false;
    const auto empty = each.find("empty_layer");
    told += empty != each.end() && empty->is_boolean() && empty->get<bool>() ? 0 : 1;
  }
  return told == layers;
}

ordered_json Described(const Blob& blob) {
  return {{"mediaType", blob.media_type}, {"digest", blob.digest}, {"size", blob.size_bytes}};
}

Blob BlobOf(const OwnLayer& layer) {
  return {kLayerType, layer.made.layer.digest, layer.made.layer.size_bytes};
}

// The bytes of a base's layer, here.
Result<io::fs::path> FetchBaseLayer(const Image& image, Registry& from, const Blob& blob,
                                    const LayerCache& cache, const Say& say,
                                    const io::Interrupt& interrupt) {
  TRY_ASSIGN(const io::fs::path file, cache.BlobFile(blob.digest));
  std::error_code error;
  if (io::fs::file_size(file, error) == blob.size_bytes && !error) return file;
  say(fmt::format("fetching a layer of {}, {}", image.base.reference.Name(),
                  FormatBytes(blob.size_bytes)));
  TRY(from.GetBlob(image.base.reference.repository, blob, file, interrupt));
  return file;
}

Result<void> PushBaseLayer(const Image& image, const Blob& blob, Registry& from, Registry& to,
                           const std::string& repository, const LayerCache& cache, const Say& say,
                           Push& push, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const bool is_there, to.HasBlob(repository, blob.digest, interrupt));
  push.there += is_there ? 1 : 0;
  if (is_there) return {};
  if (from.name() == to.name()) {
    TRY_ASSIGN(const bool is_mounted,
               to.MountBlob(repository, blob.digest, image.base.reference.repository, interrupt));
    push.mounted += is_mounted ? 1 : 0;
    if (is_mounted) return {};
  }
  TRY_ASSIGN(const io::fs::path file, FetchBaseLayer(image, from, blob, cache, say, interrupt));
  TRY(to.PutBlob(repository, blob, file, interrupt));
  ++push.sent;
  push.sent_bytes += blob.size_bytes;
  return {};
}

Result<void> PushOwnLayer(const OwnLayer& layer, Registry& to, const std::string& repository,
                          const Say& say, Push& push, const io::Interrupt& interrupt) {
  const Blob blob = BlobOf(layer);
  TRY_ASSIGN(const bool is_there, to.HasBlob(repository, blob.digest, interrupt));
  push.there += is_there ? 1 : 0;
  if (is_there) return {};
  say(fmt::format("pushing the layer {}, {}", layer.what, FormatBytes(blob.size_bytes)));
  TRY(to.PutBlob(repository, blob, layer.made.file, interrupt));
  ++push.sent;
  push.sent_bytes += blob.size_bytes;
  return {};
}

}  // namespace

Result<Image> ComposeImage(BaseImage base, std::vector<OwnLayer> own, const std::string& folder,
                           const std::map<std::string, std::string>& labels) {
  Image image;
  TRY_ASSIGN(ordered_json config, ParseJson(base.config, base.reference.Text()));
  const bool has_history = TellsOfAll(config, base.layers.size());
  if (!has_history) config.erase("history");
  config["created"] = kCreated;
  ordered_json& settings = config["config"];
  if (!settings.is_object()) settings = ordered_json::object();
  settings["WorkingDir"] = folder;
  if (!settings["Labels"].is_object()) settings["Labels"] = ordered_json::object();
  for (const auto& [name, value] : labels) settings["Labels"][name] = value;
  ordered_json layers = ordered_json::array();
  for (const Blob& blob : base.layers) layers.push_back(Described(blob));
  for (const OwnLayer& layer : own) {
    config["rootfs"]["diff_ids"].push_back(layer.made.layer.diff_id);
    layers.push_back(Described(BlobOf(layer)));
    if (has_history) {
      config["history"].push_back({{"created", kCreated}, {"created_by", "busker: " + layer.what}});
    }
  }
  image.config = config.dump();
  image.config_digest = DigestOfText(image.config);
  const ordered_json manifest = {
      {"schemaVersion", 2},
      {"mediaType", kManifestType},
      {"config", Described({kConfigType, image.config_digest, image.config.size()})},
      {"layers", layers},
      {"annotations",
       {{"org.opencontainers.image.base.digest", base.reference.digest},
        {"org.opencontainers.image.base.name", base.reference.Name()}}}};
  image.manifest.media_type = kManifestType;
  image.manifest.text = manifest.dump();
  image.manifest.digest = DigestOfText(image.manifest.text);
  image.base = std::move(base);
  image.own = std::move(own);
  return image;
}

Result<Push> PushImage(const Image& image, Registry& from, Registry& to,
                       const std::string& repository, const std::vector<std::string>& tags,
                       const LayerCache& cache, const Say& say, const io::Interrupt& interrupt) {
  Push push;
  for (const Blob& blob : image.base.layers) {
    TRY(PushBaseLayer(image, blob, from, to, repository, cache, say, push, interrupt));
  }
  for (const OwnLayer& layer : image.own) {
    TRY(PushOwnLayer(layer, to, repository, say, push, interrupt));
  }
  TRY_ASSIGN(const bool has_config, to.HasBlob(repository, image.config_digest, interrupt));
  if (!has_config) TRY(to.PutText(repository, image.config_digest, image.config, interrupt));
  for (const std::string& tag : tags) {
    TRY(to.PutManifest(repository, tag, image.manifest, interrupt));
  }
  return push;
}

// The format of `docker save`: manifest.json, the config, and the layers, which may be compressed.
Result<void> WriteEngineArchive(const Image& image, Registry& from, const std::string& name,
                                const LayerCache& cache, const io::fs::path& to, const Say& say,
                                const io::Interrupt& interrupt) {
  const auto name_of = [](const std::string& digest) { return digest.substr(7) + ".tar.gz"; };
  const std::string config_name = image.config_digest.substr(7) + ".json";
  Tree tree;
  ordered_json layers = ordered_json::array();
  const auto add = [&](const std::string& digest, const io::fs::path& file) {
    layers.push_back(name_of(digest));
    tree[name_of(digest)] = {Entry::Kind::kFile, false, file, ""};
  };
  for (const Blob& blob : image.base.layers) {
    TRY_ASSIGN(const io::fs::path file, FetchBaseLayer(image, from, blob, cache, say, interrupt));
    add(blob.digest, file);
  }
  for (const OwnLayer& layer : image.own) add(layer.made.layer.digest, layer.made.file);
  const ordered_json manifest =
      ordered_json::array({{{"Config", config_name}, {"RepoTags", {name}}, {"Layers", layers}}});
  tree[config_name] = {Entry::Kind::kFile, false, {}, image.config};
  tree["manifest.json"] = {Entry::Kind::kFile, false, {}, manifest.dump()};
  return WriteArchiveFile(tree, to, interrupt);
}

}  // namespace busker::image
