// Cuts a stream of bytes into lines.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace busker::cli {

// An unfinished last line is handed on by Flush.
class LineCutter {
 public:
  explicit LineCutter(std::function<void(std::string_view)> use) : use_(std::move(use)) {}
  void Add(std::string_view bytes);
  void Flush();
  const std::string& rest() const { return rest_; }  // the unfinished line

 private:
  std::function<void(std::string_view)> use_;
  std::string rest_;
};

}  // namespace busker::cli
