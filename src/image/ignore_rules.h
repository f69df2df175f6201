// What of a folder stays out of an image, as a .dockerignore says it: a pattern a line, the last
// that fits decides, "!" brings back, "**" stands for any folders, "#" begins a comment. A pattern
// that fits a folder fits all that is in it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace busker::image {

inline constexpr char kIgnoreFile[] = ".dockerignore";

// What stays out unless a line brings it back: histories, environments, homes, secrets by the names
// they usually have, data. The data of a program in a folder `program` ("service") as well, unless
// that is empty.
std::string StandardRules(const std::string& program = "");

class IgnoreRules {
 public:
  // What they name comes back by a line that names it itself: "!.env", and not "!source" for
  // source/.env.
  void AddStandard(const std::string& program = "");

  // The rules of `file`, named in errors, after those that are there. Its paths may be told from a
  // folder above: `below` is the way down from there. kInvalid: a malformed pattern, with its line.
  Result<void> Add(std::string_view text, const std::string& file, const std::string& below = "");

  // A path that no line brings back.
  void AddPrivate(const std::string& path) { private_.push_back(path); }

  bool Ignores(const std::string& path) const;  // relative, with "/" between

  // Whether something below an ignored folder may have been brought back.
  bool BringsBack() const { return brings_back_; }

 private:
  using Parts = std::vector<std::string>;
  struct Rule {
    Parts below, parts;
    bool keeps = false, is_standard = false;
  };
  static bool Fits(const Rule& rule, std::span<const std::string> path);
  std::size_t StandardDepth(const Parts& path) const;
  Result<void> Read(std::string_view text, const std::string& file, const Rule& kind);

  std::vector<Rule> rules_;
  std::vector<std::string> private_;
  bool brings_back_ = false;
};

}  // namespace busker::image
