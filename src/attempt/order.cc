#include "attempt/order.h"

#include <fmt/core.h>

#include <utility>

#include "artifact/key.h"
#include "attempt/folder.h"
#include "attempt/name.h"
#include "base/id.h"
#include "base/json_object.h"
#include "base/json_writer.h"

namespace busker::attempt {
namespace {

using nlohmann::ordered_json;

constexpr int kFormat = 2;

void Add(std::string_view key, const std::optional<std::string>& text, JsonWriter& json) {
  json.Key(key);
  text ? json.Text(*text) : json.Null();
}

void Add(std::string_view key, const std::vector<std::string>& all, JsonWriter& json) {
  json.Key(key).BeginArray();
  for (const std::string& bytes : all) json.Bytes(bytes);
  json.EndArray();
}

void AddSecrets(const std::vector<SecretUse>& secrets, JsonWriter& json) {
  json.Key("secrets").BeginArray();
  for (const SecretUse& use : secrets) {
    json.BeginObject();
    json.Key("variable").Text(use.variable);
    json.Key("name").Text(use.name);
    json.Key("as").Text(use.as_environment ? "environment" : "file");
    json.EndObject();
  }
  json.EndArray();
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
Result<void> CheckOrder(const Order& order) {
  const auto fault = [](const std::string& what) { return Invalid("attempt.json: " + what); };
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

// An order of the first format had in itself what is now on its envelope.
void GetOfAttempt(JsonObject& in, Order& order) {
  in.Get("attempt", order.number);
  in.GetBytes("mark", order.mark);
  if (!in.Member("boot").is_null()) in.Get("boot", order.boot);
  in.Member("source_commit");  // it was asked for before the runner itself did
}

Result<Order> ReadOrder(const ordered_json& value) {
  Order order;
  JsonObject in(value, kOrderFile);
  int format = 1;
  if (!in.Member("format").is_null()) in.Get("format", format);
  if (format > kFormat) {
    return Invalid(fmt::format("attempt.json: format {} is of a newer Busker; this one knows {}",
                               format, kFormat));
  }
  if (format == 1) GetOfAttempt(in, order);
  in.Get("run", order.run);
  in.Get("task", order.task);
  in.GetBytes("command", order.command);
  in.GetBytes("environment", order.environment);
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
  if (const ordered_json& secrets = in.Member("secrets"); !secrets.is_null()) {
    TRY_ASSIGN(order.secrets, SecretsFromJson(secrets));
  }
  if (!in.Member("synced").is_null()) in.Get("synced", order.synced);
  in.RefuseOthers();  // an instruction of a newer Busker is not passed over
  TRY(in.Done());
  TRY(CheckOrder(order));
  return order;
}

Result<Envelope> ReadEnvelope(const ordered_json& value) {
  Envelope envelope;
  std::string home;
  JsonObject in(value, kOrderFile);
  in.Get("attempt", envelope.number);
  in.Get("instance", envelope.instance);
  in.Get("boot", envelope.boot);
  in.GetBytes("home", home);
  in.GetBytes("home_before", envelope.home.before);
  in.Member("order");
  in.RefuseOthers();
  TRY(in.Done());
  if (envelope.number < 1) return Invalid("attempt.json: \"attempt\" is below 1");
  envelope.home.now = home;
  return envelope;
}

}  // namespace

std::string OrderToJson(const Order& order) {
  JsonWriter json;
  json.BeginObject();
  json.Key("format").Number(kFormat);
  json.Key("run").Text(order.run);
  json.Key("task").Text(order.task);
  Add("command", order.command, json);
  Add("environment", order.environment, json);
  json.Key("repeatable").Flag(order.repeatable);
  json.Key("root").Bytes(order.root);
  json.Key("config").Text(order.config);
  json.Key("placeholders").BeginObject();
  for (const auto& [name, value] : order.placeholders) json.Key(name).Bytes(value);
  json.EndObject();
  json.Key("store_url").Bytes(order.store_url);
  Add("input", order.input, json);
  Add("output", order.output, json);
  Add("required_outputs", order.required_outputs, json);
  json.Key("timeout_ms");
  order.timeout ? json.Number(order.timeout->count()) : json.Null();
  json.Key("grace_ms").Number(order.grace.count());
  json.Key("log_head_bytes_max").Number(order.log_head_bytes_max);
  json.Key("log_tail_bytes_max").Number(order.log_tail_bytes_max);
  json.Key("scheduled_at").Text(FormatRfc3339(order.scheduled_at));
  json.Key("data_date").Text(order.data_date);
  if (!order.secrets.empty()) AddSecrets(order.secrets, json);
  if (!order.synced) json.Key("synced").Flag(false);
  json.EndObject();
  return std::move(json).Take();
}

Result<Order> OrderFromJson(const std::string& text) {
  TRY_ASSIGN(const ordered_json value, ParseOwnJson(text, kOrderFile));
  return ReadOrder(value);
}

std::string Seal(const Envelope& envelope, std::string_view order) {
  const ordered_json value = {{"attempt", envelope.number},
                              {"instance", envelope.instance},
                              {"boot", envelope.boot},
                              {"home", JsonBytes(envelope.home.now.string())},
                              {"home_before", JsonBytes(envelope.home.before)}};
  std::string text = value.dump();
  text.pop_back();  // its brace
  text += ", \"order\": ";
  text += order;
  text += "}\n";
  return text;
}

Result<std::string> SealInBoot(const std::string& sealed, const std::string& boot) {
  TRY_ASSIGN(ordered_json value, ParseOwnJson(sealed, kOrderFile));
  if (!value.is_object() || !value.contains("order") || !value.contains("boot")) {
    return Invalid(fmt::format("{}: the order has no envelope", kOrderFile));
  }
  value["boot"] = boot;
  return JsonText(value);
}

Result<Order> Open(const std::string& text) {
  TRY_ASSIGN(const ordered_json value, ParseOwnJson(text, kOrderFile));
  if (!value.is_object() || !value.contains("order")) return ReadOrder(value);
  TRY_ASSIGN(Envelope envelope, ReadEnvelope(value));
  TRY_ASSIGN(Order order, ReadOrder(value["order"]));
  const Name name{order.run, order.task, envelope.number};
  order.number = envelope.number;
  order.mark = MarkOf(name, envelope.instance);
  order.boot = std::move(envelope.boot);
  order.home = std::move(envelope.home);
  if (order.repeatable) order.environment.push_back("BUSKER_HOME=" + order.home.now.string());
  order.environment.push_back(EntryOf(name));
  if (order.mark != order.environment.back()) order.environment.push_back(order.mark);
  return order;
}

}  // namespace busker::attempt
