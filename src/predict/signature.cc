#include "predict/signature.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "base/json_object.h"
#include "base/text.h"

namespace busker::predict {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::pair<Type, std::string_view>, 6> kTypes = {{{Type::kNumber, "number"},
                                                                      {Type::kInteger, "integer"},
                                                                      {Type::kBoolean, "boolean"},
                                                                      {Type::kCategory, "category"},
                                                                      {Type::kText, "text"},
                                                                      {Type::kDate, "date"}}};

// XGBoost takes no category with a greater code.
constexpr std::size_t kCategoriesMax = 1u << 24;

// "signature.json: inputs[2].type: ..."
tl::unexpected<Error> Fault(std::string_view place, std::string_view what) {
  return Invalid(std::string(kSignatureFile) + ": " + std::string(place) + ": " +
                 std::string(what));
}

std::string Listed(std::vector<std::string> names) {
  for (std::string& name : names) name = "\"" + name + "\"";
  return Join(names, ", ");
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kMax = 80;
  return "\"" + Printable(text.substr(0, kMax)) + (text.size() > kMax ? "...\"" : "\"");
}

// Every member of the object is one of `known`.
Result<void> CheckKeys(const Json& object, std::string_view place,
                       const std::vector<std::string>& known) {
  if (!object.is_object()) return Fault(place, "an object is expected");
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const auto near = Nearest(key, known);
    return Fault(place, "there is no key " + Quoted(key) +
                            (near ? ", did you mean \"" + *near + "\"?"
                                  : "; the keys are " + Listed(known)));
  }
  return {};
}

Result<std::string> Name(const Json& value, std::string_view place) {
  if (!value.is_string()) return Fault(place, "a text is expected");
  std::string name = value.get<std::string>();
  if (name.empty()) return Fault(place, "it is empty");
  return name;
}

// A list of names, each once.
Result<std::vector<std::string>> Names(const Json& value, std::string_view place,
                                       std::size_t names_max) {
  if (!value.is_array() || value.empty() || value.size() > names_max) {
    return Fault(place, "a list of texts is expected, of one or more");
  }
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const Json& entry : value) {
    TRY_ASSIGN(std::string name, Name(entry, place));
    if (!seen.insert(name).second) return Fault(place, Quoted(name) + " is there twice");
    names.push_back(std::move(name));
  }
  return names;
}

// One of two words.
Result<bool> IsFirst(const Json& value, std::string_view place, std::string_view first,
                     std::string_view second) {
  if (value.is_string() && value.get<std::string>() == first) return true;
  if (value.is_string() && value.get<std::string>() == second) return false;
  return Fault(place,
               "\"" + std::string(first) + "\" or \"" + std::string(second) + "\" is expected");
}

Result<Type> ReadType(const Json& value, std::string_view place) {
  std::vector<std::string> names;
  for (const auto& [type, name] : kTypes) {
    if (value.is_string() && value.get<std::string>() == name) return type;
    names.emplace_back(name);
  }
  return Fault(place, "a type is expected, one of " + Listed(names));
}

Result<void> ReadCategories(const Json& object, const std::string& place, Input& input) {
  if (object.contains("categories")) {
    TRY_ASSIGN(input.categories,
               Names(object["categories"], place + ".categories", kCategoriesMax));
  }
  const bool is_category = input.type == Type::kCategory;
  if (is_category && input.categories.empty()) {
    return Fault(place + ".categories",
                 "a category needs the list of its texts, in the order of the codes that the "
                 "model was trained with");
  }
  if (!is_category && object.contains("categories")) {
    return Fault(place + ".categories", "they are for the type \"category\" alone");
  }
  if (!is_category) input.categories.clear();
  if (object.contains("unseen")) {
    if (!is_category) return Fault(place + ".unseen", "it is for the type \"category\" alone");
    TRY_ASSIGN(const bool refuse,
               IsFirst(object["unseen"], place + ".unseen", "refuse", "missing"));
    input.unseen = refuse ? Unseen::kRefuse : Unseen::kMissing;
  }
  return {};
}

// What the entry of "inputs" says, over `input`.
Result<void> ReadInput(const Json& object, const std::string& place, Input& input) {
  if (object.contains("type")) {
    TRY_ASSIGN(input.type, ReadType(object["type"], place + ".type"));
  }
  if (object.contains("missing")) {
    if (!object["missing"].is_boolean())
      return Fault(place + ".missing", "true or false is expected");
    input.missing = object["missing"].get<bool>();
  }
  return ReadCategories(object, place, input);
}

