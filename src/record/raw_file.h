// A record's file, opened behind Busker's back. For tests only; for .cc files only.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace busker::record {

class RawFile {
 public:
  explicit RawFile(const std::filesystem::path& path) { sqlite3_open(path.c_str(), &handle_); }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;
  ~RawFile() { sqlite3_close(handle_); }

  void Run(const std::string& sql) {
    EXPECT_TRUE(Try(sql)) << sql << ": " << sqlite3_errmsg(handle_);
  }

  // False: it was refused.
  bool Try(const std::string& sql) {
    return sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  }

  // The first column of the first row, as text; empty: none.
  std::string Text(const std::string& sql) {
    const std::vector<std::string> texts = Texts(sql, 0);
    return texts.empty() ? "" : texts.front();
  }

  // A column of all rows, as texts.
  std::vector<std::string> Texts(const std::string& sql, int column) {
    std::vector<std::string> texts;
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK) << sql;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      texts.emplace_back(text == nullptr ? "" : text);
    }
    sqlite3_finalize(statement);
    return texts;
  }

 private:
  sqlite3* handle_ = nullptr;
};

// A folder for a record's file, removed behind it (as io/test_folder.h, which this room does not
// see).
class RecordFolder {
 public:
  RecordFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "busker-record-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  RecordFolder(const RecordFolder&) = delete;
  RecordFolder& operator=(const RecordFolder&) = delete;
  ~RecordFolder() { std::filesystem::remove_all(folder_); }

  std::filesystem::path File() const { return folder_ / "busker.db"; }

 private:
  std::filesystem::path folder_;
};

// A test of a record's file, which is to come.
class RecordFile : public testing::Test {
 protected:
  std::string Bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  const RecordFolder folder_;
  const std::filesystem::path path_ = folder_.File();
};

}  // namespace busker::record
