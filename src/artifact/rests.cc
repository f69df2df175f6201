#include "artifact/rests.h"

#include <algorithm>
#include <map>

#include "artifact/manifest_file.h"
#include "artifact/removal.h"
#include "base/id.h"
#include "base/text.h"

namespace busker::artifact {
namespace {

// What is below one version's name.
struct Found {
  std::vector<Written> files;
  std::optional<Written> manifest;
};

Result<std::map<VersionName, Found>> ListByVersion(ClearableStore& store,
                                                   const std::string& service,
                                                   const io::Interrupt& interrupt) {
  constexpr std::size_t kParts = 4;
  TRY_ASSIGN(auto values, store.ListWritten(service, interrupt));
  std::map<VersionName, Found> found;
  for (Written& value : values) {
    std::vector<std::string> parts = Split(value.key, '/');
    if (parts.size() <= kParts) continue;
    const bool is_manifest = parts.size() == kParts + 1 && parts.back() == kManifestFile;
    parts.resize(kParts);
    const auto name = ParseVersionName(Join(parts, "/"));
    if (!name) continue;
    Found& version = found[*name];
    if (is_manifest) {
      version.manifest = std::move(value);
    } else {
      version.files.push_back(std::move(value));
    }
  }
  return found;
}

}  // namespace

Result<Rests> FindRests(ClearableStore& store, const std::string& service, Instant now,
                        const io::Interrupt& interrupt) {
  TRY_ASSIGN(auto versions, ListByVersion(store, service, interrupt));
  Rests rests;
  for (auto& [name, found] : versions) {
    Rest rest{name, std::move(found.files), {}, {}};
    std::optional<Removal> removal;
    if (found.manifest) {
      if (found.manifest->size_bytes > kRemovalBytesMax) continue;
      auto text = store.GetText(found.manifest->key, interrupt, kRemovalBytesMax);
      if (!text && text.error().kind == ErrorKind::kNotFound) continue;
      TRY(text);
      removal = RemovalFromJson(*text);
      if (!removal) continue;  // a manifest, or what was one
      rest.removal = *std::move(text);
    }
    for (const Written& file : rest.files) rest.written_at = std::max(rest.written_at, file.at);
    if (removal && removal->is_done && rest.files.empty()) {
      if (found.manifest->at < now - kRemovalKept) rests.old_removals.push_back(*found.manifest);
      continue;
    }
    const bool was_begun = removal && !removal->is_done;
    if (was_begun || rest.written_at < now - kRestAge) rests.rests.push_back(std::move(rest));
  }
  return rests;
}

Result<bool> RemoveRest(ClearableStore& store, const Rest& rest, const io::Interrupt& interrupt) {
  const std::string key = ManifestKey(rest.name);
  const auto before = RemovalFromJson(rest.removal);
  Removal removal{RandomHex(8), false};
  if (before && !before->is_done) {
    removal = *before;
  } else {
    const auto expected = before ? std::optional(rest.removal) : std::nullopt;
    TRY_ASSIGN(const bool is_ours,
               store.ReplaceText(key, expected, RemovalToJson(removal), interrupt));
    if (!is_ours) return false;
  }
  TRY(store.Remove(rest.files, interrupt));
  TRY(store.ReplaceText(key, RemovalToJson(removal), RemovalToJson({removal.word, true}),
                        interrupt));
  return true;
}

}  // namespace busker::artifact
