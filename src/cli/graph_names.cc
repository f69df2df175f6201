#include "cli/graph_names.h"

#include <fmt/core.h>

#include <map>
#include <set>

#include "base/text.h"
#include "catalogue/definitions.h"
#include "cli/owner.h"
#include "model/gate.h"
#include "service/schedule_file.h"

namespace busker::cli {
namespace {

// Every name, and what it stands for; a short one that stands for several is left out.
std::map<std::string, plan::GraphKey> NamesOf(const Place& place,
                                              const catalogue::Catalogue& catalogue) {
  std::map<std::string, plan::GraphKey> names;
  std::map<std::string, std::vector<plan::GraphKey>> by_action;
  for (const auto& [key, definition] : catalogue.definitions) {
    names[key.Text()] = key;
    if (definition->service) by_action[definition->action].push_back(key);
  }
  if (place.service) {
    for (const auto& [action, _] : place.service->actions) names[action] = KeyOf(place, action);
    return names;
  }
  for (const auto& [action, keys] : by_action) {
    if (keys.size() == 1) names.emplace(action, keys.front());
  }
  return names;
}

// The action whose schedule is a graph file with that dag_id: both are one thing, and Airflow calls
// it as the file does. An empty key: there is none.
plan::GraphKey ActionScheduledBy(const catalogue::Catalogue& catalogue, const std::string& dag_id) {
  std::set<std::string> seen;
  for (const auto& [_, definition] : catalogue.definitions) {
    if (!definition->service || !seen.insert(definition->service->root).second) continue;
    for (const auto& each : service::FindScheduleFiles(definition->service->root)) {
      const auto file = service::LoadGraphFile(each.path);
      if (file && file->id == dag_id) return {definition->service->name, each.action};
    }
  }
  return {};
}

tl::unexpected<Error> NoSuchGraph(const Place& place, const catalogue::Catalogue& catalogue,
                                  const std::string& text) {
  std::vector<std::string> names;
  for (const auto& [name, _] : NamesOf(place, catalogue)) names.push_back(name);
  // "application" of two services is neither of them.
  std::vector<std::string> meant;
  for (const auto& [key, definition] : catalogue.definitions) {
    if (definition->service && definition->action == text) meant.push_back('"' + key.Text() + '"');
  }
  // A file that cannot be read defines nothing, and is often called like its graph.
  for (const catalogue::Fault& fault : catalogue.faults) {
    if (io::fs::path(fault.file).stem() != text) continue;
    return NotFound(fmt::format("no action or graph \"{}\"; {} is at fault: {}", text, fault.file,
                                fault.message));
  }
  if (!meant.empty()) {
    return NotFound(
        fmt::format("no action or graph \"{}\"; did you mean {}?", text, Join(meant, " or ")));
  }
  if (const auto nearest = Nearest(text, names)) {
    return NotFound(fmt::format("no action or graph \"{}\"; did you mean \"{}\"?", text, *nearest));
  }
  // As busker status has them.
  std::vector<std::string> shown;
  for (const auto& [key, definition] : catalogue.definitions) {
    const bool own = place.service && KeyOf(place, definition->action) == key;
    shown.push_back(own ? definition->action : key.Text());
  }
  if (shown.empty()) {
    return NotFound(
        fmt::format("no action or graph \"{}\"; none is defined in {}", text, place.folder));
  }
  constexpr std::size_t kShown = 10;
  const bool all = shown.size() <= kShown;
  if (!all) shown.resize(kShown);
  return NotFound(fmt::format("no action or graph \"{}\"; there are {}{}", text, Join(shown, ", "),
                              all ? "" : ", ..."));
}

}  // namespace

std::shared_ptr<const catalogue::Catalogue> ReadDefinitions(const Place& place) {
  return catalogue::Definitions(ServedPaths(place.home, place.folder), place.home.folder,
                                model::CheckGate)
      .Read();
}

Result<plan::GraphKey> FindGraph(const Place& place, const std::string& text) {
  const plan::GraphKey key = KeyOf(place, text);
  if (key.Text() != text) return key;
  if (HasHome(place.home)) {
    TRY_ASSIGN(const auto record, OpenRecord(place.home));
    TRY_ASSIGN(const auto memory, record->FindGraph(key));
    if (memory || record->NewestRun(key)) return key;
  }
  const auto catalogue = ReadDefinitions(place);
  const auto names = NamesOf(place, *catalogue);
  if (const auto found = names.find(text); found != names.end()) return found->second;
  const plan::GraphKey scheduled = ActionScheduledBy(*catalogue, text);
  if (!scheduled.name.empty()) return scheduled;
  return NoSuchGraph(place, *catalogue, text);
}

Result<std::shared_ptr<const catalogue::Definition>> FindDefinition(const Place& place,
                                                                    const std::string& text) {
  const auto catalogue = ReadDefinitions(place);
  const auto names = NamesOf(place, *catalogue);
  const auto name = names.find(text);
  const auto found = catalogue->definitions.find(
      name != names.end() ? name->second : ActionScheduledBy(*catalogue, text));
  if (found != catalogue->definitions.end()) return found->second;
  return NoSuchGraph(place, *catalogue, text);
}

namespace {

// A part of an id is enough where only one of the newest runs has it: its beginning, or that of its
// last word ("fyvapr" of 20261128-191153-fyvapr). kInvalid: several have it.
Result<std::optional<record::RunRow>> FindRunByPart(record::Record& record,
                                                    const std::string& part) {
  constexpr std::size_t kPartMin = 3, kRunsMax = 1000, kNamedMax = 4;
  if (part.size() < kPartMin) return std::nullopt;
  record::RunFilter filter;
  filter.count_max = kRunsMax;
  TRY_ASSIGN(auto runs, record.ListRuns(filter));
  std::erase_if(runs, [&](const record::RunRow& run) {
    const std::string& id = run.facts.id;
    return !id.starts_with(part) && !id.substr(id.rfind('-') + 1).starts_with(part);
  });
  if (runs.empty()) return std::nullopt;
  if (runs.size() == 1) return std::move(runs.front());
  std::vector<std::string> ids;
  for (const auto& run : runs) {
    if (ids.size() < kNamedMax) ids.push_back(run.facts.id);
  }
  return Invalid(fmt::format("\"{}\" is the beginning of {} runs' ids: {}{}", part, runs.size(),
                             Join(ids, ", "), runs.size() > kNamedMax ? ", ..." : ""));
}

}  // namespace

Result<record::RunRow> FindRun(const Place& place, record::Record& record,
                               const std::string& what) {
  if (what.empty()) {
    record::RunFilter filter;
    filter.count_max = 1;
    TRY_ASSIGN(auto runs, record.ListRuns(filter));
    if (!runs.empty()) return std::move(runs.front());
    return NotFound("no runs yet; busker run ACTION starts one");
  }
  if (auto run = record.FindRun(what); run || run.error().kind != ErrorKind::kNotFound) return run;
  const auto graph = FindGraph(place, what);
  if (!graph) {
    TRY_ASSIGN(auto begun, FindRunByPart(record, what));
    if (begun) return *std::move(begun);
  }
  if (!graph && graph.error().kind == ErrorKind::kNotFound) {
    return NotFound(fmt::format("no run \"{}\", and {}", what, graph.error().message));
  }
  TRY(graph);
  auto run = record.NewestRun(*graph);
  if (!run && run.error().kind == ErrorKind::kNotFound) {
    return NotFound(
        fmt::format("{} has no run on record yet; busker run {} starts one", what, what));
  }
  return run;
}

}  // namespace busker::cli
