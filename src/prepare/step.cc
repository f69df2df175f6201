#include "prepare/step.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "artifact/version.h"
#include "base/plural.h"
#include "base/text.h"
#include "prepare/promotion.h"

namespace busker::prepare {
namespace {

using nlohmann::json;

Result<std::unique_ptr<artifact::Store>> StoreOf(const json& j, const home::Folder& home) {
  TRY_ASSIGN(const std::string url, home::UrlOfPlace(j.at("store_url"), home));
  return artifact::OpenStore(url);
}

// Orders of earlier versions have it as the folder of the embedded warehouse, by name or by path.
std::string WarehouseIn(const json& j) {
  return j.at(j.contains("warehouse_url") ? "warehouse_url" : "warehouse_folder");
}

Result<StepDone> Deliver(const json& j, const home::Folder& home,
                         const io::fs::path& duckdb_library) {
  const json& r = j.at("request");
  deliver::Request request;
  request.id = r.at("id");
  request.table = r.at("table");
  for (const json& column : r.at("schema")) request.schema.push_back({column.at(0), column.at(1)});
  TRY_ASSIGN(request.write, deliver::ParseWrite(r.at("write").get<std::string>()));
  request.data_date = r.at("data_date");
  TRY_ASSIGN(request.scheduled_at, ParseRfc3339(r.at("scheduled_at").get<std::string>()));
  request.force = r.at("force");
  if (!r.at("rows_min").is_null()) request.rows_min = r.at("rows_min").get<std::uint64_t>();
  if (r.contains("key")) {
    for (const json& column : r.at("key")) request.key.push_back(column);
    if (r.contains("max_age_ms")) request.max_age = Milliseconds(r.at("max_age_ms").get<long>());
  }
  request.run = r.at("run");
  request.service = r.at("service");
  request.model_version = r.at("model_version");

  const std::string file = j.at("file");
  TRY_ASSIGN(auto store, StoreOf(j, home));
  TRY_ASSIGN(const auto name, artifact::ParseVersionName(j.at("version")));
  TRY_ASSIGN(const artifact::Manifest manifest,
             artifact::ReadManifest(*store, name, artifact::ForDecision()));
  const auto digest = manifest.files.find(file);
  if (digest == manifest.files.end()) {
    return NotFound(fmt::format("version {} has no file {} to deliver", name.Key(), file));
  }
  request.source = {store.get(), name.Key() + "/" + file, digest->second.sha256, digest->second};
  TRY_ASSIGN(const std::string url, home::UrlOfPlace(WarehouseIn(j), home, "embedded"));
  TRY_ASSIGN(auto warehouse, deliver::OpenWarehouse(url, duckdb_library));
  TRY_ASSIGN(const deliver::Delivery delivery, warehouse->Deliver(request));
  const std::string sentence =
      fmt::format("Delivered {} of {} into {} ({}), which now has {}; delivery {}",
                  Plural(delivery.rows, "row"), file, delivery.table,
                  deliver::NameOf(delivery.write), Plural(delivery.table_rows, "row"), delivery.id);
  return StepDone{sentence, {delivery, WarehouseIn(j), {}}};
}

// Orders of earlier versions have nothing of approval and tests.
PromoteStep PromoteStepIn(const json& j) {
  PromoteStep step;
  step.store_url = j.at("store_url");
  step.version = j.at("version");
  if (!j.at("gate").is_null()) step.gate = j.at("gate").get<std::string>();
  step.force = j.at("force");
  step.run = j.at("run");
  step.requires_approval = j.value("requires_approval", false);
  step.tests = j.value("tests", step.tests);
  return step;
}

}  // namespace

std::string ToJson(const DeliverStep& step) {
  const deliver::Request& request = step.request;
  json schema = json::array();
  for (const auto& column : request.schema) schema.push_back({column.name, column.type});
  json asked = {{"id", request.id},
                {"table", request.table},
                {"schema", schema},
                {"write", deliver::NameOf(request.write)},
                {"data_date", request.data_date},
                {"scheduled_at", FormatRfc3339(request.scheduled_at)},
                {"force", request.force},
                {"rows_min", request.rows_min ? json(*request.rows_min) : json()},
                {"run", request.run},
                {"service", request.service},
                {"model_version", request.model_version}};
  if (!request.key.empty()) asked["key"] = request.key;
  if (request.max_age) asked["max_age_ms"] = request.max_age->count();
  return json{{"store_url", step.store_url},
              {"version", step.version},
              {"file", step.file},
              {"warehouse_url", step.warehouse_url},
              {"request", std::move(asked)}}
      .dump();
}

std::string ToJson(const PromoteStep& step) {
  return json{{"store_url", step.store_url},
              {"version", step.version},
              {"gate", step.gate ? json(*step.gate) : json()},
              {"force", step.force},
              {"run", step.run},
              {"requires_approval", step.requires_approval},
              {"tests", step.tests}}
      .dump();
}

Result<DeliveryNamed> DeliveryIn(const std::string& text) {
  try {
    const json j = json::parse(text);
    return DeliveryNamed{j.at("request").at("id"), WarehouseIn(j), j.at("request").at("table")};
  } catch (const json::exception& error) {
    return Invalid(fmt::format("what it is to deliver cannot be read: {}", error.what()));
  }
}

Result<StepDone> CarryOutStep(const std::string& name, const std::string& text,
                              const home::Folder& home, const io::fs::path& duckdb_library,
                              Instant now, const MayChange& may_change) {
  try {
    const json j = json::parse(text);
    if (name == "deliver") return Deliver(j, home, duckdb_library);
    if (name == "promote") return Promote(PromoteStepIn(j), home, now, may_change);
    return Invalid("no step " + name);
  } catch (const json::exception& error) {
    return Invalid("step " + name + ": " + error.what());
  }
}

Result<StepDone> CarryOutStep(const std::vector<std::string>& command, const home::Folder& home,
                              Instant now, const MayChange& may_change) {
  if (command.size() != 4 || command[1] != "step")
    return Invalid("this is not a step of Busker's own");
  return CarryOutStep(command[2], command[3], home, "", now, may_change);
}

}  // namespace busker::prepare
