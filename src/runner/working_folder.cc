#include "runner/working_folder.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "home/home.h"
#include "io/digest.h"
#include "runner/config.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;

constexpr std::array<std::string_view, 3> kNotShown = {home::kFolder, ".git", kOutputFolder};

// Durability is no matter in here: after a crash the working folder is made anew.
Result<void> MakeFolder(const fs::path& path) {
  std::error_code error;
  fs::create_directory(path, error);
  if (error) return SystemError("create folder " + path.string(), error.value());
  return {};
}

// Links the entries of `from` into the new folder `to`, except those in `except`.
Result<void> LinkEntries(const fs::path& from, const fs::path& to,
                         const std::vector<std::string>& except) {
  TRY(MakeFolder(to));
  std::error_code error;
  fs::directory_iterator entry(from, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (std::find(except.begin(), except.end(), name) != except.end()) continue;
    std::error_code fault;
    fs::create_symlink(entry->path(), to / name, fault);
    if (fault) return SystemError("create " + (to / name).string(), fault.value());
  }
  if (error) return SystemError("list " + from.string(), error.value());
  return {};
}

// The folders above the config are real, so that the config can be; all else is links.
Result<void> LinkRoot(const attempt::Order& order, const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(order.root, error)) {
    return NotFound("no service folder " + order.root);
  }
  std::vector<std::string> except(kNotShown.begin(), kNotShown.end());
  fs::path below;  // how far down we are
  for (const fs::path& part : fs::path(order.config)) {
    except.push_back(part.string());
    TRY(LinkEntries(order.root / below, folder / below, except));
    except.clear();
    below /= part;
  }
  if (order.config.empty()) TRY(LinkEntries(order.root, folder, except));
  return {};
}

Result<std::string> ReadConfig(const attempt::Order& order) {
  if (std::find(kNotShown.begin(), kNotShown.end(), fs::path(order.config).begin()->string()) !=
      kNotShown.end()) {
    return Invalid("a config cannot be " + order.config + ": the working folder has its own there");
  }
  auto text = io::ReadFile(fs::path(order.root) / order.config, kConfigBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) {
    return NotFound("no config " + order.config);
  }
  if (!text) return tl::unexpected(std::move(text).error());
  return ExpandConfig(*text, order.config, order.placeholders);
}

Result<void> WriteConfig(const fs::path& path, std::string_view text) {
  TRY_ASSIGN(const io::Descriptor fd, io::Open(path, O_WRONLY | O_CREAT | O_EXCL));
  return io::WriteAll(fd.get(), text, path);
}

Result<void> LoadInput(const attempt::Order& order, artifact::Store& store, const fs::path& output,
                       WorkingFolder& made, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const artifact::VersionName name, artifact::ParseVersionName(*order.input));
  TRY_ASSIGN(const artifact::Manifest manifest, artifact::ReadManifest(store, name, interrupt));
  TRY(artifact::Load(store, manifest, output, interrupt));
  made.input = manifest;
  for (const std::string& file : order.required_outputs) {
    if (made.input.files.contains(file)) made.changed_ns[file] = ChangedNs(output / file);
  }
  return {};
}

}  // namespace

Result<void> CheckStillThere(const WorkingFolder& made, const fs::path& folder) {
  struct stat first {};
  struct stat now {};
  if (fstat(made.folder.get(), &first) != 0 || stat(folder.c_str(), &now) != 0 ||
      first.st_dev != now.st_dev || first.st_ino != now.st_ino) {
    return Failed("the command removed its working folder, or put something else in its place");
  }
  const fs::path output = folder / kOutputFolder;
  if (lstat(output.c_str(), &now) != 0) {
    return Failed("the folder output/ is gone; the command removed it");
  }
  if (S_ISDIR(now.st_mode)) return {};
  if (!S_ISLNK(now.st_mode)) return Failed("output is no longer a folder; the command replaced it");
  std::error_code error;
  return Failed(fmt::format(
      "output is no longer a folder but a link, to {}, and what is elsewhere is not saved; write "
      "into output/, or put links to files in it",
      Printable(fs::read_symlink(output, error).string())));
}

std::int64_t ChangedNs(const fs::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return 0;
  return std::int64_t{info.st_ctim.tv_sec} * 1'000'000'000 + info.st_ctim.tv_nsec;
}

Result<WorkingFolder> MakeWorkingFolder(const attempt::Order& order, artifact::Store* store,
                                        const fs::path& folder, const io::Interrupt& interrupt,
                                        bool may_exist) {
  WorkingFolder made;
  std::string config;
  if (!order.config.empty()) {
    TRY_ASSIGN(config, ReadConfig(order));
    made.config_sha256 = io::Sha256Of(config);
  }
  if (may_exist) TRY(io::RemoveTree(folder));
  TRY(order.root.empty() ? MakeFolder(folder) : LinkRoot(order, folder));
  if (!order.config.empty()) TRY(WriteConfig(folder / order.config, config));
  TRY_ASSIGN(made.folder, io::Open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  const fs::path output = folder / kOutputFolder;
  if (!order.root.empty() || order.input || order.output) TRY(MakeFolder(output));
  if (order.input) {
    auto loaded = LoadInput(order, *store, output, made, interrupt);
    if (!loaded) return Wrap("load the input", loaded.error());
  }
  return made;
}

}  // namespace busker::runner
