#include "serve/predict_api.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "deliver/table_rows.h"
#include "http/json_body.h"
#include "http/problem.h"
#include "online/answer.h"
#include "predict/instances.h"
#include "serve/services.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;

// The tables that the service delivers to and that are asked for by key. One whose name is made of
// placeholders is several.
std::set<std::string> KeyedTables(const service::Service& service) {
  std::set<std::string> tables;
  for (const auto& [_, action] : service.actions) {
    for (const service::DeliverySetting& delivery : action.deliveries) {
      if (delivery.key.empty() || delivery.table.find("${") != std::string::npos) continue;
      tables.insert(delivery.table);
    }
  }
  return tables;
}

// What reads those; nullopt: their warehouse is one without rows by key.
std::optional<io::fs::path> WarehouseOf(const daemon::Daemon& daemon,
                                        const service::Service& service) {
  const auto places = daemon.PlacesOf(service);
  return places ? deliver::FolderOfWarehouse(places->warehouse_url) : std::nullopt;
}

ordered_json DescribeInput(const predict::Input& input) {
  return {{"name", input.name},
          {"type", NameOf(input.type)},
          {"missing", input.missing},
          {"categories", input.type == predict::Type::kCategory ? ordered_json(input.categories)
                                                                : ordered_json()}};
}

ordered_json DescribeTable(const deliver::TableView& table) {
  ordered_json key = ordered_json::array();
  for (const deliver::Column& column : table.key()) {
    key.push_back({{"name", column.name}, {"type", column.type}});
  }
  return {{"table", table.table()}, {"key", std::move(key)}};
}

// A field of a form holds text. What the model takes as a number or a truth is made that, where it
// is one; an empty field is a value that is missing.
ordered_json ValueOf(const predict::Input& input, const ordered_json& value) {
  if (!value.is_string()) return value;
  const auto& text = value.get_ref<const std::string&>();
  const bool is_text =
      input.type == predict::Type::kText ||
      std::find(input.categories.begin(), input.categories.end(), text) != input.categories.end();
  if (is_text) return value;
  if (Trim(text).empty()) return nullptr;
  const ordered_json read = ordered_json::parse(Trim(text), nullptr, false);
  const bool fits =
      input.type == predict::Type::kBoolean
          ? read.is_boolean()
          : (input.type == predict::Type::kNumber || input.type == predict::Type::kInteger) &&
                read.is_number();
  return fits ? read : value;
}

// As a list of one, for the reader that all forms of requests have.
std::string InstanceText(const predict::Signature& signature, const ordered_json& instance) {
  ordered_json read = ordered_json::object();
  for (const auto& [name, value] : instance.items()) {
    const auto place = signature.Find(name);
    read[name] = place ? ValueOf(signature.inputs[*place], value) : value;
  }
  return ordered_json::array({std::move(read)}).dump();
}

// The one instance has no number for who sees a form.
Error WithoutNumber(Error fault) {
  constexpr std::string_view kNumber = "instance 1: ";
  if (fault.message.starts_with(kNumber)) fault.message.erase(0, kNumber.size());
  return fault;
}

// The shortest number that is read as this float again.
ordered_json NumberOf(float value) {
  std::string text;
  online::AppendNumber(text, value);
  return ordered_json::parse(text);
}

// The text of a table's key, out of `key` and, what that has not, out of the instance.
Result<std::string> KeyIn(const deliver::TableView& table, const ordered_json& key,
                          const ordered_json& instance) {
  std::vector<std::string> values;
  for (const deliver::Column& column : table.key()) {
    const auto given = [&](const ordered_json& from) -> const ordered_json* {
      const auto found = from.find(column.name);
      const bool is_there = found != from.end() && !found->is_null() && *found != "";
      return is_there ? &*found : nullptr;
    };
    const ordered_json* value = given(key);
    if (value == nullptr) value = given(instance);
    if (value == nullptr) {
      return Invalid(fmt::format("\"{}\" of its key is not given", Printable(column.name)));
    }
    values.push_back(value->is_string() ? value->get<std::string>() : value->dump());
  }
  return table.KeyText(values);
}

// {"row": {...}, "delivery", ...}; or "why" there is no row.
ordered_json RowOf(const deliver::TableView& table, const ordered_json& key,
                   const ordered_json& instance, Instant now) {
  ordered_json described = {{"row", nullptr},           {"delivery", nullptr},
                            {"model_version", nullptr}, {"data_date", nullptr},
                            {"age_seconds", nullptr},   {"why", nullptr}};
  const auto find = [&]() -> Result<std::optional<deliver::FoundRow>> {
    TRY_ASSIGN(const std::string text, KeyIn(table, key, instance));
    TRY(table.CheckAge(now));
    return table.Find(text, "", now);
  };
  const auto found = find();
  if (!found) {
    described["why"] = http::WithoutPaths(found.error().message);
  } else if (!*found) {
    described["why"] = "it has no row with this key";
  } else {
    const deliver::Part& part = *(*found)->part;
    described["row"] = ordered_json::parse((*found)->json, nullptr, false);
    described["delivery"] = part.delivery;
    described["model_version"] = part.keyed->model_version;
    described["data_date"] = part.keyed->data_date;
    described["age_seconds"] =
        std::chrono::floor<std::chrono::seconds>(now - part.scheduled_at).count();
  }
  return described;
}

}  // namespace

