#include "secret/key_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "secret/hex.h"

namespace busker::secret {
namespace {

namespace fs = io::fs;

constexpr char kVariable[] = "BUSKER_SECRET_KEY_FILE";

std::string Variable(const std::vector<std::string>& environment, const std::string& name) {
  for (const std::string& entry : environment) {
    if (entry.starts_with(name + "=")) return entry.substr(name.size() + 1);
  }
  return "";
}

bool IsBelow(const fs::path& path, const fs::path& folder) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  const fs::path real_folder = fs::weakly_canonical(fs::absolute(folder, error), error);
  return std::mismatch(real_folder.begin(), real_folder.end(), real.begin(), real.end()).first ==
         real_folder.end();
}

// To others, a file of root's may have its group's bit for reading: that is the mask of the list by
// which systemd lets a unit's user read a credential.
bool IsPrivate(const struct stat& info) {
  if (info.st_uid == geteuid()) return (info.st_mode & 077) == 0;
  return info.st_uid == 0 && (info.st_mode & 037) == 0;
}

}  // namespace

Result<KeyFile> KeyFile::Find(const std::vector<std::string>& environment,
                              const io::fs::path& home) {
  const std::string named = Variable(environment, kVariable);
  fs::path path = named;
  if (named.empty()) {
    const std::string config = Variable(environment, "XDG_CONFIG_HOME");
    const std::string person = Variable(environment, "HOME");
    if (config.empty() && person.empty()) {
      return Invalid(fmt::format("the key of the secrets is not found: neither HOME nor {} is set",
                                 kVariable));
    }
    path = (config.empty() ? fs::path(person) / ".config" : fs::path(config)) / "busker" /
           "secret.key";
  }
  if (!path.is_absolute()) {
    return Invalid(fmt::format(
        "the file of the secrets' key must be an absolute path, not {}; {} says it",
        Printable(path.string()), named.empty() ? "XDG_CONFIG_HOME or HOME" : kVariable));
  }
  if (IsBelow(path, home)) {
    return Invalid(
        fmt::format("the file of the secrets' key, {}, is in the home {}: a copy of the home would "
                    "hold the key "
                    "to its secrets; name a file elsewhere with {}",
                    path.string(), home.string(), kVariable));
  }
  return KeyFile(std::move(path), !named.empty());
}

Result<CipherKey> KeyFile::Read() const {
  auto file = io::Open(path_, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file && file.error().kind == ErrorKind::kNotFound) {
    return NotFound(fmt::format("no file {} with the key of the secrets", path_.string()));
  }
  if (!file) return Wrap("read the key of the secrets", file.error());
  struct stat info {};
  if (fstat(file->get(), &info) != 0) return SystemError("look at " + path_.string(), errno);
  if (!S_ISREG(info.st_mode) || !IsPrivate(info)) {
    return Unusable(
        fmt::format("others may read or write {}, the key of the secrets; chmod 600 it, "
                    "and make it your own",
                    path_.string()));
  }
  char digits[kKeyBytes * 2 + 2] = {};
  const ssize_t count = ::read(file->get(), digits, sizeof digits);
  auto bytes = FromHex(Trim({digits, static_cast<std::size_t>(std::max<ssize_t>(0, count))}));
  explicit_bzero(digits, sizeof digits);
  if (bytes && bytes->size() == kKeyBytes) return CipherKey(*std::move(bytes));
  return Unusable(
      fmt::format("{} holds no key of secrets, which is 64 hexadecimal digits", path_.string()));
}

Result<CipherKey> KeyFile::ReadOrMake() const {
  auto key = Read();
  if (key || key.error().kind != ErrorKind::kNotFound) return key;
  if (named_) {
    return NotFound(
        fmt::format("{}, which {} names; this makes one: (umask 077; openssl rand -hex "
                    "32 > {})",
                    key.error().message, kVariable, path_.string()));
  }
  TRY(io::MakeFolders(path_.parent_path(), 0700));
  std::string bytes = RandomBytes(kKeyBytes);
  std::string text = ToHex(bytes) + "\n";
  const auto made = io::CreateFileAtomically(path_, text, 0600);
  Wipe(text);
  Wipe(bytes);
  TRY(made);
  return Read();  // or another has made one meanwhile
}

}  // namespace busker::secret
