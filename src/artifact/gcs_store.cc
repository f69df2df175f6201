#include "artifact/gcs_store.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "artifact/at_once.h"
#include "artifact/clearable_store.h"
#include "artifact/key.h"
#include "artifact/store_faults.h"
#include "base/text.h"
#include "cloud/google_access.h"

namespace busker::artifact {
namespace {

namespace fs = io::fs;

constexpr char kScheme[] = "gs://";
// Others may change an object between any two looks of ours; each time that is their success.
constexpr int kTriesMax = 20;
// So many files are looked for by a list, a thousand in one answer, and not one by one.
constexpr std::size_t kListedFrom = 8;

// A new file that takes the bytes of an object. Removed again unless it is kept.
class NewFile {
 public:
  static Result<NewFile> Make(const fs::path& path) {
    if (path.has_parent_path()) TRY(io::MakeFolders(path.parent_path()));
    TRY_ASSIGN(io::Descriptor fd, io::Open(path, O_WRONLY | O_CREAT | O_EXCL));
    return NewFile(path, std::move(fd));
  }
  NewFile(NewFile&& other) noexcept = default;
  ~NewFile() {
    if (fd_.valid() && !kept_) ::unlink(path_.c_str());
  }

  GcsReceiver Receiver() {
    return {[this](std::string_view part) { return io::WriteAll(fd_.get(), part, path_); },
            [this] { return Restart(); }};
  }

  Result<void> Restart() {
    if (::ftruncate(fd_.get(), 0) == 0 && ::lseek(fd_.get(), 0, SEEK_SET) == 0) return {};
    return SystemError("write " + path_.string(), errno);
  }

  void Keep() { kept_ = true; }

 private:
  NewFile(fs::path path, io::Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  fs::path path_;
  io::Descriptor fd_;
  bool kept_ = false;
};

class GcsStore : public ClearableStore {
  using Listed = std::map<std::string, GcsObject>;  // by key

 public:
  GcsStore(const GcsPlace& place, cloud::GoogleAccess access, const GcsSettings& settings)
      : url_(kScheme + place.bucket + (place.prefix.empty() ? "" : "/" + place.prefix)),
        below_(place.prefix.empty() ? "" : place.prefix + "/"),
        settings_(settings),
        bucket_(place.bucket, std::move(access), settings.retry) {}

  std::string Url() const override { return url_; }

  Result<std::string> UrlOf(const std::string& key) const override {
    TRY(CheckKey(key));
    return url_ + "/" + key;
  }

  Result<io::FileDigest> PutFile(const std::string& key, const fs::path& from,
                                 const io::Interrupt& interrupt) override {
    return PutFile(key, from, interrupt, nullptr);
  }

  Result<FileDigests> PutFiles(const std::string& prefix, const fs::path& folder,
                               std::span<const std::string> files,
                               const io::Interrupt& interrupt) override {
    // What an earlier try has left there is not sent a second time.
    std::optional<Listed> listed;
    if (files.size() >= kListedFrom) {
      TRY_ASSIGN(listed, Objects(prefix, interrupt));
    }
    std::vector<io::FileDigest> digests(files.size());
    TRY(DoAtOnce(files.size(), settings_.connections_max, interrupt,
                 [&](std::size_t i, const io::Interrupt& all) -> Result<void> {
                   TRY_ASSIGN(digests[i], PutFile(prefix + "/" + files[i], folder / files[i], all,
                                                  listed ? &*listed : nullptr));
                   return {};
                 }));
    return Named(files, digests);
  }

  Result<void> PutText(const std::string& key, const std::string& text,
                       const io::Interrupt& interrupt) override {
    TRY(CheckKey(key));
    return Put(key, ContentOf(text), interrupt);
  }

  Result<bool> CreateText(const std::string& key, const std::string& text,
                          const io::Interrupt& interrupt) override {
    TRY_ASSIGN(const std::string name, NameOf(key));
    TRY_ASSIGN(const auto written, Write(name, ContentOf(text), 0, interrupt));
    return written.has_value();
  }

  Result<bool> ReplaceText(const std::string& key, const std::optional<std::string>& expected,
                           const std::string& text, const io::Interrupt& interrupt) override {
    if (!expected) return CreateText(key, text, interrupt);
    TRY_ASSIGN(const std::string name, NameOf(key));
    const auto present = bucket_.ReadText(name, expected->size(), interrupt);
    if (!present && present.error().kind == ErrorKind::kInvalid) return false;  // longer
    TRY(present);
    if (!*present || (*present)->text != *expected) return false;
    if ((*present)->generation == 0) {
      return Failed(bucket_.Place() + " does not tell the generation of an object that it sends");
    }
    TRY_ASSIGN(const auto written, Write(name, ContentOf(text), (*present)->generation, interrupt));
    return written.has_value();
  }

