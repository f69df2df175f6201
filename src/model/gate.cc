#include "model/gate.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "model/condition.h"

namespace busker::model {
namespace {

bool IsLive(const Token& token) { return token.kind == Token::Kind::kName && token.of_live; }

std::string NumberText(double number) { return fmt::format("{:.6g}", number); }

bool IsFunction(const ConditionNode& node) { return node.token.kind == Token::Kind::kFunction; }

// How tightly an operator of arithmetic binds.
int Binding(const ConditionNode& node) {
  if (IsFunction(node)) return 4;
  if (node.right == nullptr) return 4;  // a number or a metric
  if (node.left == nullptr) return 3;   // unary minus
  return node.token.text == "*" || node.token.text == "/" ? 2 : 1;
}

// Adds a reason that is not among them yet.
void AddReason(std::vector<std::string>& reasons, std::string reason) {
  if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) {
    reasons.push_back(std::move(reason));
  }
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
      return FaultAt(condition_, token.at,
                     fmt::format("the {} version has no metric \"{}\"{}",
                                 IsLive(token) ? "live" : "new", token.metric, Advice(token)));
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

  // Why the condition comes to `value`: the comparisons that decide it, with their numbers.
  void Explain(const ConditionNode& node, bool value, bool negated,
               std::vector<std::string>& reasons) const {
    const auto text = node.token.text;
    if (text == "true" || text == "false") return AddReason(reasons, std::string(text));
    if (text == "not") return Explain(*node.right, !value, !negated, reasons);
    if (text == "and" || text == "or") {
      const bool all = value == (text == "and");  // both sides came to it, or one is enough
      for (const ConditionNode* side : {node.left.get(), node.right.get()}) {
        const auto holds = Holds(*side, negated);
        if (all || (holds && *holds == value)) Explain(*side, value, negated, reasons);
        if (!all && text == "or" && holds && *holds) return;  // the other was not looked at
      }
      return;
    }
    if (!live_ && MentionsLive(node)) return AddReason(reasons, "nothing is live yet");
    AddReason(reasons, fmt::format("{} {} {} {}", LeftSide(*node.left), value ? "is" : "is not",
                                   text, RightSide(*node.right)));
  }

 private:
  std::optional<double> Find(const Token& token) const {
    if (token.kind != Token::Kind::kName || (IsLive(token) && !live_)) return std::nullopt;
    const Metrics& metrics = IsLive(token) ? *live_ : challenger_;
    const auto found = metrics.find(std::string(token.metric));
    if (found == metrics.end()) return std::nullopt;
    return found->second;
  }

  // What to write instead of a metric that is not there.
  std::string Advice(const Token& token) const {
    const Metrics& metrics = IsLive(token) ? *live_ : challenger_;
    if (metrics.empty()) return "; it has none: training writes them to output/metrics.json";
    std::vector<std::string> names;
    for (const auto& [name, value] : metrics) {
      names.push_back(name);
      // "eval/loss" without quotes is a quotient, and "f1-score" a difference.
      const auto at = static_cast<std::size_t>(token.metric.data() - condition_.data());
      const std::size_t begin = condition_.find(name);
      if (begin <= at && at < begin + name.size() && name != token.metric) {
        return fmt::format("; \"{}\" is written in quotes: {}'{}'", Printable(name),
                           IsLive(token) ? "live." : "", Printable(name));
      }
    }
    const auto nearest = Nearest(token.metric, names);
    if (nearest) return fmt::format(", did you mean \"{}\"?", Printable(*nearest));
    return "; it has: " + Printable(Join(names, ", ").substr(0, 500));
  }

  // "rmse 110.97", "1.2 (rmse + 1)".
  std::string LeftSide(const ConditionNode& node) const {
    const auto number = Find(node.token);
    if (number) return fmt::format("{} {}", node.token.text, NumberText(*number));
    return RightSide(node);
  }

  // "60.53 (57.64 * 1.05)", "57.64 (live.rmse)", "0.5".
  std::string RightSide(const ConditionNode& node) const {
    if (node.token.kind == Token::Kind::kNumber) return std::string(node.token.text);
    const auto number = Number(node);
    const std::string value = number ? NumberText(*number) : "no finite number";
    const bool is_metric = node.token.kind == Token::Kind::kName;
    const std::string from = is_metric ? std::string(node.token.text) : WithNumbers(node);
    return from == value ? value : fmt::format("{} ({})", value, from);
  }

