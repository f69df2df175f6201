// A folder for one test, removed behind it. For tests only.
#pragma once

#include <stdlib.h>

#include <string>

#include "base/check.h"
#include "io/file.h"

namespace busker::io {

class TestFolder {
 public:
  explicit TestFolder(const fs::path& within = fs::temp_directory_path()) {
    std::string name = (within / "busker-test-XXXXXX").string();
    CHECK(mkdtemp(name.data()) != nullptr, "a test can make a folder");
    path_ = fs::canonical(name);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  const fs::path& path() const { return path_; }
  fs::path operator/(const fs::path& name) const { return path_ / name; }

  // Writes a file, with the folders above it.
  fs::path Write(const fs::path& name, std::string_view text) const {
    const fs::path file = path_ / name;
    fs::create_directories(file.parent_path());
    auto written = WriteFileAtomically(file, text);
    CHECK(written, "a test can write a file");
    return file;
  }

  std::string Read(const fs::path& name) const {
    return ReadFile(path_ / name, 1u << 30).value_or("(there is no " + name.string() + ")");
  }

 private:
  fs::path path_;
};

}  // namespace busker::io
