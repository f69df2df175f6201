// The survey of a CSV file, which is quick, against the reader, which is slow.
#include <fcntl.h>

#include <random>

#include "deliver/csv_file.h"
#include "deliver/warehouse_fixture.h"

namespace busker::deliver {
namespace {

TEST(CsvSurvey, CountsWhatTheSlowReaderCounts) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  WarehouseTest test;
  for (int trial = 0; trial < 300; ++trial) {
    const std::size_t columns = 1 + random() % 4;
    const std::string line_end = random() % 2 == 0 ? "\n" : "\r\n";
    std::string csv;
    for (std::size_t i = 0; i < columns; ++i) csv += (i == 0 ? "c" : ",c") + std::to_string(i);
    csv += line_end;
    const std::size_t rows = random() % 3 == 0 ? random() % 30000 : random() % 40;
    for (std::size_t row = 0; row < rows; ++row) {
      if (random() % 10 == 0) csv += line_end;
      for (std::size_t i = 0; i < columns; ++i) {
        if (i > 0) csv += ',';
        static const std::vector<std::string> kValues = {
            "",       "x",        "12345678901234567890", "\"a,b\"",
            "\"\n\"", "\"\"\"\"", "\"\r\n\r\n,\"\"\"",    "5\" pipe",
            "1.5",    "\"\""};
        csv += kValues[random() % kValues.size()];
      }
      if (row + 1 < rows || random() % 2 == 0) csv += line_end;
    }
    const io::fs::path path = test.PathOf(test.Csv(csv));
    auto fd = io::Open(path, O_RDONLY);
    ASSERT_TRUE(fd);
    const auto header = ReadCsvHeader(fd->get(), path);
    ASSERT_TRUE(header) << header.error().message;
    std::vector<ColumnJudge> judges(trial % 2 == 0 ? columns : 0);
    const auto survey = SurveyCsv(fd->get(), path, *header, judges);
    ASSERT_TRUE(survey);
    CsvReader reader(fd->get(), path);
    CsvRecord record;
    std::uint64_t records = 0;
    std::uint64_t separators = 0;
    ASSERT_TRUE(*reader.Next(record));
    while (*reader.Next(record)) {
      ASSERT_EQ(record.fault, "");
      const bool blank = columns > 1 && record.fields.size() == 1 && record.fields[0].empty();
      if (blank) continue;
      ++records;
      separators += record.fields.size() - 1;
    }
    ASSERT_EQ(survey->records, records) << csv.substr(0, 500);
    ASSERT_EQ(survey->separators, separators);
    ASSERT_EQ(survey->digest, *io::DigestFile(path));
    io::fs::remove(path);
  }
}

}  // namespace
}  // namespace busker::deliver
