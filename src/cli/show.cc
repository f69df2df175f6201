// busker show: one version, all that is known of it in people's words.
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/plural.h"
#include "base/text.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/versions.h"
#include "prepare/first_check.h"
#include "prepare/test_of_version.h"
#include "serve/describe.h"

namespace busker::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kCategoriesShown = 5;

// A version, with what was looked at for it.
struct Shown {
  const artifact::Manifest& version;
  const Versions& versions;
  std::vector<artifact::Manifest> tests;  // of each action that tests: the last of this version
  prepare::Serving serving;
};

// "live since ... by mari: auc 0.8 is > 0.7; pinned by ...", "waits for approval since ...".
std::string StandingOf(const Shown& shown) {
  const model::Ruling* const waiting = shown.versions.Waiting();
  if (waiting != nullptr && waiting->version == shown.version.name) {
    return "waits for approval since " + FormatRfc3339(waiting->at);
  }
  if (!shown.versions.IsLive(shown.version)) return "not live";
  const model::LivePointer& live = *shown.versions.live;
  return fmt::format("live since {} by {}: {}{}", FormatRfc3339(live.now.at), live.now.by,
                     live.now.why, live.pin ? "; " + Sentence(*live.pin) : "");
}

std::string NumbersOf(const std::map<std::string, double>& metrics, const std::string& prefix) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : metrics) {
    parts.push_back(fmt::format("{}{} {}", prefix, name, FormatNumber(value)));
  }
  return Join(parts, ", ");
}

// "category of 3: free, paid, trial; may be missing".
std::string TypeOf(const predict::Input& input) {
  std::string text(predict::NameOf(input.type));
  if (!input.categories.empty()) {
    const std::size_t count = input.categories.size();
    const auto end =
        input.categories.begin() + static_cast<long>(std::min(count, kCategoriesShown));
    text += fmt::format(" of {}: {}{}", count, Join({input.categories.begin(), end}, ", "),
                        count > kCategoriesShown ? ", ..." : "");
  }
  if (input.missing) text += "; may be missing";
  return text;
}

using Rows = std::vector<std::vector<std::string>>;

void AddIf(Rows& rows, const char* name, const std::string& text) {
  if (!text.empty()) rows.push_back({name, text});
}

Rows FactsOf(const Shown& shown) {
  const artifact::Manifest& version = shown.version;
  const model::Ruling* const ruling = model::FindRuling(shown.versions.rulings, version.name);
  Rows rows = {
      {"is", StandingOf(shown)},
      {"data date", version.data_date},
      {"saved", fmt::format("{} by run {}", FormatRfc3339(version.saved_at), version.run)}};
  if (ruling != nullptr) {
    rows.push_back({"gate", fmt::format("{}: {}", prepare::WordOf(*ruling), ruling->why)});
    AddIf(rows, "approved by", ruling->approved_by);
  }
  AddIf(rows, "metrics", NumbersOf(version.metrics, ""));
  for (const artifact::Manifest& test : shown.tests) {
    AddIf(rows, "tested",
          fmt::format("{} (run {})", NumbersOf(test.metrics, test.name.action + "."), test.run));
  }
  rows.push_back({"online", shown.serving.sentence});
  AddIf(rows, "model", shown.serving.model);
  AddIf(rows, "commit", version.source_commit);
  AddIf(rows, "config", version.config_sha256.substr(0, 12));
  if (version.environment) {
    rows.push_back(
        {"python", fmt::format("{}, {}", version.environment->python,
                               Plural(version.environment->packages.size(), "package"))});
  }
  AddIf(rows, "image", version.image);
  AddIf(rows, "command", Join(version.command, " "));
  return rows;
}

// Two columns, the first as wide as its widest. Whole lines: a sentence is not cut.
void PrintRows(const Rows& rows, const char* indent) {
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row[0].size());
  for (const auto& row : rows) {
    PrintLine(fmt::format("{}{:<{}}  {}", indent, Printable(row[0]), width, Printable(row[1])));
  }
}

void PrintVersion(const Shown& shown) {
  const artifact::VersionName& name = shown.version.name;
  PrintLine(fmt::format("{} of {} {}, from {}", name.timestamp, name.service, name.service_version,
                        name.action));
  PrintRows(FactsOf(shown), "");
  Rows files;
  for (const auto& [file, digest] : shown.version.files) {
    files.push_back({file, fmt::format("{}, sha256 {}", FormatBytes(digest.size_bytes),
                                       digest.sha256.substr(0, 12))});
  }
  PrintLine("files");
  PrintRows(files, "  ");
  if (!shown.serving.signature) return;
  Rows inputs;
  for (const predict::Input& input : shown.serving.signature->inputs) {
    inputs.push_back({input.name, TypeOf(input)});
  }
  PrintLine("inputs");
  PrintRows(inputs, "  ");
  PrintLine("outputs: " + Printable(Join(shown.serving.signature->outputs, ", ")));
}

ordered_json ToJson(const Shown& shown) {
  ordered_json described = Describe(shown.version, shown.versions);
  described["is"] = StandingOf(shown);
  described["pin"] = shown.versions.IsLive(shown.version) ? serve::DescribePin(shown.versions.live)
                                                          : ordered_json();
  ordered_json tests = ordered_json::object();
  for (const artifact::Manifest& test : shown.tests) {
    tests[test.name.action] = {{"metrics", test.metrics}, {"run", test.run}};
  }
  described["tests"] = tests;
  ordered_json files = ordered_json::object();
  for (const auto& [file, digest] : shown.version.files) {
    files[file] = {{"bytes", digest.size_bytes}, {"sha256", digest.sha256}};
  }
  described["contents"] = files;
  described["command"] = shown.version.command;
  const prepare::Serving& serving = shown.serving;
  described["online"] = {{"served", serving.is_served},
                         {"why", serving.sentence},
                         {"model", serve::TextOrNull(serving.model)},
                         {"sample", serving.sample_size}};
  described["signature"] =
      serving.signature ? ordered_json::parse(predict::ToJson(*serving.signature), nullptr, false)
                        : ordered_json();
  return described;
}

// Of each action that tests versions: what it saved last of this one.
Result<std::vector<artifact::Manifest>> TestsOf(const Workspace& workspace,
                                                const Versions& versions,
                                                const artifact::Manifest& version) {
  std::vector<artifact::Manifest> tests;
  for (const std::string& action : service::Testing(workspace.service)) {
    TRY_ASSIGN(auto test,
               prepare::LastTest(*versions.store, version.name, action, artifact::ForDecision()));
    if (test) tests.push_back(*std::move(test));
  }
  return tests;
}

}  // namespace

Result<int> Show(const Common& common, const ShowOptions& options) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  TRY_ASSIGN(const Versions versions, ReadVersions(workspace));
  TRY_ASSIGN(const artifact::Manifest* const version,
             FindShown(workspace, versions, options.version));
  Shown shown{*version, versions, {}, {}};
  TRY_ASSIGN(shown.tests, TestsOf(workspace, versions, *version));
  TRY_ASSIGN(shown.serving,
             prepare::LookAtServing(*versions.store, *version, artifact::ForFiles()));
  if (common.json) {
    PrintJson(ToJson(shown));
  } else {
    PrintVersion(shown);
  }
  return 0;
}

}  // namespace busker::cli