void PredictApi::AddRoutes(Routes& routes) {
  routes.Add({http::Method::kGet, "/api/v1/services/{service}/predict", access::Scope::kViewer,
              "What the live version takes and gives, for who tries one prediction.",
              [this](const Call& call) { return ShowForm(call); }});
  routes
      .Add({http::Method::kPost, "/api/v1/services/{service}/predict", access::Scope::kViewer,
            "One prediction of the live version, and the rows delivered for the same key.",
            [this](const Call& call) { return Predict(call); }})
      .body = {{"instance", http::Field::Kind::kObject, "the inputs, by name", true},
               {"key", http::Field::Kind::kObject, "columns of tables' keys that are no inputs"}};
}

Result<std::shared_ptr<const online::Served>> PredictApi::FindServed(const Call& call) const {
  const std::string& service = call.At("service");
  TRY(FindService(*daemon_.catalogue(), service));
  if (models_ == nullptr) {
    return NotFound(
        fmt::format("predictions of {} are not answered here; [serving] in daemon.toml turns that "
                    "on, from the next start",
                    service));
  }
  auto served = models_->Find(service);
  if (served == nullptr) {
    return NotFound(
        fmt::format("no version of {} may ever be live, so it predicts nothing; promote "
                    "= true of an action says which may",
                    service));
  }
  return served;
}

http::Response PredictApi::ShowForm(const Call& call) {
  const auto served = FindServed(call);
  if (!served) return http::Problem(served.error());
  const auto version = (*served)->Current();
  ordered_json form = {{"service", call.At("service")},
                       {"ready", version != nullptr},
                       {"why", nullptr},
                       {"version", nullptr},
                       {"runtime", nullptr},
                       {"inputs", ordered_json::array()},
                       {"outputs", ordered_json::array()},
                       {"tables", ordered_json::array()}};
  if (version == nullptr) {
    form["why"] = http::WithoutPaths((*served)->WhyNotReady());
  } else {
    form["version"] = online::NameOf(*version);
    form["runtime"] = version->model->Describe();
    for (const auto& input : version->signature.inputs) {
      form["inputs"].push_back(DescribeInput(input));
    }
    form["outputs"] = version->signature.outputs;
  }
  const auto service = FindService(*daemon_.catalogue(), call.At("service"));
  if (!service) return http::Problem(service.error());
  if (const auto warehouse = WarehouseOf(daemon_, **service)) {
    deliver::TableReader tables(*warehouse);
    for (const std::string& name : KeyedTables(**service)) {
      if (const auto table = tables.Look(name)) form["tables"].push_back(DescribeTable(**table));
    }
  }
  return http::JsonResponse(form);
}

http::Response PredictApi::Predict(const Call& call) {
  ordered_json instance, key = ordered_json::object();
  auto body = http::JsonBody::Of(call.request);
  if (!body) return http::Problem(body.error());
  body->Get("instance", instance);
  body->Get("key", key);
  if (const auto fine = body->Finish(); !fine) return http::Problem(fine.error());
  if (!instance.is_object()) {
    return http::Problem(400, "\"instance\" is missing: the inputs, by name, {\"age\": 41, ...}");
  }
  const auto served = FindServed(call);
  if (!served) return http::Problem(served.error());
  const auto version = (*served)->Current();
  if (version == nullptr) return http::Problem(503, http::WithoutPaths((*served)->WhyNotReady()));
  const auto service = FindService(*daemon_.catalogue(), call.At("service"));
  if (!service) return http::Problem(service.error());

  const auto begun = std::chrono::steady_clock::now();
  const auto rows =
      predict::ReadInstances(InstanceText(version->signature, instance), version->signature, 1);
  if (!rows) return http::Problem(WithoutNumber(rows.error()));
  const auto values = online::Predict(*version, *rows);
  const auto took = std::chrono::steady_clock::now() - begun;
  if (!values) return http::Problem(WithoutNumber(values.error()));
  (*served)->figures.Add(200, 1, took);
  ordered_json answer = {
      {"version", online::NameOf(*version)},
      {"outputs", ordered_json::array()},
      {"microseconds", std::chrono::duration_cast<std::chrono::microseconds>(took).count()},
      {"tables", ordered_json::array()}};
  for (std::size_t i = 0; i < values->size(); ++i) {
    answer["outputs"].push_back(
        {{"name", version->signature.outputs[i]}, {"value", NumberOf((*values)[i])}});
  }
  if (const auto warehouse = WarehouseOf(daemon_, **service)) {
    deliver::TableReader tables(*warehouse);
    for (const std::string& name : KeyedTables(**service)) {
      ordered_json beside = {{"table", name}};
      const auto table = tables.Look(name);
      beside.update(table ? RowOf(**table, key, instance, Now())
                          : ordered_json{{"row", nullptr},
                                         {"why", http::WithoutPaths(table.error().message)}});
      answer["tables"].push_back(std::move(beside));
    }
  }
  return http::JsonResponse(answer);
}

}  // namespace busker::serve