  // Arithmetic as it is written, with a number for each metric.
  std::string WithNumbers(const ConditionNode& node) const {
    if (const auto number = Find(node.token)) return NumberText(*number);
    if (node.right == nullptr) return std::string(node.token.text);
    if (IsFunction(node)) return fmt::format("{}({})", node.token.text, Arguments(node));
    const auto side = [&](const ConditionNode& part, bool behind) {
      const bool loose =
          Binding(part) < Binding(node) || (behind && Binding(part) == Binding(node));
      const std::string text = WithNumbers(part);
      return loose && node.left != nullptr ? "(" + text + ")" : text;
    };
    if (node.left == nullptr) {
      const std::string text = WithNumbers(*node.right);
      return Binding(*node.right) < 3 ? "-(" + text + ")" : "-" + text;
    }
    return fmt::format("{} {} {}", side(*node.left, false), node.token.text,
                       side(*node.right, true));
  }

  // "0.79, 0.8": of min(a, b, c) the three, although its tree has pairs.
  std::string Arguments(const ConditionNode& node) const {
    if (!node.left) return WithNumbers(*node.right);
    const bool more = IsFunction(*node.left) && node.left->token.text == node.token.text;
    return fmt::format("{}, {}", more ? Arguments(*node.left) : WithNumbers(*node.left),
                       WithNumbers(*node.right));
  }

  static bool MentionsLive(const ConditionNode& node) {
    return IsLive(node.token) || (node.left && MentionsLive(*node.left)) ||
           (node.right && MentionsLive(*node.right));
  }

  // Of an operator or a function with the numbers on its sides.
  static double Calculated(const ConditionNode& node, double left, double right) {
    if (node.token.text == "min") return std::min(left, right);
    if (node.token.text == "max") return std::max(left, right);
    if (node.token.text == "abs") return std::abs(right);
    switch (node.token.text.front()) {
      case '+':
        return left + right;
      case '-':
        return left - right;
      case '*':
        return left * right;
      default:
        return left / right;
    }
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
      value = Calculated(node, left, right);
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

Result<void> CheckGate(const std::string& condition, const std::vector<std::string>& tests) {
  TRY_ASSIGN(const Condition gate, ParseCondition(condition));
  for (const Token& token : gate.tokens) {
    const std::size_t dot = token.metric.find('.');
    const bool quoted = token.text.find_first_of("\"'") != std::string_view::npos;
    if (token.kind != Token::Kind::kName || quoted || dot == std::string_view::npos) continue;
    const std::string action(token.metric.substr(0, dot));
    if (std::find(tests.begin(), tests.end(), action) != tests.end()) continue;
    const auto nearest = Nearest(action, tests);
    return FaultAt(condition, token.at,
                   fmt::format("no action \"{}\" with input = \"candidate\"{} A metric with "
                               "just that name is written in quotes: {}'{}'",
                               action, nearest ? ", did you mean \"" + *nearest + "\"?" : ".",
                               token.of_live ? "live." : "", token.metric));
  }
  return {};
}

Result<Needed> MetricsNeeded(const std::string& condition) {
  TRY_ASSIGN(const Condition gate, ParseCondition(condition));
  Needed needed;
  for (const Token& token : gate.tokens) {
    if (token.kind != Token::Kind::kName) continue;
    (token.of_live ? needed.of_live : needed.of_new).emplace_back(token.metric);
  }
  return needed;
}

bool NamesTest(const std::vector<std::string>& metrics, const std::string& test) {
  return std::any_of(metrics.begin(), metrics.end(),
                     [&](const std::string& name) { return name.starts_with(test + "."); });
}

Result<Verdict> Judge(const std::string& condition, const Metrics& challenger,
                      const std::optional<Metrics>& live) {
  TRY_ASSIGN(const Condition gate, ParseCondition(condition));
  const Judgement judgement(condition, challenger, live);
  TRY(judgement.CheckMetrics(gate.tokens));
  Verdict verdict;
  TRY_ASSIGN(verdict.pass, judgement.Holds(*gate.root, false));
  std::vector<std::string> reasons;
  judgement.Explain(*gate.root, verdict.pass, false, reasons);
  verdict.why = Printable(Join(reasons, " and "));
  return verdict;
}

}  // namespace busker::model
