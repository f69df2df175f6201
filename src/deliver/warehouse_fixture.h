// What the tests of warehouses share: a place, files, requests, and answers as text. A back end
// plugs in with one line, in a file that includes this:
//
//   INSTANTIATE_TEST_SUITE_P(Embedded, WarehouseConformance, testing::Values(Backend{...}));
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "artifact/store.h"
#include "base/text.h"
#include "deliver/warehouse.h"
#include "io/digest.h"
#include "io/file.h"

namespace busker::deliver {

struct Backend {
  std::string name;
  // Opens the warehouse at a place that belongs to one test; the same folder is the same warehouse.
  std::function<Result<std::unique_ptr<Warehouse>>(const io::fs::path& folder)> open;
  // All rows of a table, asked for in the warehouse's own SQL, in any order. The values are text in
  // one form for all warehouses: 100000.0, inf and nan for FLOAT64, as many decimals for NUMERIC as
  // it keeps, 2026-02-03 10:00:00.5 for DATETIME, the same with +00 behind it for TIMESTAMP, base64
  // for BYTES.
  std::function<Result<Answer>(Warehouse& warehouse, const std::string& table)> rows;
  // The store that it takes files from; none: any, a folder below that of the test.
  std::function<Result<std::unique_ptr<artifact::Store>>(const io::fs::path& folder)> files = {};
  bool takes_any_name = true;    // of a column
  bool takes_empty_rows = true;  // an empty line of a file with one column is a row
};
inline void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }

// DuckDB's library, where script/setup puts it, unless the environment says otherwise.
inline io::fs::path DuckdbPath() {
  const char* const path = std::getenv("BUSKER_DUCKDB");
  return path != nullptr ? path : BUSKER_DUCKDB_PATH;
}

class WarehouseTest {
 public:
  explicit WarehouseTest(
      const std::function<Result<std::unique_ptr<artifact::Store>>(const io::fs::path&)>& files =
          {})
      : folder_(io::TemporaryPath(io::fs::temp_directory_path(), "warehouse-test")),
        files_(files ? *files(place())
                     : *artifact::OpenStore("file://" + (folder_ / "files").string())) {}
  ~WarehouseTest() { EXPECT_TRUE(io::RemoveTree(folder_)); }
  WarehouseTest(const WarehouseTest&) = delete;
  WarehouseTest& operator=(const WarehouseTest&) = delete;

  const io::fs::path& folder() const { return folder_; }
  io::fs::path place() const { return folder_ / "warehouse"; }

  artifact::Store& files() { return *files_; }

  Source Csv(const std::string& text) {
    const std::string key = "predictions-" + std::to_string(++count_) + ".csv";
    EXPECT_TRUE(files_->PutText(key, text, artifact::ForFiles()));
    return {files_.get(), key, "", io::DigestOf(text)};
  }
  io::fs::path PathOf(const Source& source) const { return folder_ / "files" / source.key; }

  // A delivery of `csv` to game.predictions, for day `day` of August 2019.
  Request Asking(const std::string& id, const std::string& csv, int day = 1) {
    Request request;
    request.id = id;
    request.table = "game.predictions";
    request.source = Csv(csv);
    request.data_date =
        day < 10 ? "2019-08-0" + std::to_string(day) : "2019-08-" + std::to_string(day);
    request.scheduled_at = *ParseRfc3339(request.data_date + "T07:00:00Z");
    request.run = "run-" + id;
    request.service = "churn";
    request.model_version = "churn/2019-07-01/training/20190801T000000Z";
    return request;
  }

 private:
  io::fs::path folder_;
  std::unique_ptr<artifact::Store> files_;
  int count_ = 0;
};

inline std::vector<std::string> LinesOf(const Answer& answer) {
  std::vector<std::string> lines;
  for (const auto& row : answer.rows) {
    std::string& line = lines.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += (i == 0 ? "" : ",") + (row[i].kind == Value::Kind::kNull ? "NULL" : row[i].text);
    }
  }
  return lines;
}

inline std::string TextOf(const Result<Answer>& answer) {
  return answer ? Join(LinesOf(*answer), "; ") : "error: " + answer.error().message;
}

// The rows of a table have no order: so they are compared in that of their text.
inline std::string SortedTextOf(const Result<Answer>& answer) {
  if (!answer) return "error: " + answer.error().message;
  std::vector<std::string> lines = LinesOf(*answer);
  std::sort(lines.begin(), lines.end());
  return Join(lines, "; ");
}

inline std::string TextOf(const std::vector<Column>& columns) {
  std::string text;
  for (const Column& column : columns)
    text += (text.empty() ? "" : ", ") + column.name + " " + column.type;
  return text;
}

#define EXPECT_ERROR(result, expected_kind, part)                                            \
  do {                                                                                       \
    const auto& expected_error = (result);                                                   \
    ASSERT_FALSE(expected_error.has_value());                                                \
    EXPECT_EQ(expected_error.error().kind, expected_kind) << expected_error.error().message; \
    EXPECT_NE(expected_error.error().message.find(part), std::string::npos)                  \
        << "the message is: " << expected_error.error().message;                             \
  } while (false)

class WarehouseConformance : public testing::TestWithParam<Backend>, public WarehouseTest {
 protected:
  WarehouseConformance() : WarehouseTest(GetParam().files) {}
  void SetUp() override { Reopen(); }
  void Reopen() {
    auto opened = GetParam().open(place());
    ASSERT_TRUE(opened) << opened.error().message;
    warehouse_ = *std::move(opened);
  }
  Warehouse& warehouse() { return *warehouse_; }
  std::string Ask(const std::string& sql) { return TextOf(warehouse_->Query(sql, 1000)); }
  std::string Rows() { return SortedTextOf(GetParam().rows(warehouse(), "game.predictions")); }
  Delivery Deliver(const Request& request) {
    auto delivery = warehouse_->Deliver(request);
    EXPECT_TRUE(delivery) << delivery.error().message;
    return delivery ? *delivery : Delivery{};
  }
  // That the delivery fails with a message that holds `part`, and that the table stays as it is.
  void ExpectRefused(const Request& request, const std::string& part,
                     ErrorKind kind = ErrorKind::kInvalid) {
    const std::string before = Rows();
    const std::size_t deliveries = warehouse_->Deliveries()->size();
    EXPECT_ERROR(warehouse_->Deliver(request), kind, part);
    EXPECT_EQ(Rows(), before);
    EXPECT_EQ(warehouse_->Deliveries()->size(), deliveries);
  }
  void ExpectFileRefused(const std::string& csv, const std::string& part,
                         std::vector<Column> schema = {}) {
    Request request = Asking("refused", csv, 30);
    request.schema = std::move(schema);
    ExpectRefused(request, part);
  }

 private:
  std::unique_ptr<Warehouse> warehouse_;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WarehouseConformance);

}  // namespace busker::deliver
