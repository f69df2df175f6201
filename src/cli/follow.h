// Following an attempt's log while it is written, woken by the file system (inotify), never
// polling.
#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"
#include "io/file.h"

namespace busker::cli {

// Hands on the bytes of the log in an attempt's folder as they come, until the attempt has ended
// (its exit record is there) and all was handed on, or `stop` becomes readable.
// `looked`, when there is one, is called a moment after bytes were handed on, five times a second
// at most: what they leave unfinished may be shown then.
Result<void> FollowLog(const io::fs::path& attempt_folder, int stop_fd,
                       const std::function<void(std::string_view)>& use,
                       const std::function<void()>& looked = {});

// Cuts a stream of bytes into lines; an unfinished last line is handed on by Flush.
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
