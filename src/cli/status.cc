// busker status: what there is to run, how it last went, what is next, what is live, who is at
// work.
#include <fmt/core.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/plural.h"
#include "base/text.h"
#include "cli/gate_word.h"
#include "cli/graph_names.h"
#include "cli/json.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "cli/versions.h"
#include "home/instance.h"
#include "home/ownership.h"

namespace busker::cli {
namespace {

using nlohmann::ordered_json;

struct GraphLine {
  plan::GraphKey key;
  std::optional<record::RunRow> last;
  std::optional<daemon::GraphStatus> now;  // as the owner of the home says
};

// Where several folders share a home, a service's folder shows its own.
bool IsElsewhere(const Place& place, const plan::GraphKey& key) {
  const bool shared = place.home.folder.parent_path() != place.folder;
  return shared && place.service && key.service != place.service->name;
}

// The actions of the folder's service, and every graph that the owner of the home serves, or that
// the next one would.
std::map<plan::GraphKey, GraphLine> FindGraphs(const Place& place,
                                               const std::optional<daemon::Status>& status) {
  std::map<plan::GraphKey, GraphLine> lines;
  if (place.service) {
    for (const auto& [name, _] : place.service->actions) {
      const plan::GraphKey key = KeyOf(place, name);
      lines[key].key = key;
    }
  }
  if (!status && HasHome(place.home)) {
    const auto catalogue = ReadDefinitions(place);
    for (const auto& [key, _] : catalogue->definitions) {
      if (!IsElsewhere(place, key)) lines[key].key = key;
    }
  }
  if (!status) return lines;
  for (const daemon::GraphStatus& graph : status->graphs) {
    if (IsElsewhere(place, graph.graph)) continue;
    lines[graph.graph].key = graph.graph;
    lines[graph.graph].now = graph;
  }
  return lines;
}

ordered_json DescribeGraph(const GraphLine& line, prepare::Rulings* rulings) {
  const bool is_file = line.key.service.empty();
  ordered_json described;
  described[is_file ? "graph" : "action"] = line.key.name;
  if (!is_file) described["service"] = line.key.service;
  described["last_run"] = line.last ? Describe(*line.last, *rulings) : ordered_json();
  if (line.now) {
    described["schedule"] =
        line.now->schedule.empty() ? ordered_json() : ordered_json(line.now->schedule);
    described["next"] = Describe(line.now->next);
    described["paused"] = line.now->paused;
    described["explained"] = line.now->explained;
  }
  return described;
}

void PrintGraphs(const Place& place, const std::map<plan::GraphKey, GraphLine>& lines,
                 prepare::Rulings* rulings) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, line] : lines) {
    const bool own = place.service && key.service == place.service->name;
    const std::string name = own ? key.name : key.Text();
    std::string next;
    if (line.now) {
      next = line.now->paused ? "paused by " + line.now->paused_by
             : line.now->next ? When(*line.now->next)
                              : "";
    }
    if (!line.last) {
      rows.push_back({name, "never ran", "", "", "", next, ""});
      continue;
    }
    const record::RunRow& run = *line.last;
    GateWord word = WordOf(run, *rulings);
    rows.push_back({name, std::move(word.state), run.facts.data_date, When(run.facts.requested_at),
                    run.facts.id, next, std::move(word.why)});
  }
  Print(Table({{"ACTION"},
               {"LAST RUN"},
               {"DATA DATE", false, 2},
               {"REQUESTED", false, 3},
               {"RUN", false, 1},
               {"NEXT"},
               {"WHY", false, 0, true}},
              rows));
}

// "notices: 2 could not be delivered to https://hooks.example.com (4 tries): ...; next try at ...".
std::string Sentence(const daemon::Undelivered& one) {
  return fmt::format("notices: {} could not be delivered to {} ({}){}; next try at {}", one.notices,
                     Printable(one.to),
                     Plural(static_cast<std::uint64_t>(one.tries), "try", "tries"),
                     one.why.empty() ? "" : ": " + Printable(one.why), FormatRfc3339(one.next_try));
}

// "logs: those of 2 runs are not copied to cloud-logging://shop (4 tries): ...; next try at ...".
std::string Sentence(const daemon::Uncopied& one) {
  return fmt::format(
      "logs: {} not copied to {} ({}): {}; next try at {}",
      one.runs == 1 ? "that of 1 run is" : fmt::format("those of {} runs are", one.runs),
      Printable(one.to), Plural(static_cast<std::uint64_t>(one.tries), "try", "tries"),
      Printable(one.why), FormatRfc3339(one.next_try));
}

// "left behind: VM busker-3fa9 in europe-west1-b since ... (run R): ...; it costs money, ...".
std::string Sentence(const daemon::Debt& debt) {
  return fmt::format(
      "left behind: {} in {} since {} (run {}): {}; it costs money, and deleting it is tried again",
      Printable(debt.what), Printable(debt.where), FormatRfc3339(debt.since),
      debt.attempt.run.empty() ? "unknown" : Printable(debt.attempt.run), Printable(debt.why));
}

// One line for what is silent for all: of a store nothing is heard for each of its attempts.
void PrintSilences(const std::vector<daemon::Silence>& silences) {
  std::set<std::pair<std::string, std::string>> printed;
  for (const daemon::Silence& one : silences) {
    if (printed.emplace(one.what, one.where).second)
      PrintLine("silence: " + daemon::SentenceOf(one));
  }
}

