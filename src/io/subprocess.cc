#include "io/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/text.h"

namespace busker::io {
namespace {

constexpr std::chrono::seconds kEndLimit{10};  // for who was told to end

// What posix_spawn is told about descriptors, signals and the session; freed on destruction.
struct SpawnSettings {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  explicit SpawnSettings(short extra_flags) {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK |
                                                             POSIX_SPAWN_SETSIGDEF | extra_flags));
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
};

Result<pid_t> Spawn(const Command& command, SpawnSettings& settings) {
  if (command.arguments.empty()) return Invalid("there is no program to start");
  TRY_ASSIGN(fs::path program,
             FindProgram(command.arguments[0], SearchPathIn(command.environment), command.folder));
  // Found from here, started from there.
  if (!command.folder.empty() && program.is_relative()) program = fs::absolute(program);
  if (!command.folder.empty()) {
    posix_spawn_file_actions_addchdir_np(&settings.actions, command.folder.c_str());
  }
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, program.c_str(), &settings.actions, &settings.attributes,
                  PointersTo(command.arguments).data(), PointersTo(command.environment).data());
  if (error != 0) return SystemError("start " + program.string(), error);
  return pid;
}

struct Pipe {
  Descriptor read_end, write_end;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("make a pipe", errno);
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

constexpr std::int64_t kWaitAtOnceMs = 86'400'000;  // what poll takes is an int

// Reads what is there now, a pipe full at most; closes the descriptor at its end.
void Drain(Descriptor& fd, std::string& text, std::uint64_t bytes_max) {
  char buffer[16384];
  for (int block = 0; block < 64 && fd.valid(); ++block) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return fd.Close();
    const auto room =
        static_cast<std::size_t>(bytes_max - std::min<std::uint64_t>(bytes_max, text.size()));
    text.append(buffer, std::min(room, static_cast<std::size_t>(count)));
  }
}

// A file in memory that holds `text`, at its beginning.
Result<Descriptor> InputFile(std::string_view text) {
  Descriptor file(memfd_create("input", MFD_CLOEXEC));
  if (!file.valid()) return SystemError("make a file in memory", errno);
  TRY(WriteAll(file.get(), text, "a file in memory"));
  if (lseek(file.get(), 0, SEEK_SET) != 0) return SystemError("rewind a file in memory", errno);
  return file;
}

// Returns the status of a child that has ended, which is reaped then. Without its descriptor, when
// there was none to be had, it is looked at ten times a second.
Result<int> WaitForEnd(pid_t child, const Descriptor& process, const Interrupt& interrupt) {
  constexpr std::chrono::milliseconds kLook{100};
  Waiter waiter(interrupt);
  pollfd fd{process.get(), POLLIN, 0};
  int status = 0;
  while (waitpid(child, &status, WNOHANG) != child) {
    const auto until =
        process.valid() ? SteadyInstant::max() : std::chrono::steady_clock::now() + kLook;
    TRY(waiter.Wait({&fd, 1}, until));
  }
  return status;
}

}  // namespace

Result<fs::path> FindProgram(const std::string& program, const std::string& path,
                             const fs::path& folder) {
  // Of a file; nullopt: there is none.
  const auto is_executable = [](const char* candidate) -> std::optional<bool> {
    struct stat info {};
    if (stat(candidate, &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    return access(candidate, X_OK) == 0;
  };
  if (program.find('/') != std::string::npos) {
    const fs::path place = folder / program;
    std::error_code error;
    if (!fs::exists(place, error)) return NotFound("there is no program " + program);
    if (!is_executable(place.c_str()).value_or(false))
      return Invalid("the program " + program + " is not executable (chmod +x)");
    return place;
  }
  // Each task asks in all folders of PATH: so the names are put together as text.
  std::string not_executable, place;
  const auto add = [&](std::string_view part) {
    if (!place.empty() && place.back() != '/') place += '/';
    place += part;
  };
  for (std::string_view rest = path, part; rest.data() != nullptr;) {
    const auto end = rest.find(':');
    part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    place = part.starts_with('/') ? "" : folder.string();
    add(part.empty() ? "." : part);
    add(program);
    const std::optional<bool> found = is_executable(place.c_str());
    if (!found) continue;
    if (*found) return fs::path(place);
    if (not_executable.empty()) not_executable = place;
  }
  if (!not_executable.empty()) {
    return Invalid("the program " + not_executable + " is not executable (chmod +x)");
  }
  return NotFound("there is no program " + program + " along PATH");
}

std::vector<std::string> OwnEnvironment() {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) entries.emplace_back(*entry);
  return entries;
}

std::string VariableIn(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& entry : environment) {
    if (entry.starts_with(name) && entry.substr(name.size()).starts_with('=')) {
      return entry.substr(name.size() + 1);
    }
  }
  return {};
}

