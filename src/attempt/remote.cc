#include "attempt/remote.h"

#include <fmt/core.h>

#include <charconv>

#include "base/json_object.h"

namespace busker::attempt {

Milliseconds MachineLifeMax(std::optional<Milliseconds> timeout) {
  return timeout.value_or(kTimeoutUnlessSaid) + kPullWithin + std::chrono::minutes(10);
}

std::optional<RemoteName> ParseRemoteName(std::string_view text) {
  const std::size_t home_end = text.find('/');
  if (home_end == std::string_view::npos) return std::nullopt;
  const std::size_t run_end = text.find('/', home_end + 1);
  const std::size_t task_end = text.rfind('.');
  if (run_end == std::string_view::npos || task_end == std::string_view::npos ||
      task_end < run_end) {
    return std::nullopt;
  }
  RemoteName name;
  name.home = text.substr(0, home_end);
  name.attempt.run = text.substr(home_end + 1, run_end - home_end - 1);
  name.attempt.task = text.substr(run_end + 1, task_end - run_end - 1);
  const std::string_view number = text.substr(task_end + 1);
  const auto [end, fault] =
      std::from_chars(number.data(), number.data() + number.size(), name.attempt.number);
  const bool is_whole = fault == std::errc() && end == number.data() + number.size() &&
                        name.attempt.number >= 1 && !name.home.empty() &&
                        !name.attempt.run.empty() && !name.attempt.task.empty() &&
                        name.attempt.task.find('/') == std::string::npos;
  return is_whole ? std::optional(std::move(name)) : std::nullopt;
}

RemoteKeys::RemoteKeys(const RemoteName& name)
    : prefix(fmt::format("{}/{}", kRemoteRoot, name.Text())),
      order(prefix + "/order.json"),
      start(prefix + "/started.json"),
      secrets(prefix + "/secrets"),
      exit(prefix + "/exit.json"),
      log(prefix + "/log") {}

std::string RemoteKeys::LogPart(std::uint64_t number) const {
  return fmt::format("{}/{:06}", log, number);
}

std::string StartToJson(const RemoteStart& start) {
  return JsonText({{"by", start.by},
                   {"vm_id", start.vm_id},
                   {"boot", start.boot},
                   {"zone", start.zone},
                   {"vm", start.vm},
                   {"order_sha256", start.order_sha256},
                   {"public_key", start.public_key},
                   {"started_at", FormatRfc3339(start.started_at)}});
}

Result<RemoteStart> StartFromJson(const std::string& text) {
  constexpr char kWhat[] = "started.json";
  TRY_ASSIGN(const nlohmann::ordered_json value, ParseJson(text, kWhat));
  RemoteStart start;
  JsonObject in(value, kWhat);
  in.Get("by", start.by);
  in.Get("vm_id", start.vm_id);
  in.Get("boot", start.boot);
  in.Get("zone", start.zone);
  in.Get("vm", start.vm);
  in.Get("order_sha256", start.order_sha256);
  in.Get("public_key", start.public_key);
  in.Get("started_at", start.started_at);
  TRY(in.Done());
  if (start.by != RemoteStart::kByMachine && start.by != RemoteStart::kByBusker) {
    return Invalid(
        fmt::format("{}: \"by\" is \"{}\"; it is \"vm\" or \"busker\"", kWhat, start.by));
  }
  return start;
}

}  // namespace busker::attempt
