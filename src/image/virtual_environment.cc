#include "image/virtual_environment.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "io/digest.h"

namespace busker::image {
namespace {

namespace fs = io::fs;

// In .venv, last: what it was made from. One that was made by hand has none, or says that it was.
constexpr char kStamp[] = "busker-requirements.sha256";
constexpr char kByHand[] = "made by hand\n";

// Where an environment is made, beside the one that may be in use.
constexpr char kUnfinished[] = ".venv.unfinished";

constexpr std::uint64_t kScriptBytesMax = 1u << 20;

std::string StampOf(const Requirements& requirements) {
  return io::Sha256Of(requirements.text) + "\n";
}

bool HasPython(const fs::path& venv) {
  std::error_code error;
  return fs::exists(venv / "bin/python", error);  // not a link that leads nowhere
}

// Of an environment that a person has made: whether a requirements file was changed after the
// last package came or went.
bool IsOlder(const fs::path& folder, const Requirements& requirements) {
  std::error_code error;
  auto made = fs::file_time_type::min();
  for (const auto& entry : fs::directory_iterator(folder / ".venv/lib", error)) {
    std::error_code none;
    const auto changed = fs::last_write_time(entry.path() / "site-packages", none);
    if (!none) made = std::max(made, changed);
  }
  if (made == fs::file_time_type::min()) return false;  // nothing there says when
  for (const fs::path& file : requirements.files) {
    const auto changed = fs::last_write_time(file, error);
    if (!error && changed > made) return true;
  }
  return false;
}

Result<void> MakeEmpty(const fs::path& venv, const std::string& python, bool has_uv,
                       const std::vector<std::string>& environment, const Say& say,
                       const io::Interrupt& interrupt) {
  const std::string own = "python" + python;
  std::vector<std::string> make = {"python3", "-m", "venv", "--prompt", ".venv", venv.string()};
  if (has_uv) {
    make = {"uv", "venv", "--quiet", "--prompt", ".venv", venv.string()};
    if (!python.empty()) make.insert(make.end(), {"--python", python});
  } else if (!python.empty() && Works({own, "--version"}, environment)) {
    make[0] = own;
  }
  return Run(std::move(make), environment, say, interrupt);
}

Result<void> Install(const Requirements& requirements, const fs::path& venv, bool has_uv,
                     const std::vector<std::string>& environment, const Say& say,
                     const io::Interrupt& interrupt) {
  const std::string python = (venv / "bin/python").string();
  std::vector<std::string> install = {python,    "-m",      "pip",
                                      "install", "--quiet", "--disable-pip-version-check"};
  if (has_uv) install = {"uv", "pip", "install", "--quiet", "--python", python};
  for (const fs::path& file : requirements.files) {
    install.insert(install.end(), {"-r", file.string()});
  }
  return Run(std::move(install), environment, say, interrupt);
}

// The programs of an environment begin with its path, which is another once it is moved.
Result<void> NameFinalPath(const fs::path& venv) {
  std::vector<fs::path> files = {venv / "pyvenv.cfg"};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(venv / "bin", error)) {
    if (!entry.is_symlink(error) && entry.is_regular_file(error)) files.push_back(entry.path());
  }
  const std::string from = std::string("/") + kUnfinished;
  for (const fs::path& file : files) {
    auto text = io::ReadFile(file, kScriptBytesMax);
    if (!text || text->find(from) == std::string::npos) continue;
    for (std::size_t at = 0; (at = text->find(from, at)) != std::string::npos;) {
      text->replace(at, from.size(), "/.venv");
    }
    const bool is_program = file.filename() != "pyvenv.cfg";
    TRY(io::WriteFileUnsynced(file, *text, is_program ? 0755 : 0644));
  }
  return {};
}

// What was in the place of .venv goes once the new one is there.
Result<void> TakePlace(const fs::path& unfinished, const fs::path& venv) {
  if (renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, venv.c_str(), RENAME_EXCHANGE) == 0) {
    return io::RemoveTree(unfinished);
  }
  TRY(io::RemoveTree(venv));  // none was there, or the file system cannot exchange
  return io::Rename(unfinished, venv);
}

}  // namespace

Result<EnvironmentState> LookAtEnvironment(const fs::path& folder) {
  TRY_ASSIGN(const Requirements requirements, ReadRequirements(folder));
  if (requirements.text.empty()) return EnvironmentState::kFresh;  // none, or comments alone
  std::error_code error;
  if (!fs::exists(folder / ".venv", error)) return EnvironmentState::kMissing;
  if (!HasPython(folder / ".venv")) return EnvironmentState::kBroken;
  const auto stamp = io::ReadFile(folder / ".venv" / kStamp);
  const bool is_older =
      stamp ? !stamp->starts_with(StampOf(requirements)) : IsOlder(folder, requirements);
  return is_older ? EnvironmentState::kOlder : EnvironmentState::kFresh;
}

std::string EnvironmentWarning(const fs::path& folder) {
  const auto state = LookAtEnvironment(folder);
  if (!state) return state.error().message;
  switch (*state) {
    case EnvironmentState::kFresh:
      return "";
    case EnvironmentState::kMissing:
      return "there is a requirements.txt and no .venv; busker build --target local makes it";
    case EnvironmentState::kOlder:
      return "the .venv is older than requirements.txt; busker build --target local brings it up "
             "to "
             "date";
    case EnvironmentState::kBroken:
      return "the .venv has no Python (bin/python is missing, or a link that leads nowhere); "
             "busker "
             "build --target local makes it anew";
  }
  return "";
}

Result<Refreshed> RefreshEnvironment(const fs::path& folder, const std::string& python,
                                     const std::vector<std::string>& environment, const Say& say,
                                     const io::Interrupt& interrupt) {
  TRY_ASSIGN(const Requirements requirements, ReadRequirements(folder));
  if (requirements.empty()) {
    return NotFound(
        fmt::format("no requirements.txt in {} names a package, so there is no environment to make",
                    folder.string()));
  }
  const fs::path venv = folder / ".venv";
  const std::string wanted = StampOf(requirements);
  const auto stamp = io::ReadFile(venv / kStamp);
  const bool has_python = HasPython(venv);
  if (has_python && stamp && stamp->starts_with(wanted)) return Refreshed::kNothing;
  const bool has_uv = Works({"uv", "--version"}, environment);
  if (has_python && (!stamp || stamp->ends_with(kByHand))) {
    // What a person has put into an environment of their own stays.
    say(venv.string() + " was not made by busker: installing into it, and removing nothing");
    TRY(Install(requirements, venv, has_uv, environment, say, interrupt));
    TRY(io::WriteFileAtomically(venv / kStamp, wanted + kByHand));
    return Refreshed::kInstalled;
  }
  const fs::path unfinished = folder / kUnfinished;
  TRY(io::RemoveTree(unfinished));
  TRY(MakeEmpty(unfinished, python, has_uv, environment, say, interrupt));
  if (auto installed = Install(requirements, unfinished, has_uv, environment, say, interrupt);
      !installed) {
    (void)io::RemoveTree(unfinished);
    return tl::unexpected(installed.error());
  }
  TRY(NameFinalPath(unfinished));
  TRY(io::WriteFileAtomically(unfinished / kStamp, wanted));
  TRY(TakePlace(unfinished, venv));
  return Refreshed::kMade;
}

}  // namespace busker::image
