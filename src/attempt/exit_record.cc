#include "attempt/exit_record.h"

#include <fmt/core.h>

#include <array>
#include <utility>

#include "attempt/folder.h"
#include "base/check.h"
#include "base/json_object.h"

namespace busker::attempt {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::pair<Ending, std::string_view>, 9> kEndings = {{
    {Ending::kSucceeded, "succeeded"},
    {Ending::kExited, "exited"},
    {Ending::kSignalled, "signalled"},
    {Ending::kTimedOut, "timed-out"},
    {Ending::kCancelled, "cancelled"},
    {Ending::kOutOfMemory, "out-of-memory"},
    {Ending::kNotStarted, "not-started"},
    {Ending::kNotSaved, "not-saved"},
    {Ending::kLost, "lost"},
}};

ordered_json OrNull(const std::optional<std::string>& text) {
  return text ? ordered_json(*text) : ordered_json();
}
ordered_json OrNull(Instant instant) {
  return instant == Instant{} ? ordered_json() : ordered_json(FormatRfc3339(instant));
}

}  // namespace

std::string_view NameOf(Ending ending) {
  for (const auto& [each, name] : kEndings) {
    if (each == ending) return name;
  }
  CheckFailed(__FILE__, __LINE__, "ending", "every ending has a name");
}

std::string ExitToJson(const ExitRecord& record) {
  return JsonText({
      {"run", record.run},
      {"task", record.task},
      {"attempt", record.number},
      {"ending", NameOf(record.ending)},
      {"message", record.message},
      {"permanent", record.permanent},
      {"exit_code", record.exit_code},
      {"signal", record.signal},
      {"cpu_user_ms", record.cpu_user.count()},
      {"cpu_system_ms", record.cpu_system.count()},
      {"memory_peak_bytes", record.memory_peak_bytes},
      {"started_at", OrNull(record.started_at)},
      {"command_started_at", OrNull(record.command_started_at)},
      {"command_ended_at", OrNull(record.command_ended_at)},
      {"ended_at", OrNull(record.ended_at)},
      {"log_bytes", record.log_bytes},
      {"log_bytes_cut", record.log_bytes_cut},
      {"output", OrNull(record.output)},
      {"output_files", record.output_files},
      {"output_bytes", record.output_bytes},
      {"image", record.image},
      {"result", record.result},
  });
}

Result<ExitRecord> ExitFromJson(const std::string& text) {
  TRY_ASSIGN(const ordered_json value, ParseOwnJson(text, kExitFile));
  ExitRecord record;
  std::string ending;
  JsonObject in(value, kExitFile);
  in.Get("run", record.run);
  in.Get("task", record.task);
  in.Get("attempt", record.number);
  in.Get("ending", ending);
  in.Get("message", record.message);
  if (!in.Member("permanent").is_null()) in.Get("permanent", record.permanent);
  in.Get("exit_code", record.exit_code);
  in.Get("signal", record.signal);
  in.Get("cpu_user_ms", record.cpu_user);
  in.Get("cpu_system_ms", record.cpu_system);
  in.Get("memory_peak_bytes", record.memory_peak_bytes);
  in.Get("started_at", record.started_at);
  in.Get("command_started_at", record.command_started_at);
  in.Get("command_ended_at", record.command_ended_at);
  in.Get("ended_at", record.ended_at);
  in.Get("log_bytes", record.log_bytes);
  in.Get("log_bytes_cut", record.log_bytes_cut);
  in.Get("output", record.output);
  in.Get("output_files", record.output_files);
  in.Get("output_bytes", record.output_bytes);
  if (!in.Member("image").is_null()) in.Get("image", record.image);
  if (!in.Member("result").is_null()) in.Get("result", record.result);
  TRY(in.Done());
  for (const auto& [each, name] : kEndings) {
    if (name != ending) continue;
    record.ending = each;
    return record;
  }
  return Invalid(fmt::format("{}: unknown ending \"{}\"", kExitFile, ending));
}

Result<std::optional<ExitRecord>> ReadExit(const io::fs::path& attempt_folder) {
  const auto text = io::ReadFile(attempt_folder / kExitFile);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!text) return tl::unexpected(text.error());
  if (!CheckJson(*text, kExitFile)) return std::nullopt;
  TRY_ASSIGN(ExitRecord record, ExitFromJson(*text));
  const bool failed = record.exit_code != 0 || record.signal != 0;
  const bool at_odds = (record.ending == Ending::kSucceeded && failed) ||
                       (record.ending == Ending::kExited && record.exit_code == 0) ||
                       (record.ending == Ending::kSignalled && record.signal == 0);
  if (!at_odds) return record;
  return Unusable(
      fmt::format("{} says \"{}\" with exit code {} and signal {}: it is damaged, and "
                  "how the attempt ended is not known",
                  (attempt_folder / kExitFile).string(), NameOf(record.ending), record.exit_code,
                  record.signal));
}

}  // namespace busker::attempt