std::string SearchPathIn(const std::vector<std::string>& environment) {
  const std::string path = VariableIn(environment, "PATH");
  return path.empty() ? "/usr/local/bin:/usr/bin:/bin" : path;
}

std::vector<char*> PointersTo(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

Result<Captured> RunAndCapture(const Command& command, std::chrono::milliseconds limit,
                               std::uint64_t output_bytes_max, std::string_view input,
                               const std::stop_token& stop) {
  TRY_ASSIGN(Pipe output, MakePipe());
  TRY_ASSIGN(Pipe errors, MakePipe());
  fcntl(output.read_end.get(), F_SETFL, O_NONBLOCK);
  fcntl(errors.read_end.get(), F_SETFL, O_NONBLOCK);
  SpawnSettings settings(POSIX_SPAWN_SETPGROUP);  // a group of its own, to be killed as a whole
  TRY_ASSIGN(const Descriptor input_file, InputFile(input));
  posix_spawn_file_actions_adddup2(&settings.actions, input_file.get(), 0);
  posix_spawn_file_actions_adddup2(&settings.actions, output.write_end.get(), 1);
  posix_spawn_file_actions_adddup2(&settings.actions, errors.write_end.get(), 2);
  posix_spawn_file_actions_addclosefrom_np(&settings.actions, 3);
  const Descriptor stopped(eventfd(0, EFD_CLOEXEC));
  if (!stopped.valid()) return SystemError("make an event", errno);
  const std::stop_callback on_stop(stop, [&] { eventfd_write(stopped.get(), 1); });
  TRY_ASSIGN(const pid_t pid, Spawn(command, settings));
  output.write_end.Close();
  errors.write_end.Close();
  const Descriptor process = OpenProcess(pid);

  Captured captured;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  bool late = false;
  bool ended = false;
  // The end of the program is what counts: a child of it can hold the pipes open for ever, and the
  // program itself can close them early.
  while (!late && !ended) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waits[4] = {{output.read_end.get(), POLLIN, 0},
                       {errors.read_end.get(), POLLIN, 0},
                       {process.get(), POLLIN, 0},
                       {stopped.get(), POLLIN, 0}};
    const int ready =
        poll(waits, 4, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, kWaitAtOnceMs)));
    ended = ready > 0 && waits[2].revents != 0;
    late = !ended && (stop.stop_requested() || std::chrono::steady_clock::now() >= deadline);
    if (waits[0].revents != 0 || ended) Drain(output.read_end, captured.output, output_bytes_max);
    if (waits[1].revents != 0 || ended) Drain(errors.read_end, captured.errors, output_bytes_max);
  }
  if (late) kill(-pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (late && stop.stop_requested()) return Temporary(command.arguments.at(0) + " was stopped");
  if (late) return TimedOut(command.arguments.at(0) + " did not end within its limit");
  captured.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return captured;
}

Result<int> RunAndShow(const Command& command, const Interrupt& interrupt, int shown) {
  SpawnSettings settings(0);
  posix_spawn_file_actions_adddup2(&settings.actions, shown, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&settings.actions, shown, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&settings.actions, 3);
  TRY_ASSIGN(const pid_t pid, Spawn(command, settings));
  const Descriptor process = OpenProcess(pid);
  const auto status = WaitForEnd(pid, process, interrupt);
  if (status) return WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
  const bool is_late = status.error().kind == ErrorKind::kTimedOut;
  if (!is_late) kill(pid, SIGTERM);
  if (is_late || !WaitForEnd(pid, process, Within(kEndLimit))) {
    kill(pid, SIGKILL);
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (is_late) return TimedOut(command.arguments.at(0) + " did not end within its limit");
  return Temporary(command.arguments.at(0) + " was stopped");
}

Result<pid_t> SpawnDetached(const Command& command, const fs::path& errors, int input) {
  SpawnSettings settings(POSIX_SPAWN_SETSID);
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  posix_spawnattr_setsigmask(&settings.attributes, &term);
  if (input >= 0) {
    posix_spawn_file_actions_adddup2(&settings.actions, input, 0);
  } else {
    posix_spawn_file_actions_addopen(&settings.actions, 0, "/dev/null", O_RDONLY, 0);
  }
  posix_spawn_file_actions_addopen(&settings.actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&settings.actions, 2, errors.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_addclosefrom_np(&settings.actions, 3);
  return Spawn(command, settings);
}

Descriptor OpenProcess(pid_t process) {
  return Descriptor(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
}

}  // namespace busker::io
