#include "daemon/log_batch.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "attempt/folder.h"
#include "attempt/log.h"
#include "base/text.h"

namespace busker::daemon {
namespace {

constexpr std::uint64_t kReadBytes = 1u << 20;
constexpr std::size_t kLinesMax = 5000;  // so that what goes round them stays small beside them

// A piece of a line ends before a byte that continues a character.
bool ContinuesCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// Cuts bytes into lines, and long ones into pieces: where, the bytes of the line alone say.
class LineCutter {
 public:
  LineCutter(LogBatch& batch, std::uint64_t limit) : batch_(batch), limit_(limit) {}

  // Bytes that begin at `offset`.
  void Take(std::uint64_t offset, std::string_view bytes) {
    if (IsFull()) return;
    if (line_.empty()) begin_ = offset;
    if (offset + bytes.size() > limit_) {
      bytes = bytes.substr(0, limit_ > offset ? static_cast<std::size_t>(limit_ - offset) : 0);
    }
    for (const char byte : bytes) {
      if (byte == '\n') {
        End(1);
      } else {
        Add(byte);
      }
      if (IsFull()) return;
    }
  }

  // What stands for bytes that are gone. Those before it get no line end any more.
  void TakeCut(std::uint64_t offset, std::string_view text) {
    if (IsFull()) return;
    if (!line_.empty()) End(0);
    batch_.lines.push_back({offset, std::string(Trim(text)), true});
  }

  void EndLast() {
    if (!line_.empty()) End(0);
  }

  bool IsFull() const { return batch_.lines.size() >= kLinesMax; }
  // Where the line begins that has no end yet.
  std::optional<std::uint64_t> WaitsFrom() const {
    if (line_.empty()) return std::nullopt;
    return begin_;
  }

 private:
  void Add(char byte) {
    const std::size_t cost = cloud::TextCost(byte);
    if (cost_ + cost > cloud::kTextCostMax) EndPiece();
    line_ += byte;
    cost_ += cost;
  }

  void EndPiece() {
    std::size_t keep = line_.size();
    while (keep > line_.size() - 3 && ContinuesCharacter(line_[keep - 1])) --keep;
    // Its first byte goes over, too. A piece that is no text at all is cut anywhere.
    if (static_cast<unsigned char>(line_[keep - 1]) >= 0xC0) --keep;
    std::string rest = line_.substr(keep);
    line_.resize(keep);
    const std::uint64_t next = begin_ + keep;
    End(0);
    begin_ = next;
    for (const char byte : rest) Add(byte);
  }

  void End(std::size_t end_bytes) {
    batch_.end = begin_ + line_.size() + end_bytes;
    if (line_.ends_with('\r')) line_.pop_back();
    if (!Trim(line_).empty()) batch_.lines.push_back({begin_, std::move(line_), false});
    line_.clear();
    cost_ = 0;
    begin_ = batch_.end;
  }

  LogBatch& batch_;
  const std::uint64_t limit_;
  std::string line_;  // its bytes so far
  std::uint64_t begin_ = 0;
  std::size_t cost_ = 0;
};

// Busker's own steps are carried out again after a crash, and their logs with them.
bool BeganAnew(const io::fs::path& folder, std::uint64_t from) {
  std::error_code error;
  const auto head_bytes = io::fs::file_size(folder / attempt::kLogFile, error);
  if (error || head_bytes >= from) return false;
  const std::string prefix = std::string(attempt::kLogFile) + ".";
  io::fs::directory_iterator entry(folder, error);
  for (; !error && entry != io::fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().filename().string().starts_with(prefix)) return false;
  }
  return !error;
}

}  // namespace

Result<LogBatch> ReadLogBatch(const io::fs::path& folder, std::uint64_t from, bool is_over,
                              std::optional<std::uint64_t> end) {
  std::uint64_t until = end.value_or(UINT64_MAX);
  if (from > 0 && BeganAnew(folder, from)) {
    from = 0;
    until = UINT64_MAX;
  }
  const bool is_known = until != UINT64_MAX;
  LogBatch batch;
  batch.end = from;
  LineCutter lines(batch, until);
  attempt::LogReader reader(folder, from);
  const auto use = [&](std::string_view bytes) {
    if (reader.tells_cut()) return lines.TakeCut(reader.offset(), bytes);
    lines.Take(reader.offset() - bytes.size(), bytes);
  };
  std::uint64_t before = 0;
  do {
    before = reader.offset();
    TRY(reader.ReadNew(use, kReadBytes));
  } while (is_known && reader.offset() < until && reader.offset() > before);
  batch.at_end = !lines.IsFull() && reader.offset() - from < kReadBytes;
  if ((is_over && batch.at_end) || reader.offset() >= until) lines.EndLast();
  if (is_known) {
    batch.end = until;
  } else if (!lines.IsFull()) {
    batch.end = lines.WaitsFrom().value_or(reader.offset());
  }
  return batch;
}

std::optional<Instant> WrittenUntil(const io::fs::path& folder, const LogBatch& batch) {
  // Of what is behind the head the newest is mostly still written.
  struct stat head {};
  if (stat((folder / attempt::kLogFile).c_str(), &head) != 0) return std::nullopt;
  if (batch.end > static_cast<std::uint64_t>(head.st_size)) return std::nullopt;
  return Instant(std::chrono::floor<Milliseconds>(std::chrono::seconds(head.st_mtim.tv_sec) +
                                                  std::chrono::nanoseconds(head.st_mtim.tv_nsec)));
}

}  // namespace busker::daemon
