#include "runner/attempt_file.h"

#include <fmt/core.h>

#include <array>
#include <utility>

#include "artifact/json_object.h"
#include "artifact/key.h"
#include "base/check.h"
#include "base/id.h"

namespace busker::runner {
namespace {

using artifact::JsonBytes;
using artifact::JsonObject;
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
ordered_json OrNull(const std::optional<Milliseconds>& duration) {
  return duration ? ordered_json(duration->count()) : ordered_json();
}
ordered_json OrNull(Instant instant) {
  return instant == Instant{} ? ordered_json() : ordered_json(FormatRfc3339(instant));
}

ordered_json SecretsJson(const std::vector<SecretUse>& secrets) {
  ordered_json all = ordered_json::array();
  for (const SecretUse& use : secrets) {
    all.push_back({{"variable", use.variable},
                   {"name", use.name},
                   {"as", use.as_environment ? "environment" : "file"}});
  }
  return all;
}

Result<std::vector<SecretUse>> SecretsFromJson(const ordered_json& all) {
  std::vector<SecretUse> secrets;
  for (const ordered_json& each : all) {
    SecretUse use;
    std::string as;
    JsonObject in(each, "attempt.json: \"secrets\"");
    in.Get("variable", use.variable);
    in.Get("name", use.name);
    in.Get("as", as);
    in.RefuseOthers();
    TRY(in.Done());
    use.as_environment = as == "environment";
    const bool good = !use.variable.empty() && use.variable.find('=') == std::string::npos &&
                      IsName(use.name) && (use.as_environment || as == "file");
    if (!good) return Invalid("attempt.json: \"secrets\" has one that is not understood");
    secrets.push_back(std::move(use));
  }
  return secrets;
}

// What would be misunderstood later is refused here.
Result<void> CheckOrder(const AttemptOrder& order) {
  const auto fault = [](const std::string& what) { return Invalid("attempt.json: " + what); };
  if (order.number < 1) return fault("\"attempt\" is below 1");
  if (order.command.empty() || order.command.front().empty()) return fault("\"command\" is empty");
  if (order.log_tail_bytes_max < 2) return fault("\"log_tail_bytes_max\" is below 2");
  if (!order.root.empty() && order.root.front() != '/') return fault("\"root\" is not absolute");
  if (!order.config.empty() && order.root.empty()) return fault("\"config\" needs a \"root\"");
  if (!order.config.empty()) TRY(artifact::CheckKey(order.config));
  for (const std::string& file : order.required_outputs) TRY(artifact::CheckKey(file));
  if ((order.input || order.output) && order.store_url.empty()) {
    return fault("\"input\" and \"output\" need a \"store_url\"");
  }
  if (order.secrets.size() > kSecretUsesMax) return fault("\"secrets\" are too many");
  if (order.output && !order.synced) return fault("an order with an \"output\" must be synced");
  if (order.output || order.required_outputs.empty()) return {};
  return fault("\"required_outputs\" need an \"output\"");
}

}  // namespace

std::string_view NameOf(Ending ending) {
  for (const auto& [each, name] : kEndings) {
    if (each == ending) return name;
  }
  CheckFailed(__FILE__, __LINE__, "ending", "every ending has a name");
}

std::string OrderToJson(const AttemptOrder& order) {
  ordered_json placeholders = ordered_json::object();
  for (const auto& [name, value] : order.placeholders) placeholders[name] = JsonBytes(value);
  ordered_json value = {
      {"run", order.run},
      {"task", order.task},
      {"attempt", order.number},
      {"command", JsonBytes(order.command)},
      {"environment", JsonBytes(order.environment)},
      {"mark", JsonBytes(order.mark)},
      {"repeatable", order.repeatable},
      {"root", JsonBytes(order.root)},
      {"config", order.config},
      {"placeholders", placeholders},
      {"store_url", JsonBytes(order.store_url)},
      {"input", OrNull(order.input)},
      {"output", OrNull(order.output)},
      {"required_outputs", JsonBytes(order.required_outputs)},
      {"timeout_ms", OrNull(order.timeout)},
      {"grace_ms", order.grace.count()},
      {"log_head_bytes_max", order.log_head_bytes_max},
      {"log_tail_bytes_max", order.log_tail_bytes_max},
      {"scheduled_at", FormatRfc3339(order.scheduled_at)},
      {"data_date", order.data_date},
  };
  if (!order.secrets.empty()) value["secrets"] = SecretsJson(order.secrets);
  if (!order.synced) value["synced"] = false;
  if (!order.boot.empty()) value["boot"] = order.boot;
  return artifact::JsonText(value);
}

Result<AttemptOrder> OrderFromJson(const std::string& text) {
  TRY_ASSIGN(const ordered_json value, artifact::ParseOwnJson(text, kOrderFile));
  AttemptOrder order;
  JsonObject in(value, kOrderFile);
  in.Get("run", order.run);
  in.Get("task", order.task);
  in.Get("attempt", order.number);
  in.GetBytes("command", order.command);
  in.GetBytes("environment", order.environment);
  in.GetBytes("mark", order.mark);
  in.Get("repeatable", order.repeatable);
  in.GetBytes("root", order.root);
  in.Get("config", order.config);
  in.GetBytes("placeholders", order.placeholders);
  in.GetBytes("store_url", order.store_url);
  in.Get("input", order.input);
  in.Get("output", order.output);
  in.GetBytes("required_outputs", order.required_outputs);
  in.Get("timeout_ms", order.timeout);
  in.Get("grace_ms", order.grace);
  in.Get("log_head_bytes_max", order.log_head_bytes_max);
  in.Get("log_tail_bytes_max", order.log_tail_bytes_max);
  in.Get("scheduled_at", order.scheduled_at);
  in.Get("data_date", order.data_date);
  in.Member("source_commit");  // of orders from before the runner itself asked for it
  if (const ordered_json& secrets = in.Member("secrets"); !secrets.is_null()) {
    TRY_ASSIGN(order.secrets, SecretsFromJson(secrets));
  }
  if (!in.Member("synced").is_null()) in.Get("synced", order.synced);
  if (!in.Member("boot").is_null()) in.Get("boot", order.boot);
  in.RefuseOthers();  // an instruction of a newer Busker is not passed over
  TRY(in.Done());
  TRY(CheckOrder(order));
  return order;
}

std::string ExitToJson(const ExitRecord& record) {
  return artifact::JsonText({
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
  });
}

Result<ExitRecord> ExitFromJson(const std::string& text) {
  TRY_ASSIGN(const ordered_json value, artifact::ParseOwnJson(text, kExitFile));
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
  if (!artifact::CheckJson(*text, kExitFile)) return std::nullopt;
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

}  // namespace busker::runner
