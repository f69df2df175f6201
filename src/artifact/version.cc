#include "artifact/version.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "artifact/at_once.h"
#include "artifact/file_tree.h"
#include "artifact/key.h"
#include "artifact/manifest_file.h"
#include "artifact/removal.h"
#include "artifact/retirement.h"
#include "base/bytes.h"
#include "base/id.h"
#include "base/text.h"

namespace busker::artifact {
namespace {

namespace fs = io::fs;

constexpr char kMetricsFile[] = "metrics.json";
constexpr std::uint64_t kMetricsBytesMax = 1u << 20;
constexpr std::size_t kStampSize = std::string_view("20190801T000000Z").size();

std::string FileKey(const VersionName& name, const std::string& file) {
  return name.Key() + "/" + file;
}

tl::unexpected<Error> Corrupt(const VersionName& name, std::string_view what) {
  return Unusable(fmt::format("version {}: {}", name.Key(), what));
}

tl::unexpected<Error> Exists(const VersionName& name) {
  return Invalid(fmt::format("version {} exists already and stays as it is", name.Key()));
}

tl::unexpected<Error> IsBeingRemoved(const VersionName& name) {
  return Temporary(fmt::format(
      "what an earlier try had left of version {} is being removed; try again, and when "
      "that does not pass, run busker gc",
      name.Key()));
}

// What publishing finds in the manifest's place, which has to be the same when the manifest is put
// there: nothing, or that the rest of an earlier try was removed.
Result<std::optional<std::string>> FreePlace(Store& store, const VersionName& name,
                                             const io::Interrupt& interrupt) {
  auto present = store.GetText(ManifestKey(name), interrupt);
  if (!present && present.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!present && present.error().kind != ErrorKind::kInvalid) {
    return Wrap("save " + name.Key(), present.error());
  }
  const auto removal = present ? RemovalFromJson(*present) : std::nullopt;
  if (!removal) return Exists(name);
  if (!removal->is_done) return IsBeingRemoved(name);
  return std::optional(*std::move(present));
}

// `place`: as it was found before any file was saved.
Result<void> PutManifest(Store& store, const VersionName& name,
                         const std::optional<std::string>& place, const std::string& text,
                         const io::Interrupt& interrupt) {
  TRY_ASSIGN(bool put, store.ReplaceText(ManifestKey(name), place, text, interrupt));
  if (!put && place) {  // what was there was taken away, since it was old
    TRY_ASSIGN(put, store.CreateText(ManifestKey(name), text, interrupt));
  }
  if (put) return {};
  TRY(FreePlace(store, name, interrupt));
  return IsBeingRemoved(name);
}

// A stamp, and behind it, where two versions fell into one second, "-" and letters or digits.
bool IsTimestamp(std::string_view text) {
  if (!ParseStamp(text.substr(0, kStampSize))) return false;
  const std::string_view rest = text.substr(kStampSize);
  return rest.empty() || (rest.front() == '-' && IsName(rest.substr(1)));
}

// Names that the version itself needs, or that no store takes, are refused before anything is
// saved.
Result<void> CheckNames(const VersionName& name, const FileTree& tree) {
  const auto check = [&](const std::string& path) -> Result<void> {
    TRY(CheckKey(FileKey(name, path)));
    if (path == kManifestFile) {
      return Invalid(std::string(kManifestFile) + ": this name is Busker's own");
    }
    return {};
  };
  for (const std::string& file : tree.files) TRY(check(file));
  for (const std::string& folder : tree.empty_folders) TRY(check(folder));
  return {};
}

// Is `path` the file that was loaded as `loaded`?
Result<bool> IsUnchanged(const fs::path& path, const io::FileDigest& loaded,
                         const io::Interrupt& interrupt) {
  std::error_code error;
  if (fs::file_size(path, error) != loaded.size_bytes) return false;
  TRY_ASSIGN(const io::FileDigest digest, io::DigestFile(path, interrupt));
  return digest == loaded;
}

// What the action itself left: not what of the input is as it was.
Result<FileTree> WithoutInput(const fs::path& folder, FileTree tree, const Manifest& input,
                              const io::Interrupt& interrupt) {
  FileTree own;
  for (const std::string& file : tree.files) {
    const bool executable = tree.executables.contains(file);
    bool unchanged = false;
    if (const auto loaded = input.files.find(file);
        loaded != input.files.end() && executable == input.executables.contains(file)) {
      TRY_ASSIGN(unchanged, IsUnchanged(folder / file, loaded->second, interrupt));
    }
    if (unchanged) continue;
    own.files.push_back(file);
    if (executable) own.executables.insert(file);
  }
  for (const std::string& empty : tree.empty_folders) {
    if (!input.empty_folders.contains(empty)) own.empty_folders.insert(empty);
  }
  return own;
}

// The manifest as it is written, once its own reader has understood it.
Result<std::string> CheckedText(const Manifest& manifest) {
  std::string text = ManifestToJson(manifest);
  if (text.size() > kManifestBytesMax) {
    return Invalid(fmt::format(
        "the manifest of its {} files would have {} bytes, and {} at most are read again; put them "
        "into fewer files, with tar for one",
        WithThousands(static_cast<long long>(manifest.files.size())),
        WithThousands(static_cast<long long>(text.size())), FormatBytes(kManifestBytesMax)));
  }
  TRY_ASSIGN(const Manifest read, ManifestFromJson(text));
  if (ManifestToJson(read) == text) return text;
  return Invalid("its manifest would not be read as it is written");
}

// The same before any file is copied, of which nothing but its size is known yet.
Result<void> CheckManifest(const fs::path& folder, const FileTree& own, Manifest manifest) {
  for (const std::string& file : own.files) {
    std::error_code error;
    const auto size = fs::file_size(folder / file, error);
    manifest.files[file] = {error ? 0 : size, std::string(64, '0'), 0};
  }
  return CheckedText(manifest).map([](const std::string&) {});
}

// As `chmod +x`: for those who may read it.
Result<void> MakeExecutable(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 &&
      ::chmod(path.c_str(), (info.st_mode & 0777) | S_IXUSR | (info.st_mode & 0444) >> 2) == 0) {
    return {};
  }
  return SystemError("make " + path.string() + " executable", errno);
}

tl::unexpected<Error> NotWhatWasSaved(const VersionName& name, const std::string& file) {
  return Corrupt(name, file + " is not what was saved (its SHA-256 differs from the manifest's)");
}

// Is what was loaded what was saved? Then programs are made such.
Result<void> FinishLoaded(const Manifest& manifest, const FileDigests& loaded,
                          const fs::path& folder) {
  for (const auto& [file, digest] : loaded) {
    if (digest != manifest.files.at(file)) return NotWhatWasSaved(manifest.name, file);
    if (manifest.executables.contains(file)) TRY(MakeExecutable(folder / file));
  }
  for (const std::string& empty : manifest.empty_folders) TRY(io::MakeFolders(folder / empty));
  return {};
}

std::vector<std::string> PathsOf(const Manifest& manifest) {
  std::vector<std::string> paths;
  for (const auto& [file, _] : manifest.files) paths.push_back(file);
  return paths;
}

Result<Manifest> ManifestIn(const Result<std::string>& text, const VersionName& name) {
  if (!text && text.error().kind == ErrorKind::kNotFound) {
    return NotFound(fmt::format("no version {}", name.Key()));
  }
  if (!text && text.error().kind == ErrorKind::kInvalid) return Corrupt(name, text.error().message);
  if (!text) return tl::unexpected(text.error());
  if (RemovalFromJson(*text)) return NotFound(fmt::format("no version {}", name.Key()));
  auto manifest = ManifestFromJson(*text);
  if (!manifest) {
    if (const auto retired = RetirementFromJson(*text)) return NotFound(Sentence(*retired));
    return Corrupt(name, manifest.error().message);
  }
  if (manifest->name != name) {
    return Corrupt(name, "its manifest is that of " + manifest->name.Key());
  }
  return manifest;
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
        "\"{}\" is not an artifact version such as name/2019-07-01/training/20190801T000000Z",
        Printable(key)));
  }
  return VersionName{parts[0], parts[1], parts[2], parts[3]};
}

