#include "attempt/log.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "attempt/folder.h"
#include "base/text.h"

namespace busker::attempt {
namespace {

namespace fs = io::fs;

// No log is as long as that: a file that is named so is none of ours.
constexpr std::uint64_t kLogBytesMax = 1ull << 60;

fs::path HeadPath(const fs::path& folder) { return folder / kLogFile; }
fs::path SegmentPath(const fs::path& folder, std::uint64_t begin) {
  return folder / fmt::format("{}.{}", kLogFile, begin);
}

// Where the segments in the folder begin, in order. The head is not among them.
Result<std::vector<std::uint64_t>> SegmentsIn(const fs::path& folder) {
  const std::string prefix = std::string(kLogFile) + ".";
  std::vector<std::uint64_t> begins;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    std::uint64_t begin = 0;
    const char* const last = name.data() + name.size();
    const auto [end, fault] = std::from_chars(name.data() + prefix.size(), last, begin);
    if (fault == std::errc() && end == last && begin <= kLogBytesMax) begins.push_back(begin);
  }
  if (error == std::errc::no_such_file_or_directory) return begins;
  if (error) return Failed("list " + folder.string() + ": " + error.message());
  std::sort(begins.begin(), begins.end());
  return begins;
}

std::string LineOfCut(std::uint64_t bytes, bool at_line_begin) {
  return fmt::format("{}[... {} bytes cut ...]\n", at_line_begin ? "" : "\n",
                     WithThousands(static_cast<long long>(bytes)));
}

// Of a file that is written to all bytes but the last ones stay as they are.
bool EndsLine(const fs::path& file, std::uint64_t bytes) {
  const auto fd = io::Open(file, O_RDONLY);
  char last = 0;
  return fd && ::pread(fd->get(), &last, 1, static_cast<off_t>(bytes - 1)) == 1 && last == '\n';
}

}  // namespace

Result<LogWriter> LogWriter::Create(const fs::path& attempt_folder, std::uint64_t head_bytes_max,
                                    std::uint64_t tail_bytes_max, bool may_exist) {
  if (tail_bytes_max < 2) return Invalid("the tail of a log needs room for 2 bytes");
  std::vector<std::uint64_t> old;
  if (may_exist) {
    TRY_ASSIGN(old, SegmentsIn(attempt_folder));
  }
  for (const std::uint64_t begin : old) ::unlink(SegmentPath(attempt_folder, begin).c_str());
  LogWriter log;
  TRY_ASSIGN(log.fd_, io::Open(HeadPath(attempt_folder), O_WRONLY | O_CREAT | O_TRUNC));
  log.folder_ = attempt_folder;
  log.head_bytes_max_ = head_bytes_max;
  log.segment_bytes_max_ = tail_bytes_max / 2;
  log.dirty_ = log.folder_dirty_ = true;
  return log;
}

Result<LogWriter> LogWriter::GoOn(const fs::path& attempt_folder, std::uint64_t head_bytes_max,
                                  std::uint64_t tail_bytes_max) {
  TRY_ASSIGN(const auto segments, SegmentsIn(attempt_folder));
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(HeadPath(attempt_folder), error);
  if (error || bytes == 0 || bytes >= head_bytes_max || !segments.empty()) {
    return Create(attempt_folder, head_bytes_max, tail_bytes_max);
  }
  LogWriter log;
  TRY_ASSIGN(log.fd_, io::Open(HeadPath(attempt_folder), O_WRONLY | O_APPEND));
  log.folder_ = attempt_folder;
  log.head_bytes_max_ = head_bytes_max;
  log.segment_bytes_max_ = tail_bytes_max / 2;
  log.offset_ = log.file_bytes_ = bytes;
  log.dirty_ = log.folder_dirty_ = true;
  return log;
}

Result<void> LogWriter::Append(std::string_view bytes) {
  if (!bytes.empty()) at_line_begin_ = bytes.back() == '\n';
  while (!bytes.empty()) {
    const std::uint64_t room = (InHead() ? head_bytes_max_ : segment_bytes_max_) - file_bytes_;
    Result<void> done = gap_ || room == 0 ? StartSegment() : WriteSome(bytes);
    if (!done) {
      Lose(bytes.size());
      return done;
    }
  }
  return {};
}

