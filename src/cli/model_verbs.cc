// Verbs of versions: to look at them, and to decide which one is live.
#include <CLI/CLI.hpp>

#include "cli/described_verbs.h"

namespace busker::cli {
namespace {

void AddModels(VerbList& verbs) {
  auto& options = verbs.Keep<ModelsOptions>();
  CLI::App* verb = verbs.Add(
      "models", "The versions that trainings saved, with their metrics, and which one is live.",
      "  busker models\n  busker models --json\n"
      "  busker models --diff 20190701T000000Z 20190801T000000Z\n",
      [&common = verbs.common(), &options] { return Models(common, options); });
  verb->add_option("--diff", options.diff, "what differs between two versions")
      ->expected(2)
      ->type_name("A B");
}

void AddShow(VerbList& verbs) {
  auto& options = verbs.Keep<ShowOptions>();
  CLI::App* verb =
      verbs.Add("show",
                "Show one version: its files and metrics, what the gate said, how it is "
                "served, what it takes.",
                "  busker show live\n  busker show 20190801T000000Z --json\n",
                [&common = verbs.common(), &options] { return Show(common, options); });
  verb->add_option("VERSION", options.version, "as busker models shows it, or live")->required();
}

void AddMoveFlags(VerbList& verbs, CLI::App* verb, PromoteOptions& options) {
  verb->add_flag("--unchecked", options.unchecked,
                 "even if its sample is answered differently here than where it was trained");
  verb->add_flag("--unpin", options.unpin, "even if the live version is pinned; this ends the pin");
  verbs.AddBy(verb);
}

void AddMoves(VerbList& verbs) {
  const Common& common = verbs.common();
  auto& options = verbs.Keep<PromoteOptions>();
  CLI::App* promote = verbs.Add(
      "promote", "Make a version live: applications use it from now on. Approves one that waits.",
      "  busker promote 20190801T000000Z\n",
      [&common, &options] { return Promote(common, options); });
  promote->add_option("VERSION", options.version, "as busker models shows it")->required();
  promote->add_option("--why", options.why, "a reason, kept with the pointer")->type_name("TEXT");
  AddMoveFlags(verbs, promote, options);
  CLI::App* rollback = verbs.Add(
      "rollback", "Make the version live that was live before. Repeat it to go further back.",
      "  busker rollback\n", [&common, &options] { return Rollback(common, options); });
  AddMoveFlags(verbs, rollback, options);
}

void AddPins(VerbList& verbs) {
  const Common& common = verbs.common();
  auto& options = verbs.Keep<PinOptions>();
  CLI::App* pin = verbs.Add("pin", "Pin the live version: no gate makes another one live.",
                            "  busker pin 20190801T000000Z --why 'sale until Sunday'\n",
                            [&common, &options] { return Pin(common, options); });
  pin->add_option("VERSION", options.version, "the live version")->required();
  pin->add_option("--why", options.why, "the reason, shown with the pin")
      ->required()
      ->type_name("TEXT");
  verbs.AddBy(pin);
  verbs.AddBy(verbs.Add("unpin", "End the pin: gates may make other versions live again.",
                        "  busker unpin\n", [&common] { return Unpin(common); }));
}

}  // namespace

void AddModelVerbs(VerbList& verbs) {
  AddModels(verbs);
  AddShow(verbs);
  AddMoves(verbs);
  AddPins(verbs);
}

}  // namespace busker::cli
