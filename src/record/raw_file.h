// A record's file, opened behind Busker's back. For tests only; for .cc files only.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace busker::record {

class RawFile {
 public:
  explicit RawFile(const std::filesystem::path& path) { sqlite3_open(path.c_str(), &handle_); }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;
  ~RawFile() { sqlite3_close(handle_); }

  void Run(const std::string& sql) {
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK)
        << sql << ": " << (message == nullptr ? "" : message);
    sqlite3_free(message);
  }

  // The first column of the first row, as text; empty: none.
  std::string Text(const std::string& sql) {
    std::string text;
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK) << sql;
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0) != nullptr) {
      text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    return text;
  }

 private:
  sqlite3* handle_ = nullptr;
};

// A folder with busker.db in it, to come.
class RecordFile : public testing::Test {
 protected:
  RecordFile() {
    std::string name = (std::filesystem::temp_directory_path() / "busker-record-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    path_ = folder_ / "busker.db";
  }
  ~RecordFile() override { std::filesystem::remove_all(folder_); }
  std::string Bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::filesystem::path folder_, path_;
};

}  // namespace busker::record
