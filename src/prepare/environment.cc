#include "prepare/environment.h"

#include <array>

namespace busker::prepare {
namespace {

constexpr std::array<std::string_view, 7> kInherited = {"PATH", "HOME",   "USER",       "LANG",
                                                        "TZ",   "TMPDIR", "VIRTUAL_ENV"};

}  // namespace

std::string FindVariable(const std::vector<std::string>& entries, std::string_view name) {
  for (const std::string& entry : entries) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return entry.substr(name.size() + 1);
    }
  }
  return {};
}

Environment Inherited(const std::vector<std::string>& entries) {
  Environment own;
  for (const std::string_view name : kInherited) {
    if (std::string value = FindVariable(entries, name); !value.empty()) {
      own[std::string(name)] = value;
    }
  }
  own.try_emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
  return own;
}

// Set to nothing says otherwise, too: Python takes that for "buffered".
Environment ForPrograms(const std::vector<std::string>& entries) {
  constexpr std::string_view kUnbuffered = "PYTHONUNBUFFERED";
  Environment environment = Inherited(entries);
  environment[std::string(kUnbuffered)] = "1";
  for (const std::string& entry : entries) {
    if (entry.size() > kUnbuffered.size() && entry.starts_with(kUnbuffered) &&
        entry[kUnbuffered.size()] == '=') {
      environment[std::string(kUnbuffered)] = entry.substr(kUnbuffered.size() + 1);
    }
  }
  return environment;
}

Environment InImages() { return {{"PYTHONUNBUFFERED", "1"}}; }

void KeepOfLog(std::uint64_t bytes_max, attempt::Order& order) {
  order.log_head_bytes_max = bytes_max / 2;
  order.log_tail_bytes_max = bytes_max - order.log_head_bytes_max;
}

std::vector<std::string> Entries(const Environment& environment) {
  std::vector<std::string> entries;
  for (const auto& [name, value] : environment) entries.push_back(name + "=" + value);
  return entries;
}

}  // namespace busker::prepare
