// Verbs of what starts by itself: to keep schedules, to stop and look at them, and runs of graphs.
#include <CLI/CLI.hpp>

#include "cli/described_verbs.h"

namespace busker::cli {
namespace {

void AddUp(VerbList& verbs) {
  auto& options = verbs.Keep<UpOptions>();
  CLI::App* verb = verbs.Add(
      "up",
      "Run the daemon: it keeps the schedules of services and graph files, and serves the "
      "dashboard "
      "and the HTTP API. It sees edited files; SIGTERM ends it, and what runs goes on.",
      "  busker up\n  busker up services/ scheduler/ --home /var/lib/busker\n",
      [&common = verbs.common(), &options] { return Up(common, options); }, false);
  verb->add_option("DIR", options.folders,
                   "services, graph files, or folders of them (default: the current one)");
  verb->add_flag("-q,--quiet", options.quiet, "do not tell of runs as they start and end");
  verb->add_flag(
      "--paused", options.paused,
      "actions and graphs that are new begin paused, until busker resume; the others stay "
      "as they are");
  verb->add_option("--port", options.port,
                   "of the dashboard and the HTTP API; 0: any free one; default: that of [http] "
                   "listen in daemon.toml, else the one of last time, else 8321 or the next free")
      ->check(CLI::Range(0, 65535).description(""))
      ->type_name("N");
}

void AddOpen(VerbList& verbs) {
  auto& options = verbs.Keep<OpenOptions>();
  CLI::App* verb = verbs.Add(
      "open",
      "Open the dashboard of the busker up at work here in a browser, signed in. Where there is no "
      "browser, print an address that does so once.",
      "  busker open\n"
      "  busker open --print        for a browser on another machine, through ssh -L\n",
      [&common = verbs.common(), &options] { return OpenDashboard(common, options); });
  verb->add_flag("--print", options.print, "print the address, and open nothing");
}

void AddNext(VerbList& verbs) {
  auto& options = verbs.Keep<NextOptions>();
  CLI::App* verb =
      verbs.Add("next",
                "When a schedule runs next, in UTC and local time; daylight-saving changes are "
                "marked.",
                "  busker next application\n"
                "  busker next '30 2 * * *' --zone Europe/Berlin --from 2026-03-28\n",
                [&common = verbs.common(), &options] { return Next(common, options); });
  verb->add_option("ACTION|EXPR", options.what,
                   "an action, or a cron expression (quoted), or @daily")
      ->required();
  verb->add_option("--zone", options.zone, "time zone of an expression (default UTC)")
      ->type_name("ZONE");
  verb->add_option("--from", options.from,
                   "from this date (midnight in the zone) or RFC 3339 instant on; default: now")
      ->type_name("T");
  verb->add_option("-n,--count", options.count, "how many to show, 1 to 1000 (default 10)")
      ->check(CLI::Range(1, 1000).description(""))
      ->type_name("N");
}

void AddPauses(VerbList& verbs) {
  const Common& common = verbs.common();
  auto& options = verbs.Keep<PauseOptions>();
  CLI::App* pause = verbs.Add("pause", "Stop an action's or graph's scheduled and triggered runs.",
                              "  busker pause application\n",
                              [&common, &options] { return Pause(common, options); });
  CLI::App* resume = verbs.Add(
      "resume",
      "Start scheduled and triggered runs again; what was missed is caught up "
      "as catch_up says.",
      "  busker resume application\n", [&common, &options] { return Resume(common, options); });
  for (CLI::App* verb : {pause, resume}) {
    verb->add_option("ACTION", options.action, "an action, SERVICE/ACTION, or a graph")->required();
    verbs.AddBy(verb);
  }
}

void AddBackfill(VerbList& verbs) {
  auto& options = verbs.Keep<BackfillOptions>();
  CLI::App* verb =
      verbs.Add("backfill", "One run for each instant of a schedule in a range.",
                "  busker backfill application --from 2019-07-01 --to 2019-07-31 --dry-run\n",
                [&common = verbs.common(), &options] { return Backfill(common, options); });
  verb->add_option("ACTION", options.action, "an action, SERVICE/ACTION, or a graph")->required();
  verb->add_option("--from", options.from, "first data date or instant")
      ->required()
      ->type_name("D");
  verb->add_option("--to", options.to, "last data date or instant")->required()->type_name("D");
  verb->add_flag("--dry-run", options.dry_run,
                 "only show the instants, the version that each starts with, and what will be "
                 "refused");
  verb->add_flag("--newest-first", options.newest_first, "start with the last");
  verb->add_flag("--retry-failed", options.retry_failed,
                 "also retry runs that failed or were cancelled");
  verb->add_flag("--force", options.force, "let an older data date replace a newer one");
  verb->add_option("--runs-at-once", options.runs_at_once,
                   "how many of them run at the same time (default 1)")
      ->check(CLI::Range(1, 1000).description(""))
      ->type_name("N");
  verbs.AddBy(verb);
}

void AddGraph(VerbList& verbs) {
  auto& options = verbs.Keep<GraphRunOptions>();
  CLI::App* noun = verbs.AddNoun("graph", "Run a graph file: busker graph run FILE.",
                                 "  busker graph run scheduler/configs/nightly.json\n");
  CLI::App* verb =
      verbs.AddBelow(noun, "run", "Run a graph file once, now, and follow it.",
                     [&common = verbs.common(), &options] { return GraphRun(common, options); });
  verb->add_option("FILE", options.file, "the graph file (JSON)")->required();
  verb->add_option("--date", options.date, "data date, as for busker run")->type_name("D");
  verb->add_flag("-q,--quiet", options.quiet, "do not show what the tasks write");
  verb->add_option("--wait", options.wait, "how long to wait for another busker (default 10m)")
      ->type_name("DURATION");
}

}  // namespace

void AddScheduleVerbs(VerbList& verbs) {
  AddUp(verbs);
  AddOpen(verbs);
  AddNext(verbs);
  AddPauses(verbs);
  AddBackfill(verbs);
  AddGraph(verbs);
}

}  // namespace busker::cli
