#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include "base/text.h"
#include "predict/value_reader.h"

namespace busker::predict {
namespace {

// A number's text is short; one that is not is no number of XGBoost's.
constexpr std::size_t kNumberMax = 64;

bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool IsOfNumber(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

void AppendUtf8(unsigned code, std::string& to) {
  const auto add = [&to](unsigned byte) { to += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0 | code >> 6), add(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12), add(0x80 | (code >> 6 & 0x3F)), add(0x80 | (code & 0x3F));
  } else {
    add(0xF0 | code >> 18), add(0x80 | (code >> 12 & 0x3F));
    add(0x80 | (code >> 6 & 0x3F)), add(0x80 | (code & 0x3F));
  }
}

class JsonReader final : public ValueReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  Result<void> Object(const OnMember& on) override {
    TRY(Enter('{', "an object"));
    if (!Take('}')) {
      do {
        TRY_ASSIGN(const std::string name, Text());
        if (!Take(':')) return Expected("':'");
        TRY(on(name));
      } while (Take(','));
      if (!Take('}')) return Expected("',' or '}'");
    }
    --depth_;
    return {};
  }

  Result<void> List(const OnEntry& on) override {
    TRY(Enter('[', "a list"));
    if (!Take(']')) {
      std::size_t place = 0;
      do {
        TRY(on(place++));
      } while (Take(','));
      if (!Take(']')) return Expected("',' or ']'");
    }
    --depth_;
    return {};
  }

  Result<std::string> Text() override {
    if (!Take('"')) return Expected("a text");
    std::string text;
    while (at_ < text_.size() && text_[at_] != '"') {
      const char c = text_[at_++];
      if (c == '\\') {
        TRY(Escape(text));
      } else {
        text += c;
      }
    }
    if (at_ == text_.size()) return Expected("the end of a text");
    ++at_;
    if (!IsUtf8(text)) return Expected("a text in UTF-8");
    return text;
  }

  Result<std::int64_t> Integer() override {
    SkipBlanks();
    if (TakeWord("true")) return 1;
    if (TakeWord("false")) return 0;
    const std::string_view number = Number();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (number.empty() || error != std::errc() || end != number.data() + number.size()) {
      return Expected("a whole number");
    }
    at_ += number.size();
    return value;
  }

  Result<void> Floats(std::vector<float>& to) override {
    to.clear();
    return List([&](std::size_t) -> Result<void> {
      TRY_ASSIGN(const float value, Float());
      to.push_back(value);
      return {};
    });
  }

  Result<void> Integers(std::vector<std::int64_t>& to) override {
    to.clear();
    return List([&](std::size_t) -> Result<void> {
      TRY_ASSIGN(const std::int64_t value, Integer());
      to.push_back(value);
      return {};
    });
  }

  // Brackets are counted, and texts are looked through; what is between them is nobody's.
  Result<void> Skip() override {
    int depth = 0;
    do {
      SkipBlanks();
      if (at_ == text_.size()) return Expected("a value");
      const char c = text_[at_];
      if (c == '"') {
        TRY(SkipText());
      } else if (c == '{' || c == '[') {
        if (++depth > kDepthMax) return TooDeep();
        ++at_;
      } else if (c == '}' || c == ']') {
        if (--depth < 0) return Expected("a value");
        ++at_;
      } else if (c == ',' || c == ':') {
        if (depth == 0) return Expected("a value");
        ++at_;
      } else {
        TRY(SkipWord());
      }
    } while (depth > 0);
    return {};
  }

  Result<void> End() override {
    SkipBlanks();
    if (at_ != text_.size()) return Expected("the end of the file");
    return {};
  }

 private:
  tl::unexpected<Error> Expected(std::string_view what) const {
    return Invalid("at byte " + std::to_string(at_) + ": " + std::string(what) + " is expected");
  }
  tl::unexpected<Error> TooDeep() const {
    return Invalid("at byte " + std::to_string(at_) + ": it nests too deep");
  }

  void SkipBlanks() {
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
  }
  bool Take(char c) {
    SkipBlanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  Result<void> Enter(char bracket, std::string_view what) {
    if (!Take(bracket)) return Expected(what);
    if (++depth_ > kDepthMax) return TooDeep();
    return {};
  }

  std::string_view Number() const {
    std::size_t end = at_;
    while (end < text_.size() && end - at_ < kNumberMax && IsOfNumber(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }

  Result<float> Float() {
    SkipBlanks();
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    if (TakeWord("NaN")) return std::numeric_limits<float>::quiet_NaN();
    if (TakeWord("Infinity")) return kInfinity;
    if (TakeWord("-Infinity")) return -kInfinity;
    const std::string_view number = Number();
    float value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (number.empty() || error != std::errc() || end != number.data() + number.size()) {
      return Expected("a number of 32 bits");
    }
    at_ += number.size();
    return value;
  }

  Result<unsigned> Hex4() {
    unsigned code = 0;
    const std::string_view digits = text_.substr(at_, 4);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc() || digits.size() < 4 || end != digits.data() + 4) {
      return Expected("four hexadecimal digits");
    }
    at_ += 4;
    return code;
  }

  // Behind a backslash.
  Result<void> Escape(std::string& to) {
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    if (at_ == text_.size()) return Expected("the end of a text");
    const char c = text_[at_++];
    if (const std::size_t place = kFrom.find(c); place != std::string_view::npos) {
      to += kTo[place];
      return {};
    }
    if (c != 'u') return Expected("an escape of JSON");
    TRY_ASSIGN(unsigned code, Hex4());
    if (code >= 0xD800 && code < 0xDC00 && TakeWord("\\u")) {
      TRY_ASSIGN(const unsigned low, Hex4());
      if (low < 0xDC00 || low > 0xDFFF) return Expected("the second half of a character");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    AppendUtf8(code, to);  // half a character alone is no UTF-8, and refused as that
    return {};
  }

  Result<void> SkipText() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    if (at_ >= text_.size()) {
      at_ = text_.size();
      return Expected("the end of a text");
    }
    ++at_;
    return {};
  }

  Result<void> SkipWord() {
    const std::size_t begin = at_;
    constexpr std::string_view kEnds = ",:]}[{\" \n\t\r";
    while (at_ < text_.size() && kEnds.find(text_[at_]) == std::string_view::npos) ++at_;
    if (at_ == begin) return Expected("a value");
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::unique_ptr<ValueReader> MakeJsonReader(std::string_view text) {
  return std::make_unique<JsonReader>(text);
}

}  // namespace busker::predict
