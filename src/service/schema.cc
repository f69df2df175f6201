// The JSON Schema of busker.toml, made from the tables of its keys.
#include <nlohmann/json.hpp>
#include <string>

#include "service/keys.h"
#include "service/service.h"

namespace busker::service {
namespace {

using Json = nlohmann::ordered_json;

template <typename Into>
Json TableSchema(std::span<const Key<Into>> keys) {
  Json properties = Json::object();
  for (const Key<Into>& key : keys) {
    Json property = Json::parse(key.info.schema);
    property["description"] = key.info.description;
    // Where TOML and JSON write it alike.
    const Json example = Json::parse(key.info.example, nullptr, false);
    if (!example.is_discarded()) property["examples"] = Json::array({example});
    properties[std::string(key.info.name)] = std::move(property);
  }
  return {{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
}

}  // namespace

std::string JsonSchema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "busker.toml"},
                 {"description", "A service of Busker: what differs from the conventions."}};
  schema.update(TableSchema(TopKeys()));
  schema["$defs"]["model"] = TableSchema(ModelKeys());
  schema["$defs"]["action"] = TableSchema(ActionKeys());
  schema["$defs"]["delivery"] = TableSchema(DeliveryKeys());
  schema["$defs"]["secret"] = TableSchema(SecretKeys());
  schema["$defs"]["secret"]["required"] = {"name"};
  schema["$defs"]["target"] = TableSchema(TargetKeys());
  schema["$defs"]["notify"] = TableSchema(NotifyKeys());
  schema["$defs"]["image"] = TableSchema(ImageKeys());
  return schema.dump(2);
}

}  // namespace busker::service
