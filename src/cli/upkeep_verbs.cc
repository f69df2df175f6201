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
      "of busker-runner that no VM has been asked for with for a week. No version is touched.",
      "  busker gc --dry-run\n  busker gc --target cloud\n",
      [&common = verbs.common(), &options] { return Gc(common, options); });
  verb->add_flag("--dry-run", options.dry_run, "only show what would go");
}

}  // namespace

void AddUpkeepVerbs(VerbList& verbs) {
  AddAudit(verbs);
  verbs.Add("fsck", "Check record, versions, live pointer and warehouse, and that they agree.",
            "  busker fsck\n", [&common = verbs.common()] { return Fsck(common); });
  AddGc(verbs);
}

}  // namespace busker::cli
