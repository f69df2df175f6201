#include "catalogue/search.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "base/id.h"
#include "base/text.h"
#include "service/conventions.h"
#include "service/fault.h"
#include "service/graph_file.h"
#include "service/schedule_file.h"
#include "service/text_file.h"

namespace busker::catalogue {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kEntriesMax = 20'000;

// Folders that programs fill.
constexpr std::array<std::string_view, 8> kNotSearched = {
    "build", "dist", "node_modules", "output", "target", "vendor", "venv", "__pycache__"};

bool IsFolder(const fs::path& path) {
  std::error_code ignored;  // what cannot be looked at is not there
  return fs::is_directory(path, ignored);
}

bool IsFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// Also what stands in a file's place: a pipe, a link to nothing. It is told to be wrong then.
bool IsThere(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

// What is directly in a folder and not hidden, sorted; empty when there is no such folder.
Result<std::vector<fs::path>> List(const fs::path& folder) {
  std::vector<fs::path> entries;
  if (!IsFolder(folder)) return entries;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().filename().string().starts_with('.')) continue;
    entries.push_back(entry->path());
    if (entries.size() > kEntriesMax) {
      return Invalid(fmt::format("{} has more than {} entries; name the folders that are meant",
                                 folder.string(), kEntriesMax));
    }
  }
  if (error) return SystemError("read the folder " + folder.string(), error.value());
  std::sort(entries.begin(), entries.end());
  return entries;
}

Result<std::vector<fs::path>> ListJson(const fs::path& folder) {
  TRY_ASSIGN(auto entries, List(folder));
  std::erase_if(entries,
                [](const fs::path& path) { return path.extension() != ".json" || IsFolder(path); });
  return entries;
}

class Search {
 public:
  Result<void> Path(const std::string& given) {
    std::error_code error;
    fs::path path = fs::absolute(given.empty() ? "." : given, error).lexically_normal();
    if (error) return SystemError("path " + given, error.value());
    if (!path.has_filename() && path.has_parent_path()) path = path.parent_path();
    if (IsFile(path)) {
      if (path.filename() == service::kServiceFile) {
        services_.insert(path.parent_path().string());
      } else {
        graphs_.insert(path.string());
      }
      return {};
    }
    if (!IsFolder(path)) return NotFound(fmt::format("no file or folder {}", given));
    TRY_ASSIGN(bool found, Folder(path));
    if (found) return {};
    TRY_ASSIGN(const auto entries, List(path));
    for (const fs::path& entry : entries) {
      const bool skipped = std::find(kNotSearched.begin(), kNotSearched.end(),
                                     entry.filename().string()) != kNotSearched.end();
      if (skipped || !IsFolder(entry)) continue;
      TRY_ASSIGN(const bool found_here, Folder(entry));
      found = found || found_here;
    }
    if (found) return {};
    return NotFound(
        fmt::format("nothing to run in {}: neither it nor a folder in it has busker.toml, "
                    "configs/*.json or scheduler/configs/*.json",
                    path.string()));
  }

  Found Take() const {
    std::set<std::string> graphs = graphs_;
    for (const std::string& file : schedules_) graphs.erase(file);
    return {{services_.begin(), services_.end()},
            {graphs.begin(), graphs.end()},
            {looked_in_.begin(), looked_in_.end()},
            {schedules_.begin(), schedules_.end()}};
  }

