// An image as registries keep it: layers of a base, layers on top, and what says so.
// https://github.com/opencontainers/image-spec/blob/main/config.md, manifest.md
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/base_image.h"
#include "image/layer_cache.h"
#include "image/programs.h"
#include "image/registry.h"

namespace busker::image {

struct OwnLayer {
  CachedLayer made;
  std::string what;  // "packages", "service"
};

struct Image {
  BaseImage base;
  std::vector<OwnLayer> own;  // on top of the base's
  std::string config, config_digest;
  Registry::Manifest manifest;  // its digest is that of the image
};

// Pure: the same base, layers and labels give the same bytes. The working directory is `folder`
// ("/service"); all else is the base's.
Result<Image> ComposeImage(BaseImage base, std::vector<OwnLayer> own, const std::string& folder,
                           const std::map<std::string, std::string>& labels);

struct Push {
  int sent = 0, mounted = 0, there = 0;  // layers
  std::uint64_t sent_bytes = 0;
};

// Brings to a registry what of the image is not there yet, and the manifest last, under each of the
// tags. A base's layer is mounted where it is in the same registry; from another it is fetched
// through the cache.
Result<Push> PushImage(const Image& image, Registry& from, Registry& to,
                       const std::string& repository, const std::vector<std::string>& tags,
                       const LayerCache& cache, const Say& say, const io::Interrupt& interrupt);

// Writes an archive that `docker load` and `podman load` read into the file `to`.
Result<void> WriteEngineArchive(const Image& image, Registry& from, const std::string& name,
                                const LayerCache& cache, const io::fs::path& to, const Say& say,
                                const io::Interrupt& interrupt);

}  // namespace busker::image