Result<Manifest> Publish(Store& store, const fs::path& folder, Manifest manifest,
                         const Manifest& input, const io::Interrupt& interrupt) {
  const VersionName& name = manifest.name;
  TRY(ParseVersionName(name.Key()));
  TRY_ASSIGN(const auto place, FreePlace(store, name, interrupt));

  TRY_ASSIGN(FileTree tree, ListTree(folder));
  TRY(CheckNames(name, tree));
  TRY_ASSIGN(const FileTree own, WithoutInput(folder, std::move(tree), input, interrupt));
  manifest.files.clear();
  manifest.metrics.clear();
  manifest.executables = own.executables;
  manifest.empty_folders = own.empty_folders;
  if (std::binary_search(own.files.begin(), own.files.end(), kMetricsFile)) {
    TRY_ASSIGN(const std::string json, io::ReadFile(folder / kMetricsFile, kMetricsBytesMax));
    TRY_ASSIGN(manifest.metrics, ParseMetrics(json));
  }
  TRY(CheckManifest(folder, own, manifest));
  TRY_ASSIGN(manifest.files, store.PutFiles(name.Key(), folder, own.files, interrupt));
  TRY_ASSIGN(const std::string text, CheckedText(manifest));
  TRY(PutManifest(store, name, place, text, interrupt));
  return manifest;
}

Result<Manifest> ReadManifest(Store& store, const VersionName& name,
                              const io::Interrupt& interrupt) {
  return ManifestIn(store.GetText(ManifestKey(name), interrupt, kManifestBytesMax), name);
}

