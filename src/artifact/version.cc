#include "artifact/version.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

#include "artifact/key.h"
#include "base/id.h"
#include "base/text.h"

namespace busker::artifact {
namespace {

namespace fs = io::fs;

constexpr char kManifestFile[] = "manifest.json";
constexpr char kMetricsFile[] = "metrics.json";
constexpr std::uint64_t kMetricsBytesMax = 1u << 20;
constexpr std::size_t kStampSize = std::string_view("20190801T000000Z").size();

std::string ManifestKey(const VersionName& name) { return name.Key() + "/" + kManifestFile; }
std::string FileKey(const VersionName& name, const std::string& file) {
  return name.Key() + "/" + file;
}

tl::unexpected<Error> Corrupt(const VersionName& name, std::string_view what) {
  return Unusable(fmt::format("version {}: {}", name.Key(), what));
}

tl::unexpected<Error> Exists(const VersionName& name) {
  return Invalid(fmt::format("version {} exists already and stays as it is", name.Key()));
}

// A stamp, and behind it, where two versions fell into one second, "-" and letters or digits.
bool IsTimestamp(std::string_view text) {
  if (!ParseStamp(text.substr(0, kStampSize))) return false;
  const std::string_view rest = text.substr(kStampSize);
  return rest.empty() || (rest.front() == '-' && IsName(rest.substr(1)));
}

// Names that the version itself needs, or that no store takes, are refused before anything is
// saved.
Result<void> CheckFiles(const VersionName& name, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    TRY(CheckKey(file));
    TRY(CheckKey(FileKey(name, file)));
    if (file == kManifestFile) {
      return Invalid(std::string(kManifestFile) + ": this name is Busker's own");
    }
  }
  return {};
}

// Is `path` the file that was loaded as `loaded`?
Result<bool> IsUnchanged(const fs::path& path, const io::FileDigest& loaded) {
  std::error_code error;
  if (fs::file_size(path, error) != loaded.size_bytes) return false;
  TRY_ASSIGN(const io::FileDigest digest, io::DigestFile(path));
  return digest == loaded;
}

// The files that the action itself wrote: not those of the input that are as they were.
Result<std::vector<std::string>> WithoutInput(const fs::path& folder,
                                              const std::vector<std::string>& files,
                                              const std::map<std::string, io::FileDigest>& input) {
  std::vector<std::string> own;
  for (const std::string& file : files) {
    bool unchanged = false;
    if (const auto loaded = input.find(file); loaded != input.end()) {
      TRY_ASSIGN(unchanged, IsUnchanged(folder / file, loaded->second));
    }
    if (!unchanged) own.push_back(file);
  }
  return own;
}

Result<void> LoadFile(Store& store, const VersionName& name, const std::string& file,
                      const io::FileDigest& expected, const fs::path& to) {
  auto digest = store.GetFile(FileKey(name, file), to);
  if (!digest && digest.error().kind == ErrorKind::kNotFound) {
    return Corrupt(name, file + " is missing");
  }
  if (!digest) return Wrap("load " + name.Key(), digest.error());
  if (*digest == expected) return {};
  ::unlink(to.c_str());
  return Corrupt(name, file + " is not what was saved (its SHA-256 differs from the manifest's)");
}

}  // namespace

std::string VersionName::Key() const {
  return service + "/" + service_version + "/" + action + "/" + timestamp;
}

Result<VersionName> ParseVersionName(const std::string& key) {
  const std::vector<std::string> parts = Split(key, '/');
  const bool good = parts.size() == 4 && IsName(parts[0]) && CheckKey(parts[1]) &&
                    IsName(parts[2]) && IsTimestamp(parts[3]);
  if (!good) {
    return Invalid(fmt::format(
        "\"{}\" is no artifact version such as name/2019-07-01/training/20190801T000000Z",
        Printable(key)));
  }
  return VersionName{parts[0], parts[1], parts[2], parts[3]};
}

