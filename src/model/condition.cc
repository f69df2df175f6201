// Recursive descent over tokens. The parser makes no difference between sums and conditions until
// it makes a node, which is where the type of each side is known; so "(" needs no looking ahead.
#include "model/condition.h"

#include <fmt/core.h>

#include <charconv>
#include <string>
#include <utility>

#include "base/text.h"

namespace busker::model {
namespace {

using Node = ConditionNode;
using NodePtr = std::unique_ptr<Node>;
using Type = Node::Type;

constexpr std::size_t kConditionBytesMax = 4096;
constexpr int kDepthMax = 64;

// The character, from 1, at a byte offset; people do not count bytes.
std::size_t CharacterAt(std::string_view text, std::size_t offset) {
  std::size_t character = 1;
  for (char c : text.substr(0, offset)) character += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return character;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c) || c == '.'; }

constexpr std::string_view kLivePrefix = "live.";

// A name in quotes at the front of `rest`, which need not end; empty: there is none.
std::string_view Quoted(std::string_view rest) {
  if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) return {};
  const std::size_t end = rest.find(rest.front(), 1);
  return rest.substr(0, end == std::string_view::npos ? end : end + 1);
}

Token NameToken(std::string_view text, std::string_view metric, bool of_live) {
  return {Token::Kind::kName, text, 0, 0, metric, of_live};
}

// The token at the front of `rest`, which begins with no blank and is not empty. An empty text:
// there is none.
Token TakeToken(std::string_view rest) {
  using Kind = Token::Kind;
  const bool of_live = rest.starts_with(kLivePrefix);
  const std::size_t begin = of_live ? kLivePrefix.size() : 0;
  if (const auto quoted = Quoted(rest.substr(begin)); !quoted.empty()) {
    const bool ends = quoted.size() > 1 && quoted.back() == quoted.front();
    const std::string_view text = rest.substr(0, begin + quoted.size());
    return NameToken(text, ends ? quoted.substr(1, quoted.size() - 2) : "", of_live);
  }
  if (IsNameStart(rest.front())) {
    std::size_t size = 1;
    while (size < rest.size() && IsNamePart(rest[size])) ++size;
    const auto word = rest.substr(0, size);
    if (word == "and" || word == "or" || word == "not" || word == "true" || word == "false") {
      return {Kind::kWord, word, 0, 0, {}, false};
    }
    return NameToken(word, word.substr(begin), of_live);
  }
  if (IsDigit(rest.front()) || rest.front() == '.') {
    Token token;
    token.kind = Kind::kNumber;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), token.number);
    if (error == std::errc()) {
      token.text = rest.substr(0, static_cast<std::size_t>(end - rest.data()));
    }
    return token;
  }
  for (std::string_view sign :
       {"<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ","}) {
    if (rest.starts_with(sign)) return {Kind::kSign, rest.substr(0, sign.size()), 0, 0, {}, false};
  }
  return {};
}

bool IsFunction(std::string_view name) { return name == "min" || name == "max" || name == "abs"; }

constexpr char kQuotesHint[] =
    "; a metric whose name has more than letters, digits, \"_\" and \".\" is written in quotes: "
    "'eval/loss' < 0.5";

Result<std::vector<Token>> Tokens(std::string_view condition) {
  std::vector<Token> tokens;
  std::size_t at = 0;
  constexpr std::string_view kBlanks = " \t\r\n";
  while ((at = condition.find_first_not_of(kBlanks, at)) != std::string_view::npos) {
    const auto rest = condition.substr(at);
    Token token = TakeToken(rest);
    // A metric may be called so, too.
    if (token.kind == Token::Kind::kName && IsFunction(token.text)) {
      const std::size_t behind = rest.find_first_not_of(kBlanks, token.text.size());
      const bool called = behind != std::string_view::npos && rest[behind] == '(';
      if (called) token.kind = Token::Kind::kFunction;
    }
    if (token.text.empty()) {
      std::string hint = kQuotesHint;
      if (rest.front() == '=') hint = "; equality is \"==\"";
      if (rest.front() == '&') hint = "; write \"and\"";
      if (rest.front() == '|') hint = "; write \"or\"";
      if (rest.front() == '!') hint = "; write \"not\"";
      if (token.kind == Token::Kind::kNumber) hint = "; the number is too large or too small";
      std::size_t size = 1;  // the whole character
      while (size < rest.size() && (static_cast<unsigned char>(rest[size]) & 0xC0) == 0x80) ++size;
      return FaultAt(condition, at,
                     fmt::format("cannot read \"{}\"{}", Printable(rest.substr(0, size)), hint));
    }
    token.at = at;
    at += token.text.size();
    tokens.push_back(token);
  }
  tokens.push_back({Token::Kind::kEnd, "", 0, condition.size(), {}, false});
  return tokens;
}

