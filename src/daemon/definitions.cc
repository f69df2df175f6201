#include "daemon/definitions.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "prepare/definition.h"

namespace busker::daemon {
namespace {

// Changes whenever the file's content does, as far as the file system tells.
std::string StampOf(const io::fs::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return "-";
  return fmt::format("{}.{}.{}.{}", info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

std::string StampOfService(const io::fs::path& folder) {
  std::string stamp = StampOf(folder / "busker.toml");
  std::error_code error;
  std::set<std::string> configs;
  for (io::fs::directory_iterator entry(folder / "configs", error), end; !error && entry != end;
       entry.increment(error)) {
    configs.insert(entry->path().filename().string() + ":" + StampOf(entry->path()));
  }
  for (const std::string& config : configs) stamp += " " + config;
  return stamp;
}

// "at" for the end of a message about a definition that was good before.
std::string Goes(bool was_good) { return was_good ? "; what it defined before stays active" : ""; }

}  // namespace

Result<std::shared_ptr<const Definition>> Catalogue::Find(const plan::GraphKey& key) const {
  const auto found = definitions.find(key);
  if (found != definitions.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [name, _] : definitions) names.push_back(name);
  const auto nearest = Nearest(key, names);
  if (nearest) return NotFound(fmt::format("there is no {}, did you mean {}?", key, *nearest));
  if (names.size() > 10) names.resize(10);
  return NotFound(fmt::format("there is no {}{}{}", key, names.empty() ? "" : "; there is ",
                              Join(names, ", ")));
}

std::vector<plan::Event> Changes(const Catalogue& before, const Catalogue& after) {
  std::vector<plan::Event> events;
  for (const auto& [key, definition] : before.definitions) {
    if (!after.definitions.contains(key)) events.push_back(plan::GraphRemoved{key});
  }
  for (const auto& [key, definition] : after.definitions) {
    const auto old = before.definitions.find(key);
    if (old != before.definitions.end() && old->second == definition) continue;
    events.push_back(plan::GraphDefined{definition->graph});
  }
  return events;
}

Definitions::Definitions(std::vector<std::string> paths, io::fs::path home,
                         service::GateCheck check_gate)
    : paths_(std::move(paths)), home_(std::move(home)), check_gate_(std::move(check_gate)) {}

std::shared_ptr<const Catalogue> Definitions::Read() {
  auto catalogue = std::make_shared<Catalogue>();
  std::set<std::string> folders(paths_.begin(), paths_.end());
  const service::Found found = Discover(*catalogue);

  std::map<std::string, Source> sources;
  for (const std::string& folder : found.service_folders) {
    sources.emplace(folder, ReadService(folder, sources_[folder]));
    folders.insert({folder, folder + "/configs", folder + "/scheduler"});
  }
  for (const std::string& file : found.graph_files) {
    sources.emplace(file, ReadGraphFile(file, sources_[file]));
    folders.insert(io::fs::path(file).parent_path().string());
  }
  sources_ = std::move(sources);

  std::map<plan::GraphKey, std::string> owners;
  for (const auto& [name, source] : sources_) {
    if (!source.fault.empty()) catalogue->faults.push_back({name, source.fault});
    for (const auto& definition : source.good) {
      const auto [owner, is_first] = owners.emplace(definition->graph.key, name);
      if (is_first) {
        catalogue->definitions.emplace(definition->graph.key, definition);
      } else {
        catalogue->faults.push_back({name, fmt::format("{} is defined by {} already; rename one",
                                                       definition->graph.key, owner->second)});
      }
    }
  }
  catalogue->services = found.service_folders.size();
  catalogue->graph_files = found.graph_files.size();
  catalogue->folders.assign(folders.begin(), folders.end());
  return catalogue;
}

// What there is below each path, once. A path that is gone for a moment (a checkout, a mount) takes
// nothing with it; one in which there is nothing any more does.
service::Found Definitions::Discover(Catalogue& catalogue) {
  std::set<std::string> services, files;
  for (const std::string& path : paths_) {
    auto found = service::Discover({path});
    if (!found) catalogue.faults.push_back({path, found.error().message});
    std::error_code error;
    const bool is_empty =
        !found && found.error().kind == ErrorKind::kNotFound && io::fs::is_directory(path, error);
    if (found || is_empty) found_[path] = found.value_or(service::Found{});
    const service::Found& known = found_[path];
    services.insert(known.service_folders.begin(), known.service_folders.end());
    files.insert(known.graph_files.begin(), known.graph_files.end());
  }
  // A file that was a graph file and cannot be told for one any more is at fault, not gone:
  // somebody may be in the middle of writing it.
  for (const auto& [name, source] : sources_) {
    std::error_code error;
    const bool was_graph = !source.good.empty() && source.good.front()->file != nullptr;
    if (was_graph && io::fs::exists(name, error)) files.insert(name);
  }
  return {{services.begin(), services.end()}, {files.begin(), files.end()}};
}

Definitions::Source Definitions::ReadService(const std::string& folder,
                                             const Source& before) const {
  Source source{StampOfService(folder), before.good, ""};
  if (source.stamp == before.stamp) return before;
  if (std::string other = OtherHome(folder); !other.empty()) return {"", {}, std::move(other)};
  auto loaded = service::LoadService(folder, check_gate_);
  if (!loaded) {
    source.fault = loaded.error().message + Goes(!before.good.empty());
    return source;
  }
  const auto shared = std::make_shared<const service::Service>(std::move(*loaded));
  std::vector<std::shared_ptr<const Definition>> definitions;
  for (const auto& [name, action] : shared->actions) {
    auto graph = prepare::GraphOf(*shared, action);
    if (!graph) {
      source.fault =
          fmt::format("{}: {}{}", name, graph.error().message, Goes(!before.good.empty()));
      return source;
    }
    definitions.push_back(
        std::make_shared<Definition>(Definition{std::move(*graph), shared, name, nullptr}));
  }
  source.good = std::move(definitions);
  return source;
}

Definitions::Source Definitions::ReadGraphFile(const std::string& file,
                                               const Source& before) const {
  Source source{StampOf(file), before.good, ""};
  if (source.stamp == before.stamp) return before;
  auto loaded = service::LoadGraphFile(file);
  if (!loaded) {
    source.fault = loaded.error().message + Goes(!before.good.empty());
    return source;
  }
  const auto shared = std::make_shared<const service::GraphFile>(std::move(*loaded));
  auto graph = prepare::GraphOf(*shared);
  if (!graph) {
    source.fault = graph.error().message + Goes(!before.good.empty());
    return source;
  }
  source.good = {std::make_shared<Definition>(Definition{std::move(*graph), nullptr, "", shared})};
  return source;
}

// Why the folder cannot be served from this home; empty: it can.
std::string Definitions::OtherHome(const std::string& folder) const {
  std::error_code error;
  const io::fs::path own = io::fs::path(folder) / ".busker";
  if (!io::fs::exists(own / "busker.db", error)) return {};
  if (io::fs::equivalent(own, home_, error)) return {};
  return fmt::format(
      "it has a home of its own, {}, with runs on record; busker up {} serves it from there, or "
      "move that folder away",
      own.string(), folder);
}

}  // namespace busker::daemon
