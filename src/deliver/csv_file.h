// A CSV file as RFC 4180 has it: UTF-8, commas, double quotes, a header, lines that end in LF or
// CRLF.
//
// Two readers. SurveyCsv takes one fast pass that digests the file, counts its records, so that a
// load can be held against the count, and shows every value to the judge of its column. CsvReader
// reads record by record, says precisely what is wrong with one, and is used for the header and to
// explain a load that failed.
//
// A record without any character is no record where the file has more than one column, as DuckDB
// and most programs have it; where it has one column, it is an empty value. A record has at most
// 2,000,000 bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "deliver/column_judge.h"
#include "io/digest.h"
#include "io/file.h"

namespace busker::deliver {

struct CsvRecord {
  std::vector<std::string> fields;
  std::uint64_t line = 0;  // of the file, where it begins; the first is 1
  bool ends_in_crlf = false;
  std::string fault;  // what is wrong with it, if anything is: "a quoted value does not end"
};

class CsvReader {
 public:
  // Reads from `fd` with pread, from its beginning; the descriptor stays the caller's.
  CsvReader(int fd, io::fs::path path) : fd_(fd), path_(std::move(path)) {}

  // The next record; false at the end. After a record with a fault there are no more to be read.
  Result<bool> Next(CsvRecord& record);

  bool at_end() const { return ended_; }  // no record follows the last one
  std::uint64_t offset_bytes() const { return block_begin_ + position_; }  // behind the last record

 private:
  Result<int> Peek();  // the next byte, or -1 at the end
  Result<int> Take();
  Result<bool> TakeLineEnd(CsvRecord& record);
  Result<void> TakeQuoted(CsvRecord& record, std::string& field);
  Result<void> TakePlain(std::string& field);

  int fd_;
  io::fs::path path_;
  std::string block_;
  std::uint64_t block_begin_ = 0;
  std::size_t position_ = 0;
  std::uint64_t line_ = 1;
  std::uint64_t record_bytes_ = 0;
  bool ended_ = false;
};

// The rows under the header, as a load counts them: a record without any character is none where
// the file has more than one column.
class CsvRows {
 public:
  CsvRows(int fd, io::fs::path path) : reader_(fd, std::move(path)) {}

  Result<bool> Next();  // as CsvReader has it
  const CsvRecord& record() const { return record_; }
  std::uint64_t number() const { return number_; }  // of the row; the first is 1
  bool at_end() const { return reader_.at_end(); }

 private:
  CsvReader reader_;
  CsvRecord record_;
  std::size_t columns_ = 0;  // of the header; 0: it is still to be read
  std::uint64_t number_ = 0;
};

struct CsvHeader {
  std::vector<std::string> names;
  std::uint64_t size_bytes = 0;  // with its line end; the records begin there
  bool ends_in_crlf = false;
};

// kInvalid: no header, a name that is empty or comes twice (in any case: a warehouse tells no "Id"
// from "id"), not UTF-8.
Result<CsvHeader> ReadCsvHeader(int fd, const io::fs::path& path);

// "semicolons" and the like, when the header is one name with such in it; else empty.
std::string_view OtherSeparator(const CsvHeader& header);

// Whether each name is a number, a date or the like: then it is the first row, and the header is
// missing.
bool LooksLikeRow(const CsvHeader& header);

struct CsvSurvey {
  io::FileDigest digest;
  std::uint64_t records = 0;      // without the header
  std::uint64_t separators = 0;   // commas between values; columns - 1 to a record when all is well
  bool has_quoted_blank = false;  // a value is ""
};

// One pass over the file. Text that is not well-formed is counted as DuckDB would read it.
// `judges`: one for each column of the header, or none at all. `bytes_max`: looks at the beginning
// alone.
Result<CsvSurvey> SurveyCsv(int fd, const io::fs::path& path, const CsvHeader& header,
                            std::vector<ColumnJudge>& judges, std::uint64_t bytes_max = UINT64_MAX);

struct CsvFault {
  std::uint64_t row = 0;   // 1 is the first under the header
  std::uint64_t line = 0;  // of the file
  std::string what;
};

// The first record that is not as the header and RFC 4180 want it; nullopt: all are well-formed.
Result<std::optional<CsvFault>> FindCsvFault(int fd, const io::fs::path& path,
                                             const CsvHeader& header);

}  // namespace busker::deliver
