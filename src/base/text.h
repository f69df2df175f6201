// Small operations on text.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace busker {

std::vector<std::string> Split(std::string_view text, char separator);
std::string Join(std::span<const std::string> parts, std::string_view separator);
std::string_view Trim(std::string_view text);  // blanks, tabs and line ends at both sides
std::string LowerCase(std::string_view text);  // of A to Z alone

// The candidate nearest to `word` by edit distance, when near enough to be a slip of the hand (at
// most a third of the word's length, at least 1, at most 3): for "did you mean ...?".
std::optional<std::string> Nearest(std::string_view word, std::span<const std::string> candidates);

// Is `text` well-formed UTF-8 (RFC 3629: shortest forms only, no surrogates, up to U+10FFFF)?
bool IsUtf8(std::string_view text);

// `text` made safe for a terminal: control characters except line feed and tab, and bytes that are
// not UTF-8, are written as \xHH.
std::string Printable(std::string_view text);

// 1234567 -> "1,234,567"
std::string WithThousands(long long number);

}  // namespace busker