Result<Manifest> RecallManifest(Store& store, const VersionName& name,
                                const io::Interrupt& interrupt) {
  const auto text = store.GetText(ManifestKey(name), interrupt, kManifestBytesMax);
  if (text) {
    if (auto retired = RetirementFromJson(*text)) return std::move(retired->manifest);
  }
  return ManifestIn(text, name);
}

Result<void> Load(Store& store, const Manifest& manifest, const fs::path& folder,
                  const io::Interrupt& interrupt) {
  TRY(io::MakeFolders(folder));
  const std::vector<std::string> files = PathsOf(manifest);
  const auto loaded = store.GetFiles(manifest.name.Key(), files, folder, interrupt);
  if (!loaded && loaded.error().kind == ErrorKind::kNotFound) {
    return Corrupt(manifest.name, loaded.error().message);
  }
  if (!loaded) return Wrap("load " + manifest.name.Key(), loaded.error());
  auto finished = FinishLoaded(manifest, *loaded, folder);
  if (!finished) {
    for (const std::string& file : files) ::unlink((folder / file).c_str());
  }
  return finished;
}

Result<void> Verify(Store& store, const Manifest& manifest, const io::Interrupt& interrupt) {
  const auto verified = store.Verify(manifest.name.Key(), manifest.files, interrupt);
  if (verified) return {};
  const ErrorKind kind = verified.error().kind;
  if (kind == ErrorKind::kNotFound || kind == ErrorKind::kUnusable) {
    return Corrupt(manifest.name, verified.error().message);
  }
  return Wrap("verify " + manifest.name.Key(), verified.error());
}

Result<void> VerifyByReading(Store& store, const Manifest& manifest,
                             const io::Interrupt& interrupt) {
  // Over a network each is a round trip or two.
  constexpr std::size_t kReadAtOnce = 16;
  const std::vector<std::string> files = PathsOf(manifest);
  return DoAtOnce(files.size(), kReadAtOnce, interrupt,
                  [&](std::size_t i, const io::Interrupt& all) -> Result<void> {
                    const std::string& file = files[i];
                    auto digest = store.Digest(FileKey(manifest.name, file), all);
                    if (!digest && digest.error().kind == ErrorKind::kNotFound) {
                      return Corrupt(manifest.name, file + " is missing");
                    }
                    if (!digest) return Wrap("verify " + manifest.name.Key(), digest.error());
                    if (*digest != manifest.files.at(file))
                      return NotWhatWasSaved(manifest.name, file);
                    return {};
                  });
}

namespace {

// Those of `names` that are versions, read some at a time: a manifest may be long.
Result<void> AddVersions(Store& store, std::span<const VersionName> names,
                         const io::Interrupt& interrupt, std::vector<Manifest>& versions,
                         std::vector<std::string>* unreadable, std::vector<Retirement>* retired) {
  constexpr std::size_t kAtOnce = 64;
  for (; !names.empty(); names = names.subspan(std::min(names.size(), kAtOnce))) {
    const auto some = names.first(std::min(names.size(), kAtOnce));
    std::vector<std::string> keys;
    for (const VersionName& name : some) keys.push_back(ManifestKey(name));
    const auto texts = store.GetTexts(keys, interrupt, kManifestBytesMax);
    for (std::size_t i = 0; i < some.size(); ++i) {
      auto manifest = ManifestIn(texts[i], some[i]);
      if (manifest) {
        versions.push_back(std::move(*manifest));
        continue;
      }
      const ErrorKind kind = manifest.error().kind;
      if (kind == ErrorKind::kTemporary || kind == ErrorKind::kTimedOut) {
        return tl::unexpected(std::move(manifest).error());
      }
      if (kind != ErrorKind::kNotFound && unreadable != nullptr) {
        unreadable->push_back(manifest.error().message);
      }
      if (kind == ErrorKind::kNotFound && texts[i] && retired != nullptr) {
        if (auto one = RetirementFromJson(*texts[i])) retired->push_back(*std::move(one));
      }
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Manifest>> ListVersions(Store& store, const std::string& service,
                                           const std::string& service_version,
                                           const std::string& action,
                                           const io::Interrupt& interrupt,
                                           std::vector<std::string>* unreadable,
                                           std::vector<Retirement>* retired) {
  std::vector<std::string> actions = {action};
  if (action.empty()) {
    TRY_ASSIGN(actions, store.ListFolders(service + "/" + service_version, interrupt));
  }
  std::vector<VersionName> names;
  for (const std::string& each : actions) {
    TRY_ASSIGN(const auto timestamps,
               store.ListFolders(service + "/" + service_version + "/" + each, interrupt));
    for (const std::string& timestamp : timestamps) {
      names.push_back({service, service_version, each, timestamp});
    }
  }
  std::vector<Manifest> versions;
  TRY(AddVersions(store, names, interrupt, versions, unreadable, retired));
  std::sort(versions.begin(), versions.end(), [](const Manifest& a, const Manifest& b) {
    return std::tie(a.name.timestamp, a.name.action) < std::tie(b.name.timestamp, b.name.action);
  });
  return versions;
}

}  // namespace busker::artifact
