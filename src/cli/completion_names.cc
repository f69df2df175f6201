#include "cli/completion_names.h"

#include <cstdlib>
#include <set>

#include "access/tokens.h"
#include "cli/graph_names.h"
#include "cli/versions.h"
#include "secret/store.h"

namespace busker::cli {
namespace {

constexpr std::uint64_t kRunsMax = 30;
constexpr std::size_t kDeliveriesMax = 100;

Common CommonOf(const Installation& installation, const NameWanted& wanted) {
  Common common;
  common.installation = &installation;
  common.folder = wanted.folder.empty() ? NearestFolder() : wanted.folder;
  common.home = wanted.home;
  if (const char* const home = std::getenv("BUSKER_HOME"); home != nullptr && common.home.empty()) {
    common.home = home;
  }
  common.target = wanted.target;
  return common;
}

std::vector<Candidate> Actions(const Place& place) {
  std::vector<Candidate> names;
  const auto catalogue = ReadDefinitions(place);
  for (const auto& [key, definition] : catalogue->definitions) {
    const bool own = place.service && definition->service && key.service == place.service->name;
    names.push_back({own ? definition->action : key.Text(),
                     definition->graph.schedule ? definition->graph.schedule_text : ""});
  }
  return names;
}

std::vector<Candidate> Runs(const Place& place) {
  std::vector<Candidate> names;
  if (!HasHome(place.home)) return names;
  const auto record = OpenRecord(place.home);
  if (!record) return names;
  record::RunFilter filter;
  filter.count_max = kRunsMax;
  filter.with_tasks = false;
  const auto runs = (*record)->ListRuns(filter);
  if (!runs) return names;
  for (const record::RunRow& run : *runs) {
    names.push_back({run.facts.id, run.facts.action + " for " + run.facts.data_date + " " +
                                       std::string(NameOf(run.state))});
  }
  return names;
}

std::vector<Candidate> Tasks(const Place& place, const std::vector<std::string>& arguments) {
  std::vector<Candidate> names;
  if (!HasHome(place.home)) return names;
  const auto record = OpenRecord(place.home);
  if (!record) return names;
  const auto run = FindRun(place, **record, arguments.empty() ? "" : arguments.front());
  if (!run) return names;
  for (const record::TaskRow& row : run->tasks) {
    names.push_back({row.task.name, std::string(NameOf(row.task.state))});
  }
  return names;
}

std::vector<Candidate> VersionNames(const Common& common) {
  std::vector<Candidate> names;
  const auto workspace = OpenWorkspace(common);
  if (!workspace) return names;
  const auto versions = ReadVersions(*workspace);
  if (!versions) return names;
  for (auto one = versions->all.rbegin(); one != versions->all.rend(); ++one) {
    names.push_back({one->name.timestamp, versions->IsLive(*one) ? "live" : ""});
  }
  return names;
}

// Of a warehouse on this machine: one elsewhere would have a person wait.
std::vector<deliver::Delivery> DeliveriesHere(const Common& common) {
  const auto workspace = OpenWorkspace(common);
  if (!workspace || !HasHome(workspace->home)) return {};
  if (!workspace->places.warehouse_url.starts_with("embedded:")) return {};
  const auto warehouse = OpenWarehouse(common, *workspace);
  if (!warehouse) return {};
  std::vector<deliver::DamagedTable> damaged;
  auto deliveries = (*warehouse)->Deliveries("", &damaged);
  return deliveries ? std::move(*deliveries) : std::vector<deliver::Delivery>();
}

std::vector<Candidate> Tables(const Common& common) {
  std::set<std::string> tables;
  for (const auto& delivery : DeliveriesHere(common)) tables.insert(delivery.table);
  std::vector<Candidate> names;
  for (const std::string& table : tables) names.push_back({table, ""});
  return names;
}

std::vector<Candidate> DeliveryIds(const Common& common) {
  std::vector<Candidate> names;
  const auto deliveries = DeliveriesHere(common);
  for (auto one = deliveries.rbegin(); one != deliveries.rend(); ++one) {
    if (one->undone_at || names.size() == kDeliveriesMax) continue;
    names.push_back({one->id, one->table});
  }
  return names;
}

std::vector<Candidate> NamesOfTokens(const Place& place) {
  std::vector<Candidate> names;
  const auto tokens = access::TokenFile(place.home.TokensFile()).Read();
  if (!tokens) return names;
  for (const access::Token& token : *tokens) {
    names.push_back({token.name, std::string(access::NameOf(token.scope))});
  }
  return names;
}

std::vector<Candidate> NamesOfSecrets(const Place& place, const Installation& installation) {
  std::vector<Candidate> names;
  const auto entries = secret::Store(place.home, installation.environment).List();
  if (!entries) return names;
  for (const secret::Entry& entry : *entries) names.push_back({entry.name, ""});
  return names;
}

std::vector<Candidate> Targets(const Place& place) {
  std::vector<Candidate> names = {{"local", "this machine"}};
  if (!place.service) return names;
  for (const auto& [name, target] : place.service->targets) {
    if (name != "local") names.push_back({name, target.executor});
  }
  return names;
}

}  // namespace

std::vector<Candidate> NamesHere(const Installation& installation, const NameWanted& wanted) {
  const std::string& value = wanted.value;
  if (value == "D") return {{"today", "midnight in the schedule's zone"}, {"yesterday", ""}};
  const Common common = CommonOf(installation, wanted);
  if (value == "VERSION" || value == "V" || value == "A B") return VersionNames(common);
  if (value == "TABLE") return Tables(common);
  if (value == "DELIVERY") return DeliveryIds(common);
  const auto place = OpenPlaceAnyway(common);
  if (!place) return {};
  if (value == "ACTION" || value == "ACTION|EXPR" || value == "WHAT") return Actions(*place);
  if (value == "RUN") return Runs(*place);
  if (value == "TASK") return Tasks(*place, wanted.arguments);
  if (value == "TARGET") return Targets(*place);
  if (wanted.verb == "token revoke") return NamesOfTokens(*place);
  if (wanted.verb.starts_with("secret")) return NamesOfSecrets(*place, installation);
  if (value == "RUN|ACTION") {
    std::vector<Candidate> names = Actions(*place);
    for (Candidate& run : Runs(*place)) names.push_back(std::move(run));
    return names;
  }
  return {};
}

}  // namespace busker::cli
