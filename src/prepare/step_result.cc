#include "prepare/step_result.h"

#include "base/json_object.h"

namespace busker::prepare {
namespace {

using nlohmann::ordered_json;

constexpr char kWhat[] = "the result of a step";

ordered_json Written(const deliver::Delivery& delivery, const std::string& warehouse_url) {
  return {{"id", delivery.id},
          {"warehouse_url", warehouse_url},
          {"table", delivery.table},
          {"write", deliver::NameOf(delivery.write)},
          {"run", delivery.run},
          {"service", delivery.service},
          {"model_version", delivery.model_version},
          {"data_date", delivery.data_date},
          {"scheduled_at", FormatRfc3339(delivery.scheduled_at)},
          {"delivered_at", FormatRfc3339(delivery.delivered_at)},
          {"rows", delivery.rows},
          {"table_rows", delivery.table_rows},
          {"file_sha256", delivery.file_sha256},
          {"snapshot_sha256", delivery.snapshot_sha256}};
}

Result<deliver::Delivery> ReadDelivery(const ordered_json& value, std::string& warehouse_url) {
  deliver::Delivery delivery;
  std::string write;
  JsonObject in(value, kWhat);
  in.Get("id", delivery.id);
  in.Get("warehouse_url", warehouse_url);
  in.Get("table", delivery.table);
  in.Get("write", write);
  in.Get("run", delivery.run);
  in.Get("service", delivery.service);
  in.Get("model_version", delivery.model_version);
  in.Get("data_date", delivery.data_date);
  in.Get("scheduled_at", delivery.scheduled_at);
  in.Get("delivered_at", delivery.delivered_at);
  in.Get("rows", delivery.rows);
  in.Get("table_rows", delivery.table_rows);
  in.Get("file_sha256", delivery.file_sha256);
  in.Get("snapshot_sha256", delivery.snapshot_sha256);
  TRY(in.Done());
  TRY_ASSIGN(delivery.write, deliver::ParseWrite(write));
  return delivery;
}

}  // namespace

std::string ToJson(const StepResult& result) {
  ordered_json value = ordered_json::object();
  if (result.delivery) value["delivery"] = Written(*result.delivery, result.warehouse_url);
  if (result.ruling) value["ruling"] = model::RulingToJson(*result.ruling);
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<StepResult> StepResultFrom(const std::string& json) {
  TRY_ASSIGN(const ordered_json value, ParseOwnJson(json, kWhat));
  StepResult result;
  JsonObject in(value, kWhat);
  if (const ordered_json& delivery = in.Member("delivery"); !delivery.is_null()) {
    TRY_ASSIGN(result.delivery, ReadDelivery(delivery, result.warehouse_url));
  }
  if (const ordered_json& ruling = in.Member("ruling"); !ruling.is_null()) {
    TRY_ASSIGN(result.ruling, model::RulingFromJson(ruling, kWhat));
  }
  TRY(in.Done());
  return result;
}

std::optional<StepResult> ResultOf(const record::TaskRow& task) {
  if (task.attempts.empty() || task.attempts.back().result.empty()) return std::nullopt;
  auto result = StepResultFrom(task.attempts.back().result);
  if (!result) return std::nullopt;
  return *std::move(result);
}

}  // namespace busker::prepare
