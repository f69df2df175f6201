// What every warehouse promises, as tests. A back end plugs in with one line:
//
//   INSTANTIATE_TEST_SUITE_P(Embedded, WarehouseConformance, testing::Values(Backend{...}));
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "deliver/warehouse.h"
#include "io/digest.h"
#include "io/file.h"

namespace busker::deliver {

struct Backend {
  std::string name;
  // Opens the warehouse at a place that belongs to one test; the same folder is the same warehouse.
  std::function<Result<std::unique_ptr<Warehouse>>(const io::fs::path& folder)> open;
};
inline void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }

class WarehouseTest {
 public:
  WarehouseTest() : folder_(io::TemporaryPath(io::fs::temp_directory_path(), "warehouse-test")) {
    EXPECT_TRUE(io::MakeFolders(folder_));
  }
  ~WarehouseTest() { EXPECT_TRUE(io::RemoveTree(folder_)); }
  WarehouseTest(const WarehouseTest&) = delete;
  WarehouseTest& operator=(const WarehouseTest&) = delete;

  const io::fs::path& folder() const { return folder_; }
  io::fs::path place() const { return folder_ / "warehouse"; }

  io::fs::path Csv(const std::string& text) {
    const io::fs::path path = folder_ / ("predictions-" + std::to_string(++files_) + ".csv");
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  // A delivery of `csv` to game.predictions, for day `day` of August 2019.
  Request Asking(const std::string& id, const std::string& csv, int day = 1) {
    Request request;
    request.id = id;
    request.table = "game.predictions";
    request.file = Csv(csv);
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
  int files_ = 0;
};

inline std::string TextOf(const Result<Answer>& answer) {
  if (!answer) return "error: " + answer.error().message;
  std::string text;
  for (const auto& row : answer->rows) {
    if (!text.empty()) text += "; ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += (i == 0 ? "" : ",") + (row[i].kind == Value::Kind::kNull ? "NULL" : row[i].text);
    }
  }
  return text;
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
  void SetUp() override { Reopen(); }
  void Reopen() {
    auto opened = GetParam().open(place());
    ASSERT_TRUE(opened) << opened.error().message;
    warehouse_ = *std::move(opened);
  }
  Warehouse& warehouse() { return *warehouse_; }
  std::string Ask(const std::string& sql) { return TextOf(warehouse_->Query(sql, 1000)); }
  std::string Rows() { return Ask("SELECT * FROM game.predictions ORDER BY ALL"); }
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

// ---- what arrives

TEST_P(WarehouseConformance, DeliversAFileAndRemembersWhoDidIt) {
  Request request = Asking("one", "player_id,label\na,true\nb,false\n");
  request.schema = {{"player_id", "string"}, {"label", "BOOLEAN"}};
  request.file_sha256 = io::DigestFile(request.file)->sha256;
  const Delivery delivery = Deliver(request);
  EXPECT_EQ(delivery.rows, 2U);
  EXPECT_EQ(delivery.table_rows, 2U);
  EXPECT_EQ(TextOf(delivery.columns), "player_id STRING, label BOOL");
  EXPECT_TRUE(delivery.current);
  EXPECT_EQ(Rows(), "a,true; b,false");

  Reopen();
  const auto deliveries = warehouse().Deliveries("game.predictions");
  ASSERT_TRUE(deliveries);
  ASSERT_EQ(deliveries->size(), 1U);
  const Delivery& kept = deliveries->front();
  EXPECT_EQ(kept.id, "one");
  EXPECT_EQ(kept.run, "run-one");
  EXPECT_EQ(kept.service, "churn");
  EXPECT_EQ(kept.model_version, "churn/2019-07-01/training/20190801T000000Z");
  EXPECT_EQ(kept.file_sha256, request.file_sha256);
  EXPECT_EQ(kept.data_date, "2019-08-01");
  EXPECT_EQ(kept.scheduled_at, request.scheduled_at);
  EXPECT_EQ(kept.snapshot_sha256, delivery.snapshot_sha256);
  EXPECT_EQ(kept.delivered_at, delivery.delivered_at);
  EXPECT_TRUE(kept.current);
  EXPECT_TRUE(warehouse().Deliveries("game.other")->empty());
  EXPECT_TRUE(warehouse().Check()->empty());
}

TEST_P(WarehouseConformance, GivesTheTableTheOrderOfTheSchema) {
  Request request = Asking("one", "label,player_id\n1,a\n");
  request.schema = {{"player_id", "STRING"}, {"label", "INT64"}};
  Deliver(request);
  EXPECT_EQ(Rows(), "a,1");
}

TEST_P(WarehouseConformance, KeepsValuesOfEveryType) {
  Request request = Asking(
      "one",
      "s,y,b,i,f,n,d,t,dt,ts,j\n"
      "\"a \"\"b\"\", c\nd\",AAH/,t,-9223372036854775808,0.1,12345678901234567890.123456789,"
      "2019-08-01,07:30:00,2019-08-01T07:30:00.5,2019-08-01 07:30:00+02:00,\"{\"\"a\"\": 1}\"\n"
      ",,,,,,,,,,\n");
  request.schema = {{"s", "STRING"},    {"y", "BYTES"},      {"b", "BOOL"}, {"i", "INTEGER"},
                    {"f", "FLOAT64"},   {"n", "NUMERIC"},    {"d", "DATE"}, {"t", "TIME"},
                    {"dt", "DATETIME"}, {"ts", "TIMESTAMP"}, {"j", "JSON"}};
  Deliver(request);
  EXPECT_EQ(Ask("SELECT s, b, i, f, n, d, t, dt, j FROM game.predictions WHERE s IS NOT NULL"),
            "a \"b\", "
            "c\nd,true,-9223372036854775808,0.1,12345678901234567890.123456789,2019-08-01,07:30:00,"
            "2019-08-01 07:30:00.5,{\"a\": 1}");
  EXPECT_EQ(Ask("SELECT ts = '2019-08-01T05:30:00Z', octet_length(y) FROM game.predictions WHERE s "
                "IS NOT NULL"),
            "true,3");
  EXPECT_EQ(Ask("SELECT * FROM game.predictions WHERE s IS NULL"),
            "NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL");
}

TEST_P(WarehouseConformance, InfersTypesFromAllRows) {
  std::string csv = "i,f,b,d,ts,s,late\n";
  for (int i = 0; i < 30000; ++i) csv += "1,0.5,true,2019-08-01,2019-08-01 10:00:00,x,7\n";
  csv += "2,1,false,2019-08-02,2019-08-02 10:00:00,y,7.5\n";
  EXPECT_EQ(TextOf(Deliver(Asking("one", csv)).columns),
            "i INT64, f FLOAT64, b BOOL, d DATE, ts DATETIME, s STRING, late FLOAT64");
  EXPECT_EQ(Ask("SELECT sum(late) FROM game.predictions"), "210007.5");
}

TEST_P(WarehouseConformance, InfersAFractionThatComesLate) {
  std::string csv = "id,value\n";
  for (int i = 0; i < 30000; ++i) csv += "1,7\n";
  csv += "2,7.5\n";
  EXPECT_EQ(TextOf(Deliver(Asking("one", csv)).columns), "id INT64, value FLOAT64");
  EXPECT_EQ(Ask("SELECT sum(value) FROM game.predictions"), "210007.5");
}

// Ids of 20 digits became FLOAT64, and different ones the same; others became dates, infinities, truth values.
TEST_P(WarehouseConformance, InfersNothingThatDoesNotGiveTheTextBack) {
  const auto type_of = [&](const std::vector<std::string>& texts) {
    std::string csv = "v,n\n";
    for (const std::string& text : texts) csv += text + ",1\n";
    static int number = 0;
    const Delivery delivery = Deliver(Asking("d" + std::to_string(++number), csv));
    if (delivery.columns.empty()) return std::string("refused");
    if (delivery.columns[0].type == "STRING") {
      std::string all;
      for (const std::string& text : texts) all += (all.empty() ? "" : "; ") + text;
      EXPECT_EQ(Ask("SELECT v FROM game.predictions"), all);
    }
    return delivery.columns[0].type;
  };
  for (const std::vector<std::string>& texts : std::vector<std::vector<std::string>>{
           {"18446744073709551615", "18446744073709551614", "12345678901234567890"},
           {"1", "9223372036854775808"},
           {"-9223372036854775809"},
           {"007", "008"},
           {"+46701234567"},
           {"1_000"},
           {"0x1F"},
           {"-0", "1"},
           {"1E5", "2E7"},
           {"12e4"},
           {"1e400", "0.5"},
           {"1e-400", "0.5"},
           {"1.9", "1.10"},
           {".5", ".25"},
           {"5.", "0.5"},
           {"0.1234567890123456789012"},
           {"9007199254740993", "0.5"},
           {"nan", "inf"},
           {"1", "inf"},
           {" 5", "6"},
           {"1-2-3", "12-5-7"},
           {"99-12-31"},
           {"2026-2-3"},
           {"2026-02-30"},
           {"0000-01-01"},
           {"infinity", "2026-02-03"},
           {"epoch"},
           {"2026-02-03", "2026-02-03 10:00:00"},
           {"10:05", "9:30"},
           {"1:2:3"},
           {"10:5:30"},
           {"24:00:00"},
           {"2026/01/01 10:00:00"},
           {"2026-01-01 1:2:3"},
           {"2026-01-01 10:00:00 PST"},
           {"2026-01-01 10:00:00 Europe/Berlin"},
           {"2026-01-01 10:00:00.123456789"},
           {"2026-01-01 10:00:00", "2026-01-01 10:00:00Z"},
           {"2026-01-01 10:00:00", "2026-01-01T10:00:00"},
           {"-0044-03-15"},
           {"yes", "no"},
           {"t", "f"},
           {"true", "1"},
           {"false", "unsure"}}) {
    EXPECT_EQ(type_of(texts), "STRING") << texts[0];
  }
  const auto expect = [&](const std::string& type, const std::vector<std::string>& texts) {
    EXPECT_EQ(type_of(texts), type) << texts[0];
  };
  expect("INT64", {"9007199254740993", "-9223372036854775808", "9223372036854775807", "0"});
  expect("FLOAT64", {"0.1", "1e-05", "0.30000000000000004", "1.0", "1e+16", "-0.0", "3"});
  expect("FLOAT64", {"0.10", "0.25", "12.00"});
  expect("FLOAT64", {"1.000000000000000056e-01", "0.10000000000000001", "1.7976931348623157e308", "5e-324"});
  expect("FLOAT64", {"1.0E10", "2.5E-7", "NaN"});
  expect("FLOAT64", {"0.5", "nan", "-inf"});
  expect("BOOL", {"true", "False", "TRUE"});
  expect("DATE", {"2026-02-03", "9999-12-31", "0001-01-01"});
  expect("TIME", {"10:00:00", "23:59:59.5"});
  expect("DATETIME", {"2026-02-03T10:00:00", "2026-02-03T10:00:00.25"});
  expect("DATETIME", {"2026-02-03 10:00"});
  expect("TIMESTAMP", {"2026-01-01 10:00:00 UTC"});
  expect("TIMESTAMP", {"2026-03-28 10:00:00+01:00", "2026-03-30 10:00:00+02:00"});
  expect("TIMESTAMP", {"2026-01-01T10:00:00Z", "2026-01-01T10:00:00.5Z"});
}

TEST_P(WarehouseConformance, TakesWhatASurpriseInALateRowSays) {
  for (const std::string surprise : {"007", "x", "1.5", "9223372036854775808", "\"\"", "12-5-7"}) {
    std::string csv = "v,day,score\n";
    for (int i = 0; i < 120'000; ++i) csv += "7,2026-02-03,0.5\n";
    csv += surprise + ",x,1_000\n";
    const std::string expected =
        surprise == "1.5" ? "FLOAT64" : surprise == "\"\"" ? "INT64" : "STRING";
    EXPECT_EQ(TextOf(Deliver(Asking("d" + io::Sha256Of(surprise), csv)).columns),
              "v " + expected + ", day STRING, score STRING");
    EXPECT_EQ(Ask("SELECT v, day, score FROM game.predictions WHERE day <> '2026-02-03'"),
              (surprise == "\"\"" ? "NULL" : surprise) + ",x,1_000");
  }
}

// A quoted missing value, as R and pandas write it, failed a column of numbers or turned it to text.
TEST_P(WarehouseConformance, TakesQuotedBlanksForNoValueWhereTheColumnIsNoText) {
  const std::string csv =
      "\"b\",\"i\",\"f\",\"n\",\"d\",\"t\",\"dt\",\"ts\",\"j\",\"y\",\"s\"\n"
      "\"true\",\"1\",\"0.5\",\"1.5\",\"2019-08-01\",\"10:00:00\",\"2019-08-01 10:00:00\","
      "\"2019-08-01 10:00:00Z\",\"[1]\",\"AAH/\",\"x\"\n"
      "\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"\n";
  const std::string blank = "SELECT * FROM game.predictions WHERE s = ''";
  const std::string expected = "NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,";
  Request request = Asking("one", csv);
  request.schema = {{"b", "BOOL"},  {"i", "INT64"},     {"f", "FLOAT64"},    {"n", "NUMERIC"},
                    {"d", "DATE"},  {"t", "TIME"},      {"dt", "DATETIME"}, {"ts", "TIMESTAMP"},
                    {"j", "JSON"},  {"y", "BYTES"},     {"s", "STRING"}};
  Deliver(request);
  EXPECT_EQ(Ask(blank), expected);
  EXPECT_EQ(Ask("SELECT count(*) FROM game.predictions WHERE i = 1 AND f = 0.5 AND b"), "1");
  EXPECT_EQ(TextOf(Deliver(Asking("two", "id,score\n\"1\",\"0.5\"\n\"2\",\"\"\n")).columns),
            "id INT64, score FLOAT64");
  EXPECT_EQ(Rows(), "1,0.5; 2,NULL");
  ExpectFileRefused("i,f\n\"\",0.5\n\"1.5\",0.5\n", "row 2 (line 3), column \"i\": \"1.5\" is no INT64",
                    {{"i", "INT64"}, {"f", "FLOAT64"}});
}

// A day without rows turned every column of the table to text.
TEST_P(WarehouseConformance, KeepsTheTypesOfColumnsWithoutValues) {
  Deliver(Asking("one", "id,score,day\n1,0.5,2019-08-01\n"));
  Request request = Asking("two", "id,score,day\n", 2);
  request.rows_min = 0;
  EXPECT_EQ(TextOf(Deliver(request).columns), "id INT64, score FLOAT64, day DATE");
  EXPECT_EQ(TextOf(Deliver(Asking("three", "id,day,new\n2,,\"\"\n", 3)).columns),
            "id INT64, day DATE, new STRING");
}

TEST_P(WarehouseConformance, TellsAnEmptyTextFromNoValue) {
  Deliver(Asking("one", "id,s\n1,\n2,\"\"\n3,x\n"));
  EXPECT_EQ(Ask("SELECT id, s IS NULL FROM game.predictions ORDER BY id"),
            "1,true; 2,false; 3,false");
}

TEST_P(WarehouseConformance, TakesWindowsLineEndsByteOrderMarkAndMissingLastLineEnd) {
  Deliver(Asking("one", "\xEF\xBB\xBFid,s\r\n1,\"x\r\ny\"\r\n2,z"));
  EXPECT_EQ(Rows(), "1,x\r\ny; 2,z");
  Deliver(Asking("two", "\xEF\xBB\xBF\"id\",\"s\"\n3,\"\"\"q\"\"\"\n\n4,5\" pipe\n", 2));
  EXPECT_EQ(Rows(), "3,\"q\"; 4,5\" pipe");
}

TEST_P(WarehouseConformance, TakesNamesThatNeedQuoting) {
  Deliver(Asking("one", "\"a \"\"b\"\"\",it's,select,\"c,d\"\n1,2,3,4\n"));
  EXPECT_EQ(Ask("SELECT \"a \"\"b\"\"\", \"it's\", \"select\", \"c,d\" FROM game.predictions"),
            "1,2,3,4");
}

TEST_P(WarehouseConformance, CountsEmptyLinesOfASingleColumnAsRows) {
  EXPECT_EQ(Deliver(Asking("one", "s\nx\n\ny\n")).rows, 3U);
}

// ---- ways to write

TEST_P(WarehouseConformance, ReplacesTheTable) {
  Deliver(Asking("one", "id\n1\n2\n"));
  const Delivery second = Deliver(Asking("two", "other\nx\n", 2));
  EXPECT_EQ(second.table_rows, 1U);
  EXPECT_EQ(Rows(), "x");
  EXPECT_FALSE(warehouse().Deliveries()->front().current);
}

TEST_P(WarehouseConformance, AppendsToTheTable) {
  for (const std::string id : {"1", "2", "3"}) {
    Request request = Asking("d" + id, "id,p\n" + id + ",0." + id + "\n");
    request.write = Write::kAppend;
    EXPECT_EQ(Deliver(request).table_rows, std::stoull(id));
  }
  EXPECT_EQ(Rows(), "1,0.1; 2,0.2; 3,0.3");
}

TEST_P(WarehouseConformance, RefusesToAppendOtherColumnsAndNamesTheDifference) {
  Request request = Asking("one", "id,p\n1,0.5\n");
  request.schema = {{"id", "INT64"}, {"p", "FLOAT64"}};
  Deliver(request);
  request = Asking("two", "id,q\n1,0.5\n");
  request.write = Write::kAppend;
  ExpectRefused(request, "\"p\"");
  request = Asking("two", "id,p\n1,x\n");
  request.write = Write::kAppend;
  request.schema = {{"id", "INT64"}, {"p", "STRING"}};
  ExpectRefused(request, "column \"p\" is FLOAT64 in the table and STRING in the delivery");
  request = Asking("two", "p,id\n1,2\n");  // another order is no difference, and 1 is a FLOAT64
  request.write = Write::kAppend;
  Deliver(request);
  EXPECT_EQ(Ask("SELECT id, p FROM game.predictions ORDER BY id"), "1,0.5; 2,1.0");
}

TEST_P(WarehouseConformance, ReplacesOnePartition) {
  const auto partition = [&](const std::string& id, const std::string& csv, int day) {
    Request request = Asking(id, csv, day);
    request.write = Write::kPartition;
    return Deliver(request);
  };
  EXPECT_EQ(TextOf(partition("one", "id\n1\n", 1).columns), "id INT64, data_date DATE");
  partition("two", "id\n2\n", 2);
  EXPECT_EQ(partition("again", "id\n11\n12\n", 1).table_rows, 3U);
  EXPECT_EQ(Ask("SELECT id, data_date FROM game.predictions ORDER BY id"),
            "2,2019-08-02; 11,2019-08-01; 12,2019-08-01");
}

TEST_P(WarehouseConformance, RefusesAPartitionOfATableThatHasNone) {
  Deliver(Asking("one", "id\n1\n"));
  Request request = Asking("two", "id\n2\n", 2);
  request.write = Write::kPartition;
  ExpectRefused(request, "not partitioned");
  request.table = "game.others";
  request.file = Csv("id,Data_Date\n1,2019-01-01\n");
  ExpectRefused(request, "data_date");
}

TEST_P(WarehouseConformance, NeverPutsAnOlderDateInPlaceOfANewerOne) {
  Deliver(Asking("new", "id\n1\n", 5));
  Request old = Asking("old", "id\n2\n", 4);
  ExpectRefused(old, "--force");
  ExpectRefused(old, "2019-08-05T07:00:00Z");
  old.force = true;
  Deliver(old);
  EXPECT_EQ(Rows(), "2");
  Deliver(Asking("same", "id\n3\n", 4));
  EXPECT_EQ(Rows(), "3");
}

TEST_P(WarehouseConformance, BackfillsPartitionsInAnyOrder) {
  for (const int day : {5, 3, 4}) {
    Request request = Asking("d" + std::to_string(day), "id\n1\n", day);
    request.write = Write::kPartition;
    Deliver(request);
  }
  Request late = Asking("late", "id\n2\n", 5);
  late.write = Write::kPartition;
  late.scheduled_at -= std::chrono::hours(1);
  ExpectRefused(late, "--force");
}

// ---- the same delivery twice, and undo

TEST_P(WarehouseConformance, DeliversOnceForOneId) {
  Request request = Asking("one", "id\n1\n");
  request.write = Write::kAppend;
  const Delivery first = Deliver(request);
  const Delivery second = Deliver(request);
  EXPECT_EQ(second.delivered_at, first.delivered_at);
  EXPECT_EQ(second.snapshot_sha256, first.snapshot_sha256);
  EXPECT_EQ(Rows(), "1");
  EXPECT_EQ(warehouse().Deliveries()->size(), 1U);
  request.table = "game.others";
  ExpectRefused(request, "game.predictions");
}

TEST_P(WarehouseConformance, UndoesADelivery) {
  Deliver(Asking("one", "id\n1\n"));
  Deliver(Asking("two", "id,p\n2,x\n", 2));
  const auto undone = warehouse().Undo("two");
  ASSERT_TRUE(undone) << undone.error().message;
  EXPECT_TRUE(undone->undone_at);
  EXPECT_FALSE(undone->current);
  EXPECT_EQ(undone->table_rows, 1U);
  EXPECT_EQ(TextOf(undone->columns), "id INT64");
  EXPECT_EQ(Rows(), "1");
  EXPECT_TRUE(warehouse().Deliveries()->front().current);
  EXPECT_ERROR(warehouse().Undo("two"), ErrorKind::kInvalid, "already");
  ExpectRefused(Asking("two", "id\n2\n", 2), "undone");
  Deliver(Asking("three", "id\n3\n", 2));
  EXPECT_EQ(Rows(), "3");
  EXPECT_TRUE(warehouse().Check()->empty());
}

TEST_P(WarehouseConformance, NamesTheLaterDeliveryThatHasToBeUndoneFirst) {
  Deliver(Asking("one", "id\n1\n"));
  Deliver(Asking("two", "id\n2\n", 2));
  EXPECT_ERROR(warehouse().Undo("one"), ErrorKind::kInvalid, "two");
  ASSERT_TRUE(warehouse().Undo("two"));
  ASSERT_TRUE(warehouse().Undo("one"));
  EXPECT_ERROR(warehouse().Undo("never"), ErrorKind::kNotFound, "never");
  EXPECT_ERROR(warehouse().Undo("../x"), ErrorKind::kNotFound, "../x");
}

TEST_P(WarehouseConformance, HasNoTableOnceItsOnlyDeliveryIsUndone) {
  // What undo returned were the rows of the delivery, as if the table still had them.
  Deliver(Asking("one", "id\n1\n"));
  const auto undone = warehouse().Undo("one");
  ASSERT_TRUE(undone) << undone.error().message;
  EXPECT_EQ(undone->table_rows, 0U);
  EXPECT_TRUE(undone->columns.empty());
  EXPECT_FALSE(warehouse().Query("SELECT * FROM game.predictions", 1));
  Deliver(Asking("two", "name\nx\n"));
  EXPECT_EQ(Rows(), "x");
}

TEST_P(WarehouseConformance, UndoesOneOfSeveralAppendsAndPartitions) {
  for (const std::string id : {"1", "2", "3"}) {
    Request request = Asking("a" + id, "id\n" + id + "\n");
    request.write = Write::kAppend;
    Deliver(request);
  }
  ASSERT_TRUE(warehouse().Undo("a2"));
  EXPECT_EQ(Rows(), "1; 3");
  Request other = Asking("r", "name\nx\n");
  Deliver(other);
  other = Asking("s", "name\ny\n");
  other.write = Write::kAppend;
  Deliver(other);
  EXPECT_ERROR(warehouse().Undo("r"), ErrorKind::kInvalid, "delivery s");
  ASSERT_TRUE(warehouse().Undo("s"));
  ASSERT_TRUE(warehouse().Undo("r"));
  EXPECT_EQ(Rows(), "1; 3");
}

// ---- files that are wrong

TEST_P(WarehouseConformance, LeavesTheTableAsItWasWhenAValueIsBad) {
  Deliver(Asking("one", "id,label\n1,true\n"));
  const std::vector<Column> schema = {{"id", "INT64"}, {"label", "BOOL"}};
  ExpectFileRefused("id,label\n1,true\nx2,false\n",
                    "row 2 (line 3), column \"id\": \"x2\" is no INT64", schema);
  ExpectFileRefused("id,label\n1,true\n2,maybe\n",
                    "row 2 (line 3), column \"label\": \"maybe\" is no BOOL", schema);
  ExpectFileRefused("id,label\n1,true\n2.5,true\n",
                    "row 2 (line 3), column \"id\": \"2.5\" is no INT64", schema);
  ExpectFileRefused("id,label\n15e-1,true\n", "\"15e-1\" is no INT64", schema);
  ExpectFileRefused("id,label\n9223372036854775808,true\n", "is no INT64", schema);
}

TEST_P(WarehouseConformance, SaysWhereABadValueIs) {
  Deliver(Asking("one", "id,label\n1,true\n"));
  ExpectFileRefused("s,i\n\"two\nlines\",1\n\n\"x\",1.5\n",
                    "row 2 (line 5), column \"i\": \"1.5\" is no INT64",
                    {{"s", "STRING"}, {"i", "INT64"}});
  const auto bad = [&](const std::string& type, const std::string& value) {
    ExpectFileRefused("v\n" + value + "\n",
                      "row 1 (line 2), column \"v\": \"" + value + "\" is no " + type,
                      {{"v", type}});
  };
  bad("DATE", "2019-02-30");
  bad("DATE", "01/02/2019");
  bad("DATE", "2019-08-01 10:00:00");
  bad("DATETIME", "2019-08-01T10:00:00+02:00");
  bad("DATETIME", "2019-08-01x");
  bad("TIMESTAMP", "2019-08-01x");
  bad("TIMESTAMP", "2019-13-01 10:00:00Z");
  bad("TIME", "25:00:00");
  bad("TIME", "10:00:00x");
  bad("FLOAT64", "1;5");
  bad("NUMERIC", "twelve");
  bad("BYTES", "@@");
  bad("JSON", "{");
}

// infinity and epoch became the day 1900-01-01, 26-02-03 the year 26, 1e400 infinity, and 1_000 1000.
TEST_P(WarehouseConformance, RefusesValuesThatTheTypeDoesNotHave) {
  Deliver(Asking("one", "id\n1\n"));
  const auto refused = [&](const std::string& type, const std::string& value) {
    std::string quoted = "\"";
    for (const char c : value) quoted += c == '"' ? std::string(2, c) : std::string(1, c);
    ExpectFileRefused("id,v\n1,\n2," + quoted + "\"\n",
                      "row 2 (line 3), column \"v\": \"" + value + "\" is no " + type,
                      {{"id", "INT64"}, {"v", type}});
  };
  for (const char* value : {"infinity", "-infinity", "Infinity", "INFINITY", "epoch", "Epoch", " infinity ",
                            "26-02-03", "026-02-03", "0000-01-01", "12026-02-03", "2026-02-03x",
                            "2026/02/03", "0044-03-15 (BC)", "today"}) {
    refused("DATE", value);
  }
  for (const char* value : {"1e400", "-1e999", "1_000.5", "0x10", "1e+400", "infinite"}) refused("FLOAT64", value);
  for (const char* value : {"1_000", "1.5", "1e30", "inf", "9223372036854775808"}) refused("INT64", value);
  for (const char* value : {"1_000", "inf", "nan", "1e400"}) refused("NUMERIC", value);
  for (const char* value : {"24:00:00", "25:00", "infinity", "epoch"}) refused("TIME", value);
  for (const char* type : {"DATETIME", "TIMESTAMP"}) {
    for (const char* value : {"infinity", "epoch", "26-02-03 10:00:00", "0000-01-01", "2026-02-03 24:00:00"}) {
      refused(type, value);
    }
  }
  refused("TIMESTAMP", "2026-02-03 10:00:00+99:00");
  for (const char* value :
       {"{\"p\": NaN}", "Infinity", "nan", "inf", "-Infinity", "[NaN]", "[1,]", "{\"a\":1,}", "[1 , ]", "{a:1}",
        "01", "+1", ".5", "1.", "'a'", " ", "[\"\\\\\",NaN]"}) {
    refused("JSON", value);
  }
}

TEST_P(WarehouseConformance, TakesTheSpellingsThatATypeHas) {
  const auto taken = [&](const std::string& type, const std::string& value, const std::string& shown) {
    static int number = 0;
    std::string quoted = "\"";
    for (const char c : value) quoted += c == '"' ? std::string(2, c) : std::string(1, c);
    Request request = Asking("t" + std::to_string(++number), "id,v\n1,\n2," + quoted + "\"\n");
    request.schema = {{"id", "INT64"}, {"v", type}};
    Deliver(request);
    EXPECT_EQ(Ask("SELECT v FROM game.predictions WHERE id = 2"), shown) << type << " " << value;
  };
  for (const char* value : {"inf", "Infinity", "+inf", "INF"}) taken("FLOAT64", value, "inf");
  taken("FLOAT64", "-Infinity", "-inf");
  taken("FLOAT64", "NaN", "nan");
  taken("FLOAT64", "1E5", "100000.0");
  taken("INT64", "007", "7");
  taken("INT64", "1.0", "1");
  taken("INT64", "1e3", "1000");
  taken("DATE", "2026-2-3", "2026-02-03");
  taken("DATE", " 2026-02-03 ", "2026-02-03");
  for (const char* value :
       {"2026-02-03 10:00", "2026-02-03T10:00Z", "2026-02-03T10:00z", "2026-02-03 10:00 UTC",
        "2026-02-03 12:00+02:00", "2026-02-03 12:00 +02", "2026-02-03 12:00:00 +0200",
        "2026-02-03 02:00:00-8:00", "2026-02-03 10:00:00Z", "2026-2-3 10:00:00"}) {
    taken("TIMESTAMP", value, "2026-02-03 10:00:00+00");
  }
  taken("TIMESTAMP", "2026-02-03", "2026-02-03 00:00:00+00");
  taken("JSON", "{\"NaN\": \"a, ]\"}", "{\"NaN\": \"a, ]\"}");
}

TEST_P(WarehouseConformance, TakesOneColumnOfAnyNameWhenTheSchemaHasIt) {
  Request request = Asking("one", "id;score\n1;0.5\n");
  request.schema = {{"id;score", "STRING"}};
  Deliver(request);
  EXPECT_EQ(Rows(), "1;0.5");
  request = Asking("two", "0,1\n0.25,0.75\n", 2);
  request.schema = {{"0", "FLOAT64"}, {"1", "FLOAT64"}};
  Deliver(request);
  EXPECT_EQ(Rows(), "0.25,0.75");
}

TEST_P(WarehouseConformance, RefusesColumnsThatAreMissingUnknownOrThereTwice) {
  Deliver(Asking("one", "id,label\n1,true\n"));
  const std::vector<Column> schema = {{"id", "INT64"}, {"label", "BOOL"}};
  ExpectFileRefused("id\n1\n", "no column \"label\"", schema);
  ExpectFileRefused("id,labels\n1,true\n", "did you mean \"labels\"?", schema);
  ExpectFileRefused("id,label,extra\n1,true,x\n", "\"extra\"", schema);
  ExpectFileRefused("id,label,ID\n1,true,x\n", "\"ID\" twice");
  ExpectFileRefused("id,,x\n1,2,3\n", "column 2");
}

TEST_P(WarehouseConformance, RefusesRowsWithTooFewOrTooManyValues) {
  Deliver(Asking("one", "id,label\n1,true\n"));
  ExpectFileRefused("id,label\n1,true\n2\n",
                    "row 2 (line 3): it has 1 values where the header has 2");
  ExpectFileRefused("id,label\n1,true\n2,false,x\n", "row 2 (line 3): it has 3 values");
  ExpectFileRefused("id,label\n1,true\n2,false,\n", "row 2 (line 3): it has 3 values");
  ExpectFileRefused("id,label\n1,true\n2,\"fal\n", "row 2 (line 3)");
  ExpectFileRefused("id,label\n1,true\n2,\"a\"b\n", "row 2 (line 3)");
  ExpectFileRefused("id,label\n1,true\r\n2,true\n", "row 1 (line 2): its line ends in CRLF");
}

TEST_P(WarehouseConformance, RefusesWhatIsNoCsvFile) {
  Deliver(Asking("one", "id,label\n1,true\n"));
  ExpectFileRefused("", "empty");
  ExpectFileRefused("\n", "name the columns");
  ExpectFileRefused("id,label\n", "no rows");
  ExpectFileRefused("id,label", "no rows");
  ExpectFileRefused("id,label\n1,\xff\xfe\n", "UTF-8");
  ExpectFileRefused("id,l\xff\n1,2\n", "UTF-8");
  ExpectFileRefused("id,label\r1,2\r", "CR alone");
  // A file with semicolons became a table of one column, one without a header lost its first row.
  const std::vector<Column> schema = {{"id", "INT64"}, {"score", "FLOAT64"}};
  for (const auto& [mark, name] : std::vector<std::pair<std::string, std::string>>{
           {";", "semicolons"}, {"\t", "tabs"}, {"|", "vertical bars"}}) {
    ExpectFileRefused("id" + mark + "score\n1" + mark + "0.5\n", name);
    ExpectFileRefused("id" + mark + "score\n1" + mark + "0.5\n", name, schema);
    ExpectFileRefused("\"id\"" + mark + "\"score\"\n1" + mark + "0.5\n", name);
  }
  for (const std::string csv : {"1,0.5\n2,0.7\n", "5\n6\n", "2026-02-03,true\n2026-02-04,false\n"}) {
    ExpectFileRefused(csv, "is the header missing?");
    ExpectFileRefused(csv, "is the header missing?", schema);
  }
  ExpectFileRefused("id,v\n1,\"" + std::string(3'000'000, 'x') + "\"\n",
                    "row 1 (line 2): it is longer than 2,000,000 bytes");
  ExpectFileRefused("id,v\n1,\"" + std::string(3'000'000, 'x') + "\n",
                    "row 1 (line 2): it is longer than 2,000,000 bytes");
  ExpectFileRefused("id,v\n1," + std::string(3'000'000, 'x') + "\n",
                    "row 1 (line 2): it is longer than 2,000,000 bytes");
  Request request = Asking("refused", "id\n1\n", 30);
  request.file = folder();
  EXPECT_FALSE(warehouse().Deliver(request));
  request.file = folder() / "nothing.csv";
  ExpectRefused(request, "nothing.csv", ErrorKind::kNotFound);
}

TEST_P(WarehouseConformance, RefusesAFileThatIsNotTheOneMeant) {
  Request request = Asking("one", "id\n1\n");
  request.file_sha256 = std::string(64, '0');
  ExpectRefused(request, "SHA-256");
}

TEST_P(WarehouseConformance, HoldsARowCountAgainstWhatIsExpected) {
  Request request = Asking("one", "id\n1\n2\n");
  request.rows_min = 3;
  ExpectRefused(request, "2 rows, at least 3");
  request = Asking("one", "id\n");
  request.schema = {{"id", "INT64"}};
  request.rows_min = 0;
  EXPECT_EQ(Deliver(request).rows, 0U);
}

TEST_P(WarehouseConformance, RefusesNamesThatAreNone) {
  const auto refused = [&](auto&& change, const std::string& part) {
    Request request = Asking("one", "id\n1\n");
    change(request);
    EXPECT_ERROR(warehouse().Deliver(request), ErrorKind::kInvalid, part);
  };
  for (const std::string table :
       {"", "game", "game.", "../x.y", "game.a.b", "Game.x", "g;.x", "game.\"x"}) {
    refused([&](Request& r) { r.table = table; }, "no name of a table");
  }
  for (const std::string id : {"", "../one", "a/b", ".x", "A", "a b"})
    refused([&](Request& r) { r.id = id; }, "id");
  refused([](Request& r) { r.schema = {{"id", "STRIN"}}; }, "did you mean \"STRING\"?");
  refused([](Request& r) { r.schema = {{"id", "STRING"}, {"ID", "STRING"}}; }, "twice");
  refused(
      [](Request& r) {
        r.data_date = "2019-02-30";
        r.write = Write::kPartition;
      },
      "data date");
}

// ---- queries

TEST_P(WarehouseConformance, AnswersAQueryWithTypesAndALimit) {
  Deliver(Asking("one", "id,label,p,s\n1,true,0.5,x\n2,false,,y\n3,true,1.5,z\n"));
  const auto answer = warehouse().Query(
      "SELECT id, label, p, s, id AS id FROM game.predictions ORDER BY id DESC;  -- x", 2);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->columns.size(), 5U);
  EXPECT_EQ(answer->columns[1], "label");
  ASSERT_EQ(answer->rows.size(), 2U);
  EXPECT_TRUE(answer->truncated);
  EXPECT_EQ(TextOf(answer), "3,true,1.5,z,3; 2,false,NULL,y,2");
  EXPECT_EQ(answer->rows[0][0].kind, Value::Kind::kNumber);
  EXPECT_EQ(answer->rows[0][1].kind, Value::Kind::kBool);
  EXPECT_EQ(answer->rows[1][2].kind, Value::Kind::kNull);
  EXPECT_EQ(answer->rows[0][3].kind, Value::Kind::kText);
  EXPECT_FALSE(warehouse().Query("SELECT 1", 1)->truncated);
  EXPECT_EQ(warehouse().Query("SELECT CAST('nan' AS DOUBLE)", 1)->rows[0][0].kind,
            Value::Kind::kText);
}

TEST_P(WarehouseConformance, RefusesQueriesThatChangeAnything) {
  Deliver(Asking("one", "id\n1\n"));
  for (const std::string sql :
       {"DROP VIEW game.predictions", "INSERT INTO game.predictions VALUES (2)",
        "CREATE TABLE t AS SELECT 1", "DELETE FROM game.predictions", "SELECT 1; DROP SCHEMA game",
        "CREATE SCHEMA x", "BEGIN", ""}) {
    EXPECT_ERROR(warehouse().Query(sql, 10), ErrorKind::kInvalid, "");
  }
  EXPECT_ERROR(warehouse().Query("SELEC 1", 10), ErrorKind::kInvalid, "SELEC");
  EXPECT_ERROR(warehouse().Query("SELECT * FROM game.prediction", 10), ErrorKind::kInvalid,
               "prediction");
  EXPECT_EQ(Rows(), "1");
}

// ---- at the same time

TEST_P(WarehouseConformance, ShowsAReaderTheTableWhollyBeforeOrWhollyAfter) {
  const auto csv = [](int value) {
    std::string text = "id,value\n";
    for (int i = 0; i < 1000 + value; ++i)
      text += std::to_string(i) + "," + std::to_string(value) + "\n";
    return text;
  };
  Deliver(Asking("d0", csv(0)));
  std::atomic<bool> done = false;
  int answers = 0;
  std::thread reading([&] {
    auto reader = GetParam().open(place());
    ASSERT_TRUE(reader);
    while (!done) {
      const auto answer = (*reader)->Query(
          "SELECT count(DISTINCT value), count(*) - max(value) FROM game.predictions", 1);
      EXPECT_EQ(TextOf(answer), "1,1000");
      ++answers;
    }
  });
  for (int i = 1; i <= 15; ++i) Deliver(Asking("d" + std::to_string(i), csv(i)));
  for (int i = 15; i > 10; --i) EXPECT_TRUE(warehouse().Undo("d" + std::to_string(i)));
  done = true;
  reading.join();
  EXPECT_GT(answers, 0);
}

}  // namespace busker::deliver
