// Policies of a schedule and of a graph: what happens with missed instants, with runs that overlap,
// and when a task may start. By name in files and in the record: a name is never given another
// meaning.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace busker::plan {

// Instants of a schedule that passed while nobody looked.
enum class CatchUp {
  kNone,    // "none": they are left out
  kLatest,  // "latest": the last of them is run
  kAll,     // "all": each is run, oldest first
};

// A run becomes due while one of the same action or graph has not ended.
enum class Overlap {
  kQueue,    // "queue": it waits for its turn
  kSkip,     // "skip": it is not run
  kReplace,  // "replace": the older one is cancelled, then it runs
  kAllow,    // "allow": both run
};

// When a task may start, by how the tasks that it waits for ended (all of them have, unless said).
enum class TriggerRule {
  kAllSuccess,  // "all_success"
  kAllDone,     // "all_done": however they ended
  kOneFailed,   // "one_failed": as soon as one has failed
  kNoneFailed,  // "none_failed": each succeeded or was skipped
};

std::string_view NameOf(CatchUp policy);
std::string_view NameOf(Overlap policy);
std::string_view NameOf(TriggerRule rule);

// nullopt: there is none of that name.
std::optional<CatchUp> ParseCatchUp(std::string_view name);
std::optional<Overlap> ParseOverlap(std::string_view name);
std::optional<TriggerRule> ParseTriggerRule(std::string_view name);

// For messages.
std::vector<std::string> CatchUpNames();
std::vector<std::string> OverlapNames();
std::vector<std::string> TriggerRuleNames();

}  // namespace busker::plan
