// busker: finds what belongs to it, then carries out what was typed.
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "cli/command_line.h"
#include "io/file.h"
#include "io/subprocess.h"

namespace {

namespace fs = busker::io::fs;

// The first of `candidates` that is there; else the last, for the message that it is missing.
template <std::size_t Count>
std::string FirstThere(const std::array<fs::path, Count>& candidates) {
  std::error_code error;
  for (const fs::path& candidate : candidates) {
    if (!candidate.empty() && fs::exists(candidate, error)) {
      return fs::weakly_canonical(candidate, error).string();
    }
  }
  return candidates.back().string();
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string UserName() {
  const passwd* user = getpwuid(getuid());
  return user != nullptr ? user->pw_name : std::to_string(getuid());
}

busker::cli::Installation FindInstallation() {
  std::error_code error;
  busker::cli::Installation installation;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  const fs::path folder = self.parent_path();
  installation.version = BUSKER_VERSION;
  installation.busker = self.string();
  const fs::path library = folder / "../lib/busker";  // where cmake --install puts them
  installation.runner = FirstThere(
      std::array<fs::path, 4>{Variable("BUSKER_RUNNER"), folder / "busker-runner",
                              library / "busker-runner", "/usr/local/lib/busker/busker-runner"});
  installation.duckdb_library = FirstThere(
      std::array<fs::path, 6>{Variable("BUSKER_DUCKDB"), folder / "libduckdb.so",
                              library / "libduckdb.so", "/usr/local/lib/busker/libduckdb.so",
                              "/usr/lib/busker/libduckdb.so", folder / "../deps/libduckdb.so"});
  installation.environment = busker::io::OwnEnvironment();
  installation.user = UserName();
  return installation;
}

}  // namespace

int main(int argc, char** argv) {
  return busker::cli::RunCommandLine(argc, argv, FindInstallation());
}
