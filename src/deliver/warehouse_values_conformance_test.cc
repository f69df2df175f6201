// What every warehouse promises of values: what the table has is what the file had.
#include "deliver/warehouse_fixture.h"

namespace busker::deliver {

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
  EXPECT_EQ(Rows(),
            "NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL; "
            "a \"b\", c\nd,AAH/,true,-9223372036854775808,0.1,"
            "12345678901234567890.123456789,2019-08-01,07:30:00,2019-08-01 07:30:00.5,"
            "2019-08-01 05:30:00+00,{\"a\": 1}");
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

// Ids of 20 digits became FLOAT64, and different ones the same; others became dates, infinities,
// truth values.
TEST_P(WarehouseConformance, InfersNothingThatDoesNotGiveTheTextBack) {
  const auto type_of = [&](const std::vector<std::string>& texts) {
    std::string csv = "v,n\n";
    for (const std::string& text : texts) csv += text + ",1\n";
    static int number = 0;
    const Delivery delivery = Deliver(Asking("d" + std::to_string(++number), csv));
    if (delivery.columns.empty()) return std::string("refused");
    if (delivery.columns[0].type == "STRING") {
      std::vector<std::string> all;
      for (const std::string& text : texts) all.push_back(text + ",1");
      std::sort(all.begin(), all.end());
      EXPECT_EQ(Rows(), Join(all, "; "));
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
           {"0.5", "9007199254740993"},
           {"0.5", "0.25", "900719925474099.37"},
           {"2026-01-01 10:00:00.1234567"},
           {"2026-01-01 10:00:00+15:00"},
           {"23:59:60"},
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
  expect("FLOAT64",
         {"1.000000000000000056e-01", "0.10000000000000001", "1.7976931348623157e308", "5e-324"});
  expect("FLOAT64", {"1.0E10", "2.5E-7", "NaN"});
  expect("FLOAT64", {"0.5", "nan", "-inf"});
  expect("BOOL", {"true", "False", "TRUE"});
  expect("DATE", {"2026-02-03", "9999-12-31", "0001-01-01"});
  expect("TIME", {"10:00:00", "23:59:59.5"});
  expect("DATETIME", {"2026-02-03T10:00:00", "2026-02-03T10:00:00.25"});
  expect("DATETIME", {"2026-02-03 10:00"});
  expect("TIMESTAMP", {"2026-01-01 10:00:00 UTC"});
  expect("TIMESTAMP", {"2026-01-01 10:00:00.123456+14:00"});
  expect("FLOAT64", {"0.5", "9007199254740992", "0.123456789012345"});
  expect("TIMESTAMP", {"2026-03-28 10:00:00+01:00", "2026-03-30 10:00:00+02:00"});
  expect("TIMESTAMP", {"2026-01-01T10:00:00Z", "2026-01-01T10:00:00.5Z"});
}

TEST_P(WarehouseConformance, TakesWhatASurpriseInALateRowSays) {
  for (const std::string surprise : {"007", "x", "1.5", "9223372036854775808", "\"\"", "12-5-7"}) {
    std::string csv = "v,day,score\n";
    for (int i = 0; i < 120'000; ++i) csv += "7,2026-02-03,0.5\n";
    csv += surprise + ",x,1_000\n";
    const std::string expected = surprise == "1.5"    ? "FLOAT64"
                                 : surprise == "\"\"" ? "INT64"
                                                      : "STRING";
    EXPECT_EQ(TextOf(Deliver(Asking("d" + io::Sha256Of(surprise), csv)).columns),
              "v " + expected + ", day STRING, score STRING");
    EXPECT_EQ(Ask("SELECT v, day, score FROM game.predictions WHERE day <> '2026-02-03'"),
              (surprise == "\"\"" ? "NULL" : surprise) + ",x,1_000");
  }
}

// An id 007 that was appended to a column which happened to hold numbers became 7.
TEST_P(WarehouseConformance, TakesNoIdForANumberBecauseTheTableHasNumbers) {
  Deliver(Asking("one", "id,label\n7,true\n"));
  const auto append = [&](const std::string& csv) {
    Request request = Asking("d" + io::Sha256Of(csv), csv, 2);
    request.write = Write::kAppend;
    return request;
  };
  ExpectRefused(
      append("id,label\n8,true\n007,true\n"),
      "row 2 (line 3), column \"id\": \"007\" is not a valid INT64, as which the table has");
  ExpectRefused(append("id,label\n+46,true\n"), "\"+46\" is not a valid INT64");
  ExpectRefused(append("id,label\n1E5,true\n"), "\"1E5\" is not a valid INT64");
  ExpectRefused(append("id,label\n8,yes\n"), "\"yes\" is not a valid BOOL");
  Deliver(append(
      "id,label\n8.0,False\n-9,\n,true\n"));  // as pandas writes integers beside a missing one
  EXPECT_EQ(Rows(), "-9,NULL; 7,true; 8,false; NULL,true");
}

// A quoted missing value, as R and pandas write it, failed a column of numbers or turned it to
// text.
TEST_P(WarehouseConformance, TakesQuotedBlanksForNoValueWhereTheColumnIsNoText) {
  const std::string csv =
      "\"b\",\"i\",\"f\",\"n\",\"d\",\"t\",\"dt\",\"ts\",\"j\",\"y\",\"s\"\n"
      "\"true\",\"1\",\"0.5\",\"1.5\",\"2019-08-01\",\"10:00:00\",\"2019-08-01 10:00:00\","
      "\"2019-08-01 10:00:00Z\",\"[1]\",\"AAH/\",\"x\"\n"
      "\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"\n";
  const std::string expected = "NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,";
  Request request = Asking("one", csv);
  request.schema = {{"b", "BOOL"}, {"i", "INT64"}, {"f", "FLOAT64"},   {"n", "NUMERIC"},
                    {"d", "DATE"}, {"t", "TIME"},  {"dt", "DATETIME"}, {"ts", "TIMESTAMP"},
                    {"j", "JSON"}, {"y", "BYTES"}, {"s", "STRING"}};
  Deliver(request);
  EXPECT_EQ(Rows().substr(0, expected.size() + 1), expected + ";");
  EXPECT_EQ(Ask("SELECT count(*) FROM game.predictions WHERE i = 1 AND f = 0.5 AND b"), "1");
  EXPECT_EQ(TextOf(Deliver(Asking("two", "id,score\n\"1\",\"0.5\"\n\"2\",\"\"\n")).columns),
            "id INT64, score FLOAT64");
  EXPECT_EQ(Rows(), "1,0.5; 2,NULL");
  ExpectFileRefused("i,f\n\"\",0.5\n\"1.5\",0.5\n",
                    "row 2 (line 3), column \"i\": \"1.5\" is not a valid INT64",
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
  EXPECT_EQ(Rows(), "1,NULL; 2,; 3,x");
}

TEST_P(WarehouseConformance, LeavesTheTableAsItWasWhenAValueIsBad) {
  Deliver(Asking("one", "id,label\n1,true\n"));
  const std::vector<Column> schema = {{"id", "INT64"}, {"label", "BOOL"}};
  ExpectFileRefused("id,label\n1,true\nx2,false\n",
                    "row 2 (line 3), column \"id\": \"x2\" is not a valid INT64", schema);
  ExpectFileRefused("id,label\n1,true\n2,maybe\n",
                    "row 2 (line 3), column \"label\": \"maybe\" is not a valid BOOL", schema);
  ExpectFileRefused("id,label\n1,true\n2.5,true\n",
                    "row 2 (line 3), column \"id\": \"2.5\" is not a valid INT64", schema);
  ExpectFileRefused("id,label\n15e-1,true\n", "\"15e-1\" is not a valid INT64", schema);
  ExpectFileRefused("id,label\n9223372036854775808,true\n", "is not a valid INT64", schema);
}

TEST_P(WarehouseConformance, SaysWhereABadValueIs) {
  Deliver(Asking("one", "id,label\n1,true\n"));
  ExpectFileRefused("s,i\n\"two\nlines\",1\n\n\"x\",1.5\n",
                    "row 2 (line 5), column \"i\": \"1.5\" is not a valid INT64",
                    {{"s", "STRING"}, {"i", "INT64"}});
  const auto bad = [&](const std::string& type, const std::string& value) {
    ExpectFileRefused("v\n" + value + "\n",
                      "row 1 (line 2), column \"v\": \"" + value + "\" is not a valid " + type,
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

// infinity and epoch became the day 1900-01-01, 26-02-03 the year 26, 1e400 infinity, and 1_000
// 1000.
TEST_P(WarehouseConformance, RefusesValuesThatTheTypeDoesNotHave) {
  Deliver(Asking("one", "id\n1\n"));
  const auto refused = [&](const std::string& type, const std::string& value) {
    std::string quoted = "\"";
    for (const char c : value) quoted += c == '"' ? std::string(2, c) : std::string(1, c);
    ExpectFileRefused("id,v\n1,\n2," + quoted + "\"\n",
                      "row 2 (line 3), column \"v\": \"" + value + "\" is not a valid " + type,
                      {{"id", "INT64"}, {"v", type}});
  };
  for (const char* value : {"infinity", "-infinity", "Infinity", "INFINITY", "epoch", "Epoch",
                            " infinity ", "26-02-03", "026-02-03", "0000-01-01", "12026-02-03",
                            "2026-02-03x", "2026/02/03", "0044-03-15 (BC)", "today"}) {
    refused("DATE", value);
  }
  for (const char* value : {"1e400", "-1e999", "1_000.5", "0x10", "1e+400", "infinite"})
    refused("FLOAT64", value);
  for (const char* value : {"1_000", "1.5", "1e30", "inf", "9223372036854775808"})
    refused("INT64", value);
  for (const char* value : {"1_000", "inf", "nan", "1e400"}) refused("NUMERIC", value);
  for (const char* value : {"24:00:00", "25:00", "infinity", "epoch"}) refused("TIME", value);
  for (const char* type : {"DATETIME", "TIMESTAMP"}) {
    for (const char* value :
         {"infinity", "epoch", "26-02-03 10:00:00", "0000-01-01", "2026-02-03 24:00:00"}) {
      refused(type, value);
    }
  }
  refused("TIMESTAMP", "2026-02-03 10:00:00+99:00");
  for (const char* value : {"0001-01-01 00:00:00+01:00", "9999-12-31 23:30:00-01:00"})
    refused("TIMESTAMP", value);
  for (const char* value : {"0x1F", "0b11", "15e-1", "1 2"}) refused("INT64", value);
  for (const char* value : {"1e-400", "nan(1)"}) refused("FLOAT64", value);
  for (const char* value : {"on", "off", "2", " true", "wahr"}) refused("BOOL", value);
  for (const char* value : {"AAH=", "AAG", "AA-_", "AA AA"}) refused("BYTES", value);
  for (const char* value :
       {"{\"p\": NaN}", "Infinity", "nan", "inf", "-Infinity", "[NaN]", "[1,]", "{\"a\":1,}",
        "[1 , ]", "{a:1}", "01", "+1", ".5", "1.", "'a'", " ", "[\"\\\\\",NaN]"}) {
    refused("JSON", value);
  }
}

// NUMERIC was rounded to 9 decimals, and times were cut to microseconds, without a word.
TEST_P(WarehouseConformance, RefusesDigitsThatTheTableWouldNotKeep) {
  const auto refused = [&](const std::string& type, const std::string& value,
                           const std::string& remedy) {
    ExpectFileRefused(
        "id,v\n1,\n2," + value + "\n",
        "row 2 (line 3), column \"v\": \"" + value + "\" is not a valid " + type + remedy,
        {{"id", "INT64"}, {"v", type}});
  };
  refused(
      "INT64", "1.5",
      ", which has no fraction; round it in the program, or declare FLOAT64, NUMERIC or STRING");
  refused("INT64", "9223372036854775808", ", which has 64 bits; declare NUMERIC or STRING");
  const std::string round = " decimals; round it in the program, or declare ";
  refused("NUMERIC", "1.1234567890123",
          ", which keeps 9" + round + "BIGNUMERIC, FLOAT64 or STRING");
  refused("NUMERIC", "15e-10", ", which keeps 9" + round);
  refused("NUMERIC", "100000000000000000000000000000",
          ", which has 29 digits before the point; declare FLOAT64 or STRING");
  refused("BIGNUMERIC", "0.1234567890123456789", ", which keeps 18" + round + "FLOAT64 or STRING");
  refused("TIME", "10:00:00.1234567", ", which keeps 6" + round + "STRING");
  refused("DATETIME", "2026-02-03 10:00:00.1234567", ", which keeps 6" + round + "STRING");
  refused("TIMESTAMP", "2026-02-03 10:00:00.1234567Z", ", which keeps 6" + round + "STRING");
}

TEST_P(WarehouseConformance, TakesTheSpellingsThatATypeHas) {
  const auto taken = [&](const std::string& type, const std::string& value,
                         const std::string& shown) {
    static int number = 0;
    std::string quoted = "\"";
    for (const char c : value) quoted += c == '"' ? std::string(2, c) : std::string(1, c);
    Request request = Asking("t" + std::to_string(++number), "id,v\n1,\n2," + quoted + "\"\n");
    request.schema = {{"id", "INT64"}, {"v", type}};
    Deliver(request);
    EXPECT_EQ(Rows(), "1,NULL; 2," + shown) << type << " " << value;
  };
  for (const char* value : {"inf", "Infinity", "+inf", "INF"}) taken("FLOAT64", value, "inf");
  taken("FLOAT64", "-Infinity", "-inf");
  taken("FLOAT64", "NaN", "nan");
  taken("FLOAT64", "1E5", "100000.0");
  taken("INT64", "007", "7");
  taken("INT64", "1.0", "1");
  taken("INT64", "1e3", "1000");
  taken("INT64", " +7 ", "7");
  taken("INT64", "9223372036854775807.000", "9223372036854775807");
  taken("NUMERIC", "1.1234567890000", "1.123456789");
  taken("NUMERIC", "1.5e-3", "0.001500000");
  for (const char* value : {"true", "T", "Yes", "y", "1"}) taken("BOOL", value, "true");
  for (const char* value : {"FALSE", "f", "no", "N", "0"}) taken("BOOL", value, "false");
  taken("TIME", "10:00:00.123456000", "10:00:00.123456");
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

}  // namespace busker::deliver
