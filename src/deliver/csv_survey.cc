// SurveyCsv: digest, count and judge in one pass.
//
// Outside quotes the pass only counts, 16 bytes at a time: line feeds, commas, and line feeds that
// end an empty line. Quotes are found by memchr; one that begins a value opens it, any other stands
// for itself. Blocks are read so that the two bytes before the block are at hand.
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <vector>

#include "deliver/csv_fields.h"
#include "deliver/csv_file.h"

namespace busker::deliver {
namespace {

constexpr std::size_t kBlockBytes = 1u << 18;
constexpr std::size_t kBefore = 2;  // bytes kept from the block before

using Bytes = unsigned char __attribute__((vector_size(16)));

struct Counts {
  std::uint64_t line_feeds = 0;
  std::uint64_t commas = 0;
  std::uint64_t empty_lines = 0;
};

Bytes LoadBytes(const char* from) {
  Bytes bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return bytes;
}

std::uint64_t SumOf(const Bytes& counts) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < sizeof(Bytes); ++i) sum += counts[i];
  return sum;
}

// `from` has two readable bytes before it.
void CountPlain(const char* from, const char* to, Counts& counts) {
  while (static_cast<std::size_t>(to - from) >= sizeof(Bytes)) {
    // A comparison gives -1 (255) where it holds; a lane counts to 255 before it is added up.
    Bytes line_feeds{}, commas{}, empty_lines{};
    const std::size_t steps =
        std::min<std::size_t>(255, static_cast<std::size_t>(to - from) / sizeof(Bytes));
    for (std::size_t i = 0; i < steps; ++i, from += sizeof(Bytes)) {
      const Bytes here = LoadBytes(from), before = LoadBytes(from - 1),
                  before_that = LoadBytes(from - 2);
      const auto ends = here == '\n';
      const auto empty = ends & ((before == '\n') | ((before == '\r') & (before_that == '\n')));
      line_feeds -= std::bit_cast<Bytes>(ends);
      commas -= std::bit_cast<Bytes>(here == ',');
      empty_lines -= std::bit_cast<Bytes>(empty);
    }
    counts.line_feeds += SumOf(line_feeds);
    counts.commas += SumOf(commas);
    counts.empty_lines += SumOf(empty_lines);
  }
  for (; from != to; ++from) {
    if (*from == ',') ++counts.commas;
    if (*from != '\n') continue;
    ++counts.line_feeds;
    if (from[-1] == '\n' || (from[-1] == '\r' && from[-2] == '\n')) ++counts.empty_lines;
  }
}

const char* FindQuote(const char* from, const char* to) {
  const void* found = std::memchr(from, '"', static_cast<std::size_t>(to - from));
  return found != nullptr ? static_cast<const char*>(found) : to;
}

class Surveyor {
 public:
  // `from` has two readable bytes before it.
  void Add(const char* from, const char* to) {
    if (from == to) return;
    for (const char* at = from; at != to;) {
      if (state_ == State::kPlain) {
        const char* const quote = FindQuote(at, to);
        CountPlain(at, quote, counts_);
        at = quote;
        if (quote == to) break;
        if (quote[-1] == ',' || quote[-1] == '\n') {
          state_ = State::kQuoted;
          is_blank_ = true;
        }
        ++at;
      } else if (state_ == State::kQuoted) {
        const char* const quote = FindQuote(at, to);
        is_blank_ = is_blank_ && quote == at;
        at = quote;
        if (quote == to) break;
        state_ = State::kAfterQuote;
        ++at;
      } else if (*at == '"') {
        state_ = State::kQuoted;  // doubled: a quote in the value
        is_blank_ = false;
        ++at;
      } else {
        has_quoted_blank_ = has_quoted_blank_ || is_blank_;
        state_ = State::kPlain;
      }
    }
    last_ = to[-1];
    some_ = true;
  }

  void Finish(std::size_t columns, CsvSurvey& survey) const {
    survey.records = counts_.line_feeds + (some_ && last_ != '\n' ? 1 : 0);
    if (columns > 1) survey.records -= counts_.empty_lines;
    survey.separators = counts_.commas;
    survey.has_quoted_blank = has_quoted_blank_ || (state_ == State::kAfterQuote && is_blank_);
  }

 private:
  enum class State { kPlain, kQuoted, kAfterQuote };

  Counts counts_;
  State state_ = State::kPlain;
  bool is_blank_ = false;  // kQuoted, kAfterQuote: nothing stood in the quotes yet
  bool has_quoted_blank_ = false;
  bool some_ = false;
  char last_ = '\n';
};

}  // namespace

Result<CsvSurvey> SurveyCsv(int fd, const io::fs::path& path, const CsvHeader& header,
                            std::vector<ColumnJudge>& judges, std::uint64_t bytes_max) {
  io::Sha256 hash;
  Surveyor surveyor;
  CsvFields fields(judges);
  const bool judging = std::any_of(judges.begin(), judges.end(),
                                   [](const ColumnJudge& judge) { return !judge.is_settled(); });
  CsvSurvey survey;
  std::vector<char> buffer(kBefore + kBlockBytes + ColumnJudge::kSlackBytes, '\n');
  char* const block = buffer.data() + kBefore;
  std::uint64_t offset = 0;
  while (offset < bytes_max) {
    const ssize_t count = ::pread(fd, block, kBlockBytes, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("read " + path.string(), errno);
    if (count == 0) break;
    const auto size = static_cast<std::size_t>(count);
    hash.Add(std::string_view(block, size));
    const std::uint64_t skip =
        std::min<std::uint64_t>(size, header.size_bytes - std::min(header.size_bytes, offset));
    surveyor.Add(block + skip, block + size);
    if (judging) fields.Add(block + skip, block + size);
    offset += size;
    std::memmove(buffer.data(), block + size - kBefore,
                 kBefore);  // a block of 1 byte takes the byte before
  }
  if (judging && offset < bytes_max) fields.Finish();
  survey.digest = {offset, hash.Finish()};
  surveyor.Finish(header.names.size(), survey);
  return survey;
}

}  // namespace busker::deliver