  Result<io::FileDigest> GetFile(const std::string& key, const fs::path& to,
                                 const io::Interrupt& interrupt) override {
    return Get(key, to, interrupt);
  }

  Result<FileDigests> GetFiles(const std::string& prefix, std::span<const std::string> files,
                               const fs::path& folder, const io::Interrupt& interrupt) override {
    Listed listed;
    if (files.size() >= kListedFrom) {
      TRY_ASSIGN(listed, Objects(prefix, interrupt));
    }
    std::vector<io::FileDigest> digests(files.size());
    std::mutex mutex;
    std::vector<fs::path> got;
    const auto done =
        DoAtOnce(files.size(), settings_.connections_max, interrupt,
                 [&](std::size_t i, const io::Interrupt& all) -> Result<void> {
                   const fs::path to = folder / files[i];
                   TRY_ASSIGN(digests[i], Get(prefix + "/" + files[i], to, all, listed));
                   const std::lock_guard lock(mutex);
                   got.push_back(to);
                   return {};
                 });
    if (done) return Named(files, digests);
    for (const fs::path& path : got) ::unlink(path.c_str());
    return tl::unexpected(done.error());
  }

  Result<io::FileDigest> Digest(const std::string& key, const io::Interrupt& interrupt) override {
    const GcsReceiver nowhere{[](std::string_view) -> Result<void> { return {}; },
                              []() -> Result<void> { return {}; }};
    return Receive(key, nowhere, interrupt);
  }

  Result<void> Verify(const std::string& prefix, const FileDigests& files,
                      const io::Interrupt& interrupt) override {
    for (const auto& [file, _] : files) TRY(CheckKey(prefix + "/" + file));
    if (files.empty()) return {};
    TRY_ASSIGN(const auto there, Objects(prefix, interrupt));
    for (const auto& [file, expected] : files) {
      const std::string key = prefix + "/" + file;
      const auto found = there.find(key);
      if (found == there.end()) return NothingUnder(*this, key);
      const std::string difference = DifferenceOf(found->second, expected);
      if (!difference.empty()) return NotWhatWasStored(*this, key, difference);
    }
    return {};
  }

  Result<std::string> GetText(const std::string& key, const io::Interrupt& interrupt,
                              std::uint64_t bytes_max) override {
    TRY_ASSIGN(const std::string name, NameOf(key));
    TRY_ASSIGN(auto read, bucket_.ReadText(name, bytes_max, interrupt));
    if (!read) return NothingUnder(*this, key);
    return std::move(read->text);
  }

  std::vector<Result<std::string>> GetTexts(std::span<const std::string> keys,
                                            const io::Interrupt& interrupt,
                                            std::uint64_t bytes_max) override {
    std::vector<Result<std::string>> texts(keys.size());
    // No text's error ends the others: those that cannot be read any more find that out themselves.
    (void)DoAtOnce(keys.size(), settings_.connections_max, interrupt,
                   [&](std::size_t i, const io::Interrupt& all) -> Result<void> {
                     texts[i] = GetText(keys[i], all, bytes_max);
                     return {};
                   });
    return texts;
  }

  Result<std::vector<std::string>> List(const std::string& prefix,
                                        const io::Interrupt& interrupt) override {
    TRY_ASSIGN(const auto objects, Objects(prefix, interrupt));
    std::vector<std::string> keys;
    for (const auto& [key, _] : objects) keys.push_back(key);
    return keys;
  }

  Result<std::vector<Written>> ListWritten(const std::string& prefix,
                                           const io::Interrupt& interrupt) override {
    TRY_ASSIGN(const auto objects, Objects(prefix, interrupt));
    std::vector<Written> values;
    for (const auto& [key, object] : objects) {
      values.push_back({key, object.size_bytes, object.written_at, object.generation});
    }
    return values;
  }

