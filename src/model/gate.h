// The gate: a condition on metrics that decides whether a new version becomes live.
//
//   auc >= live.auc - 0.01 and rows > 1000
//
//   condition = and-term { "or" and-term } ;  and-term = not-term { "and" not-term }
//   not-term = [ "not" ] ( comparison | "(" condition ")" | "true" | "false" )
//   comparison = sum ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum
//   sum, product, unary minus, "(" sum ")" as in arithmetic; min(a, b, ...), max(a, b, ...) and
//   abs(a) of sums; a number; NAME, a metric of the new version (the challenger); live.NAME, a
//   metric of the live one (the champion); ACTION.NAME and live.ACTION.NAME, what an action that
//   tests has found of them. A name that has more than letters, digits and "_" is written in
//   quotes: "eval/loss", live.'f1-score'.
//
// While nothing is live, a comparison that mentions live.NAME holds: the first version has nobody
// to beat. A metric that a version does not have is an error, not a no.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace busker::model {

using Metrics = std::map<std::string, double>;

struct Verdict {
  bool pass = false;
  std::string why;  // what decided it: "auc 0.71 is not >= 0.78 (0.79 - 0.01)"
};

// For validation. kInvalid says at which character (from 1) and what was expected. `tests`: the
// actions that test a version, whose metrics the condition may name.
Result<void> CheckGate(const std::string& condition, const std::vector<std::string>& tests);

// The metrics that a condition names, in order.
struct Needed {
  std::vector<std::string> of_new, of_live;  // "auc", "testing.auc": without "live."
};
Result<Needed> MetricsNeeded(const std::string& condition);

// Whether one of the `metrics` is of what the action `test` found: "testing.auc".
bool NamesTest(const std::vector<std::string>& metrics, const std::string& test);

// `live`: nullopt when nothing is live. kInvalid: the condition cannot be read, or a metric that it
// needs is missing (naming the nearest), or a calculation has no finite result (division by 0).
Result<Verdict> Judge(const std::string& condition, const Metrics& challenger,
                      const std::optional<Metrics>& live);

}  // namespace busker::model
