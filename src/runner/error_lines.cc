#include "runner/error_lines.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/text.h"

namespace busker::runner {
namespace {

using Lines = std::vector<std::string>;

constexpr std::string_view kTraceback = "Traceback (most recent call last)";
constexpr std::size_t kMessageLinesMax = 20;  // looked through for the begin of a message

struct Found {
  std::size_t begin;  // of `lines`
  Lines error;
};

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool StartsWithAny(std::string_view text, std::initializer_list<std::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](std::string_view beginning) { return text.starts_with(beginning); });
}

std::string_view WithoutIndent(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
}

bool IsIndented(std::string_view text) {
  // Or in a frame, as the library rich draws it (U+2500 to U+257F).
  return text.empty() || text[0] == ' ' || text[0] == '\t' ||
         StartsWithAny(text, {"\xe2\x94", "\xe2\x95", "\xe2\x9d\xb1"});
}

// A call on the way to the error, as Java, JavaScript, .NET and Ruby list them.
bool IsCall(std::string_view text) {
  if (!IsIndented(text)) return false;
  const std::string_view call = WithoutIndent(text);
  return StartsWithAny(call, {"at ", "from "}) ||
         (call.starts_with("... ") && (Contains(call, " more") || Contains(call, "omitted")));
}

void Tidy(Lines& error) {
  std::erase_if(error, [](const std::string& line) { return IsCall(line); });
  while (!error.empty() && Trim(error.back()).empty()) error.pop_back();
}

// The last line of which `is` holds, before `end`.
template <typename Is>
std::optional<std::size_t> LastOf(const Lines& lines, std::size_t end, Is is) {
  for (std::size_t i = end; i-- > 0;) {
    if (is(lines[i])) return i;
  }
  return std::nullopt;
}

// What was raised where nobody could catch it, besides what ended the program.
bool IsIgnored(const Lines& lines, std::size_t traceback) {
  return traceback > 0 && lines[traceback - 1].starts_with("Exception ignored in");
}

std::string_view WithoutPrefix(std::string_view line, std::string_view prefix) {
  return line.starts_with(prefix) ? line.substr(prefix.size()) : line;
}

// The exceptions of a group, which are drawn as a tree.
Lines ErrorsOfGroup(const Lines& lines, std::size_t traceback) {
  Lines errors;
  std::size_t i = traceback + 1;
  for (; i < lines.size(); ++i) {
    std::string_view line = WithoutIndent(lines[i]);
    if (line.starts_with('+')) continue;
    if (!line.starts_with('|')) break;
    line.remove_prefix(std::min<std::size_t>(2, line.size()));
    if (!IsIndented(line) && !Contains(line, kTraceback)) errors.emplace_back(line);
  }
  errors.insert(errors.end(), lines.begin() + static_cast<std::ptrdiff_t>(i), lines.end());
  return errors;
}

// As a notebook shows it: the exception's name stands before "Traceback".
std::optional<Found> FindInNotebook(const Lines& lines, std::size_t traceback) {
  const std::string_view line = lines[traceback];
  const std::string_view name = Trim(line.substr(0, line.find(kTraceback)));
  if (name.empty() || Contains(name, " ")) return std::nullopt;
  const auto begin = LastOf(lines, lines.size(), [&](const std::string& told) {
    return told.starts_with(std::string(name) + ":") || told == name;
  });
  if (!begin || *begin <= traceback) return std::nullopt;
  return Found{*begin, {lines.begin() + static_cast<std::ptrdiff_t>(*begin), lines.end()}};
}

std::optional<Found> FindPython(const Lines& lines) {
  auto traceback = LastOf(lines, lines.size(),
                          [](const std::string& line) { return Contains(line, kTraceback); });
  while (traceback && IsIgnored(lines, *traceback)) {
    traceback = LastOf(lines, *traceback,
                       [](const std::string& line) { return Contains(line, kTraceback); });
  }
  if (!traceback) return std::nullopt;
  const auto group = LastOf(lines, *traceback + 1, [](const std::string& line) {
    return line.starts_with("  + Exception Group Traceback");
  });
  const std::string_view marker = WithoutIndent(lines[*traceback]);
  if (group && StartsWithAny(marker, {"|", "+"})) {
    return Found{*group, ErrorsOfGroup(lines, *group)};
  }
  if (auto found = FindInNotebook(lines, *traceback)) return found;
  // What launches several processes puts "[rank0]: " before each line.
  std::string prefix = lines[*traceback].substr(0, lines[*traceback].find(kTraceback));
  std::size_t begin = *traceback + 1;
  if (begin == lines.size() || !lines[begin].starts_with(prefix)) prefix.clear();
  while (begin < lines.size() && IsIndented(WithoutPrefix(lines[begin], prefix))) ++begin;
  if (begin == lines.size()) return std::nullopt;
  Found found{begin, {}};
  for (std::size_t i = begin; i < lines.size(); ++i) {
    found.error.emplace_back(WithoutPrefix(lines[i], prefix));
  }
  return found;
}

