// Command lines into words. Only quoting is a shell's; everything else that a shell would act on is
// an ordinary character, so a command can start one program and nothing more.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/fault.h"
#include "service/service.h"

namespace busker::service {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  Result<std::vector<std::string>> Split() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (kBlanks.find(c) != std::string_view::npos) {
        EndWord();
        ++at_;
      } else if (c == '\'') {
        TRY(SingleQuoted());
      } else if (c == '"') {
        TRY(DoubleQuoted());
      } else if (c == '\\') {
        TRY(Escaped());
      } else {
        Add(c);
        ++at_;
      }
    }
    EndWord();
    return std::move(words_);
  }

 private:
  void Add(char c) {
    if (!word_) word_.emplace();
    *word_ += c;
  }

  void EndWord() {
    if (word_) words_.push_back(std::move(*word_));
    word_.reset();
  }

  Result<void> SingleQuoted() {
    if (!word_) word_.emplace();  // '' is a word
    const auto end = text_.find('\'', at_ + 1);
    if (end == std::string_view::npos) return Open("'");
    *word_ += text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return {};
  }

  // Inside, a backslash escapes only what would otherwise have a meaning to a shell.
  Result<void> DoubleQuoted() {
    if (!word_) word_.emplace();
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return {};
      }
      const bool escape =
          c == '\\' && at_ + 1 < text_.size() &&
          std::string_view("$`\"\\\n").find(text_[at_ + 1]) != std::string_view::npos;
      if (!escape) {
        *word_ += c;
      } else if (text_[++at_] != '\n') {
        *word_ += text_[at_];
      }
    }
    return Open("\"");
  }

  Result<void> Escaped() {
    if (at_ + 1 == text_.size()) return Invalid("the command ends in a backslash");
    if (text_[at_ + 1] != '\n') Add(text_[at_ + 1]);  // else: the line goes on
    at_ += 2;
    return {};
  }

  static tl::unexpected<Error> Open(std::string_view quote) {
    return Invalid("the command has an open quote (" + std::string(quote) + ")");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<std::string> word_;  // the one being read
  std::vector<std::string> words_;
};

}  // namespace

Result<std::vector<std::string>> SplitWords(const std::string& text) {
  return Splitter(text).Split();
}

}  // namespace busker::service
