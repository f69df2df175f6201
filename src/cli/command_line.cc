#include "cli/command_line.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <set>

#include "base/text.h"
#include "cli/workspace.h"
#include "service/service.h"

namespace busker::cli {
namespace {

// Examples and exit codes, at the end of a verb's --help.
std::string Examples(const std::string& lines) {
  return "Examples:\n" + lines +
         "\nExit codes:\n"
         "  0 succeeded   1 the run failed    2 wrong usage or invalid file   3 not found\n"
         "  4 timed out   75 try again later  78 stored state cannot be used";
}

// All verbs, each bound to its options. The chosen verb's function is left in `chosen`.
class CommandLine {
 public:
  explicit CommandLine(const Installation& installation)
      : app_(
            "Busker turns a predictive model into a service: trained, applied, delivered, on "
            "record.",
            "busker") {
    common_.installation = &installation;
    app_.set_version_flag("--version", "busker " + installation.version);
    app_.require_subcommand(1);
    app_.get_formatter()->column_width(34);
    app_.footer(
        "A service is a folder with configs/*.json and a model program; busker.toml says what "
        "differs\n"
        "from the conventions. busker VERB --help tells more, with examples.");
    AddRunVerbs();
    AddDaemonVerbs();
    AddTokenVerbs();
    AddSecretVerbs();
    AddModelVerbs();
    AddWarehouseVerbs();
    AddServiceVerbs();
    AddHiddenVerbs();
  }

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

  Result<int> Carry() {
    // Verbs that begin a home where there is none; verbs that look at none; all others look at one.
    static const std::set<std::string> kBegin = {"run",          "graph run",  "start",
                                                 "backfill",     "up",         "conduct",
                                                 "token create", "secret set", "build"};
    static const std::set<std::string> kNone = {"init", "validate", "schema", "step"};
    const std::string verb = Chosen();
    if (!common_.home.empty() && !kBegin.contains(verb) && !kNone.contains(verb)) {
      TRY(CheckHome(common_.home));
    }
    static const std::set<std::string> kAtTarget = {
        "run",      "start", "backfill",   "up",   "status", "models",   "promote",
        "rollback", "query", "deliveries", "undo", "fsck",   "validate", "build"};
    if (!common_.target.empty() && !kAtTarget.contains(verb)) {
      return Invalid(
          fmt::format("busker {} does the same whatever the target is; leave --target "
                      "out",
                      verb));
    }
    const bool stays = verb == "init" || verb == "schema" || verb == "step" || verb == "conduct";
    if (common_.folder == "." && !stays) common_.folder = NearestFolder();
    return chosen_();
  }

