// The gate: a condition on metrics that decides whether a new version becomes live.
//
//   auc >= live.auc - 0.01 and rows > 1000
//
//   condition = and-term { "or" and-term } ;  and-term = not-term { "and" not-term }
//   not-term = [ "not" ] ( comparison | "(" condition ")" | "true" | "false" )
//   comparison = sum ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum
//   sum, product, unary minus, "(" sum ")" as in arithmetic; a number; NAME, a metric of the new
//   version (the challenger); live.NAME, a metric of the live one (the champion). A name that has
//   more than letters, digits, "_" and "." is written in quotes: "eval/loss", live.'f1-score'.
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

// Parses only: for validation. kInvalid says at which character (from 1) and what was expected.
Result<void> CheckGate(const std::string& condition);

// The metrics of the new version that a condition names, in order.
Result<std::vector<std::string>> MetricsNeeded(const std::string& condition);

// `live`: nullopt when nothing is live. kInvalid: the condition cannot be read, or a metric that it
// needs is missing (naming the nearest), or a calculation has no finite result (division by 0).
Result<Verdict> Judge(const std::string& condition, const Metrics& challenger,
                      const std::optional<Metrics>& live);

}  // namespace busker::model
