#include "image/layer_cache.h"

#include <algorithm>
#include <vector>

#include "base/json_object.h"
#include "io/file.h"

namespace busker::image {
namespace {

namespace fs = io::fs;

void TouchNow(const fs::path& file) {
  std::error_code ignored;  // what was used when is a hint
  fs::last_write_time(file, fs::file_time_type::clock::now(), ignored);
}

void RemoveRests(const fs::path& folder) {
  const auto yesterday = fs::file_time_type::clock::now() - std::chrono::hours(24);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    std::error_code gone;
    const bool is_rest = entry.path().filename().string().starts_with(".tmp-");
    if (is_rest && entry.last_write_time(gone) < yesterday && !gone) {
      (void)io::RemoveTree(entry.path());
    }
  }
}

}  // namespace

Result<std::optional<CachedLayer>> LayerCache::Find(const std::string& key) const {
  const auto text = io::ReadFile(Layers() / (key + ".json"));
  if (!text) return std::nullopt;
  CachedLayer found;
  found.file = Layers() / (key + ".tar.gz");
  const auto value = ParseOwnJson(*text, key);
  if (!value) return std::nullopt;
  JsonObject in(*value, key);
  in.Get("digest", found.layer.digest);
  in.Get("diff_id", found.layer.diff_id);
  in.Get("size_bytes", found.layer.size_bytes);
  std::error_code error;
  const bool is_whole = in.Done() && fs::file_size(found.file, error) == found.layer.size_bytes;
  if (!is_whole || error) return std::nullopt;
  TouchNow(found.file);
  return found;
}

Result<CachedLayer> LayerCache::Keep(const std::string& key, const Tree& tree,
                                     const io::Interrupt& interrupt,
                                     const std::string& diff_id) const {
  TRY(io::MakeFolders(Layers(), 0700));
  CachedLayer kept;
  kept.file = Layers() / (key + ".tar.gz");
  TRY_ASSIGN(kept.layer, WriteLayer(tree, kept.file, interrupt));
  if (!diff_id.empty() && kept.layer.diff_id != diff_id) {
    std::error_code error;
    fs::remove(kept.file, error);
    if (error) return SystemError("remove " + kept.file.string(), error.value());
    return Temporary("the folder was changed while it was read; build again");
  }
  TRY(io::WriteFileAtomically(Layers() / (key + ".json"),
                              JsonText({{"digest", kept.layer.digest},
                                        {"diff_id", kept.layer.diff_id},
                                        {"size_bytes", kept.layer.size_bytes}})));
  return kept;
}

Result<fs::path> LayerCache::BlobFile(const std::string& digest) const {
  TRY(io::MakeFolders(Blobs(), 0700));
  const fs::path file = Blobs() / digest.substr(digest.find(':') + 1);
  TouchNow(file);
  return file;
}

Result<void> LayerCache::Shrink(std::uint64_t bytes_max) const {
  struct Kept {
    fs::file_time_type used;
    std::uint64_t bytes;
    fs::path file;
  };
  std::vector<Kept> all;
  std::uint64_t bytes = 0;
  RemoveRests(folder_);
  for (const fs::path& folder : {Layers(), Blobs()}) {
    RemoveRests(folder);
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      std::error_code gone;
      const Kept kept{entry.last_write_time(gone), entry.file_size(gone), entry.path()};
      if (gone || entry.path().extension() == ".json") continue;
      bytes += kept.bytes;
      all.push_back(kept);
    }
  }
  std::sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) { return a.used < b.used; });
  for (const Kept& kept : all) {
    if (bytes <= bytes_max) break;
    std::error_code error;
    fs::remove(kept.file, error);
    if (error) return SystemError("remove " + kept.file.string(), error.value());
    bytes -= kept.bytes;
    const std::string name = kept.file.filename().string();
    fs::remove(kept.file.parent_path() / (name.substr(0, name.find('.')) + ".json"), error);
  }
  return {};
}

}  // namespace busker::image
