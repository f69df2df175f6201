#include "home/instance.h"

#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"
#include "base/json_object.h"

namespace busker::home {
namespace {

constexpr std::size_t kFoldersMax = 16;
constexpr std::uint64_t kBytesMax = 256 << 10;

// What the file says.
struct Written {
  std::string id;
  std::uint64_t device = 0, inode = 0;
  std::vector<std::string> folders;  // where the home has been, the newest last

  bool operator==(const Written&) const = default;
};

// Of a damaged file nothing, which is told apart from one that is missing.
Written Parse(const std::string& text) {
  const auto all = ParseOwnJson(text, "instance");
  if (!all) return {};
  Written written;
  JsonObject in(*all, "instance");
  in.Get("id", written.id);
  in.Get("device", written.device);
  in.Get("inode", written.inode);
  in.GetBytes("folders", written.folders);
  return in.Done() ? written : Written();
}

std::string Text(const Written& written) {
  return JsonText({{"id", written.id},
                   {"device", written.device},
                   {"inode", written.inode},
                   {"folders", JsonBytes(written.folders)}});
}

std::string MakeId() {
  std::array<unsigned char, 8> bytes;
  CHECK(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
        "the kernel has random bytes");
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string id;
  for (const unsigned char byte : bytes) {
    id += kDigits[byte >> 4];
    id += kDigits[byte & 0xF];
  }
  return id;
}

}  // namespace

std::string ToText(const Launcher& launcher) { return launcher.instance + " " + launcher.boot; }

Launcher LauncherFrom(std::string_view text) {
  const std::size_t blank = std::min(text.find(' '), text.size());
  const std::string_view boot = text.substr(std::min(blank + 1, text.size()));
  return {std::string(text.substr(0, blank)), std::string(boot)};
}

Result<Instance> OpenInstance(const Home& home) {
  struct stat folder {};
  if (stat(home.folder.c_str(), &folder) != 0) {
    return SystemError("look at " + home.folder.string(), errno);
  }
  const auto text = io::ReadFile(home.InstanceFile(), kBytesMax);
  if (!text && text.error().kind != ErrorKind::kNotFound &&
      text.error().kind != ErrorKind::kInvalid) {
    return tl::unexpected(text.error());
  }
  const bool is_there = text || text.error().kind == ErrorKind::kInvalid;
  const Written before = text ? Parse(*text) : Written();
  Written now = before;
  now.device = folder.st_dev;
  now.inode = folder.st_ino;
  const bool same = !before.id.empty() && before.device == now.device && before.inode == now.inode;
  if (!same) now.id = MakeId();
  const std::string path = home.folder.string();
  std::erase(now.folders, path);
  now.folders.push_back(path);
  if (now.folders.size() > kFoldersMax) now.folders.erase(now.folders.begin());
  if (now != before) TRY(io::WriteFileAtomically(home.InstanceFile(), Text(now), 0600));
  now.folders.pop_back();
  return Instance{now.id, is_there && !same, {home.folder, std::move(now.folders)}};
}

Folder FolderOf(const Home& home) {
  const auto text = io::ReadFile(home.InstanceFile(), kBytesMax);
  Written written = text ? Parse(*text) : Written();
  std::erase(written.folders, home.folder.string());
  return {home.folder, std::move(written.folders)};
}

}  // namespace busker::home
