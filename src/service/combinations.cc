#include "service/combinations.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "plan/cron.h"

namespace busker::service {
namespace {

std::optional<Instant> ResolveBound(const ActionDraft& draft, std::string_view key,
                                    const std::string& text, Faults& faults) {
  const auto bound = ParseBound(text, draft.action.time_zone, false);
  if (bound) return *bound;
  faults.Add(draft.said.at(key), fmt::format("\"{}\": {}", key, bound.error().message));
  return std::nullopt;
}

// Follows "after" from `name`, each action once; the cycle, beginning and ending with one name.
class CycleFinder {
 public:
  explicit CycleFinder(const std::map<std::string, Action>& actions) : actions_(actions) {}

  // No deeper than there are actions; a service file of 1 MiB has at most some 60,000.
  std::optional<std::vector<std::string>> From(const std::string& name) {
    struct Step {
      std::string name;
      std::size_t next = 0;  // which of its "after" to follow
    };
    if (done_.contains(name)) return std::nullopt;
    std::vector<Step> path = {{name, 0}};
    std::set<std::string> on_path = {name};
    while (!path.empty()) {
      const auto found = actions_.find(path.back().name);
      const std::size_t next = path.back().next++;
      if (found == actions_.end() || next == found->second.after.size()) {
        done_.insert(path.back().name);
        on_path.erase(path.back().name);
        path.pop_back();
        continue;
      }
      const std::string& parent = found->second.after[next];
      if (on_path.contains(parent)) {
        std::vector<std::string> cycle;
        for (const Step& step : path) {
          if (!cycle.empty() || step.name == parent) cycle.push_back(step.name);
        }
        cycle.push_back(parent);
        for (const Step& step : path) done_.insert(step.name);
        return cycle;
      }
      if (!done_.contains(parent)) {
        on_path.insert(parent);
        path.push_back({parent, 0});
      }
    }
    return std::nullopt;
  }

