// Starting programs without fork: posix_spawn, so that a large parent costs nothing.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "io/interrupt.h"

namespace busker::io {

struct Command {
  std::vector<std::string> arguments;    // [0] is the program; without '/' it is looked up in PATH
  std::vector<std::string> environment;  // all of it, "NAME=value"
  fs::path folder;                       // where it runs; empty: here
};

// Where `program` would be found: itself when it has a '/', else along `path` (the PATH to look
// in). kNotFound when there is none, kInvalid when what is there is a folder or not executable.
Result<fs::path> FindProgram(const std::string& program, const std::string& path,
                             const fs::path& folder);

// This process's environment, as "NAME=value".
std::vector<std::string> OwnEnvironment();

// The value of a variable of such an environment; empty when it is not there.
std::string VariableIn(const std::vector<std::string>& environment, std::string_view name);

// Where programs are looked up: its PATH, or the usual folders where that is not set.
std::string SearchPathIn(const std::vector<std::string>& environment);

// As exec wants arguments and environments, with a null at the end. They point into `texts`.
std::vector<char*> PointersTo(const std::vector<std::string>& texts);

struct Captured {
  int exit_code = 0;   // 128 + signal when a signal ended it
  std::string output;  // standard output
  std::string errors;  // standard error
};

// Runs a short program, with `input` as its standard input and no descriptors of ours, and waits.
// Beyond `limit` (kTimedOut), or at `stop` (kTemporary), it is killed with its process group;
// output past `output_bytes_max` is dropped.
Result<Captured> RunAndCapture(const Command& command, std::chrono::milliseconds limit,
                               std::uint64_t output_bytes_max = 1u << 20,
                               std::string_view input = {}, const std::stop_token& stop = {});

// Runs a program that a person follows: it has our standard input, and both its outputs are
// `shown`, our standard error unless said. Returns its exit code, as in Captured. Beyond the
// deadline (kTimedOut) it is killed; when the call is to stop (kTemporary) it is told to end
// (SIGTERM), and killed when it has not after 10 seconds. It stays in our process group: a
// control-C at the terminal reaches it, too.
Result<int> RunAndShow(const Command& command, const Interrupt& interrupt, int shown = 2);

// Starts a program in a session of its own with standard input and output at /dev/null, standard
// error appended to the file `errors`, and no other descriptors; it outlives this process. `input`
// becomes its standard input instead, when there is one. SIGTERM is blocked until the program takes
// it, so that none is lost while it starts. Returns its process id, to be reaped by the caller.
Result<pid_t> SpawnDetached(const Command& command, const fs::path& errors, int input = -1);

// The pidfd of a process: readable once it has ended. Not valid, with errno, when there is none or
// no descriptor to be had.
Descriptor OpenProcess(pid_t process);

}  // namespace busker::io
