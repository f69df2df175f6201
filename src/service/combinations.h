// What only several keys of an action, or several actions, can tell to be wrong.
#pragma once

#include <map>
#include <string>

#include "service/keys.h"

namespace busker::service {

// Sets the action's `start` and `end` from what the file says, in the action's zone.
void ResolveBounds(ActionDraft& draft, Faults& faults);

// Keys that mean nothing, or cannot work, together.
void CheckCombinations(const ActionDraft& draft, Faults& faults);

// That each "after" names actions that there are, and that none waits for itself in the end. `at`:
// where the "after" of each action stands that has one.
void CheckAfter(const std::map<std::string, Action>& actions,
                const std::map<std::string, Position>& at, Faults& faults);

// The text of a cycle, each waiting for the next: "a" waits for "b", which waits for "a".
std::string CycleSentence(const std::vector<std::string>& cycle);

// A date, which begins at midnight in `zone`, or an RFC 3339 instant. `naive`: a clock time without
// an offset is one of the zone too (Airflow's way), where the zone is UTC. The fault's sentence.
Result<Instant> ParseBound(const std::string& text, const std::string& zone, bool naive);

}  // namespace busker::service
