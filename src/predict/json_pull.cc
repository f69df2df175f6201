#include "predict/json_pull.h"

#include <fmt/core.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>

namespace busker::predict {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendUtf8(std::string& to, unsigned code) {
  const auto add = [&](unsigned byte) { to += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0 | code >> 6);
    add(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  } else {
    add(0xF0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3F));
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  }
}

// What from_chars leaves alone: too large is infinite, too small is nothing.
double OutOfRange(std::string_view text) { return std::strtod(std::string(text).c_str(), nullptr); }

}  // namespace

void JsonPull::Fault(std::string_view what) {
  if (fault_.empty()) fault_ = fmt::format("byte {}: {}", at_ + 1, what);
}

bool JsonPull::Take(char c) {
  if (at_ >= text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool JsonPull::TakeWord(std::string_view word) {
  if (!text_.substr(at_).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

JsonPull::Kind JsonPull::Peek() {
  if (!ok()) return Kind::kFault;
  Blanks();
  switch (at_ < text_.size() ? text_[at_] : '\0') {
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kArray;
    case '"':
      return Kind::kText;
    case 't':
      return Kind::kTrue;
    case 'f':
      return Kind::kFalse;
    case 'n':
      return Kind::kNull;
    case '-':
    case 'N':
    case 'I':
      return Kind::kNumber;
    default:
      if (at_ < text_.size() && IsDigit(text_[at_])) return Kind::kNumber;
      Fault(at_ < text_.size() ? "this begins no value of JSON" : "the JSON ends too early");
      return Kind::kFault;
  }
}

bool JsonPull::Enter() {
  const Kind kind = Peek();
  if (kind != Kind::kObject && kind != Kind::kArray) {
    Fault("an object or a list is expected");
    return false;
  }
  if (depth_ == kDepthMax) {
    Fault("lists and objects lie in each other more than 64 deep");
    return false;
  }
  ++at_;
  closes_[depth_++] = kind == Kind::kObject ? '}' : ']';
  return true;
}

bool JsonPull::More(bool& first) {
  if (!ok()) return false;
  Blanks();
  const char close = closes_[depth_ - 1];
  if (Take(close)) {
    --depth_;
    return false;
  }
  if (!first && !Take(',')) {
    Fault(close == '}' ? "\",\" or \"}\" is expected" : "\",\" or \"]\" is expected");
    return false;
  }
  first = false;
  return true;
}

std::string_view JsonPull::Name() {
  if (!ok()) return {};
  Blanks();
  if (at_ >= text_.size() || text_[at_] != '"') {
    Fault("the name of a member is expected, in quotes");
    return {};
  }
  const std::string_view name = Quoted();
  Blanks();
  if (ok() && !Take(':')) Fault("\":\" is expected behind a name");
  return name;
}

std::string_view JsonPull::Text() {
  if (Peek() != Kind::kText) {
    Fault("a text is expected");
    return {};
  }
  return Quoted();
}

std::string_view JsonPull::Quoted() {
  const std::size_t begin = ++at_;
  while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
         static_cast<unsigned char>(text_[at_]) >= 0x20) {
    ++at_;
  }
  if (at_ < text_.size() && text_[at_] == '"') return text_.substr(begin, at_++ - begin);
  decoded_.assign(text_, begin, at_ - begin);
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return decoded_;
    }
    if (static_cast<unsigned char>(c) < 0x20) break;
    ++at_;
    if (c != '\\') {
      decoded_ += c;
    } else if (!Escape()) {
      return {};
    }
  }
  Fault(at_ < text_.size() ? "a control character in a text is written as \\u00XX"
                           : "a text does not end");
  return {};
}

bool JsonPull::Hex4(unsigned& code) {
  if (text_.size() - at_ < 4) return false;
  const char* const end = text_.data() + at_ + 4;
  const auto [to, fault] = std::from_chars(text_.data() + at_, end, code, 16);
  if (fault != std::errc() || to != end) return false;
  at_ += 4;
  return true;
}

// Behind the backslash.
bool JsonPull::Escape() {
  constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  if (const auto i = kFrom.find(c); c != '\0' && i != std::string_view::npos) {
    ++at_;
    decoded_ += kTo[i];
    return true;
  }
  unsigned code = 0, low = 0;
  if (c == 'u') {
    ++at_;
    if (Hex4(code)) {
      const bool high = code >= 0xD800 && code < 0xDC00;
      if (high && TakeWord("\\u") && Hex4(low) && low >= 0xDC00 && low < 0xE000) {
        AppendUtf8(decoded_, 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00));
        return true;
      }
      if (code < 0xD800 || code >= 0xE000) {
        AppendUtf8(decoded_, code);
        return true;
      }
    }
  }
  Fault("this is not an escape that JSON has");
  return false;
}

