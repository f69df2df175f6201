// busker models: the versions that may be live, with their metrics, and what differs between two.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/bytes.h"
#include "base/text.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/versions.h"
#include "model/difference.h"

namespace busker::cli {

namespace {

// By table: the rows that were delivered last with that version.
std::map<std::string, std::uint64_t> RowsOf(const artifact::Manifest& version,
                                            const std::vector<deliver::Delivery>& deliveries) {
  std::map<std::string, std::uint64_t> rows;
  for (const deliver::Delivery& one : deliveries) {
    if (one.model_version == version.name.Key() && !one.undone_at) rows[one.table] = one.rows;
  }
  return rows;
}

// What was made with each: of tables that got something from both. Whether there is such a table.
Result<bool> AddRows(const Common& common, const Workspace& workspace, const artifact::Manifest& a,
                     const artifact::Manifest& b, std::vector<model::Difference>& differences) {
  TRY_ASSIGN(const auto warehouse, OpenWarehouse(common, workspace));
  std::vector<deliver::DamagedTable> damaged;  // busker fsck tells of them
  TRY_ASSIGN(const auto deliveries, warehouse->Deliveries("", &damaged));
  const auto rows_b = RowsOf(b, deliveries);
  bool known = false;
  for (const auto& [table, rows] : RowsOf(a, deliveries)) {
    const auto other = rows_b.find(table);
    known = known || other != rows_b.end();
    if (other == rows_b.end() || other->second == rows) continue;
    differences.push_back(
        {"rows", table, std::to_string(rows), std::to_string(other->second), true});
  }
  return known;
}

nlohmann::ordered_json Value(const std::optional<std::string>& text, bool is_number) {
  if (!text) return nullptr;
  return is_number ? nlohmann::ordered_json::parse(*text, nullptr, false)
                   : nlohmann::ordered_json(*text);
}

void PrintDifferences(const artifact::Manifest& a, const artifact::Manifest& b,
                      const std::vector<model::Difference>& differences, bool rows_are_known) {
  if (differences.empty()) {
    std::vector<std::string> known = model::KnownOfBoth(a, b);
    if (rows_are_known) known.emplace_back("rows");
    PrintLine("nothing of what is known differs" +
              (known.empty() ? "; little is known of them" : ": " + Join(known, ", ")));
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const model::Difference& one : differences) {
    std::string what = one.what;
    std::replace(what.begin(), what.end(), '_', ' ');
    // Of a digest, a part tells it from another.
    const std::size_t shown = one.what == "config_sha256" ? 12 : std::string::npos;
    rows.push_back({one.name.empty() ? what : what + " " + one.name,
                    one.a.value_or("").substr(0, shown), one.b.value_or("").substr(0, shown)});
  }
  Print(Table({{""}, {a.name.timestamp}, {b.name.timestamp}}, rows));
}

Result<int> Compare(const Common& common, const Workspace& workspace, const Versions& versions,
                    const std::vector<std::string>& names) {
  TRY_ASSIGN(const artifact::Manifest* const a, FindShown(workspace, versions, names[0]));
  TRY_ASSIGN(const artifact::Manifest* const b, FindShown(workspace, versions, names[1]));
  auto differences = model::Differences(*a, *b);
  TRY_ASSIGN(const bool rows_are_known, AddRows(common, workspace, *a, *b, differences));
  if (!common.json) {
    PrintDifferences(*a, *b, differences, rows_are_known);
    return 0;
  }
  auto list = nlohmann::ordered_json::array();
  for (const model::Difference& one : differences) {
    list.push_back(
        {{"what", one.what},
         {"name", one.name.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(one.name)},
         {"a", Value(one.a, one.is_number)},
         {"b", Value(one.b, one.is_number)}});
  }
  PrintJson({{"a", a->name.timestamp}, {"b", b->name.timestamp}, {"differences", list}});
  return 0;
}

std::string StandingOf(const artifact::Manifest& version, const Versions& versions) {
  if (versions.IsLive(version)) return versions.live->pin ? "live, pinned" : "live";
  const model::Ruling* const waiting = versions.Waiting();
  return waiting != nullptr && waiting->version == version.name ? "waits" : "";
}

bool IsConstant(const std::vector<artifact::Manifest>& versions, const std::string& metric) {
  std::set<double> values;
  for (const artifact::Manifest& version : versions) {
    const auto value = version.metrics.find(metric);
    if (value != version.metrics.end()) values.insert(value->second);
  }
  return values.size() == 1 && versions.size() > 1;
}

// How soon the column of a metric goes where there is no room for all: last what a gate has asked
// for, first what is the same of all versions.
int RankOf(const std::string& metric, const Versions& versions, int number) {
  const bool is_asked_for = std::any_of(
      versions.rulings.begin(), versions.rulings.end(),
      [&](const model::Ruling& ruling) { return ruling.why.find(metric) != std::string::npos; });
  if (is_asked_for) return 1;
  return (IsConstant(versions.all, metric) ? 2000 : 1000) + number;
}

std::string LiveSince(const model::LiveMove& move) {
  return IsTerminal()
             ? fmt::format("made live {} by {}: {}", When(move.at), move.by, move.why)
             : fmt::format("live since {} by {}: {}", FormatRfc3339(move.at), move.by, move.why);
}

}  // namespace

Result<int> Models(const Common& common, const ModelsOptions& options) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  TRY_ASSIGN(const Versions versions, ReadVersions(workspace));
  if (!options.diff.empty()) return Compare(common, workspace, versions, options.diff);
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& version : versions.all) {
      list.push_back(Describe(version, versions));
    }
    PrintJson(list);
    return 0;
  }
  for (const std::string& sentence : versions.unreadable) {
    std::fprintf(stderr, "busker: left out: %s\n", sentence.c_str());
  }
  if (versions.all.empty()) {
    PrintLine("no versions yet; busker run training makes one");
    return 0;
  }
  std::set<std::string> metrics;
  for (const auto& version : versions.all) {
    for (const auto& [name, _] : version.metrics) metrics.insert(name);
  }
  std::vector<Column> columns = {{"VERSION"}, {"LIVE"}, {"DATA DATE"}};
  for (const std::string& name : metrics) {
    columns.push_back({name, true, RankOf(name, versions, static_cast<int>(columns.size()))});
  }
  columns.insert(columns.end(),
                 {{"SIZE", true, 4000}, {"RUN", false, 3000}, {"GATE", false, 0, true}});
  std::vector<std::vector<std::string>> rows;
  for (const auto& version : versions.all) {
    std::uint64_t bytes = 0;
    for (const auto& [_, digest] : version.files) bytes += digest.size_bytes;
    auto& row = rows.emplace_back();
    row = {version.name.timestamp, StandingOf(version, versions), version.data_date};
    for (const std::string& name : metrics) {
      const auto value = version.metrics.find(name);
      row.push_back(value == version.metrics.end() ? "" : FormatNumber(value->second));
    }
    row.push_back(FormatBytes(bytes));
    row.push_back(version.run);
    const model::Ruling* ruling = model::FindRuling(versions.rulings, version.name);
    row.push_back(ruling == nullptr ? ""
                                    : fmt::format("{}: {}", prepare::WordOf(*ruling), ruling->why));
  }
  Print(Table(columns, rows));
  if (versions.live) {
    PrintLine(LiveSince(versions.live->now));
    if (versions.live->pin) PrintLine(Printable(Sentence(*versions.live->pin)));
  }
  if (const model::Ruling* const waiting = versions.Waiting()) PrintLine(WaitingSentence(*waiting));
  return 0;
}

}  // namespace busker::cli
