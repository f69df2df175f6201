// Goes through the text as a shell would, word by word, and keeps what is not quoted.
#include "service/shell_signs.h"

#include <algorithm>
#include <array>

namespace busker::service {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kOperators = "|&;<>";
constexpr std::array<std::string_view, 24> kBuiltins = {
    "cd",    "export", "source", ".",     "set",  "unset", "alias", "ulimit",
    "umask", "eval",   "exec",   "trap",  "if",   "for",   "while", "until",
    "case",  "pushd",  "popd",   "local", "read", "shift", "let",   "declare"};
constexpr std::array<std::string_view, 8> kShells = {"sh",  "bash", "dash", "ash",
                                                     "zsh", "ksh",  "mksh", "fish"};

bool IsBlank(char c) { return kBlanks.find(c) != std::string_view::npos; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNamePart(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }

// A word of the text: what stands in it, and which of that was quoted or escaped.
struct Word {
  std::string text;
  std::vector<bool> quoted;         // of each character
  std::vector<bool> double_quoted;  // of each: a shell would look for $ there
  void Add(char c, bool is_quoted, bool is_double = false) {
    text += c;
    quoted.push_back(is_quoted);
    double_quoted.push_back(is_double);
  }
  bool Plain(std::size_t at) const { return !quoted[at]; }
  bool AllPlain() const { return std::find(quoted.begin(), quoted.end(), true) == quoted.end(); }
};

std::vector<Word> WordsOf(std::string_view text) {
  std::vector<Word> words;
  bool in_word = false;
  char quote = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote == 0 && IsBlank(c)) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && at + 1 < text.size()) {
      words.back().Add(text[++at], true);
    } else {
      words.back().Add(c, quote != 0, quote == '"');
    }
  }
  return words;
}

std::string_view NameOfProgram(std::string_view word) {
  return word.substr(word.find_last_of('/') + 1);
}

// "sh -c", "/bin/bash -lc", "env X=1 sh -c".
bool HasShell(const std::vector<Word>& words) {
  bool shell = false;
  for (const Word& word : words) {
    const std::string_view name = NameOfProgram(word.text);
    if (std::find(kShells.begin(), kShells.end(), name) != kShells.end()) shell = true;
    const bool is_option = word.text.size() > 1 && word.text[0] == '-' && word.text[1] != '-';
    if (shell && is_option && word.text.ends_with('c')) return true;
  }
  return false;
}

class Signs {
 public:
  explicit Signs(std::string_view command) : words_(WordsOf(command)), shell_(HasShell(words_)) {}

  std::vector<std::string> Find() {
    bool first = true;  // a shell takes the word for a program
    for (const Word& word : words_) {
      const std::string& text = word.text;
      const bool assigns = first && IsAssignment(word);
      if (assigns) Add(text);
      if (first && word.AllPlain() &&
          std::find(kBuiltins.begin(), kBuiltins.end(), text) != kBuiltins.end()) {
        Add(text);
      }
      if (!text.empty() && text[0] == '~' && word.Plain(0)) Add(text);
      first = FindOperators(word) || assigns;
      FindVariables(word);
      FindPattern(word);
    }
    return std::move(found_);
  }

 private:
  void Add(std::string sign) {
    constexpr std::size_t kBytesMax = 40;
    if (sign.size() > kBytesMax) sign = sign.substr(0, kBytesMax) + "...";
    if (std::find(found_.begin(), found_.end(), sign) == found_.end()) {
      found_.push_back(std::move(sign));
    }
  }

  // NAME=x before the program.
  static bool IsAssignment(const Word& word) {
    const std::size_t equals = word.text.find('=');
    if (equals == 0 || equals == std::string::npos || !IsNameStart(word.text[0])) return false;
    for (std::size_t i = 0; i <= equals; ++i) {
      if (!word.Plain(i) || (i < equals && !IsNamePart(word.text[i]))) return false;
    }
    return true;
  }

  bool FindOperators(const Word& word) {
    const std::string& text = word.text;
    bool found = false;
    const bool is_url = text.find("://") != std::string::npos;
    for (std::size_t begin = 0; begin < text.size();) {
      std::size_t end = begin;
      while (end < text.size() && word.Plain(end) &&
             kOperators.find(text[end]) != std::string_view::npos) {
        ++end;
      }
      if (end > begin && !(is_url && text.substr(begin, end - begin) == "&")) {
        Add(text.substr(begin, end - begin));
        found = true;
      }
      begin = std::max(end, begin + 1);
    }
    return found;
  }

  // $NAME, $1, $(...) and `...`; but ${NAME}, which is a placeholder.
  void FindVariables(const Word& word) {
    const std::string& text = word.text;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const bool seen = word.Plain(at) || (word.double_quoted[at] && !shell_);
      if (!seen) continue;
      if (text[at] == '`') Add("`");
      if (text[at] != '$' || at + 1 == text.size()) continue;
      if (text[at + 1] == '(') Add("$(");
      std::size_t end = at + 1;
      while (end < text.size() && IsNamePart(text[end])) ++end;
      if (end > at + 1) Add(text.substr(at, end - at));
    }
  }

  void FindPattern(const Word& word) {
    const bool is_url = word.text.find("://") != std::string::npos;
    for (std::size_t at = 0; at < word.text.size(); ++at) {
      const char c = word.text[at];
      if (word.Plain(at) && (c == '*' || (c == '?' && !is_url))) return Add(word.text);
    }
  }

  const std::vector<Word> words_;
  const bool shell_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> ShellSigns(std::string_view command) { return Signs(command).Find(); }

}  // namespace busker::service
