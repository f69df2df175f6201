// Reads one table of the service file against the table of its keys (keys.h), collecting faults.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "service/document.h"
#include "service/fault.h"

namespace busker::service {

// What a person is told about a key: in messages, and in the JSON Schema.
struct KeyInfo {
  std::string_view name;
  std::string_view example;      // as it stands in the file, the quotes included
  std::string_view description;  // a sentence
  std::string_view schema;       // JSON Schema of the value, without the description
};

// What is said of a key that a table does not have.
struct KeyHelp {
  // Why it is refused although it is a word of the field, as a whole sentence; nullopt: it is not.
  std::optional<std::string> (*refusal)(std::string_view key) = nullptr;
  // How messages call the table that has it; nullopt: none has.
  std::optional<std::string> (*home)(std::string_view key) = nullptr;
  // The key of another table that may have been meant; nullopt: none.
  std::optional<std::string> (*nearest_elsewhere)(std::string_view key) = nullptr;
};

class Reader {
 public:
  // `table`: how messages call the table, "[actions.training]"; empty at the top level.
  Reader(Faults& faults, std::string table);  // of the service file
  Reader(Faults& faults, std::string table, const KeyHelp& help)
      : faults_(faults), table_(std::move(table)), help_(help) {}

  Faults& faults() { return faults_; }
  void Fault(Position at, std::string message) { faults_.Add(at, std::move(message)); }

  // The value as the type that the key has; nullopt: it is of another, and the fault is added.
  std::optional<std::string> String(const Member& member);  // not empty, and free of NUL
  std::optional<std::int64_t> Integer(const Member& member, std::int64_t least, std::int64_t most);
  std::optional<bool> Bool(const Member& member);
  std::optional<std::string> Name(const Member& member);  // base/id.h
  std::optional<Milliseconds> Duration(const Member& member);
  std::optional<Milliseconds> Limit(const Member& member);      // a duration that is not zero
  std::optional<std::string> Schedule(const Member& member);    // cron text
  std::optional<std::string> TimeZone(const Member& member);    // IANA name
  std::optional<int> Cpus(const Member& member);                // thousandths
  std::optional<std::uint64_t> Memory(const Member& member);    // bytes
  std::optional<std::uint64_t> LogBytes(const Member& member);  // service/log_setting.h
  std::optional<std::string> Path(const Member& member, const std::string& folder);  // absolute
  std::optional<std::string> Url(const Member& member, const std::vector<std::string>& schemes);
  std::optional<std::string> Choice(const Member& member, const std::vector<std::string>& choices);
  std::optional<std::vector<std::string>> Command(const Member& member);
  // A string, or an array of them, each not empty and there once; `what`: "an action's name".
  std::optional<std::vector<std::string>> Strings(const Member& member, const std::string& what);
  std::optional<std::vector<std::string>> Emails(const Member& member);  // addresses
  const Node* Table(const Member& member);
  std::optional<std::string> String(const Node& node, const std::string& what);  // of an array, ...

  // Faults `value`, which is none of `choices`.
  void UnknownValue(const Member& member, const std::string& value,
                    const std::vector<std::string>& choices);
  // Faults a key that is none of `names`.
  void Unknown(const Member& member, const std::vector<std::string>& names);
  // Faults "must be WHAT" at the member's value.
  void MustBe(const Member& member, std::string_view what);

  // Hands each member of `table` to the key's `read`; faults members that no key knows.
  template <typename Key, typename Into>
  void ReadTable(const Node& table, std::span<const Key> keys, Into& into) {
    for (const Member& member : table.members) {
      if (faults_.full()) return;
      const Key* found = nullptr;
      for (const Key& key : keys) {
        if (key.info.name == member.name) found = &key;
      }
      if (found == nullptr) {
        std::vector<std::string> names;
        for (const Key& key : keys) names.emplace_back(key.info.name);
        Unknown(member, names);
        continue;
      }
      if (member.value.kind == Node::Kind::kNull) continue;  // JSON's way to leave a key out
      key_ = &found->info;
      found->read(*this, member, into);
    }
  }

 private:
  std::string Of(const Member& member) const;  // "schedule" in [actions.training]

  Faults& faults_;
  std::string table_;
  KeyHelp help_;
  const KeyInfo* key_ = nullptr;  // the key being read
};

// Whether it can be an e-mail address: one "@" with something on both sides, and nothing that would
// end it in a mail's head. What a mail server takes in the end is for it to say.
bool IsEmail(std::string_view text);
bool IsNamedEmail(std::string_view text);  // "Ann Ops <ann@example.com>"

// Whether a relative path stays where it begins: no "..", no ".", no empty part, no control
// character.
bool IsPlainRelativePath(std::string_view path);

// What a person may write for an image, or for a name of one: "registry.example/churn:1". Whether
// there is such an image, a registry says.
bool CanBeImage(std::string_view text);

}  // namespace busker::service
