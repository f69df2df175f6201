// Every graph there is to run, as it was when last read, and what is wrong with files that define
// some.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/advance.h"
#include "service/graph_file.h"
#include "service/service.h"

namespace busker::catalogue {

// A graph, and what it was read from: the action of a service, or a graph file. There may be ten
// thousand, most of which wait: of a file its text is kept, and read again for a run.
struct Definition {
  plan::Graph graph;
  std::shared_ptr<const service::Service> service;
  std::string action;
  std::unique_ptr<const service::GraphText> file;

  const service::Action& Action() const { return service->actions.at(action); }
  std::string Digest() const { return service ? Action().definition : file->Definition(); }
  std::string FilesHaveChanged() const;  // the beginning of a sentence
  service::Notify Notify() const;
};

struct Fault {
  std::string file;
  std::string message;
  // What the file seems to define: a graph, or a service (then of no name); empty: it does not
  // tell.
  plan::GraphKey of = {};

  bool Concerns(const plan::GraphKey& key) const;
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

}  // namespace busker::catalogue
