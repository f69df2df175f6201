// Notices changes in folders as they happen (inotify); nothing is polled.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::catalogue {

// One thread, but for Stop.
class FolderWatch {
 public:
  static Result<FolderWatch> Make();

  // The folders to be watched, and no others. One that is not there is left out. Of `closely` it
  // is known which files are being written, too.
  void Watch(const std::vector<std::string>& folders, const std::vector<std::string>& closely = {});

  struct News {
    bool changed = false;             // something in a watched folder did
    std::set<std::string> completed;  // files that were closed after writing, or moved in
  };
  // Files of the folders that have been opened anew or written to, and were not closed since.
  const std::set<std::string>& written() const { return written_; }

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
  void Take(const std::string& file, std::uint32_t what, News& news);

  io::Descriptor changes_, stop_;
  std::map<std::string, int> watches_;          // by folder
  std::map<int, std::string> folders_;          // by watch
  std::map<std::string, std::uint32_t> masks_;  // of the watches, by folder
  std::set<std::string> created_, written_;     // files
  bool stopped_ = false;
};

}  // namespace busker::catalogue