NodePtr MakeNode(Type type, Token token, NodePtr left = nullptr, NodePtr right = nullptr) {
  return std::make_unique<Node>(Node{type, token, std::move(left), std::move(right)});
}

class Parser {
 public:
  Parser(std::string_view condition, const std::vector<Token>& tokens)
      : condition_(condition), tokens_(tokens) {}

  Result<NodePtr> Parse() {
    TRY_ASSIGN(NodePtr node, Or());
    if (Now().kind != Token::Kind::kEnd) return Expected("\"and\", \"or\" or the end");
    if (node->type != Type::kCondition) return Expected("a comparison such as \"> 0.7\"");
    return node;
  }

 private:
  const Token& Now() const { return tokens_[next_]; }
  bool Is(std::string_view text) const {
    return Now().text == text && Now().kind != Token::Kind::kEnd;
  }
  Token Take() { return tokens_[next_++]; }

  tl::unexpected<Error> Expected(std::string_view what) const {
    const bool end = Now().kind == Token::Kind::kEnd;
    const auto found = end ? "the end" : fmt::format("\"{}\"", Now().text.substr(0, 60));
    return FaultAt(condition_, Now().at, fmt::format("expected {}, found {}", what, found));
  }

  Result<void> Need(const NodePtr& node, Type type, const Token& for_what) const {
    if (node->type == type) return {};
    const auto kind = type == Type::kNumber ? "a number" : "a condition";
    return FaultAt(condition_, for_what.at,
                   fmt::format("\"{}\" needs {} on each side", for_what.text, kind));
  }

  Result<NodePtr> Or() {
    TRY_ASSIGN(NodePtr node, And());
    while (Is("or")) {
      const Token token = Take();
      TRY_ASSIGN(NodePtr right, And());
      TRY_ASSIGN(
          node, Both(Type::kCondition, Type::kCondition, token, std::move(node), std::move(right)));
    }
    return node;
  }

  Result<NodePtr> And() {
    TRY_ASSIGN(NodePtr node, Not());
    while (Is("and")) {
      const Token token = Take();
      TRY_ASSIGN(NodePtr right, Not());
      TRY_ASSIGN(
          node, Both(Type::kCondition, Type::kCondition, token, std::move(node), std::move(right)));
    }
    return node;
  }

  Result<NodePtr> Not() {
    if (!Is("not")) return Comparison();
    const Token token = Take();
    TRY(Deeper());
    TRY_ASSIGN(NodePtr node, Not());
    --depth_;
    if (node->type != Type::kCondition) return Expected("a comparison such as \"> 0.7\"");
    return MakeNode(Type::kCondition, token, nullptr, std::move(node));
  }

  Result<NodePtr> Comparison() {
    TRY_ASSIGN(NodePtr node, Sum());
    if (Is("<") || Is("<=") || Is(">") || Is(">=") || Is("==") || Is("!=")) {
      const Token token = Take();
      TRY_ASSIGN(NodePtr right, Sum());
      TRY_ASSIGN(node,
                 Both(Type::kNumber, Type::kCondition, token, std::move(node), std::move(right)));
    }
    return node;
  }

  Result<NodePtr> Sum() {
    TRY_ASSIGN(NodePtr node, Product());
    while (Is("+") || Is("-")) {
      const Token token = Take();
      TRY_ASSIGN(NodePtr right, Product());
      TRY_ASSIGN(node,
                 Both(Type::kNumber, Type::kNumber, token, std::move(node), std::move(right)));
    }
    return node;
  }

  Result<NodePtr> Product() {
    TRY_ASSIGN(NodePtr node, Unary());
    while (Is("*") || Is("/")) {
      const Token token = Take();
      TRY_ASSIGN(NodePtr right, Unary());
      TRY_ASSIGN(node,
                 Both(Type::kNumber, Type::kNumber, token, std::move(node), std::move(right)));
    }
    return node;
  }

