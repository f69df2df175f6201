#include "runner/secret_forms.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <set>
#include <utility>

#include "base/text.h"
#include "io/url.h"

namespace busker::runner {
namespace {

// What encoders leave as it is, besides letters and digits: RFC 3986; Python's quote; JavaScript's
// encodeURIComponent; forms (WHATWG).
constexpr std::string_view kUrlSafe[] = {"-_.~", "-_.~/", "-_.!~*'()", "*-._"};
// Of base64 and xxd, OpenSSL, MIME.
constexpr std::size_t kLineLengths[] = {60, 64, 76};

// Shorter parts of a line would be found by chance, and longer secrets would take too much memory.
constexpr std::size_t kPartBytesMin = 5;
constexpr std::size_t kWrappedBytesMax = 256;

class Forms {
 public:
  void Add(std::string form) {
    if (form.size() >= kSecretBytesMin) forms_.insert(std::move(form));
  }

  // A tool may write it in lines, too.
  void AddWrapped(const std::string& form) {
    for (const std::size_t length : kLineLengths) {
      for (std::size_t at = 0; form.size() > length && at < form.size(); at += length) {
        Add(form.substr(at, length));
      }
    }
    Add(form);
  }

  std::vector<std::string> Take() { return {forms_.begin(), forms_.end()}; }

 private:
  std::set<std::string> forms_;
};

using Encode = std::string (*)(std::string_view);

// Of the encoded text of "something, the secret, something else" the characters that the secret
// alone decides.
std::string Base64Core(std::string_view secret, std::size_t bytes_before, Encode encode) {
  const std::string text = encode(std::string(bytes_before, '\0') + std::string(secret));
  const std::size_t begin = (bytes_before * 8 + 5) / 6;
  return text.substr(begin, (bytes_before + secret.size()) * 8 / 6 - begin);
}

void AddBase64(std::string_view secret, Forms& forms) {
  for (const Encode encode : {io::Base64Of, io::Base64UrlOf}) {
    for (const std::size_t before : {0u, 1u, 2u}) {
      const std::string core = Base64Core(secret, before, encode);
      if (before == 0) forms.AddWrapped(core);
      forms.Add(core);
    }
    std::string alone = encode(secret);
    forms.Add(alone);
    while (alone.ends_with('=')) alone.pop_back();
    forms.Add(alone);
  }
}

// As the lines into which tools wrap what has something before the secret: then a line ends
// anywhere in it, and each part of it stands at the begin or the end of a line.
void AddBase64Lines(std::string_view secret, Forms& forms) {
  for (const std::size_t before : {0u, 1u, 2u}) {
    const std::string core = Base64Core(secret, before, io::Base64Of);
    if (core.size() > kWrappedBytesMax) continue;
    for (std::size_t at = kPartBytesMin; at < core.size(); ++at) {
      forms.Add(core.substr(0, at) + "\n");
      forms.Add("\n" + core.substr(core.size() - at));
      for (const std::size_t length : kLineLengths) {
        if (core.size() - at > length) forms.Add("\n" + core.substr(at, length));
      }
    }
  }
}

void AddHex(std::string_view secret, Forms& forms) {
  std::string small, capital;
  for (const char byte : secret) {
    small += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    capital += fmt::format("{:02X}", static_cast<unsigned char>(byte));
  }
  forms.AddWrapped(small);
  forms.AddWrapped(capital);
}

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string UrlEncoded(std::string_view secret, std::string_view safe, bool plus, bool capital) {
  std::string text;
  for (const char c : secret) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsLetterOrDigit(c) || safe.find(c) != std::string_view::npos) {
      text += c;
    } else if (plus && c == ' ') {
      text += '+';
    } else {
      text += capital ? fmt::format("%{:02X}", byte) : fmt::format("%{:02x}", byte);
    }
  }
  return text;
}

void AddUrl(std::string_view secret, Forms& forms) {
  for (const std::string_view safe : kUrlSafe) {
    for (const bool plus : {false, true}) {
      for (const bool capital : {false, true}) {
        forms.Add(UrlEncoded(secret, safe, plus, capital));
      }
    }
  }
}

struct JsonStyle {
  bool ascii, slash, capital;  // "\u00e9" for what is not ASCII, "\/", "\u00E9"
};

std::string JsonUnit(std::uint32_t unit, const JsonStyle& style) {
  return style.capital ? fmt::format("\\u{:04X}", unit) : fmt::format("\\u{:04x}", unit);
}

// The code point of well-formed UTF-8 at `at`, which moves behind it.
std::uint32_t NextCodePoint(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t first = byte(at);
  const std::size_t more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
  std::uint32_t point = more == 0 ? first : first & (0x3Fu >> more);
  for (std::size_t i = 1; i <= more; ++i) point = (point << 6) | (byte(at + i) & 0x3Fu);
  at += more + 1;
  return point;
}

