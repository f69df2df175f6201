// The keys of the service file: one row each, with the function that reads it. The parser, the JSON
// Schema and the suggestions all go by these tables, so none can know a key that another does not.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "service/reader.h"
#include "service/service.h"

namespace busker::service {

template <typename Into>
struct Key {
  KeyInfo info;
  void (*read)(Reader& reader, const Member& member, Into& into);
};

// What the file says at its top level and in [model], over what the folder says by convention.
// Actions and targets are left for later: the conventions for actions need the final name.
struct ServiceDraft {
  Service service;
  std::optional<std::vector<std::string>> command;  // [model] command
  Position command_at;
  std::map<std::string, Position> secrets_at;  // by variable
  const Member* actions = nullptr;
  const Member* targets = nullptr;
  Position target_at;  // line 0: not said
};

// What the file says of an action, over what the conventions say.
struct ActionDraft {
  std::string service_name;  // final
  std::string root;          // of the service
  Action action;
  Position at;                                 // of the action's key; line 0: not in the file
  std::map<std::string_view, Position> said;   // keys that the file has, and where
  std::string start, end;                      // as the file has them; empty: not
  std::map<std::string, Position> tables_at;   // by file: where its table stands
  std::map<std::string, Position> secrets_at;  // of its own, by variable
};

struct DeliveryDraft {
  DeliverySetting delivery;
  Position table_at;
  Position data_date_at;         // of a column called data_date; line 0: none
  std::vector<Position> key_at;  // of each column of the key
  Position max_age_at;           // line 0: not said
};

struct SecretDraft {
  SecretSetting secret;
};

// A table [notify], of a service or of the daemon.
struct NotifyDraft {
  Notify notify;
  std::string folder;  // that relative paths are below
};

std::span<const Key<ServiceDraft>> TopKeys();
std::span<const Key<ServiceDraft>> ModelKeys();
std::span<const Key<ActionDraft>> ActionKeys();
std::span<const Key<DeliveryDraft>> DeliveryKeys();
std::span<const Key<SecretDraft>> SecretKeys();
std::span<const Key<Target>> TargetKeys();
std::span<const Key<NotifyDraft>> NotifyKeys();
std::span<const Key<ImageSetting>> ImageKeys();

// Why a word of the field is no key of [targets.NAME]; nullopt: nothing is known of it.
std::optional<std::string> RefusedTargetKey(std::string_view key);

// Reads a table [image].
void ReadImageTable(Reader& reader, const Member& member, ImageSetting& image);

// Reads one table of [actions.NAME.deliver]; `member` is its file.
void ReadDelivery(Reader& reader, const Member& member, ActionDraft& draft);

// Reads a table of secrets, of "[model]" or "[actions.NAME]", over those that are there; notes
// where each stands.
void ReadSecrets(Reader& reader, const Member& member, const std::string& table, Secrets& secrets,
                 std::map<std::string, Position>& at);

// That no variable is set twice, by a secret and by something else.
void CheckSecrets(const Service& service, const std::map<std::string, Position>& at,
                  Faults& faults);

// What is wrong with the name of an environment variable that a service file sets or passes on; the
// file is trusted with every name but those that Busker sets itself.
std::optional<std::string> FindVariableFault(const std::string& name);

// The schema of a table of secrets.
inline constexpr std::string_view kSecretsSchema =
    R"({"type":"object","maxProperties":64,)"
    R"("propertyNames":{"pattern":"^[A-Za-z_][A-Za-z0-9_]*$"},"additionalProperties":{"anyOf":[)"
    R"({"type":"string","pattern":"^[a-z0-9][a-z0-9._-]{0,62}$"},{"$ref":"#/$defs/secret"}]}})";

// Reads a table [notify]; relative paths in it are below `folder`.
void ReadNotify(Reader& reader, const Member& member, const std::string& folder, Notify& notify);

// How messages call the table that has the key: "[model]" for "command"; nullopt: none has.
std::optional<std::string> TableWithKey(std::string_view key);
// The key of any table that is nearest to a word that is none; nullopt: none is near.
std::optional<std::string> NearestKey(std::string_view word);

}  // namespace busker::service
