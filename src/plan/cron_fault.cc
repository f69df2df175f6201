#include "plan/cron_fault.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace busker::plan {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kFieldCharacters = "0123456789*/,-";

// A character that looks like one of a cron expression, and is another.
struct Lookalike {
  std::uint32_t first, last;  // code points
  std::string_view name;
  std::string_view instead;  // empty: nothing
};
constexpr std::array<Lookalike, 19> kLookalikes = {
    {{0x0B, 0x0B, "a vertical tab", " "},
     {0x0C, 0x0C, "a form feed", " "},
     {0x85, 0x85, "a next-line character", " "},
     {0xA0, 0xA0, "a no-break space", " "},
     {0xAD, 0xAD, "a soft hyphen", ""},
     {0x1680, 0x1680, "an Ogham space mark", " "},
     {0x2000, 0x200A, "a typographic space", " "},
     {0x200B, 0x200F, "a character without width", ""},
     {0x2010, 0x2015, "a typographic dash", "-"},
     {0x2018, 0x201F, "a typographic quote", ""},
     {0x2028, 0x2029, "a line separator", " "},
     {0x202F, 0x202F, "a narrow no-break space", " "},
     {0x205F, 0x205F, "a mathematical space", " "},
     {0x2060, 0x2060, "a word joiner", ""},
     {0x2212, 0x2212, "a minus sign", "-"},
     {0x2217, 0x2217, "an asterisk operator", "*"},
     {0x3000, 0x3000, "an ideographic space", " "},
     {0xFEFF, 0xFEFF, "a byte order mark", ""},
     {0xFF0A, 0xFF0A, "a fullwidth asterisk", "*"}}};

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 1;
};

// The character at the front of `text`, which is not empty; of what is no UTF-8, a byte.
Character FrontOf(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  const std::size_t bytes = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (bytes > text.size() || !IsUtf8(text.substr(0, bytes))) return {0, 1};
  std::uint32_t code = bytes == 1 ? first : first & (0x7FU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) code = code << 6 | (byte(i) & 0x3FU);
  return {code, bytes};
}

std::optional<std::string> FindLookalike(std::string_view text) {
  std::size_t place = 1;
  std::size_t at = 0;
  for (; at < text.size(); ++place) {
    const Character character = FrontOf(text.substr(at));
    for (const Lookalike& lookalike : kLookalikes) {
      if (character.code < lookalike.first || character.code > lookalike.last) continue;
      const std::string_view before = Trim(text.substr(0, at));
      const std::string_view word = before.substr(before.find_last_of(kBlanks) + 1);
      const std::string behind =
          word.empty() ? "" : fmt::format(" behind \"{}\"", Printable(word.substr(0, 60)));
      return fmt::format("there is {} (U+{:04X}){}, at character {}; {}", lookalike.name,
                         character.code, behind, place,
                         lookalike.instead.empty() ? "leave it out"
                         : lookalike.instead == " "
                             ? "write an ordinary blank"
                             : fmt::format("write \"{}\"", lookalike.instead));
    }
    at += character.bytes;
  }
  return std::nullopt;
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(kBlanks, at)) != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

std::string From(std::string_view text, std::string_view word) {
  return std::string(Trim(text.substr(static_cast<std::size_t>(word.data() - text.data()))));
}

std::string_view WithoutQuotes(std::string_view text) {
  const auto begin = text.find_first_not_of("\"'`");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of("\"'`") - begin + 1);
}

// "TZ=Europe/Berlin 0 5 * * *", as Jenkins and some crontabs have it.
std::optional<std::string> FindZone(std::string_view text,
                                    const std::vector<std::string_view>& words) {
  const std::string_view first = WithoutQuotes(words.front());
  for (const std::string_view name : {"TZ=", "CRON_TZ="}) {
    if (!first.starts_with(name)) continue;
    const std::string zone(WithoutQuotes(first.substr(name.size())));
    const std::string rest = words.size() > 1 ? From(text, words[1]) : "0 7 * * *";
    return fmt::format(
        "the time zone has a key of its own: write time_zone = \"{}\" and schedule = \"{}\" "
        "(in a graph file \"timezone\"; for busker next --zone {})",
        Printable(zone), Printable(WithoutQuotes(rest)), Printable(zone));
  }
  return std::nullopt;
}

// Digits, "*" and the like, or names of days and months.
bool LooksLikeField(std::string_view word) {
  const bool plain = word.find_first_not_of(kFieldCharacters) == std::string_view::npos;
  if (plain) return true;
  return word.size() <= 7 &&
         std::all_of(word.begin(), word.end(),
                     [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                              c == ',';
                     }) &&
         (word.size() == 3 || (word.size() == 7 && (word[3] == '-' || word[3] == ',')));
}

// A line of a crontab: user and command, or a comment, behind the fields.
std::optional<std::string> FindRest(std::string_view text,
                                    const std::vector<std::string_view>& words) {
  const std::size_t fields = words.front().starts_with('@') ? 1 : 5;
  if (words.size() <= fields) return std::nullopt;
  const std::string_view next = words[fields];
  if (words.size() == 6 && fields == 5 && LooksLikeField(next)) return std::nullopt;  // seconds
  for (std::size_t i = 0; i < fields && fields == 5; ++i) {
    if (words[i].find_first_of("0123456789*") == std::string_view::npos &&
        !LooksLikeField(words[i]))
      return std::nullopt;
  }
  const std::string rest = From(text, next);
  return fmt::format(
      "\"{}\" behind {} has no place in a schedule{}", Printable(rest.substr(0, 60)),
      fields == 1 ? Printable(words.front()) : "the five fields",
      next.starts_with('#') ? "" : "; what runs is said by the command of the action");
}

}  // namespace

std::optional<std::string> FindCronFault(std::string_view text) {
  if (auto lookalike = FindLookalike(text)) return lookalike;
  const std::vector<std::string_view> words = Words(text);
  if (words.empty()) return std::nullopt;
  if (auto zone = FindZone(text, words)) return zone;
  const std::string_view trimmed = Trim(text);
  if (WithoutQuotes(trimmed).size() != trimmed.size()) {
    return fmt::format("the quotes are part of it; write {} without them",
                       Printable(WithoutQuotes(trimmed)));
  }
  if (auto rest = FindRest(text, words)) return rest;
  return std::nullopt;
}

}  // namespace busker::plan
