#include "cli/man_page.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"

namespace busker::cli {
namespace {

// As text within a line: nothing of it is an order to who sets the page.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else if (c == '\'') {
      escaped += "\\(aq";
    } else {
      escaped += c;
    }
  }
  return escaped.starts_with('.') ? "\\&" + escaped : escaped;
}

std::string Bold(std::string_view text) { return "\\fB" + Escaped(text) + "\\fR"; }
std::string Italic(std::string_view text) { return "\\fI" + Escaped(text) + "\\fR"; }

std::string Dashed(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string Section(const std::string& title) { return ".SH " + title + "\n"; }

std::string Tagged(const std::string& tag, std::string_view text) {
  return ".TP\n" + tag + "\n" + Escaped(text) + "\n";
}

std::string TagOf(const OptionText& option) {
  std::string tag;
  for (const std::string& name : option.names) tag += (tag.empty() ? "" : ", ") + Bold(name);
  if (!option.value.empty()) tag += (tag.empty() ? "" : " ") + Italic(option.value);
  return tag;
}

std::string Tagged(const std::vector<OptionText>& options, bool common) {
  std::string text;
  for (const OptionText& option : options) {
    if (option.common == common) text += Tagged(TagOf(option), option.what);
  }
  return text;
}

// "busker run [OPTIONS] ACTION" with its name in bold.
std::string UsageOf(const VerbText& verb) {
  return Bold(verb.name) + Italic(verb.usage().substr(verb.name.size())) + "\n";
}

std::string Verbatim(const std::string& lines) {
  std::string text = ".EX\n";
  for (const std::string& line : Split(Trim(lines), '\n'))
    text += Escaped("  " + std::string(Trim(line))) + "\n";
  return text + ".EE\n";
}

// The verbs of busker itself have pages of their own; those of a noun are told of here.
std::string VerbsOf(const VerbText& verb) {
  std::string text, heading;
  const bool is_whole = verb.name.find(' ') == std::string::npos;
  for (const VerbText& below : verb.verbs) {
    if (is_whole) {
      if (below.heading != heading) text += ".SS " + Escaped(below.heading) + "\n";
      heading = below.heading;
      text += Tagged(Bold(Dashed(below.name)) + "(1)", below.summary());
      continue;
    }
    text += ".SS " + Escaped(below.usage()) + "\n" + Escaped(below.what) + "\n";
    text += Tagged(below.arguments, false) + Tagged(below.options, false);
  }
  return text.empty() ? text : Section(is_whole ? "COMMANDS" : "VERBS") + text;
}

std::string Tagged(Pairs pairs) {
  std::string text;
  for (const auto& [name, what] : pairs) text += Tagged(Bold(name), what);
  return text;
}

}  // namespace

std::string ManPageFile(const VerbText& verb) { return Dashed(verb.name) + ".1"; }

std::string ManPageOf(const VerbText& verb, const std::string& version) {
  std::string title = Dashed(verb.name);
  std::transform(title.begin(), title.end(), title.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string page =
      fmt::format(".TH {} 1 \"\" \"Busker {}\" \"Busker\"\n", Escaped(title), Escaped(version));
  page += Section("NAME") + Escaped(Dashed(verb.name)) + " \\- " + Escaped(verb.summary()) + "\n";
  page += Section("SYNOPSIS") + UsageOf(verb);
  page += Section("DESCRIPTION") + Escaped(verb.what) + "\n";
  page += VerbsOf(verb);
  std::vector<OptionText> common = verb.options;
  if (!verb.verbs.empty() && verb.name.find(' ') != std::string::npos) {
    common = verb.verbs.front().options;  // which all of them have
  }
  page += Section("OPTIONS") + Tagged(verb.arguments, false) + Tagged(verb.options, false) +
          Tagged(common, true);
  if (!verb.examples.empty()) page += Section("EXAMPLES") + Verbatim(verb.examples);
  page += Section("EXIT STATUS") + Tagged(ExitCodes());
  page += Section("ENVIRONMENT") + Tagged(Variables());
  if (verb.name.find(' ') != std::string::npos) {
    page += Section("SEE ALSO") + Bold("busker") + "(1)\n";
  }
  return page;
}

}  // namespace busker::cli