Result<void> LogWriter::WriteSome(std::string_view& bytes) {
  const std::uint64_t room = (InHead() ? head_bytes_max_ : segment_bytes_max_) - file_bytes_;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(room, bytes.size()));
  const ssize_t count = ::write(fd_.get(), bytes.data(), wanted);
  if (count < 0 && errno == EINTR) return {};
  if (count <= 0) return SystemError("write the log in " + folder_.string(), errno);
  bytes.remove_prefix(static_cast<std::size_t>(count));
  offset_ += static_cast<std::uint64_t>(count);
  file_bytes_ += static_cast<std::uint64_t>(count);
  dirty_ = true;
  return {};
}

// The segment before the current one makes room. What ends here stays open until the next Sync: in
// a flood most segments are gone before anybody would have had to make them durable.
Result<void> LogWriter::StartSegment() {
  const bool in_segment = segments_ > 0;
  if (in_segment && file_bytes_ == 0) return MoveSegment();
  if (!in_segment) TRY(Sync());  // the head stays
  if (segments_ > 1) {
    ::unlink(SegmentPath(folder_, previous_begin_).c_str());
    cut_ += std::exchange(previous_bytes_, 0);
  }
  TRY_ASSIGN(io::Descriptor fd,
             io::Open(SegmentPath(folder_, offset_), O_WRONLY | O_CREAT | O_TRUNC));
  if (in_segment) {
    previous_begin_ = segment_begin_;
    previous_bytes_ = file_bytes_;
    previous_dirty_ = dirty_;
    previous_fd_ = std::move(fd_);
  }
  fd_ = std::move(fd);
  segment_begin_ = offset_;
  file_bytes_ = 0;
  ++segments_;
  gap_ = false;
  dirty_ = folder_dirty_ = true;
  return {};
}

// The current segment is empty because writing failed: it moves to where writing goes on, so that a
// full disk does not rotate away what was kept before.
Result<void> LogWriter::MoveSegment() {
  const fs::path to = SegmentPath(folder_, offset_);
  if (::rename(SegmentPath(folder_, segment_begin_).c_str(), to.c_str()) != 0) {
    return SystemError("write " + to.string(), errno);
  }
  segment_begin_ = offset_;
  gap_ = false;
  folder_dirty_ = true;
  return {};
}

void LogWriter::Lose(std::uint64_t count) {
  offset_ += count;
  cut_ += count;
  gap_ = true;
}

// What a failed sync lost is lost: it is told once and not tried again as if nothing had been.
Result<void> LogWriter::Sync() {
  const bool previous_synced =
      !std::exchange(previous_dirty_, false) || fdatasync(previous_fd_.get()) == 0;
  const bool synced = !std::exchange(dirty_, false) || fdatasync(fd_.get()) == 0;
  if (!previous_synced || !synced) return SystemError("sync the log in " + folder_.string(), errno);
  if (std::exchange(folder_dirty_, false)) TRY(io::SyncFolder(folder_));
  return {};
}

Result<void> LogReader::ReadNew(const std::function<void(std::string_view)>& use,
                                std::uint64_t bytes_max) {
  const std::uint64_t limit = offset_ + std::min(bytes_max, kLogBytesMax);
  while (offset_ < limit) {
    TRY_ASSIGN(const std::vector<std::uint64_t> begins, SegmentsIn(folder_));
    // The file that holds what comes at offset_, and the one that comes after it. Whether there is
    // a next one was looked up first: then nothing is added to this one any more.
    const auto next = std::upper_bound(begins.begin(), begins.end(), offset_);
    const bool in_head = next == begins.begin();
    TRY(ReadFile(in_head ? HeadPath(folder_) : SegmentPath(folder_, *std::prev(next)),
                 in_head ? 0 : *std::prev(next), limit, use));
    if (next == begins.end() || offset_ >= limit) return {};
    if (offset_ < *next) {
      TellCut(*next - offset_, use);
      offset_ = *next;
    }
  }
  return {};
}

