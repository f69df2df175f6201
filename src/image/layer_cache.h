// Layers that were made before, in the home: what makes a build cheap in which nothing changed.
//
//   images/layers/KEY.tar.gz   a layer; KEY is a digest of what it was made from
//   images/layers/KEY.json     what is known of it; written last
//   images/blobs/SHA256        a layer of a base image, fetched for a place that does not have it
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "image/layer.h"

namespace busker::image {

struct CachedLayer {
  Layer layer;
  io::fs::path file;
};

class LayerCache {
 public:
  static constexpr std::uint64_t kBytesMax = 8ull << 30;

  // `folder`: the home's images/; made when something is kept.
  explicit LayerCache(io::fs::path folder) : folder_(std::move(folder)) {}

  // The layer that was kept under that key; nullopt: none, or not whole.
  Result<std::optional<CachedLayer>> Find(const std::string& key) const;
  // Makes the layer of a tree and keeps it. kTemporary when its diff_id is another than `diff_id`
  // (empty: any will do): the tree was changed since that was read.
  Result<CachedLayer> Keep(const std::string& key, const Tree& tree, const io::Interrupt& interrupt,
                           const std::string& diff_id = {}) const;
  // Where the blob of a base is kept, if it is there. The folder is made.
  Result<io::fs::path> BlobFile(const std::string& digest) const;

  // Removes what was used longest ago, until the rest has no more than `bytes_max`; and what a
  // build left behind that was killed a day ago or earlier.
  Result<void> Shrink(std::uint64_t bytes_max = kBytesMax) const;

 private:
  io::fs::path Layers() const { return folder_ / "layers"; }
  io::fs::path Blobs() const { return folder_ / "blobs"; }

  const io::fs::path folder_;
};

}  // namespace busker::image
