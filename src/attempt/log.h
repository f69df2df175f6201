// The log of one attempt: everything that its command wrote, as far as two limits allow.
//
// On disk: `log` holds the first head_bytes_max bytes. What comes after goes to segments
// `log.<offset>` of tail_bytes_max / 2 bytes each, where offset counts from the start of the
// output; only the last two are kept. So the stored bytes are bounded, the beginning and the end
// are there, a reader can follow at any moment, and the size of the cut is known from the names
// alone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace busker::attempt {

class LogWriter {
 public:
  // A new log, in place of what is there (`may_exist`). The tail takes at least 2 bytes.
  static Result<LogWriter> Create(const io::fs::path& attempt_folder, std::uint64_t head_bytes_max,
                                  std::uint64_t tail_bytes_max, bool may_exist = true);
  // The same behind what is there already: an executor has told what it did before the runner
  // began. More of it than the head may hold is replaced.
  static Result<LogWriter> GoOn(const io::fs::path& attempt_folder, std::uint64_t head_bytes_max,
                                std::uint64_t tail_bytes_max);
  // Keeps what it can. After an error (a full disk) the bytes that could not be written count as
  // cut, and the next call tries again in a new segment.
  Result<void> Append(std::string_view bytes);
  Result<void> Sync();  // makes durable what was appended; cheap when nothing was

  std::uint64_t bytes_written() const { return offset_; }
  std::uint64_t bytes_cut() const { return cut_; }       // of those, not or no longer kept
  bool at_line_begin() const { return at_line_begin_; }  // the last byte ended a line

 private:
  LogWriter() = default;
  bool InHead() const { return segments_ == 0 && !gap_; }
  Result<void> WriteSome(std::string_view& bytes);  // what fits into the current file
  Result<void> StartSegment();
  Result<void> MoveSegment();
  void Lose(std::uint64_t count);

  io::fs::path folder_;
  std::uint64_t head_bytes_max_ = 0, segment_bytes_max_ = 0;
  std::uint64_t offset_ = 0;                               // bytes appended so far, kept or not
  std::uint64_t file_bytes_ = 0;                           // in the current file
  std::uint64_t segment_begin_ = 0;                        // where the current segment begins
  std::uint64_t previous_begin_ = 0, previous_bytes_ = 0;  // the segment before it
  std::uint64_t segments_ = 0;                             // begun so far
  bool gap_ = false;  // bytes were lost: the next go to a new segment
  std::uint64_t cut_ = 0;
  io::Descriptor fd_, previous_fd_;
  bool dirty_ = false, previous_dirty_ = false, folder_dirty_ = false;
  bool at_line_begin_ = true;
};

// Reads a log, while it is written or after. Not thread-safe.
class LogReader {
 public:
  // `offset`: of the output, where it goes on.
  explicit LogReader(io::fs::path attempt_folder, std::uint64_t offset = 0)
      : folder_(std::move(attempt_folder)), offset_(offset) {}

  // Hands all bytes that have come since the last call to `use`, in order. Where the cut falls, a
  // line "[... 123,456 bytes cut ...]" is handed instead. No log yet is no error. Of a log that
  // grows no more than about `bytes_max` are read, and the rest by the next call.
  Result<void> ReadNew(const std::function<void(std::string_view)>& use,
                       std::uint64_t bytes_max = UINT64_MAX);

  const io::fs::path& folder() const { return folder_; }  // of the attempt
  // Of the output, up to which bytes were handed. `use` may ask: what it is handed is counted, but
  // a line that tells of a cut is no part of the output.
  std::uint64_t offset() const { return offset_; }
  bool tells_cut() const { return tells_cut_; }  // `use` is handed such a line

 private:
  // Hands the bytes from offset_ to the end of the file at `path`, which begins at `begin`, or to
  // `limit`, if that comes first.
  Result<void> ReadFile(const io::fs::path& path, std::uint64_t begin, std::uint64_t limit,
                        const std::function<void(std::string_view)>& use);
  void TellCut(std::uint64_t bytes, const std::function<void(std::string_view)>& use);

  io::fs::path folder_;
  std::uint64_t offset_;
  bool at_line_begin_ = true;  // the last byte handed was a line end
  bool tells_cut_ = false;
};

// What a LogReader hands from the begin of a log on, the lines that tell of cuts among it, for who
// wants a part of that from anywhere: it costs what is wanted, however long the log is. As it was
// when it was looked at; what is written since then is seen by the next look.
class WholeLog {
 public:
  // No log yet is an empty one.
  static Result<WholeLog> Look(const io::fs::path& attempt_folder);

  std::uint64_t size() const { return size_; }
  std::uint64_t cut() const { return cut_; }  // bytes of the output that were not kept

  // Hands the bytes from `from` on, about `bytes_max` of them. Of a log that grows beyond its limit
  // a part may be gone by now: then what comes ends before it.
  Result<void> Read(std::uint64_t from, std::uint64_t bytes_max,
                    const std::function<void(std::string_view)>& use) const;

  // Whether the first `size()` bytes of what `before` was are the same here: it has grown at most.
  bool Continues(const WholeLog& before) const;

 private:
  struct Piece {
    std::uint64_t begin = 0, bytes = 0;  // here
    std::string text;                    // of a line that tells of a cut
    io::fs::path file;                   // else
  };
  void Add(Piece piece);

  std::vector<Piece> pieces_;
  std::uint64_t size_ = 0, cut_ = 0;
};

}  // namespace busker::attempt
