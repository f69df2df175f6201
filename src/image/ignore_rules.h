// What of a folder stays out of an image, as a .dockerignore says it: a pattern a line, the last
// that fits decides, "!" brings back, "**" stands for any folders, "#" begins a comment. A pattern
// that fits a folder fits all that is in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace busker::image {

inline constexpr char kIgnoreFile[] = ".dockerignore";

// What stays out unless a line brings it back: histories, environments, homes, data.
std::string_view StandardRules();

class IgnoreRules {
 public:
  // `text` comes after the standard rules, which come first.
  explicit IgnoreRules(std::string_view text);

  bool Ignores(const std::string& path) const;  // relative, with "/" between

  // Whether something below an ignored folder may have been brought back.
  bool BringsBack() const { return brings_back_; }

 private:
  struct Rule {
    std::vector<std::string> parts;
    bool keeps = false;
  };
  void Add(std::string_view text);

  std::vector<Rule> rules_;
  bool brings_back_ = false;
};

}  // namespace busker::image
