// What the command writes to its standard output and error: in the order in which it was written,
// and with the stream that each write went to.
//
// One pipe for both keeps the order and not the stream; two keep the stream and not the order. So
// there are two, and the kernel tells of each write in order: a queued signal that names the pipe
// (fcntl F_SETSIG). A pipe keeps one write apart from the next (O_DIRECT), so one signal is one
// read. A full pipe is told of once more: while this process is behind by more than that, what
// went to different streams may change places with its neighbours. Each stream is always in order.
// Where the kernel has no such thing, one pipe serves both, and all counts as output.
#pragma once

#include <poll.h>

#include <array>
#include <cstddef>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "io/file.h"

namespace busker::runner {

enum class Stream { kOutput, kError };

// For a process of one thread that has blocked the signals of BlockOutputSignals. One at a time.
class OutputStreams {
 public:
  using Use = std::function<void(Stream, std::string_view)>;

  static Result<OutputStreams> Open();
  // Makes them now, and the next Open is quick: for a runner that waits for its next order anyway.
  // What fails then, Open tries again.
  static void OpenAhead();

  // For the command; closed here once it has them.
  int output_end() const { return output_.write_end.get(); }
  int error_end() const { return error_.write_end.valid() ? error_.write_end.get() : output_end(); }
  void CloseWriteEnds();

  // When to call Take: news of a write, and the ends of the pipes. A write is in its pipe a moment
  // before there is news of it, so the pipes themselves are not asked for input.
  static constexpr std::size_t kWaits = 3;
  std::array<pollfd, kWaits> Waits() const;

  // Hands on what there is, about `bytes_max` bytes at most. Returns how many; 0: there is nothing.
  std::size_t Take(std::size_t bytes_max, const Use& use);

 private:
  struct Pipe {
    io::Descriptor read_end, write_end;
    int reads = 0;         // of one Take
    int bytes_wanted = 0;  // of room
  };
  static Result<OutputStreams> Make();
  static Result<Pipe> MakePipe();
  bool TellsOfWrites(Pipe& pipe) const;
  bool TakesNewsOf(Pipe& pipe) const;
  std::size_t TakeTold(std::size_t bytes_max, const Use& use, bool& all_told);
  std::size_t TakeWrite(Pipe& pipe, const Use& use);
  std::size_t TakeAll(Pipe& pipe, std::size_t bytes_max, const Use& use);
  std::size_t Read(Pipe& pipe, const Use& use);

  io::Descriptor news_;
  Pipe output_, error_;
};

// Of this thread; what it starts gets them unblocked by ResetSignals (signals.h).
void BlockOutputSignals();

}  // namespace busker::runner