// A model that knows the names of its inputs has their order, too, and the entries go over them by
// name. One that does not is told all of them, in their order.
Result<void> ReadInputs(const Json& list, Signature& signature) {
  if (!list.is_array()) return Fault("inputs", "a list is expected");
  const bool are_named = std::all_of(signature.inputs.begin(), signature.inputs.end(),
                                     [](const Input& input) { return !input.name.empty(); });
  if (!are_named && list.size() != signature.inputs.size()) {
    return Fault("inputs", "the model takes " + std::to_string(signature.inputs.size()) +
                               " inputs and does not name them, and here are " +
                               std::to_string(list.size()));
  }
  std::set<std::string> seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::string place = "inputs[" + std::to_string(i) + "]";
    TRY(CheckKeys(list[i], place, {"name", "type", "missing", "categories", "unseen"}));
    if (!list[i].contains("name")) return Fault(place, "it has no \"name\"");
    TRY_ASSIGN(std::string name, Name(list[i]["name"], place + ".name"));
    if (!seen.insert(name).second) return Fault(place, Quoted(name) + " is there twice");
    const auto known = are_named ? signature.Find(name) : std::optional(i);
    if (!known) return Fault(place, "the model has no input " + Quoted(name));
    Input& input = signature.inputs[*known];
    input.name = std::move(name);
    TRY(ReadInput(list[i], place, input));
  }
  return {};
}

Result<void> ReadSettings(const Json& object, Signature& signature) {
  if (object.contains("model")) {
    TRY_ASSIGN(signature.model, Name(object["model"], "model"));
  }
  if (object.contains("missing")) {
    const Json& value = object["missing"];
    if (!value.is_number()) return Fault("missing", "a number is expected");
    signature.missing_value = static_cast<float>(value.get<double>());
    if (!std::isfinite(*signature.missing_value)) return Fault("missing", "it is not finite");
  }
  if (object.contains("iterations")) {
    const Json& value = object["iterations"];
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() == 0 ||
        value.get<std::uint64_t>() > UINT32_MAX) {
      return Fault("iterations", "a whole number of 1 or more is expected");
    }
    signature.iterations = value.get<std::uint32_t>();
  }
  if (object.contains("extra")) {
    TRY_ASSIGN(signature.refuses_extra, IsFirst(object["extra"], "extra", "refuse", "ignore"));
  }
  return {};
}

Result<void> ReadOutputs(const Json& value, Signature& signature) {
  TRY_ASSIGN(std::vector<std::string> names, Names(value, "outputs", kCategoriesMax));
  if (!signature.outputs.empty() && names.size() != signature.outputs.size()) {
    return Fault("outputs", "the model gives " + std::to_string(signature.outputs.size()) +
                                ", and " + std::to_string(names.size()) + " are named");
  }
  signature.outputs = std::move(names);
  return {};
}

}  // namespace

std::string_view NameOf(Type type) {
  for (const auto& [known, name] : kTypes) {
    if (known == type) return name;
  }
  return "?";
}

std::optional<std::size_t> Signature::Find(std::string_view name) const {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].name == name) return i;
  }
  return std::nullopt;
}

std::string ToJson(const Signature& signature) {
  Json object;
  if (!signature.model.empty()) object["model"] = signature.model;
  object["inputs"] = Json::array();
  for (const Input& input : signature.inputs) {
    Json entry = {{"name", input.name}, {"type", NameOf(input.type)}};
    if (input.missing) entry["missing"] = true;
    if (input.type == Type::kCategory) {
      entry["categories"] = input.categories;
      if (input.unseen == Unseen::kMissing) entry["unseen"] = "missing";
    }
    object["inputs"].push_back(std::move(entry));
  }
  if (signature.missing_value) object["missing"] = *signature.missing_value;
  if (signature.iterations) object["iterations"] = *signature.iterations;
  object["outputs"] = signature.outputs;
  if (!signature.refuses_extra) object["extra"] = "ignore";
  return JsonText(object);
}

Result<Signature> ParseSignature(const std::string& text, const Signature& of_model) {
  TRY_ASSIGN(const Json object, ParseJson(text, kSignatureFile));
  TRY(CheckKeys(object, "it", {"model", "inputs", "missing", "iterations", "outputs", "extra"}));
  Signature signature = of_model;
  TRY(ReadSettings(object, signature));
  if (object.contains("inputs")) TRY(ReadInputs(object["inputs"], signature));
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    if (!signature.inputs[i].name.empty()) continue;
    return Fault("inputs", "the model does not name its " +
                               std::to_string(signature.inputs.size()) +
                               " inputs: list them here, in the order of its columns");
  }
  if (object.contains("outputs")) TRY(ReadOutputs(object["outputs"], signature));
  return signature;
}

}  // namespace busker::predict