Result<Manifest> Publish(Store& store, const fs::path& folder, Manifest manifest,
                         const std::map<std::string, io::FileDigest>& input) {
  const VersionName& name = manifest.name;
  TRY(ParseVersionName(name.Key()));
  auto present = store.GetText(ManifestKey(name));
  if (present) return Exists(name);
  if (present.error().kind != ErrorKind::kNotFound)
    return Wrap("save " + name.Key(), present.error());

  TRY_ASSIGN(const std::vector<std::string> files, io::ListFiles(folder));
  TRY(CheckFiles(name, files));
  TRY_ASSIGN(const std::vector<std::string> own, WithoutInput(folder, files, input));
  manifest.files.clear();
  manifest.metrics.clear();
  if (std::binary_search(own.begin(), own.end(), kMetricsFile)) {
    TRY_ASSIGN(const std::string json, io::ReadFile(folder / kMetricsFile, kMetricsBytesMax));
    TRY_ASSIGN(manifest.metrics, ParseMetrics(json));
  }
  for (const std::string& file : own) {
    TRY_ASSIGN(manifest.files[file], store.PutFile(FileKey(name, file), folder / file));
  }
  TRY_ASSIGN(const bool created, store.CreateText(ManifestKey(name), ManifestToJson(manifest)));
  if (!created) return Exists(name);
  return manifest;
}

Result<Manifest> ReadManifest(Store& store, const VersionName& name) {
  auto text = store.GetText(ManifestKey(name));
  if (!text && text.error().kind == ErrorKind::kNotFound) {
    return NotFound(fmt::format("there is no version {}", name.Key()));
  }
  if (!text && text.error().kind == ErrorKind::kInvalid) return Corrupt(name, text.error().message);
  if (!text) return tl::unexpected(std::move(text).error());
  auto manifest = ManifestFromJson(*text);
  if (!manifest) return Corrupt(name, manifest.error().message);
  if (manifest->name != name) {
    return Corrupt(name, "its manifest is that of " + manifest->name.Key());
  }
  return manifest;
}

Result<void> Load(Store& store, const Manifest& manifest, const fs::path& folder) {
  TRY(io::MakeFolders(folder));
  std::vector<fs::path> loaded;
  for (const auto& [file, digest] : manifest.files) {
    const fs::path to = folder / file;
    auto done = LoadFile(store, manifest.name, file, digest, to);
    if (!done) {
      for (const fs::path& path : loaded) ::unlink(path.c_str());
      return done;
    }
    loaded.push_back(to);
  }
  return {};
}

Result<void> Verify(Store& store, const Manifest& manifest) {
  for (const auto& [file, expected] : manifest.files) {
    auto digest = store.Digest(FileKey(manifest.name, file));
    if (!digest && digest.error().kind == ErrorKind::kNotFound) {
      return Corrupt(manifest.name, file + " is missing");
    }
    if (!digest) return Wrap("verify " + manifest.name.Key(), digest.error());
    if (*digest != expected) {
      return Corrupt(manifest.name,
                     file + " is not what was saved (its SHA-256 differs from the manifest's)");
    }
  }
  return {};
}

Result<std::vector<Manifest>> ListVersions(Store& store, const std::string& service,
                                           const std::string& service_version,
                                           const std::string& action,
                                           std::vector<std::string>* unreadable) {
  std::vector<std::string> actions = {action};
  if (action.empty()) {
    TRY_ASSIGN(actions, store.ListFolders(service + "/" + service_version));
  }
  std::vector<Manifest> versions;
  for (const std::string& each : actions) {
    TRY_ASSIGN(const auto timestamps,
               store.ListFolders(service + "/" + service_version + "/" + each));
    for (const std::string& timestamp : timestamps) {
      auto manifest = ReadManifest(store, {service, service_version, each, timestamp});
      if (manifest) {
        versions.push_back(std::move(*manifest));
      } else if (manifest.error().kind != ErrorKind::kNotFound && unreadable != nullptr) {
        unreadable->push_back(manifest.error().message);
      }
    }
  }
  std::sort(versions.begin(), versions.end(), [](const Manifest& a, const Manifest& b) {
    return std::tie(a.name.timestamp, a.name.action) < std::tie(b.name.timestamp, b.name.action);
  });
  return versions;
}

}  // namespace busker::artifact
