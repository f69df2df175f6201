// Notices changes in folders as they happen (inotify); nothing is polled.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::catalogue {

// One thread waits; any may say what is watched, and stop.
class FolderWatch {
 public:
  // `later`: the first Wait begins to watch when it has lasted so long, and comes back with a
  // change then. For the kernel takes 10 ms or more to end a watch, which nobody should wait for
  // who has not been there for much longer.
  static Result<FolderWatch> Make(Milliseconds later = Milliseconds(0));

  // Any thread. The folders to be watched, and no others. One that is not there is left out. Of
  // `closely` it is known which files are being written, too.
  void Watch(const std::vector<std::string>& folders, const std::vector<std::string>& closely = {});

  struct News {
    bool changed = false;             // something in a watched folder did
    std::set<std::string> completed;  // files that were closed after writing, or moved in
  };
  // Files of the folders that have been opened anew or written to, and were not closed since. For
  // the thread that waits, as is the rest.
  const std::set<std::string>& written() const { return written_; }

  // Waits for a change and then until nothing has changed for 200 ms (at most 2 s); or until
  // `longest` has passed or Stop was called.
  News Wait(Milliseconds longest);

  void Stop();  // any thread; every Wait returns at once from now on
  bool stopped() const { return stopped_; }

 private:
  FolderWatch(io::Descriptor stop, Milliseconds later) : later_(later), stop_(std::move(stop)) {}
  bool Await(Milliseconds longest);
  using Masks = std::map<std::string, std::uint32_t>;  // by folder
  Result<void> Begin();
  void Apply(const Masks& wanted);  // the mutex is held
  void Take(News& news);
  void Take(const std::string& file, std::uint32_t what, News& news);

  Milliseconds later_;
  io::Descriptor stop_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();  // of what is watched:
  io::Descriptor changes_;                   // set by the thread that waits
  Masks wanted_;                             // before it has begun
  std::map<std::string, int> watches_;       // by folder
  std::map<int, std::string> folders_;       // by watch
  Masks masks_;                              // of the watches
  std::set<std::string> created_, written_;  // files; of the thread that waits
  bool stopped_ = false;
};

}  // namespace busker::catalogue
