#include "home/pointer.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include "base/text.h"

namespace busker::home {
namespace {

namespace fs = io::fs;

constexpr std::uint64_t kBytesMax = 64 << 10;
constexpr std::string_view kFor = "for ";

// "DEVICE:INODE" of a folder; empty: it is not there.
std::string NumbersOf(const fs::path& folder) {
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0) return {};
  return fmt::format("{}:{}", info.st_dev, info.st_ino);
}

// Was the folder moved here, with what its pointer says of it? Not when another has its old place:
// then that one is served.
bool WasMovedHere(const fs::path& folder, const std::string& written_for,
                  const std::string& numbers) {
  if (numbers.empty() || numbers != NumbersOf(folder)) return false;
  const std::string there = NumbersOf(written_for);
  return there.empty() || there == numbers;
}

// What earlier versions wrote is for the folders that the home was served for, and those in them.
bool IsServed(const fs::path& folder, const fs::path& home) {
  const auto served = io::ReadFile(Home{home}.ServedFile(), 1u << 20);
  if (!served) return false;
  for (const std::string& line : Split(*served, '\n')) {
    if (!line.empty() && (folder.string() + "/").starts_with(line + "/")) return true;
  }
  return false;
}

}  // namespace

Result<std::optional<Pointer>> ReadPointer(const fs::path& folder) {
  Pointer pointer;
  pointer.file = Home::Beside(folder).PointerFile();
  const auto text = io::ReadFile(pointer.file, kBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!text) return tl::unexpected(text.error());
  // A name may end with blanks.
  const auto end = text->find_last_not_of("\r\n");
  const std::vector<std::string> lines =
      Split(std::string_view(*text).substr(0, end == std::string::npos ? 0 : end + 1), '\n');
  pointer.home = lines.front();
  if (lines.size() == 1) {
    pointer.is_for_this = IsServed(folder, pointer.home);
    return pointer;
  }
  if (lines.size() != 3 || !lines[1].starts_with(kFor)) {
    return Invalid(pointer.file.string() +
                   " is not as busker up writes it; remove that file, or start busker up again");
  }
  pointer.written_for = lines[1].substr(kFor.size());
  pointer.is_for_this =
      folder == pointer.written_for || WasMovedHere(folder, pointer.written_for, lines[2]);
  return pointer;
}

Result<void> WritePointer(const fs::path& folder, const Home& home) {
  for (const fs::path& path : {folder, home.folder}) {
    if (path.string().find_first_of("\r\n") == std::string::npos) continue;
    return Invalid("the path " + path.string() + " has a line end in it");
  }
  TRY_ASSIGN(const Home own, MakeHome(Home::Beside(folder).folder));
  return io::WriteFileAtomically(
      own.PointerFile(),
      fmt::format("{}\n{}{}\n{}\n", home.folder.string(), kFor, folder.string(), NumbersOf(folder)),
      0600);
}

}  // namespace busker::home
