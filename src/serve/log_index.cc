#include "serve/log_index.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "attempt/log.h"

namespace busker::serve {
namespace {

constexpr std::uint64_t kLinesBetween = 1024, kBytesBetween = 64u << 10;
constexpr std::size_t kMatchesMax = 2000, kLogsKnown = 32;

// The letters of ASCII small, eight bytes at a time: of a gigabyte it is what costs the most.
void AppendSmall(std::string_view bytes, std::string& to) {
  constexpr std::uint64_t kEach = 0x0101010101010101, kHigh = 0x80 * kEach;
  const std::size_t begin = to.size();
  to.append(bytes);
  char* at = to.data() + begin;
  char* const end = to.data() + to.size();
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    const std::uint64_t low = word & ~kHigh;
    const std::uint64_t from_a = low + (0x80 - 'A') * kEach, behind_z = low + (0x7F - 'Z') * kEach;
    word |= ((from_a ^ behind_z) & ~word & kHigh) >> 2;
    std::memcpy(at, &word, sizeof word);
  }
  for (; at < end; ++at) {
    if (*at >= 'A' && *at <= 'Z') *at = static_cast<char>(*at - 'A' + 'a');
  }
}

class Indexer {
 public:
  explicit Indexer(const std::string& part = "") {
    AppendSmall(part, part_);
    // A line has no end within itself, so nothing is found.
    searches_ = !part_.empty() && part_.find('\n') == std::string::npos;
  }

  void Add(std::string_view bytes) {
    if (bytes.empty()) return;
    if (searches_) BeginSearch(bytes);
    for (std::size_t at = 0; at < bytes.size();) {
      if (at_line_begin_) BeginLine();
      const void* const found = std::memchr(bytes.data() + at, '\n', bytes.size() - at);
      const bool ends = found != nullptr;
      const std::size_t end =
          ends ? static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data())
               : bytes.size();
      if (searches_ && next_ < end) {
        has_part_ = true;
        next_ = Find(end);
      }
      const std::size_t next = ends ? end + 1 : end;
      index_.bytes += next - at;
      at = next;
      if (ends) EndLine();
    }
    if (searches_) EndSearch();
  }

  std::uint64_t bytes() const { return index_.bytes; }
  // What is known now; more may be added after.
  LogIndex Index() const {
    LogIndex index = index_;
    if (!at_line_begin_) {
      if (has_part_) AddMatch(index);
      ++index.lines;
    }
    return index;
  }

 private:
  void BeginLine() {
    at_line_begin_ = false;
    line_begin_ = index_.bytes;
    const bool is_due = index_.marks.empty() ||
                        index_.lines - index_.marks.back().first >= kLinesBetween ||
                        index_.bytes - index_.marks.back().second >= kBytesBetween;
    if (is_due) index_.marks.emplace_back(index_.lines, index_.bytes);
  }

  void EndLine() {
    at_line_begin_ = true;
    if (has_part_) AddMatch(index_);
    has_part_ = false;
    ++index_.lines;
  }

  void AddMatch(LogIndex& index) const {
    if (++index.matched <= kMatchesMax) index.matches.emplace_back(index.lines, line_begin_);
  }

  // The bytes that are searched: these, and before them those of the block before in which the part
  // may have begun. The part has no line end, so what is found is of the line in which it ends.
  void BeginSearch(std::string_view bytes) {
    carried_ = small_.size();
    AppendSmall(bytes, small_);
    next_ = Find(0);
  }
  void EndSearch() { small_.erase(0, small_.size() - std::min(small_.size(), part_.size() - 1)); }

  // Where in the block the part ends that ends at `from` or later; its last byte.
  std::size_t Find(std::size_t from) const {
    const std::size_t last = part_.size() - 1, begin = carried_ + from;
    const std::size_t at = begin > last ? begin - last : 0;
    const void* const found =
        memmem(small_.data() + at, small_.size() - at, part_.data(), part_.size());
    if (found == nullptr) return std::string::npos;
    return static_cast<std::size_t>(static_cast<const char*>(found) - small_.data()) + last -
           carried_;
  }

  std::string part_;
  bool searches_ = false, has_part_ = false;
  std::string small_;
  std::size_t carried_ = 0, next_ = std::string::npos;
  LogIndex index_;
  std::uint64_t line_begin_ = 0;
  bool at_line_begin_ = true;
};

}  // namespace

Result<LogIndex> IndexLog(const io::fs::path& attempt_folder, const std::string& part) {
  TRY_ASSIGN(const auto log, attempt::WholeLog::Look(attempt_folder));
  Indexer indexer(part);
  TRY(log.Read(0, log.size(), [&](std::string_view bytes) { indexer.Add(bytes); }));
  LogIndex index = indexer.Index();
  index.cut = log.cut();
  return index;
}

struct LogIndexes::Known {
  std::string folder;
  std::mutex mutex;  // guards what follows, and is held while the log is read
  attempt::WholeLog log;
  Indexer indexer;
};

LogIndexes::LogIndexes() = default;
LogIndexes::~LogIndexes() = default;

std::shared_ptr<LogIndexes::Known> LogIndexes::Take(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  for (auto known = known_.begin(); known != known_.end(); ++known) {
    if ((*known)->folder != folder) continue;
    known_.splice(known_.begin(), known_, known);
    return known_.front();
  }
  if (known_.size() == kLogsKnown) known_.pop_back();
  known_.push_front(std::make_shared<Known>());
  known_.front()->folder = folder;
  return known_.front();
}

Result<LogIndex> LogIndexes::Of(const io::fs::path& attempt_folder) {
  const auto known = Take(attempt_folder.string());
  const std::lock_guard lock(known->mutex);
  TRY_ASSIGN(auto log, attempt::WholeLog::Look(attempt_folder));
  if (!log.Continues(known->log)) known->indexer = Indexer();
  known->log = std::move(log);
  const std::uint64_t from = known->indexer.bytes();
  TRY(known->log.Read(from, known->log.size() - from,
                      [&](std::string_view bytes) { known->indexer.Add(bytes); }));
  LogIndex index = known->indexer.Index();
  index.cut = known->log.cut();
  return index;
}

}  // namespace busker::serve
