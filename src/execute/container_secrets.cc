#include "execute/container_secrets.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "attempt/handed_secrets.h"
#include "execute/secret_values.h"
#include "io/digest.h"

namespace busker::execute {
namespace {

constexpr char kInMemory[] = "/dev/shm";

}  // namespace

ContainerSecrets::ContainerSecrets(const std::string& instance)
    : folder_(io::fs::path(kInMemory) /
              fmt::format("busker-{}-{}", io::Sha256Of(instance).substr(0, 16), getuid())) {}

Result<void> ContainerSecrets::MakeFolder() const {
  if (mkdir(folder_.c_str(), 0700) == 0) return {};
  if (errno != EEXIST) return SystemError("make " + folder_.string(), errno);
  struct stat is {};
  const bool ours = lstat(folder_.c_str(), &is) == 0 && S_ISDIR(is.st_mode) &&
                    is.st_uid == geteuid() && (is.st_mode & 0077) == 0;
  if (ours) return {};
  return Unusable(fmt::format("{} is not this user's alone; remove it", folder_.string()));
}

Result<void> ContainerSecrets::Hand(const std::string& container,
                                    const std::vector<std::string>& secrets,
                                    const Executor::SecretOf& secret_of) const {
  TRY(MakeFolder());
  auto values = ValuesOf(secrets, secret_of);
  auto handed = attempt::HandOverIn(FileOf(container), values);
  if (values) {
    for (std::string& value : *values) attempt::Wipe(value);
  }
  return handed;
}

void ContainerSecrets::Remove(const std::string& container) const {
  unlink(FileOf(container).c_str());
}

void ContainerSecrets::Sweep(const std::function<bool(const std::string& container)>& stays) const {
  if (!MakeFolder()) return;
  std::error_code error;
  io::fs::directory_iterator entry(folder_, error);
  for (; !error && entry != io::fs::directory_iterator(); entry.increment(error)) {
    if (!stays(entry->path().filename().string())) unlink(entry->path().c_str());
  }
}

}  // namespace busker::execute
