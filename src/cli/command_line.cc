#include "cli/command_line.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "base/text.h"
#include "cli/described_verbs.h"
#include "cli/print.h"
#include "cli/reference.h"
#include "cli/workspace.h"
#include "service/service.h"

namespace busker::cli {
namespace {

constexpr std::size_t kHelpWidthMax = 100;  // longer lines are hard to read

// All verbs, each bound to its options.
class CommandLine {
 public:
  explicit CommandLine(const Installation& installation)
      : app_(
            "Busker turns a predictive model into a service: trained, applied, delivered, on "
            "record. A service is a folder with configs/*.json and a model program; busker.toml "
            "says what differs from the conventions.",
            "busker"),
        verbs_(app_, common_) {
    common_.installation = &installation;
    app_.set_help_flag("-h,--help", "print this help");
    app_.set_version_flag("--version", "busker " + installation.version, "print the version");
    app_.require_subcommand(1);
    app_.footer(
        "  busker new churn       begin a project, in Python\n"
        "  busker run training    in the folder of a service\n"
        "  busker up              keep the schedules, with a dashboard\n");
    verbs_.Under("A project");
    AddProjectVerbs(verbs_);
    verbs_.Under("Runs");
    AddRunVerbs(verbs_);
    verbs_.Under("Schedules");
    AddScheduleVerbs(verbs_);
    verbs_.Under("Models");
    AddModelVerbs(verbs_);
    verbs_.Under("Online predictions");
    AddServingVerbs(verbs_);
    verbs_.Under("Tables");
    AddTableVerbs(verbs_);
    verbs_.Under("Access");
    AddAccessVerbs(verbs_);
    verbs_.Under("Record and repair");
    AddUpkeepVerbs(verbs_);
    verbs_.Under("Help");
    AddHelpVerbs(verbs_);
    AddHiddenVerbs();
  }

  Result<int> Carry() {
    // Verbs that begin a home where there is none; verbs that look at none; all others look at one.
    static const std::set<std::string> kBegin = {"run",          "graph run",  "start",
                                                 "backfill",     "up",         "conduct",
                                                 "token create", "secret set", "build"};
    static const std::set<std::string> kNone = {"new",  "init",       "validate", "schema", "step",
                                                "help", "completion", "complete", "pages"};
    const std::string verb = Chosen();
    if (!common_.home.empty() && !kBegin.contains(verb) && !kNone.contains(verb)) {
      TRY(CheckHome(common_.home));
    }
    static const std::set<std::string> kAtTarget = {
        "run",      "start", "backfill",   "up",   "status", "models",   "promote",
        "rollback", "query", "deliveries", "undo", "fsck",   "validate", "build",
        "doctor",   "serve", "predict",    "pin",  "unpin",  "show",     "gc"};
    if (!common_.target.empty() && !kAtTarget.contains(verb)) {
      return Invalid(
          fmt::format("busker {} does the same whatever the target is; leave --target "
                      "out",
                      verb));
    }
    static const std::set<std::string> kStay = {
        "new", "init", "schema", "step", "help", "completion", "complete", "pages", "conduct"};
    if (common_.folder == "." && !kStay.contains(verb)) common_.folder = NearestFolder();
    return verbs_.chosen()();
  }

  int Carry(int argc, const char* const* argv) {
    const std::vector<std::string> words = InOrder({argv + std::min(argc, 1), argv + argc});
    try {
      app_.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // as CLI11 takes them
    } catch (const CLI::CallForHelp&) {
      const bool is_of_all = words.front().starts_with('-');
      if (!is_of_all && VerbOf(app_, words.front()) == nullptr) {
        std::fprintf(stderr, "busker: %s\n", Printable(WhatIsWrong(words, "")).c_str());
        return 2;
      }
      Print(HelpOf(ChosenText(), HelpWidth()));
      return 0;
    } catch (const CLI::Success& success) {
      return app_.exit(success);
    } catch (const CLI::ParseError& error) {
      if (argc < 2) {
        std::fprintf(stderr, "%s", HelpOf(TextOf(app_), HelpWidth()).c_str());
        return 2;
      }
      std::fprintf(stderr, "busker: %s\n", Printable(WhatIsWrong(words, error.what())).c_str());
      return 2;
    }
    // Not by the library: it would take the variable for the option of each verb that was not
    // chosen, and all are bound to one place.
    if (const char* const home = std::getenv("BUSKER_HOME");
        home != nullptr && common_.home.empty()) {
      common_.home = home;
    }
    ShowColours(common_.color);
    const Result<int> code = Carry();
    if (code) return *code;
    std::fprintf(stderr, "busker: %s\n", Printable(code.error().message).c_str());
    return ExitCodeOf(code.error().kind);
  }

 private:
  // The chosen verb: "runs", "token create".
  std::string Chosen() const {
    std::string name;
    const CLI::App* app = &app_;
    while (!app->get_subcommands().empty()) {
      app = app->get_subcommands().front();
      name += (name.empty() ? "" : " ") + app->get_name();
    }
    return name;
  }

