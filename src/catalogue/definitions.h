// What the watched folders define, read from them again when they change.
//
// A file that cannot be read affects only itself: what it defined before stays, and the fault is
// shown until it is mended.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "catalogue/catalogue.h"
#include "catalogue/search.h"
#include "io/file.h"
#include "service/service.h"

namespace busker::catalogue {

class Definitions {
 public:
  // `paths` as for catalogue::Discover. A service or folder that has a home of its own other than
  // `home` is a fault: its runs would be in two records.
  Definitions(std::vector<std::string> paths, io::fs::path home, service::GateCheck check_gate);

  // Reads what has changed since the last call. One thread at a time.
  std::shared_ptr<const Catalogue> Read();

 private:
  // A file, or the service in a folder, and what it last defined.
  struct Source {
    // Of the files: when it is the same, nothing has changed. 0: they are to be looked at again.
    std::size_t stamp = 0;
    std::vector<std::shared_ptr<const Definition>> good;
    std::shared_ptr<const Fault> fault;  // nullptr: none
  };

  Found Discover(Catalogue& catalogue);
  Source ReadService(const std::string& folder, const Source& before) const;
  Source ReadGraphFile(const std::string& file, const Source& before) const;
  std::string OtherHome(const std::string& folder) const;
  void SettleOwners(std::map<std::string, Source>& sources);

  const std::vector<std::string> paths_;
  const io::fs::path home_;
  const service::GateCheck check_gate_;
  std::map<std::string, Source> sources_;
  std::map<std::string, Found> found_;  // by path, when it was last there
};

}  // namespace busker::catalogue