  Result<NodePtr> Unary() {
    if (!Is("-")) return Primary();
    const Token token = Take();
    TRY(Deeper());
    TRY_ASSIGN(NodePtr node, Unary());
    --depth_;
    if (node->type != Type::kNumber) {
      return FaultAt(condition_, token.at, "\"-\" needs a number behind it");
    }
    return MakeNode(Type::kNumber, token, nullptr, std::move(node));
  }

  Result<NodePtr> Primary() {
    if (Is("(")) {
      Take();
      TRY(Deeper());
      TRY_ASSIGN(NodePtr node, Or());
      --depth_;
      if (!Is(")")) return Expected("\")\"");
      Take();
      return node;
    }
    if (Is("true") || Is("false")) return MakeNode(Type::kCondition, Take());
    if (Now().kind == Token::Kind::kFunction) return Call();
    const bool name = Now().kind == Token::Kind::kName;
    if (name) TRY(CheckName(Now()));
    if (name && tokens_[next_ + 1].text == "(") {
      return Expected("min, max or abs in front of \"(\"");
    }
    if (name || Now().kind == Token::Kind::kNumber) return MakeNode(Type::kNumber, Take());
    return Expected("a metric, a number or \"(\"");
  }

  // min and max of two or more, abs of one.
  Result<NodePtr> Call() {
    const Token token = Take();
    Take();  // "("
    TRY(Deeper());
    TRY_ASSIGN(NodePtr node, Argument(token));
    if (token.text == "abs") {
      node = MakeNode(Type::kNumber, token, nullptr, std::move(node));
    } else if (!Is(",")) {
      return Expected(fmt::format("\",\" and a second number for {}", token.text));
    }
    while (Is(",") && token.text != "abs") {
      Take();
      TRY_ASSIGN(NodePtr right, Argument(token));
      node = MakeNode(Type::kNumber, token, std::move(node), std::move(right));
    }
    if (!Is(")")) return Expected(token.text == "abs" ? "\")\"" : "\",\" or \")\"");
    Take();
    --depth_;
    return node;
  }

  Result<NodePtr> Argument(const Token& function) {
    TRY_ASSIGN(NodePtr node, Sum());
    if (node->type == Type::kNumber) return node;
    return FaultAt(condition_, function.at,
                   fmt::format("\"{}\" needs numbers between its parentheses", function.text));
  }

  Result<void> CheckName(const Token& token) const {
    const bool quoted = token.text.ends_with('"') || token.text.ends_with('\'') ||
                        token.text.find_first_of("\"'") != std::string_view::npos;
    if (quoted && token.metric.empty()) {
      return Expected("the name of a metric between two quotes, such as 'eval/loss'");
    }
    if (quoted) return {};
    if (token.text.ends_with('.') || token.text.find("..") != std::string_view::npos) {
      return Expected("a metric such as auc or live.auc");
    }
    const std::size_t dot = token.text.find('.');
    if (dot == std::string_view::npos || token.of_live) return {};
    const std::vector<std::string> live = {"live"};
    std::string prefix(token.text.substr(0, dot));
    for (char& c : prefix) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (!Nearest(prefix, live)) return {};
    const std::string_view metric = token.text.substr(dot + 1);
    return FaultAt(
        condition_, token.at,
        fmt::format("\"{}\" is not a metric of the live version; did you mean "
                    "\"live.{}\"? A metric with just that name is written in quotes: '{}'",
                    token.text, metric, token.text));
  }

  Result<NodePtr> Both(Type sides, Type result, const Token& token, NodePtr left, NodePtr right) {
    TRY(Need(left, sides, token));
    TRY(Need(right, sides, token));
    return MakeNode(result, token, std::move(left), std::move(right));
  }

  Result<void> Deeper() {
    if (++depth_ <= kDepthMax) return {};
    return FaultAt(condition_, Now().at, fmt::format("nested deeper than {} levels", kDepthMax));
  }

  std::string_view condition_;
  const std::vector<Token>& tokens_;
  std::size_t next_ = 0;
  int depth_ = 0;
};

}  // namespace

tl::unexpected<Error> FaultAt(std::string_view text, std::size_t offset, std::string_view what) {
  return Invalid(fmt::format("condition, character {}: {}", CharacterAt(text, offset), what));
}

Result<Condition> ParseCondition(std::string_view text) {
  if (text.size() > kConditionBytesMax) return Invalid("condition: longer than 4 KiB");
  Condition condition;
  TRY_ASSIGN(condition.tokens, Tokens(text));
  TRY_ASSIGN(condition.root, Parser(text, condition.tokens).Parse());
  return condition;
}

}  // namespace busker::model