// A line such as 'Exception in thread "main" java.lang.IllegalStateException: no'.
bool NamesException(std::string_view line) {
  if (StartsWithAny(line,
                    {"Exception in thread", "Caused by: ", "Unhandled exception", "Uncaught "}))
    return true;
  const std::string_view name = line.substr(0, line.find_first_of(": ["));
  return !name.empty() && (name.ends_with("Error") || name.ends_with("Exception"));
}

// Of Java, JavaScript and .NET: what stands above the calls, with what caused it below.
std::optional<Found> FindAboveCalls(const Lines& lines) {
  const auto last = LastOf(lines, lines.size(), IsCall);
  if (!last) return std::nullopt;
  std::size_t begin = *last;
  for (bool more = true; more;) {
    while (begin > 0 && IsCall(lines[begin])) --begin;
    const std::size_t above = begin;
    const std::size_t lowest = begin - std::min(begin, kMessageLinesMax);
    while (begin > lowest && !NamesException(WithoutIndent(lines[begin])) &&
           !lines[begin].empty()) {
      --begin;
    }
    if (!NamesException(WithoutIndent(lines[begin]))) begin = above;
    more = begin > 0 && IsCall(lines[begin - 1]) &&
           StartsWithAny(WithoutIndent(lines[begin]), {"Caused by: ", "Suppressed: "});
    if (more) --begin;
  }
  Found found{begin, {}};
  for (std::size_t i = begin; i < *last; ++i) found.error.push_back(lines[i]);
  return found;
}

// From the last line that `begins` on to the next that `ends`.
template <typename Begins, typename Ends>
std::optional<Found> FindBetween(const Lines& lines, Begins begins, Ends ends, bool must_end) {
  for (std::size_t from = lines.size();;) {
    const auto begin = LastOf(lines, from, begins);
    if (!begin) return std::nullopt;
    const auto first = lines.begin() + static_cast<std::ptrdiff_t>(*begin);
    const auto end = std::find_if(first + 1, lines.end(), ends);
    if (end != lines.end() || !must_end) return Found{*begin, {first, end}};
    from = *begin;
  }
}

std::optional<Found> FindR(const Lines& lines) {
  if (lines.empty() || !Contains(lines.back(), "Execution halted")) return std::nullopt;
  return FindBetween(
      lines,
      [](const std::string& line) {
        return StartsWithAny(line, {"Error in ", "Error: ", "Error : ", "Error ", "Error:"});
      },
      [](const std::string& line) {
        return StartsWithAny(line, {"Calls: ", "Backtrace:", "Execution halted"});
      },
      false);
}

std::optional<Found> FindGo(const Lines& lines) {
  return FindBetween(
      lines,
      [](const std::string& line) {
        return StartsWithAny(line, {"panic: ", "fatal error: "});
      },
      [](const std::string& line) { return line.starts_with("goroutine "); }, true);
}

std::optional<Found> FindRust(const Lines& lines) {
  return FindBetween(
      lines,
      [](const std::string& line) {
        return line.starts_with("thread '") && Contains(line, " panicked at");
      },
      [](const std::string& line) {
        return StartsWithAny(line, {"note: run with", "stack backtrace:"});
      },
      false);
}

std::optional<Found> FindCpp(const Lines& lines) {
  return FindBetween(
      lines,
      [](const std::string& line) { return line.starts_with("terminate called after throwing"); },
      [](const std::string& line) { return !line.starts_with("  what():"); }, false);
}

std::optional<Found> FindJuliaOrPhp(const Lines& lines) {
  return FindBetween(
      lines,
      [](const std::string& line) {
        return StartsWithAny(line, {"ERROR: ", "PHP Fatal error: ", "Fatal error: "});
      },
      [](const std::string& line) {
        return StartsWithAny(line, {"Stacktrace:", "Stack trace:"});
      },
      true);
}

}  // namespace

Lines ErrorAtTheEnd(const Lines& lines) {
  std::optional<Found> last;
  for (auto find : {FindPython, FindAboveCalls, FindR, FindGo, FindRust, FindCpp, FindJuliaOrPhp}) {
    auto found = find(lines);
    if (!found) continue;
    Tidy(found->error);
    if (!found->error.empty() && (!last || found->begin > last->begin)) last = std::move(found);
  }
  return last ? std::move(last->error) : Lines();
}

}  // namespace busker::runner