  VerbText ChosenText() const {
    VerbText text = TextOf(app_);
    for (const std::string& word : Split(Chosen(), ' ')) {
      const auto below = std::find_if(text.verbs.begin(), text.verbs.end(),
                                      [&](const VerbText& verb) { return verb.word() == word; });
      if (below == text.verbs.end()) break;
      text = VerbText(*below);
    }
    return text;
  }

  static std::size_t HelpWidth() {
    const std::size_t screen = ScreenWidth();
    return screen > 0 ? std::min(screen, kHelpWidthMax) : 80;
  }

  void AddHiddenVerbs() {
    CLI::App* conduct = verbs_.AddHidden("conduct", "Go on with runs in the background.",
                                         [this] { return Conduct(common_); });
    verbs_.AddCommon(conduct, false);
    auto& step = verbs_.Keep<StepOptions>();
    CLI::App* verb = verbs_.AddHidden("step", "Busker's own tasks, started by busker itself.",
                                      [this, &step] { return Step(common_, step); });
    verb->add_option("NAME", step.name)->required();
    verb->add_option("JSON", step.json)->required();
  }

  // As the parser wants them: "busker help run" is "busker run --help", and options of all verbs
  // may come before the verb. What is completed is left as it was typed.
  static std::vector<std::string> InOrder(std::vector<std::string> words) {
    if (!words.empty() && words.front() == "complete") return words;
    std::size_t first = 0;
    while (first < words.size()) {
      const std::string& word = words[first];
      const bool takes_value =
          word == "-C" || word == "--home" || word == "--target" || word == "--color";
      const bool has_value = word.starts_with("--home=") || word.starts_with("--target=") ||
                             word.starts_with("--color=") ||
                             (word.starts_with("-C") && word.size() > 2);
      if (!takes_value && !has_value && word != "--json") break;
      first += takes_value ? 2 : 1;
    }
    if (first < words.size() && !words[first].starts_with('-')) {
      std::rotate(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(first), words.end());
    }
    const auto is_for_help = [](const std::string& word) {
      return word == "--man" || word == "--help" || word == "-h";
    };
    if (!words.empty() && words.front() == "help" &&
        std::none_of(words.begin(), words.end(), is_for_help)) {
      words.erase(words.begin());
      words.emplace_back("--help");
    }
    return words;
  }

  static CLI::App* VerbOf(CLI::App& app, const std::string& name) {
    for (CLI::App* verb : app.get_subcommands([](CLI::App*) { return true; })) {
      if (verb->get_name() == name) return verb;
    }
    return nullptr;
  }

  std::string WhatIsWrong(const std::vector<std::string>& words, const std::string& parser) {
    const std::string& first = words.front();
    if (first.starts_with('-')) return parser + "; see busker --help";
    CLI::App* verb = VerbOf(app_, first);
    if (verb == nullptr) {
      return fmt::format("unknown command \"{}\"{}", first, SuggestionFor(first));
    }
    const std::size_t next = words.size() > 1 ? 1 : 0;
    if (auto* below = VerbOf(*verb, words[next])) verb = below;
    for (const std::string& word : words) {
      const std::string option = word.substr(0, word.find('='));
      if (!option.starts_with("--") || option == "--") continue;
      if (verb->get_option_no_throw(option) != nullptr) continue;
      std::vector<std::string> options;
      for (const CLI::Option* known : verb->get_options()) {
        for (const std::string& name : known->get_lnames()) options.push_back("--" + name);
      }
      const auto nearest = Nearest(option, options);
      return fmt::format("unknown option {}{}", option,
                         nearest ? "; did you mean " + *nearest + "?"
                                 : fmt::format("; see busker {} --help", first));
    }
    return fmt::format("{}; see busker {} --help", parser, first);
  }

  // What may have been meant: a verb, or an action of the service that is here.
  std::string SuggestionFor(const std::string& word) const {
    std::vector<std::string> verbs;
    for (const CLI::App* verb : app_.get_subcommands([](const CLI::App*) { return true; })) {
      if (!verb->get_group().empty()) verbs.push_back(verb->get_name());
    }
    if (const auto nearest = Nearest(word, verbs)) {
      return fmt::format("; did you mean \"{}\"?", *nearest);
    }
    const auto service = service::LoadService(common_.folder);
    for (const auto& [name, _] :
         service ? service->actions : std::map<std::string, service::Action>()) {
      const std::vector<std::string> meant = {name, name.substr(0, word.size())};
      if (Nearest(word, meant)) return fmt::format("; did you mean \"busker run {}\"?", name);
    }
    return "; see busker --help";
  }

  CLI::App app_;
  Common common_;
  VerbList verbs_;
};

}  // namespace

int RunCommandLine(int argc, const char* const* argv, const Installation& installation) {
  return CommandLine(installation).Carry(argc, argv);
}

}  // namespace busker::cli
