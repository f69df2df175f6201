#include "service/conventions.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/id.h"
#include "service/graph_file.h"
#include "service/placeholders.h"

namespace busker::service {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameBytesMax = 63;

bool IsFolder(const fs::path& path) {
  std::error_code ignored;  // what cannot be looked at is not there
  return fs::is_directory(path, ignored);
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

Result<std::vector<std::string>> FindConfigs(const std::string& root, Faults& faults) {
  const fs::path folder = fs::path(root) / "configs";
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
    // A pipe, a link to nothing: catalogue::Discover has it among the graph files, which are told.
    if (!entry->is_regular_file(ignored)) continue;
    const std::string name = file.stem().string();
    if (IsName(name)) {
      names.push_back(name);
    } else {
      faults.Add(
          fmt::format("configs/{}", file.string()), {},
          fmt::format("{} cannot be the name of an action (a-z, 0-9, \".\", \"_\" and \"-\"); "
                      "rename the file or move it out of configs/",
                      Quoted(name)));
    }
  }
  if (error) return SystemError("read the folder " + folder.string(), error.value());
  std::sort(names.begin(), names.end());
  return names;
}

Service ConventionalService(const std::string& root) {
  Service service;
  service.root = root;
  service.name = NameFromFolder(fs::path(root).filename().string());
  service.version = "1";
  if (IsFolder(fs::path(root) / "source")) service.environment["PYTHONPATH"] = "source";
  if (IsFolder(fs::path(root) / ".venv")) {
    service.environment["VIRTUAL_ENV"] = "${ROOT}/.venv";
    service.environment["PATH"] = "${ROOT}/.venv/bin:${PATH}";
  }
  return service;
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