  int Carry(int argc, const char* const* argv) {
    const std::vector<std::string> words = InOrder({argv + std::min(argc, 1), argv + argc});
    try {
      app_.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // as CLI11 takes them
    } catch (const CLI::CallForHelp& help) {
      return app_.exit(help);
    } catch (const CLI::Success& success) {
      return app_.exit(success);
    } catch (const CLI::ParseError& error) {
      if (argc < 2) {
        std::fprintf(stderr, "%s", app_.help().c_str());
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
    const Result<int> code = Carry();
    if (code) return *code;
    std::fprintf(stderr, "busker: %s\n", Printable(code.error().message).c_str());
    return ExitCodeOf(code.error().kind);
  }

 private:
  CLI::App* Verb(const std::string& name, const std::string& what, const std::string& examples,
                 std::function<Result<int>()> function, bool json = true) {
    CLI::App* verb = app_.add_subcommand(name, what);
    AddCommon(verb, json);
    verb->footer(Examples(examples));
    verb->callback([this, run = std::move(function)] { chosen_ = run; });
    return verb;
  }

  void AddCommon(CLI::App* verb, bool json) {
    const CLI::Validator named(
        [](const std::string& text) { return text.empty() ? "it is empty" : std::string(); }, "");
    verb->add_option("-C", common_.folder, "folder of the service")->type_name("DIR")->check(named);
    verb->add_option("--home", common_.home,
                     "folder with Busker's state; default: $BUSKER_HOME, else .busker in DIR, or "
                     "what it points to")
        ->type_name("HOME")
        ->check(named);
    verb->add_option("--target", common_.target, "set of places to work with (busker.toml)")
        ->type_name("NAME");
    if (json) verb->add_flag("--json", common_.json, "print facts as JSON");
  }

  // For programs that act for somebody.
  void AddBy(CLI::App* verb) {
    verb->add_option("--by", common_.by, "who asked, for the record (default: the current user)")
        ->type_name("NAME");
  }

  void AddRunVerbs() {
    CLI::App* run =
        Verb("run",
             "Run one action now and follow it: load the input, run the program, save its "
             "outputs, deliver them or let the gate decide what is live.",
             "  busker run training\n"
             "  busker run application --date 2019-08-01    for that data date\n",
             [this] { return Run(common_, run_); });
    run->add_option("ACTION", run_.action, "the action: training, application, ...")->required();
    run->add_option(
           "--date", run_.date,
           "data date: 2019-08-01 (midnight in the schedule's zone) or an RFC 3339 instant; "
           "default: now")
        ->type_name("D");
    run->add_flag("--force", run_.force,
                  "let an older data date replace a newer one, a partition a whole table");
    run->add_flag("-q,--quiet", run_.quiet, "do not show what the program writes");
    run->add_flag("--strict", run_.strict, "exit 1, too, when the gate refuses the new version");
    run->add_option("--wait", run_.wait,
                    "how long to wait for another busker at work in this folder (default 10m)")
        ->type_name("DURATION");

    AddStepVerbs();
    Verb("status", "Each action's last run and next, what is live, who is at work.",
         "  busker status\n  busker status --json\n", [this] { return Status(common_); });

    CLI::App* runs = Verb("runs", "List runs, newest first.",
                          "  busker runs\n  busker runs application --state failed\n",
                          [this] { return ListRuns(common_, runs_); });
    runs->add_option("ACTION", runs_.action, "only of this action");
    runs->add_option("--state", runs_.state, "only in this state: queued, running, succeeded, ...");
    runs->add_option("--batch", runs_.batch, "only of this backfill");
    runs->add_option("-n,--count", runs_.count, "how many to show (default 20)");

    CLI::App* next = Verb("next",
                          "When a schedule runs next, in UTC and local time; daylight-saving "
                          "changes are marked.",
                          "  busker next application\n"
                          "  busker next '30 2 * * *' --zone Europe/Berlin --from 2026-03-28\n",
                          [this] { return Next(common_, next_); });
    next->add_option("ACTION|EXPR", next_.what,
                     "an action, or a cron expression (quoted), or @daily")
        ->required();
    next->add_option("--zone", next_.zone, "time zone of an expression (default UTC)")
        ->type_name("ZONE");
    next->add_option("--from", next_.from,
                     "from this date (midnight in the zone) or RFC 3339 instant on; default: now")
        ->type_name("T");
    next->add_option("-n,--count", next_.count, "how many to show, 1 to 1000 (default 10)")
        ->check(CLI::Range(1, 1000).description(""))
        ->type_name("N");

    CLI::App* logs = Verb(
        "logs", "Show the output of a run's tasks.",
        "  busker logs                 of the newest run\n"
        "  busker logs application -f  of its newest run, as it is written\n",
        [this] { return Logs(common_, logs_); }, false);
    logs->add_option("RUN|ACTION", logs_.what, "a run's id, or an action for its newest run");
    logs->add_option("--task", logs_.task, "only this task");
    logs->add_option("--attempt", logs_.attempt, "this attempt; default: the newest");
    logs->add_flag("-f,--follow", logs_.follow, "go on until the run has ended");
    logs->add_flag("--raw", logs_.raw, "the bytes as they are stored, into a file or a pipe");
  }

  void AddStepVerbs() {
    CLI::App* start =
        Verb("start",
             "Start a run and leave it to run: of the busker that is up, else of one "
             "in the background. Prints the run's id.",
             "  busker start training\n"
             "  busker start training --key nightly-42    at most one run for this key\n",
             [this] { return Start(common_, start_); });
    start->add_option("ACTION", start_.action, "an action, SERVICE/ACTION, or a graph")->required();
    start->add_option("--date", start_.date, "data date, as for busker run")->type_name("D");
    start->add_flag("--force", start_.force,
                    "let an older data date replace a newer one, a partition a whole table");
    start->add_option("--key", start_.key, "start at most once for this key");
    AddBy(start);

    CLI::App* wait =
        Verb("wait", "Wait until a run has ended, well or not.",
             "  busker wait training --limit 2h\n", [this] { return Wait(common_, wait_); });
    wait->add_option("ACTION", wait_.action, "the newest run of this action or graph")->required();
    wait->add_option("--run", wait_.run, "this run");
    wait->add_option("--limit", wait_.limit, "then give up, with exit code 4; the run goes on")
        ->type_name("DURATION");

    CLI::App* check =
        Verb("check", "Did the run succeed? The exit code says so.",
             "  busker start training && busker wait training && busker check training\n",
             [this] { return Check(common_, check_); });
    check->add_option("ACTION", check_.action, "the newest run of this action or graph")
        ->required();
    check->add_option("--run", check_.run, "this run");
    check->add_flag("--strict", check_.strict, "exit 1, too, when the gate refused its version");
  }

  void AddDaemonVerbs() {
    CLI::App* up = Verb(
        "up",
        "Keep the schedules of services and graph files: the daemon. It sees edited "
        "files; SIGTERM ends it, and what runs goes on.",
        "  busker up\n  busker up services/ scheduler/ --home /var/lib/busker\n",
        [this] { return Up(common_, up_); }, false);
    up->add_option("DIR", up_.folders,
                   "services, graph files, or folders of them (default: the current one)");
    up->add_flag("-q,--quiet", up_.quiet, "do not tell of runs as they start and end");
    up->add_flag("--paused", up_.paused,
                 "what was never seen before begins paused, until busker resume; the rest stays as "
                 "it is");

    CLI::App* cancel =
        Verb("cancel", "End a run: all its processes, and wait until they have ended.",
             "  busker cancel 20190801-070000-k3f9x2\n  busker cancel training\n",
             [this] { return Cancel(common_, run_verb_); });
    CLI::App* retry =
        Verb("retry", "Resume a run from the tasks that did not succeed.",
             "  busker retry application\n", [this] { return Retry(common_, run_verb_); });
    CLI::App* skip =
        Verb("skip", "Go on without a task, as if it had succeeded.",
             "  busker skip application deliver\n", [this] { return Skip(common_, run_verb_); });
    for (CLI::App* verb : {cancel, retry, skip}) {
      verb->add_option("RUN|ACTION", run_verb_.run, "a run's id, or an action for its newest run")
          ->required();
      AddBy(verb);
    }
    skip->add_option("TASK", run_verb_.task, "one that waits, or did not succeed")->required();

    CLI::App* pause =
        Verb("pause", "Stop an action's or graph's scheduled and triggered runs.",
             "  busker pause application\n", [this] { return Pause(common_, pause_); });
    CLI::App* resume =
        Verb("resume",
             "Keep its schedule again; what it missed is caught up as its "
             "catch_up says.",
             "  busker resume application\n", [this] { return Resume(common_, pause_); });
    for (CLI::App* verb : {pause, resume}) {
      verb->add_option("ACTION", pause_.action, "an action, SERVICE/ACTION, or a graph")
          ->required();
      AddBy(verb);
    }

    CLI::App* backfill =
        Verb("backfill", "One run for each instant of a schedule in a range.",
             "  busker backfill application --from 2019-07-01 --to 2019-07-31 --dry-run\n",
             [this] { return Backfill(common_, backfill_); });
    backfill->add_option("ACTION", backfill_.action, "an action, SERVICE/ACTION, or a graph")
        ->required();
    backfill->add_option("--from", backfill_.from, "first data date or instant")
        ->required()
        ->type_name("D");
    backfill->add_option("--to", backfill_.to, "last data date or instant")
        ->required()
        ->type_name("D");
    backfill->add_flag("--dry-run", backfill_.dry_run,
                       "only show the instants, the version that each begins with, and what will "
                       "be refused");
    backfill->add_flag("--newest-first", backfill_.newest_first, "begin with the last");
    backfill->add_flag("--retry-failed", backfill_.retry_failed,
                       "take up again those that failed or were cancelled");
    backfill->add_flag("--force", backfill_.force, "let an older data date replace a newer one");
    backfill
        ->add_option("--runs-at-once", backfill_.runs_at_once,
                     "how many of them run at the same time (default 1)")
        ->check(CLI::Range(1, 1000));
    AddBy(backfill);

    CLI::App* explain = Verb("explain", "Why something runs, waits or failed, in a sentence.",
                             "  busker explain application\n  busker explain RUN deliver\n",
                             [this] { return Explain(common_, explain_); });
    explain->add_option("RUN|ACTION", explain_.what, "a run's id, an action or a graph")
        ->required();
    explain->add_option("TASK", explain_.task, "a task of the run");

    CLI::App* graph = app_.add_subcommand("graph", "Graph files: busker graph run FILE.");
    graph->require_subcommand(1);
    graph->footer(Examples("  busker graph run scheduler/configs/nightly.json\n"));
    CLI::App* run = graph->add_subcommand("run", "Run a graph file once, now, and follow it.");
    AddCommon(run, true);
    run->add_option("FILE", graph_run_.file, "the graph file (JSON)")->required();
    run->add_option("--date", graph_run_.date, "data date, as for busker run")->type_name("D");
    run->add_flag("-q,--quiet", graph_run_.quiet, "do not show what the tasks write");
    run->add_option("--wait", graph_run_.wait, "how long to wait for another busker (default 10m)")
        ->type_name("DURATION");
    const std::string example = "  busker graph run scheduler/configs/nightly.json\n";
    graph->footer(Examples(example));
    run->footer(Examples(example));
    run->callback([this] { chosen_ = [this] { return GraphRun(common_, graph_run_); }; });
  }

  void AddTokenVerbs() {
    CLI::App* token = app_.add_subcommand(
        "token",
        "Who may use the dashboard and the HTTP API: busker token link | create | list | revoke.");
    token->require_subcommand(1);
    const std::string examples =
        "  busker token link                                 opens the dashboard, once\n"
        "  busker token create grafana --scope viewer        prints it, once\n"
        "  busker token create ada --scope operator --only churn\n"
        "  busker token revoke grafana\n";
    token->footer(Examples(examples));
    const auto add = [&](const char* name, const char* what,
                         std::function<Result<int>()> function) {
      CLI::App* verb = token->add_subcommand(name, what);
      AddCommon(verb, true);
      verb->footer(Examples(examples));
      verb->callback([this, run = std::move(function)] { chosen_ = run; });
      return verb;
    };
    add("link", "Print a one-time address that opens the dashboard of the busker up at work here.",
        [this] { return MakeLink(common_); });
    CLI::App* create = add("create", "Make a token, and print it: it is not shown again.",
                           [this] { return CreateToken(common_, token_); });
    create->add_option("NAME", token_.name, "what it is for")->required();
    create->add_option("--scope", token_.scope, "predict, viewer (default), operator or admin")
        ->type_name("SCOPE");
    create
        ->add_option("--only", token_.only,
                     "only for this service, action (service/action) or graph file; repeatable")
        ->type_name("WHAT");
    AddBy(create);
    add("list", "List the tokens.", [this] { return ListTokens(common_); });
    CLI::App* revoke = add("revoke", "Revoke a token; takes effect at once.",
                           [this] { return RevokeToken(common_, token_); });
    revoke->add_option("NAME", token_.name, "the token")->required();
    AddBy(revoke);
  }

  void AddSecretVerbs() {
    CLI::App* secret = app_.add_subcommand(
        "secret", "Passwords and keys that programs need: busker secret set | list | remove.");
    secret->require_subcommand(1);
    const std::string examples =
        "  busker secret set warehouse-password              asks for it, twice, without showing "
        "it\n"
        "  busker secret set api-key < file                  reads it\n"
        "  busker secret list\n";
    secret->footer(Examples(examples));
    const auto add = [&](const char* name, const char* what,
                         std::function<Result<int>()> function) {
      CLI::App* verb = secret->add_subcommand(name, what);
      AddCommon(verb, true);
      verb->footer(Examples(examples));
      verb->callback([this, run = std::move(function)] { chosen_ = run; });
      return verb;
    };
    CLI::App* set = add("set",
                        "Set a secret, or set it anew. The value comes from the terminal or from "
                        "standard input; a line end behind it is left out.",
                        [this] { return SetSecret(common_, secret_); });
    set->add_option("NAME", secret_.name, "what services call it")->required();
    AddBy(set);
    add("list", "List the secrets, without their values.", [this] { return ListSecrets(common_); });
    CLI::App* remove = add("remove", "Forget a secret. Who uses it fails from now on.",
                           [this] { return RemoveSecret(common_, secret_); });
    remove->add_option("NAME", secret_.name, "the secret")->required();
    AddBy(remove);
  }

  void AddModelVerbs() {
    CLI::App* models = Verb(
        "models", "The versions that trainings saved, with their metrics, and which one is live.",
        "  busker models\n  busker models --json\n"
        "  busker models --diff 20190701T000000Z 20190801T000000Z\n",
        [this] { return Models(common_, models_); });
    models->add_option("--diff", models_.diff, "what differs between two versions")
        ->expected(2)
        ->type_name("A B");

    CLI::App* promote =
        Verb("promote", "Make a version live: applications use it from now on.",
             "  busker promote 20190801T000000Z\n", [this] { return Promote(common_, promote_); });
    promote->add_option("VERSION", promote_.version, "as busker models shows it")->required();
    promote->add_option("--why", promote_.why, "a reason, kept with the pointer");

    Verb("rollback", "Make live again what was live before; repeated, go further back.",
         "  busker rollback\n", [this] { return Rollback(common_); });
  }

  void AddWarehouseVerbs() {
    CLI::App* query = Verb("query", "Query the warehouse in SQL (read-only, DuckDB).",
                           "  busker query 'SELECT count(*) FROM my_service.predictions'\n"
                           "  busker query 'SHOW ALL TABLES'\n",
                           [this] { return Query(common_, query_); });
    query->add_option("SQL", query_.sql, "one statement")->required();
    query->add_option("--rows", query_.rows, "how many to show (default 1000)");

    CLI::App* deliveries =
        Verb("deliveries", "List what was loaded into the warehouse, oldest first.",
             "  busker deliveries\n  busker deliveries my_service.predictions\n",
             [this] { return ListDeliveries(common_, deliveries_); });
    deliveries->add_option("TABLE", deliveries_.table, "only into this table");

    CLI::App* undo =
        Verb("undo", "Take a delivery back: its table is as it was before.",
             "  busker undo 20190801-070000-k3f9x2.1    as busker deliveries shows it\n",
             [this] { return Undo(common_, undo_); });
    undo->add_option("DELIVERY", undo_.delivery, "its id")->required();
  }

  void AddServiceVerbs() {
    CLI::App* init = Verb(
        "init", "Write a busker.toml that says what the conventions found.",
        "  busker init -C my-service\n", [this] { return Init(common_, init_); }, false);
    init->add_flag("--force", init_.force, "replace the file that is there");
    CLI::App* build =
        Verb("build",
             "Make the service's image and push it: by its Dockerfile with Docker or Podman, or "
             "without either, layer by layer. With --target local, make the .venv instead.",
             "  busker build                   for the target that names an image\n"
             "  busker build --target local    the .venv, from requirements.txt\n",
             [this] { return Build(common_, build_); });
    build->add_flag("-q,--quiet", build_.quiet, "only say what came of it");
    Verb("validate",
         "Check the services and graph files of the folder; every fault with its place.",
         "  busker validate\n"
         "  busker validate --target docker    also what does not fit there\n",
         [this] { return ValidateService(common_); });
    Verb(
        "schema", "Print the JSON Schema of busker.toml, for editors.",
        "  busker schema > busker.schema.json\n", [this] { return PrintSchema(common_); }, false);
    CLI::App* audit =
        Verb("audit", "Who did what, newest first; every event is on record, in a chain of hashes.",
             "  busker audit\n  busker audit --all --count 200\n"
             "  busker audit --verify          was an event changed afterwards?\n",
             [this] { return ListAudit(common_, audit_); });
    audit->add_flag("--all", audit_.all, "include automatic events");
    audit->add_option("--count", audit_.count, "how many to show (default 50)");
    audit->add_flag("--verify", audit_.verify, "go through the chain; exit 1 when it is broken");
    Verb("fsck", "Check record, versions, live pointer and warehouse, and that they agree.",
         "  busker fsck\n", [this] { return Fsck(common_); });
  }

  void AddHiddenVerbs() {
    CLI::App* conduct = app_.add_subcommand("conduct", "Goes on with runs in the background.");
    conduct->group("");
    AddCommon(conduct, false);
    conduct->callback([this] { chosen_ = [this] { return Conduct(common_); }; });
    CLI::App* step = app_.add_subcommand("step", "Busker's own tasks, started by busker itself.");
    step->group("");
    step->add_option("NAME", step_.name)->required();
    step->add_option("JSON", step_.json)->required();
    step->callback([this] { chosen_ = [this] { return Step(common_, step_); }; });
  }

  // As the parser wants them: "busker help run" is "busker run --help", and options of all verbs
  // may come before the verb.
  static std::vector<std::string> InOrder(std::vector<std::string> words) {
    std::size_t first = 0;
    while (first < words.size()) {
      const std::string& word = words[first];
      const bool takes_value = word == "-C" || word == "--home" || word == "--target";
      const bool has_value = word.starts_with("--home=") || word.starts_with("--target=");
      if (!takes_value && !has_value && word != "--json") break;
      first += takes_value ? 2 : 1;
    }
    if (first < words.size() && !words[first].starts_with('-')) {
      std::rotate(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(first), words.end());
    }
    if (!words.empty() && words.front() == "help") {
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
  RunOptions run_;
  StartOptions start_;
  WaitOptions wait_;
  CheckOptions check_;
  UpOptions up_;
  RunVerbOptions run_verb_;
  PauseOptions pause_;
  BackfillOptions backfill_;
  ExplainOptions explain_;
  AuditOptions audit_;
  GraphRunOptions graph_run_;
  TokenOptions token_;
  SecretOptions secret_;
  RunsOptions runs_;
  NextOptions next_;
  LogsOptions logs_;
  ModelsOptions models_;
  PromoteOptions promote_;
  QueryOptions query_;
  DeliveriesOptions deliveries_;
  UndoOptions undo_;
  InitOptions init_;
  BuildOptions build_;
  StepOptions step_;
  std::function<Result<int>()> chosen_;
};

}  // namespace

int RunCommandLine(int argc, const char* const* argv, const Installation& installation) {
  return CommandLine(installation).Carry(argc, argv);
}

}  // namespace busker::cli
