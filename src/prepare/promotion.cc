#include "prepare/promotion.h"

#include <fmt/core.h>

#include "artifact/version.h"
#include "base/text.h"
#include "model/gate.h"
#include "model/live.h"
#include "model/rulings.h"
#include "prepare/first_check.h"
#include "prepare/test_of_version.h"

namespace busker::prepare {
namespace {

using artifact::Manifest;

// What a test found, as metrics of the version that it tested: "testing.auc".
void Join(const Manifest& test, model::Metrics& metrics) {
  for (const auto& [name, value] : test.metrics) metrics[test.name.action + "." + name] = value;
}

// The metrics of the new version, with what the tests of this run found.
Result<model::Metrics> MetricsOf(artifact::Store& store, const Manifest& challenger,
                                 const std::map<std::string, std::string>& tests) {
  model::Metrics metrics = challenger.metrics;
  for (const auto& [action, key] : tests) {
    TRY_ASSIGN(const auto name, artifact::ParseVersionName(key));
    TRY_ASSIGN(const Manifest test, artifact::ReadManifest(store, name, artifact::ForDecision()));
    Join(test, metrics);
  }
  return metrics;
}

// Those of the live version, with what was found when it was tested last: as far as the gate names
// that, since each test that there ever was is looked at.
Result<model::Metrics> MetricsOf(artifact::Store& store, const Manifest& champion,
                                 const std::map<std::string, std::string>& tests,
                                 const std::vector<std::string>& named) {
  model::Metrics metrics = champion.metrics;
  for (const auto& [action, _] : tests) {
    if (!model::NamesTest(named, action)) continue;
    TRY_ASSIGN(const auto test, LastTest(store, champion.name, action, artifact::ForDecision()));
    if (test) Join(*test, metrics);
  }
  return metrics;
}

// What is known of the version before anything is decided.
struct Contest {
  std::string run;
  Manifest challenger;
  std::optional<model::LivePointer> live;
  std::optional<Manifest> champion;
};

// Why the version is not made live; nullopt: it is. `why` then tells what the gate saw in it.
Result<std::optional<std::string>> Refusal(artifact::Store& store, const PromoteStep& step,
                                           const Contest& contest, std::string& why) {
  const auto& [run, challenger, live, champion] = contest;
  if (champion && champion->scheduled_at > challenger.scheduled_at && !step.force) {
    return fmt::format("the live version {} is for a later data date ({}) than this one ({})",
                       champion->name.timestamp, champion->data_date, challenger.data_date);
  }
  if (!step.gate) return std::nullopt;
  TRY_ASSIGN(const model::Needed needed, model::MetricsNeeded(*step.gate));
  TRY_ASSIGN(const model::Metrics metrics, MetricsOf(store, challenger, step.tests));
  for (const std::string& name : needed.of_new) {
    const std::string test = name.substr(0, name.find('.'));
    if (challenger.files.contains("metrics.json") || metrics.contains(name)) continue;
    if (step.tests.contains(test)) continue;  // the gate says that it has no such metric
    return Invalid(
        fmt::format("promote_when needs the metric \"{}\", but the {} wrote no output/metrics.json",
                    Printable(name), challenger.name.action));
  }
  std::optional<model::Metrics> of_live;
  if (champion) {
    TRY_ASSIGN(of_live, MetricsOf(store, *champion, step.tests, needed.of_live));
  }
  TRY_ASSIGN(model::Verdict verdict, model::Judge(*step.gate, metrics, of_live));
  if (!verdict.pass) return std::move(verdict.why);
  why = std::move(verdict.why);
  return std::nullopt;
}

// Of a version that is, or was, live already: what this run ruled of it the first time.
Result<StepDone> DoneBefore(artifact::Store& store, const artifact::VersionName& name,
                            const std::string& run, std::string sentence) {
  TRY_ASSIGN(const auto rulings, model::ReadRulings(store, name.service, name.service_version,
                                                    artifact::ForDecision()));
  StepDone done{std::move(sentence), {}};
  const model::Ruling* const ruling = model::FindRuling(rulings, name);
  if (ruling != nullptr && ruling->run == run) done.result.ruling = *ruling;
  return done;
}

// How the version stands already, when it is or was live; empty: neither.
std::string StandsAlready(const std::optional<model::LivePointer>& live,
                          const artifact::VersionName& name) {
  if (!live) return {};
  if (live->now.version == name) return "is live already";
  for (const model::LiveMove& move : live->before) {  // the second time of this step
    if (move.version == name) return "was live already";
  }
  return {};
}

// Notes the ruling, and says what it comes to. `check`: what asking the version first came to;
// `option`: what else promoting it by hand takes, with a blank before.
Result<StepDone> Rule(artifact::Store& store, const model::Ruling& ruling, const std::string& check,
                      const std::string& option) {
  TRY(model::NoteRuling(store, ruling, artifact::ForDecision()));
  StepDone done{"", {{}, "", ruling}};
  const std::string& version = ruling.version.timestamp;
  if (!ruling.passed) {
    done.sentence = fmt::format("{}{}; busker promote {}{} makes it live all the same",
                                kNotPromoted, ruling.why, version, option);
  } else if (ruling.waits) {
    done.sentence = fmt::format("{} passed: {}; it waits for approval: busker promote {}", version,
                                ruling.why, version);
  } else {
    done.sentence = fmt::format("{} is live now: {}", version, ruling.why);
  }
  if (!check.empty()) done.sentence += "; " + check;
  return done;
}

}  // namespace

Result<StepDone> Promote(const PromoteStep& step, const home::Folder& home, Instant now,
                         const MayChange& may_change) {
  TRY_ASSIGN(const std::string url, home::UrlOfPlace(step.store_url, home));
  TRY_ASSIGN(const auto store, artifact::OpenStore(url));
  TRY_ASSIGN(const auto name, artifact::ParseVersionName(step.version));
  Contest contest{step.run, {}, {}, {}};
  TRY_ASSIGN(contest.challenger, artifact::ReadManifest(*store, name, artifact::ForDecision()));
  if (contest.challenger.files.empty()) {
    return Invalid(
        fmt::format("{} left nothing in output/, so there is nothing to make live", name.action));
  }
  TRY_ASSIGN(contest.live,
             model::ReadLive(*store, name.service, name.service_version, artifact::ForDecision()));
  if (const std::string stands = StandsAlready(contest.live, name); !stands.empty()) {
    return DoneBefore(*store, name, step.run, fmt::format("{} {}", name.timestamp, stands));
  }
  if (contest.live) {
    TRY_ASSIGN(contest.champion,
               artifact::ReadManifest(*store, contest.live->now.version, artifact::ForDecision()));
  }
  model::LiveMove move{name, "run " + step.run, "no gate", now};
  std::string option;
  TRY_ASSIGN(auto refusal, Refusal(*store, step, contest, move.why));
  if (!refusal) {
    TRY(model::VerifyVersion(*store, name, artifact::ForFiles()));
    auto checked = CheckFirst(*store, contest.challenger, artifact::ForFiles());
    if (checked) {
      move.check = *std::move(checked);
    } else if (checked.error().kind == ErrorKind::kInvalid) {
      refusal = std::move(checked).error().message;
      option = " --unchecked";
    } else {
      return tl::unexpected(std::move(checked).error());
    }
  }
  if (!refusal && !step.requires_approval && contest.live && contest.live->pin) {
    refusal = Sentence(*contest.live->pin);
    option = " --unpin";
  }
  if (may_change) TRY(may_change());
  // Before the pointer moves: whoever finds it moved finds the ruling, too.
  model::Ruling ruling{name, !refusal, refusal.value_or(move.why), step.run, now};
  ruling.waits = ruling.passed && step.requires_approval;
  TRY_ASSIGN(StepDone done, Rule(*store, ruling, move.check, option));
  if (!ruling.passed || ruling.waits) return done;
  const auto moved = model::MoveLive(*store, move, artifact::ForDecision());
  if (moved) return done;
  const auto live =
      model::ReadLive(*store, name.service, name.service_version, artifact::ForDecision());
  if (!live || !*live || !(*live)->pin) return tl::unexpected(moved.error());
  ruling.passed = false;  // it was pinned meanwhile
  ruling.why = Sentence(*(*live)->pin);
  return Rule(*store, ruling, "", " --unpin");
}

}  // namespace busker::prepare