 private:
  const std::map<std::string, Action>& actions_;
  std::set<std::string> done_;
};

}  // namespace

Result<Instant> ParseBound(const std::string& text, const std::string& zone, bool naive) {
  if (const auto date = ParseDate(text)) return plan::StartOfDay(*date, zone);
  if (const auto instant = ParseRfc3339(text)) return *instant;
  if (naive) {
    auto utc = ParseRfc3339(text + "Z");
    if (!utc) utc = ParseRfc3339(text + ":00Z");
    if (utc && (zone == "UTC" || zone == "Etc/UTC")) return *utc;
    if (utc) {
      return Invalid(
          fmt::format("{} needs an offset such as \"+02:00\", or the zone UTC", Quoted(text)));
    }
  }
  return Invalid(
      fmt::format("{} is not a date; use YYYY-MM-DD, such as 2026-01-01, or an instant, such as "
                  "2026-01-01T07:00:00Z",
                  Quoted(text)));
}

void ResolveBounds(ActionDraft& draft, Faults& faults) {
  if (!draft.start.empty()) draft.action.start = ResolveBound(draft, "start", draft.start, faults);
  if (!draft.end.empty()) draft.action.end = ResolveBound(draft, "end", draft.end, faults);
}

void CheckCombinations(const ActionDraft& draft, Faults& faults) {
  const Action& action = draft.action;
  const auto said = [&](std::string_view key) { return draft.said.contains(key); };
  const auto fault = [&](std::string_view key, std::string_view why) {
    faults.Add(draft.said.at(key), fmt::format("\"{}\" {}", key, why));
  };
  for (const char* key : {"start", "end", "catch_up", "catch_up_window", "depends_on_past"}) {
    if (said(key) && !said("schedule") && !action.schedule)
      fault(key, "means nothing without a \"schedule\"");
  }
  if (said("catch_up_window") && action.catch_up == plan::CatchUp::kNone) {
    fault("catch_up_window", "means nothing with catch_up = \"none\"");
  }
  if (action.start && action.end && *action.end < *action.start) {
    fault("end", fmt::format("is before \"start\", {}", FormatRfc3339(*action.start)));
  }
  const bool one_run =
      action.overlap == plan::Overlap::kSkip || action.overlap == plan::Overlap::kReplace;
  if (said("runs_at_once") && one_run) {
    fault("runs_at_once",
          fmt::format("means nothing with concurrency = \"{}\"", plan::NameOf(action.overlap)));
  }
  if (action.depends_on_past && action.overlap == plan::Overlap::kReplace) {
    fault("depends_on_past",
          "cannot work with concurrency = \"replace\": a run that is replaced never succeeds, and "
          "nothing would run after it");
  }
  if (said("require_approval") && !action.promotes) {
    fault("require_approval", "means nothing where nothing is promoted");
  }
  if (action.input == Input::kCandidate) {
    if (action.promotes) {
      fault("input",
            "\"candidate\" tests what another action saved, and cannot be promoted itself");
    }
    if (action.name == "promote") {
      fault("input", "\"candidate\" needs another name for the action: promote is Busker's own");
    }
    if (!action.deliveries.empty()) {
      fault(said("deliver") ? "deliver" : "input",
            "cannot be: an action with input = \"candidate\" delivers nothing; deliver = {}");
    }
    if (said("target")) {
      fault("target", "means nothing with input = \"candidate\": it runs where the training does");
    }
  }
  if (said("pool_slots") && !said("pool")) fault("pool_slots", "means nothing without a \"pool\"");
  if (said("retry_delay_max") && !action.exponential) {
    fault("retry_delay_max", "means nothing with retry_backoff = \"constant\"");
  } else if (action.retry_delay_max && *action.retry_delay_max < action.retry_delay) {
    fault("retry_delay_max",
          fmt::format("is shorter than \"retry_delay\", {}", FormatDuration(action.retry_delay)));
  }
  if (action.run_timeout && action.timeout && *action.run_timeout < *action.timeout) {
    fault("run_timeout", fmt::format("is shorter than the \"timeout\" of one try, {}",
                                     FormatDuration(*action.timeout)));
  }
}

std::string CycleSentence(const std::vector<std::string>& cycle) {
  constexpr std::size_t kShown = 12;
  std::string sentence = Quoted(cycle.front());
  for (std::size_t i = 1; i < cycle.size(); ++i) {
    if (cycle.size() > kShown + 2 && i == kShown) {
      sentence += fmt::format(", ... ({} more)", cycle.size() - 1 - kShown);
      i = cycle.size() - 1;
    }
    sentence += (i == 1 ? " waits for " : ", which waits for ") + Quoted(cycle[i]);
  }
  return sentence;
}

void CheckAfter(const std::map<std::string, Action>& actions,
                const std::map<std::string, Position>& at, Faults& faults) {
  std::vector<std::string> names;
  for (const auto& [name, action] : actions) names.push_back(name);
  CycleFinder finder(actions);
  for (const auto& [name, action] : actions) {
    bool itself = false;
    for (const auto& parent : action.after) {
      if (parent == name) {
        itself = true;
        faults.Add(at.at(name), fmt::format("\"after\": {} cannot run after itself", Quoted(name)));
      } else if (!actions.contains(parent)) {
        const auto nearest = Nearest(parent, names);
        faults.Add(at.at(name),
                   fmt::format("\"after\": no action {}{}", Quoted(parent),
                               nearest ? fmt::format(", did you mean \"{}\"?", *nearest)
                                       : "; there are " + Join(names, ", ")));
      }
    }
    if (itself) continue;
    const auto cycle = finder.From(name);
    if (cycle && cycle->size() > 2) {
      faults.Add(at.at(cycle->front()),
                 fmt::format("\"after\" goes in a circle: {}", CycleSentence(*cycle)));
    }
  }
}

}  // namespace busker::service
