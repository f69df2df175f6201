#include "model/gate.h"

#include <fmt/core.h>

#include <cmath>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "model/condition.h"

namespace busker::model {
namespace {

constexpr std::string_view kLivePrefix = "live.";

bool IsLive(const Token& token) {
  return token.kind == Token::Kind::kName && token.text.starts_with(kLivePrefix);
}

// What a condition comes to with the metrics of two versions.
class Judgement {
 public:
  Judgement(std::string_view condition, const Metrics& challenger,
            const std::optional<Metrics>& live)
      : condition_(condition), challenger_(challenger), live_(live) {}

  // Every metric is there, also in parts that will not be calculated.
  Result<void> CheckMetrics(const std::vector<Token>& tokens) const {
    for (const Token& token : tokens) {
      if (token.kind != Token::Kind::kName || (IsLive(token) && !live_)) continue;
      if (Find(token)) continue;
      const Metrics& metrics = IsLive(token) ? *live_ : challenger_;
      std::vector<std::string> names;
      for (const auto& [name, value] : metrics) names.push_back(name);
      const auto nearest = Nearest(Name(token), names);
      return FaultAt(condition_, token.at,
                     fmt::format("the {} version has no metric \"{}\"{}",
                                 IsLive(token) ? "live" : "new", Name(token),
                                 nearest ? fmt::format(", did you mean \"{}\"?", *nearest)
                                 : names.empty()
                                     ? "; it has none: training writes them to output/metrics.json"
                                     : "; it has: " + Printable(Join(names, ", ").substr(0, 500))));
    }
    return {};
  }

  // `negated`: an odd number of "not" above; see "nothing is live" in the header.
  Result<bool> Holds(const ConditionNode& node, bool negated) const {
    const auto text = node.token.text;
    if (text == "true" || text == "false") return text == "true";
    if (text == "not") {
      TRY_ASSIGN(const bool holds, Holds(*node.right, !negated));
      return !holds;
    }
    if (text == "and" || text == "or") {
      TRY_ASSIGN(const bool left, Holds(*node.left, negated));
      if (left == (text == "or")) return left;
      return Holds(*node.right, negated);
    }
    if (!live_ && MentionsLive(node)) return !negated;
    TRY_ASSIGN(const double left, Number(*node.left));
    TRY_ASSIGN(const double right, Number(*node.right));
    if (text == "<") return left < right;
    if (text == "<=") return left <= right;
    if (text == ">") return left > right;
    if (text == ">=") return left >= right;
    if (text == "==") return left == right;
    CHECK(text == "!=", "the parser makes no other condition");
    return left != right;
  }

  // The condition with a number for each metric.
  std::string WithNumbers(const std::vector<Token>& tokens) const {
    std::string text;
    std::size_t copied = 0;
    for (const Token& token : tokens) {
      const auto value = Find(token);
      if (!value) continue;
      text += condition_.substr(copied, token.at - copied);
      text += fmt::format("{:.6g}", *value);
      copied = token.at + token.text.size();
    }
    text += condition_.substr(copied);
    return text;
  }

 private:
  static std::string Name(const Token& token) {
    return std::string(IsLive(token) ? token.text.substr(kLivePrefix.size()) : token.text);
  }

  std::optional<double> Find(const Token& token) const {
    if (token.kind != Token::Kind::kName || (IsLive(token) && !live_)) return std::nullopt;
    const Metrics& metrics = IsLive(token) ? *live_ : challenger_;
    const auto found = metrics.find(Name(token));
    if (found == metrics.end()) return std::nullopt;
    return found->second;
  }

  static bool MentionsLive(const ConditionNode& node) {
    return IsLive(node.token) || (node.left && MentionsLive(*node.left)) ||
           (node.right && MentionsLive(*node.right));
  }

  Result<double> Number(const ConditionNode& node) const {
    double value = 0;
    if (node.token.kind == Token::Kind::kNumber) {
      value = node.token.number;
    } else if (node.token.kind == Token::Kind::kName) {
      const auto found = Find(node.token);
      CHECK(found.has_value(), "CheckMetrics came first");
      value = *found;
    } else {
      double left = 0;
      if (node.left) {
        TRY_ASSIGN(left, Number(*node.left));
      }
      TRY_ASSIGN(const double right, Number(*node.right));
      switch (node.token.text.front()) {
        case '+':
          value = left + right;
          break;
        case '-':
          value = left - right;
          break;
        case '*':
          value = left * right;
          break;
        default:
          value = left / right;
          break;
      }
    }
    if (!std::isfinite(value)) {
      return FaultAt(condition_, node.token.at,
                     fmt::format("\"{}\" has no finite result", node.token.text));
    }
    return value;
  }

  std::string_view condition_;
  const Metrics& challenger_;
  const std::optional<Metrics>& live_;
};

}  // namespace

Result<void> CheckGate(const std::string& condition) {
  TRY(ParseCondition(condition));
  return {};
}

Result<Verdict> Judge(const std::string& condition, const Metrics& challenger,
                      const std::optional<Metrics>& live) {
  TRY_ASSIGN(const Condition gate, ParseCondition(condition));
  const Judgement judgement(condition, challenger, live);
  TRY(judgement.CheckMetrics(gate.tokens));
  Verdict verdict;
  TRY_ASSIGN(verdict.pass, judgement.Holds(*gate.root, false));
  const std::string text(Trim(condition));
  const std::string numbers(Trim(judgement.WithNumbers(gate.tokens)));
  verdict.why = text;
  bool beats_nobody = false;
  for (const Token& token : gate.tokens) beats_nobody = beats_nobody || (IsLive(token) && !live);
  if (beats_nobody && numbers == text) {
    verdict.why += " (nothing is live yet)";
  } else if (beats_nobody) {
    verdict.why += fmt::format(" ({}, nothing is live yet)", numbers);
  } else if (numbers != text) {
    verdict.why += fmt::format(" ({})", numbers);
  }
  verdict.why += verdict.pass ? ": yes" : ": no";
  return verdict;
}

}  // namespace busker::model
