// What the conductor and the runner tell each other, as files in the attempt's folder.
//
//   attempt.json  conductor -> runner: what to do (AttemptOrder); written before the runner starts,
//                 but for an unsynced order, which a waiting runner is sent instead
//                 (runner/serve.h)
//   lock          held (flock) by the runner while it lives; holds its process id and, once the
//                 command was about to start, the start marker (runner/start_marker.h)
//   log, log.*    the output of the command (runner/capped_log.h)
//   work/         the working folder of the command
//   exit.json     runner -> conductor: how it ended (ExitRecord); written last, durable
//
// The lock tells whether the runner lives; exit.json tells how the attempt ended. When the runner
// died in between, a manifest that names the same run, task and attempt is the evidence instead.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::runner {

// A secret that the command gets. An order has its name alone; the value comes to the runner on
// another way (runner/handed_secrets.h).
struct SecretUse {
  std::string variable;         // of the command's environment
  std::string name;             // of the secret
  bool as_environment = false;  // the variable holds the value; else the path of a file with it
};

struct AttemptOrder {
  std::string run, task;
  int number = 1;  // attempts of a task count from 1

  std::vector<std::string> command;      // program and arguments, placeholders already replaced
  std::vector<std::string> environment;  // all of it, "NAME=value"
  std::string mark;  // the entry of `environment` that no other attempt has; may be empty
  std::vector<SecretUse> secrets;

  // The service's folder, whose entries the working folder shows; empty: the working folder is
  // bare (Busker's own tasks).
  std::string root;
  // Config file to expand into the working folder, relative to root ("configs/training.json");
  // empty: none. Placeholders "${NAME}" in it are replaced by `placeholders`, JSON-escaped.
  std::string config;
  std::map<std::string, std::string> placeholders;

  std::string store_url;             // where versions are
  std::optional<std::string> input;  // key of the version to load into output/ first
  std::optional<std::string>
      output;  // key of the version to save output/ as; none: nothing is saved
  std::vector<std::string> required_outputs;  // files that output/ must hold in the end

  // The command may be run again when it is not known how it ended (Busker's own steps, whose
  // second time finds the work done). Any other is never started twice.
  bool repeatable = false;

  // Is every step synced to disk before the next one? An order whose end is on record elsewhere
  // before anything follows from it, and that saves no output, need not be. Then a power cut can
  // take all that the attempt left, so it is lost unless it is known to be of this boot.
  bool synced = true;
  std::string
      boot;  // of the kernel, when the attempt was decided on (io::BootId); empty: not known

  std::optional<Milliseconds> timeout;          // of the command; none: no limit
  Milliseconds grace{10'000};                   // from SIGTERM to SIGKILL
  std::uint64_t log_head_bytes_max = 8u << 20;  // kept from the start of the output
  std::uint64_t log_tail_bytes_max = 8u << 20;  // kept from its end

  // Facts for the manifest.
  Instant scheduled_at{};
  std::string data_date;
};

std::string OrderToJson(const AttemptOrder& order);
Result<AttemptOrder> OrderFromJson(const std::string& text);

// How an attempt ended. Stored by name: a name is never given another meaning.
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
};
std::string_view NameOf(Ending ending);  // "succeeded", "exited", ..., "not-saved"

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
  Instant ended_at{};                 // outputs saved
  std::uint64_t log_bytes = 0;        // the command wrote
  std::uint64_t log_bytes_cut = 0;    // of them not kept
  std::optional<std::string> output;  // key of the version saved
  std::uint64_t output_files = 0, output_bytes = 0;
};

std::string ExitToJson(const ExitRecord& record);
Result<ExitRecord> ExitFromJson(const std::string& text);

// From the attempt's folder. nullopt when it is not there, or not whole: what a power cut can leave
// of one that was not synced (nothing, a half, zeros). Whole but not understood, or at odds with
// itself (a success with an exit code), is an Error.
Result<std::optional<ExitRecord>> ReadExit(const io::fs::path& attempt_folder);

inline constexpr std::size_t kSecretUsesMax = 64;

// The names of the files above.
inline constexpr char kOrderFile[] = "attempt.json";
inline constexpr char kLockFile[] = "lock";
inline constexpr char kLogFile[] = "log";
inline constexpr char kWorkFolder[] = "work";
inline constexpr char kExitFile[] = "exit.json";

}  // namespace busker::runner
