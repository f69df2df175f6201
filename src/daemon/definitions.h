// What the watched folders define: every graph there is to run, as it was when last read.
//
// A file that cannot be read affects only itself: what it defined before stays, and the fault is
// shown until it is mended.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/file.h"
#include "plan/advance.h"
#include "service/catalogue.h"
#include "service/graph_file.h"
#include "service/service.h"

namespace busker::daemon {

// A graph, and what it was read from: the action of a service, or a graph file.
struct Definition {
  plan::Graph graph;
  std::shared_ptr<const service::Service> service;
  std::string action;
  std::shared_ptr<const service::GraphFile> file;

  const service::Action& Action() const { return service->actions.at(action); }
  const std::string& Digest() const { return service ? Action().definition : file->definition; }
  std::string FilesHaveChanged() const;  // the beginning of a sentence
  const service::Notify& Notify() const { return service ? service->notify : file->notify; }
};

struct Fault {
  std::string file;
  std::string message;
  std::string of =
      {};  // what the file seems to define: "shop/", "nightly"; empty: it does not tell
};

// Immutable: threads share it, and the next reading makes another.
struct Catalogue {
  std::map<plan::GraphKey, std::shared_ptr<const Definition>> definitions;
  std::vector<Fault> faults;
  std::vector<std::string> folders;  // whose entries decide what is read; to be watched
  std::size_t services = 0, graph_files = 0;

  // kNotFound, naming the fault in the file that seems to define it, or the nearest.
  Result<std::shared_ptr<const Definition>> Find(const plan::GraphKey& key) const;

  // Why nothing defines what was defined before, and what its runs wait for.
  std::string WhyMissing(const plan::GraphKey& key) const;
  const Fault* FaultOf(const plan::GraphKey& key) const;  // nullptr: none
};

// What turns `before` into `after`: graphs that are new, changed or gone.
std::vector<plan::Event> Changes(const Catalogue& before, const Catalogue& after);

class Definitions {
 public:
  // `paths` as for service::Discover. A service or folder that has a home of its own other than
  // `home` is a fault: its runs would be in two records.
  Definitions(std::vector<std::string> paths, io::fs::path home, service::GateCheck check_gate);

  // Reads what has changed since the last call. One thread at a time.
  std::shared_ptr<const Catalogue> Read();

 private:
  // A file, or the service in a folder, and what it last defined.
  struct Source {
    std::string stamp;  // of the files: when it is the same, nothing has changed
    std::vector<std::shared_ptr<const Definition>> good;
    std::string fault;
    std::string of;  // Fault::of
  };

  service::Found Discover(Catalogue& catalogue);
  Source ReadService(const std::string& folder, const Source& before) const;
  Source ReadGraphFile(const std::string& file, const Source& before) const;
  std::string OtherHome(const std::string& folder) const;
  void SettleOwners(std::map<std::string, Source>& sources);

  const std::vector<std::string> paths_;
  const io::fs::path home_;
  const service::GateCheck check_gate_;
  std::map<std::string, Source> sources_;
  std::map<std::string, std::string> owners_;    // of "shop/", "nightly": its source
  std::map<std::string, service::Found> found_;  // by path, when it was last there
};

}  // namespace busker::daemon
