// ${NAME} in commands, tables and environment values: which there are, and where each may stand.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace busker::service {

enum class PlaceholderUse {
  kValue,        // a command, a configuration, a table
  kEnvironment,  // a value of [model] environment, where ${PATH} is known too
};

// What is wrong with the placeholders of `text`, naming the one that was meant; nullopt: nothing.
std::optional<std::string> FindPlaceholderFault(const std::string& text, PlaceholderUse use);

// `text` as part of a table's name: lower case, and '_' for what is not [a-z0-9_].
std::string TableWord(std::string_view text);

// Whether ${NAME} stands in `text`.
bool Mentions(const std::string& text, const std::string& name);

}  // namespace busker::service
