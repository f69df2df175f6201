#include "prepare/step.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "artifact/version.h"
#include "base/text.h"
#include "model/gate.h"
#include "model/live.h"
#include "model/rulings.h"

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
  request.source = {store.get(), name.Key() + "/" + file, digest->second.sha256};
  TRY_ASSIGN(const std::string url, home::UrlOfPlace(WarehouseIn(j), home, "embedded"));
  TRY_ASSIGN(auto warehouse, deliver::OpenWarehouse(url, duckdb_library));
  TRY_ASSIGN(const deliver::Delivery delivery, warehouse->Deliver(request));
  const std::string sentence =
      fmt::format("Delivered {} rows of {} into {} ({}), which now has {} rows; delivery {}",
                  WithThousands(static_cast<long long>(delivery.rows)), file, delivery.table,
                  deliver::NameOf(delivery.write),
                  WithThousands(static_cast<long long>(delivery.table_rows)), delivery.id);
  return StepDone{sentence, {delivery, WarehouseIn(j), {}}};
}

// Why the version is not made live; nullopt: it is. `why` then tells what the gate saw in it.
Result<std::optional<std::string>> Refusal(const json& j, const artifact::Manifest& challenger,
                                           const std::optional<artifact::Manifest>& champion,
                                           std::string& why) {
  if (champion && champion->scheduled_at > challenger.scheduled_at && !j.at("force").get<bool>()) {
    return fmt::format("the live version {} is for a later data date ({}) than this one ({})",
                       champion->name.timestamp, champion->data_date, challenger.data_date);
  }
  if (j.at("gate").is_null()) return std::nullopt;
  const std::string gate = j.at("gate");
  TRY_ASSIGN(const auto needed, model::MetricsNeeded(gate));
  if (!needed.empty() && !challenger.files.contains("metrics.json")) {
    return Invalid(
        fmt::format("promote_when needs the metric \"{}\", but the {} wrote no output/metrics.json",
                    Printable(needed.front()), challenger.name.action));
  }
  const auto metrics = champion ? std::optional(champion->metrics) : std::nullopt;
  TRY_ASSIGN(model::Verdict verdict, model::Judge(gate, challenger.metrics, metrics));
  if (!verdict.pass) return std::move(verdict.why);
  why = std::move(verdict.why);
  return std::nullopt;
}

// Of a version that is, or was, live already: what this run ruled of it the first time.
Result<StepDone> DoneBefore(artifact::Store& store, const artifact::VersionName& name,
                            const std::string& run, std::string sentence) {
  TRY_ASSIGN(const auto rulings, model::ReadRulings(store, name.service, name.service_version,
                                                    artifact::ForDecision()));
  StepDone done{std::move(sentence), {}};
  const model::Ruling* const ruling = model::FindRuling(rulings, name);
  if (ruling != nullptr && ruling->run == run) done.result.ruling = *ruling;
  return done;
}

Result<StepDone> Promote(const json& j, const home::Folder& home, Instant now,
                         const MayChange& may_change) {
  TRY_ASSIGN(auto store, StoreOf(j, home));
  TRY_ASSIGN(const auto name, artifact::ParseVersionName(j.at("version")));
  TRY_ASSIGN(const artifact::Manifest challenger,
             artifact::ReadManifest(*store, name, artifact::ForDecision()));
  if (challenger.files.empty()) {
    return Invalid(
        fmt::format("{} left nothing in output/, so there is nothing to make live", name.action));
  }
  const std::string run = j.at("run");
  TRY_ASSIGN(const auto live,
             model::ReadLive(*store, name.service, name.service_version, artifact::ForDecision()));
  std::optional<artifact::Manifest> champion;
  if (live) {
    TRY_ASSIGN(champion,
               artifact::ReadManifest(*store, live->now.version, artifact::ForDecision()));
    if (champion->name == name) {
      return DoneBefore(*store, name, run, fmt::format("{} is live already", name.timestamp));
    }
    for (const model::LiveMove& move : live->before) {  // the second time of this step
      if (move.version != name) continue;
      return DoneBefore(*store, name, run, fmt::format("{} was live already", name.timestamp));
    }
  }
  std::string why = "no gate";
  TRY_ASSIGN(const auto refusal, Refusal(j, challenger, champion, why));
  if (!refusal) TRY(model::VerifyVersion(*store, name, artifact::ForFiles()));
  if (may_change) TRY(may_change());
  // Before the pointer moves: whoever finds it moved finds the ruling, too.
  const model::Ruling ruling{name, !refusal, refusal.value_or(why), run, now};
  TRY(model::NoteRuling(*store, ruling, artifact::ForDecision()));
  StepDone done{"", {{}, "", ruling}};
  if (refusal) {
    done.sentence = fmt::format("not promoted: {}; busker promote {} makes it live all the same",
                                *refusal, name.timestamp);
    return done;
  }
  TRY(model::MoveLive(*store, {name, "run " + run, why, now}, artifact::ForDecision()));
  done.sentence = fmt::format("{} is live now: {}", name.timestamp, why);
  return done;
}

}  // namespace

std::string ToJson(const DeliverStep& step) {
  const deliver::Request& request = step.request;
  json schema = json::array();
  for (const auto& column : request.schema) schema.push_back({column.name, column.type});
  return json{{"store_url", step.store_url},
              {"version", step.version},
              {"file", step.file},
              {"warehouse_url", step.warehouse_url},
              {"request",
               {{"id", request.id},
                {"table", request.table},
                {"schema", schema},
                {"write", deliver::NameOf(request.write)},
                {"data_date", request.data_date},
                {"scheduled_at", FormatRfc3339(request.scheduled_at)},
                {"force", request.force},
                {"rows_min", request.rows_min ? json(*request.rows_min) : json()},
                {"run", request.run},
                {"service", request.service},
                {"model_version", request.model_version}}}}
      .dump();
}

std::string ToJson(const PromoteStep& step) {
  return json{{"store_url", step.store_url},
              {"version", step.version},
              {"gate", step.gate ? json(*step.gate) : json()},
              {"force", step.force},
              {"run", step.run}}
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
    if (name == "promote") return Promote(j, home, now, may_change);
    return Invalid("there is no step " + name);
  } catch (const json::exception& error) {
    return Invalid("step " + name + ": " + error.what());
  }
}

Result<StepDone> CarryOutStep(const std::vector<std::string>& command, const home::Folder& home,
                              Instant now, const MayChange& may_change) {
  if (command.size() != 4 || command[1] != "step")
    return Invalid("this is no step of Busker's own");
  return CarryOutStep(command[2], command[3], home, "", now, may_change);
}

}  // namespace busker::prepare
