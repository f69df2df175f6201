#include "deliver/csv_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "deliver/value_look.h"

namespace busker::deliver {
namespace {

constexpr std::size_t kBlockBytes = 1u << 18;
constexpr std::uint64_t kRecordBytesMax = 2'000'000;  // DuckDB's limit
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

Result<std::size_t> ReadAt(int fd, char* to, std::size_t bytes, std::uint64_t offset,
                           const io::fs::path& path) {
  for (;;) {
    const ssize_t count = ::pread(fd, to, bytes, static_cast<off_t>(offset));
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return SystemError("read " + path.string(), errno);
  }
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

std::string TooLong() {
  return "it is longer than " + WithThousands(kRecordBytesMax) +
         " bytes, which is the limit for one row";
}

// What stands between values where it should be a comma.
std::string_view SeparatorName(char c) {
  if (c == ';') return "semicolons";
  if (c == '\t') return "tabs";
  if (c == '|') return "vertical bars";
  return "";
}

}  // namespace

// ---- CsvReader

Result<int> CsvReader::Peek() {
  if (position_ == block_.size()) {
    block_begin_ += block_.size();
    position_ = 0;
    block_.resize(kBlockBytes);
    TRY_ASSIGN(const std::size_t count,
               ReadAt(fd_, block_.data(), kBlockBytes, block_begin_, path_));
    block_.resize(count);
    ended_ = count == 0;
    if (ended_) return -1;
  }
  return static_cast<unsigned char>(block_[position_]);
}

Result<int> CsvReader::Take() {
  TRY_ASSIGN(const int c, Peek());
  if (c >= 0) {
    ++position_;
    ++record_bytes_;
    if (c == '\n') ++line_;
  }
  return c;
}

// Takes LF, CRLF or the end of the file; false when something else comes.
Result<bool> CsvReader::TakeLineEnd(CsvRecord& record) {
  TRY_ASSIGN(int c, Peek());
  if (c != -1 && c != '\n' && c != '\r') return false;
  if (c == '\r') {
    TRY(Take());
    TRY_ASSIGN(c, Peek());
    record.ends_in_crlf = c == '\n';
    if (c != '\n' && c != -1) record.fault = "a line ends in CR alone; end lines in LF or CRLF";
  }
  if (c == '\n') TRY(Take());
  return true;
}

Result<void> CsvReader::TakeQuoted(CsvRecord& record, std::string& field) {
  TRY(Take());
  for (;;) {
    TRY_ASSIGN(const int c, Take());
    if (record_bytes_ > kRecordBytesMax) {
      record.fault = TooLong() + "; does the quote that opens value " +
                     std::to_string(record.fields.size()) + " have one that closes it?";
      return {};
    }
    if (c == -1) {
      record.fault = "a value begins with a quote and does not end with one";
      return {};
    }
    if (c == '"') {
      TRY_ASSIGN(const int next, Peek());
      if (next != '"') {
        if (next != ',' && next != '\n' && next != '\r' && next != -1) {
          const std::string_view separator = SeparatorName(static_cast<char>(next));
          record.fault = separator.empty() ? "there is text behind the closing quote of a value (a "
                                             "quote in a value is doubled)"
                                           : "it has " + std::string(separator) +
                                                 " between its values, and Busker reads commas";
        }
        return {};
      }
      TRY(Take());
    }
    field += static_cast<char>(c);
  }
}

Result<void> CsvReader::TakePlain(std::string& field) {
  for (;;) {
    TRY_ASSIGN(const int c, Peek());
    if (c == -1 || c == ',' || c == '\n' || c == '\r' || record_bytes_ > kRecordBytesMax) return {};
    TRY(Take());
    field += static_cast<char>(c);
  }
}

Result<bool> CsvReader::Next(CsvRecord& record) {
  record.fields.clear();
  record.fault.clear();
  record.ends_in_crlf = false;
  record.line = line_;
  record_bytes_ = 0;
  TRY_ASSIGN(const int first, Peek());
  if (first == -1) return false;
  if (block_begin_ == 0 && position_ == 0 && block_.starts_with(kByteOrderMark)) {
    position_ = kByteOrderMark.size();
  }
  while (record.fault.empty()) {
    std::string& field = record.fields.emplace_back();
    TRY_ASSIGN(const int c, Peek());
    if (c == '"') {
      TRY(TakeQuoted(record, field));
    } else {
      TRY(TakePlain(field));
    }
    if (!record.fault.empty()) break;
    if (record_bytes_ > kRecordBytesMax) {
      record.fault = TooLong();
      break;
    }
    if (!IsUtf8(field)) {
      record.fault = "value " + std::to_string(record.fields.size()) + " is not UTF-8";
      break;
    }
    TRY_ASSIGN(const bool ended, TakeLineEnd(record));
    if (ended) {
      TRY(Peek());  // learns whether this was the last
      break;
    }
    TRY(Take());  // the comma
  }
  return true;
}

Result<bool> CsvRows::Next() {
  if (columns_ == 0) {
    TRY_ASSIGN(const bool has_header, reader_.Next(record_));
    if (!has_header) return false;
    columns_ = record_.fields.size();
  }
  for (;;) {
    TRY_ASSIGN(const bool some, reader_.Next(record_));
    if (!some) return false;
    const bool is_empty =
        record_.fault.empty() && record_.fields.size() == 1 && record_.fields[0].empty();
    if (is_empty && columns_ > 1) continue;
    ++number_;
    return true;
  }
}

// ---- header and faults

Result<CsvHeader> ReadCsvHeader(int fd, const io::fs::path& path) {
  CsvReader reader(fd, path);
  CsvRecord record;
  TRY_ASSIGN(const bool some, reader.Next(record));
  if (!some || (record.fields.size() == 1 && record.fields[0].empty() && record.fault.empty())) {
    return Invalid(some ? "its first line is empty; it has to name the columns" : "it is empty");
  }
  if (!record.fault.empty()) return Invalid("its header is malformed: " + record.fault);
  CsvHeader header{std::move(record.fields), reader.offset_bytes(), record.ends_in_crlf};
  std::vector<std::string> seen;
  for (const std::string& name : header.names) {
    if (name.empty()) {
      return Invalid("column " + std::to_string(seen.size() + 1) + " of its header has no name");
    }
    if (name.find('\0') != std::string::npos) return Invalid("its header has a zero byte in it");
    const std::string lower = Lower(name);
    if (std::find(seen.begin(), seen.end(), lower) != seen.end()) {
      return Invalid("its header has the column \"" + name + "\" twice");
    }
    seen.push_back(lower);
  }
  return header;
}

std::string_view OtherSeparator(const CsvHeader& header) {
  if (header.names.size() != 1) return "";
  for (const char c : header.names[0]) {
    if (!SeparatorName(c).empty()) return SeparatorName(c);
  }
  return "";
}

bool LooksLikeRow(const CsvHeader& header) {
  return std::all_of(header.names.begin(), header.names.end(), LooksLikeValue);
}

Result<std::optional<CsvFault>> FindCsvFault(int fd, const io::fs::path& path,
                                             const CsvHeader& header) {
  CsvRows rows(fd, path);
  for (;;) {
    TRY_ASSIGN(const bool some, rows.Next());
    if (!some) return std::nullopt;
    const CsvRecord& record = rows.record();
    const auto fault = [&](std::string what) {
      return CsvFault{rows.number(), record.line, std::move(what)};
    };
    if (!record.fault.empty()) return fault(record.fault);
    if (record.ends_in_crlf != header.ends_in_crlf && !rows.at_end()) {
      return fault(header.ends_in_crlf ? "its line ends in LF, those before in CRLF"
                                       : "its line ends in CRLF, those before in LF");
    }
    if (record.fields.size() != header.names.size()) {
      return fault("it has " + std::to_string(record.fields.size()) +
                   " values where the header has " + std::to_string(header.names.size()) +
                   " columns");
    }
  }
}

}  // namespace busker::deliver
