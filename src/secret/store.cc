#include "secret/store.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "base/id.h"
#include "base/json_object.h"
#include "base/text.h"
#include "secret/hex.h"

namespace busker::secret {
namespace {

using nlohmann::ordered_json;

constexpr char kCipher[] = "AES-256-GCM";
constexpr std::uint64_t kFileBytesMax = 16u << 20;
constexpr std::size_t kSecretsMax = 1000;
constexpr Milliseconds kLockLimit = std::chrono::seconds(10);

Result<void> CheckName(const std::string& name) {
  if (IsName(name)) return {};
  return Invalid(fmt::format(
      "{} is not a valid name of a secret: a-z, 0-9, \".\", \"_\" and \"-\", a letter or digit "
      "first, at most "
      "63",
      Printable(name)));
}

Result<void> CheckValue(std::string_view value) {
  if (value.size() < kValueBytesMin) {
    return Invalid(
        fmt::format("a secret must have {} characters or more: a shorter one is found in "
                    "anything that a program writes, so it could not be masked there",
                    kValueBytesMin));
  }
  if (value.size() <= kValueBytesMax) return {};
  return Invalid(
      "a secret must have at most 64 KiB; give the program a file instead, and keep the "
      "key to it here");
}

}  // namespace

struct Store::Stored {
  Entry entry;
  Sealed sealed;

  // What the value is bound to: it cannot be given to another name, nor another date.
  std::string Known() const {
    return fmt::format("{}\n{}\n{}", entry.name, FormatRfc3339(entry.set_at), entry.set_by);
  }
};

struct Store::Contents {
  std::string key_id;  // empty: nothing was ever set
  std::map<std::string, Stored> secrets;
};

Result<Store::Contents> Store::Read() const {
  const io::fs::path path = Path();
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return Contents{};
    return SystemError("look at " + path.string(), errno);
  }
  if ((info.st_mode & 077) != 0 || info.st_uid != geteuid()) {
    return Unusable(fmt::format("others may read or write {}; chmod 600 it, and make it your own",
                                path.string()));
  }
  TRY_ASSIGN(const std::string text, io::ReadFile(path, kFileBytesMax));
  return Understand(text);
}

Result<Store::Contents> Store::Understand(const std::string& text) const {
  const auto unusable = [&](const std::string& why) {
    return Unusable(
        fmt::format("{} cannot be used: {}; bring back one from a backup, or remove it "
                    "and set the secrets again",
                    Path().string(), why));
  };
  const std::string file = Path().filename().string();
  const auto value = ParseJson(text, file);
  if (!value) return unusable(value.error().message);
  Contents contents;
  std::string cipher;
  JsonObject in(*value, file);
  in.Get("cipher", cipher);
  in.Get("key_id", contents.key_id);
  const ordered_json& secrets = in.Member("secrets");
  in.RefuseOthers();
  if (const auto done = in.Done(); !done) return unusable(done.error().message);
  if (cipher != kCipher) return unusable("its cipher is not known here");
  if (!secrets.is_array()) return unusable("it has no list \"secrets\"");
  for (const ordered_json& each : secrets) {
    Stored stored;
    std::string nonce, sealed, tag;
    JsonObject member(each, file);
    member.Get("name", stored.entry.name);
    member.Get("set_at", stored.entry.set_at);
    member.Get("set_by", stored.entry.set_by);
    member.Get("nonce", nonce);
    member.Get("value", sealed);
    member.Get("tag", tag);
    member.RefuseOthers();
    if (const auto done = member.Done(); !done) return unusable(done.error().message);
    const auto nonce_bytes = FromHex(nonce), bytes = FromHex(sealed), tag_bytes = FromHex(tag);
    if (!nonce_bytes || !bytes || !tag_bytes || !IsName(stored.entry.name)) {
      return unusable("it has a secret that is not understood");
    }
    stored.sealed = {*nonce_bytes, *bytes, *tag_bytes};
    const std::string name = stored.entry.name;
    if (!contents.secrets.emplace(name, std::move(stored)).second) {
      return unusable("it has the secret " + name + " twice");
    }
  }
  return contents;
}

