// Notices changes in folders as they happen (inotify); nothing is polled.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::daemon {

// One thread, but for Stop.
class FolderWatch {
 public:
  static Result<FolderWatch> Make();

  // The folders to be watched, and no others. One that is not there is left out.
  void Watch(const std::vector<std::string>& folders);

  struct News {
    bool changed = false;             // something in a watched folder did
    std::set<std::string> completed;  // files that were closed after writing, or moved in
  };
  // Waits for a change and then until nothing has changed for 200 ms (at most 2 s); or until
  // `longest` has passed or Stop was called.
  News Wait(Milliseconds longest);

  void Stop();  // any thread: every Wait returns at once from now on
  bool stopped() const { return stopped_; }

 private:
  FolderWatch(io::Descriptor changes, io::Descriptor stop)
      : changes_(std::move(changes)), stop_(std::move(stop)) {}
  bool Await(Milliseconds longest);
  void Take(News& news);

  io::Descriptor changes_, stop_;
  std::map<std::string, int> watches_;  // by folder
  std::map<int, std::string> folders_;  // by watch
  bool stopped_ = false;
};

}  // namespace busker::daemon
