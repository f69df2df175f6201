// Verbs of runs: to start one, to look at it, to steer it.
#include <CLI/CLI.hpp>

#include "cli/described_verbs.h"

namespace busker::cli {
namespace {

constexpr char kStates[] = "queued|running|succeeded|failed|cancelled|skipped";

void AddRun(VerbList& verbs) {
  auto& options = verbs.Keep<RunOptions>();
  CLI::App* verb = verbs.Add(
      "run",
      "Run one action now and follow it: load the input, run the program, save its outputs, "
      "deliver them or let the gate decide what is live.",
      "  busker run training\n"
      "  busker run application --date 2019-08-01    for that data date\n",
      [&common = verbs.common(), &options] { return Run(common, options); });
  verb->add_option("ACTION", options.action, "the action: training, application, ...")->required();
  verb->add_option("--date", options.date,
                   "data date: 2019-08-01, today or yesterday (midnight in the schedule's zone) or "
                   "an RFC 3339 instant; default: now")
      ->type_name("D");
  verb->add_flag("--force", options.force,
                 "let an older data date replace a newer one, a partition a whole table");
  verb->add_flag("-q,--quiet", options.quiet, "do not show what the program writes");
  verb->add_flag("--strict", options.strict, "exit 1, too, when the gate refuses the new version");
  verb->add_option("--version", options.version,
                   "begin with this version, as busker models shows it, instead of the one that "
                   "the action's input says")
      ->type_name("V");
  verb->add_option("--wait", options.wait,
                   "how long to wait for another busker at work in this folder (default 10m)")
      ->type_name("DURATION");
}

void AddStart(VerbList& verbs) {
  auto& options = verbs.Keep<StartOptions>();
  CLI::App* verb =
      verbs.Add("start",
                "Start a run and leave it to run: of the busker that is up, else of one in the "
                "background. Prints the run's id.",
                "  busker start training\n"
                "  busker start training --key nightly-42    at most one run for this key\n",
                [&common = verbs.common(), &options] { return Start(common, options); });
  verb->add_option("ACTION", options.action, "an action, SERVICE/ACTION, or a graph")->required();
  verb->add_option("--date", options.date, "data date, as for busker run")->type_name("D");
  verb->add_flag("--force", options.force,
                 "let an older data date replace a newer one, a partition a whole table");
  verb->add_option("--key", options.key, "start at most once for this key")->type_name("KEY");
  verbs.AddBy(verb);
}

void AddWait(VerbList& verbs) {
  auto& options = verbs.Keep<WaitOptions>();
  CLI::App* verb =
      verbs.Add("wait", "Wait until a run has ended, whether it succeeded or not.",
                "  busker wait training --limit 2h\n",
                [&common = verbs.common(), &options] { return Wait(common, options); });
  verb->add_option("ACTION", options.action, "the newest run of this action or graph")->required();
  verb->add_option("--run", options.run, "this run")->type_name("RUN");
  verb->add_option("--limit", options.limit,
                   "give up after this, with exit code 4; the run goes on")
      ->type_name("DURATION");
}

void AddCheck(VerbList& verbs) {
  auto& options = verbs.Keep<CheckOptions>();
  CLI::App* verb =
      verbs.Add("check", "Did the run succeed? The exit code says so.",
                "  busker start training && busker wait training && busker check training\n",
                [&common = verbs.common(), &options] { return Check(common, options); });
  verb->add_option("ACTION", options.action, "the newest run of this action or graph")->required();
  verb->add_option("--run", options.run, "this run")->type_name("RUN");
  verb->add_flag("--strict", options.strict, "exit 1, too, when the gate refused its version");
}

void AddRuns(VerbList& verbs) {
  auto& options = verbs.Keep<RunsOptions>();
  CLI::App* verb =
      verbs.Add("runs", "List runs, newest first.",
                "  busker runs\n  busker runs application --state failed\n"
                "  busker runs --date 2019-08-01\n",
                [&common = verbs.common(), &options] { return ListRuns(common, options); });
  verb->add_option("ACTION", options.action, "only of this action");
  verb->add_option("--state", options.state, "only in this state")->type_name(kStates);
  verb->add_option("--date", options.date, "only for this data date: 2019-08-01, today, yesterday")
      ->type_name("D");
  verb->add_option("--batch", options.batch, "only of this backfill")->type_name("ID");
  verb->add_option("-n,--count", options.count, "how many to show (default 20)")->type_name("N");
}

void AddLogs(VerbList& verbs) {
  auto& options = verbs.Keep<LogsOptions>();
  CLI::App* verb = verbs.Add(
      "logs", "Show the output of a run's tasks.",
      "  busker logs                 of the newest run\n"
      "  busker logs application -f  of its newest run, as it is written\n",
      [&common = verbs.common(), &options] { return Logs(common, options); }, false);
  verb->add_option("RUN|ACTION", options.what, "a run's id, or an action for its newest run");
  verb->add_option("--task", options.task, "only this task")->type_name("TASK");
  verb->add_option("--attempt", options.attempt, "this attempt; default: the newest")
      ->type_name("N");
  verb->add_flag("-f,--follow", options.follow, "go on until the run has ended");
  verb->add_option("--tail", options.tail, "only the last N lines of each task")->type_name("N");
  verb->add_flag("--raw", options.raw, "the bytes as they are stored, into a file or a pipe");
}

void AddExplain(VerbList& verbs) {
  auto& options = verbs.Keep<ExplainOptions>();
  CLI::App* verb =
      verbs.Add("explain", "Why something runs, waits or failed, in a sentence.",
                "  busker explain application\n  busker explain RUN deliver\n",
                [&common = verbs.common(), &options] { return Explain(common, options); });
  verb->add_option("RUN|ACTION", options.what, "a run's id, an action or a graph")->required();
  verb->add_option("TASK", options.task, "a task of the run");
}

void AddSteering(VerbList& verbs) {
  const Common& common = verbs.common();
  auto& options = verbs.Keep<RunVerbOptions>();
  CLI::App* cancel =
      verbs.Add("cancel", "End a run: all its processes, and wait until they have ended.",
                "  busker cancel 20190801-070000-k3f9x2\n  busker cancel training\n",
                [&common, &options] { return Cancel(common, options); });
  CLI::App* retry = verbs.Add("retry", "Resume a run from the tasks that did not succeed.",
                              "  busker retry application\n",
                              [&common, &options] { return Retry(common, options); });
  CLI::App* skip = verbs.Add("skip", "Skip a task: the run goes on as if it had succeeded.",
                             "  busker skip application deliver\n",
                             [&common, &options] { return Skip(common, options); });
  for (CLI::App* verb : {cancel, retry, skip}) {
    verb->add_option("RUN|ACTION", options.run, "a run's id, or an action for its newest run")
        ->required();
    verbs.AddBy(verb);
  }
  skip->add_option("TASK", options.task, "one that waits, or did not succeed")->required();
}

}  // namespace

void AddRunVerbs(VerbList& verbs) {
  AddRun(verbs);
  AddStart(verbs);
  AddWait(verbs);
  AddCheck(verbs);
  verbs.Add("status",
            "Each action's last run and its next one, the live version, and whether busker up is "
            "running.",
            "  busker status\n  busker status --json\n",
            [&common = verbs.common()] { return Status(common); });
  AddRuns(verbs);
  AddLogs(verbs);
  AddExplain(verbs);
  AddSteering(verbs);
}

}  // namespace busker::cli
