// Verbs of what is kept: who did what, and whether all is whole.
#include <CLI/CLI.hpp>

#include "cli/described_verbs.h"
#include "cli/gc.h"

namespace busker::cli {
namespace {

void AddAudit(VerbList& verbs) {
  auto& options = verbs.Keep<AuditOptions>();
  CLI::App* verb = verbs.Add(
      "audit", "Who did what, newest first; every event is on record, in a chain of hashes.",
      "  busker audit\n  busker audit --all --count 200\n"
      "  busker audit --verify          was an event changed afterwards?\n",
      [&common = verbs.common(), &options] { return ListAudit(common, options); });
  verb->add_flag("--all", options.all, "include automatic events");
  verb->add_option("-n,--count", options.count, "how many to show (default 50)")->type_name("N");
  verb->add_flag("--verify", options.verify, "go through the chain; exit 1 when it is broken");
}

void AddGc(VerbList& verbs) {
  auto& options = verbs.Keep<GcOptions>();
  CLI::App* verb = verbs.Add(
      "gc",
      "Remove from the artifact store what runs that did not end well have left there: files of "
      "versions that were never published, when nothing was written to them for a day; and copies "
      "of busker-runner that no VM has been asked for with for a week. With --older-than also "
      "versions that nothing needs: they are retired, and a busker gc that runs a day later or "
      "after that removes their files. What is live, what a rollback makes live, what waits for "
      "approval, what unfinished runs and an undo load, and what any of these was made of stays.",
      "  busker gc --dry-run\n  busker gc --target cloud\n"
      "  busker gc --older-than 90d             retires what is older, but the newest 10 of each "
      "action\n"
      "  busker gc --take-back training/20190801T000000Z\n",
      [&common = verbs.common(), &options] { return Gc(common, options); });
  verb->add_flag("--dry-run", options.dry_run, "only show what would go");
  verb->add_option("--older-than", options.older_than,
                   "retire versions saved longer ago, such as 90d, that nothing needs")
      ->type_name("AGE");
  verb->add_option("--keep", options.keep,
                   "with --older-than: the newest N of each action stay (default 10)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000).description(""));
  verb->add_option("--take-back", options.take_back,
                   "make a retired version one again, and do nothing else")
      ->type_name("VERSION");
}

}  // namespace

void AddUpkeepVerbs(VerbList& verbs) {
  AddAudit(verbs);
  verbs.Add("fsck", "Check record, versions, live pointer and warehouse, and that they agree.",
            "  busker fsck\n", [&common = verbs.common()] { return Fsck(common); });
  AddGc(verbs);
}

}  // namespace busker::cli
