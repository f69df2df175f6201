// Runs that begin when a file appears (`when_file`).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "catalogue/definitions.h"

namespace busker::catalogue {

// A file that has come, for a graph that waits for such. The key tells it from the next file under
// the same name.
struct FileArrival {
  plan::GraphKey graph;
  std::string file;
  std::string key;
};

// One thread.
class FileTriggers {
 public:
  // The folders in which files are waited for.
  static std::vector<std::string> Folders(const Catalogue& catalogue);

  // The files that are there and were not told of before. A file counts as written when nobody has
  // it open for writing (the kernel is asked; where it does not tell, of a file of somebody else's
  // or on a network, it is not among `written`), and when it is among `completed`, or was not
  // touched for two seconds before `now`.
  std::vector<FileArrival> Look(const Catalogue& catalogue, const std::set<std::string>& completed,
                                Instant now, const std::set<std::string>& written = {});

  // Some files were too new to tell, or are being written: look again in two seconds.
  bool unsure() const { return unsure_; }

 private:
  std::set<std::string> told_;  // keys
  bool unsure_ = false;
};

}  // namespace busker::catalogue
