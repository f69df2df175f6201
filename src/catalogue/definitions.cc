#include "catalogue/definitions.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <set>
#include <tuple>

#include "catalogue/plan_graph.h"
#include "home/home.h"
#include "service/conventions.h"

namespace busker::catalogue {
namespace {

// Folders that are watched beside those that define something: the kernel has so many watches only.
constexpr std::size_t kWatchedMax = 2000;

// Changes whenever the file's content does, as far as the file system tells.
std::string StampOf(const io::fs::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return "-";
  return fmt::format("{}.{}.{}.{}", info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

void AddStamps(const io::fs::path& folder, std::string& stamp) {
  std::error_code error;
  std::set<std::string> files;
  for (io::fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    files.insert(entry->path().filename().string() + ":" + StampOf(entry->path()));
  }
  for (const std::string& file : files) stamp += " " + file;
}

// There may be ten thousand, so each is kept as a number.
std::size_t Short(const std::string& stamp) { return std::hash<std::string>()(stamp); }

// `program_folder`: where the configs are, as far as it is known.
std::string StampOfService(const io::fs::path& folder, const std::string& program_folder) {
  std::string stamp = StampOf(folder / "busker.toml");
  AddStamps(folder / "configs", stamp);
  if (!program_folder.empty()) AddStamps(folder / program_folder / "configs", stamp);
  if (service::IsWholeRepository(folder.string())) AddStamps(folder / "scheduler/configs", stamp);
  return stamp;
}

std::string ProgramFolderOf(const std::vector<std::shared_ptr<const Definition>>& definitions,
                            const std::string& folder) {
  const bool known = !definitions.empty() && definitions.front()->service != nullptr;
  return known ? definitions.front()->service->program_folder
               : service::ConventionalProgramFolder(folder);
}

// What a source claims with what it defines: the name of a service, or of a graph.
plan::GraphKey ClaimOf(const std::vector<std::shared_ptr<const Definition>>& definitions) {
  const Definition& first = *definitions.front();
  return first.service ? plan::GraphKey(first.service->name, "") : first.graph.key;
}

std::shared_ptr<const Fault> FaultOf(const std::string& source, const plan::GraphKey& of,
                                     std::string message, bool was_good) {
  if (was_good) message += "; what it defined before stays active";
  return std::make_shared<const Fault>(Fault{source, std::move(message), of});
}

}  // namespace

Definitions::Definitions(std::vector<std::string> paths, io::fs::path home,
                         service::GateCheck check_gate)
    : paths_(std::move(paths)), home_(std::move(home)), check_gate_(std::move(check_gate)) {}

std::shared_ptr<const Catalogue> Definitions::Read() {
  auto catalogue = std::make_shared<Catalogue>();
  std::set<std::string> folders(paths_.begin(), paths_.end());
  const Found found = Discover(*catalogue);

  folders.insert(found.looked_in.begin(),
                 found.looked_in.begin() +
                     static_cast<std::ptrdiff_t>(std::min(found.looked_in.size(), kWatchedMax)));

  std::map<std::string, Source> sources;
  for (const std::string& folder : found.service_folders) {
    sources.emplace(folder, ReadService(folder, sources_[folder]));
    folders.insert({folder, folder + "/configs", folder + "/scheduler"});
    if (const std::string program = ProgramFolderOf(sources.at(folder).good, folder);
        !program.empty()) {
      folders.insert({folder + "/" + program, folder + "/" + program + "/configs",
                      folder + "/scheduler/configs"});
    }
  }
  for (const std::string& file : found.graph_files) {
    sources.emplace(file, ReadGraphFile(file, sources_[file]));
    folders.insert(io::fs::path(file).parent_path().string());
  }
  SettleOwners(sources);
  sources_ = std::move(sources);
  for (const auto& [name, source] : sources_) {
    if (source.fault) catalogue->faults.push_back(*source.fault);
    for (const auto& definition : source.good) {
      catalogue->definitions.emplace(definition->graph.key, definition);
    }
  }
  catalogue->services = found.service_folders.size();
  catalogue->graph_files = found.graph_files.size();
  catalogue->folders.assign(folders.begin(), folders.end());
  return catalogue;
}

// A name is its first owner's for as long as that one defines it: who comes with it later is at
// fault. Of those that come at the same time (at the start) the file that is older was first.
void Definitions::SettleOwners(std::map<std::string, Source>& sources) {
  std::vector<std::tuple<bool, io::fs::file_time_type, std::string>> order;
  for (const auto& [name, source] : sources) {
    if (source.good.empty()) continue;
    const auto before = sources_.find(name);
    const bool is_owner = before != sources_.end() && !before->second.good.empty() &&
                          ClaimOf(before->second.good) == ClaimOf(source.good);
    std::error_code error;
    const io::fs::path file = name;
    const bool is_service = source.good.front()->service != nullptr;
    order.emplace_back(
        !is_owner, io::fs::last_write_time(is_service ? file / "busker.toml" : file, error), name);
  }
  std::sort(order.begin(), order.end());
  std::map<plan::GraphKey, std::string> owners;  // of a graph, or of a service: its source
  for (const auto& [_, time, name] : order) {
    Source& source = sources.at(name);
    const plan::GraphKey claim = ClaimOf(source.good);
    const auto [owner, is_first] = owners.emplace(claim, name);
    if (is_first) continue;
    const auto before = sources_.find(name);
    source.good.clear();
    if (before != sources_.end() && !before->second.good.empty() &&
        owners.emplace(ClaimOf(before->second.good), name).first->second == name) {
      source.good = before->second.good;
    }
    source.stamp = 0;  // looked at again: the owner may go
    source.fault = FaultOf(
        name, claim,
        fmt::format("the {} is defined by {} already; give one of them another name",
                    claim.service.empty() ? "graph " + claim.name : "service " + claim.service,
                    owner->second),
        !source.good.empty());
  }
}

// What there is below each path, once. A path that is gone for a moment (a checkout, a mount) takes
// nothing with it; one in which there is nothing any more does.
Found Definitions::Discover(Catalogue& catalogue) {
  std::set<std::string> services, files, looked_in, schedules;
  for (const std::string& path : paths_) {
    auto found = catalogue::Discover({path});
    if (!found) catalogue.faults.push_back({path, found.error().message});
    std::error_code error;
    const bool is_empty =
        !found && found.error().kind == ErrorKind::kNotFound && io::fs::is_directory(path, error);
    if (found || is_empty) found_[path] = found.value_or(Found{});
    if (is_empty) {
      looked_in.insert({path + "/configs", path + "/scheduler", path + "/scheduler/configs"});
    }
    const Found& known = found_[path];
    looked_in.insert(known.looked_in.begin(), known.looked_in.end());
    services.insert(known.service_folders.begin(), known.service_folders.end());
    files.insert(known.graph_files.begin(), known.graph_files.end());
    schedules.insert(known.schedule_files.begin(), known.schedule_files.end());
  }
  // A file that was a graph file and cannot be told for one any more is at fault, not gone:
  // somebody may be in the middle of writing it.
  for (const auto& [name, source] : sources_) {
    std::error_code error;
    const bool was_graph = !source.good.empty() && source.good.front()->file != nullptr;
    if (was_graph && io::fs::exists(name, error)) files.insert(name);
  }
  for (const std::string& file : schedules) files.erase(file);
  return {{services.begin(), services.end()},
          {files.begin(), files.end()},
          {looked_in.begin(), looked_in.end()}};
}

Definitions::Source Definitions::ReadService(const std::string& folder,
                                             const Source& before) const {
  Source source{Short(StampOfService(folder, ProgramFolderOf(before.good, folder))), before.good,
                nullptr};
  if (source.stamp == before.stamp) return before;
  const auto fault = [&](std::string message, bool was_good) {
    return FaultOf(folder, SeemsToDefine(folder), std::move(message), was_good);
  };
  if (std::string other = OtherHome(folder); !other.empty()) {
    return {0, {}, fault(std::move(other), false)};
  }
  auto loaded = service::LoadService(folder, check_gate_);
  if (!loaded) {
    source.fault = fault(loaded.error().message, !before.good.empty());
    return source;
  }
  const auto shared = std::make_shared<const service::Service>(std::move(*loaded));
  std::vector<std::shared_ptr<const Definition>> definitions;
  for (const auto& [name, action] : shared->actions) {
    auto graph = GraphOf(*shared, action);
    if (!graph) {
      source.fault =
          fault(fmt::format("{}: {}", name, graph.error().message), !before.good.empty());
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
  Source source{Short(StampOf(file)), before.good, nullptr};
  if (source.stamp == before.stamp) return before;
  auto text = service::ReadGraphText(file);
  auto graph = text.and_then([](const service::GraphText& read) -> Result<plan::Graph> {
    TRY_ASSIGN(const service::GraphFile loaded, service::LoadGraphFile(read));
    return GraphOf(loaded);
  });
  if (!graph) {
    source.fault = FaultOf(file, SeemsToDefine(file), graph.error().message, !before.good.empty());
    return source;
  }
  source.good = {std::make_shared<Definition>(
      Definition{std::move(*graph), nullptr, "",
                 std::make_unique<const service::GraphText>(*std::move(text))})};
  return source;
}

// Why the folder cannot be served from this home; empty: it can.
std::string Definitions::OtherHome(const std::string& folder) const {
  std::error_code error;
  const home::Home own = home::Home::Beside(folder);
  if (!io::fs::exists(own.RecordFile(), error)) return {};
  if (io::fs::equivalent(own.folder, home_, error)) return {};
  return fmt::format(
      "it has a home of its own, {}, with runs on record; busker up {} serves it from there, or "
      "move that folder away",
      own.folder.string(), folder);
}

}  // namespace busker::catalogue