  Result<std::vector<std::string>> ListFolders(const std::string& prefix,
                                               const io::Interrupt& interrupt) override {
    TRY_ASSIGN(const std::string begin, BeginOf(prefix));
    std::vector<std::string> names;
    std::string page;
    do {
      TRY_ASSIGN(GcsPage listed, bucket_.List(begin, true, page, interrupt));
      for (const std::string& group : listed.prefixes) {
        if (!group.starts_with(begin) || !group.ends_with('/')) continue;
        std::string name = group.substr(begin.size(), group.size() - begin.size() - 1);
        if (CheckKey(name)) names.push_back(std::move(name));
      }
      page = std::move(listed.next);
    } while (!page.empty());
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<void> RemoveAll(const std::string& prefix, const io::Interrupt& interrupt) override {
    TRY(CheckKey(prefix));
    TRY_ASSIGN(const auto objects, Objects(prefix, interrupt));
    std::vector<GcsObject> all;
    for (const auto& [_, object] : objects) all.push_back(object);
    return DoAtOnce(
        all.size(), settings_.connections_max, interrupt,
        [&](std::size_t i, const io::Interrupt& limit) { return bucket_.Remove(all[i], limit); });
  }

  Result<void> Remove(std::span<const Written> values, const io::Interrupt& interrupt) override {
    for (const Written& value : values) TRY(NameOf(value.key));
    return DoAtOnce(values.size(), settings_.connections_max, interrupt,
                    [&](std::size_t i, const io::Interrupt& limit) {
                      GcsObject object;
                      object.name = below_ + values[i].key;
                      object.generation = values[i].mark;
                      return bucket_.Remove(object, limit);
                    });
  }

  // An object is there whole or not at all, and a session that was left ends by itself.
  Result<std::vector<std::string>> Unfinished(Instant, bool,
                                              const io::Interrupt& interrupt) override {
    TRY(io::CheckStillWanted(interrupt));
    return std::vector<std::string>();
  }

  Result<fs::path> LocalPath(const std::string& key, const fs::path& folder,
                             const io::Interrupt& interrupt) override {
    fs::path path = io::TemporaryPath(folder, "copy");
    TRY(GetFile(key, path, interrupt));
    return path;
  }

 private:
  static FileDigests Named(std::span<const std::string> files,
                           std::vector<io::FileDigest>& digests) {
    FileDigests named;
    for (std::size_t i = 0; i < files.size(); ++i) named[files[i]] = std::move(digests[i]);
    return named;
  }

  // The object's name. Cloud Storage takes up to 1024 bytes of it, as a key may have alone.
  Result<std::string> NameOf(const std::string& key) const {
    TRY(CheckKey(key));
    std::string name = below_ + key;
    if (name.size() <= 1024) return name;
    return Invalid(
        fmt::format("\"{}\" is too long for {}: with the store's prefix it has more than "
                    "1024 bytes",
                    Printable(key.substr(0, 200)), url_));
  }

  // What the names of all objects below a prefix begin with.
  Result<std::string> BeginOf(const std::string& prefix) const {
    if (prefix.empty()) return below_;
    TRY(CheckKey(prefix));
    return below_ + prefix + "/";
  }

  Result<std::optional<GcsObject>> Write(const std::string& name, const GcsContent& content,
                                         std::uint64_t expected, const io::Interrupt& interrupt) {
    TRY(io::CheckStillWanted(interrupt));
    return WriteGcsObject(bucket_, name, content, expected, settings_.sizes, interrupt);
  }

  Result<io::FileDigest> PutFile(const std::string& key, const fs::path& from,
                                 const io::Interrupt& interrupt, const Listed* listed) {
    TRY(CheckKey(key));
    TRY_ASSIGN(const GcsContent content, ContentOf(from, interrupt));
    TRY(Put(key, content, interrupt, listed));
    return content.digest;
  }

  // In place of what is there. Mostly nothing is, and then it is one request; a large file is not
  // sent to find out. `listed`: what was found already, where that was looked for.
  Result<void> Put(const std::string& key, const GcsContent& content,
                   const io::Interrupt& interrupt, const Listed* listed = nullptr) {
    TRY_ASSIGN(const std::string name, NameOf(key));
    bool looks = content.digest.size_bytes > settings_.sizes.in_one_max_bytes;
    for (int tries = 0; tries < kTriesMax; ++tries) {
      std::optional<GcsObject> present;
      if (listed != nullptr && tries == 0) {
        const auto found = listed->find(key);
        if (found != listed->end()) present = found->second;
      } else if (looks) {
        TRY_ASSIGN(present, bucket_.Find(name, interrupt));
      }
      if (present && present->sha256 == content.digest.sha256 &&
          DifferenceOf(*present, content.digest).empty()) {
        return {};  // an earlier try of the same
      }
      TRY_ASSIGN(const auto written,
                 Write(name, content, present ? present->generation : 0, interrupt));
      if (written) return {};
      looks = true;
    }
    return Temporary(
        fmt::format("{}/{}: written by others at each of {} tries", url_, key, kTriesMax));
  }

  // `listed`: what was found already of some of them.
  Result<io::FileDigest> Get(const std::string& key, const fs::path& to,
                             const io::Interrupt& interrupt, const Listed& listed = {}) {
    TRY(CheckKey(key));
    TRY(io::CheckStillWanted(interrupt));
    if (std::error_code error; fs::exists(fs::symlink_status(to, error))) {
      return Failed(to.string() + " is there already");
    }
    std::optional<NewFile> file;
    const GcsReceiver receiver{
        [&](std::string_view part) -> Result<void> { return file->Receiver().take(part); },
        [&] { return file->Restart(); }};
    const auto known = listed.find(key);
    Result<GcsObject> found = known == listed.end() ? Found(key, interrupt) : known->second;
    TRY(found);
    TRY_ASSIGN(NewFile made, NewFile::Make(to));
    file.emplace(std::move(made));
    TRY_ASSIGN(io::FileDigest digest, Receive(key, receiver, interrupt, *std::move(found)));
    file->Keep();
    return digest;
  }

  Result<GcsObject> Found(const std::string& key, const io::Interrupt& interrupt) {
    TRY_ASSIGN(const std::string name, NameOf(key));
    TRY_ASSIGN(auto found, bucket_.Find(name, interrupt));
    if (!found) return NothingUnder(*this, key);
    return *std::move(found);
  }

  // All bytes of the value, as it was at one moment. `found`: when it was looked for already.
  Result<io::FileDigest> Receive(const std::string& key, const GcsReceiver& receiver,
                                 const io::Interrupt& interrupt,
                                 std::optional<GcsObject> found = {}) {
    for (int tries = 0; tries < kTriesMax; ++tries) {
      if (tries > 0) TRY(receiver.restart());
      if (!found) {
        TRY_ASSIGN(found, Found(key, interrupt));
      }
      TRY_ASSIGN(auto digest, bucket_.Read(*found, receiver, interrupt));
      if (digest) return *std::move(digest);
      found.reset();
    }
    return Temporary(
        fmt::format("{}/{}: written by others at each of {} tries", url_, key, kTriesMax));
  }

  // By their keys.
  Result<Listed> Objects(const std::string& prefix, const io::Interrupt& interrupt) {
    TRY_ASSIGN(const std::string begin, BeginOf(prefix));
    Listed objects;
    std::string page;
    do {
      TRY_ASSIGN(GcsPage listed, bucket_.List(begin, false, page, interrupt));
      for (GcsObject& object : listed.objects) {
        if (!object.name.starts_with(begin)) continue;
        std::string key = object.name.substr(below_.size());
        if (CheckKey(key)) objects.emplace(std::move(key), std::move(object));
      }
      page = std::move(listed.next);
    } while (!page.empty());
    return objects;
  }

  const std::string url_;
  const std::string below_;  // what the names of the store's objects begin with
  const GcsSettings settings_;
  GcsBucket bucket_;
};

// cloud.google.com/storage/docs/buckets#naming; longer ones have dots in them.
bool IsBucketName(const std::string& name) {
  return name.size() >= 3 && name.size() <= 222 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string::npos &&
         name.front() != '.' && name.front() != '-' && name.back() != '.' && name.back() != '-';
}

}  // namespace

Result<GcsPlace> ParseGcsUrl(const std::string& url) {
  if (!url.starts_with(kScheme)) return Invalid("it does not begin with gs://");
  const std::string rest = url.substr(sizeof kScheme - 1);
  const std::size_t slash = rest.find('/');
  GcsPlace place{rest.substr(0, slash), slash == std::string::npos ? "" : rest.substr(slash + 1)};
  while (place.prefix.ends_with('/')) place.prefix.pop_back();
  if (!IsBucketName(place.bucket)) {
    return Invalid(
        fmt::format("\"{}\" is not a valid name of a bucket: write it like gs://BUCKET/PREFIX, "
                    "with small letters, digits, '-', '_' and '.'",
                    Printable(place.bucket)));
  }
  if (!place.prefix.empty()) TRY(CheckKey(place.prefix));
  return place;
}

Result<void> CheckGcsUrl(const std::string& url) {
  auto place = ParseGcsUrl(url);
  if (!place) return Wrap(Printable(url), std::move(place).error());
  return {};
}

Result<std::unique_ptr<Store>> OpenGcsUrl(const std::string& url) { return OpenGcsStore(url); }

Result<std::unique_ptr<Store>> OpenGcsStore(const std::string& url, const GcsSettings& settings) {
  auto place = ParseGcsUrl(url);
  if (!place) return Wrap(Printable(url), place.error());
  auto access = cloud::FindAccess(cloud::GoogleApi::kStorage);
  if (!access) return Wrap(Printable(url), access.error());
  return std::make_unique<GcsStore>(*place, *std::move(access), settings);
}

}  // namespace busker::artifact