 private:
  // Whether something is directly in the folder.
  Result<bool> Folder(const fs::path& folder) {
    bool found = false;
    looked_in_.insert(folder.string());
    for (const char* const within :
         {"configs", "scheduler", "scheduler/configs", "service", "service/configs"}) {
      if (IsFolder(folder / within)) looked_in_.insert((folder / within).string());
    }
    if (IsThere(folder / service::kServiceFile)) {
      services_.insert(folder.string());
      found = true;
    }
    if (service::IsWholeRepository(folder.string())) {
      services_.insert(folder.string());
      found = true;
      for (const auto& each : service::FindScheduleFiles(folder.string())) {
        schedules_.insert(each.path);
      }
    }
    TRY_ASSIGN(const auto configs, ListJson(folder / "configs"));
    for (const fs::path& config : configs) {
      found = true;
      // What is no file at all is no config either: it does not make the folder a service.
      if (service::IsGraphFile(config.string()) || !IsFile(config)) {
        graphs_.insert(config.string());
      } else {
        services_.insert(folder.string());
      }
    }
    // In scheduler/configs/ there is nothing else, so one that looks otherwise is told to be wrong.
    TRY_ASSIGN(const auto graphs, ListJson(folder / "scheduler" / "configs"));
    for (const fs::path& graph : graphs) graphs_.insert(graph.string());
    return found || !graphs.empty();
  }

  std::set<std::string> services_, graphs_, looked_in_, schedules_;
};

std::string_view TrimLeft(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

// What stands between quotes at the beginning of the text, behind `sign`; empty: nothing does.
std::string QuotedBehind(std::string_view text, char sign) {
  text = TrimLeft(text);
  if (!text.starts_with(sign)) return {};
  text = TrimLeft(text.substr(1));
  if (text.empty() || (text.front() != '"' && text.front() != '\'')) return {};
  const auto end = text.find(text.front(), 1);
  return std::string(end == std::string_view::npos ? "" : text.substr(1, end - 1));
}

// The `name` at the top of a busker.toml that cannot be read as a whole.
std::string NameIn(std::string_view text) {
  constexpr std::string_view kKey = "name";
  for (const std::string& line : Split(text, '\n')) {
    const std::string_view words = TrimLeft(line);
    if (words.starts_with('[')) break;
    if (!words.starts_with(kKey)) continue;
    if (std::string name = QuotedBehind(words.substr(kKey.size()), '='); IsName(name)) return name;
  }
  return {};
}

// The dag_id of a graph file that cannot be read as a whole.
std::string IdIn(std::string_view text) {
  constexpr std::string_view kKey = "\"dag_id\"";
  const auto at = text.find(kKey);
  return at == std::string_view::npos ? "" : QuotedBehind(text.substr(at + kKey.size()), ':');
}

}  // namespace

std::vector<std::string> Validate(const Found& found, const service::GateCheck& check_gate) {
  std::vector<std::string> faults;
  const bool several = found.service_folders.size() > 1;
  for (const std::string& folder : found.service_folders) {
    for (std::string& fault : service::Validate(folder, check_gate)) {
      faults.push_back(several ? folder + "/" + fault : std::move(fault));
    }
  }
  std::map<std::string, std::string> ids;  // dag_id -> path
  for (const std::string& path : found.graph_files) {
    for (std::string& fault : service::ValidateGraphFile(path)) faults.push_back(std::move(fault));
    const auto graph = service::LoadGraphFile(path);
    if (!graph) continue;
    const auto [first, is_new] = ids.emplace(graph->id, path);
    if (!is_new) {
      faults.push_back(fmt::format("{}: the dag_id {} is that of {} too; give one another name",
                                   path, service::Quoted(graph->id), first->second));
    }
  }
  return faults;
}

plan::GraphKey SeemsToDefine(const std::string& path) {
  const bool is_service = IsFolder(path);
  const auto text =
      service::ReadTextFile(is_service ? (fs::path(path) / service::kServiceFile).string() : path,
                            service::kGraphFileBytesMax);
  const std::string_view known = text && *text ? std::string_view(**text) : std::string_view();
  if (!is_service) return {"", IdIn(known)};
  const std::string name = NameIn(known);
  return {name.empty() ? service::NameFromFolder(fs::path(path).filename().string()) : name, ""};
}

Result<Found> Discover(const std::vector<std::string>& paths) {
  Search search;
  for (const std::string& path : paths) TRY(search.Path(path));
  return search.Take();
}

}  // namespace busker::catalogue
