// How an attempt ended: written by the runner, last and durable, and read by whoever launched it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::attempt {

// Stored by name: a name is never given another meaning.
enum class Ending {
  kSucceeded,    // exit 0, and every output saved
  kExited,       // exit other than 0
  kSignalled,    // a signal ended the command
  kTimedOut,     // the timeout ended it
  kCancelled,    // it was told to stop
  kOutOfMemory,  // the kernel killed it or a child of it for memory, whatever the exit code
  kNotStarted,   // missing or not executable program, unreadable config, input not loaded
  kNotSaved,     // exit 0, but an output is missing or could not be stored
  kLost,         // the runner died while the command ran; how the command ended is not known
  kPreempted,    // the cloud took its machine back, which had been lent for less; no fault of it
};
std::string_view NameOf(Ending ending);  // "succeeded", "exited", ..., "preempted"

struct ExitRecord {
  std::string run, task;
  int number = 1;
  Ending ending = Ending::kSucceeded;
  std::string message;  // one sentence; empty when succeeded
  // It failed, and a next attempt would end so, too: one of Busker's own steps refused what it was
  // given. What is away, locked, full or killed may pass, and is not that.
  bool permanent = false;
  int exit_code = 0;  // of the command; 0 when a signal ended it
  int signal = 0;
  Milliseconds cpu_user{}, cpu_system{};  // of the command and all its descendants that were reaped
  std::uint64_t memory_peak_bytes = 0;    // largest resident set of any one process of it
  Instant started_at{};                   // the runner began
  Instant command_started_at{};           // inputs loaded, command started; zero when it never was
  Instant command_ended_at{};
  Instant ended_at{};  // outputs saved
  // On a machine that was made for it. How long that took from the call that made it to the start
  // fence (attempt/remote.h), which the executor sets; and to fetch the image, after that.
  std::optional<Milliseconds> boot, pull;
  // About how long there was that machine: from the call that made it until this record was taken
  // from it, upon which it is deleted, or kept for as long as was asked for. Set by the executor.
  std::optional<Milliseconds> machine;
  std::uint64_t log_bytes = 0;        // the command wrote
  std::uint64_t log_bytes_cut = 0;    // of them not kept
  std::optional<std::string> output;  // key of the version saved
  std::uint64_t output_files = 0, output_bytes = 0;
  std::string image;  // that it ran in, by digest or id; empty: in no container
  std::string
      result;  // of one of Busker's own steps: JSON that the runner does not read; may be empty
};

std::string ExitToJson(const ExitRecord& record);
Result<ExitRecord> ExitFromJson(const std::string& text);

// From the attempt's folder. nullopt when it is not there, or not whole: what a power cut can leave
// of one that was not synced (nothing, a half, zeros). Whole but not understood, or at odds with
// itself (a success with an exit code), is an Error.
Result<std::optional<ExitRecord>> ReadExit(const io::fs::path& attempt_folder);

}  // namespace busker::attempt