bool JsonPull::Digits() {
  const std::size_t begin = at_;
  while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
  return at_ > begin;
}

std::string_view JsonPull::NumberText() {
  if (Peek() != Kind::kNumber) {
    Fault("a number is expected");
    return {};
  }
  const std::size_t begin = at_;
  const bool minus = Take('-');
  bool good = Take('0') || Digits();
  if (good) {
    if (Take('.')) good = Digits();
    if (good && (Take('e') || Take('E'))) {
      if (!Take('+')) Take('-');
      good = Digits();
    }
    good = good && (at_ == text_.size() || !IsDigit(text_[at_]));
  } else {
    good = TakeWord("Infinity") || (!minus && TakeWord("NaN"));
  }
  if (!good) Fault("this is not a number of JSON");
  return text_.substr(begin, at_ - begin);
}

// What most numbers are: at most 15 digits and no exponent. The digits are a whole number that a
// double holds, as is the power of ten, so one division gives the nearest double (W. D. Clinger,
// How to Read Floating Point Numbers Accurately, 1990). False, and nothing is read: it is another
// one, or none.
bool JsonPull::TakePlainNumber(double& value) {
  constexpr std::size_t kDigitsMax = 15;
  constexpr double kTen[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                             1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const char* at = text_.data() + at_;
  const char* const end = text_.data() + text_.size();
  const bool minus = at != end && *at == '-';
  at += minus ? 1 : 0;
  std::uint64_t digits = 0;
  const auto take = [&] {
    const char* const begin = at;
    for (; at != end && IsDigit(*at); ++at) digits = 10 * digits + static_cast<unsigned>(*at - '0');
    return static_cast<std::size_t>(at - begin);
  };
  const char* const first = at;
  const std::size_t before = take();
  if (before == 0 || before > kDigitsMax || (before > 1 && *first == '0')) return false;
  std::size_t behind = 0;
  if (at != end && *at == '.') {
    ++at;
    behind = take();
    if (behind == 0 || before + behind > kDigitsMax) return false;
  }
  if (at != end && (*at == 'e' || *at == 'E')) return false;
  value = static_cast<double>(digits) / kTen[behind];
  if (minus) value = -value;
  at_ = static_cast<std::size_t>(at - text_.data());
  return true;
}

double JsonPull::Number(std::string_view* as_came) {
  if (ok()) {
    Blanks();
    const std::size_t begin = at_;
    if (double value = 0; TakePlainNumber(value)) {
      if (as_came != nullptr) *as_came = text_.substr(begin, at_ - begin);
      return value;
    }
  }
  const std::string_view text = NumberText();
  if (as_came != nullptr) *as_came = text;
  if (!ok()) return 0;
  double value = 0;
  const auto [to, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc() ? value : OutOfRange(text);
}

void JsonPull::Word() {
  const Kind kind = Peek();
  const bool good = (kind == Kind::kTrue && TakeWord("true")) ||
                    (kind == Kind::kFalse && TakeWord("false")) ||
                    (kind == Kind::kNull && TakeWord("null"));
  if (!good) Fault("this is not a value of JSON");
}

std::string_view JsonPull::Skip() {
  const Kind kind = Peek();
  const std::size_t begin = at_;
  switch (kind) {
    case Kind::kFault:
      return {};
    case Kind::kText:
      Text();
      break;
    case Kind::kNumber:
      NumberText();
      break;
    case Kind::kTrue:
    case Kind::kFalse:
    case Kind::kNull:
      Word();
      break;
    case Kind::kObject:
    case Kind::kArray: {  // not by recursion: what came decides how deep it is
      const int outside = depth_;
      bool first = true;
      if (!Enter()) return {};
      while (ok() && depth_ > outside) {
        const bool is_object = closes_[depth_ - 1] == '}';
        if (!More(first)) {
          first = false;  // what it lay in has one
          continue;
        }
        if (is_object) Name();
        const Kind inner = Peek();
        if (inner == Kind::kObject || inner == Kind::kArray) {
          if (Enter()) first = true;
        } else {
          Skip();
        }
      }
      break;
    }
  }
  return ok() ? text_.substr(begin, at_ - begin) : std::string_view();
}

bool JsonPull::AtEnd() {
  if (!ok()) return false;
  Blanks();
  if (at_ < text_.size()) Fault("something follows the JSON");
  return ok();
}

}  // namespace busker::predict
