#include "cli/verb_list.h"

#include <CLI/CLI.hpp>

namespace busker::cli {

CLI::App* VerbList::Finish(CLI::App* verb, const std::string& examples, Function function) {
  verb->footer(examples);
  verb->callback([this, run = std::move(function)] { chosen_ = run; });
  return verb;
}

CLI::App* VerbList::Add(const std::string& name, const std::string& what,
                        const std::string& examples, Function function, bool json) {
  CLI::App* verb = app_.add_subcommand(name, what)->group(heading_);
  AddCommon(verb, json);
  return Finish(verb, examples, std::move(function));
}

CLI::App* VerbList::AddPlain(const std::string& name, const std::string& what,
                             const std::string& examples, Function function) {
  return Finish(app_.add_subcommand(name, what)->group(heading_), examples, std::move(function));
}

CLI::App* VerbList::AddNoun(const std::string& name, const std::string& what,
                            const std::string& examples) {
  CLI::App* noun = app_.add_subcommand(name, what)->group(heading_);
  noun->require_subcommand(1);
  noun->footer(examples);
  return noun;
}

CLI::App* VerbList::AddBelow(CLI::App* noun, const std::string& name, const std::string& what,
                             Function function) {
  CLI::App* verb = noun->add_subcommand(name, what);
  AddCommon(verb, true);
  return Finish(verb, noun->get_footer(), std::move(function));
}

CLI::App* VerbList::AddHidden(const std::string& name, const std::string& what, Function function) {
  CLI::App* verb = app_.add_subcommand(name, what)->group("");
  return Finish(verb, "", std::move(function));
}

void VerbList::AddCommon(CLI::App* verb, bool json) {
  const CLI::Validator named(
      [](const std::string& text) { return text.empty() ? "it is empty" : std::string(); }, "");
  verb->add_option("-C", common_.folder, "folder of the service")->type_name("DIR")->check(named);
  verb->add_option("--home", common_.home,
                   "folder with Busker's state; default: $BUSKER_HOME, else .busker in DIR, or "
                   "what it points to")
      ->type_name("HOME")
      ->check(named);
  verb->add_option(
          "--target", common_.target,
          "target of busker.toml to use: where programs run, where versions and tables are")
      ->type_name("TARGET");
  verb->add_option("--color", common_.color,
                   "colours: on a terminal (auto), always, or never; auto heeds NO_COLOR, "
                   "CLICOLOR and CLICOLOR_FORCE")
      ->type_name("auto|always|never")
      ->check(CLI::IsMember({"auto", "always", "never"}).description(""));
  if (json) verb->add_flag("--json", common_.json, "print facts as JSON");
}

void VerbList::AddBy(CLI::App* verb) {
  verb->add_option("--by", common_.by, "who asked, for the record (default: the current user)")
      ->type_name("NAME");
}

}  // namespace busker::cli
