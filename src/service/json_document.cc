// A reader of our own, because the JSON library tells no positions: what it hands out has none, and
// it reads a key twice without a word.
#include "service/json_document.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <numeric>

#include "base/text.h"

namespace busker::service {
namespace {

// Where offsets are, asked in rising order: each byte is looked at once.
class Positions {
 public:
  explicit Positions(std::string_view text) : text_(text) {}

  Position At(std::size_t offset) {
    for (; offset_ < std::min(offset, text_.size()); ++offset_) {
      if (text_[offset_] == '\n') {
        ++at_.line;
        at_.column = 1;
      } else if ((static_cast<unsigned char>(text_[offset_]) & 0xC0) != 0x80) {
        ++at_.column;
      }
    }
    return at_;
  }

 private:
  std::string_view text_;
  std::size_t offset_ = 0;
  Position at_{1, 1};
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendUtf8(std::uint32_t point, std::string& text) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xC0 | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    text += static_cast<char>(0xE0 | (point >> 12));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0 | (point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

// The offset of the first byte that is not UTF-8. By lines, so that a good text is read once.
std::size_t FirstNonUtf8(std::string_view text) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto line = text.substr(begin, text.find('\n', begin) - begin);
    if (!IsUtf8(line)) break;
    begin += line.size() + 1;
  }
  std::string_view rest = text.substr(std::min(begin, text.size()));
  std::size_t good = 0;
  // A character has at most four bytes; what four begin with is as good as its shortest good part.
  while (good < rest.size()) {
    std::size_t length = 1;
    while (length <= 4 && good + length <= rest.size() && !IsUtf8(rest.substr(good, length))) {
      ++length;
    }
    if (length > 4 || good + length > rest.size()) break;
    good += length;
  }
  return begin + good;
}

// Recursive descent, no deeper than kDocumentDepthMax. The first fault of syntax ends it.
class Parser {
 public:
  Parser(std::string_view text, Faults& faults) : text_(text), positions_(text), faults_(faults) {}

  std::optional<Node> Parse() {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;  // a byte order mark, as some editors write
    SkipBlanks();
    Node top;
    if (AtEnd()) {
      Fail("the file is empty");
    } else if (ParseValue(top, 0)) {
      SkipBlanks();
      if (!AtEnd()) {
        Fail(fmt::format("{} stands behind the end of the document", Here()));
      } else if (top.kind != Node::Kind::kTable) {
        faults_.Add(top.at,
                    fmt::format("the file must hold an object, {{...}}, not {}", Describe(top)));
      } else {
        return top;
      }
    }
    return std::nullopt;
  }

 private:
  bool AtEnd() const { return at_ >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }

