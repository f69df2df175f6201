#include "cloud/log_severity.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"

namespace busker::cloud {
namespace {

constexpr std::size_t kLookBytes = 200;
// A level stands at the beginning, behind no more than an instant and a logger's name.
constexpr std::size_t kLevelWithin = 120;

constexpr std::array<std::pair<std::string_view, Severity>, 16> kLevels = {{
    {"TRACE", Severity::kDebug},
    {"DEBUG", Severity::kDebug},
    {"INFO", Severity::kInfo},
    {"NOTICE", Severity::kNotice},
    {"WARN", Severity::kWarning},
    {"WARNING", Severity::kWarning},
    {"ERR", Severity::kError},
    {"ERROR", Severity::kError},
    {"SEVERE", Severity::kError},
    {"CRIT", Severity::kCritical},
    {"CRITICAL", Severity::kCritical},
    {"FATAL", Severity::kCritical},
    {"PANIC", Severity::kCritical},
    {"ALERT", Severity::kCritical},
    {"EMERG", Severity::kCritical},
    {"EMERGENCY", Severity::kCritical},
}};

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return IsUpper(c) || (c >= 'a' && c <= 'z'); }

std::optional<Severity> LevelNamed(std::string_view word) {
  const auto found = std::find_if(kLevels.begin(), kLevels.end(),
                                  [&](const auto& one) { return one.first == word; });
  if (found == kLevels.end()) return std::nullopt;
  return found->second;
}

std::optional<Severity> LevelNamedAnyhow(std::string_view word) {
  std::string upper(word);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return LevelNamed(upper);
}

// Whether a level may begin behind `before`: nothing, "[", "2019-08-01 12:00:00,123 ", "shop - ".
bool MayStandBehind(std::string_view before) {
  if (before.empty()) return true;
  const char last = before.back();
  if (last == '[' || last == '<' || last == '|' || last == '(') return true;
  if (last != ' ' && last != '\t') return false;
  while (!before.empty() && (before.back() == ' ' || before.back() == '\t'))
    before.remove_suffix(1);
  if (before.empty()) return true;
  const char end = before.back();
  const bool is_time = IsDigit(end) && before.find(':') != std::string_view::npos;
  return is_time || end == 'Z' || end == ']' || end == '-' || end == '|' || end == ':';
}

bool MayStandBefore(std::string_view after) {
  return after.empty() ||
         std::string_view(" \t:]>|)-").find(after.front()) != std::string_view::npos;
}

// "ERROR:root:no such column", "2019-08-01 12:00:00,123 - shop - WARNING - few rows", "[INFO] x".
std::optional<Severity> LevelIn(std::string_view line) {
  const std::string_view head = line.substr(0, kLevelWithin);
  for (std::size_t begin = 0; begin < head.size();) {
    if (!IsUpper(head[begin])) {
      ++begin;
      continue;
    }
    std::size_t end = begin;
    while (end < head.size() && IsUpper(head[end])) ++end;
    const bool is_word =
        (begin == 0 || !IsLetter(head[begin - 1])) && (end == head.size() || !IsLetter(head[end]));
    if (is_word && MayStandBehind(head.substr(0, begin)) && MayStandBefore(line.substr(end))) {
      if (const auto level = LevelNamed(head.substr(begin, end - begin))) return level;
    }
    begin = end;
  }
  return std::nullopt;
}

// "level=warning", and of a line that is JSON "level": "error", "severity": "ERROR".
std::optional<Severity> LevelSaid(std::string_view line) {
  for (const std::string_view key :
       {"level=", "\"level\":", "\"severity\":", "\"levelname\":", "\"log.level\":"}) {
    const bool of_json = key.front() == '"';
    if (of_json && !line.starts_with('{')) continue;
    std::size_t at = line.find(key);
    if (at == std::string_view::npos || (!of_json && at > 0 && line[at - 1] != ' ')) continue;
    at += key.size();
    while (at < line.size() && (line[at] == ' ' || line[at] == '"')) ++at;
    std::size_t end = at;
    while (end < line.size() && IsLetter(line[end])) ++end;
    if (const auto level = LevelNamedAnyhow(line.substr(at, end - at))) return level;
  }
  return std::nullopt;
}

// "error: no such column", as programs say it that say little else; "fatal: not a git repository".
std::optional<Severity> WordBeforeColon(std::string_view line) {
  for (const auto& [word, severity] :
       {std::pair<std::string_view, Severity>("error:", Severity::kError),
        {"fatal:", Severity::kError},
        {"warning:", Severity::kWarning}}) {
    if (line.size() >= word.size() && LowerCase(line.substr(0, word.size())) == word)
      return severity;
  }
  return std::nullopt;
}

// "model.py:12: UserWarning: few rows", as Python's module warnings has it.
bool IsPythonWarning(std::string_view line) {
  const std::size_t at = line.find("Warning: ");
  if (at == std::string_view::npos) return false;
  std::size_t begin = at;
  while (begin > 0 && IsLetter(line[begin - 1])) --begin;
  if (begin < 4 || line.substr(begin - 2, 2) != ": ") return false;
  std::size_t digits = begin - 2;
  while (digits > 0 && IsDigit(line[digits - 1])) --digits;
  return digits < begin - 2 && digits > 0 && line[digits - 1] == ':';
}

// "E0801 12:34:56.789 ...", as Google's libraries for C++ write it.
std::optional<Severity> LevelOfGlog(std::string_view line) {
  if (line.size() < 14 || line[5] != ' ' || line[8] != ':' || line[11] != ':') return std::nullopt;
  for (const std::size_t at : {1, 2, 3, 4, 6, 7, 9, 10, 12, 13}) {
    if (!IsDigit(line[at])) return std::nullopt;
  }
  switch (line[0]) {
    case 'I':
      return Severity::kInfo;
    case 'W':
      return Severity::kWarning;
    case 'E':
      return Severity::kError;
    case 'F':
      return Severity::kCritical;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string_view NameOf(Severity severity) {
  switch (severity) {
    case Severity::kDefault:
      return "DEFAULT";
    case Severity::kDebug:
      return "DEBUG";
    case Severity::kInfo:
      return "INFO";
    case Severity::kNotice:
      return "NOTICE";
    case Severity::kWarning:
      return "WARNING";
    case Severity::kError:
      return "ERROR";
    case Severity::kCritical:
      return "CRITICAL";
  }
  return "DEFAULT";
}

Severity SeverityGuess::Of(std::string_view line) {
  line = line.substr(0, kLookBytes);
  if (line.starts_with("Traceback (most recent call last):")) {
    in_traceback_ = true;
    return Severity::kError;
  }
  // Its lines are indented; the first that is not names the exception, and ends it.
  if (in_traceback_) {
    in_traceback_ = line.empty() || line.front() == ' ' || line.front() == '\t';
    return Severity::kError;
  }
  for (const auto look : {LevelIn, LevelSaid, WordBeforeColon, LevelOfGlog}) {
    if (const auto level = look(line)) return *level;
  }
  return IsPythonWarning(line) ? Severity::kWarning : Severity::kDefault;
}

}  // namespace busker::cloud