// "busker up is running (process 4711)".
std::string WhoIsAtWork(const std::string& owner, const std::optional<daemon::Status>& status) {
  if (status && status->schedules) {
    const std::string process = owner.substr(0, owner.find(' ', owner.find(' ') + 1));
    return fmt::format("busker up is running ({})", process);
  }
  return fmt::format("busker up is not running: schedules are not kept{}",
                     owner.empty() ? "" : " (at work: " + Printable(owner) + ")");
}

Result<void> PrintService(const Common& common, const service::Service& service) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  TRY_ASSIGN(const Versions versions, ReadVersions(workspace));
  PrintLine(fmt::format("{} {}", service.name, service.version));
  PrintLine(versions.live
                ? fmt::format("live: {}, {}{} by {}", versions.live->now.version.timestamp,
                              IsTerminal() ? "made live " : "since ", When(versions.live->now.at),
                              versions.live->now.by)
                : "live: nothing yet");
  if (versions.live && versions.live->pin) PrintLine(Printable(Sentence(*versions.live->pin)));
  if (const model::Ruling* const waiting = versions.Waiting()) PrintLine(WaitingSentence(*waiting));
  return {};
}

}  // namespace

Result<int> Status(const Common& common) {
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(common));
  const daemon::Client client = ClientOf(place.home);
  std::optional<daemon::Status> status;
  if (client.SomebodyListens()) {
    TRY_ASSIGN(status, client.Ask());
  }
  auto lines = FindGraphs(place, status);
  if (!place.service && lines.empty() && !HasHome(place.home)) {
    TRY(OpenWorkspace(common));  // says that there is nothing here
  }
  std::unique_ptr<record::Record> record;
  std::optional<prepare::Rulings> rulings;  // where there is a home, and so before any last run
  if (HasHome(place.home)) {
    TRY_ASSIGN(record, OpenRecord(place.home));
    rulings.emplace(*record, home::FolderOf(place.home));
    for (auto& [key, line] : lines) {
      if (auto run = record->NewestRun(key)) line.last = std::move(*run);
    }
  }
  const std::string owner = HasHome(place.home) ? home::OwnerOf(place.home) : "";
  if (common.json) {
    ordered_json described;
    if (place.service) {
      TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
      TRY_ASSIGN(const Versions versions, ReadVersions(workspace));
      described = {{"service", place.service->name},
                   {"version", place.service->version},
                   {"live", versions.live ? ordered_json(versions.live->now.version.timestamp)
                                          : ordered_json()}};
      const model::Ruling* const waiting = versions.Waiting();
      described["waits"] =
          waiting == nullptr ? ordered_json() : ordered_json(waiting->version.timestamp);
      described["pin"] = serve::DescribePin(versions.live);
    }
    described["owner"] = owner.empty() ? ordered_json() : ordered_json(owner);
    described["schedules"] = status && status->schedules;
    described["trouble"] =
        status && !status->trouble.empty() ? ordered_json(status->trouble) : ordered_json();
    described["faults"] = ordered_json::array();
    if (status) {
      for (const catalogue::Fault& fault : status->faults) {
        described["faults"].push_back({{"file", fault.file}, {"message", fault.message}});
      }
    }
    described["undelivered"] = ordered_json::array();
    if (status) {
      for (const auto& one : status->undelivered) described["undelivered"].push_back(Describe(one));
    }
    described["uncopied"] = ordered_json::array();
    if (status) {
      for (const auto& one : status->uncopied) described["uncopied"].push_back(Describe(one));
    }
    described["debts"] = ordered_json::array();
    if (status) {
      for (const daemon::Debt& debt : status->debts) described["debts"].push_back(Describe(debt));
    }
    described["silences"] = ordered_json::array();
    if (status) {
      for (const auto& one : status->silences) described["silences"].push_back(Describe(one));
    }
    described["online"] = ordered_json::array();
    if (status) {
      for (const daemon::Online& one : status->online) {
        described["online"].push_back({{"service", one.service}});
        described["online"].back().update(Describe(one));
      }
    }
    described["actions"] = ordered_json::array();
    for (const auto& [_, line] : lines)
      described["actions"].push_back(DescribeGraph(line, rulings ? &*rulings : nullptr));
    PrintJson(described);
    return 0;
  }
  if (place.service) TRY(PrintService(common, *place.service));
  PrintLine(WhoIsAtWork(owner, status));
  if (status) {
    for (const daemon::Undelivered& one : status->undelivered) PrintLine(Sentence(one));
    for (const daemon::Uncopied& one : status->uncopied) PrintLine(Sentence(one));
    for (const daemon::Debt& debt : status->debts) PrintLine(Sentence(debt));
    PrintSilences(status->silences);
    for (const daemon::Online& one : status->online) {
      if (one.IsBehind()) PrintLine("online: " + daemon::SentenceOf(one));
    }
  }
  if (status && !status->trouble.empty()) {
    PrintLine("trouble: " + status->trouble + "; nothing new starts until that is mended");
  }
  if (status) {
    for (const catalogue::Fault& fault : status->faults) {
      PrintLine(fmt::format("fault: {}: {}", fault.file, fault.message));
    }
  }
  PrintGraphs(place, lines, rulings ? &*rulings : nullptr);
  return 0;
}

}  // namespace busker::cli
