#include "io/answer_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/check.h"
#include "base/text.h"

namespace busker::io {
namespace {

tl::unexpected<Error> NoAnswer(const std::string& why) {
  return Temporary("what it sent is not an HTTP answer: " + why);
}

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text, int base) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

Result<void> AnswerReader::Add(std::string_view bytes, std::string& body) {
  has_begun_ = has_begun_ || !bytes.empty();
  while (!bytes.empty()) {
    switch (stage_) {
      case Stage::kDone:
        excess_ = true;
        return {};
      case Stage::kLength:
      case Stage::kUntilEnd:
      case Stage::kChunk:
        TakeBody(bytes, body);
        continue;
      case Stage::kHead:
      case Stage::kChunkSize:
      case Stage::kChunkEnd:
      case Stage::kTrailer:
        break;
    }
    TRY_ASSIGN(const bool whole, TakeLine(bytes));
    if (!whole) return {};
    TRY(TakeHeadLine());
    line_.clear();
  }
  return {};
}

Result<void> AnswerReader::End() {
  if (stage_ == Stage::kUntilEnd) {
    stage_ = Stage::kDone;
    return {};
  }
  if (is_done()) return {};
  if (!has_begun_) return Temporary("it hung up without an answer");
  return Temporary("it hung up in the middle of its answer");
}

// To the next line end, without it; false: that is still to come.
Result<bool> AnswerReader::TakeLine(std::string_view& bytes) {
  const std::size_t end = bytes.find('\n');
  const bool whole = end != std::string_view::npos;
  const std::string_view part = bytes.substr(0, end);
  line_bytes_ += part.size() + 1;
  if (line_bytes_ > kHeadBytesMax) return NoAnswer("its headers do not end");
  line_ += part;
  bytes.remove_prefix(whole ? end + 1 : bytes.size());
  if (!whole) {
    --line_bytes_;
    return false;
  }
  if (line_.ends_with('\r')) line_.pop_back();
  if (line_.find('\0') != std::string::npos || line_.find('\r') != std::string::npos) {
    return NoAnswer("a line of its head holds a control character");
  }
  return true;
}

// One line of those that are not the body.
Result<void> AnswerReader::TakeHeadLine() {
  switch (stage_) {
    case Stage::kHead:
      if (status_ == 0) return TakeStatusLine();
      return line_.empty() ? EndHead() : TakeHeader();
    case Stage::kChunkSize:
      return TakeChunkSize();
    case Stage::kChunkEnd:
      if (!line_.empty()) return NoAnswer("a chunk is longer than it said");
      stage_ = Stage::kChunkSize;
      return {};
    case Stage::kTrailer:  // of no use to anybody here
      if (line_.empty()) stage_ = Stage::kDone;
      return {};
    case Stage::kLength:
    case Stage::kUntilEnd:
    case Stage::kChunk:
    case Stage::kDone:
      break;
  }
  CHECK(false, "these have no lines");
  return {};
}

// "HTTP/1.1 200 OK"; the words behind the number may be missing.
Result<void> AnswerReader::TakeStatusLine() {
  const std::string_view line = line_;
  constexpr std::size_t kVersion = 8, kAll = kVersion + 4;
  const bool is_known = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
  const bool has_end = line.size() == kAll || (line.size() > kAll && line[kAll] == ' ');
  int status = 0;
  if (is_known && has_end) {
    status = ParseNumber<int>(line.substr(kVersion + 1, 3), 10).value_or(0);
  }
  if (status < 100) return NoAnswer("the first line is none of HTTP/1.1");
  is_1_1_ = line.starts_with("HTTP/1.1");
  keep_alive_ = is_1_1_;
  status_ = status;
  return {};
}

Result<void> AnswerReader::TakeHeader() {
  const std::string_view line = line_;
  if (IsBlank(line.front())) {  // it goes on from the line before
    if (headers_.empty()) return NoAnswer("its headers begin with half a line");
    std::string& value = headers_.back().value;
    value += (value.empty() ? "" : " ") + std::string(Trim(line));
    return {};
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !IsHttpToken(line.substr(0, colon))) {
    return NoAnswer("a header has no name");
  }
  headers_.push_back({LowerCase(line.substr(0, colon)), std::string(Trim(line.substr(colon + 1)))});
  return {};
}

Result<void> AnswerReader::EndHead() {
  line_bytes_ = 0;
  if (status_ >= 200) return DecideLength();
  if (status_ == 101) return NoAnswer("it changes to a protocol that nobody asked for");
  if (++interim_ > kInterimMax) return NoAnswer("interim answers, and no end of them");
  status_ = 0;
  headers_.clear();
  return {};
}

// RFC 9112, 6.3.
Result<void> AnswerReader::DecideLength() {
  std::optional<std::uint64_t> length;
  int codings = 0;
  for (const HttpHeader& header : headers_) {
    if (header.name == "connection") {
      for (const std::string& word : Split(header.value, ',')) {
        if (LowerCase(Trim(word)) == "close") keep_alive_ = false;
      }
    } else if (header.name == "transfer-encoding") {
      ++codings;
      if (LowerCase(header.value) != "chunked")
        return NoAnswer("a transfer coding that is not known");
    } else if (header.name == "content-length") {
      for (const std::string& one : Split(header.value, ',')) {
        const auto number = ParseNumber<std::uint64_t>(Trim(one), 10);
        if (!number || (length && *length != *number))
          return NoAnswer("its length is not one number");
        length = number;
      }
    }
  }
  if (codings > 1 || (codings == 1 && (length || !is_1_1_))) {
    return NoAnswer("its length is told in two ways");
  }
  const bool no_body = body_is_left_out_ || status_ == 204 || status_ == 304 || length == 0;
  if (no_body) {
    stage_ = Stage::kDone;
  } else if (codings == 1) {
    stage_ = Stage::kChunkSize;
  } else if (length) {
    left_bytes_ = *length;
    stage_ = Stage::kLength;
  } else {
    keep_alive_ = false;
    stage_ = Stage::kUntilEnd;
  }
  return {};
}

// "1a2b;extension"
Result<void> AnswerReader::TakeChunkSize() {
  const std::string_view line = line_;
  const auto size = ParseNumber<std::uint64_t>(Trim(line.substr(0, line.find(';'))), 16);
  if (!size) return NoAnswer("a chunk without a size");
  left_bytes_ = *size;
  line_bytes_ = 0;
  stage_ = *size == 0 ? Stage::kTrailer : Stage::kChunk;
  return {};
}

void AnswerReader::TakeBody(std::string_view& bytes, std::string& body) {
  if (stage_ == Stage::kUntilEnd) {
    body += bytes;
    bytes = {};
    return;
  }
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_bytes_, bytes.size()));
  body += bytes.substr(0, count);
  bytes.remove_prefix(count);
  left_bytes_ -= count;
  if (left_bytes_ > 0) return;
  stage_ = stage_ == Stage::kLength ? Stage::kDone : Stage::kChunkEnd;
}

}  // namespace busker::io
