#include "execute/vm_intent.h"

#include <fmt/core.h>

#include "base/id.h"
#include "base/json_object.h"

namespace busker::execute {
namespace {

using attempt::Ending;
using nlohmann::ordered_json;

// Those by which an attempt is given up.
constexpr Ending kGivenUp[] = {Ending::kNotStarted, Ending::kCancelled, Ending::kPreempted,
                               Ending::kLost};

Result<VmAsk> AskIn(const ordered_json& value) {
  VmAsk ask;
  JsonObject in(value, kIntentFile);
  in.Get("zone", ask.zone);
  in.Get("request", ask.request);
  in.Get("asked_at", ask.asked_at);
  in.Get("operation", ask.operation);
  in.Get("vm_id", ask.vm_id);
  in.Get("refusal", ask.refusal);
  in.Get("has_no_room", ask.has_no_room);
  in.Get("has_no_quota", ask.has_no_quota);
  in.Get("is_free", ask.is_free);
  TRY(in.Done());
  return ask;
}

}  // namespace

std::string IntentToJson(const VmIntent& intent) {
  ordered_json asks = ordered_json::array();
  for (const VmAsk& ask : intent.asks) {
    asks.push_back({{"zone", ask.zone},
                    {"request", ask.request},
                    {"asked_at", FormatRfc3339(ask.asked_at)},
                    {"operation", ask.operation},
                    {"vm_id", ask.vm_id},
                    {"refusal", ask.refusal},
                    {"has_no_room", ask.has_no_room},
                    {"has_no_quota", ask.has_no_quota},
                    {"is_free", ask.is_free}});
  }
  return JsonText({{"format", 1},
                   {"name", intent.name},
                   {"order_sha256", intent.order_sha256},
                   {"is_spot", intent.is_spot},
                   {"asks", asks},
                   {"given_up", intent.given_up ? std::string(NameOf(*intent.given_up)) : ""},
                   {"why", intent.why},
                   {"said", intent.said},
                   {"has_said_all", intent.has_said_all}});
}

Result<VmIntent> IntentFromJson(const std::string& text) {
  TRY_ASSIGN(const ordered_json value, ParseOwnJson(text, kIntentFile));
  VmIntent intent;
  int format = 0;
  std::string given_up;
  JsonObject in(value, kIntentFile);
  in.Get("format", format);
  in.Get("name", intent.name);
  in.Get("order_sha256", intent.order_sha256);
  in.Get("is_spot", intent.is_spot);
  in.GetEach("asks", intent.asks, AskIn);
  in.Get("given_up", given_up);
  in.Get("why", intent.why);
  in.Get("said", intent.said);
  in.Get("has_said_all", intent.has_said_all);
  TRY(in.Done());
  if (format != 1) {
    return Unusable(
        fmt::format("{} is of format {}, which this Busker does not know", kIntentFile, format));
  }
  for (const Ending ending : kGivenUp) {
    if (given_up == NameOf(ending)) intent.given_up = ending;
  }
  if (!given_up.empty() && !intent.given_up) {
    return Unusable(fmt::format("{}: no attempt is given up as \"{}\"", kIntentFile, given_up));
  }
  return intent;
}

Result<std::optional<VmIntent>> ReadIntent(const io::fs::path& attempt_folder) {
  const auto text = io::ReadFile(attempt_folder / kIntentFile);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!text) return tl::unexpected(text.error());
  return IntentFromJson(*text);
}

Result<void> WriteIntent(const io::fs::path& attempt_folder, const VmIntent& intent) {
  return io::WriteFileAtomically(attempt_folder / kIntentFile, IntentToJson(intent), 0600);
}

std::string NewUuid() {
  std::string hex = RandomHex(16);
  hex[12] = '4';
  hex[16] = "89ab"[hex[16] % 4];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

}  // namespace busker::execute