std::string JsonEscaped(std::string_view secret, const JsonStyle& style) {
  constexpr std::string_view kShort = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
  std::string text;
  for (std::size_t at = 0; at < secret.size();) {
    const char c = secret[at];
    const auto place = kShort.find(c);
    const std::size_t begin = at;
    const std::uint32_t point =
        style.ascii ? NextCodePoint(secret, at) : static_cast<unsigned char>(secret[at++]);
    if (place != std::string_view::npos) {
      text += {'\\', kLetters[place]};
    } else if (c == '/' && style.slash) {
      text += "\\/";
    } else if (point < 0x20 || (style.ascii && point >= 0x7F && point <= 0xFFFF)) {
      text += JsonUnit(point, style);
    } else if (style.ascii && point > 0xFFFF) {
      text += JsonUnit(0xD800 + ((point - 0x10000) >> 10), style);
      text += JsonUnit(0xDC00 + ((point - 0x10000) & 0x3FF), style);
    } else {
      text += secret.substr(begin, at - begin);
    }
  }
  return text;
}

std::string Replaced(std::string_view text,
                     std::initializer_list<std::pair<char, std::string_view>> replacements) {
  std::string replaced;
  for (const char c : text) {
    const auto* const found =
        std::find_if(replacements.begin(), replacements.end(),
                     [c](const auto& replacement) { return replacement.first == c; });
    if (found == replacements.end()) {
      replaced += c;
    } else {
      replaced += found->second;
    }
  }
  return replaced;
}

// As a shell writes it in a trace (set -x), and with printf %q.
void AddShell(std::string_view secret, Forms& forms) {
  forms.Add(Replaced(secret, {{'\'', "'\\''"}}));
  forms.Add(Replaced(secret, {{'\'', "'\"'\"'"}}));
  // $'...', for what has control characters.
  forms.Add(Replaced(secret,
                     {{'\'', "\\'"}, {'\\', "\\\\"}, {'\n', "\\n"}, {'\t', "\\t"}, {'\r', "\\r"}}));
  std::string quoted, quoted_more;
  for (const char c : secret) {
    const bool plain = IsLetterOrDigit(c) || static_cast<unsigned char>(c) >= 0x80;
    constexpr std::string_view kNever = "_-./:=@%+,";
    if (!plain && kNever.find(c) == std::string_view::npos) quoted += '\\';
    if (!plain && (c == ',' || kNever.find(c) == std::string_view::npos)) quoted_more += '\\';
    quoted += c;
    quoted_more += c;
  }
  forms.Add(quoted);
  forms.Add(quoted_more);
}

// As Python's repr writes it, of a text and of bytes, between either quotes.
void AddPython(std::string_view secret, Forms& forms) {
  for (const bool bytes : {false, true}) {
    std::string bare, single, both;
    for (const char c : secret) {
      const auto byte = static_cast<unsigned char>(c);
      constexpr std::string_view kShort = "\\\n\r\t", kLetters = "\\nrt";
      const auto place = kShort.find(c);
      std::string shown(1, c);
      if (place != std::string_view::npos) {
        shown = {'\\', kLetters[place]};
      } else if (byte < 0x20 || byte == 0x7F || (bytes && byte > 0x7F)) {
        shown = fmt::format("\\x{:02x}", byte);
      }
      bare += shown;
      single += c == '\'' ? "\\'" : shown;
      both += c == '\'' || c == '"' ? std::string{'\\', c} : shown;
    }
    forms.Add(bare);
    forms.Add(single);
    forms.Add(both);
  }
}

// In a page or in XML, as the usual libraries write quotes.
void AddHtml(std::string_view secret, Forms& forms) {
  forms.Add(Replaced(secret, {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}}));
  for (const std::string_view quote : {"&quot;", "&#34;"}) {
    forms.Add(Replaced(secret, {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', quote}}));
    for (const std::string_view apostrophe : {"&#x27;", "&#39;", "&#039;", "&apos;"}) {
      forms.Add(Replaced(
          secret,
          {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', quote}, {'\'', apostrophe}}));
    }
  }
}

// With blanks between: each byte, or two together, as xxd and od do.
void AddSpacedHex(std::string_view secret, Forms& forms) {
  std::string single, even, odd;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    const std::string byte = fmt::format("{:02x}", static_cast<unsigned char>(secret[i]));
    single += (i > 0 ? " " : "") + byte;
    even += (i > 0 && i % 2 == 0 ? " " : "") + byte;
    odd += (i % 2 == 1 ? " " : "") + byte;
  }
  forms.Add(single);
  forms.Add(even);
  forms.Add(odd);
}

void AddJson(std::string_view secret, Forms& forms) {
  for (const bool ascii : {false, true}) {
    if (ascii && !IsUtf8(secret)) continue;
    for (const bool slash : {false, true}) {
      for (const bool capital : {false, true}) {
        forms.Add(JsonEscaped(secret, {ascii, slash, capital}));
      }
    }
  }
}

}  // namespace

std::vector<std::string> FormsOf(std::string_view secret) {
  std::set<std::string_view> plain = {secret, Trim(secret)};
  for (std::size_t begin = 0; begin < secret.size();) {
    const std::size_t end = std::min(secret.find('\n', begin), secret.size());
    plain.insert(Trim(secret.substr(begin, end - begin)));
    begin = end + 1;
  }
  Forms forms;
  for (const std::string_view text : plain) {
    if (text.size() < kSecretBytesMin) continue;
    forms.Add(std::string(text));
    AddBase64(text, forms);
    AddBase64Lines(text, forms);
    AddHex(text, forms);
    AddUrl(text, forms);
    AddJson(text, forms);
    AddShell(text, forms);
    AddPython(text, forms);
    AddHtml(text, forms);
    AddSpacedHex(text, forms);
  }
  return forms.Take();
}

}  // namespace busker::runner
