#include "image/virtual_environment.h"

#include <fmt/core.h>

#include "base/text.h"
#include "io/digest.h"

namespace busker::image {
namespace {

namespace fs = io::fs;

// In .venv, last: what it was made from. One that was made by hand has none.
constexpr char kStamp[] = "busker-requirements.sha256";
constexpr char kUnfinished[] = "unfinished\n";

std::string StampOf(const Requirements& requirements) {
  return io::Sha256Of(requirements.text) + "\n";
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

// An environment without packages, in place of what was there.
Result<void> MakeEmpty(const fs::path& venv, const std::string& python, bool has_uv,
                       const std::vector<std::string>& environment, const Say& say,
                       const io::Interrupt& interrupt) {
  const std::string own = "python" + python;
  std::vector<std::string> make = {"python3", "-m", "venv", venv.string()};
  if (has_uv) {
    make = {"uv", "venv", "--quiet", venv.string()};
    if (!python.empty()) make.insert(make.end(), {"--python", python});
  } else if (!python.empty() && Works({own, "--version"}, environment)) {
    make[0] = own;
  }
  TRY(io::RemoveTree(venv));
  TRY(Run(std::move(make), environment, say, interrupt));
  return io::WriteFileAtomically(venv / kStamp, kUnfinished);
}

}  // namespace

Result<EnvironmentState> LookAtEnvironment(const fs::path& folder) {
  TRY_ASSIGN(const Requirements requirements, ReadRequirements(folder));
  if (requirements.text.empty()) return EnvironmentState::kFresh;  // none, or comments alone
  std::error_code error;
  if (!fs::exists(folder / ".venv", error)) return EnvironmentState::kMissing;
  const auto stamp = io::ReadFile(folder / ".venv" / kStamp);
  const bool is_older = stamp ? *stamp != StampOf(requirements) : IsOlder(folder, requirements);
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
      return "the .venv is older than requirements.txt; busker build --target local makes it anew";
  }
  return "";
}

Result<bool> RefreshEnvironment(const fs::path& folder, const std::string& python,
                                const std::vector<std::string>& environment, const Say& say,
                                const io::Interrupt& interrupt) {
  TRY_ASSIGN(const Requirements requirements, ReadRequirements(folder));
  if (requirements.empty()) {
    return NotFound(
        fmt::format("no requirements.txt in {} names a package, so there is no environment to make",
                    folder.string()));
  }
  const fs::path venv = folder / ".venv";
  const auto stamp = io::ReadFile(venv / kStamp);
  if (stamp && *stamp == StampOf(requirements)) return false;
  std::error_code error;
  const bool has_uv = Works({"uv", "--version"}, environment);
  // What a person has put into an environment of their own stays.
  const bool is_by_hand = !stamp && fs::exists(venv / "bin/python", error);
  if (!is_by_hand) TRY(MakeEmpty(venv, python, has_uv, environment, say, interrupt));
  std::vector<std::string> install;
  if (has_uv) {
    install = {"uv", "pip", "install", "--quiet", "--python", (venv / "bin/python").string()};
  } else {
    install = {(venv / "bin/python").string(), "-m", "pip", "install", "--quiet",
               "--disable-pip-version-check"};
  }
  for (const fs::path& file : requirements.files) {
    install.insert(install.end(), {"-r", file.string()});
  }
  TRY(Run(std::move(install), environment, say, interrupt));
  TRY(io::WriteFileAtomically(venv / kStamp, StampOf(requirements)));
  return true;
}

}  // namespace busker::image