Result<void> Store::Write(const Contents& contents) const {
  ordered_json list = ordered_json::array();
  for (const auto& [name, stored] : contents.secrets) {
    list.push_back({{"name", name},
                    {"set_at", FormatRfc3339(stored.entry.set_at)},
                    {"set_by", stored.entry.set_by},
                    {"nonce", ToHex(stored.sealed.nonce)},
                    {"value", ToHex(stored.sealed.text)},
                    {"tag", ToHex(stored.sealed.tag)}});
  }
  const std::string text =
      JsonText({{"cipher", kCipher}, {"key_id", contents.key_id}, {"secrets", std::move(list)}});
  if (text.size() > kFileBytesMax)
    return Invalid("the secrets of this home are too large together");
  // One that its own reader takes for another, or refuses, would lose all of them. A value is bound
  // to who set it and when: so these have to come back to the byte.
  TRY_ASSIGN(const Contents read, Understand(text));
  const bool same = std::equal(
      contents.secrets.begin(), contents.secrets.end(), read.secrets.begin(), read.secrets.end(),
      [](const auto& a, const auto& b) { return a.second.Known() == b.second.Known(); });
  if (!same) return Invalid("a secret cannot be kept: its date or who sets it cannot be written");
  return io::WriteFileAtomically(Path(), text, 0600);
}

Result<void> Store::CheckKey(const Contents& contents, const CipherKey& key,
                             const KeyFile& file) const {
  if (contents.secrets.empty() || contents.key_id == key.Id()) return {};
  return Unusable(
      fmt::format("{} is another key than the one that the secrets in {} were set with; "
                  "bring that one back, or remove {} and set the secrets again",
                  file.path().string(), home_.folder.string(), Path().string()));
}

Result<io::FileLock> Store::Lock() const {
  auto lock = io::FileLock::Take(home_.SecretsLock(), kLockLimit);
  if (lock || lock.error().kind != ErrorKind::kTimedOut) return lock;
  return Temporary("another busker secret has been at work in " + home_.folder.string() +
                   " for 10 seconds; try again");
}

Result<std::vector<Entry>> Store::List() const {
  TRY_ASSIGN(const Contents contents, Read());
  std::vector<Entry> entries;
  for (const auto& [_, stored] : contents.secrets) entries.push_back(stored.entry);
  return entries;
}

Result<void> Store::Set(const std::string& name, std::string_view value, const std::string& by,
                        Instant now) const {
  TRY(CheckName(name));
  TRY(CheckValue(value));
  TRY_ASSIGN(const io::FileLock lock, Lock());
  TRY_ASSIGN(Contents contents, Read());
  TRY_ASSIGN(const KeyFile file, KeyFile::Find(environment_, home_.folder));
  auto key = contents.secrets.empty() ? file.ReadOrMake() : file.Read();
  if (!key && key.error().kind == ErrorKind::kNotFound && !contents.secrets.empty()) {
    return Unusable(
        fmt::format("{}, and {} has secrets that were set with it; bring it back, or "
                    "remove that file and set the secrets again",
                    key.error().message, Path().string()));
  }
  if (!key) return tl::unexpected(key.error());
  TRY(CheckKey(contents, *key, file));
  if (contents.secrets.size() >= kSecretsMax && !contents.secrets.contains(name)) {
    return Invalid("there are 1,000 secrets already; remove some");
  }
  contents.key_id = key->Id();
  Stored stored;
  stored.entry = {name, now, Printable(by)};  // a user's name may be any bytes; a file is UTF-8
  TRY_ASSIGN(stored.sealed, Seal(*key, value, stored.Known()));
  contents.secrets[name] = std::move(stored);
  return Write(contents);
}

Result<void> Store::Remove(const std::string& name) const {
  TRY(CheckName(name));
  TRY_ASSIGN(const io::FileLock lock, Lock());
  TRY_ASSIGN(Contents contents, Read());
  if (contents.secrets.erase(name) == 0) return NotFound(fmt::format("no secret {}", name));
  return Write(contents);
}

Result<std::string> Store::Value(const std::string& name) const {
  TRY_ASSIGN(const Contents contents, Read());
  const auto found = contents.secrets.find(name);
  if (found == contents.secrets.end()) {
    return NotFound(
        fmt::format("secret \"{}\" is not set; set it with: busker secret set {}", name, name));
  }
  TRY_ASSIGN(const KeyFile file, KeyFile::Find(environment_, home_.folder));
  const auto key = file.Read();
  if (!key) return Wrap(fmt::format("secret \"{}\" cannot be decrypted", name), key.error());
  TRY(CheckKey(contents, *key, file));
  auto value = Open(*key, found->second.sealed, found->second.Known());
  if (value) return *std::move(value);
  return Unusable(
      fmt::format("secret \"{}\" cannot be decrypted: {} was changed; set it again with: "
                  "busker secret set {}",
                  name, Path().string(), name));
}

}  // namespace busker::secret
