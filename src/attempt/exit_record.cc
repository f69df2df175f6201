#include "attempt/exit_record.h"

#include <fmt/core.h>

#include <array>
#include <utility>

#include "attempt/folder.h"
#include "base/check.h"
#include "base/json_object.h"
#include "base/json_writer.h"

namespace busker::attempt {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::pair<Ending, std::string_view>, 10> kEndings = {{
    {Ending::kSucceeded, "succeeded"},
    {Ending::kExited, "exited"},
    {Ending::kSignalled, "signalled"},
    {Ending::kTimedOut, "timed-out"},
    {Ending::kCancelled, "cancelled"},
    {Ending::kOutOfMemory, "out-of-memory"},
    {Ending::kNotStarted, "not-started"},
    {Ending::kNotSaved, "not-saved"},
    {Ending::kLost, "lost"},
    {Ending::kPreempted, "preempted"},
}};

void Add(std::string_view key, const std::optional<std::string>& text, JsonWriter& json) {
  json.Key(key);
  text ? json.Text(*text) : json.Null();
}
void Add(std::string_view key, std::optional<Milliseconds> duration, JsonWriter& json) {
  json.Key(key);
  duration ? json.Number(duration->count()) : json.Null();
}
void Add(std::string_view key, Instant instant, JsonWriter& json) {
  json.Key(key);
  instant == Instant{} ? json.Null() : json.Text(FormatRfc3339(instant));
}

}  // namespace

std::string_view NameOf(Ending ending) {
  for (const auto& [each, name] : kEndings) {
    if (each == ending) return name;
  }
  CheckFailed(__FILE__, __LINE__, "ending", "every ending has a name");
}

std::string ExitToJson(const ExitRecord& record) {
  JsonWriter json;
  json.BeginObject();
  json.Key("run").Text(record.run);
  json.Key("task").Text(record.task);
  json.Key("attempt").Number(record.number);
  json.Key("ending").Text(NameOf(record.ending));
  json.Key("message").Text(record.message);
  json.Key("permanent").Flag(record.permanent);
  json.Key("exit_code").Number(record.exit_code);
  json.Key("signal").Number(record.signal);
  json.Key("cpu_user_ms").Number(record.cpu_user.count());
  json.Key("cpu_system_ms").Number(record.cpu_system.count());
  json.Key("memory_peak_bytes").Number(record.memory_peak_bytes);
  Add("started_at", record.started_at, json);
  Add("command_started_at", record.command_started_at, json);
  Add("command_ended_at", record.command_ended_at, json);
  Add("ended_at", record.ended_at, json);
  Add("boot_ms", record.boot, json);
  Add("pull_ms", record.pull, json);
  Add("machine_ms", record.machine, json);
  json.Key("log_bytes").Number(record.log_bytes);
  json.Key("log_bytes_cut").Number(record.log_bytes_cut);
  Add("output", record.output, json);
  json.Key("output_files").Number(record.output_files);
  json.Key("output_bytes").Number(record.output_bytes);
  json.Key("image").Text(record.image);
  json.Key("result").Text(record.result);
  json.EndObject();
  return std::move(json).Take();
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
  in.Get("boot_ms", record.boot);
  in.Get("pull_ms", record.pull);
  in.Get("machine_ms", record.machine);
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
