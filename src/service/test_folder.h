// A service's folder for a test, made of a few lines of text and gone afterwards.
#pragma once

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/test_folder.h"
#include "service/service.h"

namespace busker::service {

class TestFolder {
 public:
  // The service's folder is `name` within a temporary one.
  explicit TestFolder(const std::string& name = "churn",
                      const std::filesystem::path& within = std::filesystem::temp_directory_path())
      : outer_(within), root_(outer_ / name) {
    std::filesystem::create_directories(root_);
  }

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
  const io::TestFolder outer_;
  const std::filesystem::path root_;
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
