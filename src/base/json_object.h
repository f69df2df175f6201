// Reading and writing JSON with errors that name the place. Heavy (nlohmann): for .cc files only.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace busker {

// kInvalid, "what:3:7: unexpected '}'; expected string literal", unless `text` is JSON in UTF-8.
Result<void> CheckJson(std::string_view text, std::string_view what);

// The same, and the value. A name that occurs twice in an object is an error, too.
Result<nlohmann::ordered_json> ParseJson(std::string_view text, std::string_view what);

// For what Busker itself has written, which it reads often: half the time, and of a name that
// occurs twice the last counts. Faults are told as by ParseJson.
Result<nlohmann::ordered_json> ParseOwnJson(std::string_view text, std::string_view what);

// JSON for people: two spaces, a line end behind. Bytes that are not UTF-8 become U+FFFD.
std::string JsonText(const nlohmann::ordered_json& value);

// Program arguments and environments may hold any byte but NUL: what is not UTF-8 is written as
// {"hex": "..."}, and read back the same.
nlohmann::ordered_json JsonBytes(const std::string& bytes);
nlohmann::ordered_json JsonBytes(const std::vector<std::string>& all);

// Reads the members of one object into variables. The first fault is kept, later calls do nothing,
// and Done() tells it:
//
//   JsonObject in(value, "exit.json");
//   in.Get("run", record.run);
//   in.Get("signal", record.signal);
//   TRY(in.Done());
//
// A member that is absent or null is a fault, unless the variable is an optional or an Instant
// (zero).
class JsonObject {
 public:
  JsonObject(const nlohmann::ordered_json& value, std::string what);

  void Get(const char* name, std::string& to);
  void Get(const char* name, int& to);
  void Get(const char* name, bool& to);
  void Get(const char* name, std::uint64_t& to);
  void Get(const char* name, Milliseconds& to);  // a whole number of them
  void Get(const char* name, Instant& to);       // RFC 3339
  void Get(const char* name, std::optional<std::string>& to);
  void Get(const char* name, std::optional<Milliseconds>& to);
  void Get(const char* name, std::map<std::string, double>& to);
  void GetBytes(const char* name, std::string& to);  // as JsonBytes writes them
  void GetBytes(const char* name, std::vector<std::string>& to);
  void GetBytes(const char* name, std::map<std::string, std::string>& to);
  // The entries of a list, each as `read`, from a value to a Result<T>, makes it. What that says no
  // to is the fault, in its words.
  template <typename T, typename Read>
  void GetEach(const char* name, std::vector<T>& to, const Read& read) {
    const auto* list = Find(name, "a list", &nlohmann::ordered_json::is_array);
    if (list == nullptr) return;
    for (const nlohmann::ordered_json& value : *list) {
      auto entry = read(value);
      if (!entry) {
        fault_ = std::move(entry).error();
        return;
      }
      to.push_back(*std::move(entry));
    }
  }
  // Absent is a fault, also when what it is read into would do without.
  void Require(const char* name);
  // The member as it is; null when it is absent.
  const nlohmann::ordered_json& Member(const char* name);

  // Members that nobody asked for are a fault.
  void RefuseOthers();

  Result<void> Done() const;

 private:
  bool Good() const { return !fault_; }
  // The member, or nullptr with the fault noted that it is missing or not `wanted`.
  const nlohmann::ordered_json* Find(const char* name, const char* wanted,
                                     bool (nlohmann::ordered_json::*is)() const noexcept);
  void Fault(std::string message);

  const nlohmann::ordered_json& value_;
  std::string what_;
  std::optional<Error> fault_;
  std::set<std::string> asked_;
};

}  // namespace busker
