#include "service/conventions.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/id.h"
#include "base/text.h"
#include "service/graph_file.h"
#include "service/placeholders.h"
#include "service/text_file.h"

namespace busker::service {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameBytesMax = 63;
constexpr std::size_t kSubmodulesBytesMax = 1u << 20;

bool IsFolder(const fs::path& path) {
  std::error_code ignored;  // what cannot be looked at is not there
  return fs::is_directory(path, ignored);
}

// Whether there is a config directly in the folder, which is none of graph files; also a pipe, or a
// link to nothing, in the place of one.
bool HasConfigs(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    std::error_code ignored;
    if (path.extension() == ".json" && !path.filename().string().starts_with('.') &&
        !entry->is_directory(ignored) && !IsGraphFile(path.string())) {
      return true;
    }
  }
  return false;
}

// As the .gitmodules of the repository that the folder is in says.
bool IsSubmodule(const fs::path& folder) {
  for (fs::path above = folder.parent_path();; above = above.parent_path()) {
    const auto text = ReadTextFile((above / ".gitmodules").string(), kSubmodulesBytesMax);
    if (text && *text) {
      const std::string path = folder.lexically_relative(above).string();
      for (const std::string& line : Split(**text, '\n')) {
        const std::size_t equals = line.find('=');
        if (equals != std::string::npos && Trim(line.substr(0, equals)) == "path" &&
            Trim(line.substr(equals + 1)) == path) {
          return true;
        }
      }
    }
    if (above == above.parent_path()) return false;
  }
}

}  // namespace

std::string NameFromFolder(const std::string& folder_name) {
  std::string name;
  for (char c : folder_name) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) continue;  // one '-' for a character, however many bytes it has
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    name += kept ? c : '-';
  }
  name.erase(0, std::min(name.find_first_not_of("-._"), name.size()));
  name = name.substr(0, kNameBytesMax);
  return name.empty() ? "service" : name;
}

bool IsWholeRepository(const std::string& root) {
  const fs::path folder = root;
  std::error_code ignored;
  return HasConfigs(folder / kProgramFolder / "configs") && !HasConfigs(folder / "configs") &&
         (IsFolder(folder / "scheduler" / "configs") ||
          fs::is_regular_file(folder / "container" / "Dockerfile", ignored));
}

bool IsProgramFolder(const fs::path& folder) {
  return folder.filename() == kProgramFolder && IsWholeRepository(folder.parent_path().string());
}

std::string ConventionalProgramFolder(const std::string& root) {
  return IsWholeRepository(root) ? kProgramFolder : "";
}

Result<std::vector<std::string>> FindConfigs(const std::string& root,
                                             const std::string& program_folder, Faults& faults) {
  const fs::path shown = fs::path(program_folder) / "configs";
  const fs::path folder = fs::path(root) / shown;
  std::vector<std::string> names;
  if (!IsFolder(folder)) return names;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path file = entry->path().filename();
    std::error_code ignored;
    if (file.extension() != ".json" || file.string().starts_with('.') ||
        entry->is_directory(ignored) || IsGraphFile(entry->path().string())) {
      continue;
    }
    if (!entry->is_regular_file(ignored)) {
      // Of configs/ itself, catalogue::Discover has it among the graph files, which are told.
      if (program_folder.empty()) continue;
      faults.Add((shown / file).string(), {},
                 entry->is_symlink(ignored) ? "a link to a file that is not there" : "not a file");
    }
    const std::string name = file.stem().string();
    if (IsName(name)) {
      names.push_back(name);
    } else {
      faults.Add(
          (shown / file).string(), {},
          fmt::format("{} cannot be the name of an action (a-z, 0-9, \".\", \"_\" and \"-\"); "
                      "rename the file or move it out of {}/",
                      Quoted(name), shown.string()));
    }
  }
  if (error) return SystemError("read the folder " + folder.string(), error.value());
  std::sort(names.begin(), names.end());
  return names;
}

Service ConventionalService(const std::string& root, const std::string& program_folder) {
  Service service;
  service.root = root;
  service.program_folder = program_folder;
  const fs::path folder = service.ProgramRoot();
  service.name = NameFromFolder(fs::path(root).filename().string());
  service.version = "1";
  if (IsFolder(folder / "source")) service.environment["PYTHONPATH"] = "source";
  if (IsFolder(folder / ".venv")) {
    service.environment["VIRTUAL_ENV"] = "${ROOT}/.venv";
    service.environment["PATH"] = "${ROOT}/.venv/bin:${PATH}";
  }
  return service;
}

void CheckSubmodules(const std::string& root, const std::string& program_folder, Faults& faults) {
  std::vector<fs::path> needed = {fs::path(program_folder) / "source"};
  if (!program_folder.empty()) {
    needed.emplace_back(program_folder);
  } else if (!HasConfigs(fs::path(root) / "configs")) {
    needed.emplace_back(kProgramFolder);
  }
  for (const fs::path& shown : needed) {
    std::error_code error;
    const fs::path folder = fs::path(root) / shown;
    const bool empty = IsFolder(folder) && fs::is_empty(folder, error) && !error;
    if (!empty || !IsSubmodule(folder)) continue;
    faults.Add(
        shown.string() + "/", {},
        fmt::format("the submodule is not checked out, and the folder is empty; git submodule "
                    "update --init {} gets what belongs there",
                    shown.string()));
  }
}

std::vector<std::string> ConventionalCommand() {
  return {"python",    "-m",       "prediction.main",       "--action",
          "${ACTION}", "--config", "configs/${ACTION}.json"};
}

Action ConventionalAction(const std::string& name, const std::string& service_name,
                          bool has_config) {
  Action action;
  action.name = name;
  action.command = ConventionalCommand();
  if (has_config) action.config = "configs/" + name + ".json";
  action.promotes = name == "training";
  if (name == "application") {
    action.input = Input::kLive;
    DeliverySetting delivery;
    delivery.file = "predictions.csv";
    delivery.table = TableWord(service_name) + ".predictions";
    action.deliveries = {delivery};
  }
  return action;
}

}  // namespace busker::service
