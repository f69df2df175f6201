// The key "secrets" of [model] and [actions.NAME]: VARIABLE = "name" or VARIABLE = { name = ... }.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/id.h"
#include "service/keys.h"

namespace busker::service {
namespace {

constexpr std::size_t kSecretsMax = 64;  // of one action

// Variables that change what is run instead of telling it something: of the loader, the C library,
// shells and interpreters. With PREFIX_ each that begins so.
constexpr std::array<std::string_view, 31> kDangerous = {
    "PATH",        "HOME",           "SHELL",          "IFS",
    "ENV",         "BASH_ENV",       "SHELLOPTS",      "BASHOPTS",
    "PS4",         "PROMPT_COMMAND", "CDPATH",         "GLOBIGNORE",
    "LD_",         "DYLD_",          "BASH_FUNC_",     "GCONV_PATH",
    "GETCONF_DIR", "HOSTALIASES",    "GLIBC_TUNABLES", "LOCPATH",
    "NLSPATH",     "RES_OPTIONS",    "LOCALDOMAIN",    "TMPDIR",
    "PYTHONHOME",  "PYTHONPATH",     "PYTHONSTARTUP",  "PERL5LIB",
    "PERL5OPT",    "NODE_OPTIONS",   "RUBYOPT"};

bool IsDangerous(std::string_view variable) {
  return std::any_of(kDangerous.begin(), kDangerous.end(), [&](std::string_view name) {
    return name.ends_with('_') ? variable.starts_with(name) : variable == name;
  });
}

bool IsIdentifier(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::optional<std::string> FindFault(const std::string& variable) {
  if (auto fault = FindVariableFault(variable)) return fault;
  if (!IsIdentifier(variable)) {
    return fmt::format(
        "{} cannot be the variable of a secret: a-z, A-Z, 0-9 and \"_\", no digit "
        "first",
        Quoted(variable));
  }
  if (IsDangerous(variable)) {
    return fmt::format(
        "{} cannot be the variable of a secret: it changes how programs run; choose "
        "another name",
        Quoted(variable));
  }
  return std::nullopt;
}

// What is no name may be the secret itself, so it is not repeated.
void TakeName(Reader& reader, Position at, const std::string& where, const std::string& name,
              SecretDraft& draft) {
  if (IsName(name)) {
    draft.secret.name = name;
    return;
  }
  reader.Fault(
      at,
      fmt::format("{} is not a valid name of a secret: a-z, 0-9, \".\", \"_\" and \"-\", a letter "
                  "or digit first, at most 63; the value itself is told by busker "
                  "secret set NAME",
                  where));
}

void ReadSecretName(Reader& reader, const Member& member, SecretDraft& draft) {
  if (const auto name = reader.String(member)) {
    TakeName(reader, member.value.at, "\"name\"", *name, draft);
  }
}

void ReadAs(Reader& reader, const Member& member, SecretDraft& draft) {
  if (const auto as = reader.Choice(member, {"file", "environment"})) {
    draft.secret.as_environment = *as == "environment";
  }
}

constexpr std::array<Key<SecretDraft>, 2> kSecret = {{
    {{"name", R"("warehouse-password")", "The secret's name, as busker secret set has it.",
      R"({"type":"string","pattern":"^[a-z0-9][a-z0-9._-]{0,62}$"})"},
     ReadSecretName},
    {{"as", R"("environment")",
      "\"file\", the default: the variable holds the path of a file in memory with the value. "
      "\"environment\": it holds the value itself.",
      R"({"enum":["file","environment"]})"},
     ReadAs},
}};

}  // namespace

std::span<const Key<SecretDraft>> SecretKeys() { return kSecret; }

void ReadSecrets(Reader& reader, const Member& member, const std::string& table, Secrets& secrets,
                 std::map<std::string, Position>& at) {
  const Node* all = reader.Table(member);
  if (all == nullptr) return;
  for (const Member& variable : all->members) {
    if (const auto fault = FindFault(variable.name)) {
      reader.Fault(variable.at, *fault);
      continue;
    }
    const std::string where = fmt::format("secrets.{} in {}", variable.name, table);
    SecretDraft draft;
    if (variable.value.kind == Node::Kind::kTable) {
      Reader own(reader.faults(), where);
      own.ReadTable(variable.value, SecretKeys(), draft);
      if (variable.value.Find("name") == nullptr) {
        reader.Fault(variable.at, fmt::format("{} needs the key \"name\"", where));
      }
    } else if (const auto name = reader.String(variable.value, where)) {
      TakeName(reader, variable.value.at, where, *name, draft);
    }
    secrets[variable.name] = draft.secret;
    at[variable.name] = variable.at;
  }
  if (secrets.size() > kSecretsMax) {
    reader.Fault(member.at, fmt::format("an action can have {} secrets, and {} has {}", kSecretsMax,
                                        table, secrets.size()));
  }
}

void CheckSecrets(const Service& service, const std::map<std::string, Position>& at,
                  Faults& faults) {
  for (const auto& [variable, position] : at) {
    const auto& passed = service.pass_environment;
    const bool is_passed = std::find(passed.begin(), passed.end(), variable) != passed.end();
    if (!service.environment.contains(variable) && !is_passed) continue;
    faults.Add(position,
               fmt::format("{} is set by \"{}\" already; a variable has one value",
                           Quoted(variable), is_passed ? "pass_environment" : "environment"));
  }
}

}  // namespace busker::service
