#include "doctor/machine.h"

#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "deliver/duckdb_library.h"
#include "image/virtual_environment.h"
#include "io/subprocess.h"
#include "plan/zone.h"

namespace busker::doctor {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;
constexpr std::uint64_t kDiskBad = 100 * kMiB, kDiskDoubtful = 1024 * kMiB;
constexpr std::uint64_t kInodesDoubtful = 10'000;
// A runner with its program has some; the daemon has connections, logs and watches.
constexpr std::uint64_t kFilesDoubtful = 1024, kProcessesDoubtful = 512, kWatchesDoubtful = 8192;
constexpr std::chrono::seconds kProgramLimit(10);

void CheckDuckdb(const io::fs::path& library, Report& report) {
  const auto opened = deliver::OpenDuckdbLibrary(library);
  if (!opened) {
    return report.Bad("DuckDB", opened.error().message,
                      "put DuckDB's libduckdb.so beside busker, or let BUSKER_DUCKDB name it");
  }
  report.Good("DuckDB", fmt::format("{} at {}", opened->library_version(), library.string()));
}

void CheckZones(Report& report) {
  const auto zone = plan::Zone::Find("Europe/Stockholm");
  if (zone) return report.Good("time zones", "the database can be read");
  report.Bad("time zones", zone.error().message, "sudo apt-get install tzdata");
}

// The nearest folder above it that is there.
io::fs::path ThereAbove(io::fs::path path) {
  std::error_code error;
  while (!path.empty() && !io::fs::exists(path, error) && path != path.parent_path()) {
    path = path.parent_path();
  }
  return path;
}

void CheckDisk(const io::fs::path& home, Report& report) {
  const io::fs::path folder = ThereAbove(home);
  struct statvfs disk {};
  if (statvfs(folder.c_str(), &disk) != 0) {
    return report.Bad("disk", fmt::format("{} cannot be looked at", folder.string()),
                      "look whether its disk is there");
  }
  const std::uint64_t free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  const std::string message =
      fmt::format("{} MiB are free for {}",
                  WithThousands(static_cast<long long>(free_bytes / kMiB)), home.string());
  const std::string remedy = "make room there, or name a home on another disk with --home";
  if (free_bytes < kDiskBad) {
    report.Bad("disk", message + "; nothing is started on a full disk", remedy);
  } else if (free_bytes < kDiskDoubtful) {
    report.Doubt("disk", message, remedy);
  } else {
    report.Good("disk", message);
  }
  if (disk.f_files == 0 || disk.f_favail >= kInodesDoubtful)
    return;  // some file systems count none
  report.Doubt("inodes",
               fmt::format("{} more files have room there",
                           WithThousands(static_cast<long long>(disk.f_favail))),
               "remove small files there, or name a home on another disk with --home");
}

void CheckLimit(const char* what, int resource, std::uint64_t doubtful, const char* remedy,
                Report& report) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) return;
  if (limit.rlim_cur == RLIM_INFINITY) return report.Good(what, "without a limit");
  const std::string message =
      fmt::format("at most {}", WithThousands(static_cast<long long>(limit.rlim_cur)));
  if (limit.rlim_cur >= doubtful) return report.Good(what, message);
  report.Doubt(what, message, remedy);
}

void CheckWatches(Report& report) {
  const io::fs::path file = "/proc/sys/fs/inotify/max_user_watches";
  const auto text = io::ReadFile(file);
  if (!text) return;
  std::uint64_t count = 0;
  std::from_chars(text->data(), text->data() + text->size(), count);
  const std::string message =
      fmt::format("at most {} watches", WithThousands(static_cast<long long>(count)));
  if (count >= kWatchesDoubtful) return report.Good("file watches", message);
  report.Doubt("file watches", message + "; edited files are noticed within a minute without them",
               "sudo sysctl fs.inotify.max_user_watches=65536");
}

// Whether what a program took is known when the kernel ends it: from the group that it is in.
void CheckMemoryGroups(Report& report) {
  std::error_code error;
  const auto controllers = io::ReadFile("/sys/fs/cgroup/cgroup.controllers");
  const bool is_v2 = controllers && controllers->find("memory") != std::string::npos;
  const bool is_v1 = io::fs::exists("/sys/fs/cgroup/memory", error);
  if (is_v2 || is_v1) {
    return report.Good("memory groups", is_v2 ? "cgroup version 2" : "cgroup version 1");
  }
  report.Doubt(
      "memory groups",
      "the kernel counts no memory by groups, so programs that it ended for memory are told "
      "as killed",
      "mount cgroup2 at /sys/fs/cgroup with the controller \"memory\"");
}

// What a program says of its version; empty: it is not there.
std::string VersionOf(const std::string& program, const Machine& machine) {
  const std::string path = io::VariableIn(machine.environment, "PATH");
  const auto found = io::FindProgram(program, path, io::fs::current_path());
  if (!found) return {};
  const auto said =
      io::RunAndCapture({{found->string(), "--version"}, machine.environment, {}}, kProgramLimit);
  if (!said || said->exit_code != 0) return found->string();
  const std::string text = said->output.empty() ? said->errors : said->output;
  return std::string(Trim(text.substr(0, text.find('\n'))));
}

void CheckGit(const Machine& machine, Report& report) {
  const std::string version = VersionOf("git", machine);
  if (!version.empty()) return report.Good("git", version);
  report.Doubt("git", "it is not there, so versions do not say of which commit they are",
               "sudo apt-get install git");
}

bool UsesPython(const service::Service& service) {
  return std::any_of(service.actions.begin(), service.actions.end(), [](const auto& one) {
    const auto& command = one.second.command;
    return !command.empty() && command.front().find("python") != std::string::npos;
  });
}

void CheckPython(const Machine& machine, Report& report) {
  if (!machine.service || !UsesPython(*machine.service)) return;
  const io::fs::path root = machine.service->ProgramRoot();
  std::error_code error;
  const io::fs::path own = root / ".venv/bin/python";
  const bool has_own = io::fs::exists(own, error);
  const std::string version = VersionOf(has_own ? own.string() : "python3", machine);
  if (version.empty()) {
    report.Bad("Python", "the service's program is in Python, and there is none along PATH",
               "sudo apt-get install python3 python3-venv");
  } else {
    report.Good("Python", version + (has_own ? ", of .venv" : ""));
  }
  if (const std::string warning = image::EnvironmentWarning(root); !warning.empty()) {
    report.Doubt("packages", warning, "busker build --target local");
  }
}

}  // namespace

void CheckMachine(const Machine& machine, Report& report) {
  CheckDuckdb(machine.duckdb_library, report);
  CheckZones(report);
  CheckDisk(machine.home, report);
  CheckLimit("open files", RLIMIT_NOFILE, kFilesDoubtful,
             "ulimit -n 4096, or LimitNOFILE=4096 in the unit", report);
  CheckLimit("processes", RLIMIT_NPROC, kProcessesDoubtful,
             "ulimit -u 4096, or LimitNPROC=4096 in the unit", report);
  CheckWatches(report);
  CheckMemoryGroups(report);
  CheckGit(machine, report);
  CheckPython(machine, report);
}

}  // namespace busker::doctor
