#include "base/terminal.h"

#include <utility>

#include "base/text.h"

namespace busker {
namespace {

constexpr std::size_t kColourBytesMax = 64;
constexpr std::size_t kColoursBytesMax = 1024;  // set and not shown yet

bool In(char c, char first, char last) { return c >= first && c <= last; }

// A control character of the C1 set (U+0080 to U+009F in UTF-8) is short for ESC and a letter.
// Returns that letter and how many bytes introduce the sequence; 0 bytes: it is none.
struct Introducer {
  char letter;
  std::size_t bytes;
};
Introducer IntroducerOf(std::string_view text) {
  if (text.size() >= 2 && text[0] == '\x1b') return {text[1], 2};
  if (text.size() >= 2 && text[0] == '\xc2' && In(text[1], '\x80', '\x9f')) {
    return {static_cast<char>(static_cast<unsigned char>(text[1]) - 0x40), 2};
  }
  return {'\0', 0};
}

// How long the text of an OSC, DCS, SOS, PM or APC is, its end included; 0: it has none.
std::size_t StringLength(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\a') return i + 1;
    if (i + 1 < text.size() && (text.substr(i, 2) == "\x1b\\" || text.substr(i, 2) == "\xc2\x9c")) {
      return i + 2;
    }
  }
  return 0;
}

// How many bytes at the begin of `text` are an escape sequence; 0: none. A sequence that is
// cut off counts by its first bytes alone, so that it hides no text.
std::size_t EscapeLength(std::string_view text) {
  if (text.front() == '\x1b' && text.size() == 1) return 1;
  const Introducer introducer = IntroducerOf(text);
  std::size_t at = introducer.bytes;
  if (at == 0) return 0;
  switch (introducer.letter) {
    case '[':
      while (at < text.size() && In(text[at], '\x20', '\x3f')) ++at;
      return at < text.size() && In(text[at], '\x40', '\x7e') ? at + 1 : at;
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_':
      return at + StringLength(text.substr(at));
    default:
      break;
  }
  if (text.front() == '\xc2') return at;
  for (at = 1; at < text.size() && In(text[at], '\x20', '\x2f');) ++at;
  return at < text.size() && In(text[at], '\x30', '\x7e') ? at + 1 : at;
}

bool IsColour(std::string_view escape) {
  return escape.starts_with("\x1b[") && escape.ends_with('m') && escape.size() <= kColourBytesMax &&
         escape.substr(2, escape.size() - 3).find_first_not_of("0123456789;:") ==
             std::string_view::npos;
}

class Line {
 public:
  explicit Line(Colours colours) : colours_(colours) {}

  void Restart() { restarts_ = true; }

  void Escape(std::string_view escape) {
    if (colours_ == Colours::kDropped || !IsColour(escape)) return;
    if (pending_.size() + escape.size() > kColoursBytesMax) pending_.clear();
    pending_ += escape;
    coloured_ = true;
  }

  // What lies before the begin of this line's text cannot be taken back.
  void Backspace() {
    if (restarts_ || !pending_.empty()) return;
    while (shown_.size() > erasable_from_) {
      const char last = shown_.back();
      shown_.pop_back();
      if ((static_cast<unsigned char>(last) & 0xC0) != 0x80) return;
    }
  }

  void Text(std::string_view text) {
    if (restarts_) {
      // Blanks alone wipe the line on a terminal; the text that they wiped says more than nothing.
      const auto begin = text.find_first_not_of(" \t");
      if (begin == std::string_view::npos) return void(wiped_ += text);
      shown_ = std::exchange(wiped_, {});
      erasable_from_ = 0;
      restarts_ = false;
    }
    if (!pending_.empty()) {
      shown_ += std::exchange(pending_, {});
      erasable_from_ = shown_.size();
    }
    shown_ += Printable(text);
  }

  std::string Take() {
    if (coloured_) shown_ += "\x1b[0m";
    return std::move(shown_);
  }

 private:
  const Colours colours_;
  std::string shown_;
  std::string pending_;            // colours that the next text has
  std::string wiped_;              // blanks behind a carriage return
  std::size_t erasable_from_ = 0;  // of shown_
  bool restarts_ = false, coloured_ = false;
};

}  // namespace

std::string LogLine(std::string_view text) {
  std::string line;
  for (const char c : Printable(text)) {
    if (c == '\n') {
      line += "\\n";
    } else if (c == '\t') {
      line += "\\t";
    } else {
      line += c;
    }
  }
  return line;
}

std::string ShownLine(std::string_view text, Colours colours) {
  Line line(colours);
  while (!text.empty()) {
    const std::size_t plain = text.find_first_of("\r\b\x1b\xc2");
    const std::size_t escape =
        plain == std::string_view::npos ? 0 : EscapeLength(text.substr(plain));
    if (plain == std::string_view::npos) {
      line.Text(text);
      break;
    }
    if (plain > 0) line.Text(text.substr(0, plain));
    text.remove_prefix(plain);
    if (escape > 0) {
      line.Escape(text.substr(0, escape));
      text.remove_prefix(escape);
      continue;
    }
    if (text.front() == '\r') {
      line.Restart();
      text.remove_prefix(1);
    } else if (text.front() == '\b') {
      line.Backspace();
      text.remove_prefix(1);
    } else {  // a character of two bytes
      const std::size_t length = text.size() >= 2 && In(text[1], '\xa0', '\xbf') ? 2 : 1;
      line.Text(text.substr(0, length));
      text.remove_prefix(length);
    }
  }
  return line.Take();
}

}  // namespace busker
