// busker models: the versions that may be live, with their metrics.
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/bytes.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/versions.h"

namespace busker::cli {

Result<int> Models(const Common& common) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  TRY_ASSIGN(const Versions versions, ReadVersions(workspace));
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
  for (const std::string& name : metrics) columns.push_back({name, true});
  columns.insert(columns.end(), {{"SIZE", true}, {"RUN"}, {"GATE"}});
  std::vector<std::vector<std::string>> rows;
  for (const auto& version : versions.all) {
    std::uint64_t bytes = 0;
    for (const auto& [_, digest] : version.files) bytes += digest.size_bytes;
    auto& row = rows.emplace_back();
    row = {version.name.timestamp, versions.IsLive(version) ? "live" : "", version.data_date};
    for (const std::string& name : metrics) {
      const auto value = version.metrics.find(name);
      row.push_back(value == version.metrics.end() ? "" : FormatNumber(value->second));
    }
    row.push_back(FormatBytes(bytes));
    row.push_back(version.run);
    const model::Ruling* ruling = model::FindRuling(versions.rulings, version.name);
    row.push_back(ruling == nullptr
                      ? ""
                      : fmt::format("{}: {}", ruling->passed ? "passed" : "refused", ruling->why));
  }
  Print(Table(columns, rows));
  if (versions.live) {
    const model::LiveMove& now = versions.live->now;
    PrintLine(fmt::format("live since {} by {}: {}", FormatRfc3339(now.at), now.by, now.why));
  }
  return 0;
}

}  // namespace busker::cli
