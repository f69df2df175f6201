#include "cli/reference.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "cli/print.h"

namespace busker::cli {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 8> kExitCodes = {{
    {"0", "succeeded"},
    {"1", "the run failed"},
    {"2", "wrong usage or invalid file"},
    {"3", "not found"},
    {"4", "timed out"},
    {"75", "try again later"},
    {"78", "stored state cannot be used"},
    {"130", "ended by control-C"},
}};

constexpr std::array<std::pair<const char*, const char*>, 4> kVariables = {{
    {"BUSKER_HOME", "the folder with Busker's state, where --home does not say another"},
    {"NO_COLOR", "no colours, when it is set to anything; --color says otherwise"},
    {"CLICOLOR", "0: no colours"},
    {"CLICOLOR_FORCE", "colours also where the output is not a terminal, when it is set and not 0"},
}};

constexpr std::size_t kNameColumnMax = 26;  // what is wider has its text on lines of its own

OptionText TextOf(const CLI::Option& option) {
  OptionText text;
  for (const std::string& name : option.get_snames()) text.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) text.names.push_back("--" + name);
  const bool is_flag = option.get_items_expected_max() == 0;
  text.value = option.get_positional() ? option.get_name(true)
               : is_flag               ? std::string()
                                       : option.get_type_name();
  text.what = option.get_description();
  text.required = option.get_required();
  static const std::set<std::string> kCommon = {"-C",     "--home",  "--target",
                                                "--json", "--color", "--help"};
  text.common = !text.names.empty() && kCommon.contains(text.names.back());
  text.many = option.get_items_expected_max() > 1 && option.get_expected_max() > 2;
  return text;
}

std::string NameOf(const OptionText& option) {
  std::string text = Join(option.names, ", ");
  if (!option.value.empty()) text += (text.empty() ? "" : " ") + option.value;
  return text;
}

// `text` in lines that end before `width`, each indented, but for the first.
std::string Wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  return Join(Lines(text, width > indent ? width - indent : 1), "\n" + std::string(indent, ' ')) +
         "\n";
}

using Rows = std::vector<std::pair<std::string, std::string>>;

std::size_t ColumnOf(const Rows& rows) {
  std::size_t column = 0;
  for (const auto& [name, _] : rows) {
    if (name.size() <= kNameColumnMax) column = std::max(column, name.size());
  }
  return column + 4;
}

// Names, and what they mean beside them.
std::string List(const Rows& rows, std::size_t column, std::size_t width) {
  std::string text;
  for (const auto& [name, what] : rows) {
    text += "  " + name;
    text += name.size() + 4 > column ? "\n" + std::string(column, ' ')
                                     : std::string(column - 2 - name.size(), ' ');
    text += Wrapped(what, column, width);
  }
  return text;
}

Rows RowsOf(const std::vector<OptionText>& options) {
  Rows rows;
  for (const OptionText& option : options) rows.emplace_back(NameOf(option), option.what);
  return rows;
}

// The verbs below one, by heading.
std::string VerbLists(const VerbText& verb, std::size_t width) {
  Rows all;
  for (const VerbText& below : verb.verbs) all.emplace_back(below.word(), below.summary());
  std::string text, heading;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string& own = verb.verbs[i].heading;
    if (i == 0 || own != heading) text += "\n" + (own.empty() ? "Verbs" : own) + ":\n";
    heading = own;
    text += List({all[i]}, ColumnOf(all), width);
  }
  return text;
}

}  // namespace

Pairs ExitCodes() { return kExitCodes; }

Pairs Variables() { return kVariables; }

std::string VerbText::word() const { return name.substr(name.rfind(' ') + 1); }

std::string VerbText::summary() const {
  std::size_t end = what.size();
  for (const char* stop : {": ", ". ", "; "}) end = std::min(end, what.find(stop));
  std::string text = what.substr(0, end);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string VerbText::usage() const {
  std::string text = name;
  if (!options.empty()) text += " [OPTIONS]";
  if (!verbs.empty()) text += " VERB";
  for (const OptionText& argument : arguments) {
    const std::string all = argument.value + (argument.many ? "..." : "");
    text += argument.required ? " " + all : " [" + all + "]";
  }
  return text;
}

VerbText TextOf(const CLI::App& app, const std::string& above) {
  VerbText text;
  text.name = above + app.get_name();
  text.heading = above.empty() || above.find(' ') != above.size() - 1 ? "" : app.get_group();
  text.what = app.get_description();
  text.examples = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    (option->get_positional() ? text.arguments : text.options).push_back(TextOf(*option));
  }
  std::stable_sort(text.options.begin(), text.options.end(),
                   [](const auto& a, const auto& b) { return a.common < b.common; });
  // --help, which the library has first, last.
  const auto help = std::find_if(text.options.begin(), text.options.end(), [](const auto& option) {
    return option.names.back() == "--help";
  });
  if (help != text.options.end()) std::rotate(help, help + 1, text.options.end());
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!below->get_group().empty()) text.verbs.push_back(TextOf(*below, text.name + " "));
  }
  return text;
}

std::string HelpOf(const VerbText& verb, std::size_t width) {
  std::string text = Wrapped(verb.what, 0, width) + "\nUsage: " + verb.usage() + "\n";
  const Rows arguments = RowsOf(verb.arguments);
  Rows own, common;
  for (const OptionText& option : verb.options) {
    (option.common ? common : own).push_back(RowsOf({option}).front());
  }
  Rows all = arguments;
  for (const Rows* rows : {&own, &common}) all.insert(all.end(), rows->begin(), rows->end());
  const std::size_t column = ColumnOf(all);
  if (!arguments.empty()) text += "\nArguments:\n" + List(arguments, column, width);
  text += VerbLists(verb, width);
  if (!own.empty()) text += "\nOptions:\n" + List(own, column, width);
  if (common.size() > 1) text += "\nOptions of all verbs:\n";
  if (common.size() == 1) text += own.empty() ? "\nOptions:\n" : "";
  text += List(common, column, width);
  if (!verb.verbs.empty()) text += "\n" + verb.name + " VERB --help tells more, with examples.\n";
  if (!verb.examples.empty()) text += "\nExamples:\n" + verb.examples;
  const auto add = [&](const char* title, Pairs pairs) {
    Rows meanings;
    for (const auto& [name, what] : pairs) meanings.emplace_back(name, what);
    text += fmt::format("\n{}:\n", title) + List(meanings, ColumnOf(meanings), width);
  };
  add("Exit codes", ExitCodes());
  if (verb.name.find(' ') == std::string::npos) add("Environment", Variables());
  return text;
}

}  // namespace busker::cli
