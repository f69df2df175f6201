#include "service/keys.h"

#include <fmt/core.h>

#include <array>

#include "base/text.h"
#include "service/placeholders.h"

namespace busker::service {
namespace {

constexpr std::string_view kNameSchema =
    R"({"type":"string","pattern":"^[a-z0-9][a-z0-9._-]{0,62}$"})";

void ReadName(Reader& reader, const Member& member, ServiceDraft& draft) {
  if (auto name = reader.Name(member)) draft.service.name = *name;
}

void ReadVersion(Reader& reader, const Member& member, ServiceDraft& draft) {
  if (auto version = reader.Name(member)) draft.service.version = *version;
}

void ReadModel(Reader& reader, const Member& member, ServiceDraft& draft) {
  const Node* table = reader.Table(member);
  if (table == nullptr) return;
  Reader model(reader.faults(), "[model]");
  model.ReadTable(*table, ModelKeys(), draft);
}

void ReadActions(Reader& reader, const Member& member, ServiceDraft& draft) {
  if (reader.Table(member) != nullptr) draft.actions = &member;
}

void ReadTargets(Reader& reader, const Member& member, ServiceDraft& draft) {
  if (reader.Table(member) != nullptr) draft.targets = &member;
}

void ReadTarget(Reader& reader, const Member& member, ServiceDraft& draft) {
  draft.target_at = member.value.at;
  if (auto target = reader.Name(member)) draft.service.target = *target;
}

void ReadNotifyTable(Reader& reader, const Member& member, ServiceDraft& draft) {
  ReadNotify(reader, member, draft.service.root, draft.service.notify);
}

// What it is was needed before (service_file.cc).
void ReadFolder(Reader& reader, const Member& member, ServiceDraft&) {
  const auto path = reader.String(member);
  if (!path || IsPlainRelativePath(*path)) return;
  reader.Fault(member.value.at,
               fmt::format("\"folder\": {} must be a path inside the service's folder, without "
                           "\"..\"",
                           Quoted(*path)));
}

void ReadImage(Reader& reader, const Member& member, ServiceDraft& draft) {
  ReadImageTable(reader, member, draft.service.image);
}

void ReadModelCommand(Reader& reader, const Member& member, ServiceDraft& draft) {
  draft.command_at = member.value.at;
  if (auto command = reader.Command(member)) draft.command = std::move(*command);
}

void ReadEnvironment(Reader& reader, const Member& member, ServiceDraft& draft) {
  const Node* table = reader.Table(member);
  if (table == nullptr) return;
  for (const Member& variable : table->members) {
    if (const auto fault = FindVariableFault(variable.name)) {
      reader.Fault(variable.at, *fault);
      continue;
    }
    const auto what = fmt::format("environment variable {}", Quoted(variable.name));
    if (variable.value.kind == Node::Kind::kInteger) {
      reader.Fault(variable.value.at,
                   fmt::format("{} must be a string: write \"{}\"", what, variable.value.integer));
      continue;
    }
    const auto value = reader.String(variable.value, what);
    if (!value) continue;
    if (const auto fault = FindPlaceholderFault(*value, PlaceholderUse::kEnvironment)) {
      reader.Fault(variable.value.at, fmt::format("{}: {}", what, *fault));
      continue;
    }
    draft.service.environment[variable.name] = *value;
  }
}

void ReadPassEnvironment(Reader& reader, const Member& member, ServiceDraft& draft) {
  if (member.value.kind != Node::Kind::kArray) {
    reader.MustBe(member, "an array of names");
    return;
  }
  draft.service.pass_environment.clear();
  for (const Node& item : member.value.items) {
    const auto name = reader.String(item, "a name in \"pass_environment\"");
    if (!name) continue;
    if (const auto fault = FindVariableFault(*name)) {
      reader.Fault(item.at, *fault);
      continue;
    }
    draft.service.pass_environment.push_back(*name);
  }
}

void ReadModelSecrets(Reader& reader, const Member& member, ServiceDraft& draft) {
  ReadSecrets(reader, member, "[model]", draft.service.secrets, draft.secrets_at);
}

constexpr std::array<Key<ServiceDraft>, 8> kTop = {{
    {{"name", R"("churn")", "The name of the service; the folder's name unless given.",
      kNameSchema},
     ReadName},
    {{"version", R"("2019-07-01")",
      "The version of the service; artifacts of different versions are kept apart. \"1\" unless "
      "given.",
      kNameSchema},
     ReadVersion},
    {{"model", "{ command = \"build/prediction\" }", "The model program.",
      R"({"$ref":"#/$defs/model"})"},
     ReadModel},
    {{"actions", "{ training = { schedule = \"@monthly\" } }",
      "What the model program can do, by name; configs/*.json are actions without being named "
      "here.",
      R"({"type":"object","propertyNames":{"pattern":"^[a-z0-9][a-z0-9._-]{0,62}$"},)"
      R"("additionalProperties":{"$ref":"#/$defs/action"}})"},
     ReadActions},
    {{"targets", "{ cloud = { artifacts = \"gs://bucket\" } }",
      "Named sets of places to run at and keep things in; \"local\" is built in.",
      R"({"type":"object","propertyNames":{"pattern":"^[a-z0-9][a-z0-9._-]{0,62}$"},)"
      R"("additionalProperties":{"$ref":"#/$defs/target"}})"},
     ReadTargets},
    {{"target", R"("local")", "The target that runs are at; \"local\" unless given.", kNameSchema},
     ReadTarget},
    {{"notify", "{ email = \"ops@example.com\" }", "Who is told when a run fails or is late.",
      R"({"$ref":"#/$defs/notify"})"},
     ReadNotifyTable},
    {{"image", "{ python = \"3.11\" }", "What `busker build` makes an image of.",
      R"({"$ref":"#/$defs/image"})"},
     ReadImage},
}};

constexpr std::array<Key<ServiceDraft>, 5> kModel = {{
    {{"folder", R"("service")",
      "The folder of the program, its configs/ and its source/, below that of this file; this "
      "file's own unless given, or service/ in a repository with scheduler/configs/ or "
      "container/Dockerfile beside it.",
      R"({"type":"string","minLength":1})"},
     ReadFolder},
    {{"command", R"("build/prediction --action ${ACTION} --config ${CONFIG}")",
      "The command line of every action that has none of its own; split into words, run without a "
      "shell.",
      R"({"type":"string","minLength":1})"},
     ReadModelCommand},
    {{"environment", R"({ OMP_NUM_THREADS = "1" })", "Environment variables for the program.",
      R"({"type":"object","additionalProperties":{"type":"string"}})"},
     ReadEnvironment},
    {{"pass_environment", R"(["HTTPS_PROXY"])",
      "Names of environment variables that are passed on from whoever starts Busker.",
      R"({"type":"array","items":{"type":"string","minLength":1}})"},
     ReadPassEnvironment},
    {{"secrets", R"({ WAREHOUSE_PASSWORD_FILE = "warehouse-password" })",
      "Secrets for the program, by environment variable: the variable holds the path of a file "
      "with "
      "the value.",
      kSecretsSchema},
     ReadModelSecrets},
}};

template <typename Into>
bool Has(std::span<const Key<Into>> keys, std::string_view name) {
  for (const auto& key : keys) {
    if (key.info.name == name) return true;
  }
  return false;
}

}  // namespace

std::span<const Key<ServiceDraft>> TopKeys() { return kTop; }
std::span<const Key<ServiceDraft>> ModelKeys() { return kModel; }

std::optional<std::string> FindVariableFault(const std::string& name) {
  if (name.empty()) return "the name of an environment variable must not be empty";
  for (char c : name) {
    if (c == '=' || static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) {
      return fmt::format("{} cannot be the name of an environment variable: no \"=\", no blanks",
                         Quoted(name));
    }
  }
  if (name == "NAME" || name == "VERSION" || name == "ACTION" || name == "ZONE" ||
      name.starts_with("BUSKER_")) {
    return fmt::format("{} is set by Busker itself (NAME, VERSION, ACTION, ZONE and BUSKER_...)",
                       Quoted(name));
  }
  return std::nullopt;
}

std::optional<std::string> TableWithKey(std::string_view key) {
  if (Has(TopKeys(), key)) return "the top level, above the first [table]";
  if (Has(ModelKeys(), key)) return "[model]";
  if (Has(ActionKeys(), key)) return "[actions.NAME]";
  if (Has(DeliveryKeys(), key)) return "[actions.NAME.deliver.\"FILE\"]";
  if (Has(TargetKeys(), key)) return "[targets.NAME]";
  if (Has(NotifyKeys(), key)) return "[notify]";
  if (Has(ImageKeys(), key)) return "[image]";
  if (Has(SecretKeys(), key)) return "a secret's own table, { name = \"...\" }";
  return std::nullopt;
}

std::optional<std::string> NearestKey(std::string_view word) {
  std::vector<std::string> names;
  const auto add = [&](const auto& keys) {
    for (const auto& key : keys) names.emplace_back(key.info.name);
  };
  add(TopKeys());
  add(ModelKeys());
  add(ActionKeys());
  add(DeliveryKeys());
  add(TargetKeys());
  add(NotifyKeys());
  add(ImageKeys());
  return Nearest(word, names);
}

}  // namespace busker::service