  void SkipBlanks() {
    while (!AtEnd() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  bool Fail(const std::string& why) { return FailAt(at_, why); }
  bool FailAt(std::size_t offset, const std::string& why) {
    faults_.Add(positions_.At(offset), "not JSON: " + why);
    return false;
  }

  // What stands here, for messages.
  std::string Here() const {
    if (AtEnd()) return "the end of the file";
    if (Peek() == '"') return "a string";
    std::size_t size = 1;
    while (at_ + size < text_.size() &&
           (static_cast<unsigned char>(text_[at_ + size]) & 0xC0) == 0x80) {
      ++size;
    }
    return Quoted(text_.substr(at_, size));
  }

  bool ParseValue(Node& node, int depth) {
    node.json = true;
    node.at = positions_.At(at_);
    if (++values_ > kJsonValuesMax) {
      faults_.Add(node.at, fmt::format("more than {} values", WithThousands(kJsonValuesMax)));
      return false;
    }
    switch (Peek()) {
      case '{':
      case '[':
        if (depth == kDocumentDepthMax) {
          faults_.Add(node.at, fmt::format("nested deeper than {} levels", kDocumentDepthMax));
          return false;
        }
        return Peek() == '{' ? ParseObject(node, depth) : ParseArray(node, depth);
      case '"':
        node.kind = Node::Kind::kString;
        return ParseString(node.text);
      default:
        if (Peek() == '-' || IsDigit(Peek())) return ParseNumber(node);
        return ParseWord(node);
    }
  }

  bool ParseWord(Node& node) {
    std::size_t end = at_;
    while (end < text_.size() &&
           ((text_[end] >= 'a' && text_[end] <= 'z') || (text_[end] >= 'A' && text_[end] <= 'Z'))) {
      ++end;
    }
    const std::string_view word = text_.substr(at_, end - at_);
    if (word == "true" || word == "false") {
      node.kind = Node::Kind::kBool;
      node.boolean = word == "true";
    } else if (word == "null") {
      node.kind = Node::Kind::kNull;
    } else if (word == "True" || word == "False" || word == "None") {
      return Fail(fmt::format("{} is Python's; write {}", word,
                              word == "True"    ? "true"
                              : word == "False" ? "false"
                                                : "null"));
    } else if (!word.empty()) {
      return Fail(fmt::format("{} is not a value; text needs double quotes", Quoted(word)));
    } else if (Peek() == '\'') {
      return Fail("a text needs double quotes, not single ones");
    } else if (Peek() == '/' || Peek() == '#') {
      return Fail("JSON has no comments");
    } else if (AtEnd()) {
      return Fail("the file ends where a value should be");
    } else {
      return Fail(fmt::format("{} stands where a value should be", Here()));
    }
    at_ = end;
    return true;
  }

  bool ParseNumber(Node& node) {
    const std::size_t begin = at_;
    const auto digits = [&] {
      const std::size_t first = at_;
      while (IsDigit(Peek())) ++at_;
      return at_ > first;
    };
    bool whole = true;
    if (Peek() == '-') ++at_;
    const bool zero = Peek() == '0';
    const std::size_t first = at_;
    bool good = digits() && !(zero && at_ - first > 1);
    if (good && Peek() == '.') {
      whole = false;
      ++at_;
      good = digits();
    }
    if (good && (Peek() == 'e' || Peek() == 'E')) {
      whole = false;
      ++at_;
      if (Peek() == '+' || Peek() == '-') ++at_;
      good = digits();
    }
    const std::string_view number = text_.substr(begin, at_ - begin);
    if (!good) return FailAt(begin, Quoted(number) + " is not a number");
    const char* end = number.data() + number.size();
    if (whole && std::from_chars(number.data(), end, node.integer).ec == std::errc()) {
      node.kind = Node::Kind::kInteger;
      return true;
    }
    node.kind = Node::Kind::kFloat;
    if (std::from_chars(number.data(), end, node.number).ec != std::errc()) {
      node.number = std::numeric_limits<double>::infinity();  // or too near to 0
    }
    return true;
  }

  std::optional<std::uint32_t> ParseHex() {
    std::uint32_t point = 0;
    if (text_.size() - at_ < 4) return std::nullopt;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, begin + 4, point, 16);
    if (error != std::errc() || end != begin + 4) return std::nullopt;
    at_ += 4;
    return point;
  }

  bool ParseEscape(std::string& text) {
    const std::size_t begin = at_;  // of the backslash
    ++at_;
    const char c = Peek();
    ++at_;
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const auto letter = kLetters.find(c);
    if (letter != std::string_view::npos && c != '\0') {
      text += kMeanings[letter];
      return true;
    }
    std::optional<std::uint32_t> point;
    if (c == 'u') point = ParseHex();
    if (point && *point >= 0xD800 && *point < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      const auto low = ParseHex();
      const bool pair = low && *low >= 0xDC00 && *low < 0xE000;
      point = pair ? std::optional(0x10000 + ((*point - 0xD800) << 10) + (*low - 0xDC00))
                   : std::nullopt;
    } else if (point && *point >= 0xD800 && *point < 0xE000) {
      point = std::nullopt;
    }
    if (!point) {
      return FailAt(begin, "no such escape in a string; a backslash is written \"\\\\\"");
    }
    AppendUtf8(*point, text);
    return true;
  }

  bool ParseString(std::string& text) {
    const std::size_t begin = at_;
    ++at_;
    for (;;) {
      const std::size_t plain = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20) {
        ++at_;
      }
      text.append(text_.substr(plain, at_ - plain));
      if (AtEnd()) return FailAt(begin, "this string does not end");
      if (text_[at_] == '"') {
        ++at_;
        return true;
      }
      if (text_[at_] == '\\') {
        if (!ParseEscape(text)) return false;
      } else if (text_[at_] == '\n') {
        return FailAt(begin, "this string does not end on its line; a line end is written \"\\n\"");
      } else {
        return Fail(fmt::format("the control character {} must be written \"\\u{:04x}\"", Here(),
                                static_cast<unsigned>(text_[at_])));
      }
    }
  }

