// A service's folder for a test, made of a few lines of text and gone afterwards.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "service/service.h"

namespace busker::service {

class TestFolder {
 public:
  // The service's folder is `name` within a temporary one.
  explicit TestFolder(
      const std::string& name = "churn",
      const std::filesystem::path& within = std::filesystem::temp_directory_path()) {
    std::string made = (within / "service-test-XXXXXX").string();
    if (mkdtemp(made.data()) == nullptr) throw std::runtime_error("no temporary folder");
    outer_ = made;
    std::filesystem::create_directories(path(name));
    root_ = path(name);
  }
  ~TestFolder() { std::filesystem::remove_all(outer_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string root() const { return root_.string(); }

  TestFolder& Write(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file, std::ios::binary) << text;
    return *this;
  }
  TestFolder& MakeFolder(const std::string& folder) {
    std::filesystem::create_directories(root_ / folder);
    return *this;
  }
  TestFolder& Configs(const std::vector<std::string>& actions) {
    for (const auto& action : actions) Write("configs/" + action + ".json", "{}");
    return *this;
  }
  // busker.toml
  TestFolder& File(const std::string& text) { return Write("busker.toml", text); }

  // The message of LoadService; empty when it loads.
  std::string Fault() const {
    const auto service = LoadService(root());
    return service ? "" : service.error().message;
  }
  Service Load() const {
    auto service = LoadService(root());
    if (!service) throw std::runtime_error(service.error().message);
    return *service;
  }

 private:
  std::filesystem::path path(const std::string& name) const { return outer_ / name; }

  std::filesystem::path outer_, root_;
};

// The first fault of a service with this file, and with configs for training and application.
inline std::string FaultOf(const std::string& text) {
  TestFolder folder;
  folder.Configs({"training", "application"}).File(text);
  return folder.Fault();
}

inline Service ServiceOf(const std::string& text) {
  TestFolder folder;
  folder.Configs({"training", "application"}).File(text);
  return folder.Load();
}

}  // namespace busker::service
