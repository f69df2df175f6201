// The command line as data: what --help, the man pages and completion are made from.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace busker::cli {

struct OptionText {
  std::vector<std::string> names;  // "-n", "--count"; of an argument none
  std::string value;               // "N", or "auto|always|never"; empty: a flag; an argument's name
  std::string what;
  bool required = false;
  bool many = false;    // may be given again
  bool common = false;  // one that all verbs take
};

struct VerbText {
  std::string name;      // "busker", "busker run", "busker token create"
  std::string heading;   // that it stands under; of a verb below a noun empty
  std::string what;      // sentences
  std::string examples;  // lines, indented by two blanks
  std::vector<OptionText> arguments, options;
  std::vector<VerbText> verbs;  // below it, but for the hidden ones

  std::string word() const;     // the last of the name
  std::string summary() const;  // what it does as far as fits in a list: no full stop, no details
  std::string usage() const;    // "busker run [OPTIONS] ACTION"
};

// Of a command line, or of a verb of it whose name begins with `above`.
VerbText TextOf(const CLI::App& app, const std::string& above = "");

// What all verbs have in common: exit codes, and variables that the environment may set.
using Pairs = std::span<const std::pair<const char*, const char*>>;
Pairs ExitCodes();
Pairs Variables();

// What --help prints, in lines of at most `width` characters, but for examples.
std::string HelpOf(const VerbText& verb, std::size_t width);

}  // namespace busker::cli