  // Behind a value of an array or object: whether another follows. nullopt: neither a comma nor
  // `close` is here.
  std::optional<bool> Continues(char close, const char* what) {
    SkipBlanks();
    if (Peek() == close && !AtEnd()) {
      ++at_;
      return false;
    }
    if (Peek() != ',') {
      Fail(AtEnd() ? fmt::format("the file ends within {}", what)
                   : fmt::format("{} stands where \",\" or \"{}\" should be", Here(), close));
      return std::nullopt;
    }
    const std::size_t comma = at_;
    ++at_;
    SkipBlanks();
    if (Peek() == close && !AtEnd()) {
      FailAt(comma, fmt::format("a comma before \"{}\"; take it away", close));
      return std::nullopt;
    }
    return true;
  }

  bool ParseArray(Node& node, int depth) {
    node.kind = Node::Kind::kArray;
    ++at_;
    SkipBlanks();
    if (Peek() == ']') {
      ++at_;
      return true;
    }
    for (;;) {
      if (AtEnd()) return Fail("the file ends within an array");
      if (!ParseValue(node.items.emplace_back(), depth + 1)) return false;
      const auto more = Continues(']', "an array");
      if (!more) return false;
      if (!*more) return true;
    }
  }

  bool ParseObject(Node& node, int depth) {
    node.kind = Node::Kind::kTable;
    ++at_;
    SkipBlanks();
    bool more = Peek() != '}';
    if (!more) ++at_;
    while (more) {
      if (AtEnd()) return Fail("the file ends within an object");
      if (Peek() != '"') {
        return Fail(Peek() == '/' || Peek() == '#'
                        ? std::string("JSON has no comments")
                        : fmt::format("{} stands where a key in double quotes should be", Here()));
      }
      Member& member = node.members.emplace_back();
      member.at = positions_.At(at_);
      if (!ParseString(member.name)) return false;
      SkipBlanks();
      if (Peek() != ':') {
        return Fail(AtEnd() ? std::string("the file ends within an object")
                            : fmt::format("{} stands where \":\" should be", Here()));
      }
      ++at_;
      SkipBlanks();
      if (!ParseValue(member.value, depth + 1)) return false;
      const auto continues = Continues('}', "an object");
      if (!continues) return false;
      more = *continues;
    }
    FindTwins(node);
    return true;
  }

  void FindTwins(const Node& node) {
    if (node.members.size() < 2) return;
    std::vector<std::size_t> order(node.members.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return node.members[a].name < node.members[b].name;
    });
    for (std::size_t i = 1; i < order.size(); ++i) {
      const Member& first = node.members[order[i - 1]];
      const Member& second = node.members[order[i]];
      if (first.name != second.name) continue;
      faults_.Add(second.at, fmt::format("the key {} is there already, in line {}",
                                         Quoted(second.name), first.at.line));
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int values_ = 0;
  Positions positions_;
  Faults& faults_;
};

}  // namespace

std::optional<Node> ParseJsonDocument(std::string_view text, std::size_t bytes_max,
                                      Faults& faults) {
  if (text.size() > bytes_max) {
    faults.Add({1, 1}, fmt::format("larger than {} MiB", bytes_max >> 20));
    return std::nullopt;
  }
  if (!IsUtf8(text)) {
    faults.Add(Positions(text).At(FirstNonUtf8(text)),
               "not JSON: a byte that is not UTF-8; save the file as UTF-8");
    return std::nullopt;
  }
  return Parser(text, faults).Parse();
}

}  // namespace busker::service