Result<void> LogReader::ReadFile(const fs::path& path, std::uint64_t begin, std::uint64_t limit,
                                 const std::function<void(std::string_view)>& use) {
  auto fd = io::Open(path, O_RDONLY);
  if (!fd && fd.error().kind == ErrorKind::kNotFound) return {};
  if (!fd) return tl::unexpected(std::move(fd).error());
  std::vector<char> block(1u << 16);
  while (offset_ < limit) {
    const ssize_t count =
        ::pread(fd->get(), block.data(), block.size(), static_cast<off_t>(offset_ - begin));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("read " + path.string(), errno);
    if (count == 0) return {};
    const std::string_view bytes(block.data(), static_cast<std::size_t>(count));
    offset_ += bytes.size();
    at_line_begin_ = bytes.back() == '\n';
    use(bytes);
  }
  return {};
}

void LogReader::TellCut(std::uint64_t bytes, const std::function<void(std::string_view)>& use) {
  tells_cut_ = true;
  use(LineOfCut(bytes, at_line_begin_));
  tells_cut_ = false;
  at_line_begin_ = true;
}

Result<WholeLog> WholeLog::Look(const fs::path& attempt_folder) {
  TRY_ASSIGN(const std::vector<std::uint64_t> begins, SegmentsIn(attempt_folder));
  WholeLog log;
  std::uint64_t offset = 0;  // of the output
  bool at_line_begin = true;
  const auto add = [&](const fs::path& file, std::uint64_t begin, std::uint64_t end_max) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(file, error);
    const std::uint64_t bytes = error ? 0 : std::min<std::uint64_t>(size, end_max - begin);
    if (bytes == 0) return;
    if (offset < begin) {
      log.Add({0, 0, LineOfCut(begin - offset, at_line_begin), {}});
      log.cut_ += begin - offset;
    }
    log.Add({0, bytes, {}, file});
    offset = begin + bytes;
    at_line_begin = EndsLine(file, bytes);
  };
  add(HeadPath(attempt_folder), 0, begins.empty() ? kLogBytesMax : begins.front());
  for (std::size_t i = 0; i < begins.size(); ++i) {
    add(SegmentPath(attempt_folder, begins[i]), begins[i],
        i + 1 < begins.size() ? begins[i + 1] : 2 * kLogBytesMax);
  }
  return log;
}

void WholeLog::Add(Piece piece) {
  piece.begin = size_;
  if (!piece.text.empty()) piece.bytes = piece.text.size();
  size_ += piece.bytes;
  pieces_.push_back(std::move(piece));
}

Result<void> WholeLog::Read(std::uint64_t from, std::uint64_t bytes_max,
                            const std::function<void(std::string_view)>& use) const {
  std::vector<char> block;
  for (const Piece& piece : pieces_) {
    if (bytes_max == 0) break;
    if (piece.begin + piece.bytes <= from) continue;
    std::uint64_t at = from - piece.begin;
    if (!piece.text.empty()) {
      const std::string_view text = std::string_view(piece.text).substr(at, bytes_max);
      use(text);
      from += text.size();
      bytes_max -= text.size();
      continue;
    }
    const auto fd = io::Open(piece.file, O_RDONLY);
    if (!fd && fd.error().kind == ErrorKind::kNotFound) return {};  // gone meanwhile
    if (!fd) return tl::unexpected(fd.error());
    block.resize(1u << 18);
    while (at < piece.bytes && bytes_max > 0) {
      const std::uint64_t wanted =
          std::min<std::uint64_t>({block.size(), piece.bytes - at, bytes_max});
      const ssize_t count = ::pread(fd->get(), block.data(), wanted, static_cast<off_t>(at));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return SystemError("read " + piece.file.string(), errno);
      if (count == 0) return {};
      const auto got = static_cast<std::uint64_t>(count);
      use(std::string_view(block.data(), got));
      at += got;
      from += got;
      bytes_max -= got;
    }
  }
  return {};
}

bool WholeLog::Continues(const WholeLog& before) const {
  if (before.pieces_.size() > pieces_.size()) return false;
  for (std::size_t i = 0; i < before.pieces_.size(); ++i) {
    const Piece &then = before.pieces_[i], &now = pieces_[i];
    const bool may_grow = i + 1 == before.pieces_.size();
    if (then.file != now.file || then.text != now.text || then.begin != now.begin) return false;
    if (may_grow ? now.bytes < then.bytes : now.bytes != then.bytes) return false;
  }
  return true;
}

}  // namespace busker::attempt
